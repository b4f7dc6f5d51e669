"""The checkpoint: outcomes made durable in groups, by one thread, while mail goes on.

Promises: the first outcome after a pause is committed at once; while mail flows, a commit takes everything recorded since the
one before, and they are at least `GATHER_SECONDS` apart; `then`s run on the loop in the order of `record`. When the disk
fails, outcomes are kept in memory (four octets for a delivered mail) and written when it works again, the operator is told
once, and mail goes on as without a checkpoint: what is delivered in that time is delivered again only if the process ends
before the disk recovers. While a commit takes long, `hold_back` is told when `UNRECORDED_MAILS` outcomes wait for it.
Never: waits on the loop; lets a fault of the checkpoint fail a mail or stop a spool file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from cssmtp.engine.ledger import NUMBER_CODE, History, MailState, Then
from cssmtp.engine.ledgerfile import Batch, CheckpointError, LedgerFile, Opening
from cssmtp.observe.events import CheckpointFailed, CheckpointMended, CheckpointOpened, CheckpointSetAside, Event, InternalError

GATHER_SECONDS = 0.005
"""From the beginning of a commit to that of the next. A commit costs as much as a few mails, and nobody waits for it but the
report of a mail: without this pause, commits on a fast disk would take a fifth of the machine."""

UNRECORDED_MAILS = 250
"""Outcomes that may wait to be durable before no further mail is begun: each is a mail that a kill would send again. Two commits'
worth at the highest rate, so that a disk as it should be holds nothing back."""

RETRY_SECONDS = 5.0
"""Pause before a failed commit is tried again."""


class Checkpoint:
    """A `Ledger` in a file. `start` first, `close` last; both, and all else, on the same event loop. `commits` counts them.

    `hold_back`, to be set by whoever begins mails, is called with True when none may be begun and with False when they may.
    """

    lasting = True

    def __init__(self, file: LedgerFile, publish: Callable[[Event], None]) -> None:
        self.commits = 0
        self.hold_back: Callable[[bool], object] = lambda held: None
        self._file = file
        self._publish = publish
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._loop: asyncio.AbstractEventLoop
        self._batch = Batch()
        self._thens: list[Then] = []
        self._committing = 0  # outcomes in the commit that runs
        self._full = False  # `hold_back` was told so
        self._known: set[str] = set()
        self._found: Mapping[str, int] = {}
        self._commit: asyncio.Future[str] | None = None
        self._timer: asyncio.TimerHandle | None = None  # of the next commit
        self._began = 0.0
        self._armed = False  # a commit runs, or the timer does
        self._failing = False

    async def start(self, *, cold: bool = False) -> None:
        """Open the file. Raises `CheckpointError`."""
        self._loop = asyncio.get_running_loop()
        opening: Opening = await self._loop.run_in_executor(self._thread, lambda: self._file.open(cold=cold))
        path = str(self._file.path)
        if opening.aside:
            self._publish(CheckpointSetAside(path, opening.aside, opening.reason))
        self._publish(CheckpointOpened(path, len(opening.files), cold))
        self._known = set() if cold else set(opening.files)
        self._found = opening.files

    def recorded(self, file: str) -> int:
        """How many mails of a spool file were recorded when the checkpoint was opened (a cold start forgets them later)."""
        return self._found.get(file, 0)

    def keep(self, existing: Iterable[str]) -> None:
        """Forget the files that are on the spool no more: the process ended between disposing of them and `forget`.

        `existing` is looked at only when something is recorded at all.
        """
        if self._known:
            for file in self._known.difference(existing):
                self.forget(file)

    async def open_file(self, file: str) -> History | None:
        if file not in self._known:
            self._known.add(file)
            return None
        await self.flush()
        try:
            rows = await self._loop.run_in_executor(self._thread, self._file.rows, file)
        except (sqlite3.Error, OSError, CheckpointError) as error:
            # Delay or a repeated mail is better than a file that nobody works on.
            self._publish(CheckpointFailed(str(self._file.path), str(error)))
            return None
        unsaved = self._batch.delivered.get(file)
        return History(
            rows.delivered if unsaved is None else [*rows.delivered, unsaved],
            rows.states | self._batch.states.get(file, {}),
        )

    def record(self, file: str, mail: int, state: MailState | None, then: Then) -> None:
        if state is None:
            numbers = self._batch.delivered.get(file)
            if numbers is None:
                self._batch.delivered[file] = array(NUMBER_CODE, (mail,))
            else:
                numbers.append(mail)
        else:
            self._batch.states.setdefault(file, {})[mail] = state
        if self._failing:
            then()
            return
        self._thens.append(then)
        if not self._armed:
            self._arm()
        if len(self._thens) + self._committing >= UNRECORDED_MAILS and not self._full:
            self._full = True
            self.hold_back(True)
            self._hurry()

    def forget(self, file: str) -> None:
        self._known.discard(file)
        self._batch.forget(file)
        if not self._armed:
            self._arm()

    async def flush(self) -> None:
        while True:
            self._hurry()
            if self._commit is None:
                return
            await asyncio.wait([self._commit])
            await asyncio.sleep(0)  # its callback, which runs the thens, comes first

    async def close(self) -> None:
        """Write what is left, if the disk lets us, and let go of the file."""
        await self.flush()
        if self._timer is not None:
            self._timer.cancel()
            self._begin()
            assert self._commit is not None
            await asyncio.wait([self._commit])
        await self._loop.run_in_executor(self._thread, self._file.close)
        self._thread.shutdown()

    # --- commits

    def _arm(self) -> None:
        """Begin a commit, or see to it that one begins when the last is long enough ago."""
        self._armed = True
        wait = RETRY_SECONDS if self._failing else self._began + GATHER_SECONDS - self._loop.time()
        if wait > 0:
            self._timer = self._loop.call_later(wait, self._begin)
        else:
            self._begin()

    def _hurry(self) -> None:
        """Begin the next commit without the pause, unless one runs or the disk fails."""
        if self._timer is not None and not self._failing:
            self._timer.cancel()
            self._begin()

    def _begin(self) -> None:
        self._timer = None
        self._began = self._loop.time()
        batch, self._batch = self._batch, Batch()
        thens, self._thens = self._thens, []
        self._committing = len(thens)
        self._commit = self._loop.run_in_executor(self._thread, self._file.commit, batch)
        self._commit.add_done_callback(lambda done: self._committed(batch, thens, done))

    def _committed(self, batch: Batch, thens: list[Then], done: asyncio.Future[str]) -> None:
        self._commit = None
        self._committing = 0
        try:
            aside = done.result()
        except Exception as error:
            self._batch = batch.before(self._batch)
            thens += self._thens
            self._thens = []
            if not self._failing:
                self._failing = True
                self._publish(CheckpointFailed(str(self._file.path), str(error) or type(error).__name__))
        else:
            self.commits += 1
            if aside:
                self._publish(CheckpointSetAside(str(self._file.path), aside, "it was found damaged while in use"))
            if self._failing:
                self._failing = False
                self._publish(CheckpointMended(str(self._file.path)))
        self._armed = False
        if not self._batch.empty:
            self._arm()
        for then in thens:
            try:
                then()
            except Exception as error:
                self._publish(InternalError("checkpoint", f"{type(error).__name__}: {error}"))
        if self._full:
            if len(self._thens) + self._committing < UNRECORDED_MAILS:
                self._full = False
                self.hold_back(False)
            else:
                self._hurry()
