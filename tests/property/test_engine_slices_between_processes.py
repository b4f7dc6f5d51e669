"""Findings on their way between two processes: what comes out is what went in, whatever a deck holds."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.bsmtp.interpreter import Event, Interpreter
from cssmtp.config.model import Configuration
from cssmtp.engine.reading import DeckReader, Progress
from cssmtp.engine.reading_process import decode, encode
from cssmtp.model import BadRecipient, BodySpan, DeckMail, Envelope, HeaderFacts
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.lines import EBCDIC
from tests.decks import PAGE, assembled
from tests.enginekit import TARGET
from tests.property.test_bsmtp_any_deck import decks, rules

progresses = st.builds(Progress, st.integers(0, 2**40), st.integers(0, 2**31), st.booleans(), st.booleans())
numbers = st.integers(0, 2**40)
mails = st.builds(
    DeckMail,
    numbers,
    st.builds(
        Envelope,
        st.text(max_size=9),
        st.text(max_size=9),
        st.lists(st.text(max_size=9), max_size=3).map(tuple),
        st.lists(st.builds(BadRecipient, st.text(max_size=9), numbers, st.text(max_size=9)), max_size=1).map(tuple),
        st.booleans(),
    ),
    st.one_of(st.binary(max_size=40), st.builds(BodySpan, numbers, numbers, numbers)),
    st.builds(HeaderFacts, numbers, st.booleans(), st.booleans(), st.booleans(), st.text(max_size=9), st.booleans()),
    numbers,
    numbers,
    numbers,
)


@given(progresses, st.lists(mails, max_size=4))
def test_mails_of_any_shape_come_out_as_they_went_in(progress: Progress, findings: list[Event]) -> None:
    assert decode(encode(progress, findings)) == (progress, findings)


@settings(deadline=None)
@given(decks, rules, st.lists(st.integers(1, 25), max_size=4))
def test_the_findings_of_any_deck_come_out_as_they_went_in(deck: list[bytes], rule: object, cuts: list[int]) -> None:
    interpreter = Interpreter(rule, PAGE, EBCDIC)  # type: ignore[arg-type]
    for lines in assembled(deck, cuts):
        findings = interpreter.feed(lines)
        assert decode(encode(Progress(), findings)) == (Progress(), findings)
    findings = interpreter.finish()
    assert decode(encode(Progress(), findings)) == (Progress(), findings)


def test_progress_counts_records_and_errors_up_to_the_end() -> None:
    data = b"HELO mvsa\nNONSENSE\nQUIT\n"
    reader = DeckReader(io.BytesIO(data), len(data), Attributes(), Configuration((TARGET,)))
    assert reader.progress == Progress()
    seen = []
    while reader.next_slice() is not None:
        seen.append(reader.progress)
    assert seen[-1] == Progress(3, 1, False, True)
    assert [progress.finished for progress in seen] == [False] * (len(seen) - 1) + [True]
