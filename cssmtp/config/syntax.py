"""Words -> a tree of statements (configuration.md 2).

Promises: `KEYWORD value` lines and `KEYWORD` / `{` / parameters / `}` blocks become statements in file order; a misplaced or
missing brace is reported once and the reading goes on where a person would go on.
Never: judges keywords or values; the vocabulary is only asked where a brace is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from cssmtp.config.diagnostic import quoted
from cssmtp.config.tokens import Complain, Word

OPEN, CLOSE = "{", "}"
OWN_LINE = "the keyword, each brace and each parameter stand on a line of their own"


class Vocabulary(Protocol):
    """What the parser must know to guess well where a brace is missing. Keywords in any letter case."""

    def is_block(self, keyword: str) -> bool:
        """Is it a statement with a block?"""
        ...

    def is_statement(self, keyword: str) -> bool: ...

    def is_parameter(self, statement: str, keyword: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One `KEYWORD value ...` line inside a block."""

    keyword: Word
    values: tuple[Word, ...]


@dataclass(slots=True)
class Statement:
    """One statement; `block` holds its parameters in file order, none for a one-line statement."""

    keyword: Word
    values: tuple[Word, ...]
    block: list[Entry] = field(default_factory=list)


class Parser:
    """Reads rows of words; one use per file."""

    def __init__(self, vocabulary: Vocabulary, complain: Complain) -> None:
        self._vocabulary = vocabulary
        self._complain = complain
        self._statements: list[Statement] = []
        self._waiting: Statement | None = None
        """A block statement whose opening brace has not come yet."""
        self._open: Statement | None = None
        """The statement whose block is being read."""
        self._brace_ahead = ""
        """The next brace that begins a line below the current one."""

    def parse(self, rows: list[list[Word]]) -> list[Statement]:
        """All statements of the file, in order."""
        for row, self._brace_ahead in zip(rows, _next_braces(rows), strict=True):
            self._row(row)
        if self._waiting is not None:
            self._missing_open(self._waiting)
        if self._open is not None:
            self._missing_close(self._open)
        return self._statements

    def _row(self, row: list[Word]) -> None:
        first = row[0]
        if first.text == OPEN:
            self._opening(first)
            if len(row) > 1:
                self._error(row[1], f"{quoted(row[1].text)} follows the {{ on its line", OWN_LINE)
        elif first.text == CLOSE:
            self._closing(first)
            if len(row) > 1:
                self._error(row[1], f"{quoted(row[1].text)} follows the }} on its line", OWN_LINE)
        else:
            self._keyword(row)

    def _opening(self, brace: Word) -> None:
        if self._waiting is not None:
            self._open, self._waiting = self._waiting, None
        elif self._open is not None:
            self._error(brace, f"a {{ inside the block of {self._open.keyword.text}", "blocks do not nest: remove it")
        elif self._statements and not self._vocabulary.is_block(self._statements[-1].keyword.key):
            self._open = Statement(self._statements[-1].keyword, ())
            keyword = self._open.keyword
            if self._vocabulary.is_statement(keyword.key):
                self._error(brace, f"a {{ after {keyword.text}, which is not a block statement", "remove the block")
        else:
            self._error(brace, "a { without a statement before it", "write the statement's keyword on the line before")

    def _closing(self, brace: Word) -> None:
        if self._waiting is not None:
            self._missing_open(self._waiting)
            self._waiting = None
        elif self._open is not None:
            self._open = None
        else:
            self._error(brace, "a } without a block to close", "remove it, or write the missing {")

    def _keyword(self, row: list[Word]) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._missing_open(waiting)
            if self._belongs(waiting, row[0]):
                self._open = waiting
        if self._open is not None and not self._belongs(self._open, row[0]):
            if self._brace_ahead == CLOSE:
                self._misplaced(self._open, row[0])
                return
            self._missing_close(self._open, f" before line {row[0].line}")
            self._open = None
        if self._open is None:
            self._statement(row)
        else:
            self._parameter(self._open, row)

    def _belongs(self, block: Statement, keyword: Word) -> bool:
        """Inside a block everything is a parameter, but for the keyword of a statement that this block does not know."""
        known = self._vocabulary
        return known.is_parameter(block.keyword.key, keyword.key) or not known.is_statement(keyword.text.rstrip(OPEN))

    def _statement(self, row: list[Word]) -> None:
        keyword, values = row[0], row[1:]
        attached = keyword.text.endswith(OPEN) and self._vocabulary.is_statement(keyword.text[:-1])
        if attached:
            keyword = Word(keyword.text[:-1], keyword.line, keyword.column)
        statement = Statement(keyword, tuple(values))
        self._statements.append(statement)
        if self._vocabulary.is_block(keyword.key):
            if attached or (values and values[0].text == OPEN):
                place = row[0] if attached else values[0]
                self._error(place, f"the {{ of {keyword.text} is on the keyword's line", "put the { on a line of its own, below")
                statement.values = ()
                self._open = None if row[-1].text == CLOSE else statement
            else:
                self._waiting = statement
        elif attached:
            self._error(row[0], f"{keyword.text} is not a block statement", "remove the {")
        elif values and values[0].text == OPEN and not self._vocabulary.is_statement(keyword.key):
            self._open = Statement(keyword, ())

    def _parameter(self, block: Statement, row: list[Word]) -> None:
        closes = len(row) > 2 and row[-1].text == CLOSE
        if closes:
            self._error(
                row[-1], f"the }} of {block.keyword.text} is on a parameter's line", "put the } on a line of its own, below"
            )
            row = row[:-1]
        block.block.append(Entry(row[0], tuple(row[1:])))
        if closes:
            self._open = None

    def _misplaced(self, block: Statement, keyword: Word) -> None:
        """A statement inside a block whose closing brace is still to come."""
        text = f"{keyword.text} is a statement of its own, not a parameter of {block.keyword.text}"
        self._error(keyword, text, "move it out of the block")

    def _missing_open(self, statement: Statement) -> None:
        keyword = statement.keyword
        remedy = f"write {{ and }} on lines of their own after {keyword.text}, the parameters between them"
        self._error(keyword, f"the {{ of {keyword.text} is missing", remedy)

    def _missing_close(self, statement: Statement, where: str = "") -> None:
        keyword = statement.keyword
        self._error(
            keyword, f"the }} of {keyword.text} is missing{where}", "write } on a line of its own after the last parameter"
        )

    def _error(self, word: Word, text: str, remedy: str) -> None:
        self._complain(word.line, word.column, text, remedy)


def _next_braces(rows: list[list[Word]]) -> list[str]:
    """For each row the first brace that begins a later row, "" when there is none."""
    ahead = []
    brace = ""
    for row in reversed(rows):
        ahead.append(brace)
        if row[0].text in {OPEN, CLOSE}:
            brace = row[0].text
    return ahead[::-1]
