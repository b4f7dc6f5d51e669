"""The machine a benchmark runs on: its programs, its cores, and what processes have used of them.

Promises: says what is installed; CPU time is user and system, in seconds.
Never: changes the machine; a core set holds for the processes started inside `on` and is put back.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""Where `python -m cssmtp` and `python -m tests.bench...` can be run."""

PROGRAM_PATH = "/usr/sbin:/usr/libexec/postfix:/usr/lib/postfix/sbin"
"""Where Postfix keeps its programs, beside the usual path."""

TICKS = os.sysconf("SC_CLK_TCK")


def program(name: str) -> str | None:
    """The path of a program, or None when it is not installed."""
    return shutil.which(name) or shutil.which(name, path=PROGRAM_PATH)


def version(package: str) -> str | None:
    """The version of a Python package, or None when it is not installed."""
    if importlib.util.find_spec(package) is None:
        return None
    return importlib.metadata.version(package)


def cores() -> tuple[frozenset[int], frozenset[int]]:
    """The core of a server and that of a sender; the same one where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return frozenset(usable[:1]), frozenset(usable[1:2] or usable)


@contextmanager
def on(chosen: frozenset[int] | None) -> Iterator[None]:
    """What is started inside runs on these cores and no others; None = wherever the kernel likes."""
    before = os.sched_getaffinity(0)
    if chosen:
        os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_of(pid: int) -> float:
    """CPU seconds of a running process; 0 when it is gone."""
    user, system, _, _ = _times(pid)
    return (user + system) / TICKS


def cpu_of_family(pid: int) -> float:
    """CPU seconds of a running process, its living children and those of its children that have ended."""
    parents = {int(path.name): _parent(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    children = [child for child, parent in parents.items() if parent == pid]
    return (sum(_times(pid)) + sum(sum(_times(child)) for child in children)) / TICKS


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _times(pid: int) -> tuple[int, int, int, int]:
    """Ticks: own user and system, user and system of ended children."""
    fields = _stat(pid)
    if not fields:
        return 0, 0, 0, 0
    user, system, child_user, child_system = map(int, fields[11:15])
    return user, system, child_user, child_system


def description() -> dict[str, str]:
    """What a reader of the figures must know of the machine."""
    found = {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "postfix": _postfix_version() or "not installed",
    }
    for package, meaning in (("uvloop", "our daemon, aiosmtplib"), ("asyncinotify", "our daemon")):
        known = version(package)
        found[package] = f"{known} (used by {meaning})" if known else "not installed"
    found["aiosmtplib"] = importlib.metadata.version("aiosmtplib")
    return found


def _postfix_version() -> str:
    postconf = program("postconf")
    if postconf is None:
        return ""
    return subprocess.run([postconf, "-dh", "mail_version"], capture_output=True, text=True, check=False).stdout.strip()
