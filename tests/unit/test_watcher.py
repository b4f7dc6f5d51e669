"""Noticing new files: hints come at once where inotify is, and the rescan comes anyway."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cssmtp.engine.watcher import Watcher

LONG = 30.0


async def test_a_rename_into_the_directory_wakes_and_is_told_as_complete(tmp_path: Path) -> None:
    zone = tmp_path / "drop"
    zone.mkdir()
    (tmp_path / "built").write_bytes(b"x")
    async with Watcher([zone], LONG) as watcher:
        await asyncio.sleep(0)  # let the listener begin
        (tmp_path / "built").rename(zone / "deck")
        await asyncio.wait_for(watcher.wait(), 10)
        assert watcher.arrived() == {"deck"}
        assert watcher.arrived() == frozenset()


async def test_a_file_written_in_place_wakes_but_is_not_told_as_complete(tmp_path: Path) -> None:
    async with Watcher([tmp_path], LONG) as watcher:
        await asyncio.sleep(0)
        (tmp_path / "deck").write_bytes(b"x")
        await asyncio.wait_for(watcher.wait(), 10)
        assert watcher.arrived() == frozenset()


async def test_without_any_hint_the_rescan_is_due(tmp_path: Path) -> None:
    async with Watcher([tmp_path], 0.01) as watcher:
        await asyncio.wait_for(watcher.wait(), 10)


async def test_a_directory_that_cannot_be_watched_leaves_the_rescan(tmp_path: Path) -> None:
    async with Watcher([tmp_path / "missing"], 0.01) as watcher:
        await asyncio.wait_for(watcher.wait(), 10)


async def test_poke_wakes(tmp_path: Path) -> None:
    async with Watcher([], LONG) as watcher:
        watcher.poke()
        await asyncio.wait_for(watcher.wait(), 10)


async def test_a_look_is_due_after_a_change_and_after_a_while_and_not_because_of_a_poke(tmp_path: Path) -> None:
    async with Watcher([tmp_path], LONG) as watcher:
        await asyncio.sleep(0)
        assert [watcher.due(), watcher.due()] == [True, False]
        watcher.poke()
        await asyncio.wait_for(watcher.wait(), 10)
        assert not watcher.due()
        (tmp_path / "deck").write_bytes(b"x")
        await asyncio.wait_for(watcher.wait(), 10)
        assert watcher.due()
    eager = Watcher([], 0.0)
    assert [eager.due(), eager.due()] == [True, True]
