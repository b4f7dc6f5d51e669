"""Puts bus, log and console together.

Promises: with a log file, the log goes there and console messages to standard error; without one, the log goes to standard
error and holds the console messages anyway.
"""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from cssmtp.clock import Clock
from cssmtp.observe.bus import Bus
from cssmtp.observe.console import Console
from cssmtp.observe.log import FileChannel, Log, StreamChannel


def observers(log_file: str, level: int, clock: Clock, stderr: TextIO) -> tuple[Bus, Log]:
    """A bus with log and console on it. `log_file` "" = none; `level` is the configured LogLevel, 0 to 255."""
    bus = Bus()
    channel = FileChannel(Path(log_file)) if log_file else StreamChannel(stderr)
    log = Log(channel, clock, level, rewire=bus.rewire, stderr=stderr)
    bus.subscribe(log)
    if log_file:
        bus.subscribe(Console(stderr))
    return bus, log
