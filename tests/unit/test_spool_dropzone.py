"""The drop zone (jes-spool.md 11, rules 5 to 7)."""

from __future__ import annotations

import json
import os
import pwd
from datetime import timedelta
from pathlib import Path

import pytest

from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.store import Admission
from tests.spoolkit import StoppedClock, drop, make_spool

ME = pwd.getpwuid(os.geteuid()).pw_name.upper()


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def spool(tmp_path: Path, clock: StoppedClock) -> DirectorySpool:
    return make_spool(tmp_path, clock)


def one(admissions: list[Admission]) -> Admission:
    assert len(admissions) == 1
    return admissions[0]


def refused(spool: DirectorySpool) -> str:
    """The reason of the only file in `bad`; the problem of its admission says the same, without the name of the file."""
    admission = one(spool.admit())
    (entry,) = spool.entries("bad")
    lines = (entry.path / "reason").read_text().splitlines()
    assert all(line.startswith(f"{admission.name}: ") for line in lines)
    assert admission.problem == "; ".join(line.removeprefix(f"{admission.name}: ") for line in lines)
    return admission.problem


def test_data_without_sidecar_is_admitted_with_defaults(spool: DirectorySpool, tmp_path: Path) -> None:
    path = drop(tmp_path, "nightly run.txt", b"HELO a\n")
    os.utime(path, (1_760_000_000, 1_760_000_000))
    admission = one(spool.admit())
    assert (admission.name, admission.problem) == ("CSSMTP/nightly run.txt", "")
    (entry,) = spool.select("CSSMTP")
    a = entry.attributes
    assert entry.id == admission.id
    assert (a.jobname, a.jobid, a.owner, a.writer, a.bytes, a.origin_node) == ("NIGHTLYR", "J9000001", ME, "CSSMTP", 7, "NODE1")
    assert a.created == "2025-10-09T08:53:20+00:00"
    assert os.listdir(path.parent) == []
    assert (entry.path / "data").read_bytes() == b"HELO a\n"


def test_a_sidecar_gives_attributes_and_goes_along(spool: DirectorySpool, tmp_path: Path) -> None:
    sidecar = b'{"priority": 200, "jobname": "payroll", "jobid": "JOB00042", "outdisp": "KEEP", "color": "red"}'
    path = drop(tmp_path, "x", b"HELO a\n", sidecar)
    assert one(spool.admit()).problem == ""
    (entry,) = spool.select("CSSMTP")
    a = entry.attributes
    assert (a.priority, a.jobname, a.jobid, a.outdisp, a.extra["color"]) == (200, "PAYROLL", "JOB00042", "KEEP", "red")
    assert entry.path.parent.name == "055"
    assert (entry.path / "sidecar.json").read_bytes() == sidecar
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize("outdisp", ["HOLD", "LEAVE"])
def test_what_is_dropped_with_a_hold_disposition_is_held(spool: DirectorySpool, tmp_path: Path, outdisp: str) -> None:
    drop(tmp_path, "x", sidecar=json.dumps({"outdisp": outdisp}).encode())
    one(spool.admit())
    assert spool.counts()["held"] == 1


def test_what_is_dropped_with_purge_is_deleted_without_processing(spool: DirectorySpool, tmp_path: Path) -> None:
    drop(tmp_path, "x", sidecar=b'{"outdisp": "PURGE"}')
    assert one(spool.admit()).problem == ""
    assert sum(spool.counts().values()) == 0


@pytest.mark.parametrize("name", [".hidden", "x.tmp", ".x.json"])
def test_names_that_are_not_finished_are_ignored(spool: DirectorySpool, tmp_path: Path, name: str) -> None:
    drop(tmp_path, name)
    assert spool.admit() == []


@pytest.mark.parametrize("name", [b"\xff\xfe\n", "Grüße %41".encode(), b"-rf", b"a;b|c"])
def test_file_names_may_hold_any_bytes(spool: DirectorySpool, tmp_path: Path, name: bytes) -> None:
    drop(tmp_path, name)
    admission = one(spool.admit())
    assert admission.problem == ""
    assert admission.name.isascii()
    assert admission.name.isprintable()
    assert len(spool.select("CSSMTP")) == 1


def test_a_file_counts_as_complete_when_it_has_not_changed_for_some_seconds(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock, settle_seconds=2.0)
    path = drop(tmp_path, "x", b"HEL")
    future = clock.now.timestamp() + 1000
    os.utime(path, (future, future))
    assert spool.admit() == []
    clock.forward(1.5)
    path.write_bytes(b"HELO a\n")
    os.utime(path, (future, future))
    assert spool.admit() == []
    clock.forward(1.5)
    assert spool.admit() == []
    clock.forward(0.5)
    assert one(spool.admit()).problem == ""


def test_a_file_known_to_be_renamed_into_place_is_taken_at_once(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock, settle_seconds=2.0)
    drop(tmp_path, "renamed")
    drop(tmp_path, "growing")
    taken = [each.name for each in spool.admit(None, frozenset({"renamed"}))]
    assert [name.rpartition("/")[2] for name in taken] == ["renamed"]
    assert spool.settling()


def test_a_file_with_an_old_date_is_complete_at_once(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock, settle_seconds=2.0)
    path = drop(tmp_path, "x")
    os.utime(path, (clock.now.timestamp() - 2, clock.now.timestamp() - 2))
    assert one(spool.admit()).problem == ""


def test_waiting_of_one_writer_is_not_forgotten_when_another_is_scanned(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock, settle_seconds=2.0)
    spool.initialise("OTHER")
    path = drop(tmp_path, "x")
    future = clock.now.timestamp() + 1000
    os.utime(path, (future, future))
    assert spool.admit() == []
    clock.forward(2)
    assert spool.admit("OTHER") == []
    assert one(spool.admit("cssmtp")).problem == ""


def test_bytes_of_the_sidecar_prove_a_file_complete_at_once(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock, settle_seconds=2.0)
    clock.now -= timedelta(days=4000)
    drop(tmp_path, "x", b"1234567", b'{"bytes": 7}')
    drop(tmp_path, "y", b"1234567", b'{"bytes": 8}')
    assert one(spool.admit()).name == "CSSMTP/x"
    clock.forward(2)
    assert 'key "bytes" says 8, the file has 7; write the right number' in one(spool.admit()).problem


def test_a_sidecar_with_wrong_bytes_makes_the_file_bad(spool: DirectorySpool, tmp_path: Path) -> None:
    drop(tmp_path, "x", b"1234567", b'{"bytes": 8}')
    assert refused(spool).startswith('sidecar: key "bytes" says 8, the file has 7')
    (entry,) = spool.entries("bad")
    assert (entry.path / "data").read_bytes() == b"1234567"


@pytest.mark.parametrize(
    ("sidecar", "words"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'{"writer": "A", "class": "B", "writer": "C"}', 'key "writer" stands there twice'),
        (b'{"priority": "high"}', 'key "priority" has the value "high"; write a number from 0 to 255, or leave the key out'),
        (b" " * 70_000 + b"{}", "larger than 65536 bytes"),
        (b'{"writer": "INTRDR"}', 'key "writer" has the value "INTRDR"'),
    ],
)
def test_a_sidecar_that_is_wrong_makes_the_file_bad_with_file_key_and_remedy(
    spool: DirectorySpool, tmp_path: Path, sidecar: bytes, words: str
) -> None:
    drop(tmp_path, "x", b"HELO \xff\n", sidecar)
    assert words in refused(spool)


def test_all_problems_of_a_sidecar_are_told(spool: DirectorySpool, tmp_path: Path) -> None:
    drop(tmp_path, "x", sidecar=b'{"priority": -1, "copies": 0, "dest": "N.U"}')
    assert refused(spool).count("or leave the key out") == 3


def test_a_byte_order_mark_before_a_sidecar_does_no_harm(spool: DirectorySpool, tmp_path: Path) -> None:
    drop(tmp_path, "x", sidecar=b'\xef\xbb\xbf{"class": "B"}')
    assert one(spool.admit()).problem == ""
    assert [entry.attributes.sysout_class for entry in spool.entries("ready")] == ["B"]


def test_a_sidecar_without_data_waits_and_is_told_once(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock, settle_seconds=5.0)
    path = drop(tmp_path, "x.json", b"{}")
    now = clock.now.timestamp()
    os.utime(path, (now, now))
    assert spool.admit() == []
    clock.forward(5)
    assert one(spool.admit()) == Admission(
        "", "CSSMTP/x.json", "is a sidecar without its data file; add the file or remove the sidecar"
    )
    assert spool.admit() == []
    drop(tmp_path, "x")
    clock.now += timedelta(days=4000)
    assert one(spool.admit()).name == "CSSMTP/x"


def special(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "drop" / "CSSMTP" / "x"
    match kind:
        case "link":
            (tmp_path / "secret").write_bytes(b"HELO secret\n")
            path.symlink_to(tmp_path / "secret")
        case "dangling":
            path.symlink_to(tmp_path / "nowhere")
        case "fifo":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "hard-link":
            (tmp_path / "secret").write_bytes(b"HELO secret\n")
            os.link(tmp_path / "secret", path)
    return path


@pytest.mark.parametrize("kind", ["link", "dangling", "fifo", "directory", "hard-link"])
def test_what_is_no_plain_file_is_never_followed_and_told_once(spool: DirectorySpool, tmp_path: Path, kind: str) -> None:
    path = special(tmp_path, kind)
    drop(tmp_path, "good")
    admissions = spool.admit()
    assert {(each.name, bool(each.problem)) for each in admissions} == {("CSSMTP/x", True), ("CSSMTP/good", False)}
    assert spool.admit() == []
    assert os.path.lexists(path)


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_a_sidecar_that_is_no_plain_file_is_never_followed(spool: DirectorySpool, tmp_path: Path, kind: str) -> None:
    special(tmp_path, kind).rename(tmp_path / "drop" / "CSSMTP" / "data.json")
    drop(tmp_path, "data")
    assert "cannot be read as a plain file" in one(spool.admit()).problem
    assert spool.admit() == []


@pytest.mark.parametrize(
    ("name", "words"), [("TOOLONGNAME", "is no writer name"), ("NJERDR", "reserved by JES"), ("a b", "is no writer name")]
)
def test_directories_with_no_writers_name_are_told_once(spool: DirectorySpool, tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "drop" / name).mkdir()
    drop(tmp_path, "x", writer=name)
    assert words in one(spool.admit()).problem
    assert spool.admit() == []


def test_a_drop_directory_in_lower_case_is_the_writers(spool: DirectorySpool, tmp_path: Path) -> None:
    (tmp_path / "drop" / "mail2").mkdir()
    drop(tmp_path, "x", writer="mail2")
    assert one(spool.admit("MAIL2")).name == "mail2/x"
    assert len(spool.select("MAIL2")) == 1


def test_a_file_or_link_in_place_of_a_drop_directory_is_told(spool: DirectorySpool, tmp_path: Path) -> None:
    (tmp_path / "drop" / "FILE").write_bytes(b"")
    (tmp_path / "drop" / "LINK").symlink_to(tmp_path / "drop" / "CSSMTP")
    drop(tmp_path, "x")
    assert sorted((each.name, each.problem[:15]) for each in spool.admit()) == [
        ("CSSMTP/x", ""),
        ("drop/FILE", "is no directory"),
        ("drop/LINK", "is no directory"),
    ]


def test_files_are_admitted_oldest_first(spool: DirectorySpool, tmp_path: Path) -> None:
    for age, name in enumerate(["c", "a", "b"]):
        os.utime(drop(tmp_path, name), (1000 + age, 1000 + age))
    assert [each.name[-1] for each in spool.admit()] == ["c", "a", "b"]


def test_a_trusted_submitter_may_name_another_owner(spool: DirectorySpool, tmp_path: Path) -> None:
    drop(tmp_path, "x", sidecar=b'{"owner": "PAYROLL", "origin_node": "NODE9"}')
    assert one(spool.admit()).problem == ""
    (entry,) = spool.select("CSSMTP")
    assert (entry.attributes.owner, entry.attributes.origin_node) == ("PAYROLL", "NODE9")


@pytest.mark.parametrize("sidecar", [{"owner": "PAYROLL"}, {"origin_node": "NODE9"}])
def test_nobody_else_may_say_to_be_somebody_else(
    spool: DirectorySpool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sidecar: dict[str, str]
) -> None:
    lstat = os.lstat

    def belongs_to_nobody(path: Path) -> os.stat_result:
        status = lstat(path)
        return os.stat_result((*status[:4], 65534, *status[5:]), {"st_mtime_ns": status.st_mtime_ns, "st_mtime": status.st_mtime})

    drop(tmp_path, "x", sidecar=json.dumps(sidecar).encode())
    monkeypatch.setattr(os, "lstat", belongs_to_nobody)
    assert 'key "owner" or "origin_node" is not NOBODY and NODE1: the file belongs to NOBODY' in refused(spool)


def test_an_empty_file_is_admitted(spool: DirectorySpool, tmp_path: Path) -> None:
    drop(tmp_path, "x", b"")
    assert one(spool.admit()).problem == ""


def test_with_a_limit_the_next_call_goes_on_where_the_last_one_stopped(spool: DirectorySpool, tmp_path: Path) -> None:
    for number in range(5):
        os.utime(drop(tmp_path, f"job{number}", b"HELO a\n"), (1_760_000_000 + number, 1_760_000_000 + number))
    (tmp_path / "drop" / "CSSMTP" / "linked").symlink_to("job1")
    names = []
    for more in (True, True, False):
        admissions = spool.admit(None, frozenset(), 2)
        assert (spool.more(), spool.settling()) == (more, more)
        names.append([each.name for each in admissions])
    assert names == [["CSSMTP/job0", "CSSMTP/job1"], ["CSSMTP/job2", "CSSMTP/job3"], ["CSSMTP/job4", "CSSMTP/linked"]]
    assert spool.admit(None, frozenset(), 2) == []


def test_a_file_that_goes_away_or_changes_between_two_calls_with_a_limit_is_seen_as_it_is(
    spool: DirectorySpool, tmp_path: Path
) -> None:
    paths = [drop(tmp_path, f"job{number}", b"HELO a\n") for number in range(4)]
    for number, path in enumerate(paths):
        os.utime(path, (1_760_000_000 + number, 1_760_000_000 + number))
    spool.admit(None, frozenset(), 1)
    paths[1].unlink()
    paths[2].write_bytes(b"HELO another\n")
    os.utime(paths[2], (1_760_000_000, 1_760_000_000))
    assert [(each.name, each.problem) for each in spool.admit()] == [("CSSMTP/job2", ""), ("CSSMTP/job3", "")]
    assert {entry.attributes.bytes for entry in spool.select("CSSMTP")} == {7, 13}
