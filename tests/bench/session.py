"""Courier and session alone, against smtp-sink, beside smtp-source: prebuilt mails, no spool, no composing.

Run: python -m tests.bench.session [--mails N] [--rounds N] [--connections N]. Needs Postfix's smtp-sink and smtp-source.
Rounds are interleaved, so that whatever else the machine does hits both; medians are compared. Our CPU time per mail is that of
this process, user and system.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cssmtp.clock import SystemClock
from cssmtp.config.model import AddressKind, Configuration, TargetAddress, TargetServer
from cssmtp.delivery.courier import Courier
from cssmtp.delivery.link import Parcel
from cssmtp.model import Outcome, Verdict

POSTFIX_PATH = "/usr/sbin:/usr/libexec/postfix:/usr/lib/postfix/sbin:/usr/bin"


@dataclass(frozen=True, slots=True)
class BenchParcel:
    """A mail whose wire form is ready."""

    text: bytes
    recipients: tuple[str, ...] = ("bob@example.test",)
    reverse_path: str = "alice@example.test"
    tls_required: bool = False

    @property
    def size(self) -> int:
        return len(self.text)

    def wire(self, _server: TargetServer, *, eight_bit: bool) -> bytes:
        return self.text


def message(size: int) -> bytes:
    """A mail of about `size` octets in wire form, with the final dot."""
    head = b"From: alice@example.test\r\nTo: bob@example.test\r\nSubject: bench\r\n\r\n"
    line = b"X" * 62 + b"\r\n"
    return head + line * max(1, (size - len(head)) // len(line)) + b".\r\n"


def tool(name: str) -> str | None:
    return shutil.which(name, path=POSTFIX_PATH)


@contextmanager
def sink() -> Iterator[int]:
    """smtp-sink on a free port of loopback; yields the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = tool("smtp-sink")
    assert program, "smtp-sink is not installed"
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program, *user, "-c", f"127.0.0.1:{port}", "100"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


async def send(port: int, mails: int, connections: int, text: bytes) -> None:
    """Send `mails` mails through a Courier with a full queue all the time."""
    server = TargetServer((TargetAddress(AddressKind.IP, "127.0.0.1"),), connect_port=port, connect_limit=connections)
    done = asyncio.Event()
    left = mails
    unsent = mails
    parcel = BenchParcel(text)

    def ended(_parcel: Parcel, outcomes: tuple[Outcome, ...]) -> None:
        nonlocal left
        assert outcomes[0].verdict is Verdict.DELIVERED, outcomes
        left -= 1
        if not left:
            done.set()

    def hungry() -> None:
        nonlocal unsent
        for _ in range(min(unsent, 400)):
            unsent -= 1
            courier.submit(parcel)

    courier = Courier(Configuration((server,)), SystemClock(), lambda _event: None, ended, hungry)
    await courier.start()
    hungry()
    await done.wait()
    await courier.stop(5)


def run_ours(port: int, mails: int, connections: int, text: bytes) -> tuple[float, float]:
    """Mails per second and microseconds of CPU per mail."""
    begin, cpu = time.perf_counter(), time.process_time()
    asyncio.run(send(port, mails, connections, text))
    return mails / (time.perf_counter() - begin), (time.process_time() - cpu) / mails * 1e6


def run_source(port: int, mails: int, connections: int, size: int) -> float:
    """Mails per second of smtp-source."""
    program = tool("smtp-source")
    assert program, "smtp-source is not installed"
    options = ["-d", "-s", str(connections), "-l", str(size), "-m", str(mails), "-c"]
    begin = time.perf_counter()
    subprocess.run([program, *options, f"127.0.0.1:{port}"], check=True, stdout=subprocess.DEVNULL)
    return mails / (time.perf_counter() - begin)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--mails", type=int, default=50_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--connections", type=int, default=4)
    arguments.add_argument("--size", type=int, default=1024)
    options = arguments.parse_args()
    text = message(options.size)
    ours: list[float] = []
    cpu: list[float] = []
    source: list[float] = []
    with sink() as port:
        for number in range(1, options.rounds + 1):
            source.append(run_source(port, options.mails, options.connections, options.size))
            rate, microseconds = run_ours(port, options.mails, options.connections, text)
            ours.append(rate)
            cpu.append(microseconds)
            print(f"round {number}: smtp-source {source[-1]:,.0f}/s, courier {rate:,.0f}/s, {microseconds:.1f} us CPU a mail")
    ratio = statistics.median(ours) / statistics.median(source)
    print(
        f"median of {options.rounds}: smtp-source {statistics.median(source):,.0f}/s, courier {statistics.median(ours):,.0f}/s,"
        f" ratio {ratio:.2f}, {statistics.median(cpu):.1f} us CPU a mail"
    )


if __name__ == "__main__":
    main()
