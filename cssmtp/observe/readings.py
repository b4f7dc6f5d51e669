"""What the gateway reads off its own gauges: how things stand now, as opposed to events, which say what happened.

Promises: plain frozen values that any thread may look at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TargetReading:
    """One address of a target server; `state` is unknown, up or down, `connections` are open."""

    address: str
    port: int
    state: str
    connections: int


@dataclass(frozen=True, slots=True)
class ExtendedReading:
    """Extended retry: mails in it now, all that have been in it since the start, and those that Age or FLUSHRETRY ended."""

    current: int = 0
    total: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Readings:
    """How things stand.

    `tasks` counts spool files being worked on. `waiting` mails wait for a connection, `long_retry`
    mails for another try; `oldest_seconds` is how long ago the oldest of both was read. `commits` counts commits of the
    checkpoint, None when there is no checkpoint; `extended` is None where there is no extended retry.
    """

    tasks: int = 0
    waiting: int = 0
    long_retry: int = 0
    oldest_seconds: float = 0.0
    targets: tuple[TargetReading, ...] = ()
    commits: int | None = None
    extended: ExtendedReading | None = None


Gauges = Callable[[], Readings]
"""Asks the gateway; called on the event loop."""


def nothing_read() -> Readings:
    """The gauges of a gateway that does not run yet."""
    return Readings()
