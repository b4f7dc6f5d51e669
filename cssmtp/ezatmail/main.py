"""The `ezatmail` command: a drop-in for `sendmail`, `mailq` and `newaliases` (ezatmail.md 6).

Promises: exit status 0 means that the mail is safely on the spool; any other status, with one line on standard error, that
nothing of it is. Nothing is written before the end of the message has been seen. Never a traceback.
Never: talks to the network, runs a command, needs privileges.
"""

import posix
import sys
import time

from cssmtp.ezatmail.caller import Caller, real_caller
from cssmtp.ezatmail.drop import write_all
from cssmtp.ezatmail.envelope import envelopes, named_recipients, sender_address
from cssmtp.ezatmail.message import header_recipients, needs_recipients, read_input, split
from cssmtp.ezatmail.options import ALIASES, LIST, SERVE, VERIFY, Options, parse
from cssmtp.ezatmail.refusal import OK, SOFTWARE, TEMPORARY, Refusal, printable
from cssmtp.ezatmail.settings import Settings, configuration_file, read
from cssmtp.ezatmail.submission import spool

INTERRUPTED = 130
CLOSED = -1
"""A descriptor that cannot be read: standard input was closed when we were started."""


def main() -> int:
    """Does what the command line of this process asks for; returns the exit status (ezatmail.md 6.5)."""
    words = [_as_bytes(word) for word in sys.argv]
    options = Options(words[0].rpartition("/")[2] if words else "sendmail")
    standard_input = _standard_descriptors()
    try:
        parse(options, words[1:])
        return _run(options, standard_input)
    except Refusal as refusal:
        status, text = refusal.exit_code, refusal.show()
    except KeyboardInterrupt:
        return INTERRUPTED
    except MemoryError:
        status, text = TEMPORARY, "no memory; try again later"
    except Exception as fault:
        status, text = SOFTWARE, f"internal error, nothing was sent: {type(fault).__name__}: {fault}"
    if not options.quiet:
        say(2, f"{printable(options.tag or options.program)}: {text}\n")
    return status


def _as_bytes(word: str) -> str:
    """An argument with one character per byte."""
    return word.encode(sys.getfilesystemencoding(), "surrogateescape").decode("latin-1")


def _standard_descriptors() -> int:
    """Makes sure that 0, 1 and 2 are open, so that no spool file gets one of these numbers and what is meant for people with it.

    Returns the descriptor to read the message from.
    """
    found = 0
    for number in range(3):
        try:
            posix.fstat(number)
        except OSError:
            posix.open("/dev/null", posix.O_RDWR)
            if number == 0:
                found = CLOSED
    return found


def say(descriptor: int, text: str) -> None:
    """Writes to standard output or error; a reader that has gone away is no fault of the mail."""
    try:
        write_all(descriptor, text.encode("utf-8", "replace"))
    except OSError:
        return


def _run(options: Options, standard_input: int) -> int:
    """The mode that was asked for. What few calls need is imported here, late."""
    if options.queue_run and not options.recipients and not options.from_headers:
        return OK
    settings = read(configuration_file(options.config_file))
    if options.debug:
        say(2, f"configuration {configuration_file(options.config_file)}: {settings.describe()}\n")
    match options.mode:
        case mode if mode == ALIASES:
            from cssmtp.ezatmail.aliases import report

            return report((options.alias_file,) if options.alias_file else settings.alias_files, say)
        case mode if mode == LIST:
            from cssmtp.ezatmail.listing import show

            return show(settings, real_caller(), say)
        case mode if mode == VERIFY:
            from cssmtp.ezatmail.verify import verify

            return verify(options, settings, say)
        case mode if mode == SERVE:
            from cssmtp.ezatmail.server import serve

            return serve(standard_input, settings, real_caller(), options)
    return _submit(options, settings, real_caller(), standard_input)


def _submit(options: Options, settings: Settings, caller: Caller, standard_input: int) -> int:
    """Takes one message from standard input; the order is that of ezatmail.md 6.2."""
    sender = f"{caller.address}@{settings.domain}"
    if options.sender is not None:
        sender = sender_address(options.sender, settings.domain)
    message = split(read_input(standard_input, ignore_dots=options.ignore_dots, limit=settings.max_size))
    values = header_recipients(message) if options.from_headers else []
    recipients = named_recipients(options.recipients, values)
    needs_recipients(recipients, from_headers=options.from_headers)
    groups = envelopes(sender, recipients, settings, alias_file=options.alias_file, skip_aliases=options.skip_aliases)
    needs_recipients(groups, from_headers=options.from_headers)
    if options.debug:
        say(2, f"envelopes {groups!r}\n")
    name = spool(message, sender, groups, _full_name(options, caller), caller, settings, time.time())
    if options.verbose:
        for _, members in groups:
            say(1, "".join([f"{member}... queued as {name}\n" for member in members]))
    return OK


def _full_name(options: Options, caller: Caller) -> bytes:
    """The name for a From field that is made: `-F`, else $NAME, else that of the password file unless `-f` names somebody
    (3.9)."""
    if options.full_name is not None:
        return options.full_name.encode("latin-1")
    return posix.environ.get(b"NAME", b"") or (caller.full_name if options.sender is None else b"")
