"""REFRESH and everything else an operator can say, with 100,000 mails in flight: `python -m tests.soak.refresh --mails 100000`.

All spool files are there when the real daemon starts, so every mail is read or on the spool and not yet final. While it sends,
REFRESH is issued again and again with configurations that alternate (targets, Charset, limits, Timeout, LogLevel, ExtendedRetry,
values that cannot change, files that are wrong), with SUSPEND and RESUME, FLUSHRETRY, the other commands and every display in
between. At the end every mail is accounted for: taken by the server, told to its sender, a
dead letter, or waiting in the mail directory.
Prints its counts; the exit status is 0 when nothing is lost, nothing repeated and no answer was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cssmtp.console.client import Answer, Unreachable, ask
from tests.soak.fastsink import FastSink
from tests.soak.gateway import PROJECT
from tests.soak.reckoning import FAULT, queued_in

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
DOWN = "127.0.0.9"
"""Nobody listens there."""
SHARES = (0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.03, 0.015, 0.005)
"""Of all mails, by spool file."""
PATIENCE = 900.0


CONFIGURATION = """\
BadSpoolDisp Delete
Report SYSOUT
RetryLimit
{
  Count 2
  Interval 1
}
Undeliverable
{
  DeadLetterDirectory ROOT/letters
}
System
{
  Spool       ROOT/spool
  Checkpoint  ROOT/checkpoint
  LogFile     ROOT/log
  SmfFile     ROOT/smf
  HostName    gateway
  Domain      example.test
  NodeName    SOAK
}
"""


def block(name: str, **parameters: object) -> str:
    return f"{name}\n{{\n" + "".join(f"  {word} {value}\n" for word, value in parameters.items()) + "}\n"


EXTENDED = block("ExtendedRetry", Interval=1, Age=5, MailDirectory="ROOT/mail")
ELSEWHERE = block("ExtendedRetry", Interval=1, Age=5, MailDirectory="ROOT/elsewhere")
FIRST = "LogLevel 7\n" + block("SMF119", MAIL="Yes", SPOOL="Yes") + EXTENDED


@dataclass(frozen=True, slots=True)
class Variant:
    """A configuration to refresh to: statements beyond the common ones, targets by host, and what the answer says."""

    statements: str
    targets: tuple[tuple[str, dict[str, object]], ...]
    says: str = ""


ONE, TWO, THREE = HOSTS

VARIANTS = (
    Variant(FIRST, ((ONE, {"ConnectLimit": 5}), (TWO, {}), (THREE, {}))),
    Variant("LogLevel 15\n", ((THREE, {"Charset": "UTF-8"}), (ONE, {"PipelineDepth": 8}))),
    Variant(
        "LogLevel 3\n" + block("Timeout", DataTerm=500, ConnectIdle=60), ((TWO, {"MaxMsgSent": 40, "Charset": "ISO8859-1"}),)
    ),
    Variant(EXTENDED, ((DOWN, {}), (TWO, {"PipelineDepth": 3}), (ONE, {}))),
    Variant(
        "Translate IBM-037\nExtWrtName OTHER\n" + FIRST, ((ONE, {"Charset": "UTF-8"}),), "ExtWrtName OTHER cannot take effect"
    ),
    Variant(block("Header", Date="No", UserInfo="No") + "ChkPointSizeLimit 70000\n", ((TWO, {}), (THREE, {})), "64000 stays"),
    Variant(
        block("SMF119", MAIL="Yes", STATS="Yes", CONFIG="Yes", CONNECT="Yes") + ELSEWHERE,
        ((ONE, {"ConnectLimit": 2}), (TWO, {"ConnectLimit": 9}), (THREE, {}), (DOWN, {})),
    ),
)

WRONG = (
    b"Nonsense\n",
    b"",
    b"\xff\xfe\x00\x00 binary \x00",
    b"TargetServer\n{\n  TargetIp 127.0.0.1\n  TargetIp 127.0.0.1\n}\n",
    b"LogLevel 9999\nTargetServer\n{\n  TargetIp 127.0.0.1\n}\n",
)

COMMANDS = (
    "DISPLAY,CONFIG",
    "D,IP",
    "D,LOG",
    "D,SP",
    "D,SP,D",
    "D,SP,S",
    "D,SP,D,ALL",
    "D,TAR",
    f"D,TAR,ADDR={HOSTS[1]}",
    "SUSPEND",
    "RES",
    "SUS,D",
    "RESUME",
    "REFRESHT",
    "REFRESHIP",
    "LOG,LEVEL=7",
    "LOGLEVEL,LEVEL=0",
    "FLUSHR,AGE=3",
    "USER,LEVEL=NONE",
)
REFUSABLE = ("D,TAR,ADDR=", "FLUSHR,AGE=")
"""Commands that may be refused: the target may not be configured now, extended retry not active."""

BAD_COMMANDS = ("DISPLAY", "D,XYZ", "D,SP,D,TKID=999999", "D,TAR,ADDR=192.0.2.1", "REF", "SUS,X", "LOG,LEVEL=256", "")


@dataclass
class Counts:
    """What a soak did and found."""

    mails: int = 0
    refreshes: int = 0
    refused: int = 0
    kept: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)
    by_host: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


class RefreshSoak:
    """One spool below `root` with `mails` mails, one daemon. `run` once."""

    def __init__(self, root: Path, mails: int, seed: int, *, pause: float = 0.1) -> None:
        self.root = root
        self.counts = Counts(mails=mails)
        self._random = random.Random(seed)
        self._pause = pause
        self._owed: dict[str, str] = {}
        self._sink = FastSink(HOSTS)
        self._active = False

    async def run(self) -> Counts:
        self._write_spool()
        async with self._sink:
            self._configure(VARIANTS[0])
            began = time.monotonic()
            process = await self._daemon()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._reachable(process)
                    await self._operate(process)
                    await self._finish(process)
                self.counts.seconds = time.monotonic() - began
            finally:
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
                status = await process.wait()
        if status:
            self.counts.wrong.append(f"the daemon ended with {status}")
        self._reckon()
        return self.counts

    # --- the load

    def _write_spool(self) -> None:
        zone = self.root / "spool" / "drop" / "CSSMTP"
        zone.mkdir(parents=True)
        left = self.counts.mails
        for file, share in enumerate(SHARES, 1):
            mails = left if file == len(SHARES) else min(left, max(1, int(self.counts.mails * share)))
            left -= mails
            deck = b"HELO soak\n" + b"".join(self._mails(file, mails)) + b"QUIT\n"
            (zone / f"F{file:04d}.json").write_text(json.dumps({"jobname": f"F{file:04d}", "bytes": len(deck)}))
            (zone / f".F{file:04d}").write_bytes(deck)
            os.rename(zone / f".F{file:04d}", zone / f"F{file:04d}")

    def _mails(self, file: int, mails: int) -> Iterator[bytes]:
        for mail in range(1, mails + 1):
            chance = self._random.random()
            kind = "never" if chance < 0.002 else "later" if chance < 0.007 else "rcpt"
            # A notice to a sender "never" is refused, and becomes a dead letter.
            sender = f"{'never' if kind != 'rcpt' and mail % 2 else 'user'}.f{file}.{mail}@sender.example"
            recipient = f"{kind}.f{file}.{mail}@rcpt.example"
            self._owed[recipient] = sender
            text = "".join(f"line {line} ".ljust(70, "x") + "\n" for line in range(self._random.randint(1, 14)))
            if self._random.random() < 0.001:
                text *= 120
            yield f"MAIL FROM:<{sender}>\nRCPT TO:<{recipient}>\nDATA\nSubject: {sender}\n\n{text}end of {sender}\n.\n".encode()

    # --- the daemon

    def _configure(self, variant: Variant) -> None:
        text = (CONFIGURATION + variant.statements).replace("ROOT", str(self.root))
        for host, more in variant.targets:
            text += block("TargetServer", TargetIp=host, ConnectPort=self._sink.port, **more)
        (self.root / "conf").write_text(text, encoding="ascii")

    async def _daemon(self) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "cssmtp", "run", "-c", str(self.root / "conf")]
        with open(self.root / "console", "ab") as console:
            return await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=console, stderr=console)

    async def _reachable(self, process: asyncio.subprocess.Process) -> None:
        while process.returncode is None:
            with contextlib.suppress(Unreachable):
                await self._ask("D,LOG")
                return
            await asyncio.sleep(0.05)
        raise RuntimeError((self.root / "console").read_text())

    async def _ask(self, operands: str, *, as_json: bool = False) -> Answer:
        return await asyncio.to_thread(ask, self.root / "spool" / "control", "MODIFY", "-", operands, as_json=as_json)

    async def _say(self, operands: str) -> Answer:
        begun = time.monotonic()
        answer = await self._ask(operands, as_json=self._random.random() < 0.3)
        word = operands.partition("=")[0]
        self.counts.commands[word] += 1
        self.counts.slowest[word] = max(self.counts.slowest.get(word, 0.0), time.monotonic() - begun)
        return answer

    # --- the operator

    async def _operate(self, process: asyncio.subprocess.Process) -> None:
        """Until all spool files are done but those that only wait."""
        turn = 0
        while await self._busy() and process.returncode is None:
            turn += 1
            await self._refresh(VARIANTS[turn % len(VARIANTS)])
            if turn % 4 == 0:
                await self._refused(WRONG[turn // 4 % len(WRONG)])
            for command in self._random.sample(COMMANDS, 3):
                await self._command(command)
            if turn % 3 == 0:
                await self._bad(self._random.choice(BAD_COMMANDS))
            if turn % 8 == 0:
                await self._flush_some()
            await self._say("RES")
            await asyncio.sleep(self._pause)

    async def _refresh(self, variant: Variant) -> None:
        self._configure(variant)
        answer = await self._say("REFRESH")
        self.counts.refreshes += 1
        self.counts.kept += bool(variant.says)
        if answer.status or variant.says not in answer.text:
            self.counts.wrong.append(f"REFRESH was answered {answer}")

    async def _refused(self, content: bytes) -> None:
        """A wrong file changes nothing."""
        before = await self._ask("D,CONF")
        (self.root / "conf").write_bytes(content)
        answer = await self._say("REFRESH")
        self.counts.refused += 1
        after = await self._ask("D,CONF")
        if answer.status != 1 or before.text.split("\n")[1:] != after.text.split("\n")[1:]:
            self.counts.wrong.append(f"REFRESH of a wrong file was answered {answer}, configuration {after.text}")

    async def _command(self, command: str) -> None:
        answer = await self._say(command)
        if answer.status and not command.startswith(REFUSABLE):
            self.counts.wrong.append(f"{command} was answered {answer}")

    async def _bad(self, command: str) -> None:
        if (answer := await self._say(command)).status != 1:
            self.counts.wrong.append(f"{command} was answered {answer}")

    async def _snapshot(self) -> dict[str, Any]:
        answer = await asyncio.to_thread(ask, self.root / "spool" / "control", "SNAPSHOT", as_json=True)
        found: dict[str, Any] = json.loads(answer.text)
        return found

    async def _busy(self) -> bool:
        """Whether any spool file is not done and does not only wait."""
        now = await self._snapshot()
        return now["files"] + sum(task["state"] == "LONG RETRY" for task in now["tasks"]) < len(SHARES)

    async def _tasks(self) -> list[int]:
        return [task["tkid"] for task in (await self._snapshot())["tasks"]]

    async def _flush_some(self) -> None:
        for tkid in (await self._tasks())[:2]:
            await self._say(f"FLUSHRETRY,TKID={tkid}")
            await self._say(f"D,SP,D,TKID={tkid}")

    async def _finish(self, process: asyncio.subprocess.Process) -> None:
        """Long retry is flushed until no task is left."""
        while await self._tasks() and process.returncode is None:
            await self._flush_some()
            await asyncio.sleep(0.2)

    # --- the account

    def _reckon(self) -> None:
        counts, sink = self.counts, self._sink
        counts.by_host = sink.by_host
        letters = Counter(name for path in (self.root / "letters").glob("[!.]*") for name in _named(path))
        queued = queued_in(self.root / "mail")
        for recipient, sender in self._owed.items():
            kinds = {
                "taken": sink.taken[sender],
                "notice": sink.notices[sender],
                "letter": letters[recipient],
                "waiting": int(recipient in queued),
            }
            match sum(kinds.values()):
                case 0:
                    counts.lost.append(recipient)
                case 1:
                    counts.ends[next(kind for kind, number in kinds.items() if number)] += 1
                case _:
                    counts.repeated.append(f"{recipient}: {kinds}")
        counts.wrong += [f"its text is torn: {sender}" for sender in sink.torn]
        counts.wrong += [f"nobody sent {sender}" for sender in sink.taken.keys() - set(self._owed.values())]
        said = "".join((self.root / name).read_text(encoding="utf-8", errors="replace") for name in ("console", "log"))
        counts.wrong += FAULT.findall(said)
        left = [path.name for state in ("held", "busy", "bad", "ready") for path in (self.root / "spool" / state).rglob("*@*")]
        counts.wrong += [f"left on the spool: {name}" for name in left]


def _named(path: Path) -> Iterator[str]:
    """The recipients that a dead letter names."""
    with open(path, "rb") as stream:
        for line in stream.read(4096).split(b"---- Original")[0].splitlines():
            if line.startswith(b"Recipient: "):
                yield line.partition(b": ")[2].strip(b" <>").decode("latin-1")


def report(counts: Counts) -> list[str]:
    """The counts of a soak, line by line."""
    lines = [
        f"mails {counts.mails}, seconds {counts.seconds:.1f}, REFRESH {counts.refreshes} (with values kept {counts.kept}), "
        f"refused {counts.refused}, commands {counts.commands.total()}",
        "ends: " + ", ".join(f"{kind} {number}" for kind, number in sorted(counts.ends.items())),
        "taken by: " + ", ".join(f"{host} {number}" for host, number in sorted(counts.by_host.items())),
        "slowest answers: "
        + ", ".join(
            f"{word} {1000 * seconds:.0f} ms" for word, seconds in sorted(counts.slowest.items(), key=lambda p: -p[1])[:5]
        ),
        f"lost {len(counts.lost)}, repeated {len(counts.repeated)}, wrong {len(counts.wrong)}",
    ]
    lines += [f"LOST {name}" for name in counts.lost[:20]]
    lines += [f"REPEATED {name}" for name in counts.repeated[:20]]
    lines += [f"WRONG {what}" for what in counts.wrong[:20]]
    return lines


def passed(counts: Counts) -> bool:
    return not counts.lost and not counts.repeated and not counts.wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None, help="for the same mails and commands again")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.randrange(2**32)
    with tempfile.TemporaryDirectory(prefix="refresh-soak-") as directory:
        counts = asyncio.run(RefreshSoak(Path(directory), arguments.mails, seed).run())
    print(f"seed {seed}")
    print("\n".join(report(counts)))
    return 0 if passed(counts) else 1


if __name__ == "__main__":
    raise SystemExit(main())
