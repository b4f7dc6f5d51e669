"""Selection stays cheap and right when much waits, and other processes add and take (jes-spool.md 4 and 11)."""

from __future__ import annotations

from pathlib import Path

import pytest

from cssmtp.spool import tree as tree_module
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.owner import Owner, alive, this_host
from cssmtp.spool.readylist import REREAD_SECONDS
from cssmtp.spool.store import SelectedBy
from cssmtp.spool.tree import Tree
from tests.spoolkit import StoppedClock, drop, make_spool, plain


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


def jobs(spool: DirectorySpool, limit: int = 0, writer: str = "CSSMTP") -> list[str]:
    return [entry.attributes.jobname for entry in spool.select(writer, limit)]


def add(spool: DirectorySpool, clock: StoppedClock, *names: str, **attributes: object) -> None:
    for name in names:
        clock.forward(0.001)
        spool.create(plain(jobname=name, **attributes), [b""])


def test_a_selection_reads_no_more_than_it_returns(tmp_path: Path, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = make_spool(tmp_path, clock)
    add(spool, clock, *(f"J{n}" for n in range(50)))
    read: list[Path] = []
    original = Tree.read
    monkeypatch.setattr(tree_module.Tree, "read", lambda self, path: (read.append(path), original(self, path))[1])
    assert jobs(spool, 2) == ["J0", "J1"]
    assert len(read) == 2


def test_what_this_process_adds_is_seen_at_once_in_its_place(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock)
    add(spool, clock, "A", "B", "C")
    assert jobs(spool, 1) == ["A"]
    add(spool, clock, "FIRST", priority=255)
    add(spool, clock, "LAST")
    assert jobs(spool, 2) == ["FIRST", "A"]
    assert jobs(spool, 9) == ["FIRST", "A", "B", "C", "LAST"]


def test_what_another_process_adds_is_seen_when_time_has_passed_or_work_runs_out(tmp_path: Path, clock: StoppedClock) -> None:
    spool, other = make_spool(tmp_path, clock), make_spool(tmp_path, clock)
    add(spool, clock, "A", "B")
    assert jobs(spool, 1) == ["A"]
    add(other, clock, "URGENT", priority=255)
    assert jobs(spool, 1) == ["A"]
    assert jobs(spool, 3) == ["URGENT", "A", "B"]
    add(other, clock, "NOW", priority=255)
    clock.forward(REREAD_SECONDS)
    assert jobs(spool, 1) == ["URGENT"]
    assert jobs(spool, 2) == ["URGENT", "NOW"]


def test_what_another_process_takes_is_not_returned_and_comes_back_when_released(tmp_path: Path, clock: StoppedClock) -> None:
    spool, other = make_spool(tmp_path, clock), make_spool(tmp_path, clock)
    add(spool, clock, "A", "B", "C", dest_user="TWICE")
    assert jobs(spool) == jobs(spool, writer="TWICE") == ["A", "B", "C"]
    claim = other.claim(other.select("CSSMTP")[1])
    assert claim is not None
    assert jobs(spool, 2) == ["A", "C"]
    claim.release()
    assert jobs(spool) == jobs(spool, writer="TWICE") == ["A", "B", "C"]


def test_older_work_that_comes_back_takes_its_place_before_newer(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock)
    add(spool, clock, "A", "B", "C")
    claim = spool.claim(spool.select("CSSMTP", 1)[0])
    assert claim is not None
    assert jobs(spool, 1) == ["B"]
    claim.release()
    assert jobs(spool, 2) == ["A", "B"]


def test_the_work_of_other_writers_is_passed_over_and_remembered(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock)
    add(spool, clock, "A", "B", writer="OTHER")
    add(spool, clock, "C")
    assert jobs(spool, 1) == ["C"]
    assert jobs(spool, 5, writer="OTHER") == ["A", "B"]


def test_an_owner_lives_until_it_is_closed(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    assert owner.name.startswith(this_host() + ".")
    assert alive(tmp_path, owner.name)
    owner.close()
    assert not alive(tmp_path, owner.name)


def test_an_owner_whose_lock_file_is_left_without_lock_is_dead(tmp_path: Path) -> None:
    name = f"{this_host()}.1.abc"
    (tmp_path / name).write_bytes(b"")
    assert not alive(tmp_path, name)
    assert alive(tmp_path, "elsewhere.1.abc")


def test_recovery_removes_the_lock_files_of_the_dead_only(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock)
    add(spool, clock, "A")
    (tmp_path / "owners" / f"{this_host()}.1.abc").write_bytes(b"")
    (tmp_path / "owners" / "elsewhere.1.abc").write_bytes(b"")
    living = {path.name for path in (tmp_path / "owners").iterdir()} - {f"{this_host()}.1.abc"}
    spool.recover()
    assert {path.name for path in (tmp_path / "owners").iterdir()} == living


def by(spool: DirectorySpool, how: SelectedBy, limit: int = 9) -> list[str]:
    return [entry.attributes.jobname for entry in spool.select("CSSMTP", limit, how)]


def test_a_selection_by_writer_or_by_destination_alone(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock)
    add(spool, clock, "W1")
    add(spool, clock, "D1", writer="OTHER", dest_user="CSSMTP")
    add(spool, clock, "B1", dest_user="CSSMTP")
    add(spool, clock, "D2", writer="", dest_user="CSSMTP", priority=200)
    add(spool, clock, "X", writer="OTHER", dest_user="X")
    assert jobs(spool) == ["D2", "W1", "D1", "B1"]
    assert by(spool, SelectedBy.WRITER) == ["W1", "B1"]
    assert by(spool, SelectedBy.DEST) == ["D2", "D1"]
    assert by(spool, SelectedBy.DEST, 1) == ["D2"]


def test_a_search_for_few_in_many_goes_on_where_it_stopped(
    tmp_path: Path, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cssmtp.spool.readylist.LOOKED_AT_ONCE", 10)
    spool = make_spool(tmp_path, clock)
    add(spool, clock, *(f"W{n}" for n in range(24)))
    add(spool, clock, "D1", "D2", writer="OTHER", dest_user="CSSMTP")
    assert [by(spool, SelectedBy.DEST) for _ in range(3)] == [[], [], ["D1", "D2"]]
    assert jobs(spool, 1) == ["W0"]


def test_nobody_can_be_made_to_wait_for_an_entry_that_nobody_selects(tmp_path: Path, clock: StoppedClock) -> None:
    spool = make_spool(tmp_path, clock)
    with pytest.raises(ValueError, match="nobody would select it"):
        spool.create(plain(writer=""), [b""])
    drop(tmp_path, "X", sidecar=b'{"writer": ""}')
    assert "nobody would select it" in spool.admit()[0].problem
    drop(tmp_path, "Y", sidecar=b'{"writer": "", "dest": {"user": "CSSMTP"}}')
    assert spool.admit()[0].problem == ""
    assert jobs(spool) == ["Y"]
