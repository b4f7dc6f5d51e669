"""Record framings: bytes of a spool file <-> records.

Promises: blocks of about 256 KiB of whole records, each with the file offset at which it starts, so that reading can start
there again; memory is bounded by a few blocks whatever the file holds; a file cut in mid-record raises `UnreadableData` with
record number and byte offset.
Never: guesses a framing (that is `detection`), changes a record but for dropping its delimiter, its control byte, a byte order
mark, and what lies beyond 65,536 bytes.
"""

from __future__ import annotations

import enum
import re
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import BinaryIO

from cssmtp.errors import UnreadableData
from cssmtp.spool import netdata
from cssmtp.spool.lengths import (
    LONGEST_KEPT,
    LONGEST_SPANNED,
    Cut,
    Cutter,
    cut_len2,
    cut_len4,
    cut_rdw,
    deblocked,
    walk_rdw,
)

BLOCK_BYTES = 256 * 1024
CARD_TEXT = 72
"""Columns of a card before its sequence number."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class FramingKind(enum.Enum):
    """How records are told apart; the values are those of the attribute `framing` (jes-spool.md 11)."""

    FIXED = "fixed"
    RDW = "rdw"
    BDW = "bdw"
    LEN4 = "len4"
    LEN2 = "len2"
    NETDATA = "netdata"
    NL15 = "nl15"
    LF25 = "lf25"
    LF = "lf"
    CRLF = "crlf"


_DESCRIPTIONS = {
    FramingKind.FIXED: "fixed records of {0} bytes",
    FramingKind.RDW: "variable records with RDW",
    FramingKind.BDW: "blocked variable records with BDW and RDW",
    FramingKind.LEN4: "records with 4-byte length",
    FramingKind.LEN2: "records with 2-byte length",
    FramingKind.NETDATA: "NETDATA (TSO TRANSMIT)",
    FramingKind.NL15: "text lines ended by X'15'",
    FramingKind.LF25: "text lines ended by X'25'",
    FramingKind.LF: "text lines ended by LF",
    FramingKind.CRLF: "text lines ended by CRLF",
}

_DELIMITERS = {
    FramingKind.NL15: (b"\x15", b"\x0d"),
    FramingKind.LF25: (b"\x25", b"\x0d"),
    FramingKind.LF: (b"\n", b"\r"),
    FramingKind.CRLF: (b"\n", b"\r"),
}
"""Text framings: the byte that ends a line, and the byte that is dropped when it stands right before it."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How to read one file.

    `lrecl` is the record length in bytes of FIXED, else 0. `encoding` is "ebcdic", "ascii" or "utf-8". `carriage` says that the
    first byte of each record is carriage control (RECFM with A or M) and is dropped; `machine` that it is a machine code, some of
    which say that there is nothing to print. `sequence` says that columns 73 to 80 hold sequence numbers, which are dropped.
    `landmarks` are offsets of some blocks of a file with BDW, if known: reading in its middle begins at the last one before.
    """

    kind: FramingKind
    lrecl: int = 0
    encoding: str = "ebcdic"
    carriage: bool = False
    machine: bool = False
    sequence: bool = False
    landmarks: tuple[int, ...] = field(default=(), compare=False, repr=False)

    def describe(self) -> str:
        """For reports, like "fixed records of 80 bytes, EBCDIC"."""
        name = "UTF-8" if self.encoding == "utf-8" else self.encoding.upper()
        control = ", carriage control dropped" if self.carriage else ""
        numbers = ", sequence numbers dropped" if self.sequence else ""
        return f"{_DESCRIPTIONS[self.kind].format(self.lrecl)}, {name}{control}{numbers}"


@dataclass(slots=True)
class RecordBlock:
    """Some whole records in file order.

    `offset` is the file offset of records[0], `first` its 1-based record number. `raw`, when not empty, are exactly the records
    run together, all of `width` bytes. `place` tells how many bytes after `offset` the record with a given index starts; without
    it the records are taken to stand one after the other.
    """

    offset: int
    first: int
    records: list[bytes]
    width: int = 0
    raw: bytes = b""
    place: Callable[[int], int] | None = None

    def position(self, index: int) -> int:
        """File offset of records[index]."""
        return self.offset + (sum(map(len, self.records[:index])) if self.place is None else self.place(index))


def delimiter(kind: FramingKind) -> bytes:
    """The byte that ends a line of a text framing, b"" for the other framings."""
    return _DELIMITERS[kind][0] if kind in _DELIMITERS else b""


def blocks(stream: BinaryIO, framing: Framing, offset: int = 0, first: int = 1) -> Iterator[RecordBlock]:
    """Reads records from `offset`, which must be a record boundary; `first` is the number of the record there.

    Yields blocks with at least one record; an empty file yields none. Raises `UnreadableData` when a record is cut off by
    the end of the file or its length field is implausible.
    """
    kind = framing.kind
    stream.seek(offset)
    if kind is FramingKind.FIXED:
        found = _fixed_blocks(stream, framing.lrecl, offset, first)
    elif kind in _DELIMITERS:
        found = _text_blocks(stream, kind, offset, first)
    else:
        pieces = deblocked(stream, offset, framing.landmarks) if kind is FramingKind.BDW else _plain(stream, offset)
        found = _length_blocks(pieces, kind, offset, first)
    if framing.encoding != "ebcdic" and offset == 0:
        found = _without_byte_order_mark(found)
    if framing.carriage:
        found = map(_edited, found, repeat(without_machine_code if framing.machine else without_control))
    return map(_edited, found, repeat(without_sequence_number)) if framing.sequence else found


def without_control(record: bytes) -> bytes:
    """A record without its ASA control character."""
    return record[1:]


def without_machine_code(record: bytes) -> bytes:
    """A record without its machine code; nothing is left of one that only moves the paper (X'0B', X'13', .. and X'03')."""
    return b"" if record[:1] and record[0] & 0x07 == 0x03 else record[1:]


def without_sequence_number(record: bytes) -> bytes:
    """A card without its sequence number in columns 73 to 80. Records longer than a card have none there."""
    return record[:CARD_TEXT] if len(record) <= CARD_TEXT + 8 else record


def _edited(block: RecordBlock, edit: Callable[[bytes], bytes]) -> RecordBlock:
    place = block.place or partial(int.__mul__, block.width)
    return RecordBlock(block.offset, block.first, [edit(record) for record in block.records], place=place)


def _without_byte_order_mark(found: Iterator[RecordBlock]) -> Iterator[RecordBlock]:
    for block in found:
        if block.first == 1 and block.offset == 0 and block.records[0].startswith(_BYTE_ORDER_MARK):
            block.place = block.place or partial(int.__mul__, block.width)
            block.records[0] = block.records[0].removeprefix(_BYTE_ORDER_MARK)
            block.width, block.raw = 0, b""
        yield block


# Fixed


def _fixed_blocks(stream: BinaryIO, width: int, offset: int, first: int) -> Iterator[RecordBlock]:
    per_block = max(BLOCK_BYTES // width, 1)
    whole = struct.Struct(f"{width}s" * per_block)
    kept = min(width, LONGEST_KEPT)
    while raw := stream.read(per_block * width):
        count, rest = divmod(len(raw), width)
        if rest:
            at = offset + count * width
            raise UnreadableData(f"record {first + count} at byte {at} has {rest} of {width} bytes: the file is cut off there")
        if count == per_block:
            records = list(whole.unpack(raw))
        else:
            records = [raw[start : start + width] for start in range(0, len(raw), width)]
        if kept < width:
            yield RecordBlock(offset, first, [record[:kept] for record in records], place=partial(int.__mul__, width))
        else:
            yield RecordBlock(offset, first, records, width, raw, partial(int.__mul__, width))
        offset += len(raw)
        first += count


# Text


def _text_blocks(stream: BinaryIO, kind: FramingKind, offset: int, first: int) -> Iterator[RecordBlock]:
    newline, dropped = _DELIMITERS[kind]
    buffer = b""
    searched = 0  # bytes of the buffer in which there is no newline

    def whole_lines(end: int) -> RecordBlock:
        lines = buffer[:end]
        return RecordBlock(offset, first, _split_text(lines, newline, dropped), place=partial(_text_place, lines, newline))

    while chunk := stream.read(BLOCK_BYTES):
        buffer += chunk
        end = used = buffer.rfind(newline, searched) + 1
        searched = len(buffer) - end
        if end == 0 and len(buffer) <= LONGEST_KEPT + 1:
            continue
        if end:
            block, buffer = whole_lines(end), buffer[end:]
        else:
            block = RecordBlock(offset, first, [buffer[:LONGEST_KEPT]])
            used, buffer = _skip_line(stream, len(buffer), newline)
            searched = 0
        yield block
        offset += used
        first += len(block.records)
    if end := buffer.rfind(newline, searched) + 1:
        yield (block := whole_lines(end))
        offset, first, buffer = offset + end, first + len(block.records), buffer[end:]
    if newline == b"\n" and not buffer.strip(b"\r\f"):
        return  # nothing is printed after the last line
    if _is_printed(buffer, newline):
        buffer += newline
        yield RecordBlock(offset, first, _split_text(buffer, newline, dropped), place=partial(_text_place, buffer, newline))
    elif buffer:
        yield RecordBlock(offset, first, [buffer[:LONGEST_KEPT]])


_PRINTED = re.compile(rb"[\r\f]*\n[\r\f]*|[\r\f]+")
"""What ends a record of printer text: a line end; a form feed, with which a page begins; a lone CR, after which the printer
prints over the line. What is printed over another line is a record of its own, as with the ASA character `+`."""


def _is_printed(lines: bytes, newline: bytes) -> bool:
    """True for ASCII text with form feeds or overprint (jes-spool.md 12)."""
    return newline == b"\n" and (b"\f" in lines or (b"\r" in lines and lines.count(b"\r") != lines.count(b"\r\n")))


def _split_text(lines: bytes, newline: bytes, dropped: bytes) -> list[bytes]:
    """Splits text that ends with a newline; a carriage return right before one belongs to it."""
    if _is_printed(lines, newline):
        records = _PRINTED.split(lines[len(lines) - len(lines.lstrip(b"\r\f")) :])
    else:
        if dropped in lines:
            lines = lines.replace(dropped + newline, newline)
        records = lines.split(newline)
    records.pop()
    if len(max(records, key=len)) > LONGEST_KEPT:
        return [record[:LONGEST_KEPT] for record in records]
    return records


def _text_place(lines: bytes, newline: bytes, index: int) -> int:
    if _is_printed(lines, newline):
        lead = len(lines) - len(lines.lstrip(b"\r\f"))
        ends = [lead, *(match.end() for match in _PRINTED.finditer(lines, lead))]
        return ends[index] if index else 0
    return sum(len(line) + 1 for line in lines.split(newline, index)[:index])


def _skip_line(stream: BinaryIO, used: int, newline: bytes) -> tuple[int, bytes]:
    """Reads on to the end of a line of which `used` bytes are read; returns its length and what was read beyond it."""
    while chunk := stream.read(BLOCK_BYTES):
        end = chunk.find(newline) + 1
        if end:
            return used + end, chunk[end:]
        used += len(chunk)
    return used, b""


# Length fields, NETDATA

_CUTTERS: dict[FramingKind, Cutter] = {
    FramingKind.RDW: cut_rdw,
    FramingKind.BDW: cut_rdw,
    FramingKind.LEN4: cut_len4,
    FramingKind.LEN2: cut_len2,
    FramingKind.NETDATA: netdata.cut,
}
"""Framings in which something before each record says how long it is."""

_Pieces = Iterable[tuple[int, bytes]]


def _plain(stream: BinaryIO, offset: int) -> Iterator[tuple[int, bytes]]:
    """The bytes of the file from `offset` on, each piece with its offset."""
    stream.seek(offset)
    while chunk := stream.read(BLOCK_BYTES):
        yield offset, chunk
        offset += len(chunk)


@dataclass(slots=True)
class _Window:
    """Bytes at hand, put together from pieces of the file; `marks` says for each piece where it starts here and in the file."""

    data: bytes
    marks: list[tuple[int, int]]

    def add(self, offset: int, piece: bytes) -> None:
        self.marks.append((len(self.data), offset))
        self.data += piece

    def where(self, position: int) -> int:
        """The file offset of a position."""
        start, offset = self.marks[max(bisect_right(self.marks, position, key=itemgetter(0)) - 1, 0)]
        return offset + position - start

    def after(self, used: int) -> _Window:
        """What is left behind the first `used` bytes."""
        later = [(start - used, offset) for start, offset in self.marks if start > used]
        return _Window(self.data[used:], [(0, self.where(used)), *later])


def _length_blocks(pieces: _Pieces, kind: FramingKind, offset: int, first: int) -> Iterator[RecordBlock]:
    cut = _CUTTERS[kind]
    window = _Window(b"", [(0, offset)])
    source = iter(pieces)
    for at, piece in source:
        window.add(at, piece)
        if len(window.data) < BLOCK_BYTES:
            continue
        found = cut(window.data, -1, window.where, first)
        if found.records:
            yield _cut_block(cut, window, found, first)
            first += len(found.records)
        window = window.after(found.used)
        if found.ended:
            return _check_padding(window, source)
        if not found.used and len(window.data) > LONGEST_SPANNED:
            raise UnreadableData(f"record {first} at byte {window.where(0)} is spanned over more than {LONGEST_SPANNED} bytes")
    found = cut(window.data, -1, window.where, first)
    if found.records:
        yield _cut_block(cut, window, found, first)
    window = window.after(found.used)
    if found.ended:
        return _check_padding(window, source)
    if window.data or (kind is FramingKind.NETDATA and window.where(0)):
        number, size = first + len(found.records), len(window.data)
        raise UnreadableData(f"record {number} at byte {window.where(0)} is cut off by the end of the file after {size} bytes")
    return None


def _cut_block(cut: Cutter, window: _Window, found: Cut, first: int) -> RecordBlock:
    start = window.where(0)

    def place(index: int) -> int:
        return window.where(cut(window.data, index, window.where, first).used) - start if index else 0

    return RecordBlock(start, first, found.records, place=place)


def _check_padding(window: _Window, rest: _Pieces) -> None:
    """Raises `UnreadableData` when more follows the end of NETDATA than fills the last card."""
    size = len(window.data)
    dirty = window.data.strip(netdata.PADDING)
    for _, piece in rest:
        size += len(piece)
        dirty = dirty or piece.strip(netdata.PADDING)
    if dirty and size >= netdata.CARD:
        raise UnreadableData(f"NETDATA: {size} bytes follow its end at byte {window.where(0)}; they are no padding")


def skim(stream: BinaryIO, framing: Framing) -> bytes:
    """Walks through the whole file and returns its first record that is not blank. Raises `UnreadableData` as `blocks` does,
    though for RDW not always with the right record number."""
    first = b""
    for block in blocks(stream, framing):
        first = first or next((record for record in block.records if record.strip(b"\x40 ")), b"")
        if first and framing.kind is FramingKind.RDW:
            _walk_rdw(stream, block.offset)
            break
    return first


def _walk_rdw(stream: BinaryIO, offset: int) -> None:
    window = _Window(b"", [(0, offset)])
    for at, piece in _plain(stream, offset):
        window.add(at, piece)
        used = walk_rdw(window.data, window.where, 1)
        window = window.after(used)
        if not used and len(window.data) > LONGEST_SPANNED:
            break
    if window.data:
        raise UnreadableData(f"the record at byte {window.where(0)} is cut off by the end of the file")
