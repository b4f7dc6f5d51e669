"""The picture of `cssmtp top`, and the command itself."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cssmtp.cli import main, top
from cssmtp.console.client import NotRunning
from cssmtp.console.dashboard import absent, frame, rate
from cssmtp.console.handlers import as_data
from cssmtp.observe.snapshot import Activity, Remark
from tests.operating import running
from tests.unit.test_console_listings import EMPTY, FULL, NOW


def drawn(picture: Any, width: int = 110) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(picture)
    return out.getvalue()


def test_a_frame_has_targets_tasks_rates_queues_and_the_last_errors_newest_first() -> None:
    remarks = (Remark(NOW - timedelta(seconds=9), "BMG0602W", "older"), Remark(NOW, "BMG0504E", "newer"))
    now = replace(FULL, remarks=remarks, sent=5000)
    before = replace(
        now, time=NOW - timedelta(seconds=2), sent=1000, targets=(replace(now.targets[0], sent=28), *now.targets[1:])
    )
    text = drawn(frame(as_data(now), as_data(before)))
    for word in (
        "SUSPENDED DELAY",
        "up 3:00:00",
        "2,000",
        "[2001:db8::25]:25",
        "connection refused",
        "PAYRUN/JOB01234",
        "long retry",
    ):
        assert word in text
    assert "1.5" in text  # mails a second of the first target
    assert text.index("newer") < text.index("older")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_frame_fits_its_width_and_shows_nothing_that_moves_the_cursor(width: int) -> None:
    text = drawn(frame(as_data(FULL), as_data(FULL)), width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [80, 100, 120])
def test_on_a_usual_terminal_no_number_and_no_job_is_cut(width: int) -> None:
    task, target = FULL.tasks[0], FULL.targets[0]
    tasks = (replace(task, read=1_234_567, sent=1_134_567, failed=99_999, pending=2_001, retrying=1_234),)
    targets = (replace(target, address="192.168.100.125", sent=12_345_678),)
    now = replace(FULL, sent=12_345_678, failed=123_456, waiting=2_001, files=123_456, tasks=tasks, targets=targets)
    text = drawn(frame(as_data(now), as_data(replace(now, sent=0, time=NOW - timedelta(seconds=100)))), width)
    for number in (
        "12,345,678",
        "123,456",
        "1,234,567",
        "1,134,567",
        "99,999",
        "2,001",
        "1,234",
        "PAYRUN/JOB01234",
        "192.168.100.125:25",
    ):
        assert number in text
    for heading in ("sent/s", "failed", "waiting", "long retry", "extended", "files", "tkid", "pending", "state"):
        assert heading in text


def test_a_frame_of_a_gateway_that_does_nothing() -> None:
    text = drawn(frame(as_data(replace(EMPTY, ready=False, activity=Activity.ACTIVE)), None))
    assert "initializing" in text
    assert "off" in text


def test_more_tasks_than_are_shown_are_counted() -> None:
    assert "and 4 more" in drawn(frame(as_data(replace(FULL, tasks=FULL.tasks * 10)), None))


@pytest.mark.parametrize(
    ("now", "before", "seconds", "shown"),
    [(10, 0, 0.0, ""), (5, 9, 1.0, ""), (5, 5, 1.0, "0"), (6, 5, 2.0, "0.5"), (9000, 0, 1.0, "9,000")],
)
def test_rates(now: int, before: int, seconds: float, shown: str) -> None:
    assert rate(now, before, seconds) == shown


def test_a_gateway_that_was_started_again_has_no_rate_yet() -> None:
    before = replace(FULL, started=FULL.started - timedelta(days=1), sent=0)
    assert " - " in drawn(frame(as_data(FULL), as_data(before))).splitlines()[4]


def test_while_nobody_answers_it_says_so() -> None:
    assert "no gateway" in drawn(absent("no gateway is running here\x1b[2J"))


async def test_top_once_prints_one_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(tmp_path, {}, {"TargetIp": "127.0.0.1", "ConnectPort": 9}):
        assert await asyncio.to_thread(main, ["top", "--once", "--spool", str(tmp_path / "spool")]) == 0
    assert "target servers" in capsys.readouterr().out
    assert main(["top", "--once", "--spool", str(tmp_path / "spool")]) == 2


def test_look_goes_on_without_a_gateway(tmp_path: Path) -> None:
    picture, data = top.look(tmp_path / "control", as_data(FULL))
    assert data is None
    assert "no gateway is running" in drawn(picture)
    with pytest.raises(NotRunning):
        top.fetch(tmp_path / "control")


def test_q_ends_it_and_the_terminal_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    try:
        with os.fdopen(os.dup(slave), "r") as keyboard, os.fdopen(os.dup(slave), "w") as screen:
            monkeypatch.setattr("sys.stdin", keyboard)
            monkeypatch.setattr("sys.stdout", screen)
            swallowed = threading.Thread(target=_swallow, args=(master,), daemon=True)
            swallowed.start()
            assert main(["top", "--spool", str(tmp_path), "--every", "0.1"]) == 0
    finally:
        os.close(slave)
        swallowed.join(5)
        os.close(master)


def _swallow(master: int) -> None:
    """Read what is drawn, or the drawing would wait for ever; press keys when the first frame is there."""
    try:
        while os.read(master, 65536):
            os.write(master, b"xq")
    except OSError:
        return
