"""A spool survives the death of a process at any step, and a disk that fails (jes-spool.md 11 and 13)."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from cssmtp.errors import SpoolError
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.disk import Disk
from cssmtp.spool.store import STATES
from tests.dying import Dying, full
from tests.spoolkit import StoppedClock, drop, make_spool, plain

ROOT = Path(__file__).resolve().parents[2]

CHILD = """
import os, signal, sys
from pathlib import Path
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.disk import Disk
from tests.spoolkit import StoppedClock, plain

class Mortal(Disk):
    left = int(sys.argv[3])
    def step(self):
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
    def write(self, path, chunks):
        self.step(); return super().write(path, chunks)
    def append(self, path, data):
        self.step(); super().append(path, data)
    def sync_path(self, path):
        self.step(); super().sync_path(path)
    def move(self, source, target):
        self.step(); super().move(source, target)
    def remove(self, path):
        self.step(); super().remove(path)

spool = DirectorySpool(Path(sys.argv[1]), clock=StoppedClock(), node="N", settle_seconds=0, disk=Mortal())
match sys.argv[2]:
    case "admit": spool.admit()
    case "create": spool.create(plain(), [b"HELO created"])
    case "recover": spool.recover()
    case word:
        claim = spool.claim(spool.select("CSSMTP")[0])
        if word == "die": os.kill(os.getpid(), signal.SIGKILL)
        claim.hold("bad") if word == "hold" else getattr(claim, word)()
print("finished")
"""


def run(root: Path, what: str, steps: int) -> bool:
    """Runs one action in a process that is killed at a step of the disk; True when it got to its end."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(root), what, str(steps)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode == 0


def everything(spool: DirectorySpool, root: Path) -> dict[str, list[bytes]]:
    """The data of all entries by state, and of the drop zone."""
    found = {state: [(entry.path / "data").read_bytes() for entry in spool.entries(state)] for state in STATES}
    found["drop"] = [path.read_bytes() for path in (root / "drop" / "CSSMTP").iterdir() if path.suffix != ".json"]
    return {state: data for state, data in found.items() if data}


def after(root: Path) -> tuple[DirectorySpool, dict[str, list[bytes]]]:
    """The spool as the next gateway finds it once it has recovered."""
    spool = make_spool(root, StoppedClock())
    spool.recover()
    found = everything(spool, root)
    assert os.listdir(root / "tmp") == []
    return spool, found


@pytest.mark.parametrize("sidecar", [None, b'{"priority": 1}', b'{"priority": "x"}'], ids=["plain", "sidecar", "bad"])
def test_kill_at_any_step_of_an_admission_neither_loses_nor_doubles_the_file(tmp_path: Path, sidecar: bytes | None) -> None:
    ended = False
    for steps in range(30):
        root = tmp_path / str(steps)
        make_spool(root, StoppedClock())
        drop(root, "x", b"HELO dropped\n", sidecar)
        ended = run(root, "admit", steps)
        spool, found = after(root)
        assert list(found.values()) == [[b"HELO dropped\n"]]
        if "drop" in found:
            assert (root / "drop" / "CSSMTP" / "x.json").exists() is (sidecar is not None)
            spool.admit()
        wanted = "bad" if sidecar == b'{"priority": "x"}' else "ready"
        assert everything(spool, root) == {wanted: [b"HELO dropped\n"]}
        (entry,) = spool.entries(wanted)
        assert entry.attributes.priority == (1 if sidecar == b'{"priority": 1}' else 128)
        if ended:
            break
    assert ended


def test_kill_at_any_step_of_a_creation_leaves_all_or_nothing(tmp_path: Path) -> None:
    outcomes = set()
    for steps in range(30):
        root = tmp_path / str(steps)
        make_spool(root, StoppedClock())
        ended = run(root, "create", steps)
        found = after(root)[1]
        assert found in ({}, {"ready": [b"HELO created"]})
        outcomes.add(bool(found))
        if ended:
            break
    assert ended
    assert outcomes == {True, False}


@pytest.mark.parametrize(
    ("word", "outdisp", "possible"),
    [
        ("processed", "WRITE", ({}, {"ready": [b"x"]})),
        ("processed", "KEEP", ({"done": [b"x"]}, {"ready": [b"x"]})),
        ("hold", "WRITE", ({"held": [b"x"]}, {"ready": [b"x"]})),
        ("hold", "KEEP", ({"held": [b"x"]}, {"ready": [b"x"]})),
        ("purge", "KEEP", ({}, {"ready": [b"x"]})),
        ("release", "WRITE", ({"ready": [b"x"]},)),
        ("die", "WRITE", ({"ready": [b"x"]},)),
    ],
)
def test_kill_at_any_step_of_a_claim_leaves_one_of_the_two_states(
    tmp_path: Path, word: str, outdisp: str, possible: tuple[dict[str, list[bytes]], ...]
) -> None:
    seen = []
    for steps in range(30):
        root = tmp_path / str(steps)
        make_spool(root, StoppedClock()).create(plain(outdisp=outdisp), [b"x"])
        ended = run(root, word, steps)
        found = after(root)[1]
        assert found in possible
        seen.append(found)
        if ended or (word == "die" and steps > 2):
            break
    assert all(each in seen for each in possible)


def test_kill_at_any_step_of_a_recovery_is_recovered_from(tmp_path: Path) -> None:
    ended = False
    for steps in range(30):
        root = tmp_path / str(steps)
        make_spool(root, StoppedClock()).create(plain(), [b"x"])
        drop(root, "y", b"y")
        assert not run(root, "die", 1000)
        assert not run(root, "admit", 5)
        ended = run(root, "recover", steps)
        spool, _ = after(root)
        spool.admit()
        assert everything(spool, root) == {"ready": [b"x", b"y"]}
        if ended:
            break
    assert ended


def test_two_processes_racing_for_claims_get_each_entry_once(tmp_path: Path) -> None:
    spool = make_spool(tmp_path, StoppedClock())
    ids = {spool.create(plain(), [b"x"]).id for _ in range(60)}
    racer = (
        "import sys; from pathlib import Path; from tests.spoolkit import *\n"
        "spool = make_spool(Path(sys.argv[1]), StoppedClock())\n"
        "entries = spool.select('CSSMTP'); print('ready', flush=True); sys.stdin.readline()\n"
        "for entry in entries:\n"
        "    claim = spool.claim(entry)\n"
        "    if claim: print(claim.id, flush=True); claim.processed()\n"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", racer, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for each in racers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in racers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    won = [each.communicate()[0].split() for each in racers]
    assert sorted(won[0] + won[1]) == sorted(ids)
    assert sum(spool.counts().values()) == 0


class Failing(Disk):
    """A disk on which one method fails from its n-th call on."""

    def __init__(self, method: str, after: int, code: int) -> None:
        self.method, self.left, self.code = method, after, code

    def _step(self, method: str, path: Path) -> None:
        if method == self.method:
            self.left -= 1
            if self.left < 0:
                raise OSError(self.code, os.strerror(self.code), str(path))

    def sync(self, descriptor: int) -> None:
        self._step("sync", Path("disk"))
        super().sync(descriptor)

    def write(self, path: Path, chunks: Iterable[bytes]) -> int:
        return super().write(path, self._chunks(path, chunks))

    def _chunks(self, path: Path, chunks: Iterable[bytes]) -> Iterable[bytes]:
        for chunk in chunks:
            self._step("chunk", path)
            yield chunk


@pytest.mark.parametrize(
    ("method", "code", "remedy"), [("chunk", errno.ENOSPC, "make room"), ("sync", errno.EIO, "check the disk")]
)
@pytest.mark.parametrize("after", range(2))
def test_a_disk_that_fails_during_creation_is_a_spool_error_with_remedy(
    tmp_path: Path, method: str, code: int, remedy: str, after: int
) -> None:
    make_spool(tmp_path, StoppedClock())
    spool = DirectorySpool(tmp_path, clock=StoppedClock(), node="N", disk=Failing(method, after, code))
    with pytest.raises(SpoolError, match=remedy):
        spool.create(plain(), [b"a", b"b"])
    assert os.listdir(tmp_path / "tmp") == []


@pytest.mark.parametrize("after", range(4))
def test_a_disk_that_fails_during_admission_leaves_the_file_where_it_was_or_admits_it(tmp_path: Path, after: int) -> None:
    make_spool(tmp_path, StoppedClock())
    drop(tmp_path, "x", b"x", b"{}")
    spool = DirectorySpool(tmp_path, clock=StoppedClock(), node="N", settle_seconds=0, disk=Failing("sync", after, errno.EIO))
    with pytest.raises(SpoolError, match="check the disk"):
        spool.admit()
    again = make_spool(tmp_path, StoppedClock())
    found = everything(again, tmp_path)
    assert found in ({"drop": [b"x"]}, {"ready": [b"x"]})
    if "drop" in found:
        assert len(again.admit()) == 1
        assert everything(again, tmp_path) == {"ready": [b"x"]}


class Mounted(Disk):
    """A spool whose drop directory is another file system."""

    def move(self, source: Path, target: Path) -> None:
        if "drop" in source.parts:
            source, target = source, Path("/proc/none")
        super().move(source, target)


def test_a_drop_directory_on_another_file_system_is_told_once_and_the_file_stays(tmp_path: Path) -> None:
    make_spool(tmp_path, StoppedClock())
    drop(tmp_path, "x", b"x")
    spool = DirectorySpool(tmp_path, clock=StoppedClock(), node="N", settle_seconds=0, disk=Mounted())
    (admission,) = spool.admit()
    assert "keep all directories of the spool, drop included, on one file system" in admission.problem
    assert spool.admit() == []
    assert everything(spool, tmp_path) == {"drop": [b"x"]}


def test_an_admission_whose_attributes_were_lost_goes_to_bad(tmp_path: Path) -> None:
    make_spool(tmp_path, StoppedClock())
    drop(tmp_path, "x", b"x")
    assert not run(tmp_path, "admit", 3)
    (built,) = (tmp_path / "tmp").iterdir()
    assert sorted(path.name for path in built.iterdir()) == ["attrs.json", "data"]
    (built / "attrs.json").write_bytes(b"")
    spool, found = after(tmp_path)
    assert found == {"bad": [b"x"]}
    assert "its name is lost" in (next(spool.entries("bad")).path / "reason").read_text()


def test_a_file_name_used_again_meanwhile_is_not_overwritten_when_an_admission_is_undone(tmp_path: Path) -> None:
    make_spool(tmp_path, StoppedClock())
    drop(tmp_path, "x", b"old")
    assert not run(tmp_path, "admit", 3)
    drop(tmp_path, "x", b"new")
    assert sorted(after(tmp_path)[1]["drop"]) == [b"new", b"old"]


class Hiccup(Dying):
    """A disk that fails once, at one step."""

    def _step(self, path: Path) -> None:
        self.left -= 1
        if self.left == -1:
            raise self.end(path)


@pytest.mark.parametrize(
    ("outdisp", "word", "state", "after"),
    [("WRITE", "processed", "", ""), ("KEEP", "processed", "done", "LEAVE"), ("WRITE", "hold", "held", "HOLD")],
)
def test_what_ends_a_claim_may_be_called_again_after_a_disk_that_failed_at_any_step(
    tmp_path: Path, outdisp: str, word: str, state: str, after: str
) -> None:
    failures = 0
    for step in range(20):
        disk = Hiccup(1_000, full)
        spool = DirectorySpool(tmp_path / str(step), clock=StoppedClock(), node="N", disk=disk)
        spool.initialise("CSSMTP")
        spool.create(plain(outdisp=outdisp), [b"x"])
        claim = spool.claim(spool.select("CSSMTP")[0])
        assert claim is not None
        end = (lambda claim=claim: claim.hold("why")) if word == "hold" else claim.processed
        disk.left = step
        try:
            end()
        except SpoolError:
            failures += 1
            end()
        found = [(entry.state, entry.attributes.outdisp) for entry in spool.entries()]
        assert found == ([(state, after)] if state else [])
        spool.close()
    assert 2 < failures < 20


@pytest.mark.parametrize("stays", [False, True])
def test_a_claim_that_cannot_be_read_goes_back_as_soon_as_the_disk_lets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    disk = Hiccup(1_000, full)
    spool = DirectorySpool(tmp_path, clock=StoppedClock(), node="N", disk=disk)
    spool.initialise("CSSMTP")
    entry = spool.create(plain(), [b"x"])

    def unreadable(path: Path) -> None:
        if stays:
            disk.left = 0  # the move back fails, too
        raise SpoolError(f"{path}: cannot be read")

    with monkeypatch.context() as patch:
        patch.setattr(spool._tree, "read", unreadable)
        with pytest.raises(SpoolError):
            spool.claim(entry)
    assert spool.counts()["busy"] == stays
    assert [each.id for each in spool.select("CSSMTP")] == [entry.id]
    assert spool.claim(spool.select("CSSMTP")[0]) is not None
    spool.close()
