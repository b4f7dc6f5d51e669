"""The spool file of one call: a batch SMTP deck in the gateway's code page (ezatmail.md 2 and 6.3).

Promises: whatever the caller gave, the deck has the commands for it and no others; no record is a continuation by accident; a
mail has at most 2,000 recipients, more make further mails in the same deck.
Never: checks addresses (that is `addresses`) or text (that is `Page.holds`); touches files.
"""

from cssmtp.ezatmail.page import BLANK, LESS_THAN, NEWLINE, PERIOD, Page

TYPE_CHECKING = False
if TYPE_CHECKING:  # at run time the import would cost two milliseconds
    from collections.abc import Iterator

RECIPIENT_LIMIT = 2000
CONTINUED_LENGTH = 80
"""A record of this length that ends in `<` would be joined with the next one (mail-processing.md 3)."""
_PIECE = 1 << 20


def deck(host: str, groups: list[tuple[str, list[str]]], text: list[bytes], page: Page, *, tls: bool) -> "Iterator[bytes]":
    """The bytes of a deck in pieces, lines ended by X'15'.

    `groups` are envelopes: sender ("" for the null sender) and recipients; `text` is the mail in lines of the page, in pieces
    that begin and end with whole lines; every envelope gets all of it.
    """
    hello = f"EHLO {host}\nSTARTTLS\n" if tls else f"HELO {host}\n"
    yield page.encode(hello.encode("ascii"))
    for sender, recipients in groups:
        for first in range(0, len(recipients), RECIPIENT_LIMIT):
            envelope = [f"MAIL FROM:<{sender}>\n"]
            envelope += [f"RCPT TO:<{recipient}>\n" for recipient in recipients[first : first + RECIPIENT_LIMIT]]
            envelope.append("DATA\n")
            yield page.encode("".join(envelope).encode("ascii"))
            for piece in text:
                yield from _records(piece)
            yield PERIOD + NEWLINE
    yield page.encode(b"QUIT\n")


def _records(text: bytes) -> "Iterator[bytes]":
    """Whole lines as records of a mail, in pieces of about 1 MiB."""
    start = 0
    while start < len(text):
        end = len(text)
        if end - start > _PIECE:
            end = text.find(NEWLINE, start + _PIECE) + 1 or end
        yield _guarded(_stuffed(text[start:end] if start or end < len(text) else text))
        start = end


def _stuffed(text: bytes) -> bytes:
    """Lines that begin with a period get a second one, the very first line too (mail-processing.md 5.8)."""
    if text.startswith(PERIOD):
        text = PERIOD + text
    return text.replace(NEWLINE + PERIOD, NEWLINE + PERIOD + PERIOD)


def _guarded(text: bytes) -> bytes:
    """Records that would ask for a continuation get a blank at the end, which the gateway removes."""
    if LESS_THAN + NEWLINE not in text:
        return text
    lines = text.split(NEWLINE)
    return NEWLINE.join([line + BLANK if len(line) == CONTINUED_LENGTH and line.endswith(LESS_THAN) else line for line in lines])
