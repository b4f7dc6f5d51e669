"""Framings by example (jes-spool.md 8 and the list of section 13)."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from cssmtp.errors import UnreadableData
from cssmtp.spool.framing import Framing, FramingKind, RecordBlock, blocks, encode
from cssmtp.spool.lengths import LONGEST_KEPT, LONGEST_SPANNED
from tests.spoolkit import ALL_FRAMINGS, deck, framed, name_of, read_lines, read_records

RDW = Framing(FramingKind.RDW)
LEN4 = Framing(FramingKind.LEN4)
FIXED = Framing(FramingKind.FIXED, 80)
NL15 = Framing(FramingKind.NL15)


class Source(io.RawIOBase):
    """A file of one repeated piece, made while it is read: large without memory."""

    def __init__(self, piece: bytes, times: int, head: bytes = b"", tail: bytes = b"") -> None:
        self.head, self.piece, self.tail = head, piece, tail
        self.size = len(head) + len(piece) * times + len(tail)
        self.at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        end = min(self.size, self.at + size)
        middle = self.size - len(self.tail)
        start = self.at - len(self.head)
        skipped = start % len(self.piece) if start > 0 else 0
        need = end - self.at
        out = self.head[self.at :] if self.at < len(self.head) else b""
        while len(out) < need and self.at + len(out) < middle:
            room = middle - self.at - len(out)
            out += (self.piece * (need // len(self.piece) + 2))[skipped : skipped + min(room, need - len(out))]
        if len(out) < need:
            out += self.tail[self.at + len(out) - middle :]
        out = out[:need]
        self.at += len(out)
        return out


@pytest.mark.parametrize("framing", ALL_FRAMINGS, ids=name_of)
def test_the_same_deck_in_all_framings_gives_the_same_lines(framing: Framing) -> None:
    lines = [line for each in read_lines(framed(deck(framing), framing), framing) for line in each.lines]
    assert lines == deck(framing)


@pytest.mark.parametrize("framing", ALL_FRAMINGS, ids=name_of)
def test_an_empty_file_has_no_blocks(framing: Framing) -> None:
    assert list(blocks(io.BytesIO(b""), framing)) == []


def test_a_short_last_fixed_record_is_refused_with_its_place() -> None:
    with pytest.raises(UnreadableData, match="record 3 at byte 160 has 5 of 80 bytes"):
        read_records(bytes(165), FIXED)


def test_the_last_text_line_needs_no_line_end() -> None:
    assert read_records(b"\xc1\x15\xc2", NL15) == [b"\xc1", b"\xc2"]
    assert read_records(b"\xc1\x15\xc2\x15", NL15) == [b"\xc1", b"\xc2"]


@pytest.mark.parametrize("framing", [RDW, LEN4, NL15], ids=name_of)
def test_zero_length_records_are_records(framing: Framing) -> None:
    assert read_records(framed([b"", b"\xc1", b"", b""], framing), framing) == [b"", b"\xc1", b"", b""]


def test_an_empty_record_is_4_zero_zero_zero_for_rdw_and_four_zeros_for_record_mode() -> None:
    assert framed([b""], RDW) == b"\x00\x04\x00\x00"
    assert framed([b""], LEN4) == b"\x00\x00\x00\x00"


def test_a_record_of_32756_bytes_is_the_longest_with_rdw() -> None:
    record = b"\xc1" * 32756
    assert read_records(framed([record, b"\xc2"], RDW), RDW) == [record, b"\xc2"]
    with pytest.raises(ValueError, match="32757 bytes does not fit framing rdw"):
        framed([record + b"\xc1"], RDW)


def test_rdw_segments_first_middle_last_make_one_record() -> None:
    data = b"\x00\x05\x01\x00A" + b"\x00\x05\x03\x00B" + b"\x00\x05\x02\x00C" + b"\x00\x05\x00\x00D"
    assert read_records(data, RDW) == [b"ABC", b"D"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x00\x05\x02\x00A", "X'00050200' is no RDW that can stand there"),
        (b"\x00\x05\x01\x00A\x00\x05\x00\x00B", "record 1 at byte 5"),
        (b"\x00\x05\x01\x00A", "record 1 at byte 0 is cut off by the end of the file after 5 bytes"),
        (b"\x00\x03\x00\x00", "X'00030000'"),
        (b"\x00\x05\x04\x00A", "X'00050400'"),
        (b"\x00\x05\x00\x01A", "X'00050001'"),
        (b"\x00\x05\x00\x00A\x00", "record 2 at byte 5 is cut off by the end of the file after 1 bytes"),
        (b"\x00\x05\x00\x00A\x00\x09\x00\x00BC", "record 2 at byte 5 is cut off"),
    ],
)
def test_rdw_faults_are_told_with_record_and_byte(data: bytes, what: str) -> None:
    with pytest.raises(UnreadableData) as caught:
        read_records(data, RDW)
    assert what in str(caught.value)


def test_record_mode_of_zosmf_counts_only_the_data() -> None:
    assert read_records(b"\x00\x00\x00\x02AB\x00\x00\x00\x01C", LEN4) == [b"AB", b"C"]


def test_record_mode_faults_are_told_with_record_and_byte() -> None:
    with pytest.raises(UnreadableData, match="record 2 at byte 6: length 1094795585 is above 32760"):
        read_records(b"\x00\x00\x00\x02ABAAAAA", LEN4)
    with pytest.raises(UnreadableData, match="record 2 at byte 6 is cut off by the end of the file after 5 bytes"):
        read_records(b"\x00\x00\x00\x02AB\x00\x00\x00\x02A", LEN4)


@pytest.mark.parametrize("kind", [FramingKind.NL15, FramingKind.LF25])
def test_a_carriage_return_right_before_the_line_end_is_dropped(kind: FramingKind) -> None:
    newline = b"\x15" if kind is FramingKind.NL15 else b"\x25"
    assert read_records(b"\xc1\x0d" + newline + b"\x0d\xc2" + newline, Framing(kind)) == [b"\xc1", b"\x0d\xc2"]


def test_lf_text_with_some_crlf_lines_is_read_the_same() -> None:
    assert read_records(b"a\r\nb\n\r\n", Framing(FramingKind.LF, 0, "ascii")) == [b"a", b"b", b""]


def test_a_byte_order_mark_is_no_part_of_the_first_record() -> None:
    framing = Framing(FramingKind.LF, 0, "utf-8")
    assert read_records(b"\xef\xbb\xbfHELO\n\xef\xbb\xbfx\n", framing) == [b"HELO", b"\xef\xbb\xbfx"]
    found = list(blocks(io.BytesIO(b"\xef\xbb\xbfHELO\nMAIL\n"), framing))
    assert found[0].position(1) == 8


@pytest.mark.parametrize("framing", [FIXED, RDW, NL15], ids=name_of)
def test_carriage_control_bytes_are_dropped_when_recfm_says_so(framing: Framing) -> None:
    width = 81 if framing.kind is FramingKind.FIXED else 0
    framing = Framing(framing.kind, width, "ebcdic", carriage=True)
    data = framed([b"\xc1" * 80, b"\xc2" * 80, b"\xc3" * 80], framing)
    found = list(blocks(io.BytesIO(data), framing))
    assert [r for b in found for r in b.records] == [b"\xc1" * 80, b"\xc2" * 80, b"\xc3" * 80]
    start = found[0].position(2)
    assert [r for b in blocks(io.BytesIO(data), framing, start, 3) for r in b.records] == [b"\xc3" * 80]


def test_a_block_built_by_hand_takes_its_records_as_adjacent() -> None:
    assert RecordBlock(100, 1, [b"abc", b"d", b""]).position(2) == 104


def test_what_a_record_has_beyond_65536_bytes_is_cut_in_every_way_of_reading() -> None:
    line = b"\xc1" * (LONGEST_KEPT + 100)
    short = b"\xc2"
    for before in (0, 1, 200_000, 262_000):
        data = b"\xc3" * before + b"\x15" + line + b"\x15" + short
        assert read_records(data, NL15)[1:] == [b"\xc1" * LONGEST_KEPT, short]
    assert read_records(line * 2, Framing(FramingKind.FIXED, len(line))) == [b"\xc1" * LONGEST_KEPT] * 2


def test_a_spanned_record_without_end_is_refused() -> None:
    segment = b"\x7f\xf8" + b"%c\x00" + bytes(0x7FF8 - 4)
    source = Source(segment % 3, 2 * LONGEST_SPANNED // len(segment), head=segment % 1)
    with pytest.raises(UnreadableData, match="spanned over more than"):
        list(blocks(source, RDW))


@pytest.mark.parametrize(
    ("framing", "source"),
    [
        (NL15, Source(b"\xc1" * 1000, 10_000, tail=b"\x15\xc2\x15")),
        (NL15, Source(b"\xc1" * 79 + b"\x15", 250_000)),
        (FIXED, Source(b"\xc1" * 80, 250_000)),
        (RDW, Source(b"\x00\x54\x00\x00" + b"\xc1" * 80, 100_000)),
    ],
    ids=["10-MB-line", "text", "fixed", "rdw"],
)
def test_memory_is_bounded_whatever_the_file_holds(framing: Framing, source: Source) -> None:
    tracemalloc.start()
    try:
        count = sum(len(block.records) for block in blocks(source, framing))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == {10_000_003: 2, 20_000_000: 250_000, 8_400_000: 100_000}[source.size]
    assert peak < 4_000_000


def test_a_record_holding_its_line_end_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="X'15'"):
        list(encode([b"\xc1\x15"], NL15))


def test_a_record_longer_than_lrecl_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="81 bytes does not fit framing fixed"):
        list(encode([b"\xc1" * 81], FIXED))


@pytest.mark.parametrize(
    ("framing", "words"),
    [
        (FIXED, "fixed records of 80 bytes, EBCDIC"),
        (Framing(FramingKind.FIXED, 133, "ebcdic", True), "fixed records of 133 bytes, EBCDIC, carriage control dropped"),
        (RDW, "variable records with RDW, EBCDIC"),
        (Framing(FramingKind.CRLF, 0, "utf-8"), "text lines ended by CRLF, UTF-8"),
    ],
)
def test_a_framing_describes_itself_for_reports(framing: Framing, words: str) -> None:
    assert framing.describe() == words


def test_an_endless_line_at_the_end_of_the_file_is_cut() -> None:
    found = list(blocks(Source(b"\xc1" * 1000, 1000, head=b"\xc2\x15"), NL15))
    assert [len(record) for block in found for record in block.records] == [1, LONGEST_KEPT]
