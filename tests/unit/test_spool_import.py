"""`cssmtp spool import-print`: files, standard input, growing files, Hercules sockets."""

from __future__ import annotations

import contextlib
import io
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cssmtp.cli import main, spoolimport
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.disk import Disk
from tests.spoolkit import StoppedClock, make_spool

START = b"****A   START  JOB   12  HERC01A  ROOM\n"
DECK = b"HELO a\nDATA\ntext\n.\nQUIT\n"


class Bench:
    """A spool and the command; `during` happens each time the command waits."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.spool: DirectorySpool = make_spool(root / "spool", StoppedClock())
        self.root = root
        self.during: Iterator[Callable[[], object]] = iter(())
        self._capsys = capsys
        bench = self

        class Stop(threading.Event):
            """Waiting takes no time: the test says what happens meanwhile, and that it ends when nothing more does."""

            def wait(self, timeout: float | None = None) -> bool:
                happens = next(bench.during, None)
                if happens is None:
                    self.set()
                else:
                    happens()
                return self.is_set()

        monkeypatch.setattr(spoolimport.threading, "Event", Stop)

    def run(self, *words: object) -> tuple[int, str, str]:
        status = main(["spool", "import-print", "--spool", str(self.root / "spool"), "--writer", "CSSMTP", *map(str, words)])
        return status, *self._capsys.readouterr()

    def entries(self) -> list[tuple[str, bytes, Attributes]]:
        return [(entry.state, (entry.path / "data").read_bytes(), entry.attributes) for entry in self.spool.entries()]


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, capsys, monkeypatch)


def test_decks_of_a_file_become_entries_with_the_job_of_the_separator_page(bench: Bench) -> None:
    (bench.root / "prt1.txt").write_bytes(b"\f" + START + DECK + b"junk\n" + DECK)
    status, out, err = bench.run(bench.root / "prt1.txt")
    assert (status, err) == (0, "")
    assert [(state, data) for state, data, _ in bench.entries()] == [("ready", DECK)] * 2
    assert [(a.jobname, a.jobid, a.framing) for _, _, a in bench.entries()] == [("HERC01A", "JOB00012", "lf")] * 2
    assert out.count(f"HERC01A, {len(DECK)} bytes, ready") == 2


def test_a_deck_cut_off_inside_its_data_is_put_in_held(bench: Bench) -> None:
    (bench.root / "prt1.txt").write_bytes(DECK[:15])
    status, _, err = bench.run(bench.root / "prt1.txt")
    assert status == 1
    assert "the stream ended inside the data of a mail; it is held" in err
    ((state, _, attributes),) = bench.entries()
    assert (state, attributes.hold, attributes.jobname) == ("held", "system", "PRT1")


def test_standard_input(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x\n" + DECK)))
    assert bench.run("-", "--jobname", "PIPED")[0] == 0
    assert [(data, a.jobname) for _, data, a in bench.entries()] == [(DECK, "PIPED")]


def test_a_growing_file_is_followed(bench: Bench) -> None:
    path = bench.root / "prt1.txt"
    path.write_bytes(DECK + DECK[:10])

    def grow(data: bytes) -> Callable[[], object]:
        return lambda: _append(path, data)

    bench.during = iter([grow(DECK[10:]), grow(b"HELO b\n"), grow(b"QUIT\n")])
    assert bench.run(path, "--follow")[0] == 0
    assert [data for _, data, _ in bench.entries()] == [DECK, DECK, b"HELO b\nQUIT\n"]


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_followed_file_that_becomes_shorter_is_read_from_its_start(bench: Bench) -> None:
    path = bench.root / "prt1.txt"
    path.write_bytes(DECK)
    bench.during = iter([lambda: path.write_bytes(b"EHLO c\nQUIT\n")])
    status, _, err = bench.run(path, "--follow")
    assert (status, [data for _, data, _ in bench.entries()]) == (0, [DECK, b"EHLO c\nQUIT\n"])
    assert "has become shorter" in err


def test_the_place_is_kept_and_a_later_run_goes_on_there(bench: Bench) -> None:
    path, place = bench.root / "prt1.txt", bench.root / "place"
    path.write_bytes(DECK + DECK[:10])
    assert bench.run(path, "--place", place)[0] == 0
    assert int(place.read_text()) == len(DECK)
    assert len(bench.entries()) == 1
    _append(path, DECK[10:])
    assert bench.run(path, "--place", place)[0] == 0
    assert [data for _, data, _ in bench.entries()] == [DECK, DECK]
    assert bench.run(path, "--place", place)[0] == 0
    assert len(bench.entries()) == 2
    path.write_bytes(b"EHLO c\nQUIT\n")
    assert "is shorter than the place noted" in bench.run(path, "--place", place)[2]
    assert len(bench.entries()) == 3


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("reader", ["nobody", "a gateway"], ids=["quiet", "with-a-gateway"])
@pytest.mark.parametrize("step", range(1, 40))
def test_with_a_place_each_deck_is_put_in_once_wherever_a_run_is_killed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: int, reader: str
) -> None:
    decks = [DECK.replace(b"text", b"text %d" % number) for number in range(3)]
    path, place = bench.root / "prt1.txt", bench.root / "place"
    path.write_bytes(b"".join(decks))
    seen: list[bytes] = []
    steps = iter(range(1, 1000))

    def dying(name: str) -> Callable[..., object]:
        original = getattr(Disk, name)

        def operation(*words: object) -> object:
            if next(steps) == step:
                monkeypatch.undo()
                raise Killed
            return original(*words)

        return operation

    for name in ("write", "move", "remove", "make_directory", "sync_path"):
        monkeypatch.setattr(Disk, name, dying(name))
    with contextlib.suppress(Killed):
        bench.run(path, "--place", place)
    monkeypatch.undo()
    if reader == "a gateway":
        bench.spool.recover()
        for entry in bench.spool.select("CSSMTP"):
            seen.append((entry.path / "data").read_bytes())
            bench.spool.purge(entry)
    assert bench.run(path, "--place", place)[0] == 0
    assert sorted(seen + [data for _, data, _ in bench.entries()]) == decks
    assert list((bench.root / "spool" / "tmp").glob("import.*")) == []


def test_a_place_that_cannot_be_noted_is_named_and_no_deck_is_put(bench: Bench) -> None:
    (bench.root / "prt1.txt").write_bytes(DECK)
    status, _, err = bench.run(bench.root / "prt1.txt", "--place", bench.root / "nowhere" / "place")
    assert (status, bench.entries()) == (2, [])
    assert f"--place cannot be noted, so no deck is put in: {bench.root / 'nowhere' / 'place'}" in err
    assert bench.run(bench.root / "prt1.txt", "--place", bench.root / "place")[0] == 0
    assert [data for _, data, _ in bench.entries()] == [DECK]


def test_a_place_that_is_none_is_told(bench: Bench) -> None:
    (bench.root / "prt1.txt").write_bytes(DECK)
    (bench.root / "place").write_bytes(b"here")
    status, _, err = bench.run(bench.root / "prt1.txt", "--place", bench.root / "place")
    assert (status, bench.entries()) == (2, [])
    assert "does not hold a place" in err


def test_cards_of_a_punch(bench: Bench) -> None:
    cards = b"".join(line.decode().encode("cp037").ljust(80, b"\x40") for line in DECK.splitlines())
    (bench.root / "pch").write_bytes(b"\x40" * 80 + cards)
    assert bench.run(bench.root / "pch", "--cards", 80, "--ebcdic")[0] == 0
    assert [(data, a.framing, a.lrecl) for _, data, a in bench.entries()] == [(cards, "fixed", 80)]


@pytest.fixture
def sockdev() -> Iterator[Callable[[list[list[bytes]]], str]]:
    """A printer on a loopback port: for each connection it sends its pieces and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(connections: list[list[bytes]]) -> None:
        for pieces in connections:
            connection, _ = listener.accept()
            with connection:
                for piece in pieces:
                    connection.sendall(piece)

    def start(connections: list[list[bytes]]) -> str:
        threads.append(threading.Thread(target=serve, args=(connections,)))
        threads[-1].start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for thread in threads:
        thread.join(10)
    listener.close()


def test_a_hercules_socket(bench: Bench, sockdev: Callable[[list[list[bytes]]], str]) -> None:
    address = sockdev([[START, DECK[:7], DECK[7:], b"HELO b\nDATA\nlost"]])
    status, _, err = bench.run("--connect", address)
    assert status == 1
    assert "it is held" in err
    assert [(state, data) for state, data, _ in bench.entries()] == [("ready", DECK), ("held", b"HELO b\nDATA\nlost\n")]


def test_a_hercules_socket_is_connected_to_again(bench: Bench, sockdev: Callable[[list[list[bytes]]], str]) -> None:
    address = sockdev([[DECK], [DECK]])
    bench.during = iter([lambda: None])
    assert bench.run("--connect", address, "--follow")[0] == 0
    assert [data for _, data, _ in bench.entries()] == [DECK, DECK]


def test_nobody_listens(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    status, _, err = bench.run("--connect", address)
    assert (status, "Connection refused" in err) == (2, True)
    assert "trying again" in bench.run("--connect", address, "--follow")[2]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "needs a FILE"),
        (["x", "--connect", "h:1"], "needs a FILE"),
        (["--connect", "nowhere"], "is not HOST:PORT"),
        (["--connect", "h:99999"], "is not HOST:PORT"),
        (["-", "--place", "p"], "--place is for files"),
        (["x", "--separator", "("], "is no regular expression"),
        (["x", "--ebcdic"], "--ebcdic needs --cards"),
        (["/nonexistent/x"], "No such file"),
        (["x", "--class", "AB"], 'attribute "class"'),
    ],
)
def test_wrong_command_lines(bench: Bench, words: list[str], what: str) -> None:
    status, _, err = bench.run(*words)
    assert (status, bench.entries()) == (2, [])
    assert what in err
