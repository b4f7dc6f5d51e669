"""Bodies as stuffed lines, and large ones read again from the file: mail-processing.md 5.8, RFC 5321 4.5.2."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from cssmtp.bsmtp.body import ends_data, octets, read_body, record_text, stuffed_lines, truncated
from cssmtp.bsmtp.interpreter import Event, Interpreter, Rules
from cssmtp.errors import UnreadableData
from cssmtp.model import BodySpan, DeckMail
from cssmtp.spool.framing import Framing, FramingKind, blocks, encode
from cssmtp.spool.lines import EBCDIC, assemble
from tests.decks import PAGE

FIXED = Framing(FramingKind.FIXED, 80)
VARIABLE = Framing(FramingKind.RDW)


def deck() -> Iterator[str]:
    yield "HELO mvsa"
    for number, size in enumerate([10, 9000, 3, 5000], 1):
        yield "MAIL FROM:<ops@example.org>"
        yield "RCPT TO:<x@example.net>"
        yield "DATA"
        yield f"Subject: mail {number}"
        yield ""
        yield "..stuffed"
        yield "x" * 79 + "<"
        for line in range(size):
            yield f"line {line} of mail {number}".ljust(60, "-")
        yield "."


def events_of(stream: io.BytesIO, framing: Framing, rules: Rules) -> list[Event]:
    interpreter = Interpreter(rules, PAGE, EBCDIC)
    found: list[Event] = []
    for lines in assemble(blocks(stream, framing), EBCDIC):
        found += interpreter.feed(lines)
    return found + interpreter.finish()


@pytest.fixture(params=[FIXED, VARIABLE], ids=["fixed", "rdw"])
def framing(request: pytest.FixtureRequest) -> Framing:
    found: Framing = request.param
    return found


@pytest.fixture
def stream(framing: Framing) -> io.BytesIO:
    return io.BytesIO(b"".join(encode((PAGE.encode(line) for line in deck()), framing)))


def test_a_large_body_read_again_over_many_blocks_is_the_one_that_was_read(stream: io.BytesIO, framing: Framing) -> None:
    held = events_of(stream, framing, Rules(inline_limit=10_000_000))
    away = events_of(stream, framing, Rules())
    kinds = []
    for inline, span in zip(held, away, strict=True):
        assert isinstance(inline, DeckMail)
        assert isinstance(span, DeckMail)
        kinds.append(type(span.body))
        assert span.header == inline.header
        assert span.size == inline.size
        if isinstance(span.body, BodySpan):
            pieces = list(read_body(span.body, stream, framing, EBCDIC, mixed=False, truncate=False))
            assert b"".join(pieces) == inline.body
            assert max(map(len, pieces)) < 400_000
            assert len(pieces) > 1
    assert kinds == [bytes, BodySpan, bytes, BodySpan]


def test_more_records_may_be_skipped_than_a_block_has(stream: io.BytesIO, framing: Framing) -> None:
    span = BodySpan(0, 9020, 2)
    (text,) = read_body(span, stream, framing, EBCDIC, mixed=False, truncate=False)
    records = list(deck())[9020:9022]
    assert text == b"".join(PAGE.encode(line) + b"\x15" for line in records)


def test_a_file_that_has_become_shorter_is_unreadable(stream: io.BytesIO, framing: Framing) -> None:
    span = events_of(stream, framing, Rules())[3]
    assert isinstance(span, DeckMail)
    assert isinstance(span.body, BodySpan)
    stream.truncate(span.body.offset)
    with pytest.raises(UnreadableData, match="5004 records of a body are missing"):
        list(read_body(span.body, stream, framing, EBCDIC, mixed=False, truncate=False))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"", b"\x15"),
        (b"\xa7", b"\xa7\x15"),
        (b"\x4b\x4b", b"\x4b\x4b\x15"),
        (b"\x4b\xa7", b"\xa7\x15"),
        (b"\xa7\x15\x4b", b"\xa7\x15\x4b\x4b\x15"),
        (b"\xa7\x0d\x25\x4b\x4b", b"\xa7\x15\x4b\x4b\x4b\x15"),
        (b"\x4b\x15\x4b\x15", b"\x15\x4b\x4b\x15"),
        (b"\xa7\x0d\x25", b"\xa7\x15"),
        (b"\xa7\x0d\xa7", b"\xa7\x40\xa7\x15"),
    ],
)
def test_one_record_as_stuffed_lines(line: bytes, text: bytes) -> None:
    assert record_text(line, EBCDIC) == text
    assert stuffed_lines([line, line], EBCDIC, clean=False) == (text + text, 2 * octets(text, EBCDIC))


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        (b"\x4b", True),
        (b"\x4b\x25", True),
        (b"\x4b\x0d\x25", True),
        (b"\x4b\x15", True),
        (b"\x4b\x40\x15", True),
        (b"\x4b\x4b", False),
        (b"\x4b\x15\x4b", False),
        (b"\x15\x4b", False),
        (b"\x4b\x00", False),
        (b"", False),
    ],
)
def test_what_ends_the_data(line: bytes, ends: bool) -> None:
    assert ends_data(line, EBCDIC) is ends


def test_octets_are_those_on_the_wire_without_stuffing() -> None:
    assert octets(PAGE.encode("Subject: x\n\n..\n..a\n"), EBCDIC) == len("Subject: x\r\n\r\n.\r\n.a\r\n")
    assert octets(PAGE.encode("..\n"), EBCDIC) == len(".\r\n")
    assert octets(b"", EBCDIC) == 0


def test_truncation_leaves_no_trailing_blanks() -> None:
    assert truncated([b"\xa7" * 998, b"\xa7" * 990 + b"\x40" * 9 + b"\xa7"], EBCDIC) == [b"\xa7" * 998, b"\xa7" * 990]
