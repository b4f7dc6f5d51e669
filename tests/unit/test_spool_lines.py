"""From records to lines (mail-processing.md 3)."""

from __future__ import annotations

import pytest

from cssmtp.spool.framing import Framing, FramingKind, RecordBlock
from cssmtp.spool.lengths import LONGEST_KEPT
from cssmtp.spool.lines import ASCII, EBCDIC, Alphabet, Lines, alphabet_of, assemble, line_breaks, trim_nulls
from tests.spoolkit import block_of, framed, read_lines

LESS, NEWLINE = b"\x4c", b"\x15"


def card(text: bytes, last: bytes) -> bytes:
    return text.ljust(79, b"\x40") + last


def one(*records: bytes, mixed: bool = False, alphabet: Alphabet = EBCDIC) -> Lines:
    (lines,) = assemble([block_of(*records)], alphabet, mixed=mixed)
    return lines


@pytest.mark.parametrize("sign", [LESS, NEWLINE], ids=["less-than", "newline"])
def test_an_80_byte_record_ending_in_a_continuation_byte_is_joined_with_the_next(sign: bytes) -> None:
    lines = one(card(b"\xc1", sign), b"\xc2\x40", b"\xc3")
    assert lines.lines == [b"\xc1" + b"\x40" * 78 + b"\xc2", b"\xc3"]
    assert lines.spans == [2, 1]


def test_continuations_chain() -> None:
    lines = one(card(b"\xc1", LESS), card(b"\xc2", NEWLINE), b"\xc3")
    assert lines.lines == [b"\xc1".ljust(79, b"\x40") + b"\xc2".ljust(79, b"\x40") + b"\xc3"]
    assert lines.spans == [3]


@pytest.mark.parametrize("record", [b"\xc1" * 78 + LESS, b"\xc1" * 80 + LESS, b"\xc1" * 79 + b"\x6e"], ids=["79", "81", "other"])
def test_only_exactly_80_bytes_and_only_the_two_bytes_continue(record: bytes) -> None:
    assert one(record, b"\xc2").lines == [record, b"\xc2"]


def test_the_continuation_byte_of_an_html_body_is_lost_as_documented() -> None:
    text = b"\x81" * 79
    assert one(text + LESS, b"\x82\x6e").lines == [text + b"\x82\x6e"]


def test_trailing_blanks_go_from_every_record() -> None:
    lines = one(b"\xc1\x40\x40", b"\x40" * 80, b"\x4b\x40", b"")
    assert lines.lines == [b"\xc1", b"", b"\x4b", b""]
    assert lines.text == b"\xc1\x15\x15\x4b\x15\x15"


def test_blanks_inside_and_at_the_start_stay() -> None:
    assert one(b"\x40\xc1\x40\xc2").lines == [b"\x40\xc1\x40\xc2"]


@pytest.mark.parametrize("byte", [b"\x15", b"\x25", b"\x0d"])
def test_a_block_with_line_breaks_inside_lines_has_no_text(byte: bytes) -> None:
    assert one(b"\xc1" + byte + b"\xc2").text is None


def test_a_percent_sign_is_no_line_break_in_ascii() -> None:
    lines = one(b"100%", b"<", alphabet=ASCII)
    assert lines.text == b"100%\n<\n"


def test_ascii_has_the_same_rules_with_its_own_bytes() -> None:
    lines = one(b"a".ljust(79) + b"<", b"b  ", b"c".ljust(79) + b"\x4c", alphabet=ASCII)
    assert lines.lines == [b"a".ljust(79) + b"b", b"c".ljust(79) + b"\x4c"]


@pytest.mark.parametrize(("encoding", "alphabet"), [("ebcdic", EBCDIC), ("ascii", ASCII), ("utf-8", ASCII)])
def test_each_encoding_has_its_alphabet(encoding: str, alphabet: Alphabet) -> None:
    assert alphabet_of(encoding) is alphabet


SO, SI = b"\x0e", b"\x0f"


def test_in_mixed_pages_blanks_after_the_last_shift_in_go() -> None:
    assert one(SO + b"\x45\x40" + SI + b"\x40\x40", mixed=True).lines == [SO + b"\x45\x40" + SI]


@pytest.mark.parametrize("tail", [b"\x45\x40", b"\x40\x40", b"\x45\x40\x40\x40"])
def test_in_mixed_pages_an_open_shift_run_keeps_its_blanks(tail: bytes) -> None:
    assert one(b"\xc1" + SO + tail, mixed=True).lines == [b"\xc1" + SO + tail]


def test_in_single_byte_pages_shifts_mean_nothing() -> None:
    assert one(b"\xc1" + SO + b"\x40\x40").lines == [b"\xc1" + SO]


def test_in_mixed_pages_half_a_character_in_column_80_is_no_continuation() -> None:
    record = (b"\xc1" + SO).ljust(79, b"\x45") + LESS
    assert one(record, b"\xc2", mixed=True).lines == [record, b"\xc2"]
    assert one(record, b"\xc2").lines == [record[:79] + b"\xc2"]


def test_in_mixed_pages_a_continuation_after_shift_in_counts() -> None:
    record = (SO + b"\x45\x46" + SI).ljust(79, b"\x40") + LESS
    assert one(record, b"\xc2", mixed=True).spans == [2]


def test_a_continuation_never_crosses_a_lines_boundary_and_offsets_are_record_starts() -> None:
    first = RecordBlock(0, 1, [b"\xc1" * 80, card(b"\xc2", LESS)])
    second = RecordBlock(160, 3, [card(b"\xc3", LESS)])
    third = RecordBlock(240, 4, [b"\xc4", b"\xc5"])
    found = list(assemble([first, second, third], EBCDIC))
    assert [(each.offset, each.first, each.spans) for each in found] == [(0, 1, None), (80, 2, [3, 1])]


def test_a_file_that_ends_in_an_open_chain_says_so() -> None:
    found = list(assemble([RecordBlock(0, 1, [b"\xc1", card(b"\xc2", LESS)])], EBCDIC))
    assert [(each.lines, each.dangling, each.offset, each.first) for each in found] == [
        ([b"\xc1"], False, 0, 1),
        ([b"\xc2"], True, 1, 2),
    ]


def test_an_endless_continuation_is_capped() -> None:
    records = [b"\xc1" * 79 + LESS] * 5000
    found = list(assemble([RecordBlock(n * 80, n + 1, [record]) for n, record in enumerate(records)], EBCDIC))
    assert [(len(each.lines[0]), each.spans) for each in found] == [(LONGEST_KEPT, [5000])]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (b"", [b""]),
        (b"\xc1", [b"\xc1"]),
        (b"\xc1\x15\xc2", [b"\xc1", b"\xc2"]),
        (b"\xc1\x25\xc2", [b"\xc1", b"\xc2"]),
        (b"\xc1\x0d\x15\xc2", [b"\xc1", b"\xc2"]),
        (b"\xc1\x0d\x25\xc2", [b"\xc1", b"\xc2"]),
        (b"\xc1\x15", [b"\xc1"]),
        (b"\xc1\x0d\x25", [b"\xc1"]),
        (b"\xc1\x15\x15", [b"\xc1", b""]),
        (b"\x15", [b""]),
        (b"\xc1\x0d\xc2", [b"\xc1\x40\xc2"]),
        (b"\xc1\x40\x15\xc2\x0d", [b"\xc1", b"\xc2"]),
        (b"\x0e\x45\x40", [b"\x0e\x45\x40"]),
    ],
)
def test_embedded_line_breaks_split_a_body_record(line: bytes, parts: list[bytes]) -> None:
    assert line_breaks(line, EBCDIC) == parts


def test_in_ascii_a_lone_carriage_return_becomes_a_blank_and_percent_stays() -> None:
    assert line_breaks(b"a\rb%c\r\nd", ASCII) == [b"a b%c", b"d"]


def test_trailing_nulls_go_only_when_asked() -> None:
    record = b"\xc1\x00\x40\x00"
    assert one(record).lines == [record]
    assert trim_nulls(record, EBCDIC) == b"\xc1"


def test_a_file_of_only_blanks_is_empty_lines() -> None:
    framing = Framing(FramingKind.FIXED, 80)
    (lines,) = read_lines(framed([b""] * 3, framing), framing)
    assert lines.lines == [b"", b"", b""]
