"""Whatever a deck holds: one end of data, nothing but CRLF line ends, no control characters, and no line lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.bsmtp.interpreter import Interpreter, Rules
from cssmtp.codepage.registry import lookup, names
from cssmtp.codepage.transcode import source_text
from cssmtp.mail.compose import Composer, WireFormat
from cssmtp.model import DeckMail
from cssmtp.spool.lines import ASCII, EBCDIC, Alphabet, assemble
from cssmtp.spool.records import RecordBlock

PAIRS = [
    ("IBM-1047", "ISO8859-1"),
    ("IBM-1047", "UTF-8"),
    ("IBM-290", "ISO8859-1"),
    ("IBM-420", "ISO8859-6"),
    ("ASCII", "ISO8859-1"),
    ("UTF-8", "ISO8859-15"),
    ("UTF-8", "UTF-8"),
    ("IBM-939", "IBM-943"),
    ("IBM-939", "IBM-5055"),
    ("IBM-930", "UTF-8"),
    ("IBM-937", "IBM-950"),
]
MIXED = [b"\x0e", b"\x0f", b"\x4b", b"\x42\x4b", b"\x40", b"\x40\x40", b"\x7c", b"\x15", b"\x45\x41", b"\x5b"]
LONE_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def composed(page: str, charset: str, records: list[bytes], at_sign: str, subject: bool, added: bytes) -> tuple[DeckMail, bytes]:
    source = source_text(page)
    alphabet: Alphabet = ASCII if source.newline == b"\n" else EBCDIC
    start = ["HELO mvsa", "MAIL FROM:<>", "RCPT TO:<x@example.net>", "DATA"]
    interpreter = Interpreter(Rules(), source, alphabet)
    for lines in assemble([RecordBlock(0, 1, [source.encode(line) for line in start] + records)], alphabet, mixed=source.mixed):
        found = [event for event in interpreter.feed(lines) if isinstance(event, DeckMail)]
    found += [event for event in interpreter.finish() if isinstance(event, DeckMail)]
    wire = WireFormat(page, charset, at_sign=at_sign, replace_subject_at_sign=subject)
    blocks = [found[0].body] if isinstance(found[0].body, bytes) else []
    small = Composer(wire).small(found[0], added)
    assert b"".join(Composer(wire).stream(found[0], added, blocks)) == small
    return found[0], small


lines = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from(MIXED), max_size=8).map(b"".join),
    st.sampled_from([b"", b".", b"..", b"\x4b", b"\x4b\x4b", b"\x4b\x15\x4b\x15", b".\r\n.\r\n"]),
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(PAIRS),
    st.lists(lines, max_size=12),
    st.sampled_from(["@", "$", "§"]),
    st.booleans(),
    st.sampled_from([b"", b"Received: x\r\n"]),
)
def test_any_body_on_the_wire(pair: tuple[str, str], records: list[bytes], at_sign: str, subject: bool, added: bytes) -> None:
    mail, wire = composed(*pair, records, at_sign, subject, added)
    assert isinstance(mail.body, bytes)
    assert (b"\r\n" + wire).index(b"\r\n.\r\n") == len(wire) - 3
    assert LONE_LINE_END.search(wire) is None
    assert re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]", wire) is None
    newline = source_text(pair[0]).newline
    text = wire.removeprefix(added)
    assert text.count(b"\r\n") == mail.body.count(newline) + (not mail.header.separator) + 1
    for line in text.split(b"\r\n")[:-2]:
        assert not line.startswith(b".") or line.startswith(b"..")


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if source_text(pair[0]).mixed])
@pytest.mark.parametrize("shifts", [b"\x0e\x0f", b"\x0f", b"\x0f\x0e\x0f"])
def test_shifts_before_a_period_do_not_end_a_mail(pair: tuple[str, str], shifts: bytes) -> None:
    records = [b"", shifts + b"\x4b", shifts + b"\x4b\x4b", b"\x4b\x4b"]
    _, wire = composed(*pair, records, "@", True, b"")
    assert wire == b"\r\n..\r\n...\r\n..\r\n.\r\n"


@settings(max_examples=100, deadline=None)
@given(st.lists(lines, max_size=12))
def test_a_single_byte_mail_is_as_large_as_the_deck_says(records: list[bytes]) -> None:
    mail, wire = composed("IBM-1047", "ISO8859-1", records, "@", True, b"")
    stuffed = sum(line.startswith(b".") for line in wire.split(b"\r\n")[:-2])
    assert mail.size == len(wire) - 3 - stuffed - (0 if mail.header.separator else 2)


@pytest.mark.parametrize("page", [name for name in names("translate") if lookup(name).kind == "SBCS"])
def test_only_the_period_of_a_single_byte_page_becomes_a_period(page: str) -> None:
    source = source_text(page)
    composer = Composer(WireFormat(page, "UTF-8"))
    everything = b"".join(bytes([byte]) + source.newline for byte in range(256) if bytes([byte]) != source.newline)
    lines = composer._converted(everything).split(b"\r\n")
    assert [index for index, line in enumerate(lines) if line.startswith(b".")] == [everything.index(source.period) // 2]
