"""What a field of a binary record is (smf119.md, conventions).

Promises: plain data; the words are those of the documentation.
Never: reads or writes a field (that is `smf_fields`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime

CODE_PAGE = "IBM-1047"
"""The page of all text in records."""

TEXT_LIMIT = 4096
"""Octets kept of a text of variable length."""

Value = int | bool | str | date | datetime | None
Entry = dict[str, Value]
"""The values of one section or entry by name. None stands for a date or time that is not known."""


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

INTEGERS = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""What `struct` calls a number of so many bytes."""


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a layout. `length` in bytes; 0 for VARTEXT, which has its own."""

    name: str
    length: int
    format: Format
    meaning: str
