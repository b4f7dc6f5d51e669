"""Fields of binary records: how a value is written and read, and tables of fields (smf119.md, conventions).

Promises: big-endian; text EBCDIC (IBM-1047), left-justified, padded with blanks; `Layout.read(Layout.write(values))` gives the
values back, as far as the fields can hold them. Writing never fails for a value of the right type: what is too large is the
largest there is, what is too long is cut, a character outside Latin-1 is "?".
Never: knows what a record means.
"""

from __future__ import annotations

import enum
import functools
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from typing import Any

from cssmtp.codepage.transcode import source_text

CODE_PAGE = "IBM-1047"
"""The page of all text in records."""

TEXT_LIMIT = 4096
"""Octets kept of a text of variable length."""

Value = int | bool | str | date | datetime | None
Entry = dict[str, Value]
"""The values of one section or entry by name. None stands for a date or time that is not known."""


class Constant(Entry):
    """An entry that stands in many records and never changes: it is written once and its bytes are kept."""

    __slots__ = ("data",)

    def __init__(self, values: Entry) -> None:
        super().__init__(values)
        self.data = b""


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PAGE = source_text(CODE_PAGE)
_TO_EBCDIC = b"".join(_PAGE.encode(chr(point)) for point in range(256))
_FROM_EBCDIC = bytes(_TO_EBCDIC.index(byte) for byte in range(256))
_BLANK = _PAGE.blank


class Format(enum.Enum):
    """How a field is written; the value is the word of the documentation."""

    BINARY = "binary"
    TEXT = "EBCDIC"
    VARTEXT = "EBCDIC, 2-byte length first"
    TIME = "hundredths of a second since midnight"
    DATE = "packed 0cyydddF"
    STAMP = "microseconds since 1970, UTC"
    SWITCH = "X'01' yes, X'00' no"
    ZEROS = "binary zeros"
    BLANKS = "EBCDIC blanks"


PADDING = frozenset({Format.ZEROS, Format.BLANKS})
"""Formats that hold no value."""

_INTEGERS = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Damaged(Exception):
    """Bytes that are no section or record. The argument says why."""


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a layout. `length` in bytes; 0 for VARTEXT, which has its own."""

    name: str
    length: int
    format: Format
    meaning: str


def ebcdic(text: str) -> bytes:
    """Text in the page of the records, one byte per character."""
    return text.encode("latin-1", "replace").translate(_TO_EBCDIC)


def from_ebcdic(data: bytes) -> str:
    """The text of some bytes of a record. Never fails."""
    return data.translate(_FROM_EBCDIC).decode("latin-1")


@functools.lru_cache(maxsize=16)
def packed_date(day: date | None) -> bytes:
    """0cyydddF: c counts centuries from 1900, ddd days of the year; all zeros for a day that is not known."""
    if day is None:
        return b"\x00\x00\x00\x0f"
    return bytes.fromhex(f"{(day.year - 1900) // 100:02d}{day.year % 100:02d}{day.timetuple().tm_yday:03d}f")


def unpacked_date(data: bytes) -> date | None:
    """The day that a packed date says. Raises `Damaged` for four bytes that are none."""
    digits = data.hex()
    if digits == "0000000f" or not any(data):
        return None
    if not digits[:7].isdecimal() or digits[7] not in "cf":
        raise Damaged(f"X'{digits.upper()}' is no packed date")
    year, day = 1900 + 100 * int(digits[:2]) + int(digits[2:4]), int(digits[4:7])
    if not (1 <= day <= 366 and year < MAXYEAR):
        raise Damaged(f"X'{digits.upper()}' is no packed date")
    return date(year, 1, 1) + timedelta(days=day - 1)


def hundredths(moment: datetime) -> int:
    """The time of day as records show it."""
    return (moment.hour * 3600 + moment.minute * 60 + moment.second) * 100 + moment.microsecond // 10_000


def _stamp(moment: Any) -> int:
    return 0 if moment is None else (moment - EPOCH) // _MICROSECOND


def _writer(row: Field) -> Callable[[Any], Any]:
    """What makes of a value what `struct` takes. Made once per field, because there may be a record for every mail."""
    length = row.length
    match row.format:
        case Format.BINARY | Format.TIME:
            largest = (1 << 8 * length) - 1
            return lambda value: value if 0 <= value <= largest else largest if value > 0 else 0
        case Format.TEXT:
            return lambda value: ebcdic(value)[:length].ljust(length, _BLANK)
        case Format.DATE:
            return packed_date
        case Format.STAMP:
            return _stamp
        case Format.SWITCH:
            return bool
        case _:
            filling = (_BLANK if row.format is Format.BLANKS else b"\x00") * length
            return lambda value: filling


def _read(row: Field, raw: Any) -> Value:
    match row.format:
        case Format.TEXT:
            return from_ebcdic(raw.rstrip(_BLANK + b"\x00"))
        case Format.DATE:
            return unpacked_date(raw)
        case Format.STAMP:
            return _moment(raw)
        case Format.SWITCH:
            return bool(raw)
        case _:
            return int(raw)


def _moment(microseconds: int) -> datetime | None:
    try:
        return EPOCH + timedelta(microseconds=microseconds) if microseconds else None
    except OverflowError:
        raise Damaged(f"{microseconds} microseconds since 1970 are no time") from None


@dataclass(frozen=True)
class Layout:
    """A table of fields without gaps; those of variable length stand last."""

    name: str
    fields: tuple[Field, ...]
    _struct: struct.Struct = field(init=False, repr=False, compare=False)
    _fixed: tuple[Field, ...] = field(init=False, repr=False, compare=False)
    _variable: tuple[Field, ...] = field(init=False, repr=False, compare=False)
    _writers: tuple[tuple[str, Callable[[Any], Any]], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        variable = tuple(row for row in self.fields if row.format is Format.VARTEXT)
        fixed = self.fields[: len(self.fields) - len(variable)]
        assert fixed + variable == self.fields, self.name
        integers = {Format.BINARY, Format.TIME, Format.STAMP, Format.SWITCH}
        codes = (_INTEGERS[row.length] if row.format in integers else f"{row.length}s" for row in fixed)
        object.__setattr__(self, "_struct", struct.Struct(">" + "".join(codes)))
        object.__setattr__(self, "_fixed", fixed)
        object.__setattr__(self, "_variable", variable)
        object.__setattr__(self, "_writers", tuple((row.name, _writer(row)) for row in fixed))

    @property
    def size(self) -> int:
        """Length in bytes of the part that does not vary."""
        return self._struct.size

    def offsets(self) -> Iterator[tuple[int | None, Field]]:
        """Each field with its offset; None where it depends on fields before it."""
        at = 0
        for row in self._fixed:
            yield at, row
            at += row.length
        for number, row in enumerate(self._variable):
            yield (at if number == 0 else None), row

    def write(self, values: Mapping[str, Value]) -> bytes:
        """The section. A name missing in `values` is None, which only dates and times may be."""
        if type(values) is Constant and values.data:
            return values.data
        get = values.get
        parts = [self._struct.pack(*[write(get(name)) for name, write in self._writers])]
        for row in self._variable:
            text = ebcdic(str(get(row.name)))[:TEXT_LIMIT]
            parts += [len(text).to_bytes(2, "big"), text]
        data = b"".join(parts)
        if type(values) is Constant:
            values.data = data
        return data

    def read(self, data: bytes) -> Entry:
        """The values of a section. What follows the known fields is left alone. Raises `Damaged` when there is too little."""
        if len(data) < self.size:
            raise Damaged(f"{self.name} has {len(data)} bytes, {self.size} are needed")
        values: Entry = {}
        for row, raw in zip(self._fixed, self._struct.unpack_from(data), strict=True):
            if row.format not in PADDING:
                values[row.name] = _read(row, raw)
        at = self.size
        for row in self._variable:
            if at == len(data):  # written before this field was added
                values[row.name] = ""
                continue
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if len(data) < max(end, at + 2):
                raise Damaged(f"{self.name} ends within {row.name}")
            values[row.name] = from_ebcdic(data[at + 2 : end])
            at = end
        return values
