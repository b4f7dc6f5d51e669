"""The machine's clock: local time with the offset that is in force at that moment."""

import time
from datetime import timedelta

import pytest

from cssmtp import clock

BEFORE = 1_792_889_999.5  # 2026-10-25T00:59:59.5Z: summer time ends in Berlin with the next second


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield None
    monkeypatch.undo()
    time.tzset()


def test_the_offset_changes_at_the_very_second(berlin: object, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    system = clock.SystemClock()
    for moment in (BEFORE, BEFORE + 1, BEFORE, BEFORE + 3600):
        monkeypatch.setattr("cssmtp.clock.time.time", lambda moment=moment: moment)
        found.append(system.wall())
    assert [wall.utcoffset() for wall in found] == [timedelta(hours=hours) for hours in (2, 1, 2, 1)]
    assert [wall.timestamp() for wall in found] == [BEFORE, BEFORE + 1, BEFORE, BEFORE + 3600]
    assert found[0].strftime("%H:%M:%S %Z") == "02:59:59 CEST"
