"""The checkpoint on its loop: group commit, order, failing disks, history."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from cssmtp.delivery.link import Parcel
from cssmtp.engine.checkpoint import GATHER_SECONDS, RETRY_SECONDS, UNRECORDED_MAILS, Checkpoint
from cssmtp.engine.ledger import MailState, MemoryLedger
from cssmtp.engine.ledgerfile import Batch, CheckpointError, LedgerFile
from cssmtp.model import Outcome, Verdict
from cssmtp.observe.events import (
    CheckpointFailed,
    CheckpointMended,
    CheckpointOpened,
    CheckpointSetAside,
    Event,
    InternalError,
)
from tests.delivering import office, parcels, target
from tests.lifekit import run, spin, until, warp
from tests.misbehaving import MisbehavingServer
from tests.spoolkit import StoppedClock

OK = Outcome(Verdict.DELIVERED, "250 ok")


class TryingFile(LedgerFile):
    """Counts commits; lets them wait at a gate, or fail with `fault`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "CSSMTP", "CSSMTP", StoppedClock())
        self.gate = threading.Event()
        self.gate.set()
        self.fault: Exception | None = None
        self.commits: list[Batch] = []

    def commit(self, batch: Batch) -> str:
        assert self.gate.wait(20)
        self.commits.append(batch)
        if self.fault is not None:
            raise self.fault
        return super().commit(batch)


class Kept:
    """A started checkpoint and what it said."""

    def __init__(self, path: Path) -> None:
        self.file = TryingFile(path)
        self.events: list[Event] = []
        self.ledger = Checkpoint(self.file, self.events.append)
        self.done: list[int] = []

    def record(self, number: int, state: MailState | None = None, file: str = "a") -> None:
        self.ledger.record(file, number, state, lambda: self.done.append(number))

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if type(event) is kind]


def test_thens_run_in_order_after_the_commit_and_never_before(tmp_path: Path) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        kept.file.gate.clear()
        kept.record(1)
        await spin()
        for number in range(2, 100):
            kept.record(number, MailState((OK, None)) if number == 50 else None)
        await spin()
        assert kept.done == []
        kept.file.gate.set()
        await kept.ledger.flush()
        assert kept.done == list(range(1, 100))
        assert [len(batch.delivered["a"]) for batch in kept.file.commits] == [1, 97]
        await kept.ledger.close()

    run(work)


def test_the_first_outcome_after_a_pause_is_committed_at_once_and_others_are_gathered(tmp_path: Path) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        kept.record(1)
        await until(lambda: kept.done == [1])
        loop = asyncio.get_running_loop()
        loop.ahead -= 1000  # the next commit is a long time away
        kept.record(2)
        kept.record(3)
        await spin()
        assert kept.done == [1]
        await warp(1000 + 2 * GATHER_SECONDS)
        await until(lambda: kept.done == [1, 2, 3])
        assert len(kept.file.commits) == 2
        await kept.ledger.close()

    run(work)


def test_when_too_many_outcomes_wait_for_the_disk_no_mail_is_begun(tmp_path: Path) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        told: list[bool] = []
        kept.ledger.hold_back = told.append
        await kept.ledger.start()
        kept.file.gate.clear()
        kept.record(0)
        for number in range(1, UNRECORDED_MAILS - 1):
            kept.record(number)
        assert told == []
        for number in range(UNRECORDED_MAILS - 1, 2 * UNRECORDED_MAILS):  # what was under way is recorded all the same
            kept.record(number)
        await spin()
        assert told == [True]
        kept.file.gate.set()
        await until(lambda: len(kept.done) == 2 * UNRECORDED_MAILS)
        assert told == [True, False]
        assert len(kept.file.commits) == 2
        await kept.ledger.close()

    run(work)


def test_many_outcomes_at_once_do_not_wait_for_the_pause_between_commits(tmp_path: Path) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        kept.record(0)
        await until(lambda: kept.done == [0])
        loop = asyncio.get_running_loop()
        loop.ahead -= 1000  # the pause would last for ever
        for number in range(1, UNRECORDED_MAILS + 1):
            kept.record(number)
        await until(lambda: len(kept.done) == UNRECORDED_MAILS + 1)
        await kept.ledger.close()

    run(work)


def test_a_disk_that_fails_holds_nothing_back(tmp_path: Path) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        told: list[bool] = []
        kept.ledger.hold_back = told.append
        await kept.ledger.start()
        kept.file.fault = OSError("no room")
        for number in range(2 * UNRECORDED_MAILS):
            kept.record(number)
        await until(lambda: len(kept.done) == 2 * UNRECORDED_MAILS)
        for number in range(2 * UNRECORDED_MAILS):
            kept.record(number)
        assert told == [True, False]
        kept.file.fault = None
        await kept.ledger.close()

    run(work)


async def test_a_stalled_disk_leaves_no_more_unrecorded_than_the_limit_and_what_is_in_flight(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "checkpoint")
    await kept.ledger.start()
    kept.file.gate.clear()
    depth, links = 4, 3
    reached: list[int] = []
    async with (
        MisbehavingServer(extensions=("PIPELINING", "CHUNKING")) as server,
        office(target(server.port, connect_limit=links, pipeline_depth=depth)) as here,
    ):
        kept.ledger.hold_back = here.courier.hold_back
        taken = here.ended

        def ended(parcel: Parcel, outcomes: tuple[Outcome, ...]) -> None:
            reached.append(len(reached))
            kept.record(reached[-1])
            taken(parcel, outcomes)

        here.ended = ended  # type: ignore[method-assign]
        count = 10 * UNRECORDED_MAILS
        for parcel in parcels(count):
            here.courier.submit(parcel)
        await here.until(lambda: len(here.courier._idle) == len(here.courier._links()) and len(reached) >= UNRECORDED_MAILS)
        assert kept.done == []
        assert len(server.accepted) <= UNRECORDED_MAILS + links * depth
        assert here.courier.waiting >= count - UNRECORDED_MAILS - links * depth
        kept.file.gate.set()
        await here.until(lambda: len(reached) == count)
        await kept.ledger.close()
        assert len(kept.done) == count


def test_warm_start_knows_what_was_recorded(tmp_path: Path) -> None:
    async def first() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        assert await kept.ledger.open_file("a") is None
        kept.record(1)
        kept.record(2, MailState((OK, None)))
        kept.record(1, file="b")
        await kept.ledger.close()
        assert kept.done == [1, 2, 1]

    async def second() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        assert kept.of(CheckpointOpened) == [CheckpointOpened(str(tmp_path / "checkpoint"), 2)]
        assert await kept.ledger.open_file("c") is None
        history = await kept.ledger.open_file("a")
        assert history is not None
        assert history.delivered(1)
        assert not history.delivered(2)
        assert history.state(2) == MailState((OK, None))
        kept.ledger.keep(iter(["a", "z"]))
        assert await kept.ledger.open_file("b") is None
        await kept.ledger.close()

    async def third() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        assert kept.of(CheckpointOpened) == [CheckpointOpened(str(tmp_path / "checkpoint"), 1)]
        await kept.ledger.close()

    for life in (first, second, third):
        run(life)


def test_cold_start_forgets(tmp_path: Path) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        kept.record(1)
        await kept.ledger.close()
        again = Kept(tmp_path / "checkpoint")
        await again.ledger.start(cold=True)
        assert again.of(CheckpointOpened) == [CheckpointOpened(str(tmp_path / "checkpoint"), 1, cold=True)]
        assert await again.ledger.open_file("a") is None
        await again.ledger.close()

    run(work)


def test_a_file_taken_twice_in_one_life_is_known_the_second_time(tmp_path: Path) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        assert await kept.ledger.open_file("a") is None
        kept.record(1)
        history = await kept.ledger.open_file("a")
        assert history is not None
        assert history.delivered(1)
        kept.file.fault = OSError(5, "Input/output error")
        kept.record(2)
        kept.record(3, MailState((OK,)))
        await kept.ledger.flush()
        unsaved = await kept.ledger.open_file("a")
        assert unsaved is not None
        assert [unsaved.delivered(number) for number in (1, 2, 3)] == [True, True, False]
        assert unsaved.state(3) == MailState((OK,))
        kept.ledger.forget("a")
        assert await kept.ledger.open_file("a") is None
        await kept.ledger.close()

    run(work)


@pytest.mark.parametrize(
    "fault", [sqlite3.OperationalError("database or disk is full"), OSError(5, "Input/output error"), RuntimeError("a bug")]
)
def test_a_failing_disk_is_told_once_mail_goes_on_and_everything_is_written_later(tmp_path: Path, fault: Exception) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        kept.file.fault = fault
        kept.record(1)
        await kept.ledger.flush()
        assert kept.done == [1]
        kept.record(2)
        assert kept.done == [1, 2]
        for _ in range(3):
            await warp(RETRY_SECONDS)
            await until(lambda: kept.ledger._commit is None)
        assert kept.of(CheckpointFailed) == [CheckpointFailed(str(tmp_path / "checkpoint"), str(fault))]
        kept.file.fault = None
        await warp(RETRY_SECONDS)
        await until(lambda: bool(kept.of(CheckpointMended)))
        kept.record(3)
        await kept.ledger.flush()
        assert kept.done == [1, 2, 3]
        (numbers, last) = kept.file.rows("a").delivered
        assert [list(numbers), list(last)] == [[1, 2], [3]]
        assert len(kept.of(CheckpointFailed)) == len(kept.of(CheckpointMended)) == 1
        await kept.ledger.close()

    run(work)


def test_close_tries_a_last_time_and_ends_whatever_the_disk_does(tmp_path: Path) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        kept.file.fault = OSError(28, "No space left on device")
        kept.record(1)
        await kept.ledger.close()
        assert kept.done == [1]
        assert len(kept.file.commits) == 2

    run(work)


def test_what_is_forgotten_while_the_disk_fails_is_not_written_later(tmp_path: Path) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        kept.record(1)
        await kept.ledger.flush()
        kept.file.fault = OSError(5, "Input/output error")
        kept.record(2)
        await kept.ledger.flush()
        kept.ledger.forget("a")
        kept.record(1, file="b")
        kept.file.fault = None
        await warp(RETRY_SECONDS)
        await until(lambda: bool(kept.of(CheckpointMended)))
        assert kept.file.rows("a").delivered == []
        assert len(kept.file.rows("b").delivered) == 1
        await kept.ledger.close()

    run(work)


def test_a_fault_in_one_then_does_not_stop_the_others(tmp_path: Path) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        kept.ledger.record("a", 1, None, lambda: 1 / 0)
        kept.record(2)
        await kept.ledger.flush()
        assert kept.done == [2]
        assert kept.of(InternalError) == [InternalError("checkpoint", "ZeroDivisionError: division by zero")]
        await kept.ledger.close()

    run(work)


def test_history_that_cannot_be_read_is_told_and_the_file_done_anyway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        kept.record(1)
        await kept.ledger.open_file("a")

        def broken(file: str) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(kept.file, "rows", broken)
        assert await kept.ledger.open_file("a") is None
        assert kept.of(CheckpointFailed) == [CheckpointFailed(str(tmp_path / "checkpoint"), "disk I/O error")]
        await kept.ledger.close()

    run(work)


def test_an_unusable_file_is_told(tmp_path: Path) -> None:
    async def work() -> None:
        (tmp_path / "checkpoint").write_text("no database, and a text that is long enough to be looked at as one" * 9)
        kept = Kept(tmp_path / "checkpoint")
        await kept.ledger.start()
        (event,) = kept.of(CheckpointSetAside)
        assert isinstance(event, CheckpointSetAside)
        assert event.reason == "file is not a database"
        await kept.ledger.close()
        await until(lambda: True)
        Path(event.path).write_text("overwritten by somebody" * 99)
        late = Kept(tmp_path / "checkpoint")
        late.file._connection = None
        await late.ledger.start()
        late.file.close()
        Path(event.path).write_text("overwritten again, while in use" * 99)
        late.record(1)
        await late.ledger.flush()
        assert late.done == [1]
        assert [event.reason for event in late.of(CheckpointSetAside)][-1] == "it was found damaged while in use"
        await late.ledger.close()

    run(work)


def test_a_place_that_cannot_be_refuses_the_start(tmp_path: Path) -> None:
    async def work() -> None:
        kept = Kept(tmp_path / "missing" / "checkpoint")
        with pytest.raises(CheckpointError):
            await kept.ledger.start()
        await kept.ledger.close()

    run(work)


def test_memory_ledger_counts_at_once_and_forgets() -> None:
    async def work() -> None:
        ledger = MemoryLedger()
        done: list[int] = []
        ledger.record("a", 1, None, lambda: done.append(1))
        assert done == [1]
        await ledger.flush()
        ledger.forget("a")
        assert await ledger.open_file("a") is None

    run(work)
