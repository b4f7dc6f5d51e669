"""Makes of a table of fields a function that packs them, once, because there may be a record for every mail.

Promises: the function is generated from the table, so that a layout stands in one place; its keyword arguments are the names of
the fields, and those whose values are given to `packer` are packed already. What a value becomes is as `smf_fields` promises.
Never: reads a record, knows what a field means.

The generated text is one expression per field with nothing looked up while a record is made: for a number the number itself
where it fits, for a text one call that knows the texts it has seen.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from cssmtp.codepage.transcode import source_text
from cssmtp.observe.smf_format import CODE_PAGE, INTEGERS, PADDING, TEXT_LIMIT, Field, Format

Packer = Callable[..., bytes]
"""Takes the values of a section's fields by name. A date or time that is left out is not known."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAGE = source_text(CODE_PAGE)
TO_EBCDIC = b"".join(PAGE.encode(chr(point)) for point in range(256))
_LENGTHS = tuple(length.to_bytes(2, "big") for length in range(TEXT_LIMIT + 1))
_DAY = 86_400
_TEXTS_KEPT = 512


def ebcdic(text: str) -> bytes:
    """Text in the page of the records, one byte per character."""
    return text.encode("latin-1", "replace").translate(TO_EBCDIC)


@functools.lru_cache(maxsize=_TEXTS_KEPT)
def fixed_text(text: str, length: int) -> bytes:
    """A text in `length` bytes. Kept, because such fields hold names and words, which come again."""
    return ebcdic(text)[:length].ljust(length, PAGE.blank)


@functools.lru_cache(maxsize=_TEXTS_KEPT)
def variable_text(text: str) -> bytes:
    """A text with its length in front. Kept: of the texts of a mail, most stand in the record before too."""
    data = ebcdic(text)[:TEXT_LIMIT]
    return _LENGTHS[len(data)] + data


@functools.lru_cache(maxsize=16)
def packed_date(day: date | None) -> bytes:
    """0cyydddF: c counts centuries from 1900, ddd days of the year; all zeros for a day that is not known."""
    if day is None:
        return b"\x00\x00\x00\x0f"
    return bytes.fromhex(f"{(day.year - 1900) // 100:02d}{day.year % 100:02d}{day.timetuple().tm_yday:03d}f")


def stamp(moment: datetime | None) -> int:
    """Microseconds since 1970; 0 for a moment that is not known."""
    if moment is None:
        return 0
    since = moment - EPOCH
    return (since.days * _DAY + since.seconds) * 1_000_000 + since.microseconds


def clamped(value: int, largest: int) -> int:
    """The nearest number that a field can hold."""
    return largest if value > largest else 0 if value < 0 else value


def packer(fields: Sequence[Field], constants: dict[str, Any]) -> Packer:
    """A function of the fields that are neither padding nor among `constants`; those of variable length stand last."""
    scope: dict[str, Any] = {
        "clamped": clamped,
        "fixed_text": fixed_text,
        "packed_date": packed_date,
        "stamp": stamp,
        "variable_text": variable_text,
    }
    codes, values, texts, parameters = [">"], [], [], []
    for number, row in enumerate(fields):
        expression, known = _expression(row), row.format in PADDING
        if not known:
            assert row.name.isidentifier(), row.name
            known = row.name in constants
            scope[row.name] = constants.get(row.name)
            if not known:
                parameters.append(f"{row.name}=None" if row.format in (Format.DATE, Format.STAMP) else row.name)
        if known:
            scope[f"constant_{number}"] = eval(expression, scope)
            expression = f"constant_{number}"
        if row.format is Format.VARTEXT:
            texts.append(expression)
        else:
            codes.append(code(row))
            values.append(expression)
    scope["pack"] = struct.Struct("".join(codes)).pack
    pieces = [f"pack({', '.join(values)})", *texts]
    head = f"*, {', '.join(parameters)}" if parameters else ""
    exec(f"def made({head}):\n    return {' + '.join(pieces)}", scope)  # the names were checked above
    made: Packer = scope["made"]
    return made


def code(row: Field) -> str:
    """What `struct` calls a field of fixed length."""
    return INTEGERS[row.length] if row.format in (Format.BINARY, Format.TIME, Format.STAMP, Format.SWITCH) else f"{row.length}s"


def _expression(row: Field) -> str:
    """What makes of the value of a field what `struct` takes."""
    name = row.name
    match row.format:
        case Format.BINARY | Format.TIME:
            largest = (1 << 8 * row.length) - 1
            return f"{name} if 0 <= {name} <= {largest} else clamped({name}, {largest})"
        case Format.TEXT:
            return f"fixed_text({name}, {row.length})"
        case Format.DATE:
            return f"packed_date({name})"
        case Format.STAMP:
            return f"stamp({name})"
        case Format.SWITCH:
            return f"1 if {name} else 0"
        case Format.VARTEXT:
            return f"variable_text({name})"
        case _:
            return repr((PAGE.blank if row.format is Format.BLANKS else b"\x00") * row.length)
