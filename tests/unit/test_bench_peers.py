"""The whole-path benchmark runs, and judges what it measures against its goals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.cases import CASES
from tests.bench.peers import Scale, measure
from tests.bench.senders import AIOSMTPLIB, OURS, SENDERS
from tests.bench.table import Row


def test_a_case_sends_its_mails_with_every_sender_and_tells_the_ratios(tmp_path: Path) -> None:
    result = measure(["5ms-4"], Scale(rounds=1, quick=True, mails=50))
    sent = {each.sender: each.runs[0] for each in result.sendings}
    assert sent[OURS].mails == 50
    assert sent[OURS].peak > 10 << 20
    assert sent[AIOSMTPLIB].mails == 15
    assert all(run.rate > 0 for run in sent.values())
    assert sent[AIOSMTPLIB].cpu > 0
    ratio = next(row for row in result.rows if row.measure.endswith("rate vs aiosmtplib"))
    assert ratio.value == pytest.approx(sent[OURS].rate / sent[AIOSMTPLIB].rate)
    assert "5ms-4" in result.text()
    result.write_json(tmp_path / "result.json")
    assert len(json.loads((tmp_path / "result.json").read_text())["rows"]) == len(result.rows)


def test_an_idle_daemon_is_timed_from_rename_to_mail() -> None:
    result = measure(["arrival"], Scale(rounds=1, quick=True, mails=3))
    assert [row.goal for row in result.rows] == [5, 20]
    assert all(0 < row.value < 20_000 for row in result.rows)


@pytest.mark.parametrize(
    ("values", "goal", "at_most", "reached"),
    [
        ((1.0, 1.5, 9.0), 1.5, False, True),
        ((1.0, 1.4, 9.0), 1.5, False, False),
        ((64.0,), 64, True, True),
        ((64.1,), 64, True, False),
        ((1.0,), None, False, None),
    ],
)
def test_the_median_of_the_rounds_is_held_against_the_goal(
    values: tuple[float, ...], goal: float | None, at_most: bool, reached: bool | None
) -> None:
    assert Row("case", "figure", values, "", goal, at_most).reached is reached


def test_every_peer_of_a_case_is_a_sender_and_case_names_are_unique() -> None:
    assert {each.peer for case in CASES for each in case.against} <= SENDERS.keys()
    assert len({case.name for case in CASES}) == len(CASES)
