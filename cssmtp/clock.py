"""Time as an argument.

Promises: everything in the project that needs the time asks a `Clock`, so that tests and replays decide what time it is.
Never: sleeps, reads the time zone from anywhere but the process environment (TZ, as the started task does).
"""

from __future__ import annotations

import time
from datetime import datetime
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

    def wall(self) -> datetime:
        return datetime.now().astimezone()

    def monotonic(self) -> float:
        return time.monotonic()
