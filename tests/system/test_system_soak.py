"""The soak of the gateway in short: random faults, kill -9 at random instants, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

from tests.soak.gateway import Soak, passed, report


async def test_random_faults_and_kills_lose_nothing_and_repeat_nothing_recorded(tmp_path: Path) -> None:
    counts = await Soak(tmp_path, 20261122, depth=2, strength=2.0).run(kills=15)
    assert passed(counts), "\n".join(report(counts))
    assert counts.kills == 15
    assert counts.faults.total() > 20
    assert counts.verdicts.ends["delivered"] > 200
    assert counts.verdicts.ends["notice"] + counts.verdicts.ends["letter"] > 0
