"""One spool task with a courier that does what the test says: no sockets, no time, a real spool directory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from cssmtp.clock import SystemClock
from cssmtp.config.model import (
    AddressKind,
    Configuration,
    Report,
    ReportTo,
    RetryLimit,
    System,
    TargetAddress,
    TargetServer,
    Undeliverable,
)
from cssmtp.delivery.courier import Courier
from cssmtp.delivery.link import EightBit
from cssmtp.engine.context import Context, Flow
from cssmtp.engine.ledger import MemoryLedger
from cssmtp.engine.parcels import MailParcel, Parcel
from cssmtp.engine.settings import Settings
from cssmtp.engine.spooltask import SpoolTask
from cssmtp.model import Outcome, Verdict
from cssmtp.observe.events import Event
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.store import Claim

DELIVERED = Outcome(Verdict.DELIVERED, "250 2.0.0 Ok", "192.0.2.1")
RETRY = Outcome(Verdict.RETRY, "451 4.3.0 later", "192.0.2.1")
REFUSED = Outcome(Verdict.UNDELIVERABLE, "550 5.1.1 no", "192.0.2.1")
OUTCOMES = {outcome.verdict: outcome for outcome in (DELIVERED, RETRY, REFUSED)}

TARGET = TargetServer((TargetAddress(AddressKind.IP, "127.0.0.1"),))
ADMINISTRATORS = ("ops@example.test", "mail@example.test")

Kind = TypeVar("Kind", bound=Event)


def deck(*mails: tuple[str, tuple[str, ...]], text: str = "hello") -> bytes:
    """A deck with one mail for each (sender, recipients); a recipient without "@" is a bad one."""
    lines = ["HELO mvsa"]
    for number, (sender, recipients) in enumerate(mails, 1):
        lines += [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{recipient}>" for recipient in recipients)]
        lines += ["DATA", f"Subject: mail {number}", "", text, "."]
    return "".join(f"{line}\n" for line in [*lines, "QUIT"]).encode()


class FakeCourier:
    """Takes parcels and keeps them until the test answers; like the real one it answers each once."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.seen: list[Parcel] = []
        self.all_down = False
        self.answers: Callable[[Parcel], tuple[Outcome, ...] | None] = lambda parcel: None
        self.backlog = 0
        self.ended_files = 0

    @property
    def waiting(self) -> int:
        return self.backlog + len(self.parcels)

    def submit(self, parcel: Parcel) -> None:
        self.seen.append(parcel)
        self.parcels.append(parcel)
        outcomes = self.answers(parcel)
        if outcomes is not None:
            self.answer(parcel, *outcomes)

    def answer(self, parcel: Parcel, *outcomes: Outcome) -> None:
        """One outcome per recipient, or one for all."""
        self.parcels.remove(parcel)
        every = outcomes if len(outcomes) == len(parcel.recipients) else outcomes * len(parcel.recipients)
        parcel.ended(parcel, every)

    def file_ended(self) -> None:
        self.ended_files += 1


@dataclass
class Bench:
    """A spool with one claimed file, and what happens to it."""

    root: Path
    configuration: Configuration
    courier: FakeCourier = field(default_factory=FakeCourier)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = DirectorySpool(self.root / "spool", clock=SystemClock(), node="TEST")
        self.store.initialise("CSSMTP")
        self.flow = Flow(self.events.append)
        self.flow.courier = cast(Courier, self.courier)

    def close(self) -> None:
        self.store.close()

    @property
    def context(self) -> Context:
        courier = cast(Courier, self.courier)
        return Context(
            Settings(self.configuration), self.store, courier, self.events.append, SystemClock(), MemoryLedger(), self.flow
        )

    def claim(self, data: bytes, **attributes: Any) -> Claim:
        given = {"writer": "CSSMTP", "jobname": "JOB1", "jobid": "JOB00001", "owner": "OPS", "origin_node": "TEST"}
        entry = self.store.create(Attributes(**{**given, **attributes}), [data])
        claim = self.store.claim(entry)
        assert claim is not None
        return claim

    def task(self, data: bytes, **attributes: Any) -> SpoolTask:
        return SpoolTask(self.claim(data, **attributes), self.context)

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the loop and its threads work until the condition holds."""
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)

    def state(self) -> list[str]:
        """Where the spool files are."""
        return [state for state, count in self.store.counts().items() for _ in range(count)]

    def reports(self) -> list[str]:
        return [path.read_text(encoding="utf-8") for path in (self.root / "spool" / "reports").glob("*.txt")]

    def letters(self) -> dict[str, bytes]:
        directory = Path(self.configuration.undeliverable.dead_letter_directory)
        return {path.name: path.read_bytes() for path in directory.glob("*")} if directory.is_dir() else {}

    def told(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.events if isinstance(event, kind)]


def configuration(root: Path, **changes: Any) -> Configuration:
    """Reports to SYSOUT, dead letters in `root`/letters, one long retry."""
    plain = Configuration(
        targets=(TARGET,),
        report=Report(ReportTo.SYSOUT),
        undeliverable=Undeliverable(dead_letter_directory=str(root / "letters")),
        retry_limit=RetryLimit(1, 1),
        system=System(host_name="gateway", domain="example.test", node_name="TEST"),
        mail_administrators=ADMINISTRATORS,
    )
    return replace(plain, **changes)


def wire_of(parcel: Parcel) -> bytes:
    """What the parcel would put on the wire."""
    made = parcel.wire(TARGET, eight_bit=True)
    if isinstance(made, EightBit):
        made = made.text
    return made if isinstance(made, bytes) else b"".join(made)


def mails(parcels: Iterable[Parcel]) -> list[MailParcel]:
    return [parcel for parcel in parcels if isinstance(parcel, MailParcel)]


def unwritable(root: Path) -> str:
    """A directory that cannot be made, also not by root: a file stands in its way."""
    (root / "in the way").write_bytes(b"")
    return os.fspath(root / "in the way" / "letters")
