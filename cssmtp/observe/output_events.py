"""Events about our own outputs that programs read: SMF records and metrics.

Promises: as `events`, from where they are to be imported.
"""

from __future__ import annotations

from dataclasses import dataclass

from cssmtp.observe.facts import Event


@dataclass(frozen=True, slots=True)
class SmfBroken(Event):
    """SMF records cannot be written to `path`; they are kept for a while, mail goes on."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class SmfMended(Event):
    """SMF records are written to `path` again; `lost` of them could not be kept."""

    path: str
    lost: int


@dataclass(frozen=True, slots=True)
class MetricsFailed(Event):
    """Metrics are not to be had at `address`."""

    address: str
    reason: str
