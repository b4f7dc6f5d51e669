"""The report of a run, as SYSPRINT would show it: what is copied where, a line for each file, the totals.

Promises: one line of printable text for each thing told; a report that cannot be written never stops the copying.
Never: decides the return code; that is `duplicate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from cssmtp.clock import Clock
from cssmtp.spool.attributes import Attributes
from ezbmcopy.cards import Problem
from ezbmcopy.plan import Copy, Plan

PROBLEMS_SHOWN = 50
"""Lines about a deck; what is no deck at all has a problem on every card."""


@dataclass(slots=True)
class Totals:
    """Counts of a run: files, copies and bytes copied, files held, files of the drop zone not taken, failures of the spool."""

    files: int = 0
    copies: int = 0
    bytes: int = 0
    held: int = 0
    refused: int = 0
    failures: int = 0


class Report:
    """Writes the report to `stream`, line by line."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream: TextIO | None = stream
        self._clock = clock

    def line(self, text: str) -> None:
        """One line. When nobody reads the report any more, or its disk is full, the run goes on in silence."""
        if self._stream is None:
            return
        try:
            print("".join(each if each.isprintable() else "?" for each in text), file=self._stream, flush=True)
        except OSError:
            self._stream = None

    def event(self, what: str, text: str) -> None:
        """One line with the time of day in front."""
        self.line(f"{self._clock.wall():%H:%M:%S} {what:<9} {text}")

    def problems(self, found: list[Problem]) -> None:
        """What is wrong with a deck, each with its card."""
        for problem in found[:PROBLEMS_SHOWN]:
            where = f"card {problem.card}: " if problem.card else ""
            self.line(f"  {where}{'warning' if problem.warning else 'error'}: {problem.text}")
        if len(found) > PROBLEMS_SHOWN:
            self.line(f"  and {len(found) - PROBLEMS_SHOWN} more")

    def plan(self, plan: Plan) -> None:
        """What is going to be copied where."""
        self.line(f"EZBMCOPY {self._clock.wall():%Y-%m-%d %H:%M:%S} copies files for writer or destination {plan.source}")
        for copy in plan.copies:
            self.line(f"  {copy.name}: {describe(copy)}")
        if plan.at_end:
            self.line("  SPIN=NO: copies become visible when this run ends")

    def copied(self, original: Attributes, size: int, plan: Plan, *, resumed: int | None) -> None:
        """One file has been copied; `resumed` is how many copies were left of a file begun before (None: begun now)."""
        text = f"{_file(original)}, {size:,} bytes, to {' and '.join(target(copy) for copy in plan.copies)}"
        if resumed is not None:
            text = f"{_file(original)}, {size:,} bytes: {resumed} copies were left to make of what was begun before"
        self.event("copied", text)

    def held(self, original: Attributes, reason: str) -> None:
        self.event("held", f"{_file(original)}: {reason}")

    def refused(self, name: str, problem: str) -> None:
        self.event("not taken", f"{name}: {problem}")

    def failed(self, fault: str) -> None:
        self.event("spool", fault)

    def ended(self, totals: Totals, code: int) -> None:
        """The last line."""
        self.line(
            f"EZBMCOPY ended: {totals.files:,} files in {totals.copies:,} copies, {totals.bytes:,} bytes; {totals.held:,} held,"
            f" {totals.refused:,} not taken, {totals.failures:,} failures of the spool; return code {code}"
        )


def counted(number: int, noun: str) -> str:
    """Like "1 error" and "2 errors"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def target(copy: Copy) -> str:
    """Where a copy goes, in one word: its writer, or its destination."""
    return copy.writer or ".".join(part for part in (copy.dest.node, copy.dest.user) if part)


def describe(copy: Copy) -> str:
    """A copy in one line: where it goes and what it does not have from the original."""
    facts = [
        ("writer", copy.writer),
        ("destination", ".".join(part for part in (copy.dest.node, copy.dest.user) if part)),
        ("class", copy.sysout_class),
        ("forms", copy.forms),
        ("disposition", copy.outdisp),
        ("hold", "YES" if copy.hold else ""),
        ("copies", copy.copies),
        ("group", copy.group),
        ("priority", copy.priority),
    ]
    return ", ".join(f"{name} {value}" for name, value in facts if value not in (None, ""))


def _file(original: Attributes) -> str:
    owner = f" of {original.owner}" if original.owner else ""
    records = f", {original.records:,} records" if original.records else ""
    return f"{original.jobname} {original.jobid} D{original.dsid:07d}{owner}{records}"
