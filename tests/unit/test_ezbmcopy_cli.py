"""The command: options, return codes, what is told where."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.names import node_name
from ezbmcopy.cards import Problem
from ezbmcopy.cli import StopSignal, main, own_identity
from ezbmcopy.plan import Plan
from ezbmcopy.report import PROBLEMS_SHOWN, Report
from tests.spoolkit import StoppedClock, plain

PROJECT = Path(__file__).resolve().parents[2]
DECK = str(PROJECT / "conf" / "ezbmcopy.jcl")


@pytest.fixture(autouse=True)
def handlers() -> object:
    """The command sets signal handlers; they are put back."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
        signal.signal(number, handler)


def spool(root: Path) -> DirectorySpool:
    made = DirectorySpool(root, clock=StoppedClock(), node="NODE1")
    made.initialise()
    return made


def test_check_shows_the_plan_and_copies_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([DECK, "--check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("copies files for writer or destination SMTPD")
    assert lines[1:] == ["  OUT1: writer SMTPD1", "  OUT2: writer CSSMTP"]


def test_until_idle_copies_and_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool(tmp_path).create(plain(writer="SMTPD"), [b"a"])
    assert main([DECK, "--spool", str(tmp_path), "--until-idle"]) == 0
    assert sorted(entry.attributes.writer for entry in spool(tmp_path).entries("ready")) == ["CSSMTP", "SMTPD1"]
    assert "1 files in 2 copies" in capsys.readouterr().out


def test_own_identity_option(tmp_path: Path) -> None:
    spool(tmp_path).create(plain(writer="SMTPD"), [b"a"])
    assert main([DECK, "--spool", str(tmp_path), "--until-idle", "--own-identity"]) == 0
    names = {(entry.attributes.jobname, entry.attributes.stepname) for entry in spool(tmp_path).entries("ready")}
    assert names == {("EZBMCOPY", "STEP")}


def test_options_and_parm(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["--writer", "a", "--out", "b", "--out", "c,CLASS=K,PRTY=9,GROUPID=G,COPIES=2,FORMS=F,OUTDISP=HOLD", "--check"]) == 0
    )
    assert capsys.readouterr().out.splitlines()[2] == (
        "  OUT2: writer C, class K, forms F, disposition HOLD, copies 2, group G, priority 9"
    )
    assert main([DECK, "--parm", "WRITER=OTHER", "--check"]) == 0
    assert "writer or destination OTHER" in capsys.readouterr().out


def test_deck_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(
        sys, "stdin", SimpleNamespace(buffer=io.BytesIO(Path(DECK).read_bytes() + b"//SYSUT2 DD SYSOUT=A,SPIN=NO\n"))
    )
    assert main(["-", "--check"]) == 0
    assert "card 17: warning: SYSUT2 stands twice; the first counts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([DECK, "--writer", "A", "--spool", "s"], "a deck and --writer or --out exclude each other; give one of them"),
        (["--spool", "s"], "there is nothing to do; give a deck, or --out"),
        (["--writer", "A", "--spool", "s"], "there is nothing to do; give a deck, or --out"),
        (["--writer", "A", "--out", "B", "--parm", "WRITER=A", "--check"], "--parm goes with a deck; give --writer NAME instead"),
        ([DECK], "no spool is named; give --spool DIR"),
        (["nowhere.jcl", "--check"], "the deck nowhere.jcl cannot be read: No such file or directory"),
        (["/", "--check"], "the deck / cannot be read: Is a directory"),
        (
            [DECK, "--parm", "WRITER=CSSMTP", "--check"],
            "OUT2 sends copies back to CSSMTP: a loop; expected another writer or destination",
        ),
        (
            ["--writer", "A", "--out", "A", "--check"],
            "OUT1 sends copies back to A: a loop; expected another writer or destination",
        ),
        (
            ["--writer", "A", "--out", "B,COPIES", "--check"],
            "OUTPUT takes no positional parameter COPIES; expected KEYWORD=value",
        ),
    ],
)
def test_what_is_asked_wrongly_ends_with_8_and_copies_nothing(
    words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 8
    out = capsys.readouterr().out
    assert text in out
    assert out.splitlines()[-1] == "EZBMCOPY ended: nothing was copied; return code 8"


def test_a_deck_with_an_error_copies_nothing_and_names_the_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deck = tmp_path / "deck.jcl"
    deck.write_bytes(Path(DECK).read_bytes().replace(b"WRITER=CSSMTP", b"WRITER=NJERDR"))
    store = tmp_path / "spool"
    spool(store).create(plain(writer="SMTPD"), [b"a"])
    assert main([str(deck), "--spool", str(store), "--until-idle"]) == 8
    expected = "another writer name: NJERDR is a writer name reserved by JES; use another one"
    assert f"card 10: error: WRITER=NJERDR cannot be used; expected {expected}" in capsys.readouterr().out
    assert spool(store).counts()["ready"] == 1


@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        ((b"WRITER=CSSMTP", b"WRITER=NJERDR"), ["card 10: error: WRITER=NJERDR cannot be used"]),
        ((b"SYSOUT=*", b"SYSOUT=(A,INTRDR)"), ["SYSOUT=(A,INTRDR) cannot be used"]),
        ((b"WRITER=CSSMTP", b"PRTY=1"), ["card 10: error: the copy by OUT2 has neither writer nor user"]),
    ],
)
def test_an_error_is_told_without_what_only_follows_from_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[bytes, bytes], errors: list[str]
) -> None:
    deck = tmp_path / "deck.jcl"
    text = Path(DECK).read_bytes()
    assert wrong[0] in text
    deck.write_bytes(text.replace(*wrong))
    assert main([str(deck), "--check"]) == 8
    out = capsys.readouterr().out
    assert out.splitlines()[0].endswith(": 1 error, 0 warnings")
    assert out.count("error: ") == 1
    assert all(error in out for error in errors)


def test_a_refused_name_of_an_option_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--writer", "A", "--out", "INTRDR", "--check"]) == 8
    out = capsys.readouterr().out
    assert "INTRDR is a writer name reserved by JES" in out
    assert "neither writer nor user" not in out


def test_without_a_writer_the_files_of_smtpd_are_copied(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", "B", "--check"]) == 0
    assert "writer or destination SMTPD" in capsys.readouterr().out


def test_unknown_options_end_with_8(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--nonsense"])
    assert ended.value.code == 8
    assert "unrecognized arguments: --nonsense" in capsys.readouterr().err


def test_spool_that_cannot_be_made_ends_with_12(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main([DECK, "--spool", str(tmp_path / "file" / "spool"), "--until-idle"]) == 12
    assert capsys.readouterr().out.splitlines()[-1] == "EZBMCOPY ended: nothing was copied; return code 12"


def test_fault_of_our_own_ends_with_16(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr("ezbmcopy.cli.read_deck", fault)
    assert main([DECK, "--check"]) == 16
    assert "RuntimeError: ours" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_daemon_ends_with_0_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "ezbmcopy", DECK, "--spool", str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        output = process.communicate(timeout=60)[0]
        assert process.returncode == 0
        assert b"return code 0" in output


def test_stop_signal_wakes_who_waits() -> None:
    stop = StopSignal()
    assert stop() is False
    os.kill(os.getpid(), signal.SIGTERM)
    stop.pause(3600)
    assert stop() is True


@pytest.mark.parametrize(
    ("host", "node"), [("mvsa.example.net", "MVSA"), ("ip-10-0-0-1", "IP10001"), ("---", "LOCAL"), ("longhostname", "LONGHOST")]
)
def test_node_name_of_a_host(host: str, node: str) -> None:
    assert node_name(host) == node


def test_own_identity_counts_data_sets_and_survives_a_user_without_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", nobody)
    identity = own_identity(Plan("A", (), job="COPYJOB", step="S"))
    first, second = identity(), identity()
    assert (first.jobname, first.stepname, first.dsid, second.dsid) == ("COPYJOB", "S", 101, 102)
    assert first.jobid == second.jobid
    assert first.owner == f"UID{os.geteuid()}"


def test_report_shows_so_many_problems_and_no_control_characters() -> None:
    stream = io.StringIO()
    Report(stream, StoppedClock()).problems([Problem(number, "bad\x1b[31m\nthing") for number in range(PROBLEMS_SHOWN + 3)])
    lines = stream.getvalue().splitlines()
    assert lines[1] == "  card 1: error: bad?[31m?thing"
    assert lines[-1] == "  and 3 more"
    assert len(lines) == PROBLEMS_SHOWN + 1
