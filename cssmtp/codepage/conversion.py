"""What every conversion has in common: its options, its counters, and what becomes of a control character.

Promises: `Transcoder.record` is the definition of a conversion and `Transcoder.lines` equals the join of its records.
Never: lets a control character other than tab reach the wire; never fails on any input.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

UNKNOWN = "\ufffd"
"""In decoded text: a byte or pair that the page does not define."""

SUBSTITUTE = "?"
"""What people see in place of a lost character (mail-processing.md 9.1, proposal)."""

_SUB = "\x1a"
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Conversion:
    """Options of a conversion (code-pages.md 2.1 to 2.3, 10).

    `newline`: X'25' in decoded text is U+0085 ("zos") or a line feed ("cdra"); X'15' always ends a line. `euro`: a target with
    the currency sign but no euro gets "?" ("sub") or that sign's byte ("A4"). `unmappable`: a lost character becomes "?", or
    IBM's substitution character of the target ("ibm") where that is no control character.
    """

    newline: Literal["zos", "cdra"] = "zos"
    euro: Literal["sub", "A4"] = "sub"
    unmappable: Literal["?", "ibm"] = "?"


class Transcoder(ABC):
    """Converts lines of one page to wire lines of one charset and counts what went wrong since it was made.

    `substitutions` counts characters that the target lacks or the page does not define, `controls` control characters that were
    taken out, `unbalanced_shifts` and `odd_bytes` repairs in double-byte text.
    """

    __slots__ = ("controls", "odd_bytes", "substitutions", "unbalanced_shifts")

    newline = b"\x15"

    def __init__(self) -> None:
        self.substitutions = 0
        self.controls = 0
        self.unbalanced_shifts = 0
        self.odd_bytes = 0

    @abstractmethod
    def record(self, record: bytes) -> bytes:
        """One record, without line end, in the charset of the target. Line breaks inside it become blanks."""

    @abstractmethod
    def lines(self, text: bytes) -> bytes:
        """Canonical lines as wire lines: as many as came in, each ended by CRLF."""


def without_controls(text: str) -> tuple[str, int]:
    """Text with its controls replaced, and how many there were; tab and line feed stay.

    A control character becomes a blank: it was invisible before, and columns stay where they are. SUB becomes "?": it says that a
    character was lost upstream. (Decision of ours; the product documents nothing.)
    """
    if _CONTROLS.search(text) is None:
        return text, 0
    return _CONTROLS.subn(lambda found: SUBSTITUTE if found[0] == _SUB else " ", text)


def is_control(character: str) -> bool:
    """Whether a character may not appear on the wire: C0 but tab, DEL and C1."""
    return character == "\n" or _CONTROLS.fullmatch(character) is not None
