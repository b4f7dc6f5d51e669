"""What a row of the schema is, and how the table is asked.

Promises: keywords are found in any letter case.
Never: holds a row (that is `schema`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cssmtp.config.values import Kind


@dataclass(frozen=True, slots=True)
class Parameter:
    """One `KEYWORD value` line, in a block or, with `field` at top level, a statement by itself.

    `default` is written as in the file, "" = none; `since` is the release or APAR that brought it; `evidence` see the module.
    """

    name: str
    field: str
    kind: Kind
    default: str
    meaning: str
    refreshable: bool = True
    repeatable: bool = False
    since: str = "V1R11"
    extension: bool = False
    evidence: str = "D"


@dataclass(frozen=True, slots=True)
class Block:
    """One statement with a braced list of parameters. `make` is the model's class for it."""

    name: str
    field: str
    make: type
    parameters: tuple[Parameter, ...]
    meaning: str
    default: str = "each parameter's own"
    repeatable: bool = False
    since: str = "V1R11"
    extension: bool = False
    evidence: str = "D"


class Schema:
    """The table, asked by keyword in any letter case. Serves `syntax.Parser` as its vocabulary."""

    def __init__(self, statements: tuple[Parameter | Block, ...]) -> None:
        self.statements = statements
        self._by_key = {statement.name.lower(): statement for statement in statements}
        self._parameters = {block.name.lower(): {row.name.lower(): row for row in block.parameters} for block in self.blocks()}

    def blocks(self) -> Iterator[Block]:
        return (statement for statement in self.statements if isinstance(statement, Block))

    def statement(self, keyword: str) -> Parameter | Block | None:
        return self._by_key.get(keyword.lower())

    def parameter(self, statement: str, keyword: str) -> Parameter | None:
        return self._parameters.get(statement.lower(), {}).get(keyword.lower())

    def owners(self, keyword: str) -> list[str]:
        """The block statements that have a parameter of this name."""
        return [block.name for block in self.blocks() if self.parameter(block.name, keyword) is not None]

    def is_block(self, keyword: str) -> bool:
        return isinstance(self.statement(keyword), Block)

    def is_statement(self, keyword: str) -> bool:
        return self.statement(keyword) is not None

    def is_parameter(self, statement: str, keyword: str) -> bool:
        return self.parameter(statement, keyword) is not None
