"""Fields of binary records: how a value is written and read, and tables of fields (smf119.md, conventions).

Promises: big-endian; text EBCDIC (IBM-1047), left-justified, padded with blanks; `Layout.read(Layout.write(values))` gives the
values back, as far as the fields can hold them. Writing never fails for a value of the right type: what is too large is the
largest there is, what is too long is cut, a character outside Latin-1 is "?".
Never: knows what a record means.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, date, datetime, timedelta
from typing import Any

from cssmtp.observe.smf_format import PADDING, Entry, Field, Format, Value
from cssmtp.observe.smf_packing import EPOCH, PAGE, TO_EBCDIC, Packer, code, packer

_FROM_EBCDIC = bytes(TO_EBCDIC.index(byte) for byte in range(256))


class Damaged(Exception):
    """Bytes that are no section or record. The argument says why."""


def from_ebcdic(data: bytes) -> str:
    """The text of some bytes of a record. Never fails."""
    return data.translate(_FROM_EBCDIC).decode("latin-1")


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


def _read(row: Field, raw: Any) -> Value:
    match row.format:
        case Format.TEXT:
            return from_ebcdic(raw.rstrip(PAGE.blank + b"\x00"))
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

    def __post_init__(self) -> None:
        variable = tuple(row for row in self.fields if row.format is Format.VARTEXT)
        fixed = self.fields[: len(self.fields) - len(variable)]
        assert fixed + variable == self.fields, self.name
        object.__setattr__(self, "_struct", struct.Struct(">" + "".join(map(code, fixed))))
        object.__setattr__(self, "_fixed", fixed)
        object.__setattr__(self, "_variable", variable)

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

    @functools.cached_property
    def pack(self) -> Packer:
        """Takes the values by name as keyword arguments, gives the section. Dates and times may be left out: not known."""
        return self.packer()

    def packer(self, **constants: Any) -> Packer:
        """As `pack`, for sections in which some fields always have the same value: those are packed here and now."""
        return packer(self.fields, constants)

    def write(self, values: Mapping[str, Value]) -> bytes:
        """The section. A name missing in `values` is a date or time that is not known."""
        return self.pack(**values)

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
