"""The copying loop: selection, holding, SPIN=NO, failing spools, return codes (ezbmcopy.md 2.2, 7)."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from cssmtp.errors import SpoolError
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.disk import Disk
from cssmtp.spool.store import SelectedBy
from ezbmcopy.duplicate import LONGEST_PAUSE, Copier, run
from ezbmcopy.plan import Identity, Plan, plan_of_options
from ezbmcopy.report import Report
from tests.spoolkit import StoppedClock, drop, plain


class Full(Disk):
    """A disk that is full while `full` is true."""

    full = False

    def write(self, path: Path, chunks: Iterable[bytes]) -> int:
        if self.full:
            raise SpoolError(f"{path.name}: {os.strerror(errno.ENOSPC)}; make room")
        return super().write(path, chunks)


class Bench:
    """A spool, a plan and a copier whose waiting is counted instead of done."""

    def __init__(self, root: Path, plan: Plan, **options: Any) -> None:
        self.root = root
        self.clock = StoppedClock()
        self.disk = Full()
        self.spool = DirectorySpool(root, clock=self.clock, node="NODE1", settle_seconds=2.0, disk=self.disk)
        self.spool.initialise("SMTPD")
        self.text = io.StringIO()
        self.pauses: list[float] = []
        self.at_pause: Callable[[int], None] = lambda number: None
        self.stopped = False
        report = Report(self.text, self.clock)
        self.copier = Copier(self.spool, plan, report, stopping=lambda: self.stopped, **options)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.forward(seconds)
        self.at_pause(len(self.pauses))

    def run(self, until_idle: bool = True) -> int:
        return run(self.copier, until_idle=until_idle, pause=self.pause)

    def found(self, state: str = "ready") -> list[tuple[str, str]]:
        return sorted((entry.attributes.writer, entry.attributes.jobname) for entry in self.spool.entries(state))

    @property
    def lines(self) -> list[str]:
        return self.text.getvalue().splitlines()


def plan(*outs: str) -> Plan:
    made, problems = plan_of_options("SMTPD", list(outs or ("SMTPD1", "CSSMTP")))
    assert made is not None, problems
    return made


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, plan())


def test_a_copy_for_a_destination_is_work_of_the_destination_pool(tmp_path: Path) -> None:
    bench = Bench(tmp_path, plan("SMTPD1", "DEST=N2.NEWMAIL"))
    bench.spool.create(plain(writer="SMTPD", jobname="A"), [b"a"])
    assert bench.run() == 0
    assert [entry.attributes.jobname for entry in bench.spool.select("NEWMAIL", by=SelectedBy.DEST)] == ["A"]
    assert bench.spool.select("NEWMAIL", by=SelectedBy.WRITER) == []
    assert [entry.attributes.jobname for entry in bench.spool.select("SMTPD1", by=SelectedBy.WRITER)] == ["A"]


def test_files_of_the_writer_or_the_destination_are_copied_and_others_are_not(bench: Bench) -> None:
    bench.spool.create(plain(writer="SMTPD", jobname="A"), [b"a"])
    bench.spool.create(plain(writer="OTHER", dest_user="SMTPD", jobname="B"), [b"b"])
    bench.spool.create(plain(writer="OTHER", jobname="C"), [b"c"])
    bench.spool.create(plain(writer="SMTPD", jobname="D", sysout_class="Z", forms="X", dest_node="N9", dest_user="U"), [b"d"])
    assert bench.run() == 0
    assert bench.found() == [
        ("CSSMTP", "A"), ("CSSMTP", "B"), ("CSSMTP", "D"), ("OTHER", "C"), ("SMTPD1", "A"), ("SMTPD1", "B"), ("SMTPD1", "D"),
    ]  # fmt: skip
    assert bench.lines[-1] == (
        "EZBMCOPY ended: 3 files in 6 copies, 3 bytes; 0 held, 0 not taken, 0 failures of the spool; return code 0"
    )


@pytest.mark.parametrize("attributes", [{"hold": "user"}, {"hold": "system"}, {"outdisp": "HOLD"}, {"outdisp": "LEAVE"}])
def test_held_files_are_untouched(bench: Bench, attributes: dict[str, str]) -> None:
    bench.spool.create(plain(writer="SMTPD", **attributes), [b"a"])
    assert bench.run() == 0
    assert bench.found("held") == [("SMTPD", "JOB1")]
    assert bench.found() == []


def test_higher_priority_and_then_age_go_first(bench: Bench) -> None:
    for name, priority in (("OLD", 5), ("HIGH", 9), ("YOUNG", 5)):
        bench.spool.create(plain(writer="SMTPD", jobname=name, priority=priority), [b"a"])
        bench.clock.forward(1)
    bench.run()
    assert [line.split()[2] for line in bench.lines if " copied " in line] == ["HIGH", "OLD", "YOUNG"]


def test_drop_zone_is_read_and_until_idle_waits_for_what_is_settling(bench: Bench) -> None:
    drop(bench.root, "x", b"HELO mvsa\n", writer="SMTPD")
    os.utime(bench.root / "drop" / "SMTPD" / "x", (bench.clock.now.timestamp(),) * 2)
    assert bench.run() == 0
    assert bench.pauses == [1.0, 1.0]
    assert bench.found() == [("CSSMTP", "X"), ("SMTPD1", "X")]


def test_what_the_drop_zone_refuses_is_reported_with_return_code_4(bench: Bench) -> None:
    drop(bench.root, "x", b"HELO mvsa\n", sidecar=b"{", writer="SMTPD")
    os.utime(bench.root / "drop" / "SMTPD" / "x", (0, 0))
    os.utime(bench.root / "drop" / "SMTPD" / "x.json", (0, 0))
    assert bench.run() == 4
    assert any("not taken SMTPD/x: " in line and "it is not JSON" in line for line in bench.lines)


def test_a_file_whose_data_is_gone_is_held_with_return_code_4_and_the_others_go_on(bench: Bench) -> None:
    broken = bench.spool.create(plain(writer="SMTPD", jobname="BROKEN"), [b"a"])
    bench.spool.create(plain(writer="SMTPD", jobname="GOOD"), [b"b"])
    (broken.path / "data").unlink()
    assert bench.run() == 4
    (held,) = bench.spool.entries("held")
    assert held.attributes.hold == "system"
    assert held.attributes.hold_reason == (
        "EZBMCOPY could not copy it: data of the spool file cannot be read: No such file or directory;"
        " look at it, then release or purge it"
    )
    assert bench.found() == [("CSSMTP", "GOOD"), ("SMTPD1", "GOOD")]
    assert any(" held      BROKEN " in line for line in bench.lines)


def test_full_spool_ends_a_single_pass_with_return_code_12_and_the_file_stays(bench: Bench) -> None:
    bench.spool.create(plain(writer="SMTPD"), [b"a"])
    bench.disk.full = True
    assert bench.run() == 12
    assert bench.found() == [("SMTPD", "JOB1")]
    assert bench.lines[0].endswith("attrs.json: No space left on device; make room")
    assert os.listdir(bench.root / "tmp") == []


def test_daemon_waits_longer_and_longer_for_a_full_spool_tells_it_once_and_goes_on(bench: Bench) -> None:
    bench.spool.create(plain(writer="SMTPD"), [b"a"])
    bench.disk.full = True

    def later(number: int) -> None:
        bench.disk.full = number < 9
        bench.stopped = number == 10

    bench.at_pause = later
    assert bench.run(until_idle=False) == 4
    assert bench.pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE, 1]
    assert sum("No space left" in line for line in bench.lines) == 1
    assert bench.found() == [("CSSMTP", "JOB1"), ("SMTPD1", "JOB1")]


def test_stop_ends_after_the_file_in_work(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A", "B", "C"):
        bench.spool.create(plain(writer="SMTPD", jobname=name), [b"a"])
    copied = bench.copier.report.copied

    def stop_now(*words: Any, **more: Any) -> None:
        copied(*words, **more)
        bench.stopped = True

    monkeypatch.setattr(bench.copier.report, "copied", stop_now)
    assert bench.run(until_idle=False) == 0
    assert bench.found() == [("CSSMTP", "A"), ("SMTPD", "B"), ("SMTPD", "C"), ("SMTPD1", "A")]


def test_daemon_looks_again_until_it_is_stopped(bench: Bench) -> None:
    def later(number: int) -> None:
        bench.stopped = number == 3
        if number == 2:
            bench.spool.create(plain(writer="SMTPD"), [b"a"])

    bench.at_pause = later
    assert bench.run(until_idle=False) == 0
    assert bench.found() == [("CSSMTP", "JOB1"), ("SMTPD1", "JOB1")]


def test_spin_no_keeps_the_copies_back_until_the_end(tmp_path: Path) -> None:
    made = plan()
    bench = Bench(tmp_path, Plan(made.source, made.copies, at_end=True))
    bench.spool.create(plain(writer="SMTPD"), [b"a"])

    def later(number: int) -> None:
        assert bench.found() == []
        bench.stopped = True

    bench.at_pause = later
    assert bench.run(until_idle=False) == 0
    assert bench.pauses == [1.0]
    assert bench.found() == [("CSSMTP", "JOB1"), ("SMTPD1", "JOB1")]


def test_outdisp_purge_makes_no_copy(tmp_path: Path) -> None:
    bench = Bench(tmp_path, plan("SMTPD1", "CSSMTP,OUTDISP=PURGE"))
    bench.spool.create(plain(writer="SMTPD"), [b"a"])
    assert bench.run() == 0
    assert bench.found() == [("SMTPD1", "JOB1")]


def test_one_output_statement_makes_one_copy(tmp_path: Path) -> None:
    bench = Bench(tmp_path, plan("SMTPD1"))
    bench.spool.create(plain(writer="SMTPD"), [b"a"])
    assert bench.run() == 0
    assert bench.found() == [("SMTPD1", "JOB1")]


def test_the_original_goes_also_when_its_disposition_is_keep_and_its_copies_keep(bench: Bench) -> None:
    bench.spool.create(plain(writer="SMTPD", outdisp="KEEP"), [b"a"])
    assert bench.run() == 0
    assert bench.spool.counts()["done"] == 0
    assert [entry.attributes.outdisp for entry in bench.spool.entries("ready")] == ["KEEP", "KEEP"]


def test_own_identity_is_asked_for_each_file(tmp_path: Path) -> None:
    numbers = iter((101, 102))
    bench = Bench(tmp_path, plan(), identity=lambda: Identity("EZBMCOPY", "STC00001", "OPS", "STEP", next(numbers)))
    for name in ("A", "B"):
        bench.spool.create(plain(writer="SMTPD", jobname=name), [b"a"])
    assert bench.run() == 0
    found = sorted(
        (entry.attributes.dsid, entry.attributes.jobname, entry.attributes.owner) for entry in bench.spool.entries("ready")
    )
    assert found == [(101, "EZBMCOPY", "OPS")] * 2 + [(102, "EZBMCOPY", "OPS")] * 2


def test_a_file_begun_before_is_finished_and_reported_as_such(bench: Bench, tmp_path: Path) -> None:
    bench.spool.create(plain(writer="SMTPD"), [b"a"])

    class Stop(Exception):
        pass

    def publishing_is_interrupted(*_: Any) -> Any:
        raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ezbmcopy.duplicate.publish", publishing_is_interrupted)
        with pytest.raises(Stop):
            bench.run()
    bench.spool.close()
    again = Bench(tmp_path, plan("ELSEWHER"))
    assert again.run() == 0
    assert again.found() == [("CSSMTP", "JOB1"), ("SMTPD1", "JOB1")], "as it was begun, not as the new plan says"
    assert "1 bytes: 2 copies were left to make of what was begun before" in again.lines[0]


def test_crashes_of_the_copier_never_hold_a_file(tmp_path: Path) -> None:
    Bench(tmp_path, plan()).spool.create(plain(writer="SMTPD"), [b"a"])
    for _ in range(5):
        bench = Bench(tmp_path, plan())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ezbmcopy.duplicate.publish", lambda claim: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                bench.run()
        bench.spool.close()
    last = Bench(tmp_path, plan())
    assert last.run() == 0
    assert last.found() == [("CSSMTP", "JOB1"), ("SMTPD1", "JOB1")]


def test_the_purge_that_fails_after_it_was_done_is_not_done_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.spool.create(plain(writer="SMTPD"), [b"a"])
    sync_path = bench.disk.sync_path
    failures = iter([True])

    def failing(path: Path) -> None:
        if path.name == "busy" and next(failures, False):
            raise SpoolError("busy: Input/output error")
        sync_path(path)

    monkeypatch.setattr(bench.disk, "sync_path", failing)
    bench.at_pause = lambda number: setattr(bench, "stopped", number == 2)
    assert bench.run(until_idle=False) == 4
    assert bench.found() == [("CSSMTP", "JOB1"), ("SMTPD1", "JOB1")]
    assert bench.spool.counts() == {"ready": 2, "held": 0, "busy": 0, "done": 0, "bad": 0}


def test_a_report_that_nobody_reads_does_not_stop_the_copying(tmp_path: Path) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    bench = Bench(tmp_path, plan())
    bench.copier.report = Report(Closed(), bench.clock)
    bench.spool.create(plain(writer="SMTPD"), [b"a"])
    assert bench.run() == 0
    assert len(bench.found()) == 2
