"""What every spool task shares: the services it works with and the gateway's backpressure.

Promises: one place that says when reading has to wait. Never: fails a mail because of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from cssmtp.bsmtp.interpreter import Gate, Observer
from cssmtp.clock import Clock
from cssmtp.config.model import Configuration
from cssmtp.delivery.courier import Courier
from cssmtp.engine.exits import Exits
from cssmtp.engine.labelwatch import LabelWatch
from cssmtp.engine.ledger import Ledger
from cssmtp.engine.parcels import MailParcel, Renderer
from cssmtp.engine.parking import Parking
from cssmtp.engine.reading_ahead import ReadingAhead
from cssmtp.engine.settings import Settings
from cssmtp.observe.events import DeckCommand, Event, QueueBackpressure, SpoolFile
from cssmtp.spool.store import SpoolStore

QUEUE_MAILS = 2_000
"""Mails that may wait for a connection before reading of spool files stops."""

QUEUE_OCTETS = 16 * 1024 * 1024
"""Memory that mails in work may hold (long retry included) before reading of spool files stops."""

LOOK_AGAIN_SECONDS = 1.0
"""A blocked reader looks at the targets this often: nobody tells it that the last one went down."""


class Flow:
    """Backpressure: readers wait while the queue is full or mails in work hold too much memory (mail-processing.md 1)."""

    def __init__(self, publish: Callable[[Event], None], limit: int = 0) -> None:
        """`limit`: how many mails may be in work at a time, 0 = any number."""
        self.courier: Courier | None = None
        self._paused = False  # by the operator
        self._publish = publish
        self._limit = limit
        self._octets = 0
        self._mails: dict[MailParcel, None] = {}  # in work, in the order in which they were read
        self._room = asyncio.Event()
        self._closed = False
        self._heavy = False  # somebody waits for mails to end, not for the courier

    def took(self, parcel: MailParcel) -> None:
        """A mail came into work."""
        self._octets += parcel.weight
        self._mails[parcel] = None

    def gave(self, parcel: MailParcel) -> None:
        """A mail is done with."""
        if parcel in self._mails:
            del self._mails[parcel]
            self._octets -= parcel.weight
        if self._closed or (self._heavy and self._octets <= QUEUE_OCTETS // 2 and not self._crowded):
            self._heavy = False
            self.hungry()

    def dropped(self, renderer: Renderer) -> None:
        """A spool file was given up: its mails are not in work any more."""
        for parcel in [parcel for parcel in self._mails if parcel.renderer is renderer]:
            self.gave(parcel)

    def hungry(self) -> None:
        """The courier could do with more, or memory became free: let readers look again."""
        self._room.set()

    def pause(self, paused: bool) -> None:
        """Stop all reading of spool files at the end of the slice in work, or let it go on (MODIFY SUSPEND and RESUME)."""
        self._paused = paused
        self._room.set()

    @property
    def oldest(self) -> MailParcel | None:
        """The mail that has been in work longest."""
        return next(iter(self._mails), None)

    @property
    def _crowded(self) -> bool:
        return 0 < self._limit <= len(self._mails)

    @property
    def full(self) -> bool:
        if self._paused or self._octets > QUEUE_OCTETS or self._crowded:
            return True
        return self.courier is not None and self.courier.waiting > QUEUE_MAILS

    async def room(self) -> None:
        """Return when there is room for another slice."""
        while self.full:
            if not self._closed and self.courier is not None and self.courier.all_down:
                self._publish(QueueBackpressure(True, self.courier.waiting, "no target server can be reached"))
                self._closed = True
            self._heavy = self._octets > QUEUE_OCTETS or self._crowded
            self._room.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                    await self._room.wait()
        if self._closed:
            self._closed = False
            self._publish(QueueBackpressure(False, self.courier.waiting if self.courier else 0))


@dataclass(frozen=True, slots=True)
class Context:
    """The services of a running gateway. `courier` is None in test mode: nothing can be sent there.

    `wanted` tells whether anybody wants events of a class. `parking` is None where there is no extended retry; `exits` has the
    user exit; `reading` is another process that reads large files, None when there is none.
    """

    settings: Settings
    store: SpoolStore
    courier: Courier | None
    publish: Callable[[Event], None]
    clock: Clock
    ledger: Ledger
    flow: Flow
    wanted: Callable[[type[Event]], bool] = lambda kind: False
    exits: Exits | None = None
    labels: LabelWatch = field(default_factory=LabelWatch)
    parking: Parking | None = None
    reading: ReadingAhead | None = None

    def gate(self, file: SpoolFile) -> Gate | None:
        """What asks the user exit about the commands of a spool file, None when there is no exit."""
        return self.exits.gate(file) if self.exits is not None else None

    def deck_observer(self, file: SpoolFile) -> Observer | None:
        """What publishes the commands of a deck (log level 16), None when nobody wants them."""
        if not self.wanted(DeckCommand):
            return None
        return lambda record, text, reply: self.publish(DeckCommand(file, record, text, reply))

    @property
    def configuration(self) -> Configuration:
        """The configuration in effect now."""
        return self.settings.now
