"""The log's other ways out: syslogd, the journal, JSON lines."""

import io
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cssmtp.config.model import LogFormat
from cssmtp.messages import Level
from cssmtp.model import Fault, FaultKind
from cssmtp.observe import wording
from cssmtp.observe.entry import Entry, json_line, text_line
from cssmtp.observe.events import Event, GatewayReady, MailRejected, SpoolFault, TargetDown
from cssmtp.observe.log import FileChannel, StreamChannel
from cssmtp.observe.syslog import JournalChannel, SyslogChannel, priority
from cssmtp.observe.wiring import channel, observers
from tests.smfkit import FILE, MovingClock

NOW = datetime(2026, 2, 3, 4, 5, 6, 789_000, UTC)
DOWN = TargetDown("192.0.2.25", 25, "connection refused", 120)
REJECTED = MailRejected(FILE, 3, "552 5.3.4 JES Message size exceeds limit")


def entry(event: Event) -> Entry:
    return Entry(event, wording.tell(event, wording.message_of(event)), NOW, text_line)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket that takes datagrams, as syslogd's and the journal's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "log"))
        receiver.settimeout(5)
        yield receiver


def test_syslog_gets_priority_time_tag_and_line(daemon: socket.socket, tmp_path: Path) -> None:
    log = SyslogChannel(str(tmp_path / "log"))
    log.write(entry(REJECTED))
    assert daemon.recv(9999).decode() == (
        f"<20>Feb  3 04:05:06 cssmtp[{os.getpid()}]: BMG0303W 17 PAYRUN/JOB01234 3 - "
        "mail rejected: 552 5.3.4 JES Message size exceeds limit"
    )
    log.close()


def test_the_journal_gets_fields(daemon: socket.socket, tmp_path: Path) -> None:
    log = JournalChannel(str(tmp_path / "log"))
    log.write(entry(REJECTED))
    fields = dict(line.split("=", 1) for line in daemon.recv(9999).decode().splitlines())
    assert fields["MESSAGE"].startswith("BMG0303W 17 PAYRUN/JOB01234 3 - mail rejected")
    assert (fields["PRIORITY"], fields["SYSLOG_IDENTIFIER"], fields["CSSMTP_ID"]) == ("4", "cssmtp", "BMG0303W")
    assert (fields["CSSMTP_TASK"], fields["CSSMTP_JOB"], fields["CSSMTP_MAIL"]) == ("17", "PAYRUN/JOB01234", "3")
    log.close()


@pytest.mark.parametrize(
    ("level", "number"),
    [(Level.ERROR, 3), (Level.WARNING, 4), (Level.EVENT, 5), (Level.INFORMATION, 6), (Level.JES, 7), (Level.DEBUG, 7)],
)
def test_severities(level: Level, number: int) -> None:
    assert priority(level) == number


def test_a_daemon_that_comes_back_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = SyslogChannel(str(path))
    with pytest.raises(FileNotFoundError):
        log.write(entry(DOWN))
    for _ in range(2):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(str(path))
            receiver.settimeout(5)
            log.write(entry(DOWN))
            assert b"BMG0602W" in receiver.recv(9999)
        path.unlink()
        with pytest.raises(OSError, match=r"."):
            log.write(entry(DOWN))
    log.close()


def test_a_journal_that_is_gone_is_told_once_and_mail_goes_on(tmp_path: Path) -> None:
    stderr = io.StringIO()
    bus, log = observers("JOURNAL", 7, MovingClock(), stderr)
    log._channel = JournalChannel(str(tmp_path / "none"))
    for _ in range(3):
        bus.publish(DOWN)
    assert stderr.getvalue().count("BMG0904E") == 1


def test_a_daemon_that_does_not_read_holds_nobody_up(daemon: socket.socket, tmp_path: Path) -> None:
    log = SyslogChannel(str(tmp_path / "log"))

    def flood() -> None:
        for _ in range(100_000):
            log.write(entry(DOWN))

    with pytest.raises(BlockingIOError):
        flood()
    log.close()


@pytest.mark.parametrize(
    ("place", "kind"),
    [("", StreamChannel), ("SYSLOG", SyslogChannel), ("JOURNAL", JournalChannel), ("/var/log/x", FileChannel)],
)
def test_the_places_of_the_log(place: str, kind: type) -> None:
    assert type(channel(place, io.StringIO())) is kind


def test_a_json_line_has_the_columns_and_the_values_by_name() -> None:
    event = SpoolFault(FILE, Fault(FaultKind.SYNTAX, 7, 2, 'NOOP "x"\n', "500 5.5.1 JES Unknown command, 'NOOP'", True))
    found = json.loads(json_line(entry(event), "2026-02-03T04:05:06.789+00:00"))
    assert found == {
        "time": "2026-02-03T04:05:06.789+00:00",
        "id": "BMG0302W",
        "level": 2,
        "event": "SpoolFault",
        "task": 17,
        "job": "PAYRUN",
        "job_id": "JOB01234",
        "owner": "PAYUSER",
        "spool_id": "f1",
        "mail": 2,
        "text": "record 7: NOOP \"x\"\\x0a -> 500 5.5.1 JES Unknown command, 'NOOP'",
        "values": {"record": "7", "line": 'NOOP "x"\\x0a', "reply": "500 5.5.1 JES Unknown command, 'NOOP'"},
    }


def test_log_format_json_from_the_first_line_on(tmp_path: Path) -> None:
    bus, log = observers(str(tmp_path / "log"), 7, MovingClock(), io.StringIO(), LogFormat.JSON)
    bus.publish(GatewayReady(1))
    bus.publish(DOWN)
    log.reopen()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["id"] for line in lines] == ["BMG0002I", "BMG0602W"]
    assert lines[1]["target"] == "192.0.2.25:25"
