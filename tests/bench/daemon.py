"""Our gateway as a sender: the real daemon, from spool files in its drop zone to the server.

Promises: `run_daemon` times the whole process, start included, until the spool is empty and every mail is delivered.
Never: takes a shortcut; the configuration has nothing that a user would not have.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench.errand import Errand, Run, run, write_decks

CONFIGURATION = """\
Report Sysout A
TargetServer
{{
  TargetIp      127.0.0.1
  ConnectPort   {port}
  ConnectLimit  {connections}
  PipelineDepth {depth}
}}
"""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A spool with an empty drop zone, and the command that serves it."""

    drop: Path
    command: list[str]


def prepared(errand: Errand, *, checkpoint: bool = True) -> Gateway:
    """A new gateway in the scratch directory of the errand."""
    home = errand.scratch / "gateway"
    shutil.rmtree(home, ignore_errors=True)
    drop = home / "spool" / "drop" / "CSSMTP"
    drop.mkdir(parents=True)
    configuration = home / "bench.conf"
    configuration.write_text(CONFIGURATION.format(port=errand.port, connections=errand.connections, depth=errand.depth))
    command = [sys.executable, "-m", "cssmtp", "run", "-c", str(configuration), "--spool", str(home / "spool")]
    command += ["--log", str(home / "log"), *(["--checkpoint", str(home / "checkpoint")] if checkpoint else [])]
    return Gateway(drop, command)


def run_daemon(errand: Errand) -> Run:
    """With the checkpoint on, as a gateway should be run."""
    gateway = prepared(errand)
    write_decks(gateway.drop, errand)
    return run([*gateway.command, "--until-idle"], errand)


def run_daemon_without_checkpoint(errand: Errand) -> Run:
    """The same without a checkpoint: what that costs is the difference."""
    gateway = prepared(errand, checkpoint=False)
    write_decks(gateway.drop, errand)
    return run([*gateway.command, "--until-idle"], errand)
