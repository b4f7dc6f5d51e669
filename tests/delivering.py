"""What tests of the courier share: parcels, tiny timers, and a courier whose outcomes can be awaited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from cssmtp.clock import SystemClock
from cssmtp.config.model import AddressKind, Configuration, Options, TargetAddress, TargetServer, Timeout
from cssmtp.delivery.courier import Courier
from cssmtp.delivery.link import EightBit, Parcel
from cssmtp.delivery.resolve import LookupFailed
from cssmtp.model import Outcome
from cssmtp.observe.events import Event

TEXT = b"Subject: test\r\n\r\nHello\r\n.\r\n"

PATIENT = Timeout(connect_retry=30)
"""No timer of a test that goes well ever runs out."""

TINY = 0.15
"""Seconds of a timer that a test wants to run out."""


@dataclass(eq=False)
class TestParcel:
    """A mail for tests. `text` may be a function that makes blocks."""

    __test__ = False

    recipients: tuple[str, ...] = ("bob@example.test",)
    reverse_path: str = "alice@example.test"
    size: int = len(TEXT)
    tls_required: bool = False
    text: bytes | Callable[[], Iterable[bytes]] = TEXT
    labelled: bool = False
    """Whether `text` is 8-bit MIME, to be announced where the server offers it."""

    def wire(self, _server: TargetServer, *, eight_bit: bool) -> bytes | Iterable[bytes] | EightBit:
        text = self.text if isinstance(self.text, bytes) else self.text()
        return EightBit(text) if self.labelled and eight_bit else text


class Names:
    """A resolver that knows what it is told. A value that is a string is the reason of a failure."""

    def __init__(
        self, hosts: dict[str, list[str] | str] | None = None, domains: dict[str, list[tuple[int, str]] | str] | None = None
    ) -> None:
        self.hosts = hosts or {}
        self.domains = domains or {}

    async def addresses(self, name: str) -> list[str]:
        found = self.hosts.get(name, "unknown host")
        if isinstance(found, str):
            raise LookupFailed(f"{name}: {found}")
        return found

    async def exchangers(self, domain: str) -> list[tuple[int, str]]:
        found = self.domains.get(domain, "unknown domain")
        if isinstance(found, str):
            raise LookupFailed(f"{domain}: {found}")
        return found


@dataclass
class Office:
    """A courier and everything it said."""

    courier: Courier
    events: list[Event]
    outcomes: dict[Parcel, list[tuple[Outcome, ...]]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    hungry: int = 0

    def ended(self, parcel: Parcel, outcomes: tuple[Outcome, ...]) -> None:
        self.outcomes.setdefault(parcel, []).append(outcomes)
        self.changed.set()

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until `condition` holds, looked at whenever an outcome or event comes."""
        async with asyncio.timeout(seconds):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def deliver(self, *parcels: Parcel) -> list[list[str]]:
        """Submit and wait; returns per parcel "verdict reason" per recipient."""
        for parcel in parcels:
            self.courier.submit(parcel)
        await self.until(lambda: all(parcel in self.outcomes for parcel in parcels))
        return [self.words(parcel) for parcel in parcels]

    def words(self, parcel: Parcel) -> list[str]:
        (outcomes,) = self.outcomes[parcel]
        assert len(outcomes) == len(parcel.recipients)
        return [f"{outcome.verdict.value} {outcome.reason}" for outcome in outcomes]

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if type(event) is kind]


def target(port: int, ip: str = "127.0.0.1", kind: AddressKind = AddressKind.IP, **options: object) -> TargetServer:
    return replace(TargetServer((TargetAddress(kind, ip),), connect_port=port), **options)


@contextlib.asynccontextmanager
async def office(
    *targets: TargetServer,
    timeout: Timeout = PATIENT,
    options: Options = Options(),  # noqa: B008 - frozen
    grace: float = 5,
    names: Names | None = None,
    hello: str = "gateway.example.test",
    **more: object,
) -> AsyncIterator[Office]:
    """A started courier; stopped at the end, when every connection must be gone and every parcel answered exactly once."""
    events: list[Event] = []
    made: Office

    def publish(event: Event) -> None:
        events.append(event)
        made.changed.set()

    def hungry() -> None:
        made.hungry += 1

    configuration = Configuration(tuple(targets), timeout=timeout, options=options)
    courier = Courier(
        configuration,
        SystemClock(),
        publish,
        lambda parcel, outcomes: made.ended(parcel, outcomes),
        hungry,
        hello=hello,
        resolver=names or Names(),
        ipv6=True,
        **more,
    )
    made = Office(courier, events)
    await courier.start()
    try:
        yield made
    finally:
        await courier.stop(grace)
    assert all(len(outcomes) == 1 for outcomes in made.outcomes.values())
    assert courier.waiting == 0


def parcels(count: int, **fields: object) -> Sequence[TestParcel]:
    return [TestParcel(recipients=(f"r{number}@example.test",), **fields) for number in range(count)]
