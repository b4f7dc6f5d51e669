"""Backpressure: readers wait while too much is under way, and go on by themselves (mail-processing.md 1)."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from cssmtp.delivery.courier import Courier
from cssmtp.engine import context
from cssmtp.engine.context import QUEUE_MAILS, QUEUE_OCTETS, Flow
from cssmtp.engine.parcels import Parcel
from cssmtp.engine.pending import Pending
from cssmtp.observe.events import Event, QueueBackpressure
from tests.enginekit import FakeCourier


def parcel(weight: int) -> Parcel:
    made = Parcel("", (), 0, False, lambda parcel, outcomes: None)
    made.weight = weight
    return made


@pytest.fixture
def courier() -> FakeCourier:
    return FakeCourier()


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def flow(courier: FakeCourier, events: list[Event]) -> Flow:
    made = Flow(events.append)
    made.courier = cast(Courier, courier)
    return made


async def blocked(flow: Flow) -> asyncio.Task[None]:
    waiting = asyncio.create_task(flow.room())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    return waiting


async def test_there_is_room_at_the_limits(flow: Flow, courier: FakeCourier) -> None:
    courier.backlog = QUEUE_MAILS
    flow.took(parcel(QUEUE_OCTETS))
    assert not flow.full
    await flow.room()


async def test_too_many_waiting_mails_stop_the_reader_until_the_courier_is_hungry(flow: Flow, courier: FakeCourier) -> None:
    courier.backlog = QUEUE_MAILS + 1
    waiting = await blocked(flow)
    courier.backlog = 99
    flow.hungry()
    await asyncio.wait_for(waiting, 0.5)


async def test_a_hungry_courier_is_not_taken_at_its_word(flow: Flow, courier: FakeCourier) -> None:
    courier.backlog = QUEUE_MAILS + 1
    waiting = await blocked(flow)
    flow.hungry()
    await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()


async def test_memory_that_becomes_free_lets_the_reader_go_on_though_nobody_is_hungry(flow: Flow) -> None:
    """Mails in long retry hold memory, and no connection becomes idle when they are answered at last."""
    heavy = [parcel(QUEUE_OCTETS // 4) for _ in range(5)]
    for each in heavy:
        flow.took(each)
    waiting = await blocked(flow)
    for each in heavy[:3]:
        flow.gave(each)
    await asyncio.wait_for(waiting, 0.5)


async def test_backpressure_is_told_once_and_its_end_once(flow: Flow, courier: FakeCourier, events: list[Event]) -> None:
    courier.backlog, courier.all_down = QUEUE_MAILS + 1, True
    waiting = [await blocked(flow) for _ in range(3)]
    courier.backlog, courier.all_down = 0, False
    flow.hungry()
    await asyncio.gather(*waiting)
    assert [event.on for event in events if isinstance(event, QueueBackpressure)] == [True, False]


async def test_targets_that_go_down_while_the_reader_waits_are_told(
    flow: Flow, courier: FakeCourier, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "LOOK_AGAIN_SECONDS", 0.01)
    courier.backlog = QUEUE_MAILS + 1
    waiting = await blocked(flow)
    courier.all_down = True
    async with asyncio.timeout(5):
        while not events:
            await asyncio.sleep(0.01)
    waiting.cancel()
    assert events == [QueueBackpressure(True, QUEUE_MAILS + 1, "no target server can be reached")]


async def test_pending_waits_for_as_many_as_were_begun() -> None:
    pending = Pending()
    await pending.wait()
    pending.begun()
    pending.begun()
    waiting = asyncio.create_task(pending.wait())
    pending.done()
    await asyncio.sleep(0)
    assert not waiting.done()
    pending.done()
    await asyncio.wait_for(waiting, 0.5)


async def test_a_failure_ends_the_waiting_with_the_first_error() -> None:
    pending = Pending()
    pending.begun()
    pending.fail(ValueError("first"))
    pending.fail(ValueError("second"))
    pending.done()
    with pytest.raises(ValueError, match="first"):
        await pending.wait()
