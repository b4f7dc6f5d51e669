"""The wall clock jumps, back and forth, by hours and by years: nothing is lost or repeated, no time is negative.

What a jump between two lives does to extended retry is tested with its schedule.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cssmtp.engine.supervisor import Gateway
from cssmtp.observe.bus import Bus
from cssmtp.observe.events import InternalError, MailEnded, SpoolFileEnded
from cssmtp.spool.directory import DirectorySpool
from tests.lifekit import deck
from tests.misbehaving import MisbehavingServer
from tests.soak.reckoning import RECIPIENT, queued_in
from tests.system.test_system_checkpoint import Collected, configured, drop

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class JumpingClock:
    """The wall shows another time whenever it is looked at; seconds go on steadily."""

    def __init__(self) -> None:
        self._random = random.Random(20261122)

    def wall(self) -> datetime:
        return NOW + timedelta(hours=self._random.choice((0, 0, 1, -1, 24 * 400, -24 * 4000)))

    def monotonic(self) -> float:
        return time.monotonic()


async def test_a_gateway_whose_wall_clock_jumps_all_the_time_delivers_once(tmp_path: Path) -> None:
    clock = JumpingClock()
    names = [f"r{number}@example.net" for number in range(40)]
    seen = Collected()
    async with MisbehavingServer() as server:
        configuration = configured(tmp_path, server.port)
        store = DirectorySpool(tmp_path / "spool", clock=clock, node="TEST", settle_seconds=0)
        store.initialise("CSSMTP")
        for number in range(4):
            drop(tmp_path, f"J{number}", deck(*([name] for name in names[number::4])))
        drop(tmp_path, "J4", deck(["rcpt-550+x@example.net"], ["rcpt-550+y@example.net"], ["rcpt-451@example.net"], sender=""))
        bus = Bus()
        bus.subscribe(seen)
        await Gateway(configuration, store, bus, clock, until_idle=True).run()
        store.close()
    letters = [path.read_bytes() for path in (tmp_path / "letters").glob("[!.]*")]
    assert Counter(name for each in server.accepted for name in each.recipients) == Counter(names)
    assert sorted(RECIPIENT.findall(b"\n".join(letters))) == [b"rcpt-550+x@example.net", b"rcpt-550+y@example.net"]
    assert queued_in(tmp_path / "mail") == {"rcpt-451@example.net"}
    assert seen.of(InternalError) == []
    assert len(seen.of(SpoolFileEnded)) == 5
    assert all(event.seconds >= 0 for event in seen.of(MailEnded) if isinstance(event, MailEnded))
