"""The two pools of JES tasks (messages EZD1856I): a full one leaves the other to go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cssmtp.clock import SystemClock
from cssmtp.config.model import Options
from cssmtp.engine import supervisor
from cssmtp.engine.spooltask import FileResult
from cssmtp.engine.supervisor import Gateway, pool_of
from cssmtp.engine.testmode import TestModeTask
from cssmtp.observe.bus import Bus
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.store import SelectedBy, SpoolEntry
from tests.enginekit import configuration
from tests.spoolkit import StoppedClock, make_spool, plain

LIMIT = 2
after = Gateway._ended


class Held(TestModeTask):
    """A task that does nothing until the test lets it go, and then purges its file."""

    running: list[str]
    gate: asyncio.Event

    async def run(self) -> FileResult:
        Held.running.append(self._claim.attributes.jobname)
        await Held.gate.wait()
        self._claim.purge()
        Held.running.remove(self._claim.attributes.jobname)
        return FileResult(0, False)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DirectorySpool]:
    monkeypatch.setattr(supervisor, "POOLS", dict.fromkeys(SelectedBy, LIMIT))
    monkeypatch.setattr(supervisor, "TestModeTask", Held)
    Held.running, Held.gate = [], asyncio.Event()
    spool = make_spool(tmp_path, StoppedClock())
    yield spool
    spool.close()


def gateway(store: DirectorySpool, tmp_path: Path) -> Gateway:
    settings = replace(configuration(tmp_path), options=Options(test_mode=True))
    return Gateway(settings, store, Bus(), SystemClock(), until_idle=True)


async def until(names: set[str]) -> None:
    async with asyncio.timeout(10):
        while set(Held.running) != names:
            await asyncio.sleep(0.001)


async def test_a_full_writer_pool_leaves_the_destination_pool_to_go_on(store: DirectorySpool, tmp_path: Path) -> None:
    for number in range(4):
        store.create(plain(jobname=f"W{number}", priority=200 - number), [b"HELO a\n"])
    for number in range(3):
        store.create(plain(jobname=f"D{number}", writer="OTHER", dest_user="CSSMTP", priority=100 - number), [b"HELO a\n"])
    work = gateway(store, tmp_path)
    running = asyncio.create_task(work.run())
    await until({"W0", "W1", "D0", "D1"})
    assert store.counts()["ready"] == 3
    Held.gate.set()
    assert await running == 0
    assert sum(store.counts().values()) == 0


async def test_until_idle_ends_when_nothing_is_ready_and_not_when_the_tasks_have_just_ended(
    store: DirectorySpool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks that are done before the next look at the spool leave what is behind them to be begun."""
    for number in range(10):
        store.create(plain(jobname=f"W{number}"), [b"HELO a\n"])
    Held.gate.set()
    select = DirectorySpool.select

    def slow(self: DirectorySpool, name: str, limit: int = 0, by: SelectedBy | None = None) -> list[SpoolEntry]:
        found = select(self, name, limit, by)
        if by is not None:  # a search for one pool only, while the tasks of the other one work: let these end first
            ended.wait(10)
        return found

    ended = threading.Event()
    monkeypatch.setattr(DirectorySpool, "select", slow)
    monkeypatch.setattr(Gateway, "_ended", lambda self, task: (after(self, task), ended.set() if not self._tasks else None))
    assert await gateway(store, tmp_path).run() == 0
    assert sum(store.counts().values()) == 0


async def test_entries_that_cannot_be_claimed_do_not_make_the_gateway_spin(
    store: DirectorySpool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        store.create(plain(jobname=f"W{number}"), [b"HELO a\n"])
    tried: list[str] = []
    monkeypatch.setattr(DirectorySpool, "claim", lambda self, entry: tried.append(entry.id))
    work = gateway(store, tmp_path)
    assert await work.run() == 0
    assert len(tried) == LIMIT


@pytest.mark.parametrize(
    ("writer", "dest", "pool"),
    [("CSSMTP", "", "writer"), ("CSSMTP", "CSSMTP", "writer"), ("OTHER", "CSSMTP", "dest"), ("", "CSSMTP", "dest")],
)
def test_the_pool_of_an_entry(writer: str, dest: str, pool: str) -> None:
    entry = SpoolEntry("X", plain(writer=writer, dest_user=dest), "ready", Path())
    assert pool_of(entry, "cssmtp") is SelectedBy(pool)


def test_there_are_tasks_in_both_pools() -> None:
    assert supervisor.POOLS == {SelectedBy.WRITER: supervisor.WRITER_TASKS, SelectedBy.DEST: supervisor.DEST_TASKS}
    assert min(supervisor.POOLS.values()) > 0
