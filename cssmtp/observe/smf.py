"""SMF type 119 records: `Record` <-> bytes, and records <-> a file of variable-length records.

Promises: header, self-defining and identification section at the documented offsets (smf119.md 3 to 5); `decode(encode(r))` is
`r` as far as its fields hold it; a record too long for one segment is spanned; whatever bytes a file holds, reading it gives
records and `Damage`, never an exception. Records of others are passed over.
Never: decides what is in a record (that is `smf_content`), writes files.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from mmap import mmap

from cssmtp.observe.smf_fields import Damaged, Layout, hundredths
from cssmtp.observe.smf_format import Entry, Value
from cssmtp.observe.smf_layouts import (
    AREA,
    AREA_EYE,
    AREA_VERSION,
    GROUP,
    HEADER,
    IDENTIFICATION,
    KINDS,
    RECORD_FLAG,
    RECORD_TYPE,
    SECTIONS,
    SUBSYSTEM,
    TRIPLET,
    TRIPLETS,
    Subtype,
)

RDW_LENGTH = 4
SEGMENT_LIMIT = 32756
"""Longest segment in a file, its RDW included: what fits a block of 32760 bytes beside the block's descriptor word."""

WHOLE, FIRST, LAST, MIDDLE = 0, 1, 2, 3
"""The control code in byte 2 of a segment's descriptor word."""

_KIND_BY_NAME = {kind.name: kind for kind in KINDS}
_KIND_BY_NUMBER = {kind.number: kind for kind in KINDS}
_SUBTYPES = frozenset(int(subtype) for subtype in Subtype)
_SUBTYPE_BYTES = frozenset(int(subtype).to_bytes(2, "big") for subtype in Subtype)
_TYPE_AT = 5
"""Where the record type stands in the header."""

_ENTRY_HEAD = 4

Buffer = bytes | mmap
"""A file's bytes."""


Section = tuple[Entry | bytes, ...]
"""IBM's section of one number: its repetitions; bytes where the layout is not known. () = absent."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `moved` is the local time (naive, hundredths of a second) it was written, `sections` are IBM's from S1 on.

    `own` holds the groups of our area by name, in order; `version` is that of the area, 0 = a
    record without one (not ours); the groups of a version newer than ours are not read.
    """

    subtype: Subtype
    moved: datetime
    system_id: str
    identification: Entry
    sections: tuple[Section, ...]
    own: dict[str, tuple[Entry, ...]]
    version: int = AREA_VERSION

    def first(self, group: str) -> Entry:
        """The only entry of a group of our area; {} when the record has none."""
        entries = self.own.get(group, ())
        return entries[0] if entries else {}


@dataclass(frozen=True, slots=True)
class Found:
    """A record of CSSMTP found in a file, at byte `offset`."""

    offset: int
    record: Record


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in a file that is no record, at byte `offset`."""

    offset: int
    reason: str


# --- writing


_PACK_HEADER = HEADER.packer(segment=0, flag=RECORD_FLAG, record_type=RECORD_TYPE, subsystem_id=SUBSYSTEM)
_PACK_AREA = AREA.packer(eye=AREA_EYE, version=AREA_VERSION)


def encode(record: Record) -> bytes:
    """The record as one piece, with the RDW of an unspanned record (`frame` makes segments of a longer one)."""
    bodies = [directory(record.subtype, tuple(map(len, record.sections))), IDENTIFICATION.write(record.identification)]
    for layout, section in zip(SECTIONS[record.subtype], record.sections, strict=True):
        if layout is not None:
            bodies += [layout.write(entry) for entry in section if not isinstance(entry, bytes)]
    groups = [group(name, [_KIND_BY_NAME[name].layout.write(entry) for entry in entries]) for name, entries in record.own.items()]
    return assembled(record.subtype, record.moved, record.system_id, b"".join(bodies), groups)


def assembled(subtype: Subtype, moved: datetime, system_id: str, sections: bytes, groups: Sequence[bytes]) -> bytes:
    """A record of its parts: `sections` is everything between header and our area, `groups` are of `group`."""
    area = _PACK_AREA(groups=len(groups)) + b"".join(groups)
    header = _PACK_HEADER(
        record_length=HEADER.size + len(sections) + len(area),
        time=hundredths(moved),
        date=moved.date(),
        system_id=system_id,
        subtype=subtype,
    )
    return header + sections + area


@functools.lru_cache(maxsize=64)
def directory(subtype: Subtype, numbers: tuple[int, ...]) -> bytes:
    """The self-defining section of a record with so many sections of each number."""
    layouts = SECTIONS[subtype]
    at = HEADER.size + TRIPLETS.size + TRIPLET.size * (1 + len(layouts))
    parts = [TRIPLETS.pack(SMF119SD_TRN=1 + len(layouts)), _triplet(at, IDENTIFICATION.size, 1)]
    at += IDENTIFICATION.size
    for layout, number in zip(layouts, numbers, strict=True):
        if layout is None or not number:
            parts.append(_triplet(0, 0, 0))
            continue
        parts.append(_triplet(at, layout.size, number))
        at += layout.size * number
    return b"".join(parts)


def _triplet(offset: int, length: int, number: int) -> bytes:
    return TRIPLET.pack(offset=offset, length=length, number=number)


_PACK_GROUP = {kind.name: GROUP.packer(kind=kind.number) for kind in KINDS}
_entry_length = struct.Struct(">I").pack


def group(name: str, bodies: Sequence[bytes]) -> bytes:
    """A group of our area with these entries, each packed with the group's layout."""
    data = b"".join([_entry_length(len(body) + _ENTRY_HEAD) + body for body in bodies])
    return _PACK_GROUP[name](entries=len(bodies), length=GROUP.size + len(data)) + data


def frame(data: bytes) -> bytes:
    """A record of `encode` as it stands in a file: as it is, or cut into spanned segments."""
    if len(data) <= SEGMENT_LIMIT:
        return data
    step = SEGMENT_LIMIT - RDW_LENGTH
    pieces = [data[at : at + step] for at in range(RDW_LENGTH, len(data), step)]
    last = len(pieces) - 1
    return b"".join(
        _rdw(len(piece) + RDW_LENGTH, FIRST if place == 0 else LAST if place == last else MIDDLE) + piece
        for place, piece in enumerate(pieces)
    )


def _rdw(length: int, code: int) -> bytes:
    return length.to_bytes(2, "big") + bytes((code, 0))


# --- reading one record


def decode(data: bytes) -> Record | None:
    """A record in one piece, RDW first; None for one that is not of CSSMTP. Raises `Damaged`."""
    if len(data) < HEADER.size:
        raise Damaged(f"a record of {len(data)} bytes has no room for the header")
    header = HEADER.read(data)
    if header["record_type"] != RECORD_TYPE or header["subtype"] not in _SUBTYPES:
        return None
    subtype = Subtype(_number(header["subtype"]))
    triplets, end = _triplets(data)
    sections = tuple(
        _section(data, triplet, layout) for triplet, layout in zip(triplets[1:], _layouts(subtype, len(triplets)), strict=True)
    )
    own, version = _read_area(data[end:])
    identification = _section(data, triplets[0], IDENTIFICATION)
    if not identification or isinstance(identification[0], bytes):
        raise Damaged("the identification section is missing")
    return Record(subtype, _moved(header), str(header["system_id"]), identification[0], sections, own, version)


def _number(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _moved(header: Entry) -> datetime:
    day = header["date"]
    if not isinstance(day, date):
        raise Damaged("the header has no date")
    return datetime.combine(day, time()) + timedelta(milliseconds=10 * _number(header["time"]))


def _layouts(subtype: Subtype, count: int) -> list[Layout | None]:
    """One layout or None for each triplet after the first, whatever their number."""
    known = list(SECTIONS[subtype])[: count - 1]
    return [*known, *[None] * (count - 1 - len(known))]


def _triplets(data: bytes) -> tuple[list[tuple[int, int, int]], int]:
    """The triplets, and where the last thing they name ends."""
    count = _number(TRIPLETS.read(data[HEADER.size :])["SMF119SD_TRN"])
    at = HEADER.size + TRIPLETS.size
    end = at + count * TRIPLET.size
    if not count or end > len(data):
        raise Damaged(f"{count} triplets do not fit a record of {len(data)} bytes")
    found = []
    for _ in range(count):
        values = TRIPLET.read(data[at:])
        triplet = _number(values["offset"]), _number(values["length"]), _number(values["number"])
        offset, length, number = triplet
        if offset + length * number > len(data):
            raise Damaged(f"a section at offset {offset} reaches beyond the record of {len(data)} bytes")
        end = max(end, offset + length * number)
        at += TRIPLET.size
        found.append(triplet)
    return found, end


def _section(data: bytes, triplet: tuple[int, int, int], layout: Layout | None) -> Section:
    offset, length, number = triplet
    pieces = [data[offset + length * place : offset + length * (place + 1)] for place in range(number)]
    if layout is None or length < layout.size:
        return tuple(pieces)
    return tuple(layout.read(piece) for piece in pieces)


def _read_area(data: bytes) -> tuple[dict[str, tuple[Entry, ...]], int]:
    """Our area and its version; ({}, 0) when it is not there."""
    if len(data) < AREA.size:
        return {}, 0
    head = AREA.read(data)
    if head["eye"] != AREA_EYE:
        return {}, 0
    version = _number(head["version"])
    if version > AREA_VERSION:
        return {}, version
    own: dict[str, tuple[Entry, ...]] = {}
    at = AREA.size
    for _ in range(_number(head["groups"])):
        group = GROUP.read(data[at:])
        length = _number(group["length"])
        if not GROUP.size <= length <= len(data) - at:
            raise Damaged(f"a group of our area has length {length}, {len(data) - at} bytes are left")
        kind = _KIND_BY_NUMBER.get(_number(group["kind"]))
        if kind is not None:
            pieces = _pieces(data[at + GROUP.size : at + length], _number(group["entries"]))
            own[kind.name] = tuple(kind.layout.read(piece) for piece in pieces)
        at += length
    if at != len(data):
        raise Damaged(f"{len(data) - at} bytes stand behind our area")
    return own, version


def _pieces(data: bytes, count: int) -> Iterator[bytes]:
    at = 0
    for _ in range(count):
        length = int.from_bytes(data[at : at + _ENTRY_HEAD], "big")
        if not _ENTRY_HEAD <= length <= len(data) - at:
            raise Damaged(f"an entry of our area has length {length}, {len(data) - at} bytes are left")
        yield data[at + _ENTRY_HEAD : at + length]
        at += length


# --- reading a file


def records(data: Buffer) -> Iterator[Found | Damage]:
    """Everything a file of variable-length records has of CSSMTP, in order. What is damaged is told once, and passed over."""
    at = before = 0
    while at < len(data):
        try:
            whole, end = _assemble(data, at)
            record = decode(whole)
        except Damaged as error:
            yield Damage(at, str(error))
            # The last record of ours may have been cut, and have taken the beginning of another for its end; what seemed to be
            # somebody else's since then may be the rest of that one.
            at = before = _next_record(data, before + 1)
            continue
        if record is not None:
            yield Found(at, record)
            before = at
        at = end


def _segment(data: Buffer, at: int) -> tuple[int, int]:
    """Length and control code of the segment at a place. Raises `Damaged`."""
    left = len(data) - at
    if left < RDW_LENGTH:
        raise Damaged(f"the file ends within a record descriptor word, {left} bytes are left")
    length, code = int.from_bytes(data[at : at + 2], "big"), data[at + 2]
    if length < RDW_LENGTH or code > MIDDLE or data[at + 3]:
        raise Damaged(f"X'{bytes(data[at : at + RDW_LENGTH]).hex().upper()}' is no record descriptor word")
    if length > left:
        raise Damaged(f"the file ends within a record of {length} bytes, {left} bytes are left")
    return length, code


def _assemble(data: Buffer, at: int) -> tuple[bytes, int]:
    """The record that begins at a place, in one piece, and where the next one begins."""
    length, code = _segment(data, at)
    if code == WHOLE:
        return bytes(data[at : at + length]), at + length
    if code != FIRST:
        raise Damaged("a spanned record has no beginning")
    parts = [bytes(data[at : at + length])]
    at += length
    while code != LAST:
        if at >= len(data):
            raise Damaged("the file ends within a spanned record")
        length, code = _segment(data, at)
        if code not in (MIDDLE, LAST):
            raise Damaged("a spanned record has no end")
        parts.append(bytes(data[at + RDW_LENGTH : at + length]))
        at += length
    return b"".join(parts), at


def _next_record(data: Buffer, at: int) -> int:
    """Where, from a place on, the next thing stands that looks like the beginning of a record of CSSMTP."""
    size = len(data)
    while (mark := data.find(bytes((RECORD_TYPE,)), at + _TYPE_AT)) >= 0:
        at = mark - _TYPE_AT
        head = data[at : at + HEADER.size]
        if len(head) == HEADER.size and head[2] <= MIDDLE and not head[3] and head[22:24] in _SUBTYPE_BYTES:
            length = int.from_bytes(head[:2], "big")
            if HEADER.size <= length <= size - at:
                return at
        at += 1
    return size
