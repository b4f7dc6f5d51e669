"""Small things that are to be done about once a second: statistics, outputs, the service manager's watchdog.

Promises: every call is made about once a second while the loop is alive, and not when it hangs: that is what a watchdog is for.
A call that fails is told and made no more. Never: keeps the gateway from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType

from cssmtp.observe.bus import Publish
from cssmtp.observe.events import InternalError

BEAT_SECONDS = 1.0


class Heartbeat:
    """Makes `calls` while it is entered as an async context manager."""

    def __init__(self, publish: Publish, seconds: float = BEAT_SECONDS) -> None:
        self.calls: list[Callable[[], None]] = []
        self._publish = publish
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def beat(self) -> None:
        """Make all calls once."""
        for call in list(self.calls):
            try:
                call()
            except Exception as error:
                self.calls.remove(call)
                self._publish(InternalError("heartbeat", f"{type(error).__name__}: {error}"))

    async def __aenter__(self) -> Heartbeat:
        self._task = asyncio.create_task(self._run(), name="heartbeat")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(self._seconds)
