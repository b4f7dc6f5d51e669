"""How to write text in the charset of a target.

Promises: every charset of the registry; characters that the target lacks are replaced and counted; ASCII is written as ASCII.
Never: writes a byte below X'20' for a graphic character (code-pages.md 5.4); writes a period for anything but a period, because a
look-alike alone on a line would end the mail.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from cssmtp.codepage import tables
from cssmtp.codepage.conversion import SUBSTITUTE, UNKNOWN, Conversion
from cssmtp.codepage.registry import CodePage

_EURO = "\u20ac"
_CURRENCY = "\xa4"


class Target(ABC):
    """Writes text that holds no control characters but tab and line ends."""

    @abstractmethod
    def encode(self, text: str) -> tuple[bytes, int]:
        """The bytes, and how many characters the target lacks; U+FFFD counts as lacking."""


class CodecTarget(Target):
    """A charset that has every character: UTF-8 and GB18030."""

    def __init__(self, codec: str, substitute: str) -> None:
        self._codec = codec
        self._substitute = substitute

    def encode(self, text: str) -> tuple[bytes, int]:
        lost = text.count(UNKNOWN)
        if lost:
            text = text.replace(UNKNOWN, self._substitute)
        return text.encode(self._codec, "replace"), lost


class TableTarget(Target):
    """A charset given as a table of characters; the table has tab, carriage return and line feed.

    A lost character becomes `narrow` or, above U+00FF, `wide`: IBM's tables have a substitution character of either width.
    """

    def __init__(self, encoder: dict[str, bytes], narrow: bytes, wide: bytes) -> None:
        self.encoder = encoder
        self.narrow = narrow
        self.wide = wide
        self._plain = all(encoder.get(chr(point)) == bytes([point]) for point in range(0x20, 0x7F))

    def encode(self, text: str) -> tuple[bytes, int]:
        if self._plain and text.isascii():
            return text.encode("ascii"), 0
        try:
            return b"".join([self.encoder[character] for character in text]), 0
        except KeyError:
            found = [self.encoder.get(character) for character in text]
            written = [self.substitute(lost) if data is None else data for lost, data in zip(text, found, strict=True)]
            return b"".join(written), found.count(None)

    def substitute(self, character: str) -> bytes:
        """What is written for a character that the table lacks."""
        return self.narrow if character <= "\xff" else self.wide


def table_target(page: CodePage, conversion: Conversion) -> TableTarget:
    """The target for a charset with a table, options applied: the euro rule, and what stands for lost characters."""
    known = tables.multi_byte_encoder(page.double) if page.double else tables.encoder(page.single)
    encoder = {
        text: data for text, data in known.items() if data[0] >= 0x20 and text != UNKNOWN and (data != b"." or text == ".")
    }
    if conversion.euro == "A4" and _EURO not in encoder and _CURRENCY in encoder:
        encoder[_EURO] = encoder[_CURRENCY]
    encoder |= {character: character.encode("ascii") for character in "\t\r\n"}
    question = SUBSTITUTE.encode("ascii")
    if conversion.unmappable == "?":
        return TableTarget(encoder, question, question)
    narrow = _PC_SUB if page.name in _PC_FAMILY else question
    return TableTarget(encoder, narrow, _WIDE_SUB.get(page.name, narrow))


_PC_SUB = b"\x7f"
_PC_FAMILY = frozenset(f"IBM-{ccsid}" for ccsid in (437, 850, 858, 874, 932, 942, 943, 948, 949, 950, 1363, 1370, 1381, 1386))
"""Charsets whose single-byte substitution character is X'7F'. That of the others is X'1A', a control, and stays "?"
(code-pages.md 2.2).
"""

_WIDE_SUB = {
    **dict.fromkeys(("IBM-932", "IBM-942", "IBM-943", "IBM-948"), b"\xfc\xfc"),
    **dict.fromkeys(("IBM-949", "IBM-970", "IBM-1363"), b"\xaf\xfe"),
    **dict.fromkeys(("IBM-950", "IBM-1370"), b"\xc8\xfe"),
    **dict.fromkeys(("IBM-eucJP", "IBM-33722"), b"\xf4\xfe"),
    **dict.fromkeys(("IBM-1381", "IBM-1383", "IBM-1386"), b"\xfe\xfe"),
    "IBM-964": b"\xfd\xfe",
}
"""Double-byte substitution characters (code-pages.md 2.2)."""
