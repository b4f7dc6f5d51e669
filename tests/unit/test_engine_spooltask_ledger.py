"""A spool task with its ledger: retry, state before speech, warm start, extended retry."""

import asyncio
from array import array
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cssmtp.config.model import RetryLimit, Undeliverable
from cssmtp.engine.checkpoint import Checkpoint
from cssmtp.engine.context import Flow
from cssmtp.engine.ending import AGAIN_SECONDS
from cssmtp.engine.ledger import History, MailState, MemoryLedger, Then
from cssmtp.engine.ledgerfile import LedgerFile
from cssmtp.engine.parcels import MailParcel
from cssmtp.engine.parking import ParkedMail
from cssmtp.engine.spooltask import DELIVERED_BEFORE
from cssmtp.errors import SpoolError
from cssmtp.model import DeckMail, Envelope, HeaderFacts, Outcome, Verdict
from cssmtp.observe.events import (
    DeadLetterStored,
    Disposition,
    MailEnded,
    MailParked,
    MailRetry,
    NoticeSent,
    QueueBackpressure,
    SpoolFileEnded,
    SpoolUnusable,
)
from cssmtp.spool.disk import Disk
from tests.lifekit import OK, FakeCourier, Works, deck, run, spin, until, warp, works

MINUTE = 60.0


class SlowLedger(MemoryLedger):
    """Runs the thens when told to, and remembers everything it was told."""

    def __init__(self) -> None:
        self.records: list[tuple[int, MailState | None]] = []
        self.thens: list[Then] = []
        self.forgotten: list[str] = []

    def record(self, file: str, mail: int, state: MailState | None, then: Then) -> None:
        self.records.append((mail, state))
        self.thens.append(then)

    def forget(self, file: str) -> None:
        self.forgotten.append(file)

    def commit(self) -> None:
        thens, self.thens = self.thens, []
        for then in thens:
            then()


class KnowingLedger(SlowLedger):
    """Knows a history, and commits at once."""

    def __init__(self, delivered: Iterable[int] = (), states: dict[int, MailState] | None = None) -> None:
        super().__init__()
        self.history = History([array("I", delivered)], states or {})

    async def open_file(self, file: str) -> History | None:
        return self.history

    def record(self, file: str, mail: int, state: MailState | None, then: Then) -> None:
        super().record(file, mail, state, then)
        self.commit()


class FakeParking:
    """Takes mail as long as `room` says so."""

    def __init__(self, *, room: bool = True, known: dict[int, tuple[Outcome, ...]] | None = None) -> None:
        self.active = True
        self.room = room
        self.known = known or {}
        self.mails: list[tuple[ParkedMail, bytes]] = []
        self.fault: Exception | None = None

    async def accept(self, parked: ParkedMail, body: Callable[[], Iterable[bytes]]) -> str:
        if self.fault is not None:
            raise self.fault
        if not self.room:
            return ""
        self.mails.append((parked, b"".join(await asyncio.to_thread(lambda: list(body())))))
        return f"/mail/cf{parked.mail.number}"

    def taken(self, file: str) -> dict[int, tuple[Outcome, ...]]:
        return self.known


def parked_in(made: Works, parking: FakeParking) -> None:
    made.extended = parking  # type: ignore[assignment]


def test_nothing_is_told_and_the_file_stays_until_the_outcome_is_durable(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.ledger = ledger = SlowLedger()
        file = made.put(deck(["bob@example.net"], ["eve@example.net"]))
        task = asyncio.create_task(made.work())
        await until(lambda: len(ledger.thens) == 2)
        await spin()
        assert made.of(MailEnded) == []
        assert made.store.counts()["busy"] == 1
        ledger.commit()
        assert len(made.of(MailEnded)) == 2
        await task
        assert ledger.forgotten == [file]
        assert sum(made.store.counts().values()) == 0
        assert ledger.records == [(1, None), (2, None)]

    run(work)


def test_forget_comes_after_the_file_is_disposed_of(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        seen: list[int] = []

        class Looking(MemoryLedger):
            def forget(self, file: str) -> None:
                seen.append(sum(made.store.counts().values()))

        made.ledger = Looking()
        made.put(deck(["bob@example.net"]))
        await made.work()
        assert seen == [0]

    run(work)


def test_long_retry_tries_only_who_is_left_and_records_the_others_at_once(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.ledger = ledger = SlowLedger()
        made.put(deck(["bob@example.net", "451x2@example.net", "550@example.net"]))
        running = asyncio.create_task(made.work())
        await until(lambda: bool(made.of(MailRetry)))
        ((mail, state),) = ledger.records
        assert mail == 1
        assert state is not None
        assert [one and one.verdict for one in state.outcomes] == [Verdict.DELIVERED, None, Verdict.UNDELIVERABLE]
        assert not state.closed
        await warp(MINUTE)
        await until(lambda: len(made.of(MailRetry)) == 2)
        assert len(ledger.records) == 1
        await warp(MINUTE)
        await until(lambda: len(ledger.records) == 2)
        assert made.courier.reached == ["bob@example.net", "451x2@example.net"]
        ledger.commit()
        await until(lambda: len(ledger.records) == 3)
        state = ledger.records[2][1]
        assert state is not None
        assert state.closed
        assert made.of(NoticeSent)
        ledger.commit()
        assert (await running).bad

    run(work)


def test_long_retry_exhausted_without_extended_retry_is_undeliverable(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.put(deck(["451@example.net"]))
        running = asyncio.create_task(made.work())
        for retry in (1, 2):
            await until(lambda retry=retry: len(made.of(MailRetry)) == retry)
            await warp(MINUTE)
        await running
        (event,) = made.of(MailEnded)
        assert isinstance(event, MailEnded)
        assert event.reason == "retry limit reached; last answer: 451 4.0.0 as you wish"
        assert event.tries == 3
        assert made.of(NoticeSent)

    run(work)


@pytest.mark.parametrize("policy", [RetryLimit(0, 1), RetryLimit(5, 0)])
def test_count_or_interval_zero_means_no_long_retry(tmp_path: Path, policy: RetryLimit) -> None:
    async def work() -> None:
        made = works(tmp_path, retry_limit=policy)
        made.put(deck(["451@example.net"]))
        await made.work()
        assert made.of(MailRetry) == []
        assert len(made.of(MailEnded)) == 1

    run(work)


def test_flushretry_ends_long_retry_now(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.put(deck(["451@example.net"], ["451x1@example.net"], ["bob@example.net"]))
        task = made.task()
        running = asyncio.create_task(task.run())
        await until(lambda: task.long_retry == 2)
        assert task.flush() == 2
        assert task.flush() == 0
        await running
        assert made.courier.tried.count("451@example.net") == 1
        assert {event.mail for event in made.of(NoticeSent)} == {1, 2}

    run(work)


def test_flushretry_hands_on_to_extended_retry_when_that_is_active(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        parking = FakeParking()
        parked_in(made, parking)
        made.put(deck(["451@example.net"]))
        task = made.task()
        running = asyncio.create_task(task.run())
        await until(lambda: task.long_retry == 1)
        task.flush()
        result = await running
        assert [parked.mail.number for parked, _ in parking.mails] == [1]
        assert (result.mails, result.bad) == (1, True)
        (event,) = made.of(SpoolFileEnded)
        assert isinstance(event, SpoolFileEnded)
        assert event.counts.parked == 1
        assert event.disposition is Disposition.DELETE

    run(work)


@pytest.mark.parametrize("body", ["short", "\n".join(f"line {number} of a large mail" for number in range(5000))])
def test_extended_retry_takes_what_long_retry_gave_up_and_the_file_is_released(tmp_path: Path, body: str) -> None:
    async def work() -> None:
        made = works(tmp_path, retry_limit=RetryLimit(0, 0))
        made.ledger = ledger = SlowLedger()
        parking = FakeParking()
        parked_in(made, parking)
        made.put(deck(["bob@example.net", "451@example.net"], body=body))
        running = asyncio.create_task(made.work())
        await until(lambda: len(ledger.records) == 2)
        assert made.of(MailParked) == []
        state = ledger.records[1][1]
        assert state is not None
        assert [one and one.verdict for one in state.outcomes] == [Verdict.DELIVERED, Verdict.RETRY]
        ledger.commit()
        await running
        ((parked, text),) = parking.mails
        assert parked.page == "IBM-1047"
        assert text.decode("cp037").replace("\x85", "\n") == f"Subject: mail 1\n\n{body}\n"
        assert parked.added.startswith(b"Received: ")
        assert parked.tries == 1
        (event,) = made.of(MailParked)
        assert isinstance(event, MailParked)
        assert (event.recipients, event.path, event.sender) == (1, "/mail/cf1", "alice@example.org")
        assert made.of(MailEnded) == []
        assert sum(made.store.counts().values()) == 0

    run(work)


def test_undeliverable_recipients_get_their_notice_although_others_go_to_extended_retry(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path, retry_limit=RetryLimit(0, 0))
        parked_in(made, FakeParking())
        made.put(deck(["550@example.net", "451@example.net"]))
        await made.work()
        (notice,) = (text for to, text in made.courier.sent if to == "alice@example.org")
        assert b"Recipient: 550@example.net" in notice
        assert b"Recipient: 451@example.net" not in notice
        (event,) = made.of(SpoolFileEnded)
        assert isinstance(event, SpoolFileEnded)
        assert (event.counts.undeliverable, event.counts.parked) == (1, 0)

    run(work)


def test_what_extended_retry_cannot_take_stays_in_long_retry(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path, retry_limit=RetryLimit(0, 0))
        parking = FakeParking(room=False)
        parked_in(made, parking)
        made.put(deck(["451x3@example.net"]))
        running = asyncio.create_task(made.work())
        await until(lambda: len(made.of(MailRetry)) == 1)
        parking.fault = RuntimeError("a bug")
        await warp(MINUTE)
        await until(lambda: len(made.of(MailRetry)) == 2)
        parking.fault = None
        await warp(MINUTE)
        await until(lambda: len(made.of(MailRetry)) == 3)
        assert made.courier.sent == []
        await warp(MINUTE)
        assert not (await running).bad
        assert made.courier.reached == ["451x3@example.net"]

    run(work)


OUT = Outcome(Verdict.UNDELIVERABLE, "550 5.1.1 No such user", "192.0.2.1")
LATER = Outcome(Verdict.RETRY, "451 later", "192.0.2.1")


def test_warm_start_sends_only_what_was_not_sent_before(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.ledger = KnowingLedger(
            delivered=[1],
            states={
                2: MailState((DELIVERED_BEFORE, None)),
                3: MailState((OUT,)),
                4: MailState((OUT, DELIVERED_BEFORE), closed=True),
                5: MailState((LATER,), closed=True),
                6: MailState((OUT, OUT)),  # of another deck: the mail has one recipient
            },
        )
        names = [["a1"], ["b1", "b2"], ["c1"], ["d1", "d2"], ["e1"], ["f1"], ["g1"]]
        made.put(deck(*([f"{name}@example.net" for name in mail] for mail in names)))
        result = await made.work()
        assert sorted(made.courier.reached) == ["alice@example.org", "b2@example.net", "f1@example.net", "g1@example.net"]
        assert [event.mail for event in made.of(NoticeSent)] == [3]
        assert {event.mail for event in made.of(MailEnded)} == {2, 6, 7}
        assert result.mails == 7
        (ended,) = made.of(SpoolFileEnded)
        assert isinstance(ended, SpoolFileEnded)
        assert (ended.counts.sent, ended.counts.undeliverable, ended.counts.parked) == (4, 2, 1)

    run(work)


def test_warm_start_keeps_the_reason_for_the_notice(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.ledger = KnowingLedger(states={1: MailState((OUT, None))})
        made.put(deck(["nobody@example.net", "bob@example.net"]))
        await made.work()
        assert made.courier.reached == ["bob@example.net", "alice@example.org"]
        assert b"Reason: 550 5.1.1 No such user" in made.courier.sent[1][1]

    run(work)


@pytest.mark.parametrize("state", [None, MailState((DELIVERED_BEFORE, None))])
def test_a_copy_in_the_mail_directory_counts_although_its_record_was_lost(tmp_path: Path, state: MailState | None) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.ledger = ledger = KnowingLedger(states={1: state} if state else {})
        parked_in(made, FakeParking(known={1: (DELIVERED_BEFORE, LATER)}))
        made.put(deck(["bob@example.net", "451@example.net"], ["eve@example.net"]))
        await made.work()
        assert made.courier.reached == ["eve@example.net"]
        assert (1, MailState((DELIVERED_BEFORE, LATER))) in ledger.records
        assert [event.mail for event in made.of(MailEnded)] == [2]  # the other waits: it has not ended

    run(work)


def test_dead_letter_then_closed(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.ledger = ledger = KnowingLedger()
        made.put(deck(["550@example.net"], sender=""))
        await made.work()
        assert made.of(DeadLetterStored)
        assert [state and state.closed for _, state in ledger.records] == [False, True]

    run(work)


def test_no_notice_wanted_closes_at_once(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path, undeliverable=Undeliverable(return_to_mail_from=False))
        made.ledger = ledger = KnowingLedger()
        made.put(deck(["550@example.net"]))
        await made.work()
        assert made.courier.sent == []
        assert [state and state.closed for _, state in ledger.records] == [False, True]

    run(work)


def test_a_stop_records_who_was_reached_and_gives_the_file_back(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.courier.hold = True
        made.ledger = ledger = KnowingLedger()
        made.put(deck(["bob@example.net", "451@example.net"]))
        task = made.task()
        running = asyncio.create_task(task.run())
        await until(lambda: len(made.courier.held) == 1)
        task.stop_reading()
        made.courier.answer()
        ((_, state),) = ledger.records
        assert state == MailState((Outcome(Verdict.DELIVERED, OK, "192.0.2.1"), None))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert made.store.counts()["ready"] == 1
        assert ledger.forgotten == []

    run(work)


@pytest.mark.parametrize("lasting", [True, False])
def test_a_notice_that_nobody_saw_before_the_stop_waits_for_the_next_start_where_the_outcome_lasts(
    tmp_path: Path, lasting: bool
) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.courier.hold = True
        made.ledger = ledger = KnowingLedger()
        ledger.lasting = lasting
        made.put(deck(["550@example.net"], ["451@example.net"]))
        task = made.task()
        running = asyncio.create_task(task.run())
        await until(lambda: len(made.courier.held) == 2)
        task.stop_reading()
        made.courier.answer()  # the notice is submitted
        made.courier.stop()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(made.of(DeadLetterStored)) == (0 if lasting else 1)
        assert [state and state.closed for _, state in ledger.records] == ([False] if lasting else [False, True])
        assert made.store.counts()["ready"] == 1

    run(work)


def test_a_dead_letter_that_is_being_written_at_the_stop_is_recorded_before_the_file_is_given_back(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.courier.hold = True
        made.ledger = ledger = KnowingLedger()
        made.put(deck(["550@example.net"], ["451@example.net"], sender=""))
        task = made.task()
        running = asyncio.create_task(task.run())
        await until(lambda: len(made.courier.held) == 2)
        made.courier.answer()
        await asyncio.sleep(0)  # the thread may have begun
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert [state and state.closed for _, state in ledger.records] == [False, True]

    run(work)


class FailingDisk(Disk):
    """A disk on which nothing can be moved as long as `fails` says so."""

    fails = 0

    def move(self, source: Path, target: Path) -> None:
        if self.fails:
            self.fails -= 1
            raise SpoolError(f"{source}: Input/output error")
        super().move(source, target)


def test_a_file_that_cannot_be_disposed_of_is_told_once_and_tried_again(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        disk = made.store._tree.disk = FailingDisk()
        made.ledger = ledger = KnowingLedger()
        made.put(deck(["bob@example.net"]))
        task = made.task()
        disk.fails = 3
        running = asyncio.create_task(task.run())
        for left in (2, 1, 0):
            await until(lambda left=left: disk.fails == left)  # type: ignore[misc]
            assert ledger.forgotten == []
            while disk.fails == left and not running.done():
                await warp(AGAIN_SECONDS)
        await running
        assert made.store.counts() == dict.fromkeys(made.store.counts(), 0)
        assert len(made.of(SpoolUnusable)) == 1
        assert len(ledger.forgotten) == 1

    run(work)


def test_a_stop_does_not_wait_for_a_disk_that_fails(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        disk = made.store._tree.disk = FailingDisk()
        made.put(deck(["bob@example.net"]))
        task = made.task()
        disk.fails = 1_000
        running = asyncio.create_task(task.run())
        await until(lambda: disk.fails < 1_000)
        task.stop_reading()
        await warp(AGAIN_SECONDS)
        await until(running.done)
        with pytest.raises(SpoolError):
            await running
        assert made.store.counts()["busy"] == 1

    run(work)


def test_a_cancelled_task_leaves_no_timer_and_no_copying(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        never = asyncio.Event()

        class Stuck(FakeParking):
            async def accept(self, parked: ParkedMail, body: Callable[[], Iterable[bytes]]) -> str:
                await never.wait()
                return ""

        parked_in(made, Stuck())
        made.put(deck(["451@example.net"], ["451x1@example.net"]))
        task = made.task()
        running = asyncio.create_task(task.run())
        await until(lambda: task.long_retry == 2)
        task.flush()
        await spin()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await spin()
        assert [each for each in asyncio.all_tasks() if each is not asyncio.current_task()] == []

    run(work)


def test_reading_waits_at_the_limit_of_mails_in_work(tmp_path: Path) -> None:
    async def work() -> None:
        made = works(tmp_path)
        made.flow = Flow(made.events.append, limit=3)
        made.courier.hold = True
        body = "\n".join(["x" * 70] * 600)  # so that each slice of the file has a few mails only
        count = 40
        made.put(deck(*([f"r{number}@example.net"] for number in range(count)), body=body))
        running = asyncio.create_task(made.work())
        await until(lambda: len(made.courier.held) >= 3)
        await asyncio.to_thread(lambda: None)
        await spin(200)
        assert len(made.courier.held) < count
        assert made.flow.full
        while not running.done():
            made.courier.answer()
            await asyncio.sleep(0)
        assert len(made.courier.sent) == count
        assert made.of(QueueBackpressure) == []

    run(work)


def test_flow_tells_the_operator_when_no_target_can_be_reached() -> None:
    async def work() -> None:
        events: list[object] = []
        flow = Flow(events.append, limit=1)
        flow.courier = courier = FakeCourier()  # type: ignore[assignment]
        courier.all_down = True
        mail = MailParcel(DeckMail(1, Envelope("h", "", ()), b"", HeaderFacts(0, True, True, True), 0, 1, 2), b"", None, None)  # type: ignore[arg-type]
        flow.took(mail)
        reader = asyncio.create_task(flow.room())
        await spin()
        assert [event.on for event in events] == [True]
        flow.gave(mail)
        await reader
        assert [event.on for event in events] == [True, False]

    run(work)


def test_with_the_real_checkpoint_a_second_life_goes_on_where_the_first_stopped(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"

    async def life(*, last: bool) -> list[str]:
        made = works(tmp_path)
        file = LedgerFile(path, "CSSMTP", "CSSMTP", made.clock)
        made.ledger = ledger = Checkpoint(file, made.events.append)
        await ledger.start()
        if not last:
            made.put(deck(["a@example.net"], ["b@example.net", "451x1@example.net"], ["c@example.net"]))
            made.courier.hold = True
        task = made.task()
        running = asyncio.create_task(task.run())
        if not last:
            await until(lambda: len(made.courier.held) == 3)
            made.courier.answer(2)
            task.stop_reading()
            await ledger.flush()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        else:
            await until(lambda: task.long_retry == 1)
            await warp(MINUTE)
            await running
            assert await ledger.open_file(task._file.id) is None
        await ledger.close()
        return made.courier.reached

    assert run(lambda: life(last=False)) == ["a@example.net", "b@example.net"]
    assert sorted(run(lambda: life(last=True))) == ["451x1@example.net", "c@example.net"]
