"""Records led by their lengths: RDW, blocks of RDW records, lengths of two and four bytes (jes-spool.md 8).

Promises: a cutter takes bytes and gives whole records, and says with record number and byte offset what cannot be a length; runs
of RDW records of one length are cut at once, others one by one, with the same result.
Never: reads files, but for `deblocked`; guesses.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from io import BytesIO
from itertools import repeat
from typing import BinaryIO, NamedTuple

from cssmtp.errors import UnreadableData

LONGEST_KEPT = 65_536
"""Bytes of a record that are kept: far beyond every limit of mail-processing.md 4, so a cut record is still too long."""
LONGEST_RECORD = 32_760
"""Largest plausible length in a length field (jes-spool.md 12.3)."""
LONGEST_SPANNED = 1024 * 1024
"""Bytes that the segments of one spanned record may take in the file; keeps memory bounded."""
LONGEST_BLOCK = 2 * 1024 * 1024
"""Bytes of one block with BDW; the large blocks of tapes have 256 KiB. Keeps memory bounded."""
FEWEST_ALIKE = 32
"""A run of so many records of one length is worth cutting at once."""
LOOK_AGAIN_AFTER = 1024
"""Records of other lengths before the next look for such a run."""
LANDMARK_BYTES = 1024 * 1024
"""Distance between block starts that are remembered of a file, so that reading in its middle need not begin at its start."""
SHORT = 1024
"""Records of fewer bytes are read by a table of their length fields."""
GROUP = 32
"""Lengths that are tried one after the other in a walk, see `_short_run`."""

RDW = struct.Struct(">HBB")
LEN4 = struct.Struct(">I")
LEN2 = struct.Struct(">H")


class Cut(NamedTuple):
    """Whole records from the start of some bytes, and how many bytes they take. `ended`: the framing's own end mark was met."""

    records: list[bytes]
    used: int
    ended: bool = False


Where = Callable[[int], int]
"""From a position in the bytes at hand to the offset in the file, for messages."""

Cutter = Callable[[bytes, int, Where, int], Cut]
"""(bytes, most records or -1, where, number of the first record) -> Cut. Raises `UnreadableData`."""


def cut_rdw(buffer: bytes, most: int, where: Where, first: int) -> Cut:
    """Records with RDW; the segments of a spanned record are joined."""
    records: list[bytes] = []
    position = 0
    while len(records) != most:
        left = most - len(records) if most >= 0 else len(buffer)
        taken, end = _alike(buffer, position, left)
        if not taken:
            taken, end = _short_records(buffer, position, min(left, LOOK_AGAIN_AFTER), _fields(RDW_FIELD))
        if not taken:
            record, end = _one_record(buffer, position, where, first + len(records))
            if record is None:
                break
            taken = [record]
        records += taken
        position = end
    return Cut(records, position)


def _alike(buffer: bytes, position: int, most: int) -> tuple[list[bytes], int]:
    """At most `most` records of one length at `position`, when there are enough of them to be worth it, and where they end."""
    width = int.from_bytes(buffer[position : position + 2])
    if width <= 4 or width > LONGEST_RECORD:
        return [], position
    head = buffer[position : position + 4]
    if head[2:] != b"\x00\x00" or buffer[position + width * (FEWEST_ALIKE - 1) :][:4] != head:
        return [], position
    count = min((len(buffer) - position) // width, most)
    for index in range(4):
        column = buffer[position + index : position + width * count : width]
        count = len(column) - len(column.lstrip(head[index : index + 1]))
    if count < FEWEST_ALIKE:
        return [], position
    return list(_alike_format(width, count).unpack_from(buffer, position)), position + width * count


@lru_cache(64)
def _alike_format(width: int, count: int) -> struct.Struct:
    return struct.Struct(f"4x{width - 4}s" * count)


class LengthField(NamedTuple):
    """The field that leads a record: how it is written, and how much more than the data it counts."""

    form: struct.Struct
    extra: int = 0


RDW_FIELD = LengthField(struct.Struct(">H2x"), 4)
LEN4_FIELD = LengthField(LEN4)
LEN2_FIELD = LengthField(LEN2)


@cache
def _fields(field: LengthField) -> dict[bytes, int]:
    """The fields of all short records, each with the bytes of data that follow it."""
    return {field.form.pack(size + field.extra): size for size in range(SHORT)}


def _short_records(buffer: bytes, position: int, most: int, fields: dict[bytes, int]) -> tuple[list[bytes], int]:
    """At most `most` records from `position` on that are led by one of `fields` and are all there, and where they end.

    The interpreter takes no step per record: fields are read, looked up and followed by their data inside three nested `map`s.
    """
    source = BytesIO(buffer)
    source.seek(position)
    read = source.read
    records: list[bytes] = []
    width = len(next(iter(fields)))
    try:
        records.extend(map(read, map(fields.__getitem__, map(read, repeat(width, most)))))
        end = source.tell()
    except KeyError as other:
        end = source.tell() - len(other.args[0])
    if records and end == len(buffer):
        start = end - len(records[-1]) - width
        if fields[buffer[start : start + width]] > len(records[-1]):
            del records[-1]
            end = start
    return records, end


def _one_record(buffer: bytes, position: int, where: Where, number: int) -> tuple[bytes | None, int]:
    """The definition: one logical record from its segments, and where the next begins. None: it is not all there."""
    segments: list[bytes] = []
    start = position
    while position + 4 <= len(buffer):
        length, segment, zero = RDW.unpack_from(buffer, position)
        if length < 4 or length > LONGEST_RECORD or zero or segment > 3 or (segment > 1) is not bool(segments):
            what = buffer[position : position + 4].hex().upper()
            raise UnreadableData(f"record {number} at byte {where(position)}: X'{what}' is no RDW that can stand there")
        if position + length > len(buffer):
            break
        segments.append(buffer[position + 4 : position + length])
        position += length
        if segment in (0, 2):
            return b"".join(segments)[:LONGEST_KEPT], position
    return None, start


@cache
def _short_run() -> re.Pattern[bytes]:
    """Any number of whole RDW records of at most 251 bytes in one segment: an alternative for each length, in groups, since the
    engine tries one after the other.

    Where nothing but the walk is wanted, that is quicker than anything that makes an object of each record.
    """
    alternatives = [re.escape(bytes([4 + size])) + b"\x00\x00" + b".{%d}" % size for size in range(252)]
    groups = (
        b"(?=[%s-%s])(?:%s)"
        % (re.escape(bytes([4 + at])), re.escape(bytes([min(3 + at + GROUP, 255)])), b"|".join(alternatives[at : at + GROUP]))
        for at in range(0, len(alternatives), GROUP)
    )
    return re.compile(b"(?:\x00(?:" + b"|".join(groups) + b"))*+", re.DOTALL)


def walk_rdw(buffer: bytes, where: Where, first: int) -> int:
    """Where the whole records at the start of the bytes end; as `cut_rdw`, without taking the records out."""
    width = int.from_bytes(buffer[:2])
    alike = buffer[: width * 2] == buffer[:4] + buffer[4:width] + buffer[:4] + buffer[width + 4 : width * 2]
    position = _alike_end(buffer, width) if alike and width > 4 else 0
    match = _short_run().match(buffer, position)
    position = match.end() if match else position
    return position + cut_rdw(buffer[position:], -1, lambda at: where(position + at), first).used


def _alike_end(buffer: bytes, width: int) -> int:
    count = len(buffer) // width
    for index in range(4):
        column = buffer[index : width * count : width]
        count = len(column) - len(column.lstrip(buffer[index : index + 1]))
    return width * count


def cut_len4(buffer: bytes, most: int, where: Where, first: int) -> Cut:
    """Records led by four bytes of length that do not count themselves (record mode of z/OSMF)."""
    return _cut_plain(buffer, most, where, first, LEN4_FIELD)


def cut_len2(buffer: bytes, most: int, where: Where, first: int) -> Cut:
    """Records led by two bytes of length that do not count themselves (NJE tools)."""
    return _cut_plain(buffer, most, where, first, LEN2_FIELD)


def _cut_plain(buffer: bytes, most: int, where: Where, first: int, field: LengthField) -> Cut:
    records: list[bytes] = []
    position = 0
    size = field.form.size
    end = len(buffer)
    while len(records) != most:
        taken, position = _short_records(buffer, position, most - len(records) if most >= 0 else end, _fields(field))
        records += taken
        if position + size > end or len(records) == most:
            break
        (length,) = field.form.unpack_from(buffer, position)
        if length > LONGEST_RECORD:
            number, at = first + len(records), where(position)
            raise UnreadableData(f"record {number} at byte {at}: length {length} is above {LONGEST_RECORD}")
        following = position + size + length
        if following > end:
            break
        records.append(buffer[position + size : following])
        position = following
    return Cut(records, position)


def deblocked(stream: BinaryIO, offset: int, landmarks: tuple[int, ...] = ()) -> Iterator[tuple[int, bytes]]:
    """The contents of the blocks from `offset` on, each with the file offset at which it starts.

    `offset` is 0, the start of a block, or the start of a segment in one; which it is, only a walk from block to block tells. The
    walk begins at the last of `landmarks` before it. Raises `UnreadableData` when a block is no block, is cut off, or does
    not hold whole segments.
    """
    passed = bisect_right(landmarks, offset)
    for position, end in _block_bounds(stream, landmarks[passed - 1] if passed else 0):
        if end <= offset:
            continue
        start = max(position + 4, offset)
        content = _read_at(stream, start, end - start)
        if len(content) < end - start:
            raise UnreadableData(f"the block at byte {position} is cut off by the end of the file at byte {start + len(content)}")
        _check_block(content, start, position)
        yield start, content


def landmarks_of(stream: BinaryIO) -> tuple[int, ...]:
    """Where some blocks of a file with BDW start, in ascending order, `LANDMARK_BYTES` or more apart. Raises `UnreadableData`."""
    found: list[int] = []
    for position, _ in _block_bounds(stream, 0):
        if position >= len(found) * LANDMARK_BYTES:
            found.append(position)
    return tuple(found)


def _block_bounds(stream: BinaryIO, position: int) -> Iterator[tuple[int, int]]:
    """Start and end of the blocks from that at `position` on, as their BDWs say."""
    while field := _read_at(stream, position, 4):
        end = position + _block_length(field, position)
        yield position, end
        position = end


def _read_at(stream: BinaryIO, position: int, size: int) -> bytes:
    stream.seek(position)
    return stream.read(size)


def _block_length(field: bytes, position: int) -> int:
    """The length in a BDW: 15 bits and two zero bytes, or 31 bits when the top bit is set. It counts itself."""
    if len(field) < 4:
        raise UnreadableData(f"the block at byte {position} is cut off by the end of the file after {len(field)} bytes")
    value = int.from_bytes(field)
    extended = value >> 31
    length = value & 0x7FFF_FFFF if extended else value >> 16
    if not 8 <= length <= LONGEST_BLOCK or (not extended and value & 0xFFFF):
        raise UnreadableData(f"the block at byte {position}: X'{field.hex().upper()}' is no BDW that can stand there")
    return length


def _check_block(content: bytes, start: int, block: int) -> None:
    """Raises `UnreadableData` unless segments fill the content exactly."""
    match = _short_run().match(content)
    position = match.end() if match else 0
    while position + 4 <= len(content):
        length, segment, zero = RDW.unpack_from(content, position)
        if not 4 <= length <= LONGEST_RECORD or segment > 3 or zero:
            what = content[position : position + 4].hex().upper()
            raise UnreadableData(f"the block at byte {block}: X'{what}' at byte {start + position} is no RDW")
        position += length
    if position != len(content):
        raise UnreadableData(f"the block at byte {block} ends inside the segment before byte {start + position}")
