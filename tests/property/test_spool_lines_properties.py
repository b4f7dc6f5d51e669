"""Lines: the fast way over whole blocks equals the definition, and reading again from any offset gives the same lines."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.spool import records as records_module
from cssmtp.spool.framing import Framing, FramingKind, RecordBlock, blocks
from cssmtp.spool.lines import ASCII, EBCDIC, Alphabet, alphabet_of, assemble, continues, line_breaks, trim, trim_nulls
from tests.spoolkit import ALL_FRAMINGS, framed, name_of


def defined(records: list[bytes], alphabet: Alphabet, mixed: bool) -> list[tuple[bytes, int]]:
    """mail-processing.md 3, steps 1 and 2, one record at a time: lines and how many records each took."""
    lines: list[tuple[bytes, int]] = []
    text, taken = b"", 0
    for record in records:
        taken += 1
        if continues(record, alphabet, mixed):
            text += record[:79]
            continue
        lines.append((trim((text + record)[:65536], alphabet, mixed), taken))
        text, taken = b"", 0
    if taken:
        lines.append((trim(text[:65536], alphabet, mixed), taken))
    return lines


def card(alphabet: Alphabet) -> st.SearchStrategy[bytes]:
    """Records likely to have 80 bytes, continuation signs, blanks, breaks and shifts."""
    signs = [
        alphabet.newline,
        alphabet.continuation,
        alphabet.blank,
        alphabet.carriage_return,
        b"\x25",
        b"\x0c",
        b"\x0e",
        b"\x0f",
        b"\xc1",
    ]
    body = st.lists(st.sampled_from([*signs, *[alphabet.blank] * 4, *[b"\x81"] * 4]), max_size=12).map(b"".join)
    end = st.sampled_from(signs)
    full = st.builds(lambda start, last: start.ljust(79, alphabet.blank) + last, body, end)
    return st.one_of(full, full, body, st.binary(max_size=100))


@pytest.mark.parametrize("mixed", [False, True], ids=["single", "mixed"])
@pytest.mark.parametrize("alphabet", [EBCDIC, ASCII], ids=["ebcdic", "ascii"])
@settings(max_examples=80)
@given(draw=st.data())
def test_assemble_equals_the_definition(alphabet: Alphabet, mixed: bool, draw: st.DataObject) -> None:
    groups = draw.draw(st.lists(st.lists(card(alphabet), min_size=1, max_size=8), max_size=6))
    found = []
    offset, first = 0, 1
    for group in groups:
        found.append(RecordBlock(offset, first, group))
        offset += sum(map(len, group))
        first += len(group)
    result = list(assemble(found, alphabet, mixed=mixed))
    pairs = [pair for lines in result for pair in zip(lines.lines, lines.spans or [1] * len(lines.lines), strict=True)]
    assert pairs == defined([record for group in groups for record in group], alphabet, mixed)
    number = 1
    for lines in result:
        assert lines.first == number
        number += sum(lines.spans or [1] * len(lines.lines))
        clean = not any(byte in line for line in lines.lines for byte in alphabet.breaks)
        assert lines.text == (b"".join(line + alphabet.newline for line in lines.lines) if clean else None)
    records = [record for group in groups for record in group]
    assert any(lines.dangling for lines in result) == bool(records and continues(records[-1], alphabet, mixed))


@pytest.mark.parametrize("framing", ALL_FRAMINGS, ids=name_of)
@settings(max_examples=30)
@given(draw=st.data())
def test_reading_again_from_any_offset_gives_the_same_lines(framing: Framing, draw: st.DataObject) -> None:
    alphabet = alphabet_of(framing.encoding)
    records = draw.draw(st.lists(card(alphabet), max_size=60))
    if framing.kind is FramingKind.FIXED:
        records = [record[:80] for record in records]
    newline = records_module.delimiter(framing.kind)
    if newline:
        # By hand, so that carriage returns and form feeds stand in the text, which are line ends of their own there.
        data = b"".join(record.replace(newline, b"") + newline for record in records)
    else:
        data = framed(records, framing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records_module, "BLOCK_BYTES", 640)
        found = list(assemble(blocks(io.BytesIO(data), framing), alphabet))
        whole = [line for lines in found for line in lines.lines]
        for index, lines in enumerate(found):
            patch.setattr(records_module, "BLOCK_BYTES", draw.draw(st.sampled_from([7, 100, 640, 100_000])))
            again = list(assemble(blocks(io.BytesIO(data), framing, lines.offset, lines.first), alphabet))
            assert [line for each in again for line in each.lines] == whole[sum(len(each.lines) for each in found[:index]) :]
            assert again[0].first == lines.first


@settings(max_examples=100)
@given(line=st.lists(st.sampled_from([b"\x15", b"\x0d", b"\x25", b"\x40", b"\xc1"]), max_size=12).map(b"".join))
def test_broken_lines_hold_no_break_and_keep_all_text(line: bytes) -> None:
    parts = line_breaks(line, EBCDIC)
    assert parts
    assert not any(byte in part for part in parts for byte in EBCDIC.breaks)
    assert b"".join(parts).count(b"\xc1") == line.count(b"\xc1")


@settings(max_examples=100)
@given(line=st.binary(max_size=30), tail=st.lists(st.sampled_from([b"\x00", b"\x40"]), max_size=9).map(b"".join))
def test_trailing_nulls_and_blanks_go_as_one_mixed_run(line: bytes, tail: bytes) -> None:
    assert trim_nulls(line + tail, EBCDIC) == trim_nulls(line, EBCDIC)
    assert trim_nulls(line + b"\xc1" + tail, EBCDIC) == line + b"\xc1"
