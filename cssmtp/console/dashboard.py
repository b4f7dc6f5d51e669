"""The picture of `cssmtp top`: one frame from one snapshot and the one before.

Promises: pure; everything fits the width it is given, on a narrow terminal by leaving out what matters least, never by cutting a
number; nothing of users or servers reaches the terminal unescaped.
Never: asks, waits or writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cssmtp.messages import plain

Data = Mapping[str, Any]
"""A snapshot as `handlers.as_data` makes it."""

WIDE = 100
"""Columns of a terminal from which everything is shown."""

TASKS_SHOWN = 16
REMARKS_SHOWN = 8
GOOD, BAD, CAUTION, FAINT = "green", "bold red", "yellow", "bright_black"
STATE_STYLES = {"UP": GOOD, "DOWN": BAD, "UNKNOWN": FAINT, "ACTIVE": GOOD, "LONG RETRY": CAUTION}


def frame(data: Data, before: Data | None) -> RenderableType:
    """One frame. `before` is an earlier snapshot, from which rates are reckoned; None = there are none yet."""
    return _Frame(data, before)


class _Frame:
    """Chooses what to show when it knows the width."""

    def __init__(self, data: Data, before: Data | None) -> None:
        self._data = data
        self._before = before

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        data, before = self._data, self._before
        seconds = _seconds(before, data) if before is not None else 0.0
        wide = options.max_width >= WIDE
        yield _head(data)
        yield _numbers(data, before, seconds)
        yield _targets(data, before, seconds, wide=wide)
        yield _tasks(data["tasks"], wide=wide)
        yield _remarks(data["remarks"])


def absent(reason: str) -> RenderableType:
    """The frame while no gateway answers."""
    return Panel(Text(plain(reason, 300), BAD), title="CSSMTP", box=box.ROUNDED, border_style=BAD)


def rate(now: int, before: int, seconds: float) -> str:
    """How many a second, "" when nobody knows: no earlier number, or the gateway was started again in between."""
    if seconds <= 0 or now < before:
        return ""
    found = (now - before) / seconds
    return f"{found:,.0f}" if found >= 10 or found == 0 else f"{found:.1f}"


def _seconds(before: Data, data: Data) -> float:
    if before["started"] != data["started"]:
        return 0.0
    return (_time(data["time"]) - _time(before["time"])).total_seconds()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _head(data: Data) -> RenderableType:
    running = timedelta(seconds=int((_time(data["time"]) - _time(data["started"])).total_seconds()))
    left = Text.assemble(
        (f" {data['job']} ", "bold reverse"),
        "  ",
        (data["activity"], GOOD if data["activity"] == "ACTIVE" else BAD),
        "" if data["ready"] else (" initializing", CAUTION),
        (f"   up {running}", FAINT),
    )
    right = Text(f"LogLevel {data['log_level']}   {data['time'][:19].replace('T', ' ')} ", FAINT)
    line = Table.grid(expand=True)
    line.add_column()
    line.add_column(justify="right", no_wrap=True)
    line.add_row(left, right)
    return line


def _numbers(data: Data, before: Data | None, seconds: float) -> RenderableType:
    retrying = sum(task["retrying"] for task in data["tasks"])
    extended = data["extended"]
    waiting = extended["current"] if extended else 0
    sent = rate(data["sent"], before["sent"] if before else 0, seconds)
    cells = [
        ("sent", f"{data['sent']:,}", GOOD),
        ("sent/s", sent or "-", GOOD),
        ("failed", f"{data['failed']:,}", BAD if data["failed"] else FAINT),
        ("waiting", f"{data['waiting']:,}", ""),
        ("long retry", f"{retrying:,}", CAUTION if retrying else FAINT),
        ("extended", "off" if extended is None else f"{waiting:,}", CAUTION if waiting else FAINT),
        ("files", f"{data['files']:,}", ""),
    ]
    table = Table(box=box.ROUNDED, expand=True, show_header=True, header_style=FAINT, border_style=FAINT)
    for name, _, _ in cells:
        table.add_column(name, justify="center", no_wrap=True)
    table.add_row(*(Text(value, f"bold {style}".strip()) for _, value, style in cells))
    return table


def _targets(data: Data, before: Data | None, seconds: float, *, wide: bool) -> RenderableType:
    columns = ("server", "pref", "state", "TLS", "conn", "sent", "sent/s", "last reply, or why it is down")
    table = _Columns("target servers", columns, left=("server", "state", "TLS"), left_out=() if wide else ("pref", "TLS"))
    earlier = {(one["address"], one["port"]): one["sent"] for one in (before or {"targets": ()})["targets"]}
    for target in data["targets"]:
        address = f"[{target['address']}]" if ":" in target["address"] else target["address"]
        known = earlier.get((target["address"], target["port"]))
        table.add(
            Text(f"{address}:{target['port']}"),
            str(target["preference"]),
            _state(target["state"]),
            "required" if target["secure"] else "offered" if target["tls"] else "no" if target["protocol"] else "?",
            str(target["connections"]),
            f"{target['sent']:,}",
            rate(target["sent"], known, seconds) if known is not None else "",
            Text(plain(target["reason"] or target["last_reply"], 200), BAD if target["reason"] else ""),
        )
    return table.table


def _tasks(tasks: Sequence[Data], *, wide: bool) -> RenderableType:
    columns = ("tkid", "pool", "state", "job", "read", "sent", "failed", "pending", "retry", "owner, spool file")
    left_out = () if wide else ("pool", "owner, spool file")
    table = _Columns(f"spool files in work: {len(tasks)}", columns, left=("pool", "state", "job"), left_out=left_out)
    for task in tasks[:TASKS_SHOWN]:
        file = task["file"]
        table.add(
            str(task["tkid"]),
            task["pool"].lower(),
            _state(task["state"]),
            Text(plain(f"{file['jobname'] or '-'}/{file['jobid'] or '-'}", 40)),
            f"{task['read']:,}",
            f"{task['sent']:,}",
            Text(f"{task['failed']:,}", BAD if task["failed"] else ""),
            f"{task['pending']:,}",
            Text(f"{task['retrying']:,}", CAUTION if task["retrying"] else ""),
            Text(plain(f"{file['owner'] or '-'}  {file['id']}", 80), FAINT),
        )
    if len(tasks) > TASKS_SHOWN:
        table.table.caption = f"and {len(tasks) - TASKS_SHOWN} more"
    return table.table


def _remarks(remarks: Sequence[Data]) -> RenderableType:
    table = _table("last warnings and errors")
    table.add_column("time", no_wrap=True, style=FAINT)
    table.add_column("id", no_wrap=True)
    table.add_column("text", ratio=1, no_wrap=True, overflow="ellipsis")
    for remark in list(remarks)[-REMARKS_SHOWN:][::-1]:
        style = BAD if remark["id"].endswith("E") else CAUTION
        table.add_row(_time(remark["time"]).strftime("%H:%M:%S"), Text(remark["id"], style), Text(plain(remark["text"], 300)))
    return table


class _Columns:
    """A table of these columns but those left out. The last one, if it is there, gets what room there is."""

    def __init__(self, title: str, names: Sequence[str], *, left: Sequence[str], left_out: Sequence[str]) -> None:
        self.table = _table(title)
        self.table.padding = (0, 1) if not left_out else (0, 0, 0, 1)
        self._shown = [name not in left_out for name in names]
        for name in names[:-1]:
            if name not in left_out:
                self.table.add_column(name, justify="left" if name in left else "right", no_wrap=True)
        if self._shown[-1]:
            self.table.add_column(names[-1], ratio=1, no_wrap=True, overflow="ellipsis")

    def add(self, *cells: RenderableType) -> None:
        """A row, with a cell for each column."""
        self.table.add_row(*(cell for cell, shown in zip(cells, self._shown, strict=True) if shown))


def _table(title: str) -> Table:
    return Table(
        title=Text(f"\n{title}", "bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        expand=True,
        header_style=FAINT,
        pad_edge=False,
    )


def _state(state: str) -> Text:
    return Text(state.lower(), STATE_STYLES.get(state, ""))
