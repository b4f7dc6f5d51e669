"""The servers that benchmarks send to: Postfix's smtp-sink, or one of ours that answers after a delay.

Promises: on a free port of loopback; ends with the benchmark.
Never: keeps a mail.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench import machine

WAIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sink:
    """A running server."""

    port: int
    pid: int

    def cpu(self) -> float:
        """CPU seconds it has used so far: near the elapsed time, it is the server that bounds a figure."""
        return machine.cpu_of(self.pid)


@contextmanager
def sink(milliseconds: float = 0, *, chunking: bool = False, cores: frozenset[int] | None = None) -> Iterator[Sink]:
    """smtp-sink, or with a delay or CHUNKING our own server, on `cores`. Raises RuntimeError when it does not start."""
    port = machine.free_port()
    if milliseconds or chunking:
        command = [sys.executable, "-m", "tests.bench.slowsink", str(port), str(milliseconds), "CHUNKING" if chunking else "DATA"]
    else:
        program = machine.program("smtp-sink")
        if program is None:
            raise RuntimeError("smtp-sink is not installed")
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [program, *user, f"127.0.0.1:{port}", "200"]
    with machine.on(cores):
        process = subprocess.Popen(command, cwd=machine.ROOT, stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield Sink(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int) -> None:
    """Return when somebody listens on a port of loopback; RuntimeError when nobody does for ten seconds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nobody listens on port {port}")
