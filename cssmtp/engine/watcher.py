"""Noticing that something new is on the spool.

Promises: `wait` returns soon after a change in a watched directory where the system can tell us (inotify), and after
`rescan_seconds` at the latest. A hint may be lost or mean nothing: the rescan that follows is the truth.
Never: reads the spool itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RESCAN_SECONDS = 1.0


class Watcher:
    """Wakes the supervisor. Use as an async context manager; without inotify it is a plain timer."""

    def __init__(self, directories: Iterable[Path], rescan_seconds: float = RESCAN_SECONDS) -> None:
        self._directories = list(directories)
        self._rescan_seconds = rescan_seconds
        self._hint = asyncio.Event()
        self._changed = True
        self._looked = float("-inf")
        self._arrived: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Watcher:
        with contextlib.suppress(ImportError):
            library = importlib.import_module("asyncinotify")
            self._task = asyncio.create_task(self._listen(library), name="spool watcher")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def poke(self) -> None:
        """Wake whoever waits, for a reason of the caller's own (a task ended, a signal came)."""
        self._hint.set()

    def due(self) -> bool:
        """Whether something has changed, or may have, since this was last True."""
        now = asyncio.get_running_loop().time()
        due = self._changed or now - self._looked >= self._rescan_seconds
        if due:
            self._changed = False
            self._looked = now
        return due

    def arrived(self) -> frozenset[str]:
        """Names that were renamed into a watched directory since the last call: those files are complete."""
        names = frozenset(self._arrived)
        self._arrived.clear()
        return names

    async def wait(self) -> None:
        """Return at the next hint, or when it is time to look again anyway."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._rescan_seconds):
                await self._hint.wait()
        self._hint.clear()

    async def _listen(self, library: Any) -> None:
        mask = library.Mask.CLOSE_WRITE | library.Mask.MOVED_TO
        with contextlib.suppress(OSError), library.Inotify() as inotify:
            for directory in self._directories:
                inotify.add_watch(directory, mask)
            async for event in inotify:
                if event.mask & library.Mask.MOVED_TO and event.name is not None:
                    self._arrived.add(event.name.name)
                self._changed = True
                self._hint.set()
