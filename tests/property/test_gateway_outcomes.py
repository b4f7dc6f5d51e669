"""Whatever targets answer, in whatever order: each recipient ends once, the file is disposed of once, nothing is lost."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.config.model import BadSpoolDisp, DeadLetterAction, RetryLimit, Undeliverable
from cssmtp.engine import spooltask
from cssmtp.engine.parcels import MailParcel, TextParcel
from cssmtp.model import Outcome, Verdict
from cssmtp.observe.events import (
    DeadLetterDropped,
    DeadLetterStored,
    MailEnded,
    MailRetry,
    NoticeSent,
    SpoolFileEnded,
)
from tests.enginekit import OUTCOMES, Bench, configuration, deck

SENDERS = st.sampled_from(["a@b.example", "z@b.example", ""])
MAILS = st.lists(st.tuples(SENDERS, st.integers(1, 4), st.booleans()), min_size=1, max_size=5)


def deck_of(mails: list[tuple[str, int, bool]]) -> bytes:
    """Each mail has so many recipients of its own, and perhaps a bad one."""
    return deck(
        *(
            (sender, (*(f"r{number}@m{mail}.example" for number in range(count)), *(["nobody"] if bad else [])))
            for mail, (sender, count, bad) in enumerate(mails, 1)
        )
    )


class Timers:
    """Stands for the loop's clock in the engine: long retry comes when the test says so."""

    def __init__(self) -> None:
        self.due: list[tuple[Any, tuple[Any, ...]]] = []

    def get_running_loop(self) -> Timers:
        return self

    def call_later(self, delay: float, callback: Any, *args: Any) -> Any:
        assert delay == 60.0
        entry = (callback, args)
        self.due.append(entry)
        return type("Handle", (), {"cancel": lambda _: self.due.remove(entry) if entry in self.due else None})()


class AsyncioWith:
    """The module asyncio with another clock."""

    def __init__(self, timers: Timers) -> None:
        self.get_running_loop = timers.get_running_loop

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


async def drive(bench: Bench, data: bytes, timers: Timers, draw: Any) -> None:
    """Answer parcels and let retries come due in an order that the test draws."""
    running = asyncio.create_task(bench.task(data).run())
    try:
        async with asyncio.timeout(20):
            while not running.done():
                choices = len(bench.courier.parcels) + len(timers.due)
                if not choices:
                    await asyncio.sleep(0)
                    continue
                chosen = draw(st.integers(0, choices - 1))
                if chosen < len(bench.courier.parcels):
                    parcel = bench.courier.parcels[chosen]
                    verdicts = [draw(st.sampled_from(list(Verdict))) for _ in parcel.recipients]
                    bench.courier.answer(parcel, *[OUTCOMES[verdict] for verdict in verdicts])
                else:
                    callback, args = timers.due.pop(chosen - len(bench.courier.parcels))
                    callback(*args)
                for _ in range(draw(st.integers(0, 2))):
                    await asyncio.sleep(0)
            await running
    finally:
        running.cancel()


def check(bench: Bench, mails: list[tuple[str, int, bool]], returned: bool, stored: bool, retries: int) -> None:
    ended = {event.mail: event for event in bench.told(MailEnded)}
    assert sorted(event.mail for event in bench.told(MailEnded)) == list(range(1, len(mails) + 1))
    answers: Counter[str] = Counter()
    for parcel in bench.courier.seen:
        if isinstance(parcel, MailParcel):
            answers[parcel.mail.envelope.recipients[0]] += 1
    notices = [parcel for parcel in bench.courier.seen if isinstance(parcel, TextParcel)]
    last_words = Counter(event.mail for event in bench.told(NoticeSent))
    last_words += Counter(event.mail for event in bench.told(DeadLetterStored if stored else DeadLetterDropped))
    bad_file = False
    for number, (_sender, count, bad) in enumerate(mails, 1):
        event = ended[number]
        outcomes: tuple[Outcome, ...] = event.outcomes
        assert len(outcomes) == count
        assert all(outcome.verdict is not Verdict.RETRY for outcome in outcomes)
        failed = bad or any(outcome.verdict is not Verdict.DELIVERED for outcome in outcomes)
        assert last_words[number] == (1 if failed and returned else 0)
        assert event.tries <= retries + 1
        bad_file = bad_file or failed
    assert len(notices) <= len(mails)
    assert len(bench.letters()) == (len(bench.told(DeadLetterStored)))
    assert len(bench.told(SpoolFileEnded)) == 1
    assert bench.state() == (["held"] if bad_file and bench.configuration.bad_spool_disp is BadSpoolDisp.HOLD else [])
    assert bool(bench.reports()) == bad_file
    tried = sum(answers.values())
    assert tried == len(mails) + len(bench.told(MailRetry))


@settings(max_examples=60, deadline=None)
@given(MAILS, st.booleans(), st.booleans(), st.integers(0, 2), st.booleans(), st.data())
def test_every_recipient_ends_exactly_once(
    mails: list[tuple[str, int, bool]], returned: bool, stored: bool, retries: int, hold: bool, data: st.DataObject
) -> None:
    timers = Timers()
    original = spooltask.asyncio
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        settings_ = configuration(
            root,
            retry_limit=RetryLimit(retries, 1),
            bad_spool_disp=BadSpoolDisp.HOLD if hold else BadSpoolDisp.DELETE,
            undeliverable=Undeliverable(
                returned, DeadLetterAction.STORE if stored else DeadLetterAction.DELETE, str(root / "letters")
            ),
        )
        bench = Bench(root, settings_)
        spooltask.asyncio = AsyncioWith(timers)  # type: ignore[assignment]
        try:
            asyncio.run(drive(bench, deck_of(mails), timers, data.draw))
            check(bench, mails, returned, stored, retries)
            assert bench.flow._octets == 0
        finally:
            spooltask.asyncio = original
            bench.close()
