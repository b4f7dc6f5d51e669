"""A gateway in the test's own loop that takes commands: real spool, real sockets, a server of the test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cssmtp.clock import SystemClock
from cssmtp.config.load import load
from cssmtp.console.channel import Channel
from cssmtp.console.client import Answer, ask
from cssmtp.console.handlers import Operator
from cssmtp.engine.service import serve, settled_names
from cssmtp.engine.supervisor import Gateway
from cssmtp.observe.bus import Bus
from cssmtp.observe.events import Event, GatewayReady
from cssmtp.observe.log import Log, StreamChannel
from tests.samples import configuration_text


class Lines:
    """A stream that keeps what is written: the log."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        """Nothing waits."""


@dataclass
class Running:
    """A gateway with its operator; `log` is what the log says, `events` everything that happened."""

    gateway: Gateway
    operator: Operator
    root: Path
    log: Lines
    events: list[Event] = field(default_factory=list)

    async def say(self, operands: str, *, as_json: bool = False, procedure: str = "-") -> Answer:
        """MODIFY, over the socket, as a client in another process would."""
        path = self.root / "spool" / "control"
        return await asyncio.to_thread(ask, path, "MODIFY", procedure, operands, as_json=as_json)

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if type(event) is kind]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.005)

    def configure(self, statements: dict[str, Any], *targets: dict[str, Any]) -> None:
        """Write the configuration file anew."""
        write_configuration(self.root, statements, *targets)

    def drop(self, name: str, data: bytes) -> None:
        """Give it a spool file."""
        zone = self.root / "spool" / "drop" / "CSSMTP"
        (zone / f".{name}").write_bytes(data)
        (zone / f".{name}").rename(zone / name)


def write_configuration(root: Path, statements: dict[str, Any], *targets: dict[str, Any]) -> None:
    names = {"HostName": "gateway", "Domain": "example.test", "NodeName": "TEST", "Spool": root / "spool"}
    given: dict[str, Any] = {"Report": "SYSOUT", "System": names, **statements}
    given.setdefault("Undeliverable", {"DeadLetterDirectory": root / "deadletters"})
    text = configuration_text(given, targets[0])
    for target in targets[1:]:
        text += "TargetServer\n{\n" + "".join(f"  {name} {value}\n" for name, value in target.items()) + "}\n"
    (root / "cssmtp.conf").write_text(text, encoding="utf-8")


@contextlib.asynccontextmanager
async def running(
    root: Path, statements: dict[str, Any], *targets: dict[str, Any], until_idle: bool = False
) -> AsyncIterator[Running]:
    """A gateway from start to orderly stop."""
    write_configuration(root, statements, *targets)
    loaded = load(root / "cssmtp.conf", environ={})
    assert loaded.configuration is not None, loaded.diagnostics
    configuration = settled_names(loaded.configuration)
    bus, lines, clock = Bus(), Lines(), SystemClock()
    log = Log(StreamChannel(lines), clock, configuration.log_level, rewire=bus.rewire, stderr=lines)
    bus.subscribe(log)
    with serve(configuration, bus, clock, until_idle=until_idle) as gateway:
        operator = Operator(gateway, log, lambda: load(root / "cssmtp.conf", environ={}), bus.publish)
        made = Running(gateway, operator, root, lines)
        bus.subscribe(Recorder(made.events))
        async with Channel(root / "spool" / "control", operator.obey):
            task = asyncio.create_task(gateway.run())
            await made.until(lambda: made.told(GatewayReady) or task.done())
            try:
                yield made
            finally:
                gateway.stop("end of the test")
                await task


class Recorder:
    """A sink that keeps everything."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events

    def wants(self, kind: type[Event], variant: str) -> bool:
        return True

    def handle(self, event: Event) -> None:
        self._events.append(event)
