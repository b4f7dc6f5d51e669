"""Record framings: bytes of a spool file <-> records.

Promises: blocks of about 256 KiB of whole records, each with the file offset at which it starts, so that reading can start
there again; memory is bounded by a few blocks whatever the file holds; a file cut in mid-record raises `UnreadableData` with
record number and byte offset.
Never: guesses a framing (that is `detection`), changes a record but for dropping its delimiter, its control byte, a byte order
mark, and what lies beyond 65,536 bytes.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from cssmtp.errors import UnreadableData

BLOCK_BYTES = 256 * 1024
LONGEST_KEPT = 65_536
"""Bytes of a record that are kept: far beyond every limit of mail-processing.md 4, so a cut record is still too long."""
LONGEST_RECORD = 32_760
"""Largest plausible length in a length field (jes-spool.md 12.3)."""
LONGEST_SPANNED = 1024 * 1024
"""Bytes that the segments of one spanned record may take in the file; keeps memory bounded."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_RDW = struct.Struct(">HBB")
_LEN4 = struct.Struct(">I")


class FramingKind(enum.Enum):
    """How records are told apart; the values are those of the attribute `framing` (jes-spool.md 11)."""

    FIXED = "fixed"
    RDW = "rdw"
    LEN4 = "len4"
    NL15 = "nl15"
    LF25 = "lf25"
    LF = "lf"
    CRLF = "crlf"


_DESCRIPTIONS = {
    FramingKind.FIXED: "fixed records of {0} bytes",
    FramingKind.RDW: "variable records with RDW",
    FramingKind.LEN4: "records with 4-byte length",
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
    first byte of each record is carriage control (RECFM with A or M) and is dropped.
    """

    kind: FramingKind
    lrecl: int = 0
    encoding: str = "ebcdic"
    carriage: bool = False

    def describe(self) -> str:
        """For reports, like "fixed records of 80 bytes, EBCDIC"."""
        name = "UTF-8" if self.encoding == "utf-8" else self.encoding.upper()
        control = ", carriage control dropped" if self.carriage else ""
        return f"{_DESCRIPTIONS[self.kind].format(self.lrecl)}, {name}{control}"


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
    stream.seek(offset)
    if framing.kind is FramingKind.FIXED:
        found = _fixed_blocks(stream, framing.lrecl, offset, first)
    elif framing.kind in _DELIMITERS:
        found = _text_blocks(stream, framing.kind, offset, first)
    else:
        found = _length_blocks(stream, _CUTTERS[framing.kind], offset, first)
    if framing.encoding != "ebcdic" and offset == 0:
        found = _without_byte_order_mark(found)
    return map(_without_control, found) if framing.carriage else found


def _without_control(block: RecordBlock) -> RecordBlock:
    place = block.place or partial(int.__mul__, block.width)
    records = [record[1:] for record in block.records]
    return RecordBlock(
        block.offset, block.first, records, max(block.width - 1, 0), b"".join(records) if block.width else b"", place
    )


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
    if buffer:
        yield RecordBlock(offset, first, [buffer[:LONGEST_KEPT]])


def _split_text(lines: bytes, newline: bytes, dropped: bytes) -> list[bytes]:
    """Splits text that ends with a newline; a carriage return right before one belongs to it."""
    if dropped in lines:
        lines = lines.replace(dropped + newline, newline)
    records = lines.split(newline)
    records.pop()
    if len(max(records, key=len)) > LONGEST_KEPT:
        return [record[:LONGEST_KEPT] for record in records]
    return records


def _text_place(lines: bytes, newline: bytes, index: int) -> int:
    return sum(len(line) + 1 for line in lines.split(newline, index)[:index])


def _skip_line(stream: BinaryIO, used: int, newline: bytes) -> tuple[int, bytes]:
    """Reads on to the end of a line of which `used` bytes are read; returns its length and what was read beyond it."""
    while chunk := stream.read(BLOCK_BYTES):
        end = chunk.find(newline) + 1
        if end:
            return used + end, chunk[end:]
        used += len(chunk)
    return used, b""


# Length fields

_Cutter = Callable[[bytes, int, int, int], tuple[list[bytes], int]]


def _length_blocks(stream: BinaryIO, cut: _Cutter, offset: int, first: int) -> Iterator[RecordBlock]:
    buffer = b""
    while chunk := stream.read(BLOCK_BYTES):
        buffer += chunk
        records, used = cut(buffer, -1, offset, first)
        if records:
            taken = buffer[:used]
            yield RecordBlock(offset, first, records, place=partial(_length_place, cut, taken))
            offset += used
            first += len(records)
            buffer = buffer[used:]
        elif len(buffer) > LONGEST_SPANNED:
            raise UnreadableData(f"record {first} at byte {offset} is spanned over more than {LONGEST_SPANNED} bytes")
    if buffer:
        raise UnreadableData(f"record {first} at byte {offset} is cut off by the end of the file after {len(buffer)} bytes")


def _length_place(cut: _Cutter, taken: bytes, index: int) -> int:
    return cut(taken, index, 0, 1)[1]


def _cut_rdw(buffer: bytes, most: int, offset: int, first: int) -> tuple[list[bytes], int]:
    """At most `most` (-1: all) whole logical records from the start of `buffer`, and the bytes they take."""
    records: list[bytes] = []
    segments: list[bytes] = []
    position = used = 0
    end = len(buffer) - 4
    while position <= end and len(records) != most:
        length, segment, zero = _RDW.unpack_from(buffer, position)
        if length < 4 or length > LONGEST_RECORD or zero or segment > 3 or (segment > 1) is not bool(segments):
            what = buffer[position : position + 4].hex().upper()
            raise UnreadableData(
                f"record {first + len(records)} at byte {offset + position}: X'{what}' is no RDW that can stand there"
            )
        if position + length > len(buffer):
            break
        data = buffer[position + 4 : position + length]
        position += length
        if segment:
            segments.append(data)
            if segment != 2:
                continue
            data = b"".join(segments)[:LONGEST_KEPT]
            segments.clear()
        records.append(data)
        used = position
    return records, used


def _cut_len4(buffer: bytes, most: int, offset: int, first: int) -> tuple[list[bytes], int]:
    """As `_cut_rdw`, for lengths of four bytes that do not count themselves."""
    records: list[bytes] = []
    position = 0
    end = len(buffer) - 4
    while position <= end and len(records) != most:
        (length,) = _LEN4.unpack_from(buffer, position)
        if length > LONGEST_RECORD:
            at, number = offset + position, first + len(records)
            raise UnreadableData(f"record {number} at byte {at}: length {length} is above {LONGEST_RECORD}")
        if position + 4 + length > len(buffer):
            break
        records.append(buffer[position + 4 : position + 4 + length])
        position += 4 + length
    return records, position


_CUTTERS: dict[FramingKind, _Cutter] = {FramingKind.RDW: _cut_rdw, FramingKind.LEN4: _cut_len4}
"""The seam for further length framings: one function each."""


# Writing


def encode(records: Iterable[bytes], framing: Framing) -> Iterator[bytes]:
    """The bytes of a file that reads back as `records` with `framing`, one piece per record.

    FIXED pads with the blank of the encoding. Raises `ValueError` for a record that the framing cannot carry: longer than LRECL
    or the length field allows, or holding the line end. `carriage` puts a blank (new line, ASA) before each record.
    """
    blank = b"\x40" if framing.encoding == "ebcdic" else b" "
    control = blank if framing.carriage else b""
    for record in records:
        yield _encode_one(control + record, framing, blank)


def _encode_one(record: bytes, framing: Framing, blank: bytes) -> bytes:
    match framing.kind:
        case FramingKind.FIXED:
            limit, framed = framing.lrecl, record.ljust(framing.lrecl, blank)
        case FramingKind.RDW:
            limit = LONGEST_RECORD - 4
            framed = _RDW.pack(min(len(record) + 4, LONGEST_RECORD), 0, 0) + record
        case FramingKind.LEN4:
            limit, framed = LONGEST_RECORD, _LEN4.pack(len(record)) + record
        case _:
            newline = delimiter(framing.kind)
            if newline in record:
                raise ValueError(f"a record holds the line end X'{newline.hex().upper()}' of framing {framing.kind.value}")
            limit, framed = LONGEST_KEPT, record + (b"\r\n" if framing.kind is FramingKind.CRLF else newline)
    if len(record) > limit:
        raise ValueError(f"a record of {len(record)} bytes does not fit framing {framing.kind.value}, which allows {limit}")
    return framed
