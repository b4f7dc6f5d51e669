"""Any bytes as a deck: nothing raises, cutting into blocks changes nothing, the fast way equals the definition."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.bsmtp.body import octets, read_body, record_text, stuffed_lines
from cssmtp.bsmtp.interpreter import Interpreter, Rules
from cssmtp.model import BodySpan, DeckMail, Fault
from cssmtp.spool.lines import EBCDIC, line_breaks
from tests.decks import PAGE, RDW, assembled, interpret, stream

COMMANDS = [
    "HELO mvsa",
    "EHLO mvsa.example.org",
    "STARTTLS",
    "MAIL FROM:<ops@example.org>",
    "MAIL FROM:<>",
    "RCPT TO:<x@example.net>",
    "RCPT TO:<@r.example:y@example.net>",
    "RCPT TO:<bad path",
    "DATA",
    "DATA now",
    "RSET",
    "NOOP",
    "Subject: x",
    " folded",
    "Date: x",
    ".",
    "..",
    ".dot",
    "",
    "text",
]
START = [PAGE.encode(line) for line in ("HELO mvsa", "MAIL FROM:<ops@example.org>", "RCPT TO:<x@example.net>", "DATA")]

lines = st.one_of(
    st.sampled_from([PAGE.encode(command) for command in COMMANDS]),
    st.binary(max_size=90),
    st.text(".\x85\r\n \tab", max_size=12).map(PAGE.encode),
    st.sampled_from([b"\xa7" * 998, b"\xa7" * 999, b"\xa7" * 79 + b"\x4c", b"\x4b\x0d\x25", b"\x00" * 511]),
)
decks = st.tuples(st.booleans(), st.lists(lines, max_size=25)).map(lambda drawn: START * drawn[0] + drawn[1])
rules = st.builds(
    Rules,
    error_limit=st.sampled_from([0, 1, 5]),
    null_truncation=st.booleans(),
    data_line_truncation=st.booleans(),
    at_sign=st.sampled_from(["@", "$"]),
    message_limit=st.sampled_from([0, 0, 50]),
    job_limit=st.sampled_from([0, 0, 300]),
    inline_limit=st.sampled_from([65536, 65536, 20]),
)


def shown(events: list[object]) -> list[object]:
    """Events without where the spool may read a body again: that depends on the blocks, what is read there does not."""
    return [
        replace(event, body=event.body.records) if isinstance(event, DeckMail) and isinstance(event.body, BodySpan) else event
        for event in events
    ]


@settings(max_examples=200, deadline=None)
@given(decks, rules, st.lists(st.integers(1, 25), max_size=4))
def test_cutting_a_deck_into_blocks_changes_nothing(deck: list[bytes], rule: Rules, cuts: list[int]) -> None:
    whole, first = interpret(deck, rule)
    parts, second = interpret(deck, rule, cuts)
    assert shown(parts) == shown(whole)
    assert (first.mails, first.counted_errors, first.ended) == (second.mails, second.counted_errors, second.ended)


@settings(max_examples=150, deadline=None)
@given(decks, rules)
def test_clean_blocks_give_what_single_lines_give(deck: list[bytes], rule: Rules) -> None:
    fast = Interpreter(rule, PAGE, EBCDIC)
    slow = Interpreter(rule, PAGE, EBCDIC)
    for block in assembled(deck):
        assert fast.feed(block) == slow.feed(replace(block, text=None))
    assert fast.finish() == slow.finish()


@settings(max_examples=150, deadline=None)
@given(st.lists(lines, max_size=20))
def test_stuffed_lines_equal_their_definition(records: list[bytes]) -> None:
    for block in assembled(records):
        expected = b"".join(record_text(line, EBCDIC) for line in block.lines)
        assert stuffed_lines(block.lines, EBCDIC, clean=block.text is not None) == (expected, octets(expected, EBCDIC))
        unstuffed = [part for line in block.lines for part in line_breaks(line.removeprefix(b"\x4b"), EBCDIC)]
        assert octets(expected, EBCDIC) == sum(len(part) + 2 for part in unstuffed)


@settings(max_examples=150, deadline=None)
@given(st.lists(lines, max_size=25), st.booleans(), st.lists(st.integers(1, 25), max_size=4))
def test_a_body_read_again_is_what_would_have_ridden_inline(records: list[bytes], truncate: bool, cuts: list[int]) -> None:
    deck = START + records
    inline, _ = interpret(deck, Rules(data_line_truncation=truncate, error_limit=0))
    spans, _ = interpret(deck, Rules(data_line_truncation=truncate, error_limit=0, inline_limit=-1), cuts)
    for held, away in zip(inline, spans, strict=True):
        if isinstance(held, DeckMail):
            assert isinstance(away, DeckMail)
            assert isinstance(away.body, BodySpan) or held.body == b""
            if isinstance(away.body, BodySpan):
                again = read_body(away.body, stream(deck), RDW, EBCDIC, mixed=False, truncate=truncate)
                assert b"".join(again) == held.body
            assert replace(away, body=b"") == replace(held, body=b"")


@settings(max_examples=200, deadline=None)
@given(decks, rules)
def test_every_address_stood_in_the_deck_between_angle_brackets(deck: list[bytes], rule: Rules) -> None:
    text = PAGE.text(b"\x15".join(deck)).replace(rule.at_sign, "@")
    for event in interpret(deck, rule)[0]:
        if isinstance(event, DeckMail):
            for address in (event.envelope.reverse_path, *event.envelope.recipients):
                assert f"<{address}>" in text or f":{address}>" in text
                assert address.isascii()


@settings(max_examples=200, deadline=None)
@given(decks, rules)
def test_a_body_never_ends_its_own_data(deck: list[bytes], rule: Rules) -> None:
    for event in interpret(deck, rule)[0]:
        if isinstance(event, DeckMail) and isinstance(event.body, bytes):
            assert b"\x15\x4b\x15" not in b"\x15" + event.body
            assert event.body == b"" or event.body.endswith(b"\x15")


@settings(max_examples=150, deadline=None)
@given(decks, rules)
def test_every_fault_is_fit_for_a_report(deck: list[bytes], rule: Rules) -> None:
    events, interpreter = interpret(deck, rule)
    faults = [event for event in events if isinstance(event, Fault)]
    for fault in faults:
        assert fault.line.isprintable()
        assert fault.reply.isprintable()
        assert len(fault.line) <= 256
        assert 1 <= fault.record <= len(deck)
        assert 0 <= fault.mail <= interpreter.mails
    assert sum(fault.counted for fault in faults) == interpreter.counted_errors
    numbers = [event.number for event in events if not isinstance(event, Fault)]
    assert numbers == sorted(set(numbers))
