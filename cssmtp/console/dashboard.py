"""The picture of `cssmtp top`: one frame from one snapshot and the one before.

Promises: pure; everything fits the width it is given and nothing of users or servers reaches the terminal unescaped.
Never: asks, waits or writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cssmtp.messages import plain

Data = Mapping[str, Any]
"""A snapshot as `handlers.as_data` makes it."""

TASKS_SHOWN = 16
REMARKS_SHOWN = 8
GOOD, BAD, CAUTION, FAINT = "green", "bold red", "yellow", "bright_black"
STATE_STYLES = {"UP": GOOD, "DOWN": BAD, "UNKNOWN": FAINT, "ACTIVE": GOOD, "LONG RETRY": CAUTION}


def frame(data: Data, before: Data | None) -> RenderableType:
    """One frame. `before` is an earlier snapshot, from which rates are reckoned; None = there are none yet."""
    seconds = _seconds(before, data) if before is not None else 0.0
    return Group(
        _head(data),
        _numbers(data, before, seconds),
        _targets(data, before, seconds),
        _tasks(data["tasks"]),
        _remarks(data["remarks"]),
    )


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
        ("extended retry", "off" if extended is None else f"{waiting:,}", CAUTION if waiting else FAINT),
        ("spool files done", f"{data['files']:,}", ""),
    ]
    table = Table(box=box.ROUNDED, expand=True, show_header=True, header_style=FAINT, border_style=FAINT)
    for name, _, _ in cells:
        table.add_column(name, justify="center", no_wrap=True)
    table.add_row(*(Text(value, f"bold {style}".strip()) for _, value, style in cells))
    return table


def _targets(data: Data, before: Data | None, seconds: float) -> RenderableType:
    table = _table("target servers")
    for name in ("server", "pref", "state", "TLS", "conn", "sent", "sent/s"):
        table.add_column(name, justify="left" if name in ("server", "state", "TLS") else "right", no_wrap=True)
    table.add_column("last reply, or why it is down", ratio=1, no_wrap=True, overflow="ellipsis")
    earlier = {(one["address"], one["port"]): one["sent"] for one in (before or {"targets": ()})["targets"]}
    for target in data["targets"]:
        address = f"[{target['address']}]" if ":" in target["address"] else target["address"]
        known = earlier.get((target["address"], target["port"]))
        table.add_row(
            Text(f"{address}:{target['port']}"),
            str(target["preference"]),
            _state(target["state"]),
            "required" if target["secure"] else "offered" if target["tls"] else "no" if target["protocol"] else "?",
            str(target["connections"]),
            f"{target['sent']:,}",
            rate(target["sent"], known, seconds) if known is not None else "",
            Text(plain(target["reason"] or target["last_reply"], 200), BAD if target["reason"] else ""),
        )
    return table


def _tasks(tasks: Sequence[Data]) -> RenderableType:
    table = _table(f"spool files in work: {len(tasks)}")
    for name in ("tkid", "pool", "state", "job", "read", "sent", "failed", "pending", "retry"):
        table.add_column(name, justify="left" if name in ("pool", "state", "job") else "right", no_wrap=True)
    table.add_column("owner, spool file", ratio=1, no_wrap=True, overflow="ellipsis")
    for task in tasks[:TASKS_SHOWN]:
        file = task["file"]
        table.add_row(
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
        table.caption = f"and {len(tasks) - TASKS_SHOWN} more"
    return table


def _remarks(remarks: Sequence[Data]) -> RenderableType:
    table = _table("last warnings and errors")
    table.add_column("time", no_wrap=True, style=FAINT)
    table.add_column("id", no_wrap=True)
    table.add_column("text", ratio=1, no_wrap=True, overflow="ellipsis")
    for remark in list(remarks)[-REMARKS_SHOWN:][::-1]:
        style = BAD if remark["id"].endswith("E") else CAUTION
        table.add_row(_time(remark["time"]).strftime("%H:%M:%S"), Text(remark["id"], style), Text(plain(remark["text"], 300)))
    return table


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
