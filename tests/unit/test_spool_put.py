"""`cssmtp spool put`: files, standard input, patterns and trees, and everything that is no file to take."""

from __future__ import annotations

import io
import json
import os
import pwd
import sys
from pathlib import Path

import pytest

from cssmtp.cli import main
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.disk import Disk, spool_error
from tests.spoolkit import StoppedClock, make_spool

DECK = b"HELO a\nQUIT\n"


class Bench:
    """A spool, a directory with files, and the command."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.spool: DirectorySpool = make_spool(root / "spool", StoppedClock())
        self.root = root
        self._capsys = capsys

    def file(self, name: str | bytes, data: bytes = DECK, sidecar: dict[str, object] | None = None) -> Path:
        path = self.root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if sidecar is not None:
            path.with_name(path.name + ".json").write_text(json.dumps(sidecar))
        return path

    def put(self, *words: object, writer: str = "CSSMTP") -> tuple[int, str, str]:
        chosen = ["--writer", writer] if writer else []
        status = main(["spool", "put", "--spool", str(self.root / "spool"), *chosen, *map(str, words)])
        return status, *self._capsys.readouterr()

    def entries(self) -> list[Attributes]:
        return [entry.attributes for entry in self.spool.entries()]

    def one(self) -> Attributes:
        (attributes,) = self.entries()
        return attributes


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, capsys)


def test_a_file_is_put_in_and_stays_where_it_is(bench: Bench) -> None:
    path = bench.file("payrun.deck")
    status, out, err = bench.put(path)
    assert (status, err) == (0, "")
    assert out.endswith(f"{path}: PAYRUN, 12 bytes, text lines ended by LF, ASCII, ready\n")
    (entry,) = bench.spool.entries()
    assert (entry.path / "data").read_bytes() == DECK == path.read_bytes()
    assert (entry.attributes.writer, entry.attributes.bytes, entry.state) == ("CSSMTP", 12, "ready")


def test_attributes_are_options(bench: Bench) -> None:
    words = "--jobname pay1 --jobid job00007 --priority 200 --class b --dest-node n1 --dest-user u1 --owner ann --stepname s"
    status, _, _ = bench.put(bench.file("x"), *words.split(), "--output", "NAME=Ann", "--output", "DEPT=9", "--dsid", "3")
    found = bench.one()
    assert status == 0
    assert (found.jobname, found.jobid, found.priority, found.sysout_class, found.dest_node, found.dest_user) == (
        "PAY1", "JOB00007", 200, "B", "N1", "U1",
    )  # fmt: skip
    assert (found.owner, found.stepname, found.output, found.dsid) == ("ann", "S", {"NAME": "Ann", "DEPT": "9"}, 3)


def test_a_sidecar_is_used_and_options_are_stronger(bench: Bench) -> None:
    path = bench.file("x", sidecar={"jobname": "FROMCAR", "priority": 7, "hold": "user", "writer": "OTHER"})
    assert bench.put(path, "--priority", 8)[0] == 0
    found = bench.one()
    assert (found.jobname, found.priority, found.hold, found.writer) == ("FROMCAR", 8, "user", "CSSMTP")


@pytest.mark.parametrize(
    ("sidecar", "what"),
    [
        ({"priority": "high"}, 'sidecar: key "priority"'),
        ({"bytes": 99}, 'sidecar: key "bytes" says 99'),
        ({"writer": "INTRDR"}, 'sidecar: key "writer"'),
        ({"framing": "rdw"}, "is no RDW"),
    ],
)
def test_sidecar_traps(bench: Bench, sidecar: dict[str, object], what: str) -> None:
    status, _, err = bench.put(bench.file("x", sidecar=sidecar))
    assert (status, bench.entries()) == (1, [])
    assert what in err


@pytest.mark.parametrize("writer", ["INTRDR", "STDWTR", "NJERDR", "stdwtr", "MUCHTOOLONG", "A/B"])
def test_writers_that_cannot_be(bench: Bench, writer: str) -> None:
    status, _, err = bench.put(bench.file("x"), writer=writer)
    assert (status, bench.entries()) == (2, [])
    assert 'attribute "writer"' in err


def test_a_writer_in_lower_case_is_folded(bench: Bench) -> None:
    assert bench.put(bench.file("x"), writer="mail1")[0] == 0
    assert bench.one().writer == "MAIL1"


def test_somebody_has_to_select_it(bench: Bench) -> None:
    status, _, err = bench.put(bench.file("x"), writer="")
    assert (status, bench.entries()) == (1, [])
    assert "give --writer or --dest-user" in err
    assert bench.put(bench.file("x"), "--dest-user", "U1", writer="")[0] == 0


def test_what_cannot_be_read_is_refused_and_the_rest_is_put(bench: Bench) -> None:
    bad, good = bench.file("bad", b"\x00\x05\x00\x00A\x00"), bench.file("good")
    status, _, err = bench.put(bad, good)
    assert status == 1
    assert f"cssmtp spool put: {bad}: no record format fits" in err
    assert bench.one().jobname == "GOOD"
    assert bench.put(bad, "--unchecked")[0] == 0
    assert len(bench.entries()) == 2


def test_standard_input(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(DECK)))
    assert bench.put("-", "--jobname", "PIPED")[0] == 0
    assert (bench.one().jobname, bench.one().bytes) == ("PIPED", 12)


def test_patterns_that_the_shell_has_left_alone(bench: Bench) -> None:
    for name in ("a1.deck", "a2.deck", "b.deck"):
        bench.file(name, sidecar={})
    assert bench.put(bench.root / "a*")[0] == 0
    assert sorted(found.jobname for found in bench.entries()) == ["A1", "A2"]
    status, _, err = bench.put(bench.root / "c*")
    assert status == 1
    assert "no such file, and no file fits it" in err


def test_a_tree_of_zowe(bench: Bench) -> None:
    bench.file("output/JOB00123/STEP1/SYSUT2.txt")
    bench.file("output/JOB00123/STEP1/SYSUT2(1).txt")
    bench.file("output/JOB00123/JES2/JESMSGLG.txt")
    status, _, err = bench.put(bench.root / "output", "--layout", "zowe")
    assert status == 1
    assert "JESMSGLG.txt: is a file of the job entry system itself" in err
    assert sorted((found.jobid, found.stepname, found.ddname, found.dsid) for found in bench.entries()) == [
        ("JOB00123", "STEP1", "SYSUT2", 1),
        ("JOB00123", "STEP1", "SYSUT2", 2),
    ]


@pytest.mark.parametrize("source", ["output/JOB00123", "output/JOB00123/STEP1/DD1.txt", "output/*/*/*.txt"])
def test_the_directory_of_a_job_or_one_of_its_files(bench: Bench, source: str) -> None:
    bench.file("output/JOB00123/STEP1/DD1.txt")
    assert bench.put(bench.root / source, "--layout", "zowe")[0] == 0
    assert (bench.one().jobid, bench.one().stepname, bench.one().ddname) == ("JOB00123", "STEP1", "DD1")


@pytest.mark.parametrize(
    ("layout", "name", "jobid"),
    [
        ("openframe", "JOB00042/MAIL", "JOB00042"),
        ("tuxjes", "00000123/MAIL", "J0000123"),
        ("microfocus", "Y2026.S1122.S080910.J0001234.D00007.MAIL", "J0001234"),
    ],
)
def test_trees_of_rehosting_products(bench: Bench, layout: str, name: str, jobid: str) -> None:
    bench.file(f"tree/{name}")
    assert bench.put(bench.root / "tree", "--layout", layout)[0] == 0
    assert (bench.one().jobid, bench.one().ddname) == (jobid, "MAIL")


def test_names_with_anything_in_them(bench: Bench) -> None:
    for name in (b"tree/new\nline", b"tree/.hidden", b"tree/\xff\xfe", b"tree/  "):
        bench.file(name)
    status, out, err = bench.put(bench.root / "tree")
    assert (status, err) == (0, "")
    assert sorted(found.jobname for found in bench.entries()) == ["NEWLINE", "SPOOLED", "SPOOLED"]
    assert "\nline" not in out
    assert "new\\x0aline" in out


def test_links_and_devices_are_not_taken(bench: Bench) -> None:
    real = bench.file("real")
    (bench.root / "tree").mkdir()
    (bench.root / "tree" / "link").symlink_to(real)
    os.mkfifo(bench.root / "tree" / "fifo")
    status, _, err = bench.put(bench.root / "tree", "/dev/null", bench.root / "tree" / "fifo")
    assert (status, bench.entries()) == (1, [])
    assert err.count("only plain files are taken") == 2
    assert err.count("is no plain file") == 2


def test_a_dry_run_changes_nothing(bench: Bench) -> None:
    status, out, _ = bench.put(bench.file("x"), "--dry-run")
    assert (status, bench.entries()) == (0, [])
    assert out.endswith("would be put for CSSMTP\n")


@pytest.mark.parametrize("outdisp", ["HOLD", "LEAVE", "PURGE"])
def test_what_is_not_selectable_is_held(bench: Bench, outdisp: str) -> None:
    assert bench.put(bench.file("x"), "--outdisp", outdisp)[0] == 0
    assert [entry.state for entry in bench.spool.entries()] == ["held"]


def test_hold_is_hold_yes_of_the_dd_statement(bench: Bench) -> None:
    assert bench.put(bench.file("x"), "--hold")[0] == 0
    assert [(entry.state, entry.attributes.hold, entry.attributes.outdisp) for entry in bench.spool.entries()] == [
        ("held", "user", "WRITE")
    ]


def test_a_full_disk_ends_the_command_and_leaves_nothing_half_made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Disk, path: Path, chunks: object) -> int:
        raise spool_error(OSError(28, "full"), path)

    monkeypatch.setattr(Disk, "write", full)
    status, _, err = bench.put(bench.file("x"))
    assert status == 2
    assert "make room" in err
    assert (bench.entries(), list((bench.root / "spool" / "tmp").iterdir())) == ([], [])


def test_a_file_that_may_not_be_read_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: str, flags: int) -> int:
        raise PermissionError(13, "no")

    path = bench.file("x")
    monkeypatch.setattr("cssmtp.cli.spoolput.os.open", refused)
    status, _, err = bench.put(path)
    assert status == 1
    assert f"{path}: Permission denied" in err


def test_who_puts_a_file_in_owns_it_whatever_the_environment_says(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bench.file("deck")
    monkeypatch.setenv("LOGNAME", "somebody")
    monkeypatch.setattr(os, "getuid", lambda: 1)
    monkeypatch.setenv("SUDO_UID", "2")
    assert bench.put(path)[0] == 0
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert bench.put(path)[0] == 0
    assert sorted(each.owner for each in bench.entries()) == sorted(pwd.getpwuid(number).pw_name.upper() for number in (1, 2))
