"""What `cssmtp check` found out about a file, for programs (JSON lines) and for people (tables).

Promises: `to_json` is one line of ASCII with fixed keys in fixed order, so that it can be read by anything and shown
anywhere; tables show users' text literally, never as markup, with unprintable characters escaped.
Never: reads a deck, prints by itself when only a line was asked for. rich is loaded when a table is made, not before.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from cssmtp.messages import plain
from cssmtp.model import BadRecipient, Fault
from cssmtp.observe.events import Disposition

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPE_WIDTH = 200
"""Columns of a table that does not go to a terminal, where nobody can say how wide it should be."""

ERRORS_SHOWN = 20
"""Errors that people are shown of one file; all are in the JSON form."""

TEXT_LIMIT = 300
"""Octets of users' text shown in a table."""


class Judgement(enum.Enum):
    """What would become of a mail."""

    DELIVERABLE = "deliverable"
    UNDELIVERABLE = "undeliverable"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class AssessedMail:
    """One mail of the file: `mail_from` and `recipients` without brackets, `bad_recipients` as written, `size` in octets."""

    number: int
    verdict: Judgement
    mail_from: str
    recipients: tuple[str, ...]
    bad_recipients: tuple[BadRecipient, ...]
    size: int

    def to_object(self) -> dict[str, object]:
        return {
            "number": self.number,
            "verdict": self.verdict.value,
            "mail_from": self.mail_from,
            "recipients": list(self.recipients),
            "bad_recipients": [bad.text for bad in self.bad_recipients],
            "size": self.size,
        }


@dataclass(frozen=True, slots=True)
class Assessment:
    """What would happen to one file.

    `file` is its path as given; `framing` (a value of the attribute of that name) and `code_page` say how it was read ("" =
    it could not be), `records_are` the framing in words for people. `counted_errors` count to JESSyntaxErrLimit.
    """

    file: str
    framing: str
    code_page: str
    records: int
    mails: tuple[AssessedMail, ...]
    errors: tuple[Fault, ...]
    counted_errors: int
    error_limit_reached: bool
    disposition: Disposition
    records_are: str = ""

    @property
    def clean(self) -> bool:
        """Nothing to report: `cssmtp check` returns 0 when all files are so."""
        return not self.errors and all(mail.verdict is Judgement.DELIVERABLE and not mail.bad_recipients for mail in self.mails)

    def count(self, verdict: Judgement) -> int:
        """How many mails got this verdict."""
        return sum(mail.verdict is verdict for mail in self.mails)

    def to_object(self) -> dict[str, object]:
        """The JSON form as a dictionary, keys in the order of the documentation."""
        return {
            "file": self.file,
            "framing": self.framing,
            "code_page": self.code_page,
            "records": self.records,
            "mails": [mail.to_object() for mail in self.mails],
            "errors": [
                {"record": fault.record, "mail": fault.mail, "reply": fault.reply, "counted": fault.counted}
                for fault in self.errors
            ],
            "counted_errors": self.counted_errors,
            "error_limit_reached": self.error_limit_reached,
            "disposition": self.disposition.value,
        }

    def to_json(self) -> str:
        """One JSON object on one line of ASCII, without line end."""
        return json.dumps(self.to_object())


def show(assessments: Sequence[Assessment], stream: TextIO) -> None:
    """Write the table of all files, then the errors of those that have any, to a terminal or anything else."""
    console = _console(stream)
    console.print(_overview(assessments))
    for assessment in assessments:
        if assessment.errors:
            console.print()
            console.print(_errors(assessment))


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def _overview(assessments: Sequence[Assessment]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for heading in ("file", "framing", "code page"):
        table.add_column(heading, overflow="fold")
    for heading in ("records", "mails", "deliverable", "undeliverable", "rejected", "errors"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("disposition", no_wrap=True)
    for one in assessments:
        texts = (one.file, one.records_are or one.framing or "unreadable", one.code_page or "-")
        numbers = (one.records, len(one.mails), *(one.count(verdict) for verdict in Judgement), len(one.errors))
        table.add_row(
            *(Text(plain(text, TEXT_LIMIT)) for text in texts),
            *(str(number) for number in numbers),
            Text(one.disposition.value, style="" if one.clean else "bold red"),
        )
    return table


def _errors(assessment: Assessment) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title=Text(plain(assessment.file, TEXT_LIMIT)), title_justify="left", caption_justify="left")
    table.add_column("record", justify="right", no_wrap=True)
    table.add_column("mail", justify="right", no_wrap=True)
    table.add_column("line", overflow="fold")
    table.add_column("reply", overflow="fold")
    for fault in assessment.errors[:ERRORS_SHOWN]:
        place = (str(number) if number else "-" for number in (fault.record, fault.mail))
        table.add_row(*place, Text(plain(fault.line, TEXT_LIMIT)), Text(plain(fault.reply, TEXT_LIMIT)))
    left = len(assessment.errors) - ERRORS_SHOWN
    if left > 0:
        table.caption = Text(f"and {left} more errors")
    return table
