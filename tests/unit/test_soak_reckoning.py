"""The books of the soak find what they are there to find."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.erratic import Taken
from tests.soak.load import Mail
from tests.soak.reckoning import WINDOW, Books

NAME = "s0000001.1.1@rcpt.example"
MAIL = Mail("S0000001", 1, "s0000001.1@sender.example", (NAME,), 1, False)
LOGGED = "2026-11-22T17:00:00.000+00:00 BMG0401I S0000001/JOB00001 1 127.0.0.1 sent from <x>, recipients 1\n"


def delivered(when: float, *, unsure: bool = False, size: int = 100) -> Taken:
    return Taken(MAIL.sender, (NAME,), when, "S0000001.1", size, (), unsure)


def books(*taken: Taken) -> Books:
    made = Books()
    made.owe([MAIL])
    made.took(taken)
    return made


def test_a_recipient_without_any_end_is_lost_unless_it_waits() -> None:
    assert books().verdicts(set()).lost == [NAME]
    assert books().verdicts({NAME}).ends == {"queued": 1}
    assert books(delivered(1)).verdicts(set()).ends == {"delivered": 1}


@pytest.mark.parametrize("second", [delivered(9), Taken("", (MAIL.sender,), 9, "Undeliverable mail", 100, (NAME,), False)])
def test_a_second_end_without_an_excuse_is_wrong(second: Taken) -> None:
    assert len(books(delivered(1), second).verdicts(set()).wrong) == 1


def test_a_lost_connection_excuses_a_repetition() -> None:
    verdicts = books(delivered(1, unsure=True), delivered(9)).verdicts(set())
    assert (verdicts.wrong, verdicts.repeated) == ([], {"its connection was lost": 1})


@pytest.mark.parametrize(("kill", "excused"), [(1.0, True), (1.5, True), (1.0 + 2 * WINDOW, False), (0.5, False)])
def test_a_kill_excuses_what_came_shortly_before_it(kill: float, excused: bool) -> None:
    made = books(delivered(1.0))
    made.killed(kill)
    made.took([delivered(9)])
    verdicts = made.verdicts(set())
    assert (not verdicts.wrong, verdicts.by_kill == {1: 1}) == (excused, excused)


@pytest.mark.parametrize("unsure", [False, True])
def test_what_the_log_calls_sent_is_never_excused(tmp_path: Path, unsure: bool) -> None:
    made = books(delivered(1.0, unsure=unsure))
    (tmp_path / "log").write_text(LOGGED)
    made.read_log(tmp_path / "log")
    made.killed(1.1)
    made.took([delivered(9)])
    assert len(made.verdicts(set()).wrong) == 1


def test_a_mail_cut_off_and_a_mail_and_its_copy_in_the_queue_are_wrong() -> None:
    assert len(books(delivered(1, size=10)).verdicts(set()).wrong) == 1
    assert len(books(delivered(1)).verdicts({NAME}).wrong) == 1
    assert books(delivered(1, unsure=True)).verdicts({NAME}).wrong == []
