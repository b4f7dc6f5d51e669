"""kill -9 of the real process: every file is copied exactly once (see also `python -m tests.soak.ezbmcopy`)."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from cssmtp.clock import SystemClock
from cssmtp.spool.directory import DirectorySpool
from tests.soak.ezbmcopy import DECK, PROJECT, Soak
from tests.spoolkit import plain

KILLS = 40


def test_after_kills_at_random_moments_each_mailer_has_seen_each_file_once(tmp_path: Path) -> None:
    counts = Soak(tmp_path / "spool", seed=9).run(KILLS)
    assert counts.wrong == []
    assert counts.kills == KILLS
    assert counts.copies == 2 * counts.files > 0


def test_two_processes_for_one_writer_share_the_work(tmp_path: Path) -> None:
    spool = DirectorySpool(tmp_path, clock=SystemClock(), node="NODE1")
    spool.initialise()
    names = [f"J{number}" for number in range(60)]
    for name in names:
        spool.create(plain(writer="SMTPD", jobname=name), [name.encode()])
    command = [sys.executable, "-m", "ezbmcopy", str(DECK), "--spool", str(tmp_path), "--until-idle"]
    both = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) for _ in range(2)]
    reports = [process.communicate(timeout=60)[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(report.count(" copied ") for report in reports) == len(names)
    found = Counter((entry.attributes.writer, entry.attributes.jobname) for entry in spool.entries())
    assert found == Counter({(writer, name): 1 for writer in ("SMTPD1", "CSSMTP") for name in names})
