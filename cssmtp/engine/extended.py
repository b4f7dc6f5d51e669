"""Extended retry: mail that waits for days in the mail directory, while its spool file is long gone.

Promises: a mail accepted is on the disk before the spool file stops waiting for it; it leaves only when every recipient has it,
or notice or dead letter about the others are out; in memory there is one small entry for each waiting mail, and a few mails in
work. When the directory cannot be written the operator is told once, `accept` declines and what waits goes on waiting.
Never: tries a mail while no target server can be reached; works in a directory that another gateway works in.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from cssmtp.codepage.transcode import source_text
from cssmtp.config.model import ExtendedRetry as Policy
from cssmtp.engine.context import Context
from cssmtp.engine.extended_files import DATA, BadControl, Control, mail_of, pair_id
from cssmtp.engine.extended_mail import ExtendedMail
from cssmtp.engine.ledger import MailState
from cssmtp.engine.maildirectory import DirectoryInUse, MailDirectory, reason_of
from cssmtp.engine.parking import ParkedMail
from cssmtp.engine.reading import conversion_of
from cssmtp.engine.retry import AGE_REACHED, FLUSHED, expired, extended_interval, extended_wait, parks
from cssmtp.errors import SpoolError, UnknownCodePage
from cssmtp.model import Outcome, Verdict
from cssmtp.observe.events import (
    InternalError,
    MailDirectoryFailed,
    MailDirectoryMended,
    MailDirectoryOpened,
    MailRetry,
    PairSetAside,
)
from cssmtp.observe.readings import ExtendedReading

IN_WORK = 50
"""Mails of the directory that are tried at a time."""

TROUBLE_SECONDS = 60.0
"""Pause before a mail is looked at again that could not be read or written."""


class ExtendedRetry:
    """The mail directory at work. `start` first, `stop_trying` before the courier stops, `close` last."""

    def __init__(self, policy: Policy, context: Context, directory: MailDirectory | None = None) -> None:
        self._policy = policy
        self._context = context
        self._publish = context.publish
        self._clock = context.clock
        self._directory = directory or MailDirectory(Path(policy.mail_directory))
        self._waiting: dict[str, datetime] = {}  # first seen, by id
        self._due: list[tuple[float, str]] = []  # a heap, by the monotonic clock; entries of ids that left are passed over
        self._when: dict[str, float] = {}  # the entry of the heap that counts, by id
        self._unwritten: dict[str, Control] = {}  # newer than what the disk could take
        self._taken: dict[str, dict[int, tuple[Outcome, ...]]] = {}
        self._flushed: set[str] = set()
        self._working: dict[str, asyncio.Task[None]] = {}
        self._total = self._expired = 0
        self._failing = False
        self._opened = False
        self._opening = asyncio.Lock()
        self._stopping = False
        self._wake = asyncio.Event()
        self._ticker: asyncio.Task[None] | None = None

    # --- life

    async def start(self) -> None:
        """Take up what waits in the directory. Raises `DirectoryInUse`; a directory that fails is tried again later."""
        await self._open()
        self._ticker = asyncio.create_task(self._tick(), name="extended retry")

    def stop_trying(self) -> None:
        """Begin no more attempts; those under way end by the courier's stop."""
        self._stopping = True
        self._wake.set()

    async def close(self) -> None:
        """Return when nothing is under way, and let go of the directory."""
        self.stop_trying()
        if self._ticker is not None:
            await self._ticker
        await asyncio.gather(*self._working.values())
        await asyncio.to_thread(self._directory.close)

    def refresh(self, policy: Policy | None) -> None:
        """Take a new Age and Interval; MailDirectory stays (configuration.md 5). What waits keeps the time of its next try.

        None: the statement is gone, so nothing new comes in, and what waits is tried until it reaches the Age it had.
        """
        policy = policy or replace(self._policy, interval_minutes=0)
        self._policy = replace(policy, mail_directory=self._policy.mail_directory)
        self._wake.set()

    async def _open(self) -> None:
        """Take up what is in the directory, unless that is done already or the disk forbids it."""
        async with self._opening:
            if self._opened:
                return
            try:
                await asyncio.to_thread(self._directory.open)
                ids, alone = await asyncio.to_thread(self._directory.scan)
                present = set(self._context.store.ids()) if ids or alone else set()
                for id in ids:
                    await self._load(id, present)
                for name, reason in sorted(alone.items()):
                    await self._clear(name, reason, present)
            except SpoolError as error:
                self._failed(error)
                return
            await self._record_taken()
            self._opened = True
            self._worked()
            self._publish(MailDirectoryOpened(str(self._directory.path), len(self._waiting)))

    async def _load(self, id: str, present: set[str]) -> None:
        control = await self._read(id)
        if control is None:
            return
        if control.file.id in present:
            self._taken.setdefault(control.file.id, {})[control.mail.number] = control.accepted
        self._waiting[id] = control.first
        self._total += 1
        self._schedule(id, extended_wait(self._policy, control.due, self._clock.wall()))

    async def _clear(self, name: str, reason: str, present: set[str]) -> None:
        """Half a pair. A body alone, of a mail that is still in its spool file, is left of a life that ended while it made the
        pair, and worth nothing; anything else is for a person to look at."""
        file, number = mail_of(name.removeprefix(DATA))
        if name.startswith(DATA) and file in present and number and not await self._settled(file, number):
            await asyncio.to_thread(self._directory.discard, name)
        else:
            self._publish(PairSetAside(await asyncio.to_thread(self._directory.put_aside, name), reason))

    async def _settled(self, file: str, number: int) -> bool:
        """Whether the spool file's own record says that a mail need not be taken from it again."""
        history = await self._context.ledger.open_file(file)
        if history is None:
            return False
        state = history.state(number)
        return history.delivered(number) or (state is not None and state.settled)

    async def _record_taken(self) -> None:
        """An earlier life may have ended between making a pair and recording it. It is recorded before the pair is tried: else
        nothing would tell the spool file of it once the pair has gone."""
        ledger = self._context.ledger
        if not ledger.lasting:
            return
        for file, mails in self._taken.items():
            for number, outcomes in mails.items():
                if not await self._settled(file, number):
                    ledger.record(file, number, MailState(outcomes), lambda: None)
        await ledger.flush()

    # --- what the spool tasks and the operator ask

    @property
    def active(self) -> bool:
        return parks(self._policy)

    @property
    def waiting(self) -> int:
        """Mails in extended retry, those being tried included."""
        return len(self._waiting)

    @property
    def reading(self) -> ExtendedReading:
        """What displays, metrics and SMF show."""
        return ExtendedReading(len(self._waiting), self._total, self._expired)

    def taken(self, file: str) -> Mapping[int, tuple[Outcome, ...]]:
        return self._taken.pop(file, {})

    async def accept(self, parked: ParkedMail, body: Callable[[], Iterable[bytes]]) -> str:
        try:
            await self._open()
        except DirectoryInUse as error:
            self._failed(error)
        if not self._opened:
            return ""
        now = self._clock.wall()
        control = Control(
            file=parked.file,
            mail=parked.mail,
            added=parked.added.decode("ascii"),
            page=parked.page,
            outcomes=parked.outcomes,
            told=tuple(place for place, one in enumerate(parked.outcomes) if one.verdict is Verdict.UNDELIVERABLE),
            tries=parked.tries,
            first=now,
            due=now + timedelta(seconds=extended_interval(self._policy)),
        )
        id = pair_id(parked.file.id, parked.mail.number)
        try:
            path = await asyncio.to_thread(lambda: self._directory.publish(id, control, body()))
        except SpoolError as error:
            self._failed(error)
            return ""
        self._worked()
        self._total += id not in self._waiting
        self._waiting[id] = now
        self._schedule(id, extended_interval(self._policy))
        return str(path)

    def flush(self, age_days: int = 0) -> int:
        """End extended retry now for mail that came here at least `age_days` days ago, as if Age were reached (FLUSHRETRY AGE=).

        Returns how many mails that are. Mail being tried at this moment is among them if its attempt fails.
        """
        now = self._clock.wall()
        old = [id for id, first in self._waiting.items() if now - first >= timedelta(days=age_days)]
        for id in old:
            self._flushed.add(id)
            if id not in self._working:
                self._schedule(id, 0.0)
        self._wake.set()
        return len(old)

    # --- the schedule

    def _schedule(self, id: str, seconds: float) -> None:
        when = self._clock.monotonic() + seconds
        self._when[id] = when
        heapq.heappush(self._due, (when, id))
        self._wake.set()

    def _leave(self, id: str) -> None:
        self._waiting.pop(id, None)
        self._when.pop(id, None)
        self._unwritten.pop(id, None)
        self._flushed.discard(id)

    async def _tick(self) -> None:
        """Begin what is due, until told to stop."""
        while not self._stopping:
            self._wake.clear()
            pause = self.begin_due() if self._opened else TROUBLE_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            if not self._opened and not self._stopping:
                with contextlib.suppress(DirectoryInUse):
                    await self._open()

    def begin_due(self) -> float | None:
        """Begin the mails whose time has come, as many as may be in work; returns seconds to the next one, None = no telling."""
        while self._due and len(self._working) < IN_WORK:
            when, id = self._due[0]
            if self._when.get(id) != when:
                heapq.heappop(self._due)
                continue
            wait = when - self._clock.monotonic()
            if wait > 0:
                return wait
            heapq.heappop(self._due)
            del self._when[id]
            self._working[id] = asyncio.create_task(self._turn(id), name=f"extended retry {id}")
        return None

    async def _turn(self, id: str) -> None:
        """One turn of a mail; if it has not left by then it gets another one."""
        wait = await self._work(id)
        del self._working[id]
        if not self._working and self._context.courier is not None:
            self._context.courier.file_ended()
        if wait is None:
            self._leave(id)
        else:
            self._schedule(id, 0.0 if id in self._flushed else wait)
        self._wake.set()

    # --- one mail

    async def _work(self, id: str) -> float | None:
        """One attempt, and what follows from it. Whatever goes wrong, the mail stays and comes up again.

        Returns the seconds until then, or None when the mail has left.
        """
        try:
            control = self._unwritten.get(id) or await self._read(id)
            if control is None:
                return None
            if control.open:
                control = await self._attempt(id, control)
            if control.open or self._stopping:
                return await self._keep(id, control)
            return await self._finish(id, control)
        except SpoolError as error:
            self._failed(error)
        except Exception as error:
            self._publish(InternalError("extended retry", f"{type(error).__name__}: {error}"))
        return TROUBLE_SECONDS

    async def _read(self, id: str) -> Control | None:
        """The control file, or None when the pair had to be set aside. Raises `SpoolError`."""
        try:
            control = await asyncio.to_thread(self._directory.read, id)
            source_text(control.page)
        except (BadControl, UnknownCodePage) as error:
            path = await asyncio.to_thread(self._directory.set_aside, id)
            self._publish(PairSetAside(path, str(error)))
            return None
        return control

    async def _attempt(self, id: str, control: Control) -> Control:
        """Try the open recipients once, unless the operator's word or the lack of any server stands against it."""
        courier = self._context.courier
        assert courier is not None
        if id in self._flushed:
            return self._gave_up(control, FLUSHED)
        if courier.all_down:
            due = self._clock.wall() + timedelta(seconds=extended_interval(self._policy))
            control = replace(control, due=due)
        else:
            outcomes = await ExtendedMail(control, self._body(id, control), self._context).attempt()
            due = self._clock.wall() + timedelta(seconds=extended_interval(self._policy))
            control = control.answered(outcomes, due)
        if control.open and not self._stopping:
            if id in self._flushed:
                return self._gave_up(control, FLUSHED)
            if expired(self._policy, control.first, self._clock.wall()):
                return self._gave_up(control, AGE_REACHED)
        return control

    def _gave_up(self, control: Control, why: str) -> Control:
        self._expired += 1
        return control.given_up(why)

    async def _keep(self, id: str, control: Control) -> float:
        """The mail waits on: remember what is final of it."""
        await self._rewrite(id, control)
        if control.open and not self._stopping:
            wait = extended_interval(self._policy)
            reason = control.outcomes[control.open[0]].reason
            self._publish(MailRetry(control.file, control.mail.number, control.tries, wait, len(control.open), reason))
        return extended_wait(self._policy, control.due, self._clock.wall())

    async def _finish(self, id: str, control: Control) -> float | None:
        """Every recipient is final: first so on the disk, then told, then followed by a notice where one is due."""
        mail = ExtendedMail(control, self._body(id, control), self._context)
        if mail.failed:
            await self._rewrite(id, control)
            if not await mail.follow():
                return extended_interval(self._policy)
            control = replace(control, told=tuple(range(len(control.outcomes))))
        self._unwritten[id] = control  # should the removal fail: what is done is not done again
        await asyncio.to_thread(self._directory.remove, id)
        mail.tell()
        self._worked()
        return None

    async def _rewrite(self, id: str, control: Control) -> None:
        """Bring the control file up to date; what the disk does not take is kept in memory."""
        self._unwritten[id] = control
        try:
            await asyncio.to_thread(self._directory.rewrite, id, control)
        except SpoolError as error:
            self._failed(error)
        else:
            del self._unwritten[id]
            self._worked()

    def _body(self, id: str, control: Control) -> Callable[[], Iterator[bytes]]:
        newline = source_text(control.page, conversion_of(self._context.configuration)).newline
        return lambda: self._directory.body(id, newline)

    # --- the state of the directory

    def _failed(self, error: SpoolError | DirectoryInUse) -> None:
        if not self._failing:
            self._failing = True
            self._publish(MailDirectoryFailed(str(self._directory.path), reason_of(error)))

    def _worked(self) -> None:
        if self._failing:
            self._failing = False
            self._publish(MailDirectoryMended(str(self._directory.path)))
