"""NETDATA, the form that TSO TRANSMIT gives a data set (jes-spool.md 9), as SMTPNOTE uses it.

Promises: the records between INMR03 and INMR06 exactly as they were, trailing blanks included; what is no plain sequential data
set (IEBCOPY unload, enciphered, several files) is refused with the reason; a file that breaks off is told with its place.
Never: reads files; interprets who sent it to whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from cssmtp.errors import UnreadableData
from cssmtp.spool.lengths import LONGEST_KEPT, Cut, Where

CARD = 80
"""The last card is padded to this length."""
PADDING = b"\x00\x40 "
"""Bytes of which any number may follow INMR06 (some programs pad to blocks, not to cards)."""

_FIRST, _LAST, _CONTROL, _NUMBER = 0x80, 0x40, 0x20, 0x10
_SEGMENT_DATA = 253
_UTILITY, _RECFM, _LRECL = 0x1028, 0x0049, 0x0042
_REFUSED = {
    "IEBCOPY": "a partitioned data set unloaded by IEBCOPY; transmit the member again with SEQ",
    "AMSCIPHR": "enciphered data; transmit it again without ENCIPHER",
}


def _e(text: str) -> bytes:
    return text.encode("cp037")


_INMR = {name: _e(name) for name in ("INMR01", "INMR02", "INMR03", "INMR06")}


@dataclass(frozen=True, slots=True)
class Header:
    """What INMR02 says of the file: `recfm` like "FB" or "VBA" ("" when not said), `lrecl` in bytes (0 when not said)."""

    recfm: str = ""
    lrecl: int = 0


def begins(data: bytes) -> bool:
    """True when the bytes begin with the control record INMR01 (jes-spool.md 12.1)."""
    return len(data) >= 8 and data[0] >= 2 and bool(data[1] & _CONTROL) and data[2:8] == _INMR["INMR01"]


def cut(buffer: bytes, most: int, where: Where, first: int) -> Cut:
    """A `lengths.Cutter`: data records; control records are passed over, INMR06 ends."""
    records, used = _short_records(buffer, most)
    for record in _records(buffer, used, where, first + len(records)):
        if record.control:
            if record.data[:6] == _INMR["INMR06"]:
                return Cut(records, record.end, ended=True)
            if (records or first > 1) and record.data[:6] in (_INMR["INMR02"], _INMR["INMR03"]):
                raise UnreadableData(f"NETDATA: another file begins at byte {where(used)}; only one data set can be read")
        elif len(records) == most:
            break
        else:
            records.append(record.data[:LONGEST_KEPT])
        used = record.end
    return Cut(records, used)


def _short_records(buffer: bytes, most: int) -> tuple[list[bytes], int]:
    """The data records of one segment each at the start of the bytes, and the bytes they take: a quick way beside `_records`."""
    records: list[bytes] = []
    position = 0
    end = len(buffer) - 255
    while position < end and buffer[position + 1] == _FIRST | _LAST and buffer[position] >= 2 and len(records) != most:
        following = position + buffer[position]
        records.append(buffer[position + 2 : following])
        position = following
    return records, position


class _Record(NamedTuple):
    control: bool
    data: bytes
    end: int


def _records(buffer: bytes, start: int, where: Where, first: int) -> Iterator[_Record]:
    """Whole records, control or data, from their segments. Segments with a record number hold no data."""
    segments: list[bytes] = []
    opened = 0
    position = start
    number = first
    while position + 2 <= len(buffer):
        length, flags = buffer[position], buffer[position + 1]
        begun = bool(segments)
        fits = flags & _NUMBER or (bool(flags & _FIRST) is not begun and (not begun or flags & _CONTROL == opened))
        if length < 2 or flags & 0x0F or not fits:
            what = buffer[position : position + 2].hex().upper()
            raise UnreadableData(
                f"NETDATA: record {number} at byte {where(position)}: X'{what}' is no segment that can stand there"
            )
        if position + length > len(buffer):
            return
        if not flags & _NUMBER:
            segments.append(buffer[position + 2 : position + length])
            opened = flags & _CONTROL
        position += length
        if flags & _LAST and segments:
            yield _Record(bool(opened), b"".join(segments), position)
            number += not opened
            segments = []


def header(head: bytes) -> Header:
    """What the control records say, from the beginning of the file. Raises `UnreadableData` when the file holds anything but one
    sequential data set."""
    described: list[dict[int, bytes]] = []
    for record in _records(head, 0, lambda position: position, 1):
        if not record.control or record.data[:6] == _INMR["INMR03"]:
            break
        if record.data[:6] == _INMR["INMR02"]:
            described.append(_text_units(record.data[10:]))
    utilities = [each.get(_UTILITY, b"").decode("cp037") for each in described]
    for utility, why in _REFUSED.items():
        if utility in utilities:
            raise UnreadableData(f"NETDATA: the file is {why}")
    if not described:
        raise UnreadableData("NETDATA: there is no INMR02 before the data; the file is cut off or damaged")
    if len(described) > 1:
        raise UnreadableData(f"NETDATA: {len(described)} INMR02 describe several files; transmit one data set, without a message")
    if utilities != ["INMCOPY"]:
        raise UnreadableData(f"NETDATA: the data was made by {utilities[0]!a}, only INMCOPY can be read")
    units = described[0]
    return Header(_recfm(units.get(_RECFM, b"")), int.from_bytes(units.get(_LRECL, b"")))


def _text_units(data: bytes) -> dict[int, bytes]:
    """Key -> first value. What does not fit the form ends the list."""
    units: dict[int, bytes] = {}
    position = 0
    while position + 4 <= len(data):
        key, count = int.from_bytes(data[position : position + 2]), int.from_bytes(data[position + 2 : position + 4])
        position += 4
        for index in range(count):
            length = int.from_bytes(data[position : position + 2])
            if index == 0:
                units[key] = data[position + 2 : position + 2 + length]
            position += 2 + length
    return units


def _recfm(value: bytes) -> str:
    bits = value[0] if value else 0
    kind = {0x80: "F", 0x40: "V", 0xC0: "U"}.get(bits & 0xC0, "")
    if not kind:
        return ""
    blocked = "B" if bits & 0x10 and kind != "U" else ""
    return kind + blocked + ("A" if bits & 0x04 else "M" if bits & 0x02 else "")


def encode(records: Iterable[bytes]) -> Iterator[bytes]:
    """A NETDATA file of one sequential data set with these records, padded to cards with X'00'. `cut` gives them back."""
    size = 0
    for piece in _pieces(records):
        size += len(piece)
        yield piece
    yield bytes(-size % CARD)


def _pieces(records: Iterable[bytes]) -> Iterator[bytes]:
    card = CARD.to_bytes(2)
    names = ((0x1011, "LOCAL"), (0x1012, "CSSMTP"), (0x1001, "LOCAL"), (0x1002, "CSSMTP"), (0x1024, "20260101000000"))
    nodes = b"".join(_unit(key, _e(text)) for key, text in names)
    data_set = _unit(0x003C, b"\x40\x00") + _unit(_LRECL, (LONGEST_KEPT // 2 - 1).to_bytes(2)) + _unit(_RECFM, b"\x50\x00")
    yield _segmented(_INMR["INMR01"] + _unit(_LRECL, card) + nodes + _unit(0x102F, b"\x01"), _CONTROL)
    yield _segmented(_INMR["INMR02"] + b"\x00\x00\x00\x01" + _unit(_UTILITY, _e("INMCOPY")) + data_set, _CONTROL)
    yield _segmented(_INMR["INMR03"] + data_set, _CONTROL)
    for record in records:
        yield _segmented(record, 0)
    yield _segmented(_INMR["INMR06"], _CONTROL)


def _unit(key: int, value: bytes) -> bytes:
    return key.to_bytes(2) + b"\x00\x01" + len(value).to_bytes(2) + value


def _segmented(data: bytes, flags: int) -> bytes:
    """One record as segments of at most 253 bytes of data."""
    parts = [data[at : at + _SEGMENT_DATA] for at in range(0, len(data), _SEGMENT_DATA)] or [b""]
    last = len(parts) - 1
    return b"".join(
        bytes([len(part) + 2, flags | (_FIRST if index == 0 else 0) | (_LAST if index == last else 0)]) + part
        for index, part in enumerate(parts)
    )
