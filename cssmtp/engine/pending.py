"""Counting what is under way, and waiting for the last of it.

Promises: `wait` returns when as many things are done as were begun, or raises at once what was given to `fail`.
Never: knows what they are.
"""

from __future__ import annotations

import asyncio


class Pending:
    """A counter that can be waited for. For one event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()
        self._error: Exception | None = None

    @property
    def count(self) -> int:
        """How many are under way."""
        return self._count

    def begun(self) -> None:
        if not self._count:
            self._none.clear()
        self._count += 1

    def done(self) -> None:
        self._count -= 1
        if not self._count:
            self._none.set()

    def fail(self, error: Exception) -> None:
        """Something under way will never be done: whoever waits must not wait for ever."""
        self._error = self._error or error
        self._none.set()

    async def wait(self) -> None:
        """Return when nothing is under way."""
        await self._none.wait()
        if self._error is not None:
            raise self._error
