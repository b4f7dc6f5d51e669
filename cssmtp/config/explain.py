"""The schema as help for people.

Promises: every statement and parameter with meaning, values, default, since when, whether REFRESH changes it and whether it is
an extension.
Never: says what the table does not.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from cssmtp.config.diagnostic import did_you_mean, quoted
from cssmtp.config.grammar import Block, Parameter
from cssmtp.config.schema import SCHEMA
from cssmtp.errors import UsageError

WIDTH = 100


def explain(keyword: str = "") -> str:
    """Help for one statement or parameter (any letter case), "" for all. Raises `errors.UsageError` for an unknown one."""
    if not keyword:
        return "\n".join(line for row in SCHEMA.statements for line in _statement(row)) + "\n"
    row = SCHEMA.statement(keyword)
    if row is not None:
        return "\n".join(_statement(row)) + "\n"
    owners = [SCHEMA.statement(name) for name in SCHEMA.owners(keyword)]
    if not owners:
        names = {row.name for row in SCHEMA.statements} | {row.name for block in SCHEMA.blocks() for row in block.parameters}
        near = did_you_mean(keyword, names)
        raise UsageError(f"{quoted(keyword)} is no statement or parameter" + (f" -- {near}" if near else ""))
    found = [(block, SCHEMA.parameter(block.name, keyword)) for block in owners if block is not None]
    return "\n".join(line for block, row in found if row for line in [f"in {block.name}:", *_lines(row, "  ")]) + "\n"


def _statement(row: Parameter | Block) -> Iterator[str]:
    if isinstance(row, Parameter):
        yield from _lines(row, "")
        return
    yield row.name
    yield "{"
    for parameter in row.parameters:
        yield from _lines(parameter, "  ")
    yield "}"
    yield from textwrap.wrap(row.meaning, WIDTH, initial_indent="    ", subsequent_indent="    ")
    facts = [f"default: {row.default}", f"since: {row.since}", *_marks(row)]
    yield f"    {'; '.join(facts)}"
    yield ""


def _lines(row: Parameter, indent: str) -> Iterator[str]:
    inner = indent + "    "
    yield indent + row.name
    yield from textwrap.wrap(row.meaning, WIDTH, initial_indent=inner, subsequent_indent=inner)
    yield from textwrap.wrap(f"values: {row.kind.allowed}", WIDTH, initial_indent=inner, subsequent_indent=inner)
    changed = "yes" if row.refreshable else "no"
    facts = [f"default: {row.default or 'none'}", f"changed by REFRESH: {changed}", f"since: {row.since}", *_marks(row)]
    yield f"{inner}{'; '.join(facts)}"
    if not indent:
        yield ""


def _marks(row: Parameter | Block) -> Iterator[str]:
    if row.repeatable:
        yield "may be repeated"
    if row.extension:
        yield "EXTENSION, not in CSSMTP"
