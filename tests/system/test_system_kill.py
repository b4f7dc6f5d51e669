"""kill -9 of the real daemon at random instants: what it said it has sent is never sent again, and nothing is lost.

The server accepts everything and remembers it. The only mails that may arrive twice are those that it took shortly before a
kill and of which the daemon's log does not say yet that they were sent: the window of docs/reliability.md.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from cssmtp.clock import SystemClock
from cssmtp.spool.directory import DirectorySpool
from tests.lifekit import deck
from tests.misbehaving import MisbehavingServer

KILLS = 25
SECONDS = 30.0
FILES = 30
MAILS = 60
CONNECTIONS = 4
ROOT = Path(__file__).resolve().parents[2]

CONFIGURATION = """\
BadSpoolDisp Delete
LogLevel 15
TargetServer
{{
  TargetIp      127.0.0.1
  ConnectPort   {port}
  ConnectLimit  {connections}
}}
System
{{
  Spool       {scratch}/spool
  Checkpoint  {scratch}/checkpoint
  LogFile     {scratch}/log
  HostName    gateway
  Domain      example.test
  NodeName    TEST
}}
"""


class Daemon:
    """`cssmtp run` on a scratch directory."""

    def __init__(self, scratch: Path, port: int) -> None:
        self.scratch = scratch
        self.configuration = scratch / "conf"
        self.configuration.write_text(CONFIGURATION.format(port=port, connections=CONNECTIONS, scratch=scratch))

    async def start(self, *more: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "cssmtp", "run", "-c", str(self.configuration), *more]
        with open(self.scratch / "console", "ab") as console:
            return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=console, stderr=console)

    def told_sent(self) -> Counter[tuple[str, int]]:
        """Job name and number of each mail that the log calls sent, with how often it does."""
        path = self.scratch / "log"
        text = path.read_text() if path.exists() else ""
        return Counter((job, int(mail)) for job, mail in re.findall(r"^\S+ BMG0401I (\w+)/\S+ (\d+) ", text, re.MULTILINE))


def give_back(store: DirectorySpool) -> None:
    """What three kills on the same file have held goes on, as an operator would decide."""
    store.recover()
    for entry in list(store.entries("held")):
        store.release(entry)


async def test_kill_at_random_instants_repeats_nothing_recorded_and_loses_nothing(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    store = DirectorySpool(tmp_path / "spool", clock=SystemClock(), node="TEST", settle_seconds=0)
    store.initialise("CSSMTP")
    zone = tmp_path / "spool" / "drop" / "CSSMTP"
    wanted = set()
    for file in range(FILES):
        recipients = [f"j{file}m{mail}@example.net" for mail in range(1, MAILS + 1)]
        wanted |= set(recipients)
        (zone / f"J{file}").write_bytes(deck(*([each] for each in recipients)))
        os.utime(zone / f"J{file}", (1_000_000_000, 1_000_000_000))
    async with MisbehavingServer() as server:
        daemon = Daemon(tmp_path, server.port)
        kills = 0
        recorded: dict[str, int] = {}  # how often a mail had arrived when the log said for the first time that it was sent
        window: set[str] = set()
        begun = time.monotonic()
        while kills < KILLS and time.monotonic() - begun < SECONDS and len(server.accepted) < len(wanted):
            process = await daemon.start()
            already = len(server.accepted)
            server.took_a_mail.clear()
            async with asyncio.timeout(20):
                await server.took_a_mail.wait()
            while len(server.accepted) < already + chance.randrange(1, 2 * len(wanted) // KILLS):
                server.took_a_mail.clear()
                async with asyncio.timeout(20):
                    await server.took_a_mail.wait()
            process.send_signal(signal.SIGKILL)
            await process.wait()
            kills += 1
            said = daemon.told_sent()
            arrived = Counter(received.recipients[0] for received in server.accepted)
            for name, count in arrived.items():
                if said[key(name)]:
                    recorded.setdefault(name, count)
                else:
                    window.add(name)
            give_back(store)
        process = await daemon.start("--until-idle")
        async with asyncio.timeout(60):
            assert await process.wait() == 0, (tmp_path / "console").read_text()
    arrived = Counter(received.recipients[0] for received in server.accepted)
    assert set(arrived) == wanted
    assert kills >= 5
    assert {name: arrived[name] for name in recorded} == recorded
    assert {name for name, count in arrived.items() if count > 1} <= window
    repeated = sum(count - 1 for count in arrived.values())
    assert sum(store.counts().values()) == 0
    store.close()
    print(f"kills {kills}, mails {len(wanted)}, repeated {repeated}, seen in the window {len(window)}, lost 0")


def key(recipient: str) -> tuple[str, int]:
    """Job name and mail number of a recipient of these tests."""
    match = re.fullmatch(r"(j\d+)m(\d+)@example\.net", recipient)
    assert match is not None
    return match[1].upper(), int(match[2])
