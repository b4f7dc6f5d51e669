"""EBCDIC mixed pages: text with shift-out and shift-in, to any charset.

Promises: `MixedTranscoder` writes what `TextTranscoder` would, with one list of 65,536 entries per pair of tables instead of text
objects; whole blocks when nothing in them is broken or lost, else line by line (code-pages.md 2.5, 10).
Never: carries a shift state over a line end; takes an X'40' of a pair for a blank.
"""

from __future__ import annotations

import codecs
import functools
import struct
from dataclasses import dataclass

from cssmtp.codepage import tables
from cssmtp.codepage.conversion import UNKNOWN, Conversion, Transcoder, is_control, without_controls
from cssmtp.codepage.iso2022 import TO_ASCII, Iso2022Target
from cssmtp.codepage.registry import CodePage
from cssmtp.codepage.shifts import parts
from cssmtp.codepage.single import LOST
from cssmtp.codepage.sources import EBCDIC_SUB, SourceText, line_table
from cssmtp.codepage.targets import Target

_LINE_FEED = 0x0A

_SHIFTS = b"\x0e\x0f"
_NO_SHIFT = bytes(byte for byte in range(256) if byte not in _SHIFTS)
_BATCH = 0x2000
"""Pairs converted at a time; far longer lists are slower."""


class MixedSource(SourceText):
    """An EBCDIC mixed page as text."""

    __slots__ = ("_double", "_page", "_single")

    def __init__(self, page: CodePage, conversion: Conversion) -> None:
        super().__init__(host=True, mixed=True)
        self._page = page
        self._single = line_table(page, conversion.newline)
        self._double = [UNKNOWN if text == tables.UNDEFINED else text for text in tables.double(page.double)]

    def text(self, data: bytes) -> str:
        if not any(shift in data for shift in _SHIFTS):
            return codecs.charmap_decode(data, "strict", self._single)[0]
        return "\n".join([self.mended(line)[0] for line in data.split(b"\x15")])

    def mended(self, record: bytes) -> tuple[str, int, int]:
        """The text of one record, and how many unbalanced shifts and odd bytes were mended."""
        found, unbalanced, odd = parts(record)
        texts = [codecs.charmap_decode(part, "strict", self._single)[0] for part in found]
        texts[1::2] = ["".join([self._double[code] for code in _codes(part)]) for part in found[1::2]]
        return "".join(texts), unbalanced, odd

    def encode(self, text: str) -> bytes:
        singles, doubles = _host_encoders(self._page)
        out, shifted = bytearray(), False
        for character in text:
            data = singles.get(character) or doubles.get(character, EBCDIC_SUB)
            if shifted != (len(data) == 2):
                shifted = not shifted
                out += b"\x0e" if shifted else b"\x0f"
            out += data
        return bytes(out) + (b"\x0f" if shifted else b"")


def _codes(run: bytes) -> list[int]:
    """The codes of double-byte text of even length: first byte times 256 plus second."""
    return [high << 8 | low for high, low in zip(run[0::2], run[1::2], strict=True)]


@functools.cache
def _host_encoders(page: CodePage) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Character -> byte, and text -> pair of a mixed page."""
    singles = {text: bytes([byte]) for byte, text in reversed(list(enumerate(line_table(page)))) if text != UNKNOWN}
    pairs = reversed(list(enumerate(tables.double(page.double))))
    return singles, {text: code.to_bytes(2, "big") for code, text in pairs if text != tables.UNDEFINED}


@dataclass(frozen=True, slots=True)
class MixedTable:
    """A mixed page composed with a target.

    `single` converts single-byte text, newline to line feed. `pairs` has the bytes of every pair by its two bytes as a number
    of this machine. Both have `LOST` for what is lost, a control or not a plain run. `opening` and `closing` go around
    double-byte text.
    """

    single: bytes
    pairs: list[bytes]
    opening: bytes
    closing: bytes


@functools.cache
def mixed_table(page: CodePage, target: Target) -> MixedTable:
    """Compose a mixed page with a target. Cached."""
    lost = bytes([LOST])
    single = bytearray(256)
    single[0x0E] = 0x0E
    for byte, character in enumerate(line_table(page)):
        data, missing = target.encode(character)
        if byte == 0x15:
            single[byte] = 0x0A
        elif len(data) == 1 and not missing and not is_control(character):
            single[byte] = data[0]
    if isinstance(target, Iso2022Target):
        by_code = [target.kanji.get(text, lost) for text in tables.double(page.double)]
        opening, closing = target.to_kanji, TO_ASCII
    else:
        by_code = [lost if text == tables.UNDEFINED else _plain(target, text) for text in tables.double(page.double)]
        opening = closing = b""
    by_code[0x0E0E] = b"\x0e"
    return MixedTable(bytes(single), _native(by_code), opening, closing)


def _plain(target: Target, text: str) -> bytes:
    data, missing = target.encode(text)
    return bytes([LOST]) if missing else data


def _native(by_code: list[bytes]) -> list[bytes]:
    """The same list, indexed by a pair read as a 16-bit number in this machine's byte order."""
    native = [b""] * len(by_code)
    for data, number in zip(by_code, struct.unpack("=65536H", struct.pack(">65536H", *range(0x10000))), strict=True):
        native[number] = data
    return native


class MixedTranscoder(Transcoder):
    """A mixed page to one charset."""

    __slots__ = ("_source", "_table", "_target")

    def __init__(self, source: MixedSource, target: Target, table: MixedTable | None) -> None:
        super().__init__()
        self._source = source
        self._target = target
        self._table = table

    def record(self, record: bytes) -> bytes:
        wire = _sound(self._table, record) if self._table else None
        return self._mended(record) if wire is None or _LINE_FEED in wire else wire

    def lines(self, text: bytes) -> bytes:
        wire = _sound(self._table, text) if self._table else None
        if wire is None:
            wire = b"\n".join([self.record(line) for line in text.split(self.newline)])
        return wire.replace(b"\n", b"\r\n")

    def _mended(self, record: bytes) -> bytes:
        """Convert one record by way of text, and count what was mended, taken out and lost."""
        text, unbalanced, odd = self._source.mended(record)
        text, controls = without_controls(text.replace("\n", "\x85"))
        data, lost = self._target.encode(text)
        self.unbalanced_shifts += unbalanced
        self.odd_bytes += odd
        self.controls += controls
        self.substitutions += lost
        return data


def _sound(table: MixedTable, text: bytes) -> bytes | None:
    """Convert lines in which nothing is broken or lost, None when something is: all pairs in one go, X'0E0E' between the runs.

    Runs of odd length need no check each: they make pairs with one byte of a separator, and those are lost ones.
    """
    shifts = text.translate(None, _NO_SHIFT)
    if shifts != _SHIFTS * (len(shifts) // 2):
        return None
    tokens = text.replace(b"\x0f", b"\x0e").split(b"\x0e")
    run = b"\x0e\x0e".join(tokens[1::2])
    count, odd = divmod(len(run), 2)
    if odd:
        return None
    pairs = table.pairs
    if count < len(_SHORT):
        wire = b"".join([pairs[code] for code in _SHORT[count](run)])
    else:
        codes = memoryview(run).cast("H")
        wire = b"".join([b"".join([pairs[code] for code in codes[at : at + _BATCH]]) for at in range(0, count, _BATCH)])
    if LOST in wire:
        return None
    if shifts:
        tokens[1::2] = wire.split(b"\x0e")
    if table.opening:
        tokens[1::2] = [table.opening + double + table.closing for double in tokens[1::2]]
    tokens[0::2] = b"\x0e".join(tokens[0::2]).translate(table.single).split(b"\x0e")
    wire = b"".join(tokens)
    if LOST in wire:
        return None
    return _merged(table, wire) if table.opening else wire


_SHORT = [struct.Struct(f"={count}H").unpack for count in range(256)]
"""What cuts a run of so many pairs; for short runs it has less to set up than a memory view."""


def _merged(table: MixedTable, wire: bytes) -> bytes:
    """Wire text without escape sequences that enclose nothing, or that leave double-byte text to come back at once."""
    return wire.replace(table.opening + table.closing, b"").replace(table.closing + table.opening, b"")
