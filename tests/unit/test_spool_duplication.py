"""One spool file becomes several, each exactly once, whatever step of the disk the process dies at or the disk fails at."""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from cssmtp.errors import SpoolError, UnreadableData
from cssmtp.spool.directory import DirectoryClaim, DirectorySpool
from cssmtp.spool.disk import Disk
from cssmtp.spool.duplication import STAGED, publish, stage
from tests.dying import Death, Dying, death, full
from tests.spoolkit import StoppedClock, make_spool, plain

DATA = b"HELO MVSA" * 100


def original(root: Path) -> DirectorySpool:
    spool = make_spool(root, StoppedClock())
    spool.create(plain(writer="SMTPD", outdisp="KEEP"), [DATA])
    return spool


def claimed(spool: DirectorySpool) -> DirectoryClaim:
    claim = spool.claim(spool.select("SMTPD")[0])
    assert claim is not None
    return claim


def duplicate(claim: DirectoryClaim) -> None:
    stage(claim, [replace(claim.attributes, writer=name) for name in ("SMTPD1", "CSSMTP")])
    for _ in publish(claim):
        pass


class Mailers:
    """Two mailers that take each copy at once, and remember what they saw."""

    def __init__(self, root: Path) -> None:
        self.spool = DirectorySpool(root, clock=StoppedClock(), node="NODE1")
        self.seen: Counter[tuple[str, bytes]] = Counter()

    def work(self) -> None:
        for writer in ("SMTPD1", "CSSMTP"):
            for entry in self.spool.select(writer):
                claim = self.spool.claim(entry)
                assert claim is not None
                with claim.open() as stream:
                    self.seen[writer, stream.read()] += 1
                claim.purge()


def finish(root: Path, mailers: Mailers) -> None:
    """The next process recovers and copies what there is."""
    spool = make_spool(root, StoppedClock())
    spool.recover()
    for entry in spool.select("SMTPD"):
        claim = spool.claim(entry)
        assert claim is not None
        duplicate(claim)
    mailers.work()
    assert mailers.seen == {("SMTPD1", DATA): 1, ("CSSMTP", DATA): 1}
    assert sum(spool.counts().values()) == 0
    assert os.listdir(root / "tmp") == []
    spool.close()


@pytest.mark.parametrize("greedy", [True, False], ids=["fast-mailers", "slow-mailers"])
def test_death_at_any_step_makes_each_copy_exactly_once(tmp_path: Path, greedy: bool) -> None:
    steps = 0
    while True:
        root = tmp_path / str(steps)
        original(root).close()
        spool = DirectorySpool(root, clock=StoppedClock(), node="NODE1", disk=Dying(steps, death))
        mailers = Mailers(root)
        ended = True
        try:
            duplicate(claimed(spool))
        except Death:
            ended = False
        spool.close()
        if greedy:
            mailers.work()
        finish(root, mailers)
        mailers.spool.close()
        if ended:
            break
        steps += 1
    assert steps > 15


def test_a_second_death_while_the_rest_is_made_is_no_harm(tmp_path: Path) -> None:
    for first in range(12, 22):
        for second in range(0, 12, 2):
            root = tmp_path / f"{first}-{second}"
            original(root).close()
            mailers = Mailers(root)
            for steps in (first, second + 4):
                spool = DirectorySpool(root, clock=StoppedClock(), node="NODE1", disk=Dying(steps, death))
                try:
                    spool.recover()
                    for entry in spool.select("SMTPD"):
                        claim = spool.claim(entry)
                        assert claim is not None
                        duplicate(claim)
                except Death:
                    pass
                spool.close()
                mailers.work()
            finish(root, mailers)
            mailers.spool.close()


def test_a_disk_that_fails_at_any_step_loses_and_doubles_nothing(tmp_path: Path) -> None:
    steps = 0
    while True:
        root = tmp_path / str(steps)
        original(root).close()
        disk = Dying(10**6, full)
        spool = DirectorySpool(root, clock=StoppedClock(), node="NODE1", disk=disk)
        mailers = Mailers(root)
        claim = claimed(spool)
        disk.left = steps
        ended = True
        try:
            duplicate(claim)
        except SpoolError:
            ended = False
            disk.left = 10**6
            mailers.work()
            if claim.path.is_dir():
                duplicate(claim)
        spool.close()
        finish(root, mailers)
        mailers.spool.close()
        if ended:
            break
        steps += 1
    assert steps > 15


def test_copies_have_ids_and_tokens_of_their_own_and_the_bytes_of_the_original(tmp_path: Path) -> None:
    spool = original(tmp_path)
    claim = claimed(spool)
    duplicate(claim)
    entries = list(spool.entries("ready"))
    assert sorted(entry.attributes.writer for entry in entries) == ["CSSMTP", "SMTPD1"]
    assert len({claim.id, *(entry.id for entry in entries)}) == 3
    for entry in entries:
        assert (entry.path / "data").read_bytes() == DATA
        assert entry.attributes.token == entry.id
        assert entry.attributes.outdisp == "KEEP"
        assert sorted(os.listdir(entry.path)) == ["attrs.json", "data"]


def test_a_held_copy_goes_to_held(tmp_path: Path) -> None:
    spool = original(tmp_path)
    claim = claimed(spool)
    stage(claim, [replace(claim.attributes, writer="A", hold="user"), replace(claim.attributes, writer="B", outdisp="LEAVE")])
    assert [entry.state for entry in publish(claim)] == ["held", "held"]
    assert spool.counts()["held"] == 2


def test_what_was_settled_stands_whatever_the_next_owner_wants(tmp_path: Path) -> None:
    spool = original(tmp_path)
    first = claimed(spool)
    assert stage(first, [replace(first.attributes, writer="SMTPD1")]) is True
    first.release()
    second = claimed(spool)
    assert stage(second, [replace(second.attributes, writer="OTHER")]) is False
    assert [entry.attributes.writer for entry in publish(second)] == ["SMTPD1"]


def test_a_file_without_copies_is_refused_before_it_is_lost(tmp_path: Path) -> None:
    spool = original(tmp_path)
    claim = claimed(spool)
    with pytest.raises(ValueError, match="would be lost"):
        stage(claim, [])
    with pytest.raises(ValueError, match="no copies are settled"):
        next(publish(claim))
    assert claim.size == len(DATA)


def test_attributes_that_nobody_could_read_settle_nothing(tmp_path: Path) -> None:
    spool = original(tmp_path)
    claim = claimed(spool)
    with pytest.raises(UnreadableData, match='key "writer" has the value "INTRDR"'):
        stage(claim, [replace(claim.attributes, writer="A"), replace(claim.attributes, writer="INTRDR")])
    assert sorted(os.listdir(claim.path)) == ["attrs.json", "data"]


def test_data_that_is_gone_is_unreadable_and_settles_nothing(tmp_path: Path) -> None:
    spool = original(tmp_path)
    claim = claimed(spool)
    (claim.path / "data").unlink()
    with pytest.raises(UnreadableData, match="data of the spool file cannot be read: No such file or directory"):
        stage(claim, [replace(claim.attributes, writer="A")])
    assert os.listdir(claim.path) == ["attrs.json"]


def test_a_settled_copy_that_is_damaged_is_told_and_the_original_stays(tmp_path: Path) -> None:
    spool = original(tmp_path)
    claim = claimed(spool)
    stage(claim, [replace(claim.attributes, writer="A")])
    (copy,) = (claim.path / STAGED).iterdir()
    (copy / "attrs.json").write_bytes(b"")
    with pytest.raises(UnreadableData, match="cannot be understood"):
        list(publish(claim))
    assert claim.size == len(DATA)


@pytest.mark.parametrize("code", [errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP])
def test_where_links_are_not_allowed_the_data_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(DATA * 2000)
    Disk().duplicate(source, target)
    assert target.read_bytes() == DATA * 2000
    assert source.stat().st_ino != target.stat().st_ino


def test_a_link_that_fails_for_lack_of_room_is_a_spool_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(SpoolError, match="make room"):
        Disk().duplicate(tmp_path / "a", tmp_path / "b")


def test_crashes_while_a_file_is_only_copied_do_not_hold_it(tmp_path: Path) -> None:
    original(tmp_path).close()
    for _ in range(5):
        spool = make_spool(tmp_path, StoppedClock())
        spool.recover()
        claim = claimed(spool)
        assert claim.tries <= 1
        claim.note(b"copying")
        spool.close()
    spool = make_spool(tmp_path, StoppedClock())
    spool.recover()
    assert spool.counts()["ready"] == 1
