"""What every spool task shares: the services it works with and the gateway's backpressure.

Promises: one place that says when reading has to wait. Never: fails a mail because of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from cssmtp.clock import Clock
from cssmtp.config.model import Configuration
from cssmtp.delivery.courier import Courier
from cssmtp.engine.ledger import Ledger
from cssmtp.engine.parcels import Parcel
from cssmtp.engine.parking import Parking
from cssmtp.observe.events import Event, QueueBackpressure
from cssmtp.spool.store import SpoolStore

QUEUE_MAILS = 2_000
"""Mails that may wait for a connection before reading of spool files stops."""

QUEUE_OCTETS = 24 * 1024 * 1024
"""Memory that mails in work may hold (long retry included) before reading of spool files stops."""


class Flow:
    """Backpressure: readers wait while the queue is full or mails in work hold too much memory (mail-processing.md 1)."""

    def __init__(self, publish: Callable[[Event], None], limit: int = 0) -> None:
        """`limit`: how many mails may be in work at a time, 0 = any number."""
        self.courier: Courier | None = None
        self._publish = publish
        self._limit = limit
        self._mails = 0
        self._octets = 0
        self._room = asyncio.Event()
        self._closed = False
        self._starved = False  # a reader waits for mails to end, not for the courier

    def took(self, parcel: Parcel) -> None:
        """A parcel came into work."""
        self._mails += 1
        self._octets += parcel.weight

    def gave(self, parcel: Parcel) -> None:
        """A parcel is done with."""
        self._mails -= 1
        self._octets -= parcel.weight
        if self._closed or (self._starved and not self._laden):
            self.hungry()

    def hungry(self) -> None:
        """The courier could do with more, or memory became free: let readers look again."""
        self._starved = False
        self._room.set()

    @property
    def _laden(self) -> bool:
        return self._octets > QUEUE_OCTETS or (self._limit > 0 and self._mails >= self._limit)

    @property
    def full(self) -> bool:
        return self._laden or (self.courier is not None and self.courier.waiting > QUEUE_MAILS)

    async def room(self) -> None:
        """Return when there is room for another slice."""
        while self.full:
            if not self._closed and self.courier is not None and self.courier.all_down:
                self._publish(QueueBackpressure(True, self.courier.waiting, "no target server can be reached"))
                self._closed = True
            self._starved = self._starved or self._laden
            self._room.clear()
            await self._room.wait()
        if self._closed:
            self._closed = False
            self._publish(QueueBackpressure(False, self.courier.waiting if self.courier else 0))


@dataclass(frozen=True, slots=True)
class Context:
    """The services of a running gateway. `courier` is None in test mode: nothing can be sent there.

    `parking` is None where there is no extended retry.
    """

    configuration: Configuration
    store: SpoolStore
    courier: Courier | None
    publish: Callable[[Event], None]
    clock: Clock
    ledger: Ledger
    flow: Flow
    parking: Parking | None = None
