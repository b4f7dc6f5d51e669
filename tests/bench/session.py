"""Courier and session alone, beside Postfix's smtp-source: prebuilt mails, no spool, no composing.

Run: python -m tests.bench.session [--rounds N] [--mails N]. Needs smtp-sink and smtp-source. Rounds are interleaved, so that
whatever else the machine does hits both; medians are compared. Our CPU time per mail is that of this process, user and system.
Where there are two cores, the server has one and the sender the other: a single connection swings with core wake-ups else.

Cases: smtp-sink with 1, 4 and 10 connections; CHUNKING without a delay; a server that answers after 1 ms, 1 connection, with
DATA and with CHUNKING and 10 mails in flight.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

from cssmtp.clock import SystemClock
from cssmtp.config.model import AddressKind, Configuration, TargetAddress, TargetServer
from cssmtp.delivery.courier import Courier
from cssmtp.delivery.link import Parcel
from cssmtp.model import Outcome, Verdict
from tests.bench import machine
from tests.bench.errand import Errand
from tests.bench.senders import run_smtp_source
from tests.bench.sinks import sink


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


async def send(port: int, mails: int, connections: int, text: bytes, depth: int) -> None:
    """Send `mails` mails through a Courier with a full queue all the time; `depth` 0 = by DATA."""
    address = (TargetAddress(AddressKind.IP, "127.0.0.1"),)
    server = TargetServer(address, connect_port=port, connect_limit=connections, chunking=depth > 0, pipeline_depth=max(depth, 1))
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


def run_ours(port: int, mails: int, connections: int, text: bytes, depth: int) -> tuple[float, float]:
    """Mails per second and microseconds of CPU per mail. With uvloop where it is installed, as the gateway does."""
    begin, cpu = time.perf_counter(), time.process_time()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(send(port, mails, connections, text, depth))
    return mails / (time.perf_counter() - begin), (time.process_time() - cpu) / mails * 1e6


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table. `share` is the part of --mails that is sent, `source_share` that of smtp-source."""

    name: str
    connections: int
    milliseconds: float = 0
    depth: int = 0
    share: float = 1
    source_share: float = 1


CASES = (
    Case("smtp-sink, 1 connection", 1),
    Case("smtp-sink, 4 connections", 4),
    Case("smtp-sink, 10 connections", 10),
    Case("no delay, 4 connections, CHUNKING, 10 in flight", 4, depth=10),
    Case("1 ms, 1 connection, DATA", 1, 1.0, 0, 0.05, 0.02),
    Case("1 ms, 1 connection, CHUNKING, 1 in flight", 1, 1.0, 1, 0.05, 0.02),
    Case("1 ms, 1 connection, CHUNKING, 10 in flight", 1, 1.0, 10, 0.4, 0.02),
)


def measure(case: Case, mails: int, rounds: int, size: int) -> None:
    """Run one case and print its line."""
    text = message(size)
    ours: list[float] = []
    cpu: list[float] = []
    source: list[float] = []
    server_cores, sender_cores = machine.cores()
    with (
        tempfile.TemporaryDirectory() as name,
        sink(case.milliseconds, chunking=case.depth > 0, cores=server_cores) as server,
        machine.on(sender_cores),
    ):
        few = max(1, int(mails * case.source_share))
        errand = Errand(server.port, few, Path(name), size, connections=case.connections, cores=sender_cores)
        for _ in range(rounds):
            source.append(run_smtp_source(errand).rate)
            share = max(1, int(mails * case.share))
            rate, microseconds = run_ours(server.port, share, case.connections, text, case.depth)
            ours.append(rate)
            cpu.append(microseconds)
    ratios = [own / other for own, other in zip(ours, source, strict=True)]
    print(
        f"{case.name:50} smtp-source {statistics.median(source):8,.0f}/s, courier {statistics.median(ours):8,.0f}/s,"
        f" ratio {statistics.median(ratios):5.2f}, {statistics.median(cpu):5.1f} us CPU a mail",
        flush=True,
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--mails", type=int, default=50_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--size", type=int, default=1024)
    arguments.add_argument("--only", default="", help="cases whose name has this in it")
    options = arguments.parse_args()
    for case in (case for case in CASES if options.only in case.name):
        measure(case, options.mails, options.rounds, options.size)


if __name__ == "__main__":
    main()
