"""cssmtp.smtp.verdict: the table of mail-processing.md 11 over all its inputs."""

from __future__ import annotations

import itertools

import pytest

from cssmtp.model import Reply, Verdict
from cssmtp.smtp.verdict import REASON_LIMIT, TABLE, Failure, FailureKind, Ruling, Step, outcome, reason, rule, verdict

TARGET_STEPS = {Step.CONNECT, Step.GREETING, Step.EHLO, Step.STARTTLS, Step.AUTH}
MAIL_STEPS = {Step.MAIL, Step.RCPT, Step.DATA, Step.BDAT, Step.BLOCK, Step.TERM}
FINAL_STEPS = {Step.TERM, Step.BDAT}
NO_MAIL_STEPS = {Step.RSET, Step.QUIT}
GOOD = {Step.DATA: 3, Step.BLOCK: 0}


def expected(step: Step, code: int) -> Ruling:
    """The table again, written from the reference as rules instead of rows."""
    first = code // 100
    good = first == GOOD.get(step, 2)
    if step in NO_MAIL_STEPS:
        return Ruling.GO_ON if good and step is Step.RSET else Ruling.CLOSE
    if step in MAIL_STEPS:
        if good:
            return Ruling.DELIVERED if step in FINAL_STEPS else Ruling.GO_ON
        return Ruling.UNDELIVERABLE if first == 5 else Ruling.RETRY
    if good and code != 421:
        return Ruling.GO_ON
    if code != 421 and first == 5 and step is Step.EHLO:
        return Ruling.TRY_HELO
    if code != 421 and first in {Step.STARTTLS: (4, 5)}.get(step, ()):
        return Ruling.NOT_CAPABLE
    return Ruling.TARGET_DOWN


@pytest.mark.parametrize("step", Step)
def test_every_step_with_every_code(step: Step) -> None:
    for code in range(200, 600):
        assert rule(step, Reply(code, "", ("x",))) is expected(step, code), (step, code)


@pytest.mark.parametrize(("step", "kind"), list(itertools.product(Step, FailureKind)))
def test_every_step_with_every_failure(step: Step, kind: FailureKind) -> None:
    ruling = rule(step, Failure(kind, "x"))
    if step is Step.STARTTLS and kind is FailureKind.TLS:
        assert ruling is Ruling.NOT_CAPABLE
    elif step in TARGET_STEPS:
        assert ruling is Ruling.TARGET_DOWN
    elif step in MAIL_STEPS:
        assert ruling is Ruling.RETRY
    else:
        assert ruling is Ruling.CLOSE


def test_the_table_has_every_step() -> None:
    assert set(TABLE) == set(Step)


@pytest.mark.parametrize("step", Step)
def test_only_a_2xx_to_the_final_dot_delivers_and_only_a_5xx_to_a_mail_step_gives_up(step: Step) -> None:
    for code in range(200, 600):
        found = verdict(step, Reply(code, "", ("x",)))
        assert (found is Verdict.DELIVERED) == (step in FINAL_STEPS and 200 <= code < 300)
        assert (found is Verdict.UNDELIVERABLE) == (step in MAIL_STEPS and code >= 500)


def test_unknown_means_retry() -> None:
    for kind in FailureKind:
        assert verdict(Step.TERM, Failure(kind, "x")) is Verdict.RETRY
    assert verdict(Step.TERM, Reply(354, "", ("again?",))) is Verdict.RETRY


def test_reason_is_the_literal_reply() -> None:
    made = outcome(Step.RCPT, Reply(550, "5.1.1", ("No such user",)), "192.0.2.1")
    assert (made.verdict, made.reason, made.target) == (Verdict.UNDELIVERABLE, "550 5.1.1 No such user", "192.0.2.1")


def test_reason_of_a_failure_names_the_step_and_long_replies_are_cut() -> None:
    assert reason(Step.TERM, Failure(FailureKind.TIMEOUT, "no answer within 600 seconds")) == (
        "answer to the final dot unknown: no answer within 600 seconds (at end of data)"
    )
    assert len(reason(Step.TERM, Reply(550, "", ("x" * 5000,)))) == REASON_LIMIT
