"""`Configuration` -> text of a configuration file.

Promises: every statement in effect, defaults written out; reading the text gives the same configuration (but for `source`).
Never: keeps comments, order or spelling of the file it came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cssmtp.config.grammar import Block, Parameter
from cssmtp.config.model import AddressKind, Configuration, TargetServer
from cssmtp.config.schema import SCHEMA

_NAMES = {AddressKind.IP: "ip", AddressKind.NAME: "name", AddressKind.MX: "mx"}


def write(configuration: Configuration) -> str:
    """The file that says what the configuration says. Values that are simply absent are left out."""
    lines: list[str] = []
    for row in SCHEMA.statements:
        value = getattr(configuration, row.field)
        if isinstance(row, Parameter):
            lines += [f"{row.name:<19}{text}" for text in spellings(row, value)]
            continue
        for block in blocks(row, value):
            lines += [row.name, "{", *(f"  {name:<21}{text}" for name, text in block), "}"]
    return "\n".join(lines) + "\n"


def spellings(row: Parameter, value: Any) -> list[str]:
    """How a value is written: one text per occurrence of the keyword, none for an absent value."""
    values = value if row.repeatable else (value,)
    return [text for single in values if (text := row.kind.show(single))]


def blocks(row: Block, value: Any) -> Iterator[list[tuple[str, str]]]:
    """The blocks to write for a statement: each a list of (parameter, text). None for an absent ExtendedRetry, one per target."""
    if value is None:
        return
    for single in value if row.repeatable else (value,):
        yield [(parameter.name, text) for parameter, text in _parameters(row, single)]


def _parameters(row: Block, value: Any) -> Iterator[tuple[Parameter, str]]:
    by_field = {parameter.field: parameter for parameter in row.parameters}
    if isinstance(value, TargetServer):
        for address in value.addresses:
            row_of = by_field[_NAMES[address.kind]]
            yield row_of, row_of.kind.show(address.value)
    for parameter in row.parameters:
        if hasattr(value, parameter.field):
            text = parameter.kind.show(getattr(value, parameter.field))
            if text:
                yield parameter, text
