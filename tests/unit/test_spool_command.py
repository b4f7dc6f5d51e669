"""`cssmtp spool`: init, list, show, hold, release, purge, alter, output."""

from __future__ import annotations

import errno
import grp
import io
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from cssmtp.cli import main, spooloperate
from cssmtp.cli.spoolview import USUAL_COLUMNS
from cssmtp.errors import SpoolError
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.framing import Framing, FramingKind
from cssmtp.spool.store import SpoolEntry
from tests.spoolkit import DECK as DECK_LINES
from tests.spoolkit import StoppedClock, deck, drop, framed, make_spool, plain, read_records

RDW = Framing(FramingKind.RDW)
DECK = framed(deck(RDW), RDW)


class Bench:
    """A spool in a directory, and the command on it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.spool: DirectorySpool = make_spool(root, StoppedClock())
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        status = main(["spool", *words, "--spool", str(self.root)])
        return status, *self._capsys.readouterr()

    def entry(self, data: bytes = DECK, **values: object) -> SpoolEntry:
        return self.spool.create(plain(**values), [data])

    def states(self) -> dict[str, int]:
        return {state: count for state, count in self.spool.counts().items() if count}

    def only(self) -> Attributes:
        (entry,) = self.spool.entries()
        return entry.attributes


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path / "spool", capsys)


# init


def test_init_makes_the_tree_with_drop_directories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "new"
    group = grp.getgrgid(os.getgid()).gr_name
    assert main(["spool", "init", str(root), "--writer", "mail1", "--writer", "MAIL2", "--group", group]) == 0
    for writer in ("MAIL1", "MAIL2"):
        status = (root / "drop" / writer).stat()
        assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o3770, os.getgid())
    assert stat.S_IMODE((root / "ready").stat().st_mode) == 0o700
    assert stat.S_IMODE((root / "drop").stat().st_mode) == 0o755
    assert main(["spool", "init", str(root)]) == 0
    assert stat.S_IMODE((root / "drop" / "CSSMTP").stat().st_mode) == 0o3733
    assert capsys.readouterr().out.splitlines()[-1] == str(root / "drop" / "CSSMTP")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--writer", "INTRDR"], "reserved by JES"),
        (["--writer", "../x"], "is no writer name"),
        (["--writer", "TOOLONGER"], "is no writer name"),
        (["--group", "no-such-group"], "there is no group 'no-such-group'"),
    ],
)
def test_init_refuses_before_it_makes_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], what: str
) -> None:
    assert main(["spool", "init", str(tmp_path / "new"), *words]) == 2
    assert what in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_directory_that_is_no_spool_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spool", "list", "--spool", str(tmp_path)]) == 2
    assert "is no spool; make one with 'cssmtp spool init'" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["init", "put", "list", "show", "hold", "release", "purge", "alter", "output", "import-print"])
def test_the_help_of_every_action_names_the_exit_status(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["spool", action, "--help"])
    assert ended.value.code == 0
    assert "exit status: 0" in capsys.readouterr().out


# list


def test_list_shows_the_usual_columns_in_a_table(bench: Bench) -> None:
    entry = bench.entry(jobid="JOB00001", owner="ANN")
    status, out, _ = bench.run("list")
    head, row = out.splitlines()
    assert status == 0
    assert head.lower().split() == USUAL_COLUMNS.split(",")
    assert row.split() == [entry.id, "ready", "CSSMTP", "JOB1", "JOB00001", "ANN", "WRITE", "none", "128", str(len(DECK))]


@pytest.mark.parametrize(
    ("words", "jobs"),
    [
        ([], ["ONE", "TWO", "THREE"]),
        (["--jobname", "t*"], ["TWO", "THREE"]),
        (["--jobname", "T?O"], ["TWO"]),
        (["--writer", "OTHER"], ["THREE"]),
        (["--dest", "N1.U1"], ["TWO"]),
        (["--class", "B"], ["TWO"]),
        (["--hold", "user"], ["ONE"]),
        (["--state", "held"], ["ONE"]),
        (["--owner", "x"], []),
    ],
)
def test_list_filters(bench: Bench, words: list[str], jobs: list[str]) -> None:
    bench.entry(jobname="ONE", hold="user", hold_reason="wait")
    bench.entry(jobname="TWO", dest_node="N1", dest_user="U1", sysout_class="B")
    bench.entry(jobname="THREE", writer="OTHER")
    out = bench.run("list", "--columns", "jobname", *words)[1]
    assert sorted(out.split()[1:]) == sorted(jobs)


def test_list_as_json_holds_every_attribute(bench: Bench) -> None:
    entry = bench.entry(hold="system", hold_reason="it is bad")
    (line,) = bench.run("list", "--json")[1].splitlines()
    tree = json.loads(line)
    assert (tree["id"], tree["state"], tree["reason"], tree["priority"]) == (entry.id, "held", "it is bad", 128)
    assert tree["path"] == str(entry.path)


def test_list_shows_why_an_entry_is_bad_and_no_control_characters(bench: Bench) -> None:
    bad = bench.root / "bad" / "X1"
    bad.mkdir()
    (bad / "reason").write_text("first\x1b[2Jsecond\n")
    out = bench.run("list", "--columns", "id,state,reason")[1]
    assert out.splitlines()[1].split(maxsplit=2) == ["X1", "bad", "first\\x1b[2Jsecond"]
    assert "\x1b" not in out


def test_list_refuses_unknown_columns(bench: Bench) -> None:
    status, _, err = bench.run("list", "--columns", "id,nope")
    assert status == 2
    assert "there is no column nope; there are id, state" in err


# show


def test_show_tells_attributes_verdict_and_records(bench: Bench) -> None:
    bench.entry(jobid="JOB00001")
    status, out, _ = bench.run("show", "job00001")
    assert status == 0
    assert "jobid     JOB00001" in out
    assert "variable records with RDW, EBCDIC" in out
    assert "       2  MAIL FROM:<a@b.example>\n" in out
    assert "delete" in out


def test_show_some_records_with_their_bytes(bench: Bench) -> None:
    entry = bench.entry()
    out = bench.run("show", entry.id, "--records", "2-3", "--hex")[1]
    assert "       1  HELO" not in out
    assert "         0  D4 C1 C9 D3 40" in out
    assert "there are more; --records 4- shows them" in out
    assert "      10  QUIT" in bench.run("show", entry.id, "--records", "10-")[1]
    assert bench.run("show", entry.id, "--records", "x")[0] == 2


def test_show_of_a_file_that_cannot_be_read(bench: Bench) -> None:
    entry = bench.entry(DECK[:-1])
    status, out, _ = bench.run("show", entry.id)
    assert status == 1
    assert "the records cannot be read: no record format fits" in out


def test_show_sends_no_control_characters_to_the_terminal(bench: Bench) -> None:
    entry = bench.entry(framed([*deck(RDW)[:-1], b"\x27\x2d\x07"], RDW))
    assert "\x1b" not in bench.run("show", entry.id)[1]


# hold, release, purge


def test_hold_release_and_purge(bench: Bench) -> None:
    entry = bench.entry(jobid="JOB00001")
    assert bench.run("hold", "JOB00001", "--reason", "wait\nhere")[:2] == (0, f"{entry.id}: held\n")
    assert (bench.states(), bench.only().hold, bench.only().hold_reason) == ({"held": 1}, "user", "wait here")
    assert bench.run("release", entry.id[:20])[0] == 0
    assert (bench.states(), bench.only().outdisp, bench.only().hold) == ({"ready": 1}, "WRITE", "none")
    assert bench.run("purge", "JOB00001")[0] == 0
    assert bench.states() == {}


def test_release_lets_a_kept_entry_be_read_again(bench: Bench) -> None:
    claim = bench.spool.claim(bench.entry(outdisp="KEEP"))
    assert claim is not None
    claim.processed()
    assert bench.states() == {"done": 1}
    assert bench.run("release", claim.id)[0] == 0
    assert (bench.states(), bench.only().outdisp) == ({"ready": 1}, "KEEP")


@pytest.mark.parametrize(("action", "words"), [("hold", []), ("release", []), ("purge", []), ("alter", ["--priority", "1"])])
def test_what_a_gateway_works_on_is_left_alone(bench: Bench, action: str, words: list[str]) -> None:
    claim = bench.spool.claim(bench.entry())
    assert claim is not None
    status, _, err = bench.run(action, claim.id, *words)
    assert status == 1
    assert "the entry is busy" in err or "a gateway is working on it" in err
    assert bench.states() == {"busy": 1}
    assert claim.processed() == "purged"


def test_what_cannot_be_done_is_told_and_the_rest_is_done(bench: Bench) -> None:
    first, second = bench.entry(jobid="JOB00001"), bench.entry(jobid="JOB00002", hold="user")
    status, out, err = bench.run("hold", "JOB99999", "JOB00002", "JOB00001")
    assert status == 1
    assert out == f"{first.id}: held\n"
    assert "JOB99999: there is no entry 'JOB99999'" in err
    assert "JOB00002: the entry is held, not ready" in err
    assert second.id in [entry.id for entry in bench.spool.entries("held")]


def test_a_word_that_means_two_entries_is_refused(bench: Bench) -> None:
    bench.entry(jobid="JOB00001")
    bench.entry(jobid="JOB00001")
    status, _, err = bench.run("purge", "JOB00001")
    assert status == 1
    assert "means 2 entries" in err
    assert bench.states() == {"ready": 2}


@pytest.mark.parametrize(("action", "words"), [("hold", []), ("purge", []), ("alter", ["--priority", "1"])])
def test_an_entry_that_is_taken_meanwhile_is_told(
    bench: Bench, action: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = bench.entry()
    claimed = []

    def found(spool: DirectorySpool, word: str) -> SpoolEntry:
        claimed.append(bench.spool.claim(entry))
        return entry

    monkeypatch.setattr(spooloperate, "entry_of", found)
    status, _, err = bench.run(action, entry.id, *words)
    assert status == 1
    assert "the entry is there no more" in err
    assert bench.states() == {"busy": 1}


def test_an_entry_that_is_altered_meanwhile_is_not_altered_over(bench: Bench) -> None:
    entry = bench.entry()
    bench.spool.alter(entry, plain(jobid=entry.attributes.jobid, forms="NEW"))
    with pytest.raises(SpoolError, match="somebody else has just changed it"):
        bench.spool.hold(entry)
    assert (bench.states(), bench.only().forms) == ({"ready": 1}, "NEW")


def test_bad_entries_are_shown_and_purged_and_nothing_else(bench: Bench) -> None:
    drop(bench.root, "X", b"HELO a\n", sidecar=b'{"priority": 999}')
    (admission,) = bench.spool.admit()
    out = bench.run("show", admission.id)[1]
    assert "state     bad" in out
    assert 'key "priority" has the value 999' in out
    for action, words in (("hold", []), ("release", []), ("alter", ["--priority", "1"])):
        status, _, err = bench.run(action, admission.id, *words)
        assert status == 1
        assert "put its data in again, and purge it" in err
    assert bench.run("purge", admission.id)[0] == 0
    assert bench.states() == {}


# alter


def test_alter_changes_attributes_and_place(bench: Bench) -> None:
    entry = bench.entry()
    assert bench.run("alter", entry.id, "--priority", "255", "--writer", "mail2", "--class", "b", "--dest-user", "u1")[0] == 0
    altered = bench.only()
    assert (altered.priority, altered.writer, altered.sysout_class, altered.dest_user) == (255, "MAIL2", "B", "U1")
    assert (bench.root / "ready" / "000" / entry.id).is_dir()
    assert bench.run("alter", entry.id, "--outdisp", "hold")[0] == 0
    assert bench.states() == {"held": 1}


def test_alter_keeps_a_processed_entry_where_it_is(bench: Bench) -> None:
    claim = bench.spool.claim(bench.entry(outdisp="KEEP"))
    assert claim is not None
    claim.processed()
    assert bench.run("alter", claim.id, "--forms", "X")[0] == 0
    assert (bench.states(), bench.only().forms) == ({"done": 1}, "X")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "at least one attribute"),
        (["--priority", "256"], 'attribute "priority" has the value 256; write a number from 0 to 255'),
        (["--priority", "x"], 'attribute "priority" has the value "x"'),
        (["--writer", "STDWTR"], 'attribute "writer"'),
        (["--framing", "fixed", "--lrecl", "80"], "size and lrecl do not agree"),
    ],
)
def test_alter_refuses_what_cannot_be(bench: Bench, words: list[str], what: str) -> None:
    entry = bench.entry()
    status, _, err = bench.run("alter", entry.id, *words)
    assert status == (1 if words else 2)
    assert what in err
    assert bench.only() == entry.attributes


def test_alter_makes_an_unreadable_file_readable(bench: Bench) -> None:
    entry = bench.entry(framed([b"\xc1" * 100] * 3, Framing(FramingKind.FIXED, 100)), hold="system")
    assert bench.run("show", entry.id)[0] == 1
    assert bench.run("alter", entry.id, "--framing", "fixed", "--lrecl", "100", "--sequence-numbers")[0] == 0
    assert bench.run("show", entry.id)[0] == 0
    assert bench.only().sequence_numbers


# output


def test_output_gives_the_bytes_as_they_came(bench: Bench, tmp_path: Path) -> None:
    entry = bench.entry()
    assert bench.run("output", entry.id, "-o", str(tmp_path / "out"))[0] == 0
    assert (tmp_path / "out").read_bytes() == DECK
    status, _, err = bench.run("output", entry.id, "-o", str(tmp_path / "out"))
    assert (status, "exists; name a new file" in err) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "spool"]


@pytest.mark.parametrize("kind", list(FramingKind))
def test_output_in_every_framing(bench: Bench, tmp_path: Path, kind: FramingKind) -> None:
    entry = bench.entry()
    assert bench.run("output", entry.id, "--framing", kind.value, "-o", str(tmp_path / "out"))[0] == 0
    text = kind in (FramingKind.LF, FramingKind.CRLF)
    framing = Framing(kind, 80 if kind is FramingKind.FIXED else 0, "ascii" if text else "ebcdic")
    records = [record.rstrip(b"\x40") for record in read_records((tmp_path / "out").read_bytes(), framing)]
    assert records == deck(framing)


def test_output_refuses_what_a_framing_cannot_carry(bench: Bench, tmp_path: Path) -> None:
    entry = bench.entry()
    status, _, err = bench.run("output", entry.id, "--framing", "fixed", "--lrecl", "10", "-o", str(tmp_path / "out"))
    assert status == 2
    assert "cannot be written in framing fixed: a record of 23 bytes" in err
    assert not (tmp_path / "out").exists()
    ascii_entry = bench.entry(b"HELO a\nQUIT\n")
    assert "is for EBCDIC" in bench.run("output", ascii_entry.id, "--framing", "nl15", "-o", str(tmp_path / "out"))[2]


def test_output_to_standard_output_but_no_bytes_to_a_terminal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = bench.entry()
    assert bench.run("output", entry.id, "--framing", "lf")[:2] == (0, "".join(f"{line}\n" for line in DECK_LINES))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    status, _, err = bench.run("output", entry.id)
    assert (status, "not for a terminal; name a file with -o" in err) == (2, True)
    assert bench.run("output", entry.id, "--framing", "lf")[0] == 0


def test_output_into_a_directory_that_is_not_there(bench: Bench, tmp_path: Path) -> None:
    status, _, err = bench.run("output", bench.entry().id, "-o", str(tmp_path / "none" / "out"))
    assert (status, "No such file or directory" in err) == (2, True)


# the spool fails


def test_a_full_disk_is_an_error_of_the_spool(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = bench.entry()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("os.fsync", full)
    status, _, err = bench.run("hold", entry.id)
    assert status == 1
    assert "make room on the file system of the spool" in err
    monkeypatch.undo()
    assert sum(bench.states().values()) == 1


@pytest.mark.parametrize(
    ("fault", "remedy"), [(errno.EROFS, "mount the file system of the spool writable"), (errno.EACCES, "run as the owner")]
)
def test_a_spool_that_cannot_be_written_is_told(bench: Bench, fault: int, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = bench.entry()

    def refused(source: object, target: object) -> None:
        raise OSError(fault, "no")

    monkeypatch.setattr("cssmtp.spool.disk.os.rename", refused)
    for action in ("hold", "purge"):
        status, _, err = bench.run(action, entry.id)
        assert status == 1
        assert remedy in err
    monkeypatch.undo()
    assert bench.states() == {"ready": 1}


# beside a running gateway


def test_operators_and_a_gateway_at_the_same_time_lose_nothing_and_do_nothing_twice(bench: Bench) -> None:
    ids = [bench.entry(jobid=f"JOB{number:05d}").id for number in range(40)]
    gateway = make_spool(bench.root, StoppedClock())
    processed: list[str] = []

    def work() -> None:
        while gateway.counts()["ready"]:
            for entry in gateway.select("CSSMTP", 3):
                claim = gateway.claim(entry)
                if claim is not None:
                    assert claim.processed() == "purged"
                    processed.append(claim.id)

    thread = threading.Thread(target=work)
    thread.start()
    for word in ids[::4]:
        bench.run("hold", word)
        bench.run("alter", word, "--priority", "1")
    for word in ids[1::4]:
        bench.run("purge", word)
    thread.join(30)
    held = [entry.id for entry in bench.spool.entries("held")]
    assert not thread.is_alive()
    assert len(processed) == len(set(processed))
    assert not set(processed) & set(held)
    assert set(ids) - set(processed) - set(held) <= set(ids[1::4])
    assert bench.states() in ({}, {"held": len(held)})
    gateway.close()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_long_work_shows_a_progress_bar_on_a_terminal_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [bench.entry().id for _ in range(3)]
    assert bench.run("hold", *ids) == (0, "".join(f"{id}: held\n" for id in ids), "")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert main(["spool", "release", *ids, "--spool", str(bench.root)]) == 0
    assert "release" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
