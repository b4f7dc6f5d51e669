"""Our gateway as a sender: the real daemon, from spool files in its drop zone to the server.

Promises: timed from the rename of the first spool file into the drop zone of a daemon that runs already, until the spool is
empty: every mail delivered, recorded, and its spool file gone. CPU time is that of the whole process meanwhile.
Never: takes a shortcut; the configuration has nothing that a user would not have.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import machine
from tests.bench.errand import Errand, Run, write_decks

POLL_SECONDS = 0.02
START_SECONDS = 20.0
LIMIT_SECONDS = 300.0
STOP_SECONDS = 20.0
READY = "BMG0002I"
"""The message that says that initialization is complete."""

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
    """A spool, and the spool files of an errand, written but not yet in its drop zone. All are on one file system."""

    home: Path
    command: list[str]

    @property
    def drop(self) -> Path:
        return self.home / "spool" / "drop" / "CSSMTP"

    @property
    def decks(self) -> Path:
        return self.home / "decks"

    def submit(self) -> None:
        """Rename all spool files into the drop zone."""
        for name in sorted(os.listdir(self.decks)):
            os.rename(self.decks / name, self.drop / name)

    def drain(self, seconds: float) -> bool:
        """Return True when the spool is empty, False when it is not in time. Raises RuntimeError when files were held."""
        deadline = time.monotonic() + seconds
        spool = self.home / "spool"
        # In the order in which a file goes, so that none can pass from a part not yet seen to one seen.
        while _holds(self.drop) or _holds(spool / "tmp") or _holds(spool / "ready", depth=2) or _holds(spool / "busy"):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        if _holds(spool / "held") or _holds(spool / "bad"):
            raise RuntimeError(f"spool files were not delivered:\n{self.log()[-2000:]}")
        return True

    def left(self) -> int:
        """Spool files that are still there."""
        spool = self.home / "spool"
        return sum(sum(1 for _ in spool.glob(pattern)) for pattern in ("drop/CSSMTP/*", "ready/*/*", "busy/*"))

    def log(self) -> str:
        try:
            return (self.home / "log").read_text(errors="replace")
        except FileNotFoundError:
            return ""


def _holds(directory: Path, depth: int = 1) -> bool:
    """Whether something is that deep in a directory. Stops at the first find: a poll must not cost what is measured."""
    try:
        with os.scandir(directory) as entries:
            return any(depth == 1 or _holds(Path(entry.path), depth - 1) for entry in entries)
    except FileNotFoundError:
        return False


def prepared(errand: Errand, *, checkpoint: bool = True) -> Gateway:
    """A new gateway in the scratch directory of the errand, its spool files ready to be submitted."""
    home = errand.scratch / "gateway"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    configuration = home / "bench.conf"
    configuration.write_text(CONFIGURATION.format(port=errand.port, connections=errand.connections, depth=errand.depth))
    command = [sys.executable, "-m", "cssmtp", "run", "-c", str(configuration), "--spool", str(home / "spool")]
    command += ["--log", str(home / "log"), *(["--checkpoint", str(home / "checkpoint")] if checkpoint else [])]
    gateway = Gateway(home, command)
    gateway.drop.mkdir(parents=True)
    gateway.decks.mkdir()
    write_decks(gateway.decks, errand)
    return gateway


@contextmanager
def running(gateway: Gateway, cores: frozenset[int] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon, ready. Whoever does not end it with `stop` leaves it to be killed."""
    with (gateway.home / "console").open("wb") as console, machine.on(cores):
        process = subprocess.Popen(gateway.command, cwd=machine.ROOT, stdout=console, stderr=console)
    try:
        deadline = time.monotonic() + START_SECONDS
        while READY not in gateway.log():
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"the daemon does not start:\n{(gateway.home / 'console').read_text()}")
            time.sleep(POLL_SECONDS)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()


def stop(process: subprocess.Popen[bytes]) -> int:
    """Tell the daemon to end, kill it when it does not in time; returns the most memory it had, in octets."""
    process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_maxrss * 1024
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(POLL_SECONDS)


def run_daemon(errand: Errand, *, checkpoint: bool = True) -> Run:
    """`checkpoint` is on as it should be in a gateway; without it, what it costs is the difference. Raises RuntimeError when
    anything was not delivered."""
    return _timed(prepared(errand, checkpoint=checkpoint), errand, LIMIT_SECONDS)


def run_waiting(errand: Errand, seconds: float) -> Run:
    """With all spool files in the drop zone before the daemon starts. After so many seconds it is stopped with what it has done;
    the errand must be one of small files then, as files that are still there are not counted."""
    gateway = prepared(errand)
    gateway.submit()
    return _timed(gateway, errand, seconds, partly=True)


def _timed(gateway: Gateway, errand: Errand, limit: float, *, partly: bool = False) -> Run:
    with running(gateway, errand.cores) as process:
        before = machine.cpu_of(process.pid)
        begun = time.perf_counter()
        gateway.submit()
        if not gateway.drain(limit) and not partly:
            raise RuntimeError(f"the spool is not empty after {limit:.0f} s:\n{gateway.log()[-2000:]}")
        seconds = time.perf_counter() - begun
        cpu = machine.cpu_of(process.pid) - before
        left = gateway.left()
        peak = stop(process)
    if process.returncode != 0 and not partly:
        raise RuntimeError(f"the daemon ended with {process.returncode}:\n{gateway.log()[-2000:]}")
    return Run(max(1, errand.mails - left), seconds, cpu, peak)
