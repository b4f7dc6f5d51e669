"""What a sender is asked to do, what it took, and the spool files our daemon does it from.

Promises: the mails of all senders have the same size in wire form, give or take a header.
Never: measures; `Run` is only what was measured.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench import machine

RECORD = 80
LINE = "".join(chr(ord("A") + column % 26) for column in range(78))
"""78 characters: a record of 80 with two trailing blanks, 80 octets in wire form; column 80 is blank, so nothing continues."""

SENDER = "batch@example.org"


@dataclass(frozen=True, slots=True)
class Errand:
    """Mails to send to a server on loopback. `octets` of body each; `small_files`: one spool file per mail instead of one for
    all; `depth`: PipelineDepth; `cores`: those of the sender, None = any."""

    port: int
    mails: int
    scratch: Path
    octets: int = 1024
    recipients: int = 1
    connections: int = 4
    depth: int = 1
    small_files: bool = False
    cores: frozenset[int] | None = None

    def addresses(self, number: int) -> list[str]:
        """The recipients of a mail."""
        return [f"user{number}.{each}@example.net" for each in range(self.recipients)]


@dataclass(frozen=True, slots=True)
class Run:
    """What one sender took for one errand: mails, seconds from start to end, CPU seconds, peak memory in octets (0 = not
    known), and the CPU seconds of the server meanwhile."""

    mails: int
    seconds: float
    cpu: float
    peak: int = 0
    server_cpu: float = 0

    @property
    def rate(self) -> float:
        """Mails per second."""
        return self.mails / self.seconds

    @property
    def cpu_a_mail(self) -> float:
        """CPU microseconds."""
        return self.cpu / self.mails * 1e6


def run(command: list[str], errand: Errand) -> Run:
    """Run a program from start to end. Raises RuntimeError when it ends with anything but 0; it says what it wrote."""
    output = errand.scratch / "output"
    with output.open("wb") as stream, machine.on(errand.cores):
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=machine.ROOT, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command} ended with {process.returncode}:\n{output.read_text(errors='replace')[-2000:]}")
    return Run(errand.mails, seconds, usage.ru_utime + usage.ru_stime)


def body_lines(octets: int) -> list[str]:
    """Lines that are `octets` in wire form, rounded to whole lines."""
    return [LINE] * max(1, round(octets / (len(LINE) + 2)))


def message(octets: int) -> bytes:
    """A mail in the form libraries take: header and body, CRLF at line ends."""
    header = [f"From: <{SENDER}>", "To: <user@example.net>", "Subject: statement", ""]
    return "".join(f"{line}\r\n" for line in [*header, *body_lines(octets)]).encode("ascii")


def write_decks(directory: Path, errand: Errand) -> None:
    """The errand as spool files in `directory`: EBCDIC records of 80 bytes. They are on disk, so that nobody else's sync has to
    write them, and look old, so that the drop zone takes them at once."""
    tail = b"".join(map(_record, ["Subject: statement", "", *body_lines(errand.octets), "."]))
    if errand.small_files:
        for number in range(errand.mails):
            _write(directory / f"BENCH{number:06}", errand, range(number, number + 1), tail)
    else:
        _write(directory / "BENCH", errand, range(errand.mails), tail)
    os.sync()


def _write(path: Path, errand: Errand, numbers: range, tail: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(_record("HELO MVSA"))
        for number in numbers:
            stream.write(_record(f"MAIL FROM:<{SENDER}>"))
            for address in errand.addresses(number):
                stream.write(_record(f"RCPT TO:<{address}>"))
            stream.write(_record("DATA"))
            stream.write(tail)
        stream.write(_record("QUIT"))
    os.utime(path, (0, 0))


def _record(text: str) -> bytes:
    return text.ljust(RECORD).encode("cp037")
