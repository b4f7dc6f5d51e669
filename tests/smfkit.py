"""What the tests of SMF share: a gateway's origin, one event of each kind, the record it makes, a sink with a clock at hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from cssmtp.config.model import AddressKind, Configuration, Options, Smf119, TargetAddress, TargetServer
from cssmtp.model import BadRecipient, Envelope, Outcome, Verdict
from cssmtp.observe.events import (
    Cause,
    ConfigurationChanged,
    ConnectionClosed,
    ConnectionOpened,
    Counts,
    Disposition,
    MailDiscarded,
    MailEnded,
    MailRejected,
    SpoolFile,
    SpoolFileEnded,
    TargetDown,
)
from cssmtp.observe.readings import Readings
from cssmtp.observe.smf import Record, decode
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
from cssmtp.observe.tally import Tally

NOW = datetime(2026, 1, 31, 23, 59, 59, 120_000, timezone(timedelta(hours=-5)))
STARTED = NOW - timedelta(hours=8)
ORIGIN = Origin("SYS1PLEX", "CSSMTP", "cssmtp", "CSSMTP", "0.1.0", STARTED, process=70_000, stack="TCPIPA")
FILE = SpoolFile("f1", "CSSMTP", "PAYRUN", "JOB01234", 102, "PAYUSER", "PAYUSER", "MVSA", "payrun", 17)
ALL = Smf119(True, True, True, True, True)

DELIVERED = Outcome(Verdict.DELIVERED, "250 2.0.0 Ok", "192.0.2.1")
REFUSED = Outcome(Verdict.UNDELIVERABLE, "550 5.1.1 No such user", "192.0.2.1")
BAD = BadRecipient("<bad path", 9, "501 5.5.4 JES Syntax error. Invalid path after 'RCPT' command")

TARGETS = (
    TargetServer((TargetAddress(AddressKind.IP, "192.0.2.1"), TargetAddress(AddressKind.NAME, "mx.example.net"))),
    TargetServer((TargetAddress(AddressKind.IP, "192.0.2.2"),), secure=True),
)
CONFIGURATION = Configuration(
    TARGETS, smf119=ALL, source="/etc/cssmtp.conf", mail_administrators=("a@example.org", "b@example.org")
)
TEST_MODE = Configuration(TARGETS, smf119=ALL, options=Options(test_mode=True), source="/etc/test.conf")

OPENED = ConnectionOpened(
    "192.0.2.1",
    25,
    7,
    server="mx.example.net ESMTP",
    tls_protocol="TLSv1.3",
    tls_cipher="TLS_AES_256_GCM_SHA384",
    tls_subject="mx.example.net",
    tls_bits=256,
    tls_issuer="Example CA",
    tls_serial="0A1B",
    tls_expires=1_800_000_000,
    secure=True,
    local="192.0.2.100",
    local_port=40_000,
)
CLOSED = ConnectionClosed("192.0.2.1", 25, 7, 12, "idle", 34_567, 61.5, 11)
ENDED = SpoolFileEnded(
    FILE,
    Counts(records=200, octets=16_000, mails=5, sent=2, undeliverable=1, rejected=1, discarded=1, errors=3),
    Disposition.HOLD,
    faults=4,
)
CHANGED = ConfigurationChanged(CONFIGURATION, Cause.START)


def mail(
    *outcomes: Outcome, number: int = 3, bad: tuple[BadRecipient, ...] = (), file: SpoolFile = FILE, tls: bool = False
) -> MailEnded:
    """The end of a mail with one recipient per outcome."""
    recipients = tuple(f"r{place}@example.net" for place in range(len(outcomes)))
    return MailEnded(file, number, Envelope("mvsa", "pay@example.org", recipients, bad, tls), 1024, outcomes, 2, 1.5)


def sums() -> Tally:
    """Sums of a little of everything."""
    tally = Tally()
    for event in (
        mail(DELIVERED),
        mail(DELIVERED, REFUSED),
        mail(REFUSED),
        ENDED,
        OPENED,
        CLOSED,
        TargetDown("192.0.2.2", 25, "refused", 120),
    ):
        tally.handle(event)
    return tally


INTERVAL = Interval(STARTED, True, Readings(tasks=3, waiting=4, long_retry=5, oldest_seconds=61.9), 6, 123_456_789)

SHOWN = {"Options.TestMode", "TargetServer[1].TargetName", "TargetServer[2].Secure", "Timeout.DataTerm"}
"""The settings of the CONFIG record below: with all of them, its golden file would change with every statement added."""


def _few_settings(record: Record) -> Record:
    few = tuple(entry for entry in record.own["settings"] if entry["name"] in SHOWN)
    return replace(record, own={**record.own, "settings": few})


def mail_record(
    event: MailEnded | MailRejected | MailDiscarded, wires: dict[str, Wire] | None = None, now: datetime = NOW
) -> Record:
    """The record of a mail, as it is read."""
    records = MailRecords(ORIGIN)
    match event:
        case MailEnded():
            data = records.ended(event, wires or {}, now)
        case MailRejected():
            data = records.rejected(event, now)
        case _:
            data = records.discarded(event, now)
    record = decode(data)
    assert record is not None
    return record


RECORDS: dict[Subtype, Record] = {
    Subtype.CONFIG: _few_settings(config_record(ORIGIN, TEST_MODE, Cause.REFRESH, NOW)),
    Subtype.CONNECT: connect_record(ORIGIN, OPENED, CLOSED, NOW),
    Subtype.MAIL: mail_record(mail(DELIVERED, REFUSED, bad=(BAD,)), {"192.0.2.1": Wire(True, "TLSv1.3")}),
    Subtype.SPOOL: spool_record(ORIGIN, ENDED, STARTED, NOW),
    Subtype.STATS: stats_record(ORIGIN, sums(), INTERVAL, NOW),
}
"""One record of each subtype, the same in every run."""


class MovingClock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wall(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds
