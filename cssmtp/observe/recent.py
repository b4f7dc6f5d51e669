"""What lately went wrong, and the sums of the spool files that have ended: for the displays.

Promises: bounded; costs nothing per mail (a mail's trouble is in the sums of its file and in the log).
Never: writes anything.
"""

from __future__ import annotations

from collections import deque

from cssmtp.clock import Clock
from cssmtp.messages import Level
from cssmtp.observe import wording
from cssmtp.observe.events import Event, MailEnded, SpoolFileEnded
from cssmtp.observe.snapshot import Remark

REMARKS = 20
"""Warnings and errors that are remembered."""

TROUBLE = Level.ERROR | Level.WARNING


class Recent:
    """A sink. `sent`, `failed` and `files` are sums of the spool files that have ended since the start."""

    def __init__(self, clock: Clock) -> None:
        self.remarks: deque[Remark] = deque(maxlen=REMARKS)
        self.sent = 0
        self.failed = 0
        self.files = 0
        self._clock = clock

    def wants(self, kind: type[Event], variant: str) -> bool:
        return kind is SpoolFileEnded or (kind is not MailEnded and bool(wording.message_for(kind, variant).level & TROUBLE))

    def handle(self, event: Event) -> None:
        if isinstance(event, SpoolFileEnded):
            self.files += 1
            self.sent += event.counts.sent + event.counts.discarded
            self.failed += event.counts.undeliverable + event.counts.rejected
        message = wording.message_of(event)
        if message.level & TROUBLE:
            self.remarks.append(Remark(self._clock.wall(), message.id, wording.sentence(event, message)))
