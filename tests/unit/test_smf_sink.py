"""When the sink writes which record, and what becomes of records when there is no place for them."""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cssmtp.config.model import Smf119
from cssmtp.model import Envelope
from cssmtp.observe.bus import Bus
from cssmtp.observe.events import (
    Cause,
    ConfigurationChanged,
    ConnectionClosed,
    ConnectionOpened,
    Event,
    GatewayStopped,
    MailDiscarded,
    MailEnded,
    MailRejected,
    SmfBroken,
    SmfMended,
    SpoolFileClaimed,
)
from cssmtp.observe.readings import ExtendedReading, Readings
from cssmtp.observe.smf import Found, Record, records
from cssmtp.observe.smf_layouts import Subtype
from cssmtp.observe.smf_output import KEPT_LIMIT, MOST_LISTENERS, RecordFile, RecordSocket
from cssmtp.observe.smf_sink import RETRY_SECONDS, SmfSink
from tests.smfkit import ALL, BAD, CHANGED, CLOSED, CONFIGURATION, DELIVERED, ENDED, FILE, OPENED, ORIGIN, MovingClock, mail


class Bench:
    """A sink on a bus, with a file, and perhaps listeners."""

    def __init__(self, directory: Path, *, socket: bool = False, mail: bool = False, file: bool = True) -> None:
        self.path = directory / "smf119"
        self.socket_path = directory / "sock"
        self.clock = MovingClock()
        self.bus = Bus()
        self.long_retry = 0
        self.extended: ExtendedReading | None = None
        self.sink = SmfSink(
            ORIGIN,
            self.clock,
            gauges=lambda: Readings(long_retry=self.long_retry, extended=self.extended),
            rewire=self.bus.rewire,
            interval_seconds=1800.0,
            file=RecordFile(self.path, self.bus.publish) if file else None,
            listeners=RecordSocket(self.socket_path) if socket else None,
            mail_to_listeners=mail,
        )
        self.bus.subscribe(self.sink)

    def publish(self, *events: Event) -> None:
        for event in events:
            self.bus.publish(event)

    def configured(self, smf119: Smf119) -> None:
        self.publish(ConfigurationChanged(replace(CONFIGURATION, smf119=smf119), Cause.REFRESH))

    @property
    def written(self) -> list[Record]:
        data = self.path.read_bytes() if self.path.exists() else b""
        return [found.record for found in records(data) if isinstance(found, Found)]

    @property
    def subtypes(self) -> list[int]:
        return [int(record.subtype) for record in self.written]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_one_record_for_each_thing_that_ends(bench: Bench) -> None:
    bench.publish(CHANGED, SpoolFileClaimed(FILE, 10), OPENED, mail(DELIVERED), CLOSED, ENDED, GatewayStopped(0))
    assert bench.subtypes == [48, 50, 49, 51, 52]
    connect = bench.written[2].first("connection")
    assert (connect["tls_cipher"], connect["local_port"]) == ("TLS_AES_256_GCM_SHA384", 40_000)
    assert bench.written[3].first("spool_file")["begun"] == bench.clock.wall()
    assert bench.written[4].first("statistics")["final"] is True


@pytest.mark.parametrize("name", ["config", "connect", "mail", "spool", "stats"])
def test_the_smf119_statement_switches_each_record(bench: Bench, name: str) -> None:
    bench.configured(replace(Smf119(), **{name: True}))
    bench.publish(OPENED, mail(DELIVERED), CLOSED, ENDED, GatewayStopped(0))
    assert bench.subtypes == [Subtype[name.upper()]]


def test_nothing_is_wanted_when_no_record_is(bench: Bench) -> None:
    bench.configured(Smf119())
    assert not any(bench.bus.wanted(kind) for kind in (MailEnded, ConnectionOpened, SpoolFileClaimed))
    assert not bench.path.exists()
    bench.configured(replace(Smf119(), mail=True))
    assert bench.bus.wanted(MailEnded)


def test_mail_records_of_mail_that_was_not_sent(bench: Bench) -> None:
    envelope = Envelope("mvsa", "a@example.org", ("b@example.net",), (), True)
    bench.publish(CHANGED, MailDiscarded(FILE, 4, envelope, 99), MailRejected(FILE, 5, "552 5.3.4 too large"))
    values = [record.first("mail") for record in bench.written[1:]]
    assert [(one["number"], one["result"]) for one in values] == [(4, "discarded"), (5, "rejected")]
    assert values[1]["reason"] == "552 5.3.4 too large"


@pytest.mark.parametrize(
    ("secure", "required", "encrypted"), [(False, False, False), (True, False, True), (False, True, True), (True, True, True)]
)
def test_a_mail_is_encrypted_when_the_deck_or_the_target_asks(
    bench: Bench, secure: bool, required: bool, encrypted: bool
) -> None:
    bench.publish(CHANGED, replace(OPENED, secure=secure), mail(DELIVERED, tls=required))
    values = bench.written[-1].first("mail")
    assert values["encrypted"] is encrypted
    assert values["tls_protocol"] == ("TLSv1.3" if encrypted else "")


def test_statistics_at_each_end_of_an_interval_and_nothing_counted_twice(bench: Bench) -> None:
    bench.configured(replace(Smf119(), stats=True))
    bench.publish(mail(DELIVERED), mail(DELIVERED))
    bench.long_retry = 9
    bench.sink.tick()
    bench.long_retry = 2
    bench.clock.seconds = 1799.0
    bench.sink.tick()
    assert bench.subtypes == []
    bench.clock.seconds = 1800.0
    bench.sink.tick()
    bench.publish(mail(DELIVERED), GatewayStopped(0))
    first, second = (record.first("statistics") for record in bench.written)
    assert [one["mails_sent"] for one in (first, second)] == [2, 1]
    assert [one["long_retry_peak"] for one in (first, second)] == [9, 2]
    assert second["begun"] == first["ended"]
    assert [one["final"] for one in (first, second)] == [False, True]


def test_extended_retry_in_the_statistics_counts_what_is_new_in_the_interval(bench: Bench) -> None:
    bench.configured(replace(Smf119(), stats=True))
    for seconds, reading in (
        (10.0, ExtendedReading(7, 9, 0)),
        (1800.0, ExtendedReading(3, 12, 5)),
        (3600.0, ExtendedReading(4, 14, 5)),
    ):
        bench.extended = reading
        bench.clock.seconds = seconds
        bench.sink.tick()
    bench.extended = None
    bench.publish(GatewayStopped(0))
    first, second, last = bench.written
    assert first.own["extended"] == ({"current": 3, "peak": 7, "came": 12, "expired": 5},)
    assert second.own["extended"] == ({"current": 4, "peak": 4, "came": 2, "expired": 0},)
    assert "extended" not in last.own


def test_a_spool_record_says_how_many_mails_went_into_extended_retry(bench: Bench) -> None:
    counts = replace(ENDED.counts, mails=9, parked=4)
    bench.publish(CHANGED, replace(ENDED, counts=counts), ENDED)
    some, none = bench.written[1:]
    assert some.own["parked"] == ({"extended": 4},)
    assert "parked" not in none.own


def test_a_mail_that_test_mode_discarded_names_its_bad_recipients(bench: Bench) -> None:
    bench.publish(CHANGED, MailDiscarded(FILE, 4, Envelope("mvsa", "a@example.org", ("b@example.net",), (BAD,)), 99))
    (entry,) = bench.written[1].own["recipients"]
    assert (entry["verdict"], entry["address"], entry["reason"]) == ("undeliverable", BAD.text, BAD.reply)


def test_a_connection_that_began_before_anybody_asked_still_has_a_record(bench: Bench) -> None:
    bench.publish(CHANGED, CLOSED)
    assert bench.written[-1].first("connection")["mails"] == 12


# --- the file


@pytest.fixture
def disk_full(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Writing fails until the answer is called."""
    with monkeypatch.context() as patched:

        def full(descriptor: int, data: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patched.setattr(os, "write", full)
        yield patched.undo


class Told:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def wants(self, kind: type[Event], variant: str) -> bool:
        return kind in (SmfBroken, SmfMended)

    def handle(self, event: Event) -> None:
        self.events.append(event)


def test_disk_full_mail_goes_on_the_operator_is_told_once_and_nothing_is_lost(
    bench: Bench, disk_full: Callable[[], None]
) -> None:
    told = Told()
    bench.bus.subscribe(told)
    bench.publish(CHANGED, mail(DELIVERED), mail(DELIVERED, number=4))
    bench.sink.tick()
    assert told.events == [SmfBroken(str(bench.path), os.strerror(errno.ENOSPC))]
    disk_full()
    bench.publish(mail(DELIVERED, number=5))
    bench.clock.seconds = RETRY_SECONDS
    bench.sink.tick()
    assert told.events[1:] == [SmfMended(str(bench.path), 0)]
    assert [record.first("mail").get("number") for record in bench.written] == [None, 3, 4, 5]


def test_what_cannot_be_kept_is_counted(tmp_path: Path, disk_full: Callable[[], None]) -> None:
    events: list[Event] = []
    file = RecordFile(tmp_path / "smf", events.append)
    size = KEPT_LIMIT // 4
    for number in range(6):
        file.write(bytes([number]) * size)
    disk_full()
    file.retry()
    file.close()
    assert events[1:] == [SmfMended(str(tmp_path / "smf"), 2)]
    assert [data[0] for data in _pieces((tmp_path / "smf").read_bytes(), size)] == [2, 3, 4, 5]


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def test_half_a_record_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Event] = []
    path, whole = tmp_path / "smf", os.write
    file = RecordFile(path, events.append)
    file.write(b"first")
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:2]))
        file.write(b"second")
    assert path.read_bytes() == b"first"
    file.retry()
    file.close()
    assert path.read_bytes() == b"firstsecond"
    assert path.stat().st_mode & 0o027 == 0


def test_a_rotated_file_is_begun_anew(bench: Bench) -> None:
    bench.publish(CHANGED)
    moved = bench.path.rename(bench.path.with_suffix(".1"))
    bench.publish(mail(DELIVERED))
    bench.sink.reopen()
    bench.publish(ENDED)
    assert len(list(records(moved.read_bytes()))) == 2
    assert bench.subtypes == [51]


# --- the socket


def listen(bench: Bench) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(5)
    line.connect(str(bench.socket_path))
    bench.sink.tick()
    return line


@pytest.mark.parametrize(("with_mail", "expected"), [(False, [48, 51, 52]), (True, [48, 50, 51, 52])])
def test_listeners_get_records_whatever_smf119_says(tmp_path: Path, with_mail: bool, expected: list[int]) -> None:
    bench = Bench(tmp_path, socket=True, mail=with_mail, file=False)
    with listen(bench) as line:
        bench.configured(Smf119())
        bench.publish(mail(DELIVERED), ENDED, GatewayStopped(0))
        data = b"".join(iter(lambda: line.recv(65536), b""))
    assert [int(found.record.subtype) for found in records(data) if isinstance(found, Found)] == expected
    assert not bench.socket_path.exists()


def test_a_listener_that_does_not_read_is_hung_up_on_and_the_others_go_on(tmp_path: Path) -> None:
    records_for_all = RecordSocket(tmp_path / "sock")
    lines = []
    for _ in range(2):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(5)
        line.connect(str(tmp_path / "sock"))
        lines.append(line)
    records_for_all.accept()
    deaf, awake = lines
    block = b"x" * 65536
    received = 0
    for _ in range(200):
        records_for_all.write(block)
        while received % len(block) or received == 0:
            received += len(awake.recv(len(block) - received % len(block)))
        received = 0
    deaf.settimeout(5)
    taken = sum(len(data) for data in iter(lambda: deaf.recv(1 << 20), b""))
    assert taken < 200 * len(block)
    records_for_all.close()
    for line in lines:
        line.close()


def test_a_leftover_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    alive = RecordSocket(path)
    with pytest.raises(OSError, match="in use"):
        RecordSocket(path)
    alive.close()
    assert MOST_LISTENERS > 1


def test_a_closed_connection_is_forgotten(bench: Bench) -> None:
    bench.publish(CHANGED, OPENED, CLOSED, ConnectionClosed("192.0.2.1", 25, 7, 0, "again"))
    assert bench.written[-1].first("connection")["encrypted"] is False
    assert ALL.mail
