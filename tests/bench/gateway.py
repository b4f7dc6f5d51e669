"""The whole path beside Postfix's smtp-source: one spool file of many small mails, the real daemon, the same smtp-sink.

Interleaved rounds; medians and the ratios are printed, with the daemon's peak memory; with BENCH_CHECKPOINT=0 no round with a
checkpoint is run. Needs Postfix's smtp-sink and smtp-source.
"""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MAILS = int(os.environ.get("BENCH_MAILS", "100000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
CHECKPOINT = os.environ.get("BENCH_CHECKPOINT", "1") != "0"
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "4"))
BODY_OCTETS = 1024
RECORD = 80

CONFIGURATION = """\
Report Sysout A
TargetServer
{{
  TargetIp      127.0.0.1
  ConnectPort   {port}
  ConnectLimit  {connections}
}}
"""


def tool(name: str) -> str | None:
    """A program of Postfix, which lives outside the usual path on some systems."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/libexec/postfix")


def write_deck(path: Path, mails: int) -> None:
    """A deck of 80-byte EBCDIC records: one HELO, then `mails` mails of about 1 KiB."""

    def record(text: str) -> bytes:
        return text.ljust(RECORD).encode("cp037")

    lines = [f"{number:4} abcdefghijklmnopqrstuvwxyz 0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ" for number in range(20)]
    body: list[str] = []
    while sum(len(line) + 2 for line in body) < BODY_OCTETS - 60:
        body.append(lines[len(body)])
    tail = b"".join(map(record, ["Subject: statement", "", *body, "."]))
    with path.open("wb") as stream:
        stream.write(record("HELO MVSA"))
        for number in range(mails):
            stream.write(record("MAIL FROM:<batch@example.org>"))
            stream.write(record(f"RCPT TO:<user{number}@example.net>"))
            stream.write(record("DATA"))
            stream.write(tail)
        stream.write(record("QUIT"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sink:
    """smtp-sink on a free port of loopback."""

    def __enter__(self) -> int:
        program = tool("smtp-sink")
        assert program is not None
        port = free_port()
        user = ["-u", "nobody"] if os.geteuid() == 0 and pwd.getpwnam("nobody") else []
        self._process = subprocess.Popen([program, *user, f"127.0.0.1:{port}", "200"], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return port
        raise RuntimeError("smtp-sink does not answer")

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait()


def run_gateway(deck: Path, port: int, scratch: Path, *, checkpoint: bool) -> tuple[float, float]:
    """Seconds, and peak memory in MiB, of the daemon from start to idle."""
    spool = scratch / "spool"
    shutil.rmtree(spool, ignore_errors=True)
    drop = spool / "drop" / "CSSMTP"
    drop.mkdir(parents=True)
    shutil.copyfile(deck, scratch / "copy")
    os.utime(scratch / "copy", (0, 0))  # as if it had not changed for long: the drop zone takes it at once
    os.rename(scratch / "copy", drop / "BENCH")
    configuration = scratch / "bench.conf"
    configuration.write_text(CONFIGURATION.format(port=port, connections=CONNECTIONS))
    log = scratch / "log"
    command = [sys.executable, "-m", "cssmtp", "run", "-c", str(configuration), "--spool", str(spool), "--log", str(log)]
    if checkpoint:
        command += ["--checkpoint", str(scratch / "checkpoint")]
    begun = time.perf_counter()
    process = subprocess.Popen([*command, "--until-idle"])
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"the daemon ended with {process.returncode}:\n{log.read_text()}")
    return elapsed, usage.ru_maxrss / 1024


def run_source(port: int, mails: int) -> float:
    """Seconds smtp-source takes for as many mails of the same size over as many connections."""
    program = tool("smtp-source")
    assert program is not None
    command = [program, "-d", "-s", str(CONNECTIONS), "-l", str(BODY_OCTETS), "-m", str(mails), f"127.0.0.1:{port}"]
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    if tool("smtp-sink") is None or tool("smtp-source") is None:
        print("skipped: Postfix's smtp-sink and smtp-source are not installed")
        return
    ours: dict[bool, list[float]] = {False: [], True: []}
    theirs: list[float] = []
    peaks: list[float] = []
    with tempfile.TemporaryDirectory() as name, Sink() as port:
        scratch = Path(name)
        deck = scratch / "deck"
        write_deck(deck, MAILS)
        for _ in range(ROUNDS):
            theirs.append(MAILS / run_source(port, MAILS))
            for checkpoint in (False, True) if CHECKPOINT else (False,):
                seconds, peak = run_gateway(deck, port, scratch, checkpoint=checkpoint)
                ours[checkpoint].append(MAILS / seconds)
                peaks.append(peak)
    print(f"{MAILS} mails of {BODY_OCTETS} octets, {CONNECTIONS} connections, {ROUNDS} rounds, medians")
    print(f"  smtp-source                {statistics.median(theirs):10,.0f} mails/s")
    for checkpoint, rates in ours.items():
        if rates:
            label = "with checkpoint   " if checkpoint else "without checkpoint"
            print(f"  cssmtp run, {label} {statistics.median(rates):8,.0f} mails/s   {ratio(rates, theirs)} smtp-source's")
    if CHECKPOINT:
        print(f"  with vs without checkpoint {ratio(ours[True], ours[False])}")
    print(f"  peak memory                {max(peaks):10.0f} MiB")


def ratio(own: list[float], other: list[float]) -> str:
    """The median of the rounds' ratios, and each of them."""
    ratios = [a / b for a, b in zip(own, other, strict=True)]
    return f"{statistics.median(ratios):.2f} times (each round: {', '.join(f'{each:.2f}' for each in ratios)})"


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
