"""The whole gateway under random faults and kill -9: `python -m tests.soak.gateway --kills 200`, or `--minutes 30`.

The real daemon sends to a server that fails in every way it can (`tests.erratic`), while spool files keep coming. With `--kills`
it is killed at random instants and started again; with `--minutes` it lives, and its memory, file descriptors and threads
are looked at. Then the weather clears, the daemon may finish, and every recipient is accounted for (`tests.soak.reckoning`).
Prints its counts; the exit status is 0 when nothing is lost and nothing is repeated without an excuse.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from cssmtp.clock import SystemClock
from cssmtp.spool.directory import DirectorySpool
from tests.erratic import ErraticServer, Weather
from tests.soak.load import Load
from tests.soak.reckoning import Books, Verdicts, queued_in

PROJECT = Path(__file__).resolve().parent.parent.parent
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
"""The server is three targets: one that greets badly is down for ConnectRetry, 30 seconds at least."""
CONNECTIONS = 3
WAITING = 30
"""Spool files kept waiting, so that a life always has work."""
LONGEST_LIFE = 0.6
"""Seconds that a life may last after its first mail."""
BURST, LULL = 12, 2.0
"""A long life gets at most so many files at a time, and then at most so many seconds without."""
PATIENCE = 120.0
SAMPLE_SECONDS = 10.0

CONFIGURATION = """\
BadSpoolDisp Delete
LogLevel 15
Report SYSOUT
RetryLimit
{{
  Count 0
  Interval 0
}}
ExtendedRetry
{{
  Interval 1
  MailDirectory {root}/mail
}}
Undeliverable
{{
  DeadLetterDirectory {root}/letters
}}
{targets}
Timeout
{{
  AnyCmd 30
  ConnectRetry 30
  DataBlock 30
  DATACmd 30
  DataTerm 30
  InitialMsg 30
  MAILCmd 30
  RCPTCmd 30
}}
System
{{
  Spool       {root}/spool
  Checkpoint  {root}/checkpoint
  LogFile     {root}/log
  HostName    gateway
  Domain      example.test
  NodeName    SOAK
}}
"""
TARGET = """\
TargetServer
{{
  TargetIp      {host}
  ConnectPort   {port}
  ConnectLimit  {connections}
{more}}}
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon at some moment: seconds of its life, resident memory in KiB, file descriptors, threads."""

    age: float
    rss: int
    descriptors: int
    threads: int


@dataclass
class Counts:
    """What a soak did and found."""

    kills: int = 0
    files: int = 0
    mails: int = 0
    recipients: int = 0
    released: int = 0
    letters: int = 0
    connections: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    verdicts: Verdicts = field(default_factory=Verdicts)


class Soak:
    """One spool below `root`, one daemon after the other. `run` once."""

    def __init__(self, root: Path, seed: int, *, depth: int = 1, strength: float = 1.0) -> None:
        self.root = root
        self.counts = Counts()
        self._depth = depth
        self._strength = strength
        self._random = random.Random(seed)
        self._weather = Weather(random.Random(seed + 1), 0.0)
        self._server = ErraticServer(self._weather, HOSTS)
        self._store = DirectorySpool(root / "spool", clock=SystemClock(), node="SOAK", settle_seconds=0.0)
        self._store.initialise("CSSMTP")
        self._zone = root / "spool" / "drop" / "CSSMTP"
        self._load = Load(self._zone, self._random)
        self._books = Books()
        self._deaths: list[float] = []
        self._begin = time.time() - time.monotonic()

    async def run(self, kills: int, minutes: float = 0.0) -> Counts:
        """`kills` short lives, then one of `minutes`, then the end in fair weather."""
        try:
            async with self._server:
                self._configure()
                self._weather.strength = self._strength
                for _ in range(kills):
                    self._fill()
                    await self._short_life()
                if minutes:
                    await self._long_life(minutes * 60)
                self._weather.strength = 0.0
                await self._finish()
        finally:
            self._store.close()
        self._reckon()
        return self.counts

    # --- the daemon

    def _configure(self) -> None:
        more = f"  PipelineDepth {self._depth}\n" if self._depth > 1 else ""
        targets = "".join(TARGET.format(host=host, port=self._server.port, connections=CONNECTIONS, more=more) for host in HOSTS)
        (self.root / "conf").write_text(CONFIGURATION.format(root=self.root, targets=targets), encoding="ascii")

    async def _daemon(self, *more: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "cssmtp", "run", "-c", str(self.root / "conf"), *more]
        with open(self.root / "console", "ab") as console:
            return await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=console, stderr=console)

    def _fill(self, most: int = WAITING) -> None:
        states = self._store.counts()
        waiting = states["ready"] + states["busy"] + len(list(self._zone.glob("S???????")))
        for _ in range(min(most, WAITING - waiting)):
            self._drop()

    def _drop(self) -> None:
        self._books.owe(self._load.drop())

    async def _short_life(self) -> None:
        """From its start, or from its first mail, for a random time; files keep coming meanwhile."""
        process = await self._daemon()
        if self._random.random() < 0.9:
            before = len(self._server.taken)
            end = time.monotonic() + 10.0
            while len(self._server.taken) == before and time.monotonic() < end and process.returncode is None:
                await asyncio.sleep(0.01)
        end = time.monotonic() + self._random.uniform(0, LONGEST_LIFE)
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, self._random.uniform(0, 0.2)))
            if self._random.random() < 0.3:
                self._drop()
        if process.returncode is not None:
            self.counts.verdicts.wrong.append(f"the daemon ended by itself with {process.returncode}")
        else:
            process.kill()
        death = time.monotonic()
        await process.wait()
        self._deaths.append(death)
        self._look()
        self._books.killed(death)
        self.counts.kills += 1
        self._give_back()

    def _look(self) -> None:
        """Take over what the server and the log have."""
        self._books.read_log(self.root / "log")
        taken, self._server.taken = self._server.taken, []
        self._books.took(taken)

    def _give_back(self) -> None:
        """What three kills on the same file have held goes on, as an operator would decide."""
        self._store.recover()
        for entry in list(self._store.entries("held")):
            self._store.release(entry)
            self.counts.released += 1

    async def _long_life(self, seconds: float) -> None:
        process = await self._daemon()
        begin = time.monotonic()
        sampled = begin
        while (now := time.monotonic()) < begin + seconds and process.returncode is None:
            self._fill(self._random.randint(0, BURST))
            await asyncio.sleep(self._random.uniform(0, LULL))
            self._look()
            self._books.prune(now)
            if now - sampled >= SAMPLE_SECONDS:
                sampled = now
                sample = measured(process.pid, now - begin)
                self.counts.samples.append(sample)
                print(f"{self._progress()}; {told(sample)}", flush=True)
        await self._stop(process)

    def _progress(self) -> str:
        faults = self._weather.counts.total()
        return f"files {self._load.files}, mails {self._load.mails}, connections {self._server.connections}, faults {faults}"

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            status = await process.wait()
        if status != 0:
            self.counts.verdicts.wrong.append(f"the daemon ended with {status}")

    async def _finish(self) -> None:
        """Fair weather: until the spool is empty, then until nothing waits in the mail directory."""
        for _ in range(3):
            process = await self._daemon("--until-idle")
            async with asyncio.timeout(PATIENCE):
                await process.wait()
            self._give_back()
            if not self._left():
                break
        waiting = list((self.root / "mail").glob("cf*"))
        for path in waiting:
            content = json.loads(path.read_bytes())
            path.write_text(json.dumps(content | {"due": content["first"]}), encoding="ascii")
        if not waiting:
            return
        process = await self._daemon()
        end = time.monotonic() + PATIENCE
        while list((self.root / "mail").glob("[cd]f*")) and time.monotonic() < end:
            await asyncio.sleep(0.05)
        await self._stop(process)

    def _left(self) -> dict[str, int]:
        """Spool files that are still there, by state."""
        found = {state: number for state, number in self._store.counts().items() if number}
        waiting = len(list(self._zone.iterdir()))
        return {**found, **({"drop": waiting} if waiting else {})}

    def _reckon(self) -> None:
        self._look()
        counts, load = self.counts, self._load
        counts.letters = self._books.letters(self.root / "letters", self._begin, self._deaths)
        wrong = counts.verdicts.wrong
        counts.verdicts = self._books.verdicts(queued_in(self.root / "mail"))
        counts.verdicts.wrong += wrong
        counts.files, counts.mails, counts.recipients = load.files, load.mails, load.recipients
        counts.faults, counts.connections = self._weather.counts, self._server.connections
        if left := self._left():
            counts.verdicts.wrong.append(f"left on the spool: {left}")
        if aside := [path.name for path in (self.root / "mail").glob("[CD]F*")]:
            counts.verdicts.wrong.append(f"set aside in the mail directory: {aside}")
        console = (self.root / "console").read_text(encoding="utf-8", errors="replace")
        if "Traceback" in console:
            counts.verdicts.wrong.append(f"the daemon said: {console[-2000:]}")


def measured(pid: int, age: float) -> Sample:
    """Look at a process."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return Sample(age, int(status["VmRSS"].split()[0]), len(list(Path(f"/proc/{pid}/fd").iterdir())), int(status["Threads"]))


def told(sample: Sample) -> str:
    return f"{sample.age:6.0f} s: {sample.rss} KiB resident, {sample.descriptors} descriptors, {sample.threads} threads"


def report(counts: Counts) -> list[str]:
    """The counts of a soak, line by line."""
    verdicts = counts.verdicts
    lines = [
        f"kills {counts.kills}, files {counts.files}, mails {counts.mails}, recipients {counts.recipients}, "
        f"connections {counts.connections}, held files released {counts.released}",
        "recipients: " + ", ".join(f"{kind} {number}" for kind, number in sorted(verdicts.ends.items())),
        f"dead letter files {counts.letters}, lost {len(verdicts.lost)}",
        f"repeated {verdicts.repeated.total()}: " + ", ".join(f"{why} {count}" for why, count in verdicts.repeated.items()),
        f"kills that repeated something {len(verdicts.by_kill)}, most recipients by one {max([0, *verdicts.by_kill.values()])}, "
        f"oldest {verdicts.window:.3f} s before its kill",
        f"faults {counts.faults.total()}:",
    ]
    steps: dict[str, list[str]] = {}
    for name, number in sorted(counts.faults.items()):
        step, _, action = name.partition(" ")
        steps.setdefault(step, []).append(f"{action} {number}")
    lines += [f"  {step}: {', '.join(actions)}" for step, actions in steps.items()]
    third = len(counts.samples) // 3
    if third:
        lines += [f"  {told(sample)}" for sample in (counts.samples[0], counts.samples[third], counts.samples[-1])]
    lines += [f"LOST {name}" for name in verdicts.lost[:20]]
    lines += [f"WRONG {what}" for what in verdicts.wrong[:20]]
    lines.append("nothing lost, nothing repeated without an excuse" if passed(counts) else "FAULTS FOUND")
    return lines


def passed(counts: Counts) -> bool:
    return not counts.verdicts.lost and not counts.verdicts.wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=None, help="default: 200, or 0 with --minutes")
    parser.add_argument("--minutes", type=float, default=0.0, help="how long the daemon lives after the kills")
    parser.add_argument("--seed", type=int, default=None, help="for the same load and the same faults by number again")
    parser.add_argument("--depth", type=int, default=1, help="PipelineDepth")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.randrange(2**32)
    kills = arguments.kills if arguments.kills is not None else 0 if arguments.minutes else 200
    with tempfile.TemporaryDirectory(prefix="gateway-soak-") as directory:
        begin = time.monotonic()
        counts = asyncio.run(Soak(Path(directory), seed, depth=arguments.depth).run(kills, arguments.minutes))
    print(f"seed {seed}, PipelineDepth {arguments.depth}, {time.monotonic() - begin:.0f} s")
    print("\n".join(report(counts)))
    return 0 if passed(counts) else 1


if __name__ == "__main__":
    raise SystemExit(main())
