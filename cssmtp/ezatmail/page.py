"""The code page of the deck: the gateway's Translate, IBM-1047 unless stated (mail-processing.md 9.1).

Promises: for IBM-1047 the whole conversion is one table of 256 bytes that stands here, so that an ordinary mail loads no code
page package; for any other page the registry is asked. What is said to fit comes back as itself, to the character.
Never: substitutes a character: what does not fit is for `mime` to say in another way.
"""

from cssmtp.ezatmail.refusal import CONFIGURATION, Refusal, printable

DEFAULT_PAGE = "IBM-1047"
DEFAULT_CHARSET = "ISO8859-1"
LINE_LIMIT = 998
"""Bytes of the longest text record that the gateway takes (mail-processing.md 4)."""

NEWLINE, BLANK, PERIOD, LESS_THAN = b"\x15", b"\x40", b"\x4b", b"\x4c"
"""These are the same in every EBCDIC page."""

GRAPHICS = bytes(range(0x20, 0x7F))
_ESSENTIAL = b'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 @.:<>-=?_/+"();,'
"""Without these no deck, no header and no MIME text can be written."""
_PIECE = 1 << 20

IBM_1047 = bytes.fromhex(
    "00010203372d2e2f1605150b0c0d0e0f101112133c3d322618193f271c1d1e1f405a7f7b5b6c507d4d5d5c4e6b604b61f0f1f2f3f4f5f6f7f8f97a5e4c7e6e6f"
    "7cc1c2c3c4c5c6c7c8c9d1d2d3d4d5d6d7d8d9e2e3e4e5e6e7e8e9ade0bd5f6d79818283848586878889919293949596979899a2a3a4a5a6a7a8a9c04fd0a107"
    "202122232425061728292a2b2c090a1b30311a333435360838393a3b04143eff41aa4ab19fb26ab5bbb49a8ab0caafbc908feafabea0b6b39dda9b8bb7b8b9ab"
    "6465626663679e687471727378757677ac69edeeebefecbf80fdfefbfcbaae594445424643479c4854515253585556578c49cdcecbcfcce170dddedbdc8d8edf"
)
"""ISO 8859-1 to IBM-1047 in the convention of z/OS: LF is X'15'. A test compares it with the registry's table."""


class Page:
    """One code page. `name` is how a sidecar says it, `plain` are the ASCII bytes of a line that it can hold."""

    __slots__ = ("_table", "name", "plain")

    def __init__(self, name: str, table: bytes, plain: bytes) -> None:
        self.name = name
        self.plain = plain
        self._table = table

    def holds(self, text: bytes) -> bool:
        """Whether lines ended by LF can be written as they are: plain characters only, lines within the limit, and no blank
        before a line end, because the gateway removes those (mail-processing.md 3)."""
        return not text.translate(None, self.plain + b"\n") and b" \n" not in text and longest_line(text) <= LINE_LIMIT

    def encode(self, text: bytes) -> bytes:
        """ASCII lines ended by LF as lines of the page ended by X'15'; the caller has asked `holds`."""
        return text.translate(self._table)


def longest_line(text: bytes, newline: bytes = b"\n", period: bytes = b".") -> int:
    """Length of the longest line as a record of the deck: without its line end, and with the period that is put before a
    period."""
    longest = start = 0
    while start < len(text):
        end = len(text)
        if end - start > _PIECE:
            end = text.find(newline, start + _PIECE) + 1 or end
        lines = text[start:end].split(newline)
        longest = max(longest, max(map(len, lines)))
        if longest == LINE_LIMIT and any(len(line) == LINE_LIMIT and line.startswith(period) for line in lines):
            longest += 1
        start = end
    return longest


def open_page(name: str) -> Page:
    """The page of that name. Raises `Refusal` (78) for one that is unknown or cannot hold a deck."""
    if name == DEFAULT_PAGE:
        return Page(DEFAULT_PAGE, IBM_1047, GRAPHICS + b"\t")
    from cssmtp.codepage.registry import lookup
    from cssmtp.codepage.transcode import source_text
    from cssmtp.errors import UnknownCodePage

    try:
        found = lookup(name)
    except UnknownCodePage as fault:
        raise Refusal(CONFIGURATION, f"statement D{{translate}}: {fault}") from None
    source = source_text(found.name)
    table = bytes(source.encode(chr(byte))[0] for byte in range(0x80)).ljust(256, b"\x3f")
    plain = bytes(byte for byte in GRAPHICS + b"\t" if source.text(table[byte : byte + 1]) == chr(byte))
    if not found.host or not {*_ESSENTIAL} <= {*plain}:
        raise Refusal(
            CONFIGURATION, f"statement D{{translate}}: a deck cannot be written in {printable(name)}; use an EBCDIC page"
        )
    return Page(found.name, table, plain)


def written(text: str, page: Page, charset: str) -> tuple[bytes, str] | None:
    """Text (lines ended by LF) as lines of the page, and the MIME name of the charset in which it arrives.

    None when some character of it is lost on the way page -> `charset` (the gateway's Charset), when a blank stands before a line
    end, when a line is too long, or when the charset has no name for a reader.
    """
    if " \n" in text or not all(each.isprintable() or each in "\t\n\xa0" for each in {*text}):
        return None
    if page.name == DEFAULT_PAGE and charset == DEFAULT_CHARSET:
        try:
            return _within(text.encode("latin-1").translate(IBM_1047), "ISO-8859-1")
        except UnicodeEncodeError:
            return None
    from cssmtp.codepage.registry import lookup
    from cssmtp.codepage.transcode import source_text, transcoder
    from cssmtp.errors import UnknownCodePage

    source = source_text(page.name)
    data = source.encode(text)
    try:
        label = lookup(charset).mime_name
        converter = transcoder(page.name, charset)
    except UnknownCodePage as fault:
        raise Refusal(CONFIGURATION, f"statement D{{charset}}: {fault}") from None
    converter.lines(data)
    if not label or converter.substitutions or source.text(data) != text:
        return None
    return _within(data, label)


def _within(data: bytes, label: str) -> tuple[bytes, str] | None:
    """The same, unless a line is too long."""
    return (data, label) if longest_line(data, NEWLINE, PERIOD) <= LINE_LIMIT else None
