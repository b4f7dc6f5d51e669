"""The checkpoint: outcomes made durable in groups, by one thread, while mail goes on.

Promises: a commit begins as soon as the one before has ended and takes everything recorded meanwhile, so there is no delay but
the disk's; `then`s run on the loop in the order of `record`. When the disk fails, outcomes are kept in memory (four octets
for a delivered mail) and written when it works again, the operator is told once, and mail goes on as without a checkpoint:
what is delivered in that time is delivered again only if the process ends before the disk recovers.
Never: waits on the loop; lets a fault of the checkpoint fail a mail or stop a spool file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from array import array
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from cssmtp.engine.ledger import NUMBER_CODE, History, MailState, Then
from cssmtp.engine.ledgerfile import Batch, CheckpointError, LedgerFile, Opening
from cssmtp.observe.events import CheckpointFailed, CheckpointMended, CheckpointOpened, CheckpointSetAside, Event, InternalError

RETRY_SECONDS = 5.0
"""Pause before a failed commit is tried again."""


class Checkpoint:
    """A `Ledger` in a file. `start` first, `close` last; both, and all else, on the same event loop."""

    def __init__(self, file: LedgerFile, publish: Callable[[Event], None]) -> None:
        self._file = file
        self._publish = publish
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._loop: asyncio.AbstractEventLoop
        self._batch = Batch()
        self._thens: list[Then] = []
        self._known: set[str] = set()
        self._commit: asyncio.Future[str] | None = None
        self._failing = False
        self._again: asyncio.TimerHandle | None = None

    async def start(self, *, cold: bool = False) -> None:
        """Open the file. Raises `CheckpointError`."""
        self._loop = asyncio.get_running_loop()
        opening: Opening = await self._loop.run_in_executor(self._thread, lambda: self._file.open(cold=cold))
        path = str(self._file.path)
        if opening.aside:
            self._publish(CheckpointSetAside(path, opening.aside, opening.reason))
        self._publish(CheckpointOpened(path, len(opening.files), cold))
        self._known = set() if cold else set(opening.files)

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
        if self._commit is None:
            self._begin()

    def forget(self, file: str) -> None:
        self._known.discard(file)
        self._batch.forget(file)
        if self._commit is None and not self._failing:
            self._begin()

    async def flush(self) -> None:
        while self._commit is not None:
            await asyncio.wait([self._commit])
            await asyncio.sleep(0)  # the callback that runs the thens and begins the next commit comes first

    async def close(self) -> None:
        """Write what is left, if the disk lets us, and let go of the file."""
        if self._again is not None:
            self._again.cancel()
            self._try_again()
        await self.flush()
        if self._again is not None:
            self._again.cancel()
        await self._loop.run_in_executor(self._thread, self._file.close)
        self._thread.shutdown()

    # --- commits

    def _begin(self) -> None:
        if self._batch.empty:
            return
        batch, self._batch = self._batch, Batch()
        thens, self._thens = self._thens, []
        self._commit = self._loop.run_in_executor(self._thread, self._file.commit, batch)
        self._commit.add_done_callback(lambda done: self._committed(batch, thens, done))

    def _committed(self, batch: Batch, thens: list[Then], done: asyncio.Future[str]) -> None:
        self._commit = None
        try:
            aside = done.result()
        except Exception as error:
            self._batch = batch.before(self._batch)
            thens += self._thens
            self._thens = []
            self._failed(error)
        else:
            if aside:
                self._publish(CheckpointSetAside(str(self._file.path), aside, "it was found damaged while in use"))
            if self._failing:
                self._failing = False
                self._publish(CheckpointMended(str(self._file.path)))
            self._begin()
        for then in thens:
            try:
                then()
            except Exception as error:
                self._publish(InternalError("checkpoint", f"{type(error).__name__}: {error}"))

    def _failed(self, error: BaseException) -> None:
        if not self._failing:
            self._failing = True
            self._publish(CheckpointFailed(str(self._file.path), str(error) or type(error).__name__))
        self._again = self._loop.call_later(RETRY_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._again = None
        if self._commit is None:
            self._begin()
