"""The limits of our own resources (operator-commands.md 7)."""

from __future__ import annotations

import asyncio
import resource
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.config.model import Configuration, DeadLetterAction, ExtendedRetry, Undeliverable
from cssmtp.engine import monitor
from cssmtp.engine.monitor import CHECK_SECONDS, HIGH_PERCENT, LOW_PERCENT, Gauge, Monitor, Reading
from cssmtp.messages import BY_KEY
from cssmtp.observe import wording
from cssmtp.observe.events import Event, Resource, ResourceHigh, ResourceRelieved
from cssmtp.observe.snapshot import PoolStatus

PERCENT = st.floats(0, 100, allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(PERCENT, PERCENT), max_size=40))
def test_a_gauge_warns_above_75_clears_below_50_and_says_nothing_twice(readings: list[tuple[float, float]]) -> None:
    gauge = Gauge()
    last = False
    for percents in readings:
        news = gauge.judge(percents)
        if news is True:
            assert not last
            assert min(percents) > HIGH_PERCENT
        elif news is False:
            assert last
            assert max(percents) < LOW_PERCENT
        else:
            assert not (min(percents) > HIGH_PERCENT and not last)
            assert not (max(percents) < LOW_PERCENT and last)
        last = last if news is None else news
        assert gauge.high is last


@pytest.mark.parametrize(
    ("writer", "dest", "news"), [(16, 16, True), (13, 13, True), (12, 16, None), (16, 12, None), (16, 0, None), (0, 0, None)]
)
def test_ezd1856i_needs_both_classes_above_75_percent(writer: int, dest: int, news: bool | None) -> None:
    reading = monitor.task_reading((PoolStatus("WRITER", 16, 16, writer), PoolStatus("DEST", 16, 16, dest)))
    assert Gauge().judge(reading.percents) is news
    assert reading.what == "WRITER tasks and DEST tasks"


def test_ezd1857i_needs_both_classes_below_50_percent() -> None:
    gauge = Gauge()
    gauge.judge((100.0, 100.0))
    assert gauge.judge((0.0, 50.0)) is None
    assert gauge.judge((49.0, 49.9)) is False


def test_the_ids_are_those_that_ibm_documents() -> None:
    def told(event: Event) -> str:
        return BY_KEY[wording.key(type(event), event.variant)].id

    assert told(ResourceHigh(Resource.TASKS, 80, "")) == "EZD1856I"
    assert told(ResourceRelieved(Resource.TASKS, 40, "")) == "EZD1857I"
    assert told(ResourceHigh(Resource.STORAGE, 80, "")) == "EZD1858I"
    assert told(ResourceRelieved(Resource.STORAGE, 40, "")) == "EZD1859I"


async def test_the_monitor_looks_now_and_then_and_tells_changes_only() -> None:
    told: list[Event] = []
    pools = [PoolStatus("WRITER", 4, 4, 4)]
    rounds = 0

    def measure() -> list[Reading]:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            raise OSError("gone")
        return [Reading(Resource.STORAGE, (90.0,), "the machine's memory")]

    watching = Monitor(told.append, lambda: tuple(pools), measure)
    for wanted in range(1, 5):
        for _ in range(CHECK_SECONDS):
            watching.beat()
        async with asyncio.timeout(10):
            while rounds < wanted or watching._measuring is not None:
                await asyncio.sleep(0.001)
        if wanted == 3:
            pools[0] = PoolStatus("WRITER", 4, 0, 0)
    assert [(type(event), event.variant) for event in told] == [
        (ResourceHigh, "tasks"),
        (ResourceHigh, "storage"),
        (ResourceRelieved, "tasks"),
    ]


def test_storage_is_measured_against_the_smallest_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    (reading,) = monitor.storage_reading()
    assert reading.percents[0] > 0
    monkeypatch.setattr(monitor, "_of_group", lambda: (4000, "group"))
    monkeypatch.setattr(monitor, "_of_machine", lambda: (5000, "machine"))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (3000, resource.RLIM_INFINITY))
    assert monitor.storage_limit() == (3000, "the process's address space")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert monitor.storage_limit() == (4000, "group")
    monkeypatch.setattr(monitor, "_of_group", lambda: (0, ""))
    monkeypatch.setattr(monitor, "_of_machine", lambda: (0, ""))
    assert monitor.storage_limit() == (0, "")
    assert list(monitor.storage_reading()) == []


def test_file_systems_are_those_of_dead_letters_and_extended_retry(tmp_path: Path) -> None:
    missing = str(tmp_path / "not" / "there")
    configuration = Configuration((), undeliverable=Undeliverable(dead_letter_directory=missing))
    (one,) = monitor.space_readings(configuration)
    assert (one.resource, one.what) == (Resource.DEAD_LETTERS, missing)
    assert 0 <= one.percents[0] <= 100
    both = replace(configuration, extended_retry=ExtendedRetry(mail_directory=str(tmp_path)))
    assert [reading.resource for reading in monitor.space_readings(both)] == [Resource.DEAD_LETTERS, Resource.MAIL_DIRECTORY]
    none = replace(configuration, undeliverable=Undeliverable(dead_letter_action=DeadLetterAction.DELETE))
    assert list(monitor.space_readings(none)) == []
