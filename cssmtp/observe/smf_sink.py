"""Writes SMF records of what happens: the sink of SMF 119 (smf119.md 1 and 2).

Promises: CONFIG when a configuration comes into effect, CONNECT at the end of a connection, MAIL at the end of a mail, SPOOL at
the end of a spool file, STATS at the end of each interval and of the gateway. The file gets what the SMF119 statement of the
configuration in effect says, the socket CONFIG, CONNECT, SPOOL and STATS, and MAIL if asked for: two switches (smf119.md 11.5).
Never: costs anything for records that nobody gets.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cssmtp.clock import Clock
from cssmtp.config.model import Smf119
from cssmtp.observe.events import (
    ConfigurationChanged,
    ConnectionClosed,
    ConnectionOpened,
    Event,
    GatewayStopped,
    MailDiscarded,
    MailEnded,
    MailRejected,
    SpoolFileClaimed,
    SpoolFileEnded,
)
from cssmtp.observe.readings import ExtendedReading, Gauges, Readings
from cssmtp.observe.smf import Record, encode, frame
from cssmtp.observe.smf_content import (
    Interval,
    Origin,
    config_record,
    connect_record,
    spool_record,
    stats_record,
)
from cssmtp.observe.smf_layouts import Subtype
from cssmtp.observe.smf_mail import MailRecords, Wire
from cssmtp.observe.smf_output import RecordFile, RecordSocket
from cssmtp.observe.tally import Tally

RETRY_SECONDS = 5.0
"""How often a file that could not be written is tried again."""


class SmfSink:
    """The records as a sink. `tick` is to be called about once a second on the loop; `rewire` is the bus's."""

    def __init__(
        self,
        origin: Origin,
        clock: Clock,
        *,
        gauges: Gauges,
        rewire: Callable[[], None],
        interval_seconds: float,
        file: RecordFile | None = None,
        listeners: RecordSocket | None = None,
        mail_to_listeners: bool = False,
    ) -> None:
        self._origin = origin
        self._mails = MailRecords(origin)
        self._clock = clock
        self._gauges = gauges
        self._rewire = rewire
        self._interval = interval_seconds
        self._file = file
        self._listeners = listeners
        self._mail_to_listeners = mail_to_listeners
        self._switches = Smf119()
        self._takers = self._settled()
        self._connections: dict[int, ConnectionOpened] = {}
        self._wires: dict[str, Wire] = {}
        self._begun: dict[str, datetime] = {}
        self._retry_at = 0.0
        self._begin_interval()
        self._handlers: dict[type[Event], tuple[Callable[[Any], None], tuple[Subtype, ...]]] = {
            ConfigurationChanged: (self._configuration, tuple(Subtype)),
            ConnectionOpened: (self._opened, (Subtype.CONNECT, Subtype.MAIL)),
            ConnectionClosed: (self._closed, (Subtype.CONNECT, Subtype.MAIL)),
            MailEnded: (self._mail_ended, (Subtype.MAIL,)),
            MailDiscarded: (self._discarded, (Subtype.MAIL,)),
            MailRejected: (self._rejected, (Subtype.MAIL,)),
            SpoolFileClaimed: (self._claimed, (Subtype.SPOOL,)),
            SpoolFileEnded: (self._file_ended, (Subtype.SPOOL,)),
            GatewayStopped: (self._stopped, tuple(Subtype)),
        }

    # as a sink

    def wants(self, kind: type[Event], variant: str) -> bool:
        """What some record is made of; the configuration always, because it says which records."""
        if kind is ConfigurationChanged or (self._tally.wants(kind, variant) and self._wanted(Subtype.STATS)):
            return True
        _, subtypes = self._handlers.get(kind, (None, ()))
        return any(self._wanted(subtype) for subtype in subtypes)

    def handle(self, event: Event) -> None:
        kind = type(event)
        if self._takers[Subtype.STATS] and self._tally.wants(kind, ""):
            self._tally.handle(event)
        found = self._handlers.get(kind)
        if found is not None:
            found[0](event)

    def tick(self) -> None:
        """Look after the outputs, and end the interval when it is over."""
        now = self._clock.monotonic()
        if self._listeners is not None:
            self._listeners.accept()
        if self._file is not None and now >= self._retry_at:
            self._retry_at = now + RETRY_SECONDS
            self._file.retry()
        self._gauge()
        if now >= self._interval_end:
            self._statistics(final=False)

    def reopen(self) -> None:
        """Begin a new file under the same name."""
        if self._file is not None:
            self._file.reopen()

    # who gets what

    def _settled(self) -> dict[Subtype, tuple[Callable[[bytes], None], ...]]:
        """Who takes the records of each subtype, by the switches in effect."""
        takers: dict[Subtype, tuple[Callable[[bytes], None], ...]] = {}
        for subtype in Subtype:
            file = self._file if getattr(self._switches, subtype.name.lower()) else None
            listeners = self._listeners if subtype is not Subtype.MAIL or self._mail_to_listeners else None
            takers[subtype] = tuple(output.write for output in (file, listeners) if output is not None)
        return takers

    def _wanted(self, subtype: Subtype) -> bool:
        return bool(self._takers[subtype])

    def _put(self, record: Record) -> None:
        self._write(record.subtype, encode(record))

    def _write(self, subtype: Subtype, record: bytes) -> None:
        data = frame(record)
        for write in self._takers[subtype]:
            write(data)

    # events

    def _configuration(self, event: ConfigurationChanged) -> None:
        if event.configuration.smf119 != self._switches:
            if not self._wanted(Subtype.STATS):
                self._begin_interval()
            self._switches = event.configuration.smf119
            self._takers = self._settled()
            self._rewire()
        if self._wanted(Subtype.CONFIG):
            self._put(config_record(self._origin, event.configuration, event.cause, self._clock.wall()))

    def _opened(self, event: ConnectionOpened) -> None:
        self._connections[event.key] = event
        # Clear mail rides TLS only where Secure asks for it, so these two say all about how a mail went.
        before = self._wires.get(event.address)
        protocol = event.tls_protocol or (before.tls_protocol if before else "")
        self._wires[event.address] = Wire(event.secure, protocol)

    def _closed(self, event: ConnectionClosed) -> None:
        opened = self._connections.pop(event.key, None) or ConnectionOpened(event.address, event.port, event.key)
        if self._wanted(Subtype.CONNECT):
            self._put(connect_record(self._origin, opened, event, self._clock.wall()))

    def _mail_ended(self, event: MailEnded) -> None:
        if self._wanted(Subtype.MAIL):
            self._write(Subtype.MAIL, self._mails.ended(event, self._wires, self._clock.wall()))

    def _discarded(self, event: MailDiscarded) -> None:
        if self._wanted(Subtype.MAIL):
            self._write(Subtype.MAIL, self._mails.discarded(event, self._clock.wall()))

    def _rejected(self, event: MailRejected) -> None:
        if self._wanted(Subtype.MAIL):
            self._write(Subtype.MAIL, self._mails.rejected(event, self._clock.wall()))

    def _claimed(self, event: SpoolFileClaimed) -> None:
        self._begun[event.file.id] = self._clock.wall()

    def _file_ended(self, event: SpoolFileEnded) -> None:
        begun = self._begun.pop(event.file.id, None)
        if self._wanted(Subtype.SPOOL):
            self._put(spool_record(self._origin, event, begun, self._clock.wall()))

    def _stopped(self, event: GatewayStopped) -> None:
        self._statistics(final=True)
        if self._file is not None:
            self._file.close()
        if self._listeners is not None:
            self._listeners.close()

    # statistics

    def _begin_interval(self) -> None:
        self._tally = Tally()
        self._since = self._clock.wall()
        self._interval_end = self._clock.monotonic() + self._interval
        self._peak = self._extended_peak = 0
        self._extended = self._gauges().extended or ExtendedReading()

    def _gauge(self) -> Readings:
        """How things stand now, remembering the most seen in the interval."""
        readings = self._gauges()
        self._peak = max(self._peak, readings.long_retry)
        if readings.extended is not None:
            self._extended_peak = max(self._extended_peak, readings.extended.current)
        return readings

    def _statistics(self, *, final: bool) -> None:
        if self._wanted(Subtype.STATS):
            readings = self._gauge()
            storage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in kibibytes
            interval = Interval(self._since, final, readings, self._peak, storage, self._extended_peak, self._extended)
            self._put(stats_record(self._origin, self._tally, interval, self._clock.wall()))
        self._begin_interval()
