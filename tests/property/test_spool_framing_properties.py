"""Framings: what is written is read back, whatever is cut off is noticed, and no bytes break detection."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.errors import UnreadableData
from cssmtp.spool import records as records_module
from cssmtp.spool.attributes import FRAMINGS, Attributes
from cssmtp.spool.framing import Framing, FramingKind, blocks, detect, encode
from cssmtp.spool.lengths import Cutter, cut_len2, cut_len4, cut_rdw, walk_rdw
from cssmtp.spool.records import delimiter
from tests.spoolkit import ALL_FRAMINGS, framed, name_of, read_records

RECORDS = st.lists(st.binary(max_size=200), max_size=40)


def carried(records: list[bytes], framing: Framing) -> list[bytes]:
    """The records in the shape that the framing can carry without loss."""
    newline = delimiter(framing.kind)
    if newline:
        unsafe = newline + b"\r" + (b"\f" if newline == b"\n" else b"")
        records = [bytes(byte for byte in record if byte not in unsafe) for record in records]
    if framing.kind is FramingKind.FIXED:
        blank = b"\x40" if framing.encoding == "ebcdic" else b" "
        records = [record[:80].ljust(80, blank) for record in records]
    if framing.encoding != "ebcdic" and records and records[0].startswith(b"\xef\xbb\xbf"):
        records[0] = b"x" + records[0]
        records = carried(records, framing)
    return records


@pytest.fixture(autouse=True, scope="module", params=[7, 64, 256 * 1024], ids=["tiny-blocks", "small-blocks", "blocks"])
def _block_size(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records_module, "BLOCK_BYTES", request.param)
        yield


@pytest.mark.parametrize("framing", ALL_FRAMINGS, ids=name_of)
@settings(max_examples=40)
@given(records=RECORDS)
def test_what_is_written_in_a_framing_is_read_back(framing: Framing, records: list[bytes]) -> None:
    records = carried(records, framing)
    data = framed(records, framing)
    assert read_records(data, framing) == records


@pytest.mark.parametrize("framing", ALL_FRAMINGS, ids=name_of)
@settings(max_examples=40)
@given(records=RECORDS, draw=st.data())
def test_reading_may_start_at_every_record(framing: Framing, records: list[bytes], draw: st.DataObject) -> None:
    records = carried(records, framing)
    data = framed(records, framing)
    found = list(blocks(io.BytesIO(data), framing))
    assert [block.first for block in found] == [1 + sum(len(b.records) for b in found[:i]) for i in range(len(found))]
    if not found:
        return
    block = draw.draw(st.sampled_from(found))
    index = draw.draw(st.integers(0, len(block.records) - 1))
    number = block.first + index
    again = [r for b in blocks(io.BytesIO(data), framing, block.position(index), number) for r in b.records]
    assert again == records[number - 1 :]


@pytest.mark.parametrize("framing", ALL_FRAMINGS, ids=name_of)
@settings(max_examples=40)
@given(records=RECORDS, draw=st.data())
def test_a_cut_file_gives_fewer_records_or_is_refused(framing: Framing, records: list[bytes], draw: st.DataObject) -> None:
    records = carried(records, framing)
    data = framed(records, framing)
    cut = data[: draw.draw(st.integers(0, len(data)))]
    try:
        found = read_records(cut, framing)
    except UnreadableData:
        return
    whole = found[:-1] if delimiter(framing.kind) else found
    assert whole == records[: len(whole)]
    assert not found or records[len(found) - 1].startswith(found[-1].removesuffix(b"\r"))


@settings(max_examples=150)
@given(
    data=st.one_of(st.binary(max_size=400), st.binary(min_size=1, max_size=8).map(lambda piece: piece * 80)),
    framing=st.sampled_from(FRAMINGS),
    encoding=st.sampled_from(["auto", "ascii", "utf-8", "IBM-1047"]),
    recfm=st.sampled_from(["", "FB", "VB", "FBA", "VBM", "U"]),
    lrecl=st.sampled_from([0, 1, 8, 80, 137]),
)
def test_detection_raises_nothing_but_unreadable_data(data: bytes, framing: str, encoding: str, recfm: str, lrecl: int) -> None:
    attributes = Attributes(framing=framing, encoding=encoding, recfm=recfm, lrecl=lrecl)
    try:
        found = detect(io.BytesIO(data), len(data), attributes)
    except UnreadableData:
        return
    assert sum(map(len, read_records(data, found))) <= len(data)


@settings(max_examples=60)
@given(records=st.lists(st.binary(max_size=90), min_size=1, max_size=20), cuts=st.lists(st.integers(0, 90), max_size=3))
def test_spanned_records_are_joined(records: list[bytes], cuts: list[int]) -> None:
    pieces = []
    for record in records:
        parts = [record[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), None], strict=True)]
        for number, part in enumerate(parts):
            code = 0 if len(parts) == 1 else 1 if number == 0 else 2 if number == len(parts) - 1 else 3
            pieces.append((len(part) + 4).to_bytes(2, "big") + bytes([code, 0]) + part)
    assert read_records(b"".join(pieces), Framing(FramingKind.RDW)) == records


GROUPED = (FramingKind.FIXED, FramingKind.BDW, FramingKind.NETDATA)


@pytest.mark.parametrize("framing", [f for f in ALL_FRAMINGS if f.kind not in GROUPED], ids=name_of)
def test_encode_makes_one_piece_per_record(framing: Framing) -> None:
    assert len(list(encode([b"a", b"", b"b"], framing))) == 3


@settings(max_examples=100)
@given(
    lengths=st.lists(st.sampled_from([0, 3, 80, 80, 80, 251, 252, 300]), max_size=8),
    repeats=st.integers(1, 50),
    draw=st.data(),
)
def test_records_of_equal_and_other_lengths_are_cut_as_single_ones_are(
    lengths: list[int], repeats: int, draw: st.DataObject
) -> None:
    records = [bytes([index % 251]) * length for index, length in enumerate(lengths) for _ in range(repeats)]
    data = framed(records, Framing(FramingKind.RDW))
    assert read_records(data, Framing(FramingKind.RDW)) == records
    cut = draw.draw(st.integers(0, len(records)))
    found = cut_rdw(data, cut, lambda position: position, 1)
    assert (found.records, found.used) == (records[:cut], sum(len(record) + 4 for record in records[:cut]))
    end = draw.draw(st.integers(0, len(data)))
    assert walk_rdw(data[:end], lambda position: position, 1) == cut_rdw(data[:end], -1, lambda position: position, 1).used


@pytest.mark.parametrize("cut", [cut_rdw, cut_len4, cut_len2], ids=lambda cut: cut.__name__)
@settings(max_examples=100)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 40, 80, 81, 132, 1023, 1024, 2000]), max_size=30),
    filler=st.sampled_from([b"\x00", b"\xc1"]),
    draw=st.data(),
)
def test_a_cutter_gives_the_records_that_are_all_there(cut: Cutter, sizes: list[int], filler: bytes, draw: st.DataObject) -> None:
    kind = {cut_rdw: FramingKind.RDW, cut_len4: FramingKind.LEN4, cut_len2: FramingKind.LEN2}[cut]
    records = [filler * size for size in sizes]
    pieces = list(encode(records, Framing(kind)))
    ends = list(accumulate(map(len, pieces)))
    data = b"".join(pieces)[: draw.draw(st.integers(0, sum(map(len, pieces))))]
    whole = sum(end <= len(data) for end in ends)
    most = draw.draw(st.integers(-1, len(records)))
    count = min(whole, most) if most >= 0 else whole
    found = cut(data, most, lambda at: at, 1)
    assert (found.records, found.used) == (records[:count], ends[count - 1] if count else 0)


@settings(max_examples=150)
@given(data=st.lists(st.sampled_from([b"a", b"b", b"\r", b"\n", b"\f"]), max_size=40).map(b"".join), draw=st.data())
def test_printer_text_holds_no_control_and_reading_may_start_at_every_record(data: bytes, draw: st.DataObject) -> None:
    framing = Framing(FramingKind.LF, 0, "ascii")
    records = read_records(data, framing)
    assert b"".join(records) == data.translate(None, b"\r\n\f")
    assert not any(byte in record for record in records for byte in (b"\r", b"\n", b"\f"))
    found = list(blocks(io.BytesIO(data), framing))
    if found:
        block = draw.draw(st.sampled_from(found))
        index = draw.draw(st.integers(0, len(block.records) - 1))
        again = blocks(io.BytesIO(data), framing, block.position(index), block.first + index)
        assert [r for b in again for r in b.records] == records[block.first + index - 1 :]


@settings(max_examples=100)
@given(records=RECORDS, sizes=st.lists(st.integers(1, 6), min_size=1, max_size=20), extended=st.booleans(), draw=st.data())
def test_blocks_of_any_size_hold_the_same_records(
    records: list[bytes], sizes: list[int], extended: bool, draw: st.DataObject
) -> None:
    pieces = list(encode(records, Framing(FramingKind.RDW)))
    data = b""
    for size in sizes * len(pieces):
        inner, pieces = b"".join(pieces[:size]), pieces[size:]
        if inner:
            length = len(inner) + 4
            data += ((0x8000_0000 | length).to_bytes(4) if extended else length.to_bytes(2) + b"\x00\x00") + inner
    framing = Framing(FramingKind.BDW)
    assert read_records(data, framing) == records
    found = list(blocks(io.BytesIO(data), framing))
    if found:
        block = draw.draw(st.sampled_from(found))
        index = draw.draw(st.integers(0, len(block.records) - 1))
        again = blocks(io.BytesIO(data), framing, block.position(index), block.first + index)
        assert [r for b in again for r in b.records] == records[block.first + index - 1 :]


@pytest.mark.parametrize(
    "kind", [FramingKind.NETDATA, FramingKind.BDW, FramingKind.RDW, FramingKind.LEN2], ids=lambda kind: kind.value
)
@settings(max_examples=60)
@given(records=RECORDS, changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=4))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    kind: FramingKind, records: list[bytes], changes: list[tuple[int, int]]
) -> None:
    data = bytearray(framed(records, Framing(kind)))
    for position, value in changes:
        if data:
            data[position % len(data)] = value
    for declared in ("auto", kind.value):
        try:
            found = detect(io.BytesIO(data), len(data), Attributes(framing=declared))
            again = read_records(bytes(data), found)
        except UnreadableData:
            continue
        assert sum(map(len, again)) <= len(data)
