"""kill -9 of ezbmcopy, again and again: `python -m tests.soak.ezbmcopy --kills 200`.

The real process copies small files, some created on the spool, some from the drop zone. It is killed at a random moment, while
this process plays two fast mailers that claim and purge each copy as soon as they see it. Then it is started again. At the end it
may finish, and every file must have been seen exactly once by each mailer, with its bytes and attributes. Prints its counts.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from cssmtp.clock import SystemClock
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.directory import DirectorySpool

PROJECT = Path(__file__).resolve().parent.parent.parent
DECK = PROJECT / "conf" / "ezbmcopy.jcl"
SOURCE, TARGETS = "SMTPD", ("SMTPD1", "CSSMTP")
WAITING = 24
"""Files kept waiting, so that a run always has work."""
LONGEST_LIFE = 0.08
"""Seconds a process may live after its first line."""


@dataclass(slots=True)
class Counts:
    """What a soak did and found. `moments` says in which state the kills left the file in work."""

    kills: int = 0
    files: int = 0
    copies: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Soak:
    """One spool, one ezbmcopy after the other, and the two mailers."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.counts = Counts()
        self._random = random.Random(seed)
        self._spool = DirectorySpool(root, clock=SystemClock(), node="SOAK", settle_seconds=0.0)
        self._spool.initialise(SOURCE)
        self._sent: dict[str, tuple[Attributes, bytes]] = {}
        self._seen: Counter[tuple[str, str]] = Counter()

    def run(self, kills: int) -> Counts:
        """Kills the process `kills` times, lets the last one finish, and compares."""
        try:
            for _ in range(kills):
                self._fill()
                self._kill()
            finished = subprocess.run([*self._command(), "--until-idle"], cwd=PROJECT, capture_output=True, timeout=100)
            if finished.returncode != 0:
                self.counts.wrong.append(f"the last run ended with {finished.returncode}: {finished.stdout[-400:]!r}")
            while self._consume():
                pass
            self._compare()
        finally:
            self._spool.close()
        return self.counts

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "ezbmcopy", str(DECK), "--spool", str(self.root), "--node", "SOAK"]

    def _fill(self) -> None:
        """Adds files until enough wait: most by `create`, every fifth through the drop zone."""
        waiting = len(self._spool.select(SOURCE)) + len(list((self.root / "drop" / SOURCE).glob("[!.]*[!n]")))
        for _ in range(max(0, WAITING - waiting)):
            number = self.counts.files = self.counts.files + 1
            data = self._random.randbytes(80 * self._random.randint(0, 9))
            attributes = Attributes(
                writer=SOURCE, jobname=f"J{number:07d}", jobid=f"JOB{number % 100_000:05d}", dsid=104, owner="PROD01",
                origin_node="SOAK", framing="fixed", encoding="IBM-273", recfm="FB", lrecl=80, records=len(data) // 80,
                userdata=("one", "two"), extra={"number": number},
            )  # fmt: skip
            self._sent[attributes.jobname] = (attributes, data)
            if number % 5:
                self._spool.create(attributes, [data])
            else:
                self._drop(attributes, data)

    def _drop(self, attributes: Attributes, data: bytes) -> None:
        keys = ("jobname", "jobid", "dsid", "owner", "origin_node", "framing", "encoding", "recfm", "lrecl", "records")
        sidecar = {key: getattr(attributes, key) for key in keys}
        sidecar |= {"userdata": list(attributes.userdata), "bytes": len(data), **attributes.extra}
        directory = self.root / "drop" / SOURCE
        for name, content in ((f"{attributes.jobname}.json", json.dumps(sidecar).encode()), (attributes.jobname, data)):
            (directory / f".{name}").write_bytes(content)
            (directory / f".{name}").rename(directory / name)

    def _kill(self) -> None:
        """One life: from its start, or from its first line, for a random time."""
        early = self._random.random() < 0.1
        with subprocess.Popen(self._command(), cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            if not early:
                process.stdout.readline()
            end = time.monotonic() + self._random.uniform(0, LONGEST_LIFE)
            while time.monotonic() < end:
                self._consume()
            process.kill()
        self.counts.kills += 1
        self.counts.moments[self._moment()] += 1

    def _moment(self) -> str:
        """How far the file in work had come."""
        for claimed in (self.root / "busy").iterdir():
            if (claimed / "copies").is_dir():
                return f"{2 - len(list((claimed / 'copies').iterdir()))} of 2 published"
            return "being staged" if (claimed / "copies.new").exists() else "claimed"
        if any(path.name.startswith("purge.") for path in (self.root / "tmp").iterdir()):
            return "being purged"
        return "between two files"

    def _consume(self) -> int:
        """Both mailers take what they can get, at once and for good."""
        taken = 0
        for writer in TARGETS:
            for entry in self._spool.select(writer, 8):
                claim = self._spool.claim(entry)
                if claim is not None:
                    with claim.open() as stream:
                        self._check(writer, claim.attributes, stream.read())
                    claim.purge()
                    taken += 1
        return taken

    def _check(self, writer: str, got: Attributes, data: bytes) -> None:
        attributes, original = self._sent[got.jobname]
        self._seen[writer, got.jobname] += 1
        self.counts.copies += 1
        if data != original:
            self.counts.wrong.append(f"{got.jobname} for {writer}: other bytes")
        same = replace(got, writer=SOURCE, token="", dsname="", created="", bytes=0, extra={"number": got.extra.get("number")})
        if same != attributes or got.writer != writer:
            self.counts.wrong.append(f"{got.jobname} for {writer}: other attributes")

    def _compare(self) -> None:
        """Every file once for each mailer, and nothing left."""
        wrong = self.counts.wrong
        for jobname in self._sent:
            for writer in TARGETS:
                if self._seen[writer, jobname] != 1:
                    wrong.append(f"{jobname} for {writer}: seen {self._seen[writer, jobname]} times")
        left = {state: number for state, number in self._spool.counts().items() if number}
        if left:
            wrong.append(f"left on the spool: {left}")
        if list((self.root / "tmp").iterdir()):
            wrong.append("the building area is not empty")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="for the same data and lifetimes again")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.randrange(2**32)
    with tempfile.TemporaryDirectory(prefix="ezbmcopy-soak-") as directory:
        begin = time.monotonic()
        counts = Soak(Path(directory) / "spool", seed).run(arguments.kills)
    print(f"seed {seed}, {time.monotonic() - begin:.0f} s: {counts.kills} kills, {counts.files} files, {counts.copies} copies")
    for moment, number in sorted(counts.moments.items()):
        print(f"  {number:4} kills: {moment}")
    for wrong in counts.wrong[:20]:
        print(f"  WRONG {wrong}")
    print("each file was copied exactly once" if not counts.wrong else f"{len(counts.wrong)} faults")
    return 1 if counts.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
