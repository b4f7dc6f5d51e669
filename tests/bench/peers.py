"""The whole path beside its peers, against the same servers in the same run.

Run: python -m tests.bench peers [--quick] [--rounds N] [--only CASE...] [--json FILE]. Every case of `tests.bench.cases` runs
in interleaved rounds: each peer, then our real daemon (`cssmtp run`, checkpoint on), so that whatever else the machine does hits
all; the ratio of a round is ours by theirs. Our time runs from the rename of the spool file into the drop zone of a running
daemon until the spool is empty; nobody is charged the start of an interpreter or a daemon. With one connection the server has
one core and the sender another. CPU time is user and system, with ended children. Beside the cases: `arrival` (how soon an idle
daemon speaks), `memory-file` (a spool file of 1 GiB) and `memory-files` (100,000 spool files that wait).

Needs Postfix's smtp-sink; peers that are not installed are named and skipped. Progress goes to standard error.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests.bench import arrival, machine
from tests.bench.cases import CASES, KIB, MIB, Against, Case
from tests.bench.daemon import run_daemon, run_waiting
from tests.bench.errand import Errand, Run
from tests.bench.senders import OURS, SENDERS, missing
from tests.bench.sinks import Sink, sink
from tests.bench.table import Result, Row, Sending

ROUNDS = 3
WAITING_SECONDS = 60.0
QUICK_WAITING_SECONDS = 10.0
"""How long the daemon works on the files that wait: the most memory is needed at the beginning, when all are there."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything: the full run, the quick one, or less for a test."""

    rounds: int
    quick: bool
    mails: int | None = None
    """Of every case, instead of its own."""

    def mails_of(self, case: Case) -> int:
        return self.mails or (case.quick if self.quick else case.mails)


def tell(text: str) -> None:
    """Progress, to standard error."""
    print(text, file=sys.stderr, flush=True)


def compare(case: Case, scale: Scale, result: Result) -> None:
    """Run one case and add what it found to the result."""
    server_cores, sender_cores = machine.cores()
    against = [each for each in case.against if each.peer not in result.skipped]
    runs: dict[str, list[Run]] = {peer: [] for peer in (*(each.peer for each in against), OURS)}
    chosen = (server_cores, sender_cores) if case.pinned else (None, None)
    with (
        tempfile.TemporaryDirectory() as name,
        sink(case.milliseconds, chunking=case.chunking, cores=chosen[0]) as server,
    ):
        errand = Errand(
            server.port,
            scale.mails_of(case),
            Path(name),
            case.octets,
            case.recipients,
            case.connections,
            case.depth,
            case.small_files,
            chosen[1],
        )
        for number in range(scale.rounds):
            for each in (*against, Against(OURS)):
                few = replace(errand, mails=max(case.connections, round(errand.mails * each.share)))
                run = observed(each.peer, few, server)
                runs[each.peer].append(run)
                tell(f"{case.name}, round {number + 1}: {each.peer} {run.rate:,.0f}/s in {run.seconds:.1f} s")
    result.sendings += [Sending(case.name, peer, tuple(found)) for peer, found in runs.items()]
    for each in against:
        result.rows += rows(case, each, runs[OURS], runs[each.peer])


def observed(sender: str, errand: Errand, server: Sink) -> Run:
    """A run of a sender, with what the server used meanwhile."""
    before = server.cpu()
    run = SENDERS[sender](errand)
    return replace(run, server_cpu=server.cpu() - before)


def rows(case: Case, against: Against, ours: list[Run], theirs: list[Run]) -> list[Row]:
    """The ratios of one peer: of the rates, and of CPU time a mail."""
    rates = tuple(own.rate / other.rate for own, other in zip(ours, theirs, strict=True))
    cpu = tuple(own.cpu_a_mail / other.cpu_a_mail for own, other in zip(ours, theirs, strict=True))
    title = f"{case.text}: %s vs {against.peer}"
    found = [Row(case.name, title % "rate", rates, goal=against.goal)]
    if against.cpu_goal is not None:
        found.append(Row(case.name, title % "CPU a mail", cpu, goal=against.cpu_goal, at_most=True))
    return found


def measure_arrival(scale: Scale, result: Result) -> None:
    """How soon an idle daemon speaks."""
    files = scale.mails or (100 if scale.quick else 300)
    with tempfile.TemporaryDirectory() as name:
        found = sorted(arrival.waits(files, Path(name)))
    tell(f"arrival: {files} files, the latest after {found[-1]:.1f} ms")
    text = f"idle daemon, rename to MAIL, %s of {files} files"
    late = found[max(0, -(-len(found) * 99 // 100) - 1)]
    result.rows.append(Row("arrival", text % "median", (statistics.median(found),), "ms", 5, at_most=True))
    result.rows.append(Row("arrival", text % "99 %", (late,), "ms", 20, at_most=True))


def measure_memory_file(scale: Scale, result: Result) -> None:
    """Peak memory with one large spool file: of large mails, and of small ones."""
    total = 256 * MIB if scale.quick else 1024 * MIB
    for octets, text in ((MIB, "1 MiB"), (10 * KIB, "10 KiB")):
        errand = partial(Errand, mails=scale.mails or total // octets, octets=octets)
        peak("memory-file", errand, run_daemon, f"spool file of {total // MIB:,} MiB, mails of {text}", 64, result)


def measure_memory_files(scale: Scale, result: Result) -> None:
    """Peak memory with many small files waiting."""
    files = scale.mails or (5_000 if scale.quick else 100_000)
    send = partial(run_waiting, seconds=QUICK_WAITING_SECONDS if scale.quick else WAITING_SECONDS)
    errand = partial(Errand, mails=files, small_files=True)
    peak("memory-files", errand, send, f"{files:,} spool files waiting, a mail each", 100, result)


def peak(case: str, make: Callable[..., Errand], send: Callable[[Errand], Run], text: str, goal: int, result: Result) -> None:
    """Run the daemon once, 4 connections, and report the most memory it had."""
    with tempfile.TemporaryDirectory() as name, sink() as server:
        before = server.cpu()
        run = send(make(port=server.port, scratch=Path(name)))
        run = replace(run, server_cpu=server.cpu() - before)
    tell(f"{case}: {run.peak / MIB:.0f} MiB, {run.rate:,.0f}/s in {run.seconds:.1f} s")
    result.sendings.append(Sending(case, OURS, (run,)))
    result.rows.append(Row(case, f"peak memory, {text}", (run.peak / MIB,), "MiB", goal, at_most=True))


OTHERS: dict[str, Callable[[Scale, Result], None]] = {
    "arrival": measure_arrival,
    "memory-file": measure_memory_file,
    "memory-files": measure_memory_files,
}
"""Cases that compare with no peer."""


def measure(names: list[str], scale: Scale) -> Result:
    """Run the cases named, all when none is."""
    peers = {each.peer for case in CASES for each in case.against}
    skipped = {peer: reason for peer in sorted(peers) if (reason := missing(peer))}
    result = Result(machine.description(), scale.rounds, [], [], skipped)
    for case in CASES:
        if not names or case.name in names:
            compare(case, scale, result)
    for name, step in OTHERS.items():
        if not names or name in names:
            step(scale, result)
    result.machine["load after"] = f"{os.getloadavg()[0]:.2f}"
    return result


def main() -> None:
    known = [*(case.name for case in CASES), *OTHERS]
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--quick", action="store_true", help="small counts, one round: about three minutes")
    arguments.add_argument("--rounds", type=int, help=f"default {ROUNDS}, or 1 with --quick")
    arguments.add_argument("--only", nargs="+", default=[], choices=known, metavar="CASE", help=", ".join(known))
    arguments.add_argument("--json", type=Path, metavar="FILE", help="the result as JSON, too")
    options = arguments.parse_args()
    if machine.program("smtp-sink") is None:
        print("skipped: the server of this benchmark, Postfix's smtp-sink, is not installed")
        return
    begun = time.monotonic()
    result = measure(options.only, Scale(options.rounds or (1 if options.quick else ROUNDS), options.quick))
    tell(f"{time.monotonic() - begun:.0f} s")
    print(result.text())
    if options.json:
        result.write_json(options.json)


if __name__ == "__main__":
    main()
