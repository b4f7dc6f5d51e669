"""One spool file's way through the engine, with a courier that says what the test wants (mail-processing.md 12, 13, 14, 16)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cssmtp.config.model import (
    BadSpoolDisp,
    DeadLetterAction,
    Report,
    ReportTo,
    RetryLimit,
    Undeliverable,
)
from cssmtp.engine.parcels import Parcel, TextParcel
from cssmtp.engine.spooltask import FileResult, SpoolTask
from cssmtp.errors import SpoolError
from cssmtp.model import Outcome
from cssmtp.observe.events import (
    DeadLetterDropped,
    DeadLetterFailed,
    MailEnded,
    MailRetry,
    NoticeSent,
    ReportFailed,
    ReportMailed,
    SpoolFileEnded,
)
from tests.enginekit import DELIVERED, REFUSED, RETRY, Bench, configuration, deck, unwritable, wire_of

ONE = deck(("a@b.example", ("c@d.example",)))
THREE = deck(("a@b.example", ("c@d.example", "e@d.example", "f@d.example")))
NULL = deck(("", ("c@d.example",)))


class Rig(Bench):
    """A bench whose configuration can be changed before the task is made."""

    def set(self, **changes: Any) -> Rig:
        self.configuration = replace(self.configuration, **changes)
        return self

    def set_undeliverable(self, **changes: Any) -> Rig:
        return self.set(undeliverable=replace(self.configuration.undeliverable, **changes))

    async def run(self, data: bytes, *answers: tuple[Outcome, ...], **attributes: Any) -> FileResult:
        """Run a file; the parcels get `answers` one after the other, those beyond them the last."""
        left = list(answers)
        self.courier.answers = lambda parcel: left.pop(0) if len(left) > 1 else left[0]
        async with asyncio.timeout(10):
            return await self.task(data, **attributes).run()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path, configuration(tmp_path))
    yield made
    made.close()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long retry at once: the schedule stays, the seconds do not."""
    real = asyncio.BaseEventLoop.call_later

    def soon(loop: asyncio.BaseEventLoop, delay: float, callback: Any, *args: Any, **more: Any) -> asyncio.TimerHandle:
        return real(loop, 0 if delay >= 60 else delay, callback, *args, **more)

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_later", soon)


# --- the end of a file


async def test_a_file_whose_mails_are_sent_is_deleted(rig: Rig) -> None:
    assert await rig.run(ONE, (DELIVERED,)) == FileResult(1, False)
    assert (rig.state(), rig.reports(), rig.letters(), rig.courier.ended_files) == ([], [], {}, 1)


async def test_a_good_file_with_outdisp_keep_is_kept(rig: Rig) -> None:
    await rig.run(ONE, (DELIVERED,), outdisp="KEEP")
    assert rig.state() == ["done"]
    assert [event.disposition.value for event in rig.told(SpoolFileEnded)] == ["keep"]


async def test_an_undeliverable_mail_makes_a_bad_file_even_when_its_notice_is_taken(rig: Rig) -> None:
    assert (await rig.run(ONE, (REFUSED,), (DELIVERED,))).bad
    assert rig.state() == ["held"]
    assert "550 5.1.1 no" in rig.reports()[0]
    assert "Disposition: HOLD" in rig.reports()[0]


async def test_bad_spool_disp_delete_deletes_and_reports(rig: Rig) -> None:
    await rig.set(bad_spool_disp=BadSpoolDisp.DELETE).run(ONE, (REFUSED,), (DELIVERED,))
    assert rig.state() == []
    assert "Disposition: DELETE" in rig.reports()[0]


async def test_report_none_reports_nothing(rig: Rig) -> None:
    await rig.set(report=Report(ReportTo.NONE)).run(ONE, (REFUSED,), (DELIVERED,))
    assert (rig.reports(), rig.state()) == ([], ["held"])


# --- undeliverable mail


async def test_the_notice_goes_to_mail_from_once_with_a_null_sender_and_the_original(rig: Rig) -> None:
    await rig.run(ONE, (REFUSED,), (DELIVERED,))
    _, letter = rig.courier.seen
    assert (letter.reverse_path, letter.recipients) == ("", ("a@b.example",))
    assert [(event.mail, event.recipient) for event in rig.told(NoticeSent)] == [(1, "a@b.example")]
    assert rig.letters() == {}
    assert isinstance(letter, TextParcel)


async def test_the_notice_names_who_failed_why_and_quotes_the_mail(rig: Rig) -> None:
    task = rig.task(THREE)
    running = asyncio.create_task(task.run())
    await rig.until(lambda: rig.courier.parcels)
    rig.courier.answer(rig.courier.parcels[0], DELIVERED, REFUSED, DELIVERED)
    await rig.until(lambda: rig.courier.parcels)
    text = wire_of(rig.courier.parcels[0]).decode()
    assert "Recipient: e@d.example\r\nReason: 550 5.1.1 no\r\n" in text
    assert "c@d.example" not in text.partition("---- Original mail follows ----")[0]
    assert text.endswith("Subject: mail 1\r\n\r\nhello\r\n.\r\n")
    rig.courier.answer(rig.courier.parcels[0], DELIVERED)
    await running


@pytest.mark.parametrize("answer", [REFUSED, RETRY], ids=["refused", "temporary"])
async def test_a_notice_that_fails_in_any_way_is_a_dead_letter_and_not_retried(answer: Outcome, rig: Rig) -> None:
    await rig.run(ONE, (REFUSED,), (answer,))
    assert len(rig.courier.seen) == 2
    ((name, content),) = rig.letters().items()
    assert name.startswith("JOB1.JOB00001.")
    assert name.endswith(".1U")
    assert content.endswith(b"\r\nSubject: mail 1\r\n\r\nhello\r\n")
    assert rig.told(MailRetry) == []


async def test_a_mail_without_originator_becomes_a_dead_letter(rig: Rig) -> None:
    await rig.run(NULL, (REFUSED,))
    assert len(rig.courier.seen) == 1
    assert len(rig.letters()) == 1


async def test_return_to_mail_from_no_sends_and_keeps_nothing(rig: Rig) -> None:
    await rig.set_undeliverable(return_to_mail_from=False).run(ONE, (REFUSED,))
    assert (len(rig.courier.seen), rig.letters(), rig.state()) == (1, {}, ["held"])


@pytest.mark.parametrize("data", [ONE, NULL], ids=["notice", "null sender"])
async def test_dead_letter_action_delete_keeps_no_dead_letter(data: bytes, rig: Rig) -> None:
    await rig.set_undeliverable(dead_letter_action=DeadLetterAction.DELETE).run(data, (REFUSED,))
    assert rig.letters() == {}
    assert len(rig.told(DeadLetterDropped)) == 1


async def test_a_dead_letter_is_without_dot_stuffing(rig: Rig) -> None:
    await rig.run(deck(("", ("c@d.example",)), text="..dot\n...two"), (REFUSED,))
    ((_, content),) = rig.letters().items()
    assert content.endswith(b"\r\n\r\n.dot\r\n..two\r\n")


async def test_a_dead_letter_that_cannot_be_written_holds_the_file(rig: Rig, tmp_path: Path) -> None:
    rig.set(bad_spool_disp=BadSpoolDisp.DELETE).set_undeliverable(dead_letter_directory=unwritable(tmp_path))
    assert (await rig.run(NULL, (REFUSED,))).bad
    assert rig.state() == ["held"]
    assert len(rig.told(DeadLetterFailed)) == 1
    assert "Disposition: HOLD" in rig.reports()[0]


async def test_a_dead_letter_whose_original_cannot_be_read_holds_the_file(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    task = rig.set(bad_spool_disp=BadSpoolDisp.DELETE).task(NULL)

    def broken(*_: object) -> Iterator[bytes]:
        yield b"Subject: mail 1\r\n"
        raise SpoolError("the data is gone")

    monkeypatch.setattr(task, "original", broken)
    rig.courier.answers = lambda parcel: (REFUSED,)
    await task.run()
    assert (rig.state(), rig.letters()) == (["held"], {})
    assert len(rig.told(DeadLetterFailed)) == 1


async def test_bad_recipients_get_a_notice_the_good_ones_the_mail(rig: Rig) -> None:
    await rig.run(deck(("a@b.example", ("c@d.example", "nobody"))), (DELIVERED,))
    mail, letter = rig.courier.seen
    assert (mail.recipients, letter.recipients) == (("c@d.example",), ("a@b.example",))
    assert rig.state() == ["held"]


async def test_a_mail_with_only_bad_recipients_is_not_submitted(rig: Rig) -> None:
    await rig.run(deck(("a@b.example", ("nobody",))), (DELIVERED,))
    assert [parcel.recipients for parcel in rig.courier.seen] == [("a@b.example",)]
    assert [event.result.value for event in rig.told(MailEnded)] == ["undeliverable"]


# --- retry


@pytest.mark.usefixtures("no_waiting")
async def test_long_retry_tries_only_who_is_left(rig: Rig) -> None:
    await rig.run(THREE, (DELIVERED, RETRY, RETRY), (RETRY, DELIVERED), (DELIVERED,))
    tried = [event.recipients for event in rig.told(MailRetry)]
    assert tried == [2]
    assert "retry limit reached; last answer: 451 4.3.0 later" in rig.reports()[0]
    assert rig.reports()[0].count("Recipient <") == 1


@pytest.mark.usefixtures("no_waiting")
async def test_retry_count_retries_and_not_one_more(rig: Rig) -> None:
    await rig.set(retry_limit=RetryLimit(3, 1)).run(ONE, (RETRY,), (RETRY,), (RETRY,), (RETRY,), (DELIVERED,))
    assert [event.tries for event in rig.told(MailRetry)] == [1, 2, 3]
    assert [event.tries for event in rig.told(MailEnded)] == [4]
    assert len(rig.told(NoticeSent)) == 1


@pytest.mark.parametrize("limit", [RetryLimit(0, 1), RetryLimit(5, 0)])
async def test_count_0_or_interval_0_is_no_retry(limit: RetryLimit, rig: Rig) -> None:
    await rig.set(retry_limit=limit).run(ONE, (RETRY,), (DELIVERED,))
    assert (rig.told(MailRetry), len(rig.told(NoticeSent))) == ([], 1)


@pytest.mark.usefixtures("no_waiting")
async def test_a_mail_sent_at_last_leaves_a_good_file(rig: Rig) -> None:
    assert not (await rig.run(ONE, (RETRY,), (DELIVERED,))).bad
    assert (rig.state(), rig.reports()) == ([], [])


# --- the report by mail


@pytest.mark.parametrize("mail_from", ["", "reports@example.test"])
async def test_report_admin_is_one_mail_to_all_administrators(mail_from: str, rig: Rig) -> None:
    rig.set(report=Report(ReportTo.ADMIN), report_mail_from=mail_from)
    await rig.run(b"HELO mvsa\nNOOP\n", (DELIVERED,))
    (report,) = rig.courier.seen
    assert (report.reverse_path, report.recipients) == (mail_from, rig.configuration.mail_administrators)
    assert b"  500 5.5.1 JES Unknown command, 'NOOP'\r\n" in wire_of(report)
    assert [event.recipients for event in rig.told(ReportMailed)] == [rig.configuration.mail_administrators]
    assert rig.reports() == []


@pytest.mark.parametrize("answer", [REFUSED, RETRY], ids=["refused", "temporary"])
async def test_a_report_that_cannot_be_delivered_is_a_dead_letter_with_r(answer: Outcome, rig: Rig) -> None:
    await rig.set(report=Report(ReportTo.ADMIN)).run(b"HELO mvsa\nNOOP\n", (answer,))
    ((name, content),) = rig.letters().items()
    assert name.endswith(".1R")
    assert b"CSSMTP error report" in content
    assert len(rig.told(ReportFailed)) == 1


async def test_a_report_taken_for_one_administrator_is_delivered(rig: Rig) -> None:
    await rig.set(report=Report(ReportTo.ADMIN)).run(b"HELO mvsa\nNOOP\n", (DELIVERED, REFUSED))
    assert (rig.letters(), len(rig.told(ReportMailed))) == ({}, 1)


async def test_a_report_that_cannot_be_written_is_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Path:
        raise SpoolError("no space left")

    monkeypatch.setattr(rig.store, "write_report", full)
    await rig.run(b"HELO mvsa\nNOOP\n", (DELIVERED,))
    assert (len(rig.told(ReportFailed)), rig.state()) == (1, ["held"])


# --- stops and faults of ours


async def test_a_stop_in_the_middle_releases_the_claim(rig: Rig) -> None:
    running = asyncio.create_task(rig.task(ONE).run())
    await rig.until(lambda: rig.courier.parcels)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (rig.state(), rig.reports(), rig.letters()) == (["ready"], [], {})


async def test_a_stop_before_the_end_of_the_file_releases_the_claim_when_what_was_taken_is_sent(rig: Rig) -> None:
    rig.courier.backlog = 100_000
    task = rig.task(ONE)
    running = asyncio.create_task(task.run())
    await asyncio.sleep(0.01)
    task.stop_reading()
    rig.courier.backlog = 0
    rig.flow.hungry()
    rig.courier.answers = lambda parcel: (DELIVERED,)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert rig.state() == ["ready"]


async def test_a_retry_answer_while_stopping_is_not_final(rig: Rig) -> None:
    task = rig.task(ONE)
    running = asyncio.create_task(task.run())
    await rig.until(lambda: rig.courier.parcels)
    task.stop_reading()
    rig.courier.answer(rig.courier.parcels[0], RETRY)
    await asyncio.sleep(0.01)
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (rig.state(), rig.told(MailEnded)) == (["ready"], [])


async def test_a_file_being_disposed_of_is_not_given_back_by_a_stop(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its mails are sent: released, they would be sent again."""
    claim = rig.claim(ONE)
    begun, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    processed = type(claim).processed

    def slow(self: Any) -> str:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
        return processed(self)

    monkeypatch.setattr(type(claim), "processed", slow)
    rig.courier.answers = lambda parcel: (DELIVERED,)
    running = asyncio.create_task(SpoolTask(claim, rig.context).run())
    await begun.wait()
    running.cancel()
    await asyncio.sleep(0.01)
    go_on.set()
    assert await running == FileResult(1, False)
    assert rig.state() == []


async def test_a_fault_of_ours_holds_the_file(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    task = rig.task(ONE)
    monkeypatch.setattr(task, "_take", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await task.run()
    assert rig.state() == ["held"]
    (entry,) = rig.store.entries("held")
    assert "internal error: ZeroDivisionError" in entry.attributes.hold_reason


async def test_a_fault_of_ours_while_an_answer_is_taken_holds_the_file(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    task = rig.task(ONE)
    monkeypatch.setattr(task._aftermath, "undeliverable", lambda *_: 1 / 0)
    running = asyncio.create_task(task.run())
    await rig.until(lambda: rig.courier.parcels)
    parcel: Parcel = rig.courier.parcels[0]
    rig.courier.answer(parcel, REFUSED)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(running, 5)
    assert rig.state() == ["held"]


def test_the_undeliverable_statement_has_the_documented_defaults() -> None:
    assert Undeliverable() == Undeliverable(True, DeadLetterAction.STORE, "")
