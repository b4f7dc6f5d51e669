import errno
import io
import os
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from cssmtp.clock import SystemClock
from cssmtp.messages import INITIAL_LEVEL
from cssmtp.model import Envelope, Fault, FaultKind, Outcome, Verdict
from cssmtp.observe import wording
from cssmtp.observe.bus import Bus
from cssmtp.observe.entry import Entry
from cssmtp.observe.events import (
    Debug,
    DeckCommand,
    Dialogue,
    Direction,
    Event,
    GatewayReady,
    InternalError,
    MailEnded,
    SpoolFault,
    SpoolFile,
    TargetDown,
)
from cssmtp.observe.log import FileChannel, Log, StreamChannel
from cssmtp.observe.wiring import observers

NOW = datetime(2026, 1, 31, 23, 59, 59, 123456, timezone(timedelta(hours=-5)))
FILE = SpoolFile("f1", "CSSMTP", "PAYRUN", "JOB01234", 102, "PAYUSER", tkid=17)
SENT = MailEnded(
    FILE, 3, Envelope("mvsa", "a@example.org", ("b@example.net",)), 1024, (Outcome(Verdict.DELIVERED, "250 ok", "192.0.2.1"),)
)
FAILED = MailEnded(
    FILE, 4, Envelope("mvsa", "a@example.org", ("b@example.net",)), 1024, (Outcome(Verdict.UNDELIVERABLE, "550 no", "192.0.2.1"),)
)
DOWN = TargetDown("192.0.2.25", 25, "connection refused", 120)
DEBUG = Debug("engine", "text")
COMMAND = DeckCommand(FILE, 7, "HELO mvsa", "250 ok")
SPOKEN = Dialogue("2001:db8::1", 25, Direction.SENT, "QUIT")


class FixedClock:
    def wall(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def said(text: str) -> Entry:
    return Entry(DEBUG, wording.tell(DEBUG, wording.message_of(DEBUG)), NOW, lambda entry, time: text)


class Paper:
    """A channel in memory that can be told to fail."""

    name = "paper"

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.broken = False

    def write(self, entry: Entry) -> None:
        self.reopen()
        self.lines.append(entry.line)

    def reopen(self) -> None:
        if self.broken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @property
    def ids(self) -> list[str]:
        return [line.split()[1] for line in self.lines]


def make(level: int = 7, ready: bool = True) -> tuple[Bus, Log, Paper, io.StringIO]:
    bus, paper, stderr = Bus(), Paper(), io.StringIO()
    log = Log(paper, FixedClock(), level, rewire=bus.rewire, stderr=stderr)
    bus.subscribe(log)
    if ready:
        bus.publish(GatewayReady(1))
        paper.lines.clear()
    return bus, log, paper, stderr


def test_one_line_has_time_id_task_job_mail_target_text() -> None:
    bus, _, paper, _ = make(level=15)
    bus.publish(SENT)
    bus.publish(DOWN)
    assert paper.lines == [
        "2026-01-31T23:59:59.123-05:00 BMG0401I 17 PAYRUN/JOB01234 3 192.0.2.1 "
        "sent from <a@example.org>, recipients 1, size 1024, tries 1: 250 ok",
        "2026-01-31T23:59:59.123-05:00 BMG0602W - - - 192.0.2.25:25 "
        "target server 192.0.2.25 port 25 cannot be used, next try in 120 seconds: connection refused",
    ]


def test_ipv6_target_is_bracketed_in_its_column() -> None:
    bus, _, paper, _ = make(level=32)
    bus.publish(SPOKEN)
    assert paper.lines[0].endswith(" BMG0609I - - - [2001:db8::1]:25 > QUIT")


def test_log_level_is_127_until_initialisation_is_complete() -> None:
    bus, log, paper, _ = make(level=7, ready=False)
    assert log.level == INITIAL_LEVEL == 127
    for event in (DEBUG, COMMAND, SPOKEN):
        bus.publish(event)
    assert paper.ids == ["BMG0901I", "BMG0301I", "BMG0609I"]
    bus.publish(GatewayReady(1))
    assert log.level == 7
    for event in (DEBUG, COMMAND, SPOKEN, SENT):
        bus.publish(event)
    assert paper.ids[3:] == ["BMG0002I"]


def test_a_level_set_during_initialisation_waits_for_its_end() -> None:
    bus, log, _, _ = make(level=7, ready=False)
    log.set_level(0)
    assert log.level == 127
    bus.publish(GatewayReady(1))
    assert log.level == 0


def test_log_level_0_takes_over_even_if_ready_itself_is_no_longer_logged() -> None:
    bus, log, paper, _ = make(level=0)
    bus.publish(InternalError("x", "y"))
    assert (log.level, paper.lines) == (0, [])


@pytest.mark.parametrize(
    ("level", "ids"),
    [
        (1, ["BMG0902E"]),
        (2, ["BMG0602W", "BMG0403W"]),
        (8, ["BMG0401I"]),
        (16, ["BMG0301I"]),
        (32, ["BMG0609I"]),
        (64, ["BMG0901I"]),
        (128, []),
    ],
)
def test_each_bit_of_log_level_lets_its_own_messages_through(level: int, ids: list[str]) -> None:
    bus, _, paper, _ = make(level)
    for event in (InternalError("x", "y"), DOWN, SENT, FAILED, COMMAND, SPOKEN, DEBUG):
        bus.publish(event)
    assert paper.ids == ids


def test_raising_the_level_while_running_reaches_the_bus() -> None:
    bus, log, paper, _ = make(level=7)
    bus.publish(DEBUG)
    log.set_level(71)
    bus.publish(DEBUG)
    assert paper.ids == ["BMG0901I"]


def test_nothing_in_a_deck_can_forge_a_line() -> None:
    bus, _, paper, _ = make(level=7)
    forged = "X\r\n2026-01-31T23:59:59.123-05:00 BMG0902E - - - lies\x1b[2J\u2028\u202e\x85"
    bus.publish(SpoolFault(FILE, Fault(FaultKind.SYNTAX, 7, 1, forged, "500 5.5.1 JES Unknown command, 'X'", True)))
    bus.publish(SpoolFault(SpoolFile("f", jobname="A B\nC", jobid=""), Fault(FaultKind.SYNTAX, 7, 0, "", "501", True)))
    assert len(paper.lines) == 2
    assert all(line.isprintable() for line in paper.lines)
    assert "X\\x0d\\x0a2026" in paper.lines[0]
    assert paper.lines[1].split(" ")[1:6] == ["BMG0302W", "-", "A\\x20B\\x0aC/-", "-", "-"]


def test_a_failing_log_is_told_once_and_once_more_when_it_works_again() -> None:
    bus, _, paper, stderr = make()
    paper.broken = True
    for _ in range(3):
        bus.publish(DOWN)
    assert stderr.getvalue() == f"BMG0904E the log paper cannot be written: {os.strerror(errno.ENOSPC)}; mail goes on\n"
    paper.broken = False
    bus.publish(DOWN)
    bus.publish(DOWN)
    assert stderr.getvalue().splitlines()[1:] == ["BMG0905I the log paper is written again, lines lost: 3"]
    assert len(paper.lines) == 2
    assert bus.wanted(TargetDown)


def test_a_log_that_cannot_be_reopened_is_told_and_raises_nothing() -> None:
    _, log, paper, stderr = make()
    paper.broken = True
    log.reopen()
    assert "BMG0904E" in stderr.getvalue()


def test_file_is_appended_to_and_made_private_to_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for text in ("one", "zwei ü €"):
        channel = FileChannel(path)
        channel.write(said(text))
        channel.close()
        channel.close()
    assert path.read_text(encoding="utf-8") == "one\nzwei ü €\n"
    assert path.stat().st_mode & 0o027 == 0


def test_reopen_goes_on_in_a_new_file_after_rotation(tmp_path: Path) -> None:
    path = tmp_path / "log"
    channel = FileChannel(path)
    channel.write(said("old"))
    path.rename(tmp_path / "log.1")
    channel.write(said("still old"))
    channel.reopen()
    channel.write(said("new"))
    channel.close()
    assert (tmp_path / "log.1").read_text() == "old\nstill old\n"
    assert path.read_text() == "new\n"


def test_a_line_cut_by_a_full_disk_does_not_swallow_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, whole = tmp_path / "log", os.write
    channel = FileChannel(path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:2]))
        with pytest.raises(OSError, match="No space"):
            channel.write(said("first"))
    channel.write(said("second"))
    channel.close()
    assert path.read_text() == "fi\nsecond\n"


def test_log_file_in_a_missing_directory_stops_nothing(tmp_path: Path) -> None:
    stderr = io.StringIO()
    bus, log = observers(str(tmp_path / "none" / "log"), 7, FixedClock(), stderr)
    bus.publish(DEBUG)
    (tmp_path / "none").mkdir()
    bus.publish(DEBUG)
    log.reopen()
    assert [line.split()[0] for line in stderr.getvalue().splitlines()] == ["BMG0904E", "BMG0905I"]
    assert len((tmp_path / "none" / "log").read_text().splitlines()) == 1


def test_lines_of_several_threads_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "log"
    bus, log = observers(str(path), 127, FixedClock(), io.StringIO())

    def work(name: str) -> None:
        for _ in range(50):
            bus.publish(Debug(name, name * 200))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.reopen()
    texts = [line.rsplit(" ", 1)[1] for line in path.read_text().splitlines()]
    assert sorted(texts) == sorted(name * 200 for name in "abcd" for _ in range(50))


def test_without_a_log_file_log_and_console_do_not_say_the_same_twice() -> None:
    stderr = io.StringIO()
    bus, log = observers("", 7, FixedClock(), stderr)
    bus.publish(DOWN)
    log.reopen()
    assert stderr.getvalue().count("BMG0602W") == 1


def test_with_a_log_file_the_console_gets_its_messages(tmp_path: Path) -> None:
    stderr = io.StringIO()
    bus, log = observers(str(tmp_path / "log"), 0, FixedClock(), stderr)
    ready: Event = GatewayReady(2)
    for event in (ready, DOWN, SENT):
        bus.publish(event)
    log.reopen()
    assert stderr.getvalue().splitlines() == [
        "BMG0002I initialization is complete, target servers: 2",
        "BMG0602W target server 192.0.2.25 port 25 cannot be used, next try in 120 seconds: connection refused",
    ]


def test_stream_channel_survives_a_closed_stream() -> None:
    stream = io.StringIO()
    channel = StreamChannel(stream)
    channel.write(said("text"))
    assert stream.getvalue() == "text\n"
    stream.close()
    channel.write(said("text"))
    channel.reopen()
    assert channel.name == "standard error"


def test_a_log_below_information_is_not_asked_to_look_at_mails_that_went_well() -> None:
    bus, stream = Bus(), io.StringIO()
    log = Log(StreamChannel(stream), SystemClock(), 7, rewire=bus.rewire, stderr=stream)
    bus.subscribe(log)
    bus.publish(GatewayReady(1))
    assert not log.wants(MailEnded, "sent")
    bus.publish(SENT)
    bus.publish(FAILED)
    assert [line.split()[4] for line in stream.getvalue().splitlines()[1:]] == ["4"]
    log.set_level(15)
    bus.publish(SENT)
    assert stream.getvalue().count(" 3 192.0.2.1 sent ") == 1
