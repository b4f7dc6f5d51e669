"""The soak of REFRESH in short: the real daemon, an operator who never rests, and every mail accounted for."""

from __future__ import annotations

from pathlib import Path

from tests.soak.refresh import RefreshSoak, passed, report


async def test_refresh_and_every_other_command_under_load_lose_and_repeat_nothing(tmp_path: Path) -> None:
    counts = await RefreshSoak(tmp_path, 8_000, 20261122, pause=0.02).run()
    assert passed(counts), "\n".join(report(counts))
    assert sum(counts.ends.values()) == 8_000
    assert counts.refreshes > 7
    assert counts.refused > 0
    assert counts.ends["taken"] > 7_800
    assert counts.ends["letter"] + counts.ends["notice"] > 0
