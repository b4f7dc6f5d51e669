"""The gateway as a whole: takes spool files, runs their tasks, starts and stops in order.

Promises: one spool file's trouble is that file's; everything else goes on. Stop means: nothing new is claimed, what is on a
connection gets its answer within a limit, unfinished spool files go back to the ready queue.
Never: touches records, mails or sockets itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from cssmtp import __version__
from cssmtp.clock import Clock
from cssmtp.config.model import Configuration, ReportTo
from cssmtp.config.model import ExtendedRetry as Policy
from cssmtp.delivery.courier import Courier
from cssmtp.delivery.link import Parcel as DeliveredParcel
from cssmtp.engine.checkpoint import Checkpoint
from cssmtp.engine.context import Context, Flow
from cssmtp.engine.exits import Exits
from cssmtp.engine.extended import ExtendedRetry
from cssmtp.engine.filebook import full_host_name
from cssmtp.engine.heartbeat import Heartbeat
from cssmtp.engine.inspection import inspect
from cssmtp.engine.ledger import Ledger, MemoryLedger
from cssmtp.engine.ledgerfile import LedgerFile
from cssmtp.engine.monitor import Monitor, measured
from cssmtp.engine.parcels import Parcel
from cssmtp.engine.reading_ahead import ReadingAhead
from cssmtp.engine.settings import Settings
from cssmtp.engine.spooltask import FileResult, SpoolTask
from cssmtp.engine.steering import Steering
from cssmtp.engine.testmode import TestModeTask
from cssmtp.engine.watcher import Watcher
from cssmtp.errors import CssmtpError, SpoolError
from cssmtp.model import Outcome
from cssmtp.observe.bus import Bus
from cssmtp.observe.events import (
    Cause,
    ConfigurationChanged,
    ConfigurationRemark,
    Dialogue,
    GatewayReady,
    GatewayStarting,
    GatewayStopped,
    GatewayStopping,
    InternalError,
    Severity,
    SpoolEntryRefused,
    SpoolUnusable,
    TestModeWithoutReport,
)
from cssmtp.observe.readings import Readings, TargetReading
from cssmtp.observe.recent import Recent
from cssmtp.observe.snapshot import Activity, Snapshot
from cssmtp.spool.store import Claim, SelectedBy, SpoolEntry, SpoolStore

WRITER_TASKS = 16
"""JES tasks of the WRITER pool: spool files worked on at once that name us as writer. Ours; IBM's number is not known."""

DEST_TASKS = 16
"""JES tasks of the DEST pool: spool files worked on at once that name us as destination. Ours; IBM's number is not known."""

POOLS = {SelectedBy.WRITER: WRITER_TASKS, SelectedBy.DEST: DEST_TASKS}
"""A full pool leaves the other one to go on: files that wait in long retry under one kind do not hold up the other."""

ADMITTED_AT_ONCE = 256
"""Files taken from the drop zone before those that are ready are begun."""

STOP_GRACE_SECONDS = 30.0
"""How long a stop waits for answers to mails that are on a connection."""


@dataclass(slots=True)
class Totals:
    """What a run came to; decides the exit status of --until-idle."""

    files: int = 0
    mails: int = 0
    troubled: int = 0
    unfinished: int = 0


def pool_of(entry: SpoolEntry, writer: str) -> SelectedBy:
    """The pool whose task takes an entry that we have selected as `writer`; who fits both counts as writer."""
    return SelectedBy.WRITER if entry.attributes.writer == writer.upper() else SelectedBy.DEST


def answered(parcel: DeliveredParcel, outcomes: tuple[Outcome, ...]) -> None:
    """The courier's answer, handed to whoever submitted the parcel."""
    assert isinstance(parcel, Parcel)
    parcel.ended(parcel, outcomes)


def _release(claims: Iterable[tuple[Claim, SelectedBy]]) -> None:
    for claim, _ in claims:
        with contextlib.suppress(SpoolError):  # it is found again at the next start, as after a crash
            claim.release()


class Gateway:
    """One CSSMTP. `run` returns the exit status: 0, or 1 when something was left undelivered or held."""

    def __init__(
        self,
        configuration: Configuration,
        store: SpoolStore,
        bus: Bus,
        clock: Clock,
        *,
        watched: tuple[Path, ...] = (),
        until_idle: bool = False,
        cold: bool = False,
    ) -> None:
        self._settings = Settings(configuration)
        self._store = store
        self._bus = bus
        self._clock = clock
        self._until_idle = until_idle
        self._cold = cold
        self._watcher = Watcher(watched)
        self._stop_reason = ""
        self._tasks: dict[asyncio.Task[FileResult], SpoolTask | TestModeTask] = {}
        self._pools: dict[asyncio.Task[FileResult], SelectedBy] = {}
        self._totals = Totals()
        self._checkpoint = self._configured_checkpoint()
        self._flow = Flow(bus.publish, configuration.checkpoint_limit if self._checkpoint else 0)
        self._exits = Exits(bus.publish, clock)
        self.steering = Steering(self._settings, self._flow, self._exits, bus.publish, self._tasks.values, self._watcher.poke)
        self.steering.extend = self._extend
        self._heartbeat = Heartbeat(bus.publish)
        self._reading = ReadingAhead(bus.publish)
        self._courier: Courier | None = None
        self._extended: ExtendedRetry | None = None
        self._context: Context | None = None
        self._started = clock.wall()
        self._ready = False
        self._recent = Recent(clock)
        bus.subscribe(self._recent)
        monitor = Monitor(bus.publish, lambda: self.snapshot(0).pools, lambda: measured(self._configuration))
        self.every_second(monitor.beat)
        self.every_second(self._exits.beat)

    def _configured_checkpoint(self) -> Checkpoint | None:
        configuration = self._configuration
        path = configuration.system.checkpoint
        if not path or configuration.options.test_mode:
            return None
        file = LedgerFile(Path(path), configuration.system.job_name, configuration.ext_writer_name, self._clock)
        return Checkpoint(file, self._bus.publish)

    @property
    def _configuration(self) -> Configuration:
        return self._settings.now

    def every_second(self, call: Callable[[], None]) -> None:
        """Have `call` called about once a second on the loop while the gateway runs."""
        self._heartbeat.calls.append(call)

    def gauges(self) -> Readings:
        """How things stand now."""
        oldest = self._flow.oldest
        courier = self._courier
        return Readings(
            tasks=len(self._tasks),
            waiting=courier.waiting if courier else 0,
            long_retry=sum(work.long_retry for work in self._tasks.values()),
            oldest_seconds=self._clock.monotonic() - oldest.since if oldest else 0.0,
            targets=tuple(
                TargetReading(target.address, target.port, target.state.value, target.connections)
                for target in (courier.snapshot() if courier else ())
            ),
            commits=self._checkpoint.commits if self._checkpoint else None,
            extended=None if self._extended is None else self._extended.reading,
        )

    def spool_counts(self) -> dict[str, int]:
        """Spool files by state. Reads directories: to be called in a thread. Raises OSError, SpoolError."""
        return self._store.counts()

    def stop(self, reason: str) -> None:
        """Ask for an orderly stop. May be called from a signal handler of the loop; a second call changes nothing."""
        self._stop_reason = self._stop_reason or reason
        self._watcher.poke()

    def snapshot(self, log_level: int) -> Snapshot:
        """How everything stands now; `log_level` is the LogLevel in force."""
        return inspect(
            now=self._clock.wall(),
            started=self._started,
            configuration=self._configuration,
            ready=self._ready,
            activity=self.steering.activity,
            log_level=log_level,
            work=[(work, self._pools[task].name) for task, work in self._tasks.items()],
            pools={pool.name: tasks for pool, tasks in POOLS.items()},
            courier=self._courier,
            recent=self._recent,
            extended=None if self._extended is None else self._extended.reading,
        )

    async def run(self) -> int:
        """Raises `CssmtpError` when the checkpoint or the mail directory forbid a start."""
        configuration = self._configuration
        self._bus.publish(
            GatewayStarting(__version__, configuration.system.job_name, configuration.ext_writer_name, configuration.source)
        )
        self._bus.publish(ConfigurationChanged(configuration, Cause.START))
        async with self._heartbeat:
            try:
                self._context = await self._prepare()
                self._ready = True
                self._bus.publish(GatewayReady(len(configuration.targets), configuration.options.test_mode))
                async with self._watcher:
                    await self._serve()
            finally:
                await self._wind_down()
        status = 1 if self._totals.troubled or self._totals.unfinished else 0
        if not self._until_idle:
            status = 0
        self._bus.publish(GatewayStopped(status, self._totals.files, self._totals.mails))
        return status

    async def _prepare(self) -> Context:
        """Everything that has to be there before the first spool file."""
        configuration = self._configuration
        test_mode = configuration.options.test_mode
        if test_mode and configuration.report.to is ReportTo.NONE:
            self._bus.publish(TestModeWithoutReport())
        await self._exits.settle_or_tell(configuration)
        ledger: Ledger = MemoryLedger()
        if self._checkpoint is None:
            await asyncio.to_thread(self._store.recover)
        else:
            await self._checkpoint.start(cold=self._cold)
            await asyncio.to_thread(self._store.recover, recorded=self._checkpoint.recorded)
            self._checkpoint.keep(self._store.ids())
            ledger = self._checkpoint
        # In test mode the only thing that can ever be sent is an error report for the administrators.
        if not test_mode or configuration.report.to is ReportTo.ADMIN:
            self._courier = self._new_courier()
            if self._checkpoint is not None:
                self._checkpoint.hold_back = self._courier.hold_back
            await self._courier.start()
        self._flow.courier = self._courier
        context = Context(
            self._settings,
            self._store,
            self._courier,
            self._bus.publish,
            self._clock,
            ledger,
            self._flow,
            self._bus.wanted,
            exits=self._exits,
            reading=self._reading,
        )
        if configuration.extended_retry is None or test_mode:
            return context
        return await self._with_extended_retry(context, configuration.extended_retry)

    async def _with_extended_retry(self, context: Context, policy: Policy) -> Context:
        extended = ExtendedRetry(policy, context)
        await extended.start()
        self._extended = self.steering.extended = extended
        return replace(context, parking=extended)

    async def _extend(self, configuration: Configuration) -> None:
        """REFRESH: extended retry follows the new configuration.

        Where the statement is new, it begins with spool files that are begun from now on. Where it is gone, nothing new comes in,
        and what waits is tried until it reaches the Age it had.
        """
        policy = configuration.extended_retry
        if self._extended is not None:
            self._extended.refresh(policy)
        elif policy is not None and self._context is not None and not configuration.options.test_mode:
            try:
                self._context = await self._with_extended_retry(self._context, policy)
            except CssmtpError as error:
                self._bus.publish(ConfigurationRemark(f"extended retry cannot begin: {error}", Severity.ERROR))

    def _new_courier(self) -> Courier:
        return Courier(
            self._configuration,
            self._clock,
            self._bus.publish,
            answered,
            self._flow.hungry,
            hello=full_host_name(self._configuration.system),
            traced=lambda: self._bus.wanted(Dialogue),
        )

    async def _serve(self) -> None:
        pending = False
        while not self._stop_reason:
            # The end of a task is no reason to look what is new, but that of the last one is: a thread that empties the drop zone
            # takes the interpreter from those who deliver.
            if self._watcher.due() or not self._tasks:
                pending = await self._admit()
            active = self.steering.activity is Activity.ACTIVE
            nothing = active and await self._claim_ready()
            if self._until_idle and nothing and not self._tasks and not pending:
                self.stop("the spool is empty")
                return
            if self._until_idle and not pending and self._nothing_moves():
                self.stop("no target server can be reached")
                return
            if self._tasks or not self._store.more():
                await self._watcher.wait()

    def _nothing_moves(self) -> bool:
        """Every task waits and every target is down: a run until idle would wait for ever."""
        return self._courier is not None and self._courier.all_down and all(task.waits for task in self._tasks.values())

    async def _admit(self) -> bool:
        """Take the drop zone in. True when files there still have to settle."""
        try:
            admissions = await asyncio.to_thread(
                self._store.admit, self._configuration.ext_writer_name, self._watcher.arrived(), ADMITTED_AT_ONCE
            )
        except SpoolError as error:
            self._bus.publish(SpoolUnusable(str(error)))
            return False
        for admission in admissions:
            if admission.problem:
                self._bus.publish(SpoolEntryRefused(admission.name, admission.problem))
                self._totals.troubled += 1
        return self._store.settling()

    async def _claim_ready(self) -> bool:
        """Begin what is ready. True when there was nothing that could be had, for whichever pool.

        Only that means that the spool is empty: what is begun here may have ended before this returns, with more behind it.
        """
        name = self._configuration.ext_writer_name
        nothing = False
        while (rooms := self._rooms()) and self.steering.activity is Activity.ACTIVE:
            limit = min(rooms.values())
            by = None if len(rooms) == len(POOLS) else next(iter(rooms))
            found, claims, faults = await asyncio.to_thread(self._claim_some, name, limit, by)
            for fault in faults:
                self._bus.publish(SpoolUnusable(str(fault)))
            if self.steering.activity is not Activity.ACTIVE:  # since we asked
                await asyncio.to_thread(_release, claims)
                return False
            for claim, pool in claims:
                self._begin(claim, pool)
            nothing = by is None and not claims
            if found < limit or not claims:
                break
        return nothing

    def _claim_some(
        self, name: str, limit: int, by: SelectedBy | None
    ) -> tuple[int, list[tuple[Claim, SelectedBy]], list[SpoolError]]:
        """How many entries there were, the claims of those that could be had, and why others could not. For a worker thread."""
        claims: list[tuple[Claim, SelectedBy]] = []
        faults: list[SpoolError] = []
        try:
            entries = self._store.select(name, limit, by)
        except SpoolError as error:
            return 0, [], [error]
        for entry in entries:
            try:
                claim = self._store.claim(entry)
            except SpoolError as error:
                faults.append(error)
                continue
            if claim is not None:
                claims.append((claim, pool_of(entry, name)))
        return len(entries), claims, faults

    def _rooms(self) -> dict[SelectedBy, int]:
        """The pools with idle tasks, and how many."""
        rooms = {pool: tasks - sum(each is pool for each in self._pools.values()) for pool, tasks in POOLS.items()}
        return {pool: room for pool, room in rooms.items() if room > 0}

    def _begin(self, claim: Claim, pool: SelectedBy) -> None:
        """Start a task for a claimed entry."""
        assert self._context is not None
        kind = TestModeTask if self._configuration.options.test_mode else SpoolTask
        work = kind(claim, self._context)
        task = asyncio.create_task(work.run(), name=f"spool {claim.id}")
        self._tasks[task] = work
        self._pools[task] = pool
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[FileResult]) -> None:
        del self._tasks[task], self._pools[task]
        self._watcher.poke()
        if task.cancelled():
            self._totals.unfinished += 1
            return
        error = task.exception()
        if error is not None:
            self._bus.publish(InternalError("spool task", f"{type(error).__name__}: {error}"))
            self._totals.troubled += 1
            return
        result = task.result()
        self._totals.files += 1
        self._totals.mails += result.mails
        self._totals.troubled += result.bad

    async def _wind_down(self) -> None:
        self._bus.publish(GatewayStopping(self._stop_reason or "an error"))
        for work in self._tasks.values():
            work.stop_reading()
        if self._extended is not None:
            self._extended.stop_trying()
        if self._courier is not None:
            await self._courier.stop(STOP_GRACE_SECONDS)
        if self._checkpoint is not None:
            await self._checkpoint.flush()
        for task in list(self._tasks):
            task.cancel()
        for task in list(self._tasks):
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        await self._exits.terminate()
        await self._reading.close()
        if self._extended is not None:
            await self._extended.close()
        if self._checkpoint is not None:
            await self._checkpoint.close()
