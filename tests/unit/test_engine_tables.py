"""The engine's decisions over all their inputs, the retry schedule, and the files of dead letters."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from cssmtp.config.model import BadSpoolDisp, Configuration, RetryLimit, Undeliverable
from cssmtp.engine.assess import judge
from cssmtp.engine.deadletters import store_dead_letter
from cssmtp.engine.disposition import Afterwards, afterwards, disposition
from cssmtp.engine.fitting import Fitting
from cssmtp.engine.ledger import MemoryLedger
from cssmtp.engine.parcels import MailParcel, Parcel
from cssmtp.engine.reading import DeckReader
from cssmtp.engine.retry import RETRY_EXHAUSTED, given_up, long_retry_delay
from cssmtp.model import DeckMail, Envelope, HeaderFacts, Outcome, Verdict
from cssmtp.observe.assessment import Judgement
from cssmtp.observe.events import Disposition
from cssmtp.spool.attributes import Attributes
from tests.enginekit import DELIVERED, REFUSED, RETRY, TARGET

HOLD, DELETE = BadSpoolDisp.HOLD, BadSpoolDisp.DELETE


@pytest.mark.parametrize(
    ("bad", "policy", "expected"),
    [
        (False, HOLD, Disposition.DELETE),
        (False, DELETE, Disposition.DELETE),
        (True, HOLD, Disposition.HOLD),
        (True, DELETE, Disposition.DELETE),
    ],
)
def test_disposition_of_a_file(bad: bool, policy: BadSpoolDisp, expected: Disposition) -> None:
    assert disposition(bad, policy) is expected


@pytest.mark.parametrize(
    ("returned", "sender", "expected"),
    [
        (True, "a@b.example", Afterwards.NOTICE),
        (True, "", Afterwards.DEAD_LETTER),
        (False, "a@b.example", Afterwards.NOTHING),
        (False, "", Afterwards.NOTHING),
    ],
)
def test_what_follows_an_undeliverable_mail(returned: bool, sender: str, expected: Afterwards) -> None:
    assert afterwards(Undeliverable(return_to_mail_from=returned), sender) is expected


def test_the_retry_schedule() -> None:
    assert [long_retry_delay(RetryLimit(3, 2), retries) for retries in range(5)] == [120.0, 120.0, 120.0, None, None]
    assert [long_retry_delay(RetryLimit(), retries) for retries in (0, 4, 5)] == [60.0, 60.0, None]


@pytest.mark.parametrize(("count", "interval"), [(0, 1), (1, 0), (0, 0)])
def test_no_long_retry_without_count_or_interval(count: int, interval: int) -> None:
    assert long_retry_delay(RetryLimit(count, interval), 0) is None


def test_an_exhausted_retry_is_undeliverable_for_its_last_reason() -> None:
    assert given_up(DELIVERED, RETRY_EXHAUSTED) is DELIVERED
    assert given_up(RETRY, RETRY_EXHAUSTED) == Outcome(
        Verdict.UNDELIVERABLE, "retry limit reached; last answer: 451 4.3.0 later", "192.0.2.1"
    )


def deck_mail(*recipients: str) -> DeckMail:
    return DeckMail(1, Envelope("mvsa", "a@b.example", recipients), b"", HeaderFacts(0, True, True, True), 0, 1, 2)


def test_a_mail_that_somebody_gets_is_deliverable() -> None:
    reader = DeckReader(io.BytesIO(b""), 0, Attributes(), Configuration((TARGET,)))
    fitting = Fitting(reader, Configuration((TARGET,)), io.BytesIO)
    found = [judge(deck_mail(), fitting), judge(deck_mail("c@d.example"), fitting)]
    assert found == [Judgement.UNDELIVERABLE, Judgement.DELIVERABLE]


def test_outcomes_of_several_tries_are_merged_by_place() -> None:
    class NoRenderer:
        def wire(self, *_: object, **__: object) -> bytes:
            return b""

    parcel = MailParcel(deck_mail("a@x.example", "b@x.example", "c@x.example"), b"", NoRenderer(), lambda *_: None)
    parcel.merge((RETRY, DELIVERED, RETRY))
    parcel.keep_only((0, 2))
    assert parcel.recipients == ("a@x.example", "c@x.example")
    parcel.merge((REFUSED, RETRY))
    parcel.keep_only((2,))
    parcel.merge((DELIVERED,))
    assert parcel.outcomes() == (REFUSED, DELIVERED, DELIVERED)


def test_a_bare_parcel_cannot_be_sent() -> None:
    with pytest.raises(AssertionError):
        Parcel("", (), 0, False, lambda *_: None).wire(TARGET, eight_bit=True)


def test_the_memory_ledger_settles_at_once_and_remembers_nothing() -> None:
    ledger, settled = MemoryLedger(), []
    ledger.record("file", 1, None, lambda: settled.append(1))
    ledger.forget("file")
    assert (settled, asyncio.run(ledger.open_file("file"))) == ([1], None)


# --- dead letters


def test_a_dead_letter_is_whole_and_the_directory_made(tmp_path: Path) -> None:
    path = store_dead_letter(tmp_path / "a" / "b", "JOB.1U", [b"one", b"two"])
    assert (path.name, path.read_bytes(), list(path.parent.iterdir())) == ("JOB.1U", b"onetwo", [path])


def test_a_dead_letter_never_overwrites_another(tmp_path: Path) -> None:
    made = [store_dead_letter(tmp_path, "JOB.1U", [b"%d" % number]) for number in range(3)]
    assert [(path.name, path.read_bytes()) for path in made] == [("JOB.1U", b"0"), ("JOB.1U.1", b"1"), ("JOB.1U.2", b"2")]


def test_a_dead_letter_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"begin"
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        store_dead_letter(tmp_path, "JOB.1U", broken())
    assert list(tmp_path.iterdir()) == []


def test_two_dead_letters_of_one_name_may_be_written_at_the_same_time(tmp_path: Path) -> None:
    def first() -> Iterator[bytes]:
        yield b"first"
        store_dead_letter(tmp_path, "JOB.1U", [b"second"])

    store_dead_letter(tmp_path, "JOB.1U", first())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"JOB.1U": b"second", "JOB.1U.1": b"first"}


def test_every_outcome_has_a_verdict() -> None:
    assert {outcome.verdict for outcome in itertools.chain((DELIVERED, RETRY, REFUSED))} == set(Verdict)
