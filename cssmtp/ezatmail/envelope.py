"""From what a caller names to envelopes: aliases, the domain for names without one, no duplicates (ezatmail.md 6.2, step 5).

Promises: every recipient once, in the order of naming; with `owner-` aliases one envelope per sender.
Never: lets anything through that is no address the gateway takes.
"""

from cssmtp.ezatmail.addresses import AddressError, addresses, is_qualified, key, one_address, qualified
from cssmtp.ezatmail.refusal import DATA_ERROR, USAGE, Refusal
from cssmtp.ezatmail.settings import Settings

Groups = list[tuple[str, list[str]]]


def sender_address(given: str, domain: str) -> str:
    """The envelope sender in `-f` or MAIL FROM, "" for the null sender. Raises `Refusal` (64)."""
    try:
        address = one_address(given)
        return qualified(address, domain) if address else ""
    except AddressError as fault:
        raise Refusal(USAGE, f"sender: {fault}") from None


def named_recipients(words: list[str], values: list[str]) -> list[str]:
    """The addresses in recipient arguments and in header values, as written.

    Raises `Refusal`: 64 for a bad argument, 65 for a bad header.
    """
    found: list[str] = []
    status, what = USAGE, "recipient"
    try:
        for word in words:
            found += addresses(word)
        status, what = DATA_ERROR, "recipient in the header"
        for value in values:
            found += addresses(value)
    except AddressError as fault:
        raise Refusal(status, f"{what}: {fault}") from None
    return found


def envelopes(
    sender: str, recipients: list[str], settings: Settings, *, alias_file: str = "", skip_aliases: bool = False
) -> Groups:
    """Senders and their recipients, qualified, aliases expanded. Raises `Refusal` (65 or 78)."""
    files = (alias_file,) if alias_file else settings.alias_files
    pairs = [(sender, recipient) for recipient in recipients]
    if files and not skip_aliases and not all(map(is_qualified, recipients)):
        from cssmtp.ezatmail.aliases import expanded, load

        pairs = expanded(sender, recipients, load(files), settings.domain)
    groups: dict[str, dict[str, str]] = {}
    seen: set[str] = set()
    for who, recipient in pairs:
        try:
            whole = qualified(recipient, settings.domain)
        except AddressError as fault:
            raise Refusal(DATA_ERROR, f"recipient: {fault}") from None
        same = key(whole)
        if same not in seen:
            seen.add(same)
            groups.setdefault(who, {})[same] = whole
    return [(who, [*members.values()]) for who, members in groups.items()]
