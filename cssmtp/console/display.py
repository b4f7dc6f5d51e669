"""Layout of the operator displays.

Promises: pure: values in, text out; the labels and columns that IBM's presentation shows are kept to the letter.
Never: asks anything that runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cssmtp.config.grammar import Block, Parameter
from cssmtp.config.model import Configuration, Report, ReportTo
from cssmtp.config.schema import SCHEMA
from cssmtp.config.values import Choice, ReportDestination, YesNo
from cssmtp.config.write import blocks, spellings
from cssmtp.messages import CONFIG_TITLE

TITLE = f"{CONFIG_TITLE.id} {CONFIG_TITLE.text}"
LABELS = {"NULLTRNC": "NULLTRUNC", "TESTMODE": "TESTMODE:"}
"""Labels that are not the keyword in capitals (product-slides.md 2.2)."""

ALONE = frozenset({"CONFIGFILENAME", "TESTMODE:"})
"""Labels that stand alone on their line (product-slides.md 2.2); long values do so too."""

LEFT, VALUE, RIGHT = 19, 14, 16
WIDTHS = {"CONFIGFILENAME": 20, "DATALINETRUNC": 17}
"""Column widths, and the labels that differ (product-slides.md 2.2)."""

ABSENT = "NONE"
INACTIVE = "INACTIVE"
"""Values for what the file does not say, and for ExtendedRetry without its statement (ours)."""

BEFORE_OPTIONS = ("BadSpoolDisp", "Report")
"""The statements that share the line before the options (product-slides.md 2.2)."""

Field = tuple[str, str]


def configuration_display(configuration: Configuration, path: str, state: str = "") -> str:
    """The answer to MODIFY DISPLAY,CONFIG: all that is in effect, from the file `path` (product-slides.md 2.2).

    `state` says whether spool files are taken; "" where nothing runs.
    """
    lines = [TITLE, *_rows([("CONFIGFILENAME", path)])]
    if state:
        lines += _rows([("STATE", state)])
    singles = [row for row in SCHEMA.statements if isinstance(row, Parameter)]
    lines += _rows(field for row in singles if row.name not in BEFORE_OPTIONS for field in _single(row, configuration))
    lines += _rows(field for row in singles if row.name in BEFORE_OPTIONS for field in _single(row, configuration))
    ordered = sorted(SCHEMA.blocks(), key=lambda block: block.field != "options")
    for block in ordered:
        lines += _block(block, getattr(configuration, block.field))
    return "\n".join(lines) + "\n"


def configuration_json(configuration: Configuration, path: str, state: str) -> dict[str, Any]:
    """The same for programs: statements by name; a repeatable block is a list of objects, one that is not written null."""
    found: dict[str, Any] = {}
    for row in SCHEMA.statements:
        value = getattr(configuration, row.field)
        if isinstance(row, Parameter):
            texts = spellings(row, value)
            found[row.name] = texts if isinstance(value, tuple) else texts[0] if texts else None
        elif row.field == "targets":
            found[row.name] = [_object(entries) for entries in blocks(row, value)]
        else:
            found[row.name] = None if value is None else _object(next(iter(blocks(row, value))))
    return {"id": CONFIG_TITLE.id, "file": path, "state": state, "statements": found}


def _object(entries: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """A block's parameters; one that is written several times is a list."""
    found: dict[str, Any] = {}
    for name, text in entries:
        if name in found:
            found[name] = [*found[name], text] if isinstance(found[name], list) else [found[name], text]
        else:
            found[name] = text
    return found


def _single(row: Parameter, configuration: Configuration) -> Iterator[Field]:
    value = getattr(configuration, row.field)
    if isinstance(value, Report):
        yield "REPORT", value.to.value
        if value.to is ReportTo.SYSOUT:
            yield "REPORTCLASS", value.sysout_class
        return
    for text in spellings(row, value) or [ABSENT]:
        yield _label(row.name), _shown(row, text)


def _block(block: Block, value: Any) -> Iterator[str]:
    if value is None:
        yield from _rows([(_label(block.name), INACTIVE)])
        return
    for entries in blocks(block, value):
        yield f"  {_label(block.name)}:"
        fields = []
        for name, text in entries:
            row = SCHEMA.parameter(block.name, name)
            fields.append((_label(name), text if row is None else _shown(row, text)))
        yield from _rows(fields)


def _label(name: str) -> str:
    return LABELS.get(name.upper(), name.upper())


def _shown(row: Parameter, text: str) -> str:
    """Words of the language in capitals; names, paths and mailboxes as they are, because their letter case matters."""
    return text.upper() if isinstance(row.kind, YesNo | Choice | ReportDestination) else text


def _rows(fields: Iterable[Field]) -> Iterator[str]:
    """Two fields to a line, in their order; one that is long or stands alone by tradition has a line of its own."""
    waiting = ""
    for label, value in fields:
        long = label in ALONE or len(value) >= VALUE
        if waiting and not long and len(label) <= WIDTHS.get(label, RIGHT):
            yield f"{waiting}{label:<{WIDTHS.get(label, RIGHT)}}: {value}"
            waiting = ""
            continue
        if waiting:
            yield waiting.rstrip()
            waiting = ""
        line = f"  {label:<{WIDTHS.get(label, LEFT) if label in ALONE else LEFT}}: "
        if long:
            yield line + value
        else:
            waiting = f"{line}{value:<{VALUE}}"
    if waiting:
        yield waiting.rstrip()
