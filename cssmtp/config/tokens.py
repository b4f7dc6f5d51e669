"""Text of a configuration file -> words with their places (configuration.md 2).

Promises: every word with line and column (from 1); comments, blanks and line ends gone; every fault of the text reported.
Never: knows a keyword; stops at a fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cssmtp.config.diagnostic import quoted

MAX_LINE_CHARACTERS = 1024
"""Longest line without its trailing blanks; configuration.md 2 found no figure and proposes this one."""

BLANKS = " \t"
_REMEDIES = {"\r": "end lines with LF or CR LF"}

Complain = Callable[[int, int, str, str], None]
"""Takes an error: line, column, text, remedy."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the file and where it begins. `commented` tells that a comment follows it on its line."""

    text: str
    line: int
    column: int
    commented: bool = False

    @property
    def key(self) -> str:
        """The word as keywords are compared: letter case does not matter."""
        return self.text.lower()


def words(text: str, complain: Complain) -> list[list[Word]]:
    """The words of each line that has any, in file order. Faults of a line are given to `complain` and the line is left out.

    Lines end with LF or CR LF; a byte order mark at the start is ignored.
    """
    found = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        content = line.removesuffix("\r").rstrip(BLANKS)
        if len(content) > MAX_LINE_CHARACTERS:
            complain(
                number,
                0,
                f"the line has {len(content)} characters; {MAX_LINE_CHARACTERS} are allowed",
                "there is no continuation: shorten the value or the comment",
            )
            continue
        row = _split(content, number)
        faults = [fault for word in row if (fault := _fault(word)) is not None]
        for column, problem, remedy in faults:
            complain(number, column, problem, remedy)
        if row and not faults:
            found.append(row)
    return found


def _split(line: str, number: int) -> list[Word]:
    """Cut a line at blanks and tabs. `#` opens a comment only where a word would begin, so `MAIL#1` is one word."""
    row: list[Word] = []
    at = 0
    while at < len(line):
        if line[at] in BLANKS:
            at += 1
            continue
        if line[at] == "#":
            if row:
                last = row[-1]
                row[-1] = Word(last.text, last.line, last.column, commented=True)
            break
        end = at
        while end < len(line) and line[end] not in BLANKS:
            end += 1
        row.append(Word(line[at:end], number, at + 1))
        at = end
    return row


def _fault(word: Word) -> tuple[int, str, str] | None:
    """The first character of a word that no word may hold: (column, text, remedy)."""
    for place, character in enumerate(word.text, start=word.column):
        if "\udc80" <= character <= "\udcff" or character == "\ufffd":
            return (
                place,
                f"the bytes of {quoted(word.text)} cannot be decoded",
                "save the file as UTF-8, or name its EBCDIC code page in CSSMTP_CODEPAGE_CONFIG",
            )
        if not character.isprintable():
            remedy = _REMEDIES.get(character, "use ordinary blanks" if character.isspace() else "remove it")
            return place, f"the character U+{ord(character):04X} is not allowed here", remedy
    return None
