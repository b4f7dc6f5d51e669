"""How to write text in the charset of a target.

Promises: every charset of the registry; characters that the target lacks are replaced and counted; ASCII is written as ASCII.
Never: writes a byte below X'20' for a graphic character (code-pages.md 5.4).
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod

from cssmtp.codepage import tables
from cssmtp.codepage.conversion import SUBSTITUTE, UNKNOWN, Conversion
from cssmtp.codepage.registry import CodePage, lookup

_EURO = "\u20ac"
_CURRENCY = "\xa4"
_PC_SUB = b"\x7f"


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
    """A charset given as a table of characters; the table has tab, carriage return and line feed."""

    def __init__(self, encoder: dict[str, bytes], substitute: bytes) -> None:
        self.encoder = encoder
        self.substitute = substitute
        self._plain = all(encoder.get(chr(point)) == bytes([point]) for point in range(0x20, 0x7F))

    def encode(self, text: str) -> tuple[bytes, int]:
        if self._plain and text.isascii():
            return text.encode("ascii"), 0
        try:
            return b"".join([self.encoder[character] for character in text]), 0
        except KeyError:
            found = [self.encoder.get(character) for character in text]
            return b"".join([self.substitute if data is None else data for data in found]), found.count(None)


def _encoder(page: CodePage, conversion: Conversion) -> dict[str, bytes]:
    """The table of a single-byte charset for text on the wire, the euro rule applied."""
    encoder = {text: data for text, data in tables.encoder(page.single).items() if data[0] >= 0x20}
    if conversion.euro == "A4" and _EURO not in encoder and _CURRENCY in encoder:
        encoder[_EURO] = encoder[_CURRENCY]
    return encoder | {character: character.encode("ascii") for character in "\t\r\n"}


def _substitute(page: CodePage, conversion: Conversion) -> bytes:
    """What stands for a lost character. IBM's X'1A' of the ISO family is a control and stays "?" (code-pages.md 2.2)."""
    if conversion.unmappable == "ibm" and page.name in _PC_FAMILY:
        return _PC_SUB
    return SUBSTITUTE.encode("ascii")


_PC_FAMILY = frozenset({"IBM-850", "IBM-858", "IBM-437", "IBM-874"})


@functools.cache
def target(charset: str, conversion: Conversion) -> Target:
    """How to write a charset by name. Cached. Raises UnknownCodePage."""
    page = lookup(charset)
    if page.name in _CODECS:
        return CodecTarget(_CODECS[page.name], UNKNOWN if conversion.unmappable == "ibm" else SUBSTITUTE)
    return TableTarget(_encoder(page, conversion), _substitute(page, conversion))


_CODECS = {"UTF-8": "utf-8", "IBM-5488": "gb18030"}
