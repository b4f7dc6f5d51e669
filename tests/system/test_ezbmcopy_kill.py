"""kill -9 of the real process: every file is copied exactly once (see also `python -m tests.soak.ezbmcopy`)."""

from __future__ import annotations

from pathlib import Path

from tests.soak.ezbmcopy import Soak

KILLS = 40


def test_after_kills_at_random_moments_each_mailer_has_seen_each_file_once(tmp_path: Path) -> None:
    counts = Soak(tmp_path / "spool", seed=9).run(KILLS)
    assert counts.wrong == []
    assert counts.kills == KILLS
    assert counts.copies == 2 * counts.files > 0
