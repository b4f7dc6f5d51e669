"""Time as an argument.

Promises: everything in the project that needs the time asks a `Clock`, so that tests and replays decide what time it is.
Never: sleeps, reads the time zone from anywhere but the process environment (TZ, as the started task does).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo
from typing import Protocol


class Clock(Protocol):
    """Two clocks in one: the wall for what people read, the monotonic one for what must not jump."""

    def wall(self) -> datetime:
        """Now, as an aware datetime in the local zone of the process (TZ; UTC without it)."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The clock of the machine."""

    def __init__(self) -> None:
        self._zone: tuple[int, tzinfo | None] = (0, None)

    def wall(self) -> datetime:
        now = time.time()
        # Zones change their offset at whole minutes. Asking for it each time would cost four times as much as the rest.
        minute, zone = self._zone
        if minute != int(now) // 60:
            zone = datetime.fromtimestamp(now, UTC).astimezone().tzinfo
            self._zone = int(now) // 60, zone
        return datetime.fromtimestamp(now, zone)

    def monotonic(self) -> float:
        return time.monotonic()
