"""The service manager and the heartbeat."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cssmtp.engine.heartbeat import Heartbeat
from cssmtp.engine.notify import Notifier
from cssmtp.observe.bus import Bus
from cssmtp.observe.events import Event, GatewayReady, GatewayStopping, InternalError


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(5)
        yield receiver


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), **more}


def test_ready_stopping_and_watchdog(manager: socket.socket, tmp_path: Path) -> None:
    notifier = Notifier(environment(tmp_path, WATCHDOG_USEC="30000000", WATCHDOG_PID=str(os.getpid())))
    bus = Bus()
    bus.subscribe(notifier)
    bus.publish(GatewayReady(2))
    notifier.beat()
    bus.publish(GatewayStopping("SIGTERM"))
    said = [manager.recv(999).decode().split("\n")[0] for _ in range(3)]
    assert said == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


@pytest.mark.parametrize("more", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}])
def test_a_watchdog_that_is_not_ours_gets_nothing(manager: socket.socket, tmp_path: Path, more: dict[str, str]) -> None:
    Notifier(environment(tmp_path, **more)).beat()
    manager.settimeout(0)
    with pytest.raises(BlockingIOError):
        manager.recv(99)


def test_an_abstract_socket() -> None:
    name = f"cssmtp-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + name)
        receiver.settimeout(5)
        Notifier({"NOTIFY_SOCKET": "@" + name}).handle(GatewayReady(1))
        assert receiver.recv(99).startswith(b"READY=1")


def test_without_a_service_manager_or_with_a_dead_one_nothing_happens(tmp_path: Path) -> None:
    assert not Notifier({}).active
    Notifier({"WATCHDOG_USEC": "1"}).beat()
    Notifier(environment(tmp_path)).handle(GatewayReady(1))


async def test_the_heart_beats_while_entered_and_a_failing_call_is_told_and_dropped() -> None:
    events: list[Event] = []
    heart = Heartbeat(events.append, seconds=0)
    beats = 0
    enough = asyncio.Event()

    def good() -> None:
        nonlocal beats
        beats += 1
        if beats == 3:
            enough.set()

    def bad() -> None:
        raise RuntimeError("no")

    heart.calls += [bad, good]
    async with heart:
        await enough.wait()
    assert events == [InternalError("heartbeat", "RuntimeError: no")]
    assert heart.calls == [good]
