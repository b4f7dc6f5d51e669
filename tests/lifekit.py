"""What tests of the engine share: a loop whose time can jump, a courier that answers as told, and a gateway made of the parts."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from cssmtp.config.model import (
    AddressKind,
    Configuration,
    ExtendedRetry,
    Report,
    ReportTo,
    RetryLimit,
    System,
    TargetAddress,
    TargetServer,
    Undeliverable,
)
from cssmtp.delivery.link import EightBit
from cssmtp.engine.context import Context, Flow
from cssmtp.engine.extended import ExtendedRetry as Extended
from cssmtp.engine.ledger import Ledger, MemoryLedger
from cssmtp.engine.maildirectory import MailDirectory
from cssmtp.engine.parcels import Parcel
from cssmtp.engine.settings import Settings
from cssmtp.engine.spooltask import FileResult, SpoolTask
from cssmtp.model import Outcome, Verdict
from cssmtp.observe.events import Event
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.directory import DirectorySpool
from tests.spoolkit import StoppedClock

Result = TypeVar("Result")
TARGET = TargetServer((TargetAddress(AddressKind.IP, "127.0.0.1"),))
OK = "250 2.0.0 Ok"


class WarpLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be set forward, so that nobody waits for a timer."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def run(work: Callable[[], Awaitable[Result]]) -> Result:
    """Run a test on a loop of its own that can be warped."""
    with asyncio.Runner(loop_factory=WarpLoop) as runner:

        async def limited() -> Result:
            async with asyncio.timeout(1e9):
                return await work()

        return runner.run(limited())


async def warp(seconds: float) -> None:
    """Let time pass at once."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WarpLoop)
    loop.ahead += seconds
    await spin()


async def spin(turns: int = 20) -> None:
    """Let everything on the loop go on that can."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], turns: int = 200_000) -> None:
    """Let the loop (and its threads) go on until the condition holds."""
    for _ in range(turns):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never comes")


def outcome(code: str) -> Outcome:
    """The outcome of a reply, by its first digit."""
    verdict = {"2": Verdict.DELIVERED, "4": Verdict.RETRY, "5": Verdict.UNDELIVERABLE}[code[0]]
    return Outcome(verdict, OK if code == "250" else f"{code} {code[0]}.0.0 as you wish", "192.0.2.1")


class FakeCourier:
    """Answers each recipient by its local part: "451x3-550" answers 451 three times, then 550; anything else 250.

    With `hold` parcels wait until `answer` is called. `sent` is what was accepted: recipient and message, in order.
    """

    def __init__(self, *, hold: bool = False) -> None:
        self.hold = hold
        self.stopped = False
        self.waiting = 0
        self.all_down = False
        self.sent: list[tuple[str, bytes]] = []
        self.tried: list[str] = []
        self.held: list[Parcel] = []
        self.files_ended = 0
        self._tries: dict[str, int] = {}

    def submit(self, parcel: Parcel) -> None:
        if self.stopped:
            self._turn_away(parcel)
        elif self.hold:
            self.held.append(parcel)
        else:
            asyncio.get_running_loop().call_soon(self._end, parcel)

    def answer(self, count: int = 1) -> None:
        """Answer the oldest of the parcels that wait."""
        for parcel in self.held[:count]:
            self._end(parcel)
        del self.held[:count]

    def stop(self) -> None:
        """As the real one: what waits, and what still comes, is answered at once with "not now"."""
        self.stopped = True
        held, self.held[:] = list(self.held), []
        for parcel in held:
            self._turn_away(parcel)

    def _turn_away(self, parcel: Parcel) -> None:
        parcel.ended(parcel, (Outcome(Verdict.RETRY, "the gateway is stopping"),) * len(parcel.recipients))

    def file_ended(self) -> None:
        self.files_ended += 1

    def _end(self, parcel: Parcel) -> None:
        wire = parcel.wire(TARGET, eight_bit=True)
        if isinstance(wire, EightBit):
            wire = wire.text
        text = wire if isinstance(wire, bytes) else b"".join(wire)
        outcomes = tuple(self._outcome(recipient) for recipient in parcel.recipients)
        for recipient, each in zip(parcel.recipients, outcomes, strict=True):
            self.tried.append(recipient)
            if each.verdict is Verdict.DELIVERED:
                self.sent.append((recipient, text))
        parcel.ended(parcel, outcomes)

    def _outcome(self, recipient: str) -> Outcome:
        tried = self._tries[recipient] = self._tries.get(recipient, 0) + 1
        for word in recipient.partition("@")[0].split("-"):
            code, _, count = word.partition("x")
            if code.isdigit() and len(code) == 3:
                times = int(count) if count else 1_000_000
                if tried <= times:
                    return outcome(code)
                tried -= times
        return outcome("250")

    @property
    def reached(self) -> list[str]:
        return [recipient for recipient, _ in self.sent]


def deck(*mails: Iterable[str], sender: str = "alice@example.org", body: str = "Hello") -> bytes:
    """A deck in fixed records of 80 bytes; each mail is its recipients."""
    lines = ["HELO MVSA"]
    for number, recipients in enumerate(mails, 1):
        lines += [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{each}>" for each in recipients), "DATA"]
        lines += [f"Subject: mail {number}", "", *body.split("\n"), "."]
    return b"".join(line.ljust(80).encode("cp037") for line in [*lines, "QUIT"])


@dataclass
class Works:
    """A gateway's inside on a directory: spool, courier, ledger, extended retry."""

    root: Path
    configuration: Configuration
    courier: FakeCourier = field(default_factory=FakeCourier)
    ledger: Ledger = field(default_factory=MemoryLedger)
    clock: StoppedClock = field(default_factory=StoppedClock)
    events: list[Event] = field(default_factory=list)
    extended: Extended | None = None

    def __post_init__(self) -> None:
        self.store = DirectorySpool(self.root / "spool", clock=self.clock, node="TEST", settle_seconds=0)
        self.store.initialise("CSSMTP")
        self.flow = Flow(self.events.append)

    @property
    def context(self) -> Context:
        return Context(
            Settings(self.configuration),
            self.store,
            self.courier,  # type: ignore[arg-type]
            self.events.append,
            self.clock,
            self.ledger,
            self.flow,
            parking=self.extended,
        )

    def extend(self, directory: MailDirectory | None = None) -> Extended:
        """Extended retry on the configured directory, not started."""
        assert self.configuration.extended_retry is not None
        self.extended = Extended(self.configuration.extended_retry, self.context, directory)
        return self.extended

    def put(self, data: bytes, **attributes: object) -> str:
        """A spool file; returns its id."""
        made = replace(Attributes(writer="CSSMTP", jobname="PAYRUN", owner="PAYUSER"), **attributes)
        return self.store.create(made, io.BytesIO(data)).id

    def task(self) -> SpoolTask:
        """A task for the next ready file."""
        (entry,) = self.store.select("CSSMTP", 1)
        claim = self.store.claim(entry)
        assert claim is not None
        return SpoolTask(claim, self.context)

    async def work(self) -> FileResult:
        """Work the next ready file off."""
        return await self.task().run()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if type(event) is kind]


def configured(root: Path, **more: object) -> Configuration:
    """One target, dead letters and mail directory below `root`."""
    base = Configuration(
        (TARGET,),
        ext_writer_name="CSSMTP",
        report=Report(ReportTo.NONE),
        retry_limit=RetryLimit(2, 1),
        undeliverable=Undeliverable(dead_letter_directory=str(root / "letters")),
        system=System(host_name="gateway", domain="example.test", node_name="TEST"),
    )
    return replace(base, **more)


def extended_policy(root: Path, **more: int) -> ExtendedRetry:
    return ExtendedRetry(mail_directory=str(root / "mail"), **more)


def works(root: Path, **more: object) -> Works:
    return Works(root, configured(root, **more))
