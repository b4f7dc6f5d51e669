"""Lives of a gateway that end at any moment: whatever happens, nothing is lost, and what was recorded is never sent again.
A life is made of the real parts: spool, checkpoint, spool tasks, extended retry. Only the courier is a model, and it stands
for the servers: it lives on when the gateway dies. A crash drops every object of a life and opens the same files again.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections import Counter
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cssmtp.config.model import BadSpoolDisp, RetryLimit
from cssmtp.engine.checkpoint import Checkpoint
from cssmtp.engine.ledgerfile import LedgerFile
from cssmtp.engine.spooltask import FileResult, SpoolTask
from tests.lifekit import FakeCourier, WarpLoop, Works, configured, deck, extended_policy, spin, until
from tests.spoolkit import StoppedClock

ANSWERS = ("", "-451x1", "-451x4", "-550")
MAILS = st.lists(st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=3), min_size=1, max_size=4)


class Life:
    """One process: everything that a kill takes away."""

    def __init__(self, root: Path, courier: FakeCourier, clock: StoppedClock) -> None:
        self.loop = WarpLoop()
        self.threads = ThreadPoolExecutor(1)
        self.loop.set_default_executor(self.threads)
        configuration = configured(
            root,
            bad_spool_disp=BadSpoolDisp.DELETE,
            retry_limit=RetryLimit(1, 1),
            extended_retry=extended_policy(root, age_days=0),
        )
        courier.stopped = False
        self.works = Works(root, configuration, courier, clock=clock)
        self.ledger = Checkpoint(LedgerFile(root / "checkpoint", "CSSMTP", "CSSMTP", clock), self.works.events.append)
        self.works.ledger = self.ledger
        self.extended = self.works.extend()
        self.tasks: dict[asyncio.Task[FileResult], SpoolTask] = {}
        self.do(self._start())

    def do(self, work: Coroutine[Any, Any, Any]) -> None:
        self.loop.run_until_complete(work)

    async def _start(self) -> None:
        await self.ledger.start()
        self.works.store.recover(recorded=self.ledger.recorded)
        self.ledger.keep(self.works.store.ids())
        await self.extended.start()

    async def take(self) -> None:
        if self.works.store.select("CSSMTP", 1):
            work = self.works.task()
            self.tasks[asyncio.create_task(work.run())] = work
        await spin()

    async def settle(self) -> None:
        """Until nothing goes on by itself any more and everything recorded is on the disk."""
        for _ in range(12):
            await spin()
            await asyncio.to_thread(lambda: None)
            await self.ledger.flush()

    async def later(self, seconds: float) -> None:
        self.works.clock.forward(seconds)
        self.loop.ahead += seconds
        await spin()

    async def _stop(self) -> None:
        for work in self.tasks.values():
            work.stop_reading()
        self.extended.stop_trying()
        self.works.courier.answer(len(self.works.courier.held))
        self.works.courier.stop()
        await self.ledger.flush()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.extended.close()
        await self.ledger.close()

    def stop(self) -> None:
        self.do(self._stop())
        self._end()

    def crash(self) -> None:
        """Threads come to the end of what they do, as the system's calls of a killed process do; nothing else goes on."""
        self.do(spin(1))  # a coroutine that was never begun would complain
        for task in asyncio.all_tasks(self.loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.threads.shutdown()
        self.ledger._thread.shutdown()
        self.ledger._file.close()
        self._end()

    def _end(self) -> None:
        self.works.courier.held.clear()
        self.extended._directory.close()
        self.works.store.close()
        self.threads.shutdown()
        self.loop.close()
        self.tasks.clear()


class Gateway(RuleBasedStateMachine):
    """Files are put, servers answer, time passes, and the process ends in one way or the other."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.root = Path(self.scratch.name)
        self.courier = FakeCourier(hold=True)
        self.clock = StoppedClock()
        self.names = 0
        self.wanted: dict[str, str] = {}  # recipient -> the sender of its mail
        self.safe: Counter[str] = Counter()  # deliveries that are recorded
        self.doubtful: Counter[str] = Counter()  # deliveries of which a crash may have taken the record, for good
        self.allowed = 0  # deliveries in the window of a crash: they may be repeated
        self.life: Life | None = None

    @initialize()
    def begin(self) -> None:
        self.life = Life(self.root, self.courier, self.clock)

    @precondition(lambda self: self.life is not None)
    @rule(mails=MAILS)
    def put(self, mails: list[list[str]]) -> None:
        assert self.life is not None
        self.names += 1
        sender = f"s{self.names}@example.org"
        addresses = [
            [f"f{self.names}m{number}r{place}{answer}@example.net" for place, answer in enumerate(mail)]
            for number, mail in enumerate(mails)
        ]
        self.wanted |= {recipient: sender for mail in addresses for recipient in mail}
        self.life.works.put(deck(*addresses, sender=sender))

    @precondition(lambda self: self.life is not None)
    @rule()
    def take(self) -> None:
        assert self.life is not None
        self.life.do(self.life.take())

    @precondition(lambda self: self.life is not None)
    @rule(count=st.integers(1, 5))
    def answer(self, count: int) -> None:
        assert self.life is not None

        async def work() -> None:
            self.courier.answer(count)

        self.life.do(work())

    @precondition(lambda self: self.life is not None)
    @rule()
    def settle(self) -> None:
        assert self.life is not None
        self.life.do(self.life.settle())
        self.recorded()

    def recorded(self) -> None:
        """Everything this life has delivered is recorded. What an earlier one took with it does not come back by that."""
        reached = Counter(self.courier.reached)
        self.safe |= Counter({recipient: count for recipient, count in reached.items() if count > self.doubtful[recipient]})

    @precondition(lambda self: self.life is not None)
    @rule(seconds=st.sampled_from([0.0, 61.0, 1801.0]), settled=st.booleans())
    def round(self, seconds: float, settled: bool) -> None:
        """A file is taken, time passes, everything is answered: the way into retries."""
        assert self.life is not None
        self.life.do(self.life.take())
        self.life.do(self.life.later(seconds))
        self.answer(100)
        if settled:
            self.settle()

    @precondition(lambda self: self.life is not None)
    @rule(seconds=st.sampled_from([61.0, 1801.0]))
    def later(self, seconds: float) -> None:
        assert self.life is not None
        self.life.do(self.life.later(seconds))

    @precondition(lambda self: self.life is not None)
    @rule()
    def crash(self) -> None:
        assert self.life is not None
        self.life.crash()
        reached = Counter(self.courier.reached)
        window = reached - (self.safe | self.doubtful)
        self.allowed += window.total()
        self.doubtful |= Counter({recipient: reached[recipient] for recipient in window})
        self.life = None
        gc.collect()

    @precondition(lambda self: self.life is not None)
    @rule()
    def stop(self) -> None:
        assert self.life is not None
        self.life.stop()
        self.recorded()
        self.life = None

    @precondition(lambda self: self.life is None)
    @rule()
    def start(self) -> None:
        self.life = Life(self.root, self.courier, self.clock)

    @invariant()
    def nothing_recorded_is_repeated(self) -> None:
        for recipient, count in Counter(self.courier.reached).items():
            if self.safe[recipient] and recipient in self.wanted:
                assert count == self.safe[recipient], f"{recipient} got its mail again"

    def teardown(self) -> None:
        try:
            self._finish()
            self.nothing_recorded_is_repeated()
            self._judge()
        finally:
            if self.life is not None:
                self.life.stop()
            gc.collect()
            self.scratch.cleanup()

    def _finish(self) -> None:
        """A last life in which every server answers and every file gets its turn."""
        life = self.life = self.life or Life(self.root, self.courier, self.clock)
        self.courier.hold = False

        async def work() -> None:
            self.courier.answer(len(self.courier.held))
            for _ in range(60):
                for entry in list(life.works.store.entries("held")):
                    life.works.store.release(entry)
                await life.take()
                await life.settle()
                await life.later(1801.0)
                await life.settle()
                if not any(life.works.store.counts().values()) and not life.extended.waiting:
                    return
            raise AssertionError(f"it never ends: {life.works.store.counts()}, {life.extended.waiting} waiting")

        life.do(work())

    def _judge(self) -> None:
        reached = Counter(self.courier.reached)
        refused = {recipient for recipient in self.wanted if "-550" in recipient}
        notices = b"".join(text for recipient, text in self.courier.sent if recipient not in self.wanted)
        for recipient in self.wanted:
            known = notices.count(f"Recipient: {recipient}".encode()) if recipient in refused else reached[recipient]
            assert known, f"nobody was told about {recipient}"
        mails_refused = len({recipient.partition("r")[0] for recipient in refused})
        repeated = reached.total() - (len(self.wanted) - len(refused)) - mails_refused
        assert repeated <= self.allowed, f"{repeated} repeated, {self.allowed} in the window"


# A crash leaves loops, threads and files behind on purpose; when they are collected says nothing about the gateway.
TestGateway = Gateway.TestCase
TestGateway.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_the_model_knows_that_a_delivery_lost_in_a_crash_may_come_again_after_an_orderly_stop() -> None:
    """One recipient of three is reached, and the crash comes before the commit. The next life ends before it takes the file."""
    gateway = Gateway()
    gateway.begin()
    gateway.put([["-451x1", "", "-451x1"]])
    first = gateway.life
    assert first is not None

    async def reach_one() -> None:
        await first.take()
        await until(lambda: bool(gateway.courier.held))
        first.ledger._began = first.loop.time() + 1e6  # a commit has just begun, so the next one waits
        gateway.courier.answer()

    first.do(reach_one())
    gateway.crash()
    gateway.start()
    gateway.stop()
    gateway.start()
    gateway.round(61.0, settled=True)
    gateway.nothing_recorded_is_repeated()
    assert gateway.allowed == 1
    gateway.teardown()
    assert gateway.courier.reached.count("f1m0r1@example.net") == 2
