"""The result: figures beside their goals, as a table for people and as JSON for programs.

Promises: every row says its goal and whether it was reached; a row without a goal says nothing of the kind.
Never: measures.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.errand import Run

ROW_HEADS = ("case", "cssmtp", "figure", "rounds", "goal", "")
SENDING_HEADS = ("case", "sender", "mails", "mails/s", "CPU us a mail", "peak MiB", "server's cores")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: the median of `values`, one a round. `goal` is the least, or with `at_most` the most, it should be."""

    case: str
    measure: str
    values: tuple[float, ...]
    unit: str = "times"
    goal: float | None = None
    at_most: bool = False

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        """None when there is no goal."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        spread = f"{_short(min(self.values))} .. {_short(max(self.values))}" if len(self.values) > 1 else ""
        goal = "" if self.goal is None else f"{'<=' if self.at_most else '>='} {_short(self.goal)}"
        verdict = {None: "", True: "reached", False: "NOT REACHED"}[self.reached]
        return (self.case, self.measure, f"{_short(self.value)} {self.unit}", spread, goal, verdict)


@dataclass(frozen=True, slots=True)
class Sending:
    """The runs of one sender in one case, one a round."""

    case: str
    sender: str
    runs: tuple[Run, ...]

    def cells(self) -> tuple[str, ...]:
        """Medians as text. The last cell is the part of a core that the server needed: near 1, it bounds the rate."""
        peak = max(run.peak for run in self.runs)
        return (
            self.case,
            self.sender,
            f"{self.runs[0].mails:,}",
            f"{statistics.median(run.rate for run in self.runs):,.0f}",
            f"{statistics.median(run.cpu_a_mail for run in self.runs):,.0f}",
            f"{peak / 2**20:.0f}" if peak else "",
            f"{statistics.median(run.server_cpu / run.seconds for run in self.runs):.2f}",
        )


@dataclass(slots=True)
class Result:
    """Everything that a run of the benchmark found."""

    machine: dict[str, str]
    rounds: int
    rows: list[Row]
    sendings: list[Sending]
    skipped: Mapping[str, str]

    def text(self) -> str:
        """For people."""
        parts = [", ".join(f"{name} {value}" for name, value in self.machine.items())]
        parts.append(f"{self.rounds} interleaved rounds; medians, in the ratios' table with the least and the most of a round")
        parts += [f"skipped: {peer} ({reason})" for peer, reason in self.skipped.items()]
        if self.sendings:
            parts += ["", *_aligned([SENDING_HEADS, *(each.cells() for each in self.sendings)], right=range(2, 7))]
        parts += ["", *_aligned([ROW_HEADS, *(row.cells() for row in self.rows)], right=range(2, 3))]
        with_goal = [row for row in self.rows if row.goal is not None]
        parts += ["", f"{sum(bool(row.reached) for row in with_goal)} of {len(with_goal)} goals reached"]
        return "\n".join(parts)

    def write_json(self, path: Path) -> None:
        """For programs."""
        document = {
            "machine": self.machine,
            "rounds": self.rounds,
            "skipped": dict(self.skipped),
            "rows": [asdict(row) | {"value": row.value, "reached": row.reached} for row in self.rows],
            "sendings": [asdict(each) for each in self.sendings],
        }
        path.write_text(json.dumps(document, indent=1) + "\n")


def _short(number: float) -> str:
    """Three figures that count, or all of a large number."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _aligned(rows: list[tuple[str, ...]], right: range) -> list[str]:
    """Columns as wide as their widest cell, two blanks between; those of `right` end at the same column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_cell(text, widths[at], at in right) for at, text in enumerate(row)).rstrip() for row in rows]


def _cell(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
