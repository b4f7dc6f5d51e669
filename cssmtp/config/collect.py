"""Statement tree -> the values given, each with its row of the schema and its place.

Promises: every keyword and value is judged by the schema; duplicates, extensions (when asked) and misspellings are reported.
Never: compares statements with one another, fills in defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cssmtp.config.diagnostic import Findings, did_you_mean, quoted
from cssmtp.config.grammar import Block, Parameter, Schema
from cssmtp.config.schema import SCHEMA
from cssmtp.config.syntax import Entry, Statement
from cssmtp.config.tokens import Word
from cssmtp.config.values import BadValue, CodePageCheck

TARGET_FIELDS = ("ip", "name", "mx")
"""The parameters that name a target; how often they may occur is a rule of its own."""


@dataclass(frozen=True, slots=True)
class Given:
    """One value that the file gives; `word` is its keyword."""

    row: Parameter
    value: Any
    word: Word


@dataclass(slots=True)
class GivenBlock:
    """One block that the file gives. `failed` are the fields whose value was bad."""

    word: Word
    entries: list[Given] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)

    def find(self, name: str) -> Given | None:
        """The value that counts for a field: the last one."""
        return next((given for given in reversed(self.entries) if given.row.field == name), None)

    def values(self) -> dict[str, Any]:
        """Field -> the value that counts."""
        return {given.row.field: given.value for given in self.entries}


class Collector:
    """Goes through the statements of one file. `strict` reports each extension."""

    def __init__(self, findings: Findings, pages: CodePageCheck, *, strict: bool = False, schema: Schema = SCHEMA) -> None:
        self._findings = findings
        self._pages = pages
        self._strict = strict
        self._schema = schema
        self.singles: dict[str, Given] = {}
        self.repeated: dict[str, list[Given]] = {}
        self.blocks: dict[str, GivenBlock] = {}
        self.targets: list[GivenBlock] = []
        self.failed: set[str] = set()
        """Fields of statements whose value was bad; rules leave them alone."""

    def collect(self, statements: list[Statement]) -> None:
        for statement in statements:
            row = self._schema.statement(statement.keyword.key)
            match row:
                case Block():
                    self._block(row, statement)
                case Parameter():
                    self._single(row, statement)
                case _:
                    self._unknown_statement(statement.keyword)

    def value(self, name: str, default: Any) -> Any:
        """The value of a one-line statement, or `default`."""
        given = self.singles.get(name)
        return default if given is None else given.value

    def place(self, name: str) -> tuple[int, int]:
        """Where a one-line statement stands; (0, 0) when the file has none."""
        given = self.singles.get(name)
        return (0, 0) if given is None else (given.word.line, given.word.column)

    def _single(self, row: Parameter, statement: Statement) -> None:
        if any(word.text == "{" for word in statement.values[-1:]):
            word = statement.values[-1]
            self._findings.error(word.line, word.column, f"{row.name} is not a block statement", "remove the {")
            self.failed.add(row.field)
            return
        given = self._given(row, statement.keyword, statement.values)
        if given is None:
            self.failed.add(row.field)
        elif row.repeatable:
            self.repeated.setdefault(row.field, []).append(given)
        else:
            self._twice(self.singles.get(row.field), given.word, row.name)
            self.singles[row.field] = given

    def _block(self, row: Block, statement: Statement) -> None:
        keyword = statement.keyword
        self._extension(row, keyword)
        if statement.values:
            word = statement.values[0]
            remedy = "its parameters stand between { and }, each on a line of its own"
            self._findings.error(word.line, word.column, f"{row.name} takes no value on its line", remedy)
        block = GivenBlock(keyword)
        for entry in statement.block:
            self._parameter(row, block, entry)
        if row.repeatable:
            self.targets.append(block)
        else:
            earlier = self.blocks.get(row.field)
            if earlier is not None:
                self._duplicate(keyword, row.name, earlier.word)
            self.blocks[row.field] = block

    def _parameter(self, block_row: Block, block: GivenBlock, entry: Entry) -> None:
        row = self._schema.parameter(block_row.name, entry.keyword.key)
        if row is None:
            self._unknown_parameter(block_row, entry.keyword)
            return
        given = self._given(row, entry.keyword, entry.values)
        if given is None:
            block.failed.add(row.field)
            return
        if not row.repeatable and row.field not in TARGET_FIELDS:
            self._twice(block.find(row.field), given.word, row.name)
        block.entries.append(given)

    def _given(self, row: Parameter, keyword: Word, values: tuple[Word, ...]) -> Given | None:
        self._extension(row, keyword)
        try:
            value = row.kind.parse([word.text for word in values], self._pages)
        except BadValue as bad:
            place = values[bad.at] if values else keyword
            remedy = bad.remedy
            if not values and keyword.commented:
                remedy = "a # after a blank begins a comment, so no value is left"
            self._findings.error(place.line, place.column, f"{row.name}: {bad.text}", remedy)
            return None
        return Given(row, value, keyword)

    def _extension(self, row: Parameter | Block, keyword: Word) -> None:
        if self._strict and row.extension:
            self._findings.warning(keyword.line, keyword.column, f"{row.name} is an extension that CSSMTP does not have")

    def _twice(self, earlier: Given | None, word: Word, name: str) -> None:
        if earlier is not None:
            self._duplicate(word, name, earlier.word)

    def _duplicate(self, word: Word, name: str, earlier: Word) -> None:
        text = f"{name} stands in line {earlier.line} already; this one, the last, counts"
        self._findings.warning(word.line, word.column, text, "keep one of them")

    def _unknown_statement(self, keyword: Word) -> None:
        if self._findings.full:
            self._findings.error(keyword.line, keyword.column, f"{quoted(keyword.text)} is not a statement")
            return
        bare, remedy = self._separated(keyword)
        owners = self._schema.owners(bare)
        names = [statement.name for statement in self._schema.statements]
        if owners and not remedy:
            remedy = f"it is a parameter of {' and of '.join(owners)}: write it in the block"
        remedy = remedy or did_you_mean(bare, names)
        if not remedy:
            near = did_you_mean(bare, {row.name for block in self._schema.blocks() for row in block.parameters})
            remedy = near or "cssmtp config --explain lists the statements"
        self._findings.error(keyword.line, keyword.column, f"{quoted(keyword.text)} is not a statement", remedy)

    def _unknown_parameter(self, block: Block, keyword: Word) -> None:
        if self._findings.full:
            self._findings.error(keyword.line, keyword.column, f"{quoted(keyword.text)} is not a parameter of {block.name}")
            return
        bare, remedy = self._separated(keyword)
        names = [row.name for row in block.parameters]
        remedy = remedy or did_you_mean(bare, names)
        owners = self._schema.owners(bare)
        if owners and not any(name.lower() == bare.lower() for name in names):
            remedy = f"it is a parameter of {' and of '.join(owners)}"
        allowed = f"allowed: {', '.join(names)}"
        self._findings.error(
            keyword.line, keyword.column, f"{quoted(keyword.text)} is not a parameter of {block.name}; {allowed}", remedy
        )

    def _separated(self, keyword: Word) -> tuple[str, str]:
        """A keyword without what is glued to it (`LogLevel=7`, `Count:`), and the remedy when something is."""
        for separator in "=:":
            bare, found, _ = keyword.text.partition(separator)
            if found and (self._schema.is_statement(bare) or self._schema.owners(bare)):
                return bare, f"a blank stands between keyword and value, no {separator}"
        return keyword.text, ""
