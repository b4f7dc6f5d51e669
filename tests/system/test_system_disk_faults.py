"""The whole gateway on disks that fail at any step: spool, mail directory, checkpoint, dead letters.

One life with a disk that fails once, or from then on; then one with a good disk. No recipient may be lost, and as long as the
checkpoint itself works, none is reached twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cssmtp.clock import SystemClock
from cssmtp.config.model import BadSpoolDisp, Configuration
from cssmtp.engine import deadletters, maildirectory, supervisor
from cssmtp.engine.ledgerfile import LedgerFile
from cssmtp.engine.supervisor import Gateway
from cssmtp.errors import CssmtpError
from cssmtp.observe.bus import Bus
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.disk import Disk, spool_error
from tests.misbehaving import MisbehavingServer
from tests.soak.reckoning import RECIPIENT, queued_in
from tests.system.test_system_checkpoint import configured, drop

SENT, REFUSED, LATER = "sent@example.net", "rcpt-550@example.net", "rcpt-451@example.net"
DECK = "".join(
    f"MAIL FROM:<>\nRCPT TO:<{name}>\nDATA\nSubject: x\n\nhello\n.\n" for name in (SENT, REFUSED, LATER)
).encode()  # fmt: skip
STEPS = 60
"""More than a life has."""
ENOUGH = 0.25
"""Seconds of a life that waits for its disk to get better: nothing more would happen for a minute."""
HEALTHY = 30
"""Seconds at most of a life on a good disk, which ends by itself when all is done, also on a busy machine."""


class Faults:
    """Counts steps; the one numbered `step` fails, and with `lasting` all that follow."""

    def __init__(self, step: int, code: int, *, lasting: bool) -> None:
        self.count = 0
        self.step, self.code, self.lasting = step, code, lasting

    def check(self) -> None:
        number, self.count = self.count, self.count + 1
        if number == self.step or (self.lasting and number > self.step):
            raise OSError(self.code, os.strerror(self.code))

    @property
    def came(self) -> bool:
        return self.count > self.step


class FaultyDisk(Disk):
    """Every change may fail; a write fails after half of its data (a short write)."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def _check(self, path: Path) -> None:
        try:
            self._faults.check()
        except OSError as fault:
            raise spool_error(fault, path) from fault

    def write(self, path: Path, chunks: Iterable[bytes]) -> int:
        return super().write(path, self._short(chunks))

    def _short(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        for chunk in chunks:
            yield chunk[: len(chunk) // 2]
            self._faults.check()
            yield chunk[len(chunk) // 2 :]

    def append(self, path: Path, data: bytes) -> None:
        self._check(path)
        super().append(path, data)

    def sync(self, descriptor: int) -> None:
        self._faults.check()
        super().sync(descriptor)

    def move(self, source: Path, target: Path) -> None:
        self._check(source)
        super().move(source, target)

    def make_directory(self, path: Path, mode: int = 0o700) -> None:
        self._check(path)
        super().make_directory(path, mode)

    def remove(self, path: Path) -> None:
        self._check(path)
        super().remove(path)


class FaultyConnection(sqlite3.Connection):
    """A database whose statements fail as they do on a disk that is full."""

    faults: Faults

    def _check(self) -> None:
        try:
            self.faults.check()
        except OSError as fault:
            raise sqlite3.OperationalError("database or disk is full") from fault

    def execute(self, *words: Any) -> sqlite3.Cursor:
        self._check()
        return super().execute(*words)

    def executemany(self, *words: Any) -> sqlite3.Cursor:
        self._check()
        return super().executemany(*words)


async def life(configuration: Configuration, disk: Disk, patience: float = ENOUGH) -> None:
    """One gateway until it is idle; one that waits for its disk is stopped, and one may refuse to start."""
    store = DirectorySpool(Path(configuration.system.spool), clock=SystemClock(), node="TEST", settle_seconds=0, disk=disk)
    gateway = Gateway(configuration, store, Bus(), SystemClock(), until_idle=True)
    running = asyncio.create_task(gateway.run())
    await asyncio.wait([running], timeout=patience)
    gateway.stop("enough")
    with contextlib.suppress(CssmtpError):
        await asyncio.wait_for(running, 10)
    store.close()


class Outcome:
    """What became of the three recipients after both lives."""

    def __init__(self, root: Path, server: MisbehavingServer) -> None:
        self.arrived = Counter(name for each in server.accepted for name in each.recipients)
        self.letters = Counter(
            name.decode() for path in (root / "letters").glob("[!.]*") for name in RECIPIENT.findall(path.read_bytes())
        )
        self.queued = queued_in(root / "mail")


async def recovered(root: Path, configuration: Configuration, server: MisbehavingServer) -> Outcome:
    """The life after: a good disk, and an operator who releases what was held for a fault of ours."""
    await life(configuration, Disk(), HEALTHY)
    store = DirectorySpool(root / "spool", clock=SystemClock(), node="TEST", settle_seconds=0)
    held = list(store.entries("held"))
    for entry in held:
        store.release(entry)
    store.close()
    if held:
        await life(configuration, Disk(), HEALTHY)
    assert {state: count for state, count in store.counts().items() if count} == {}
    assert list((root / "spool" / "drop" / "CSSMTP").iterdir()) == []
    return Outcome(root, server)


def prepared(root: Path, port: int) -> Configuration:
    configuration = configured(root, port, bad_spool_disp=BadSpoolDisp.DELETE)
    store = DirectorySpool(root / "spool", clock=SystemClock(), node="TEST")
    store.initialise("CSSMTP")
    store.close()
    drop(root, "ONE", b"HELO x\n" + DECK + b"QUIT\n")
    return configuration


@pytest.mark.parametrize("lasting", [False, True], ids=["one fault", "read-only from then on"])
async def test_a_spool_disk_that_fails_at_any_step_loses_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasting: bool
) -> None:
    came = True
    step = 0
    while came:
        root = tmp_path / str(step)
        root.mkdir()
        async with MisbehavingServer() as server:
            configuration = prepared(root, server.port)
            code = errno.EROFS if lasting else (errno.ENOSPC, errno.EIO)[step % 2]
            faults = Faults(step, code, lasting=lasting)
            with monkeypatch.context() as patch:
                patch.setattr(maildirectory, "Disk", lambda faults=faults: FaultyDisk(faults))
                await life(configuration, FaultyDisk(faults))
            came = faults.came
            outcome = await recovered(root, configuration, server)
        assert (step, outcome.arrived) == (step, Counter({SENT: 1}))
        assert (step, outcome.letters) == (step, Counter({REFUSED: 1}))
        assert (step, outcome.queued) == (step, {LATER})
        step += 1
        assert step < STEPS
    assert step > 15


@pytest.mark.parametrize("lasting", [False, True])
async def test_a_checkpoint_that_fails_at_any_step_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasting: bool
) -> None:
    came = True
    step = 0
    while came:
        root = tmp_path / str(step)
        root.mkdir()
        async with MisbehavingServer() as server:
            configuration = prepared(root, server.port)
            faults = Faults(step, errno.ENOSPC, lasting=lasting)
            kind = type("Connection", (FaultyConnection,), {"faults": faults})
            with monkeypatch.context() as patch:
                patch.setattr(supervisor, "LedgerFile", partial(LedgerFile, connect=partial(sqlite3.connect, factory=kind)))
                await life(configuration, Disk())
            came = faults.came
            outcome = await recovered(root, configuration, server)
        assert (step, outcome.arrived) == (step, Counter({SENT: 1}))
        assert (step, outcome.letters) == (step, Counter({REFUSED: 1}))
        assert (step, outcome.queued) == (step, {LATER})
        step += 1
        assert step < STEPS
    assert step > 8


@pytest.mark.parametrize("name", ["fsync", "link", "open"])
async def test_a_dead_letter_that_cannot_be_written_keeps_its_spool_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with MisbehavingServer() as server:
        configuration = prepared(tmp_path, server.port)

        def fails(*words: object, **more: object) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        class BrokenSystem:
            """The module `os` as dead letters see it."""

            def __getattr__(self, wanted: str) -> object:
                return fails if wanted == name else getattr(os, wanted)

        with monkeypatch.context() as patch:
            patch.setattr(deadletters, "os", BrokenSystem())
            await life(configuration, Disk())
        outcome = await recovered(tmp_path, configuration, server)
    assert outcome.arrived == Counter({SENT: 1})
    assert set(outcome.letters) == {REFUSED}
    assert outcome.queued == {LATER}
