"""What is said about a configuration file: one finding, its place and the way out.

Promises: a finding prints as one line of printable text, whatever bytes the file held; findings are values and can be compared.
Never: raised, except bundled in `errors.ConfigurationError` by `load.require`.
"""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable
from dataclasses import dataclass

SHOWN_CHARACTERS = 60
"""A word of the file is quoted in a message up to this length; the rest is of no help."""

CLOSE_ENOUGH = 0.65
"""Similarity (difflib ratio) from which a known word is offered as "did you mean"."""


class Severity(enum.Enum):
    """An error makes the file unusable, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `line` and `column` count from 1; 0 = the file as a whole (`column` also: the line as a whole)."""

    severity: Severity
    file: str
    line: int
    column: int
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        place = ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])
        remedy = f" -- {self.remedy}" if self.remedy else ""
        return f"{place}: {self.severity.value}: {self.text}{remedy}"


def quoted(word: str) -> str:
    """A word of the file, fit for a message: in quotes, without control characters, at most `SHOWN_CHARACTERS` of it.

    Undecodable bytes (lone surrogates from the reader) appear as X'hh'.
    """
    cut = word if len(word) <= SHOWN_CHARACTERS else word[:SHOWN_CHARACTERS] + "..."
    return '"' + "".join(_printable(character) for character in cut) + '"'


def _printable(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"X'{ord(character) - 0xDC00:02X}'"
    return character if character.isprintable() else f"U+{ord(character):04X}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "did you mean A or B?" for the known words nearest to `word` (letter case ignored), or "" when none is near."""
    spelling = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower()[:SHOWN_CHARACTERS], spelling, n=2, cutoff=CLOSE_ENOUGH)
    return f"did you mean {' or '.join(spelling[name] for name in near)}?" if near else ""


MAX_DIAGNOSTICS = 100
"""More findings than this help nobody; the rest is counted."""


class Findings:
    """Collects the findings of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Diagnostic] = []

    def error(self, line: int, column: int, text: str, remedy: str = "") -> None:
        self._found.append(Diagnostic(Severity.ERROR, self.file, line, column, text, remedy))

    def warning(self, line: int, column: int, text: str, remedy: str = "") -> None:
        self._found.append(Diagnostic(Severity.WARNING, self.file, line, column, text, remedy))

    @property
    def full(self) -> bool:
        """Are there so many that the texts of further ones will not be seen? Then remedies need not be looked for."""
        return len(self._found) >= MAX_DIAGNOSTICS

    @property
    def failed(self) -> bool:
        """Has an error been found?"""
        return any(finding.severity is Severity.ERROR for finding in self._found)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The findings in the order of the file. When there are too many the last one counts the rest."""
        found = sorted(self._found, key=lambda finding: (finding.line, finding.column))
        if len(found) <= MAX_DIAGNOSTICS:
            return tuple(found)
        shown, rest = found[:MAX_DIAGNOSTICS], found[MAX_DIAGNOSTICS:]
        severity = Severity.ERROR if self.failed else Severity.WARNING
        return (*shown, Diagnostic(severity, self.file, rest[0].line, 0, f"{len(rest)} more findings from here on"))
