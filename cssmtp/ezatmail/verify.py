"""`-bv`: what would become of each address; nothing is spooled (ezatmail.md 6.6).

Promises: one line per address, in order; status 0 when all can be delivered to.
Never: reads standard input.
"""

from collections.abc import Callable

from cssmtp.ezatmail.envelope import envelopes, named_recipients
from cssmtp.ezatmail.options import Options
from cssmtp.ezatmail.refusal import OK, USAGE, Refusal, printable
from cssmtp.ezatmail.settings import Settings


def verify(options: Options, settings: Settings, say: Callable[[int, str], None]) -> int:
    """Prints the verdict on each recipient argument. Raises `Refusal` (64) without one."""
    if not options.recipients:
        raise Refusal(USAGE, "-bv needs at least one address")
    status = OK
    for word in options.recipients:
        try:
            named = named_recipients([word], [])
            groups = envelopes("", named, settings, alias_file=options.alias_file, skip_aliases=options.skip_aliases)
        except Refusal as refusal:
            say(1, f"{printable(word)}... {refusal.show()}\n")
            status = status or refusal.exit_code
            continue
        if not groups:
            say(1, f"{printable(word)}... names nobody\n")
            status = status or USAGE
        for _, members in groups:
            say(1, "".join([f"{member}... deliverable to CSSMTP\n" for member in members]))
    return status
