"""What happens in the spool between two looks: files that vanish, change, or cannot be read."""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from cssmtp.errors import SpoolError
from cssmtp.spool import dropzone
from cssmtp.spool.directory import DirectoryClaim, DirectorySpool
from cssmtp.spool.disk import Disk, spool_error
from cssmtp.spool.owner import Owner, alive, this_host
from tests.spoolkit import StoppedClock, drop, make_spool, plain


class Interrupted(Disk):
    """A disk on which something else happens right before a move that `when` picks, once."""

    def __init__(self, when: Callable[[Path, Path], bool], what: Callable[[Path], object]) -> None:
        self.when, self.what, self.done = when, what, False

    def move(self, source: Path, target: Path) -> None:
        if not self.done and self.when(source, target):
            self.done = True
            self.what(source)
        super().move(source, target)


def spool_with(root: Path, disk: Disk) -> DirectorySpool:
    make_spool(root, StoppedClock())
    return DirectorySpool(root, clock=StoppedClock(), node="N", settle_seconds=0, disk=disk)


def taking_data(source: Path, target: Path) -> bool:
    return target.name == "data"


def test_a_dropped_file_that_is_gone_before_it_is_taken_is_nobodys_problem(tmp_path: Path) -> None:
    spool = spool_with(tmp_path, Interrupted(taking_data, Path.unlink))
    path = drop(tmp_path, "x", sidecar=b"{}")
    assert spool.admit() == []
    assert os.listdir(tmp_path / "tmp") == []
    assert os.listdir(path.parent) == ["x.json"]


@pytest.mark.parametrize(
    ("swap", "words"),
    [
        (lambda path: path.write_bytes(b"HELO other\n"), "it was changed while it was taken"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "it was changed while it was taken"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/passwd")), "it cannot be read"),
    ],
    ids=["written", "fifo", "link"],
)
def test_a_dropped_file_that_is_changed_while_it_is_taken_is_bad(
    tmp_path: Path, swap: Callable[[Path], object], words: str
) -> None:
    spool = spool_with(tmp_path, Interrupted(taking_data, swap))
    drop(tmp_path, "x")
    (admission,) = spool.admit()
    assert words in admission.problem
    assert spool.counts()["bad"] == 1


def test_files_that_vanish_during_the_scan_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = make_spool(tmp_path, StoppedClock())
    drop(tmp_path, "x", sidecar=b"{}")
    names = os.listdir(tmp_path / "drop" / "CSSMTP")
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: [*listdir(path), "ghost"] if Path(path).name == "CSSMTP" else listdir(path))
    assert len(spool.admit()) == 1
    drop(tmp_path, "y")
    monkeypatch.setattr(os, "listdir", lambda path: [*names, "y", "y.json"] if Path(path).name == "CSSMTP" else listdir(path))
    assert spool.admit() == []


def test_a_drop_directory_that_cannot_be_read_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = make_spool(tmp_path, StoppedClock())
    listdir = os.listdir

    def refuse(path: Path) -> list[str]:
        if Path(path).name == "CSSMTP":
            raise PermissionError(errno.EACCES, "no", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    (admission,) = spool.admit()
    assert "cannot be read: Permission denied" in admission.problem
    assert spool.admit() == []


@pytest.mark.parametrize(
    ("name", "owner"), [("ann", "ANN"), ("two words", "UID7"), ("x" * 33, "UID7"), ("jürgen", "UID7"), ("", "UID7")]
)
def test_the_owner_is_the_file_owners_name_or_number(monkeypatch: pytest.MonkeyPatch, name: str, owner: str) -> None:
    def lookup(uid: int) -> SimpleNamespace:
        if not name:
            raise KeyError(uid)
        return SimpleNamespace(pw_name=name)

    monkeypatch.setattr(pwd, "getpwuid", lookup)
    assert dropzone.owner_name(7) == owner


def test_two_recoveries_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    first = make_spool(tmp_path, StoppedClock())
    claim = first.claim(first.create(plain(), [b"x"]))
    assert claim is not None
    built = tmp_path / "tmp" / f"create.id@{this_host()}.1.abc"
    built.mkdir()
    first.close()
    other = make_spool(tmp_path, StoppedClock())
    late = spool_with(tmp_path, Interrupted(lambda source, target: True, lambda source: other.recover()))
    assert late.recover() == []
    assert other.counts()["ready"] == 1
    built.mkdir()
    late = spool_with(tmp_path, Interrupted(lambda source, target: True, lambda source: other.recover()))
    late.recover()
    assert os.listdir(tmp_path / "tmp") == []


def test_what_is_no_building_of_ours_is_left_in_tmp(tmp_path: Path) -> None:
    (make_spool(tmp_path, StoppedClock()), (tmp_path / "tmp" / "notes").mkdir())
    make_spool(tmp_path, StoppedClock()).recover()
    assert os.listdir(tmp_path / "tmp") == ["notes"]


def test_a_broken_entry_that_is_gone_before_it_is_set_aside_is_forgotten(tmp_path: Path) -> None:
    spool = spool_with(
        tmp_path, Interrupted(lambda source, target: target.parent.name == "bad", lambda source: source.rename(tmp_path / "gone"))
    )
    entry = spool.create(plain(), [b"x"])
    assert spool.select("CSSMTP") == [entry]
    (entry.path / "attrs.json").write_bytes(b"")
    assert spool.select("CSSMTP") == []
    assert sum(spool.counts().values()) == 0


def test_an_entry_that_breaks_after_it_was_seen_is_set_aside(tmp_path: Path) -> None:
    spool = make_spool(tmp_path, StoppedClock())
    entry = spool.create(plain(dest_user="ZZZ"), [b"x"])
    assert spool.select("CSSMTP", 1) == [entry]
    (entry.path / "attrs.json").write_bytes(b"")
    assert spool.select("CSSMTP", 1) == []
    assert spool.counts()["bad"] == 1


def test_an_entry_that_is_gone_while_all_are_listed_is_left_out(tmp_path: Path) -> None:
    spool = make_spool(tmp_path, StoppedClock())
    entries = [spool.create(plain(), [b"x"]) for _ in range(2)]
    listing = spool.entries("ready")
    first = next(listing)
    spool.purge(next(entry for entry in entries if entry.id != first.id))
    assert list(listing) == []


def test_faults_of_the_disk_name_path_and_remedy(tmp_path: Path) -> None:
    missing = tmp_path / "none" / "file"
    with pytest.raises(SpoolError, match="No such file or directory"):
        Disk().append(missing, b"x")
    with pytest.raises(SpoolError, match="No such file or directory"):
        Disk().sync_path(missing)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SpoolError, match="move away the file"):
        Disk().remove(tmp_path / "file" / "below")
    with pytest.raises(SpoolError, match="File exists"):
        Disk().write(tmp_path / "file", [b""])
    with pytest.raises(SpoolError, match="No such file or directory"):
        Owner(missing)
    (tmp_path / f"{this_host()}.1.a").mkdir()
    with pytest.raises(SpoolError, match="Is a directory"):
        alive(tmp_path, f"{this_host()}.1.a")


def test_a_spool_error_can_be_shown_whatever_the_name() -> None:
    fault = spool_error(OSError(errno.ENOSPC, "full"), Path(os.fsdecode(b"/a\xff\n\x1b")))
    assert fault.show() == "/a\\udcff\\n\\x1b: No space left on device; make room on the file system of the spool"


@pytest.mark.parametrize(
    ("name", "look"),
    [("attrs.json", lambda claim, spool: list(spool.entries())), ("journal", lambda claim, spool: claim.tries)],
)
def test_an_entry_that_cannot_be_read_is_a_spool_error(
    tmp_path: Path, name: str, look: Callable[[DirectoryClaim, DirectorySpool], object]
) -> None:
    spool = make_spool(tmp_path, StoppedClock())
    claim = spool.claim(spool.create(plain(), [b"x"]))
    assert claim is not None
    (claim.path / name).unlink(missing_ok=True)
    (claim.path / name).mkdir()
    with pytest.raises(SpoolError, match="Is a directory"):
        look(claim, spool)


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    spool = make_spool(tmp_path, StoppedClock())
    spool.close()
    spool.create(plain(), [b"x"])
    spool.close()
    spool.close()
    assert os.listdir(tmp_path / "owners") == []
