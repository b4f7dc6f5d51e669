"""How to look at the bytes of a spool file: its newline, blank and period, and its text.

Promises: `text` and `encode` never fail; what the page does not define is U+FFFD, what it lacks becomes its substitution
character.
Never: changes the number of lines.
"""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod

from cssmtp.codepage import tables
from cssmtp.codepage.conversion import UNKNOWN, Conversion
from cssmtp.codepage.registry import CodePage

EBCDIC_SUB = b"\x3f"


class SourceText(ABC):
    """The alphabet of one page: the bytes that structure its lines, and its text.

    `newline`, `blank` and `period` are single bytes; `mixed` tells that shift-out and shift-in (X'0E', X'0F') switch to
    double-byte text.
    """

    __slots__ = ("blank", "mixed", "newline", "period")

    def __init__(self, *, host: bool, mixed: bool = False) -> None:
        self.newline, self.blank, self.period = (b"\x15", b"\x40", b"\x4b") if host else (b"\n", b" ", b".")
        self.mixed = mixed

    @abstractmethod
    def text(self, data: bytes) -> str:
        """The text of some bytes, newline bytes as line feeds, undefined ones as U+FFFD."""

    @abstractmethod
    def encode(self, text: str) -> bytes:
        """Text of ours as bytes of the page; a character it lacks becomes its substitution character."""


def line_table(page: CodePage, newline: str = "zos") -> str:
    """The characters of a page's single bytes for reading lines: its newline byte is a line feed, undefined bytes are U+FFFD.

    X'25' of an EBCDIC page is U+0085 in the convention of z/OS and a line feed in that of CDRA; see `conversion.Conversion`.
    """
    table = tables.single(page.single).replace(tables.UNDEFINED, UNKNOWN)
    if not page.host:
        return table
    swapped = tables.newline_swapped(table)
    return swapped if newline == "zos" else swapped[:0x25] + "\n" + swapped[0x26:]


class SingleSource(SourceText):
    """A single-byte page, EBCDIC or not."""

    __slots__ = ("_decode", "_encode")

    def __init__(self, page: CodePage, conversion: Conversion) -> None:
        super().__init__(host=page.host)
        self._decode = line_table(page, conversion.newline)
        self._encode = {character: bytes([byte]) for byte, character in reversed(list(enumerate(self._decode)))}
        self._encode["\n"] = self.newline
        self._encode[UNKNOWN] = EBCDIC_SUB if page.host else b"?"

    def text(self, data: bytes) -> str:
        return codecs.charmap_decode(data, "strict", self._decode)[0]

    def encode(self, text: str) -> bytes:
        substitute = self._encode[UNKNOWN]
        return b"".join([self._encode.get(character, substitute) for character in text])


class Utf8Source(SourceText):
    """UTF-8: ill-formed bytes are U+FFFD."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(host=False)

    def text(self, data: bytes) -> str:
        return data.decode("utf-8", "replace")

    def encode(self, text: str) -> bytes:
        return text.encode("utf-8", "replace")
