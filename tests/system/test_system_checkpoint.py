"""The whole gateway with checkpoint and extended retry, in this process, against a server that misbehaves."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cssmtp.clock import SystemClock
from cssmtp.config.model import (
    AddressKind,
    Configuration,
    ExtendedRetry,
    Options,
    Report,
    ReportTo,
    RetryLimit,
    System,
    TargetAddress,
    TargetServer,
    Undeliverable,
)
from cssmtp.engine import ledgerfile
from cssmtp.engine.ledgerfile import Batch, CheckpointError, LedgerFile
from cssmtp.engine.maildirectory import DirectoryInUse, MailDirectory
from cssmtp.engine.service import serve
from cssmtp.observe.bus import Bus
from cssmtp.observe.events import (
    CheckpointOpened,
    CheckpointSetAside,
    Event,
    GatewayStopped,
    MailEnded,
    MailParked,
    SpoolFileEnded,
)
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.directory import DirectorySpool
from tests.lifekit import deck
from tests.misbehaving import MisbehavingServer


class Collected:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.changed = asyncio.Event()

    def wants(self, kind: type[Event], variant: str) -> bool:
        return True

    def handle(self, event: Event) -> None:
        self.events.append(event)
        self.changed.set()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if type(event) is kind]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


def configured(root: Path, port: int, **more: object) -> Configuration:
    system = System(
        spool=str(root / "spool"),
        checkpoint=str(root / "checkpoint"),
        host_name="gateway",
        domain="example.test",
        node_name="TEST",
    )
    configuration = Configuration(
        (TargetServer((TargetAddress(AddressKind.IP, "127.0.0.1"),), connect_port=port),),
        ext_writer_name="CSSMTP",
        retry_limit=RetryLimit(0, 0),
        extended_retry=ExtendedRetry(mail_directory=str(root / "mail"), interval_minutes=1),
        undeliverable=Undeliverable(dead_letter_directory=str(root / "letters")),
        system=system,
    )
    return replace(configuration, **more)


def drop(root: Path, name: str, data: bytes) -> None:
    zone = root / "spool" / "drop" / "CSSMTP"
    zone.mkdir(parents=True, exist_ok=True)
    (zone / f".{name}").write_bytes(data)
    os.utime(zone / f".{name}", (1_000_000_000, 1_000_000_000))
    (zone / f".{name}").rename(zone / name)


async def once(configuration: Configuration, *, cold: bool = False) -> tuple[int, Collected]:
    """A run until the spool is empty: its exit status and what it said."""
    seen = Collected()
    bus = Bus()
    bus.subscribe(seen)
    with serve(configuration, bus, SystemClock(), until_idle=True, cold=cold) as gateway:
        async with asyncio.timeout(30):
            return await gateway.run(), seen


def recorded(root: Path) -> int:
    """Rows of the checkpoint."""
    connection = sqlite3.connect(root / "checkpoint")
    count = sum(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("delivered", "mail"))
    connection.close()
    return count


async def test_a_file_worked_off_leaves_nothing_in_the_checkpoint(tmp_path: Path) -> None:
    async with MisbehavingServer() as server:
        drop(tmp_path, "ONE", deck(["a@example.net"], ["b@example.net", "rcpt-550@example.net"]))
        status, seen = await once(configured(tmp_path, server.port))
    assert status == 1
    assert sorted(name for each in server.accepted for name in each.recipients) == [
        "a@example.net",
        "alice@example.org",
        "b@example.net",
    ]
    assert recorded(tmp_path) == 0
    assert seen.of(CheckpointOpened) == [CheckpointOpened(str(tmp_path / "checkpoint"), 0)]


async def test_extended_retry_from_spool_file_to_delivery_over_a_restart(tmp_path: Path) -> None:
    async with MisbehavingServer(faults={"rcpt": "451"}) as server:
        drop(tmp_path, "ONE", deck(["a@example.net"]))
        status, seen = await once(configured(tmp_path, server.port))
    assert status == 1
    assert len(seen.of(MailParked)) == len(seen.of(SpoolFileEnded)) == 1
    assert seen.of(MailEnded) == []
    (control,) = (tmp_path / "mail").glob("cf*")
    content = json.loads(control.read_bytes())
    control.write_text(json.dumps(content | {"due": content["first"]}))
    async with MisbehavingServer() as server:
        seen = Collected()
        bus = Bus()
        bus.subscribe(seen)
        with serve(configured(tmp_path, server.port), bus, SystemClock()) as gateway:
            running = asyncio.create_task(gateway.run())
            await seen.until(lambda: bool(seen.of(MailEnded)))
            gateway.stop("enough")
            assert await running == 0
    assert [each.recipients for each in server.accepted] == [("a@example.net",)]
    assert b"Subject: mail 1\r\n\r\nHello\r\n" in server.accepted[0].text
    assert sorted(path.name for path in (tmp_path / "mail").iterdir()) == [".lock"]


async def interrupted(root: Path, server: MisbehavingServer, sent: int, *, cold: bool = False) -> list[str]:
    """A run that is stopped when `sent` mails are done and the server has one more whose answer it keeps back."""
    seen = Collected()
    bus = Bus()
    bus.subscribe(seen)
    with serve(configured(root, server.port), bus, SystemClock(), cold=cold) as gateway:
        running = asyncio.create_task(gateway.run())
        await seen.until(lambda: len(seen.of(MailEnded)) == sent)
        async with asyncio.timeout(20):
            while len(server.accepted) <= sent:
                server.took_a_mail.clear()
                await server.took_a_mail.wait()
        gateway.stop("enough")
        await server.vanish()
        await running
    return sorted(each.recipients[0] for each in server.accepted)


async def test_a_stop_amid_a_file_resumes_there_and_a_cold_start_does_not(tmp_path: Path) -> None:
    recipients = [f"r{number}@example.net" for number in range(6)]
    kept_back = "dot-wait@example.net"
    drop(tmp_path, "ONE", deck(*([each] for each in recipients), [kept_back]))
    async with MisbehavingServer() as server:
        assert await interrupted(tmp_path, server, 6) == sorted([*recipients, kept_back])
    async with MisbehavingServer() as server:
        assert await interrupted(tmp_path, server, 0) == [kept_back]
    async with MisbehavingServer() as server:
        assert await interrupted(tmp_path, server, 6, cold=True) == sorted([*recipients, kept_back])


async def test_another_job_name_is_no_warm_start(tmp_path: Path) -> None:
    async with MisbehavingServer() as server:
        configuration = configured(tmp_path, server.port)
        await once(configuration)
        _, seen = await once(replace(configuration, system=replace(configuration.system, job_name="OTHER")))
    (event,) = seen.of(CheckpointSetAside)
    assert isinstance(event, CheckpointSetAside)
    assert event.reason == "it belongs to job CSSMTP with writer CSSMTP"
    assert Path(event.aside).exists()


async def test_a_damaged_checkpoint_does_not_stop_delivery(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_bytes(b"\xffnot a database" * 100)
    async with MisbehavingServer() as server:
        drop(tmp_path, "ONE", deck(["a@example.net"]))
        status, seen = await once(configured(tmp_path, server.port))
    assert status == 0
    assert len(server.accepted) == 1
    assert len(seen.of(CheckpointSetAside)) == 1


async def test_what_forbids_a_start_is_told_and_everything_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with MisbehavingServer() as server:
        configuration = configured(tmp_path, server.port)
        other = MailDirectory(tmp_path / "mail")
        other.open()
        with pytest.raises(DirectoryInUse):
            await once(configuration)
        other.close()
        with monkeypatch.context() as patch:
            patch.setattr(ledgerfile, "on_network", lambda path: "nfs")
            with pytest.raises(CheckpointError, match="network file system"):
                await once(configuration)
        status, seen = await once(configuration)
        assert status == 0
        assert len(seen.of(GatewayStopped)) == 1


async def test_test_mode_touches_neither_checkpoint_nor_mail_directory(tmp_path: Path) -> None:
    configuration = configured(tmp_path, 1, options=Options(test_mode=True), report=Report(ReportTo.SYSOUT, "A"))
    drop(tmp_path, "ONE", deck(["a@example.net"]))
    await once(configuration)
    assert not (tmp_path / "checkpoint").exists()
    assert not (tmp_path / "mail").exists()


async def test_rows_of_files_that_are_gone_are_cleared_at_the_next_start(tmp_path: Path) -> None:
    async with MisbehavingServer() as server:
        configuration = configured(tmp_path, server.port)
        await once(configuration)
        connection = sqlite3.connect(tmp_path / "checkpoint")
        connection.execute("INSERT INTO delivered VALUES ('gone', x'01000000')")
        connection.commit()
        connection.close()
        await once(configuration)
    assert recorded(tmp_path) == 0


@pytest.mark.parametrize("done", [1, 0])
async def test_the_third_crash_holds_a_file_unless_the_checkpoint_knows_that_it_got_further(tmp_path: Path, done: int) -> None:
    async with MisbehavingServer() as server:
        configuration = configured(tmp_path, server.port)
        store = DirectorySpool(tmp_path / "spool", clock=SystemClock(), node="TEST")
        store.initialise("CSSMTP")
        entry = store.create(Attributes(writer="CSSMTP"), [deck(["a@example.net"], ["b@example.net"])])
        claim = store.claim(entry)
        assert claim is not None
        claim.note(b"crash", b" 0")
        claim.note(b"crash", b" 0")
        store.close()
        file = LedgerFile(tmp_path / "checkpoint", configuration.system.job_name, "CSSMTP", SystemClock())
        file.open()
        file.commit(Batch(delivered={entry.id: array("I", [1] * done)} if done else {}))
        file.close()
        await once(configuration)
        assert len(server.accepted) == done
        assert store.counts()["held"] == 1 - done
