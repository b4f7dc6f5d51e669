"""NETDATA (jes-spool.md 9 and 13): files written here byte by byte from the description of the format, not by our encoder."""

from __future__ import annotations

import io

import pytest

from cssmtp.errors import UnreadableData
from cssmtp.spool import netdata
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.framing import Framing, FramingKind, blocks, detect, encode
from tests.spoolkit import DECK, framed

NETDATA = Framing(FramingKind.NETDATA)


def e(text: str) -> bytes:
    return text.encode("cp037")


def segments(data: bytes, control: bool = False, size: int = 253) -> bytes:
    """One record: length, flags X'80' first, X'40' last, X'20' control; at most `size` bytes in each segment."""
    out = b""
    rest = data
    first = True
    while first or rest:
        part, rest = rest[:size], rest[size:]
        flags = (0x80 if first else 0) + (0x40 if not rest else 0) + (0x20 if control else 0)
        out += bytes([2 + len(part), flags]) + part
        first = False
    return out


def unit(key: str, *values: bytes) -> bytes:
    """A text unit: key, how many values, each with its length."""
    return bytes.fromhex(key) + len(values).to_bytes(2, "big") + b"".join(len(v).to_bytes(2, "big") + v for v in values)


INMR01 = segments(
    e("INMR01")
    + unit("0042", b"\x00\x50")
    + unit("1011", e("NODEA"))
    + unit("1012", e("TSOUSER"))
    + unit("1001", e("NODEA"))
    + unit("1002", e("SMTP"))
    + unit("1024", e("20261122120000"))
    + unit("102F", b"\x00\x00\x00\x01"),
    control=True,
)


def inmr02(utility: str, recfm: str = "9000", number: int = 1, more: bytes = b"") -> bytes:
    return segments(
        e("INMR02")
        + number.to_bytes(4, "big")
        + unit("1028", e(utility))
        + unit("102C", b"\x00\x00\x02\x80")
        + unit("003C", b"\x40\x00")
        + unit("0042", b"\x00\x50")
        + unit("0049", bytes.fromhex(recfm))
        + unit("0002", e("TSOUSER"), e("MAIL"), e("DECK"))
        + more,
        control=True,
    )


INMR03 = segments(e("INMR03") + unit("102C", b"\x00\x00\x02\x80") + unit("003C", b"\x40\x00") + unit("0042", b"\x00\x50"), True)
INMR06 = segments(e("INMR06"), control=True)


def cards(data: bytes) -> bytes:
    """Packed without regard to cards, the last one padded."""
    return data + bytes(-len(data) % 80)


def transmitted(records: list[bytes], describe: bytes | None = None, size: int = 253) -> bytes:
    data = b"".join(segments(record, size=size) for record in records)
    return cards(INMR01 + (inmr02("INMCOPY") if describe is None else describe) + INMR03 + data + INMR06)


def read(data: bytes) -> list[bytes]:
    framing = detect(io.BytesIO(data), len(data), Attributes())
    assert framing.kind is FramingKind.NETDATA
    return [record for block in blocks(io.BytesIO(data), framing) for record in block.records]


def refusal(data: bytes, **attributes: object) -> str:
    with pytest.raises(UnreadableData) as caught:
        detect(io.BytesIO(data), len(data), Attributes(**attributes))  # type: ignore[arg-type]
    return str(caught.value)


RECORDS = [e(line).ljust(80, b"\x40") for line in DECK]


def test_a_transmitted_data_set_gives_its_records_with_their_trailing_blanks() -> None:
    data = transmitted(RECORDS)
    assert data[:8] == bytes([data[0], 0xE0]) + b"\xc9\xd5\xd4\xd9\xf0\xf1"
    assert len(data) % 80 == 0
    assert read(data) == RECORDS


@pytest.mark.parametrize("size", [1, 7, 79, 80, 81, 253])
def test_records_are_joined_from_segments_of_any_length_across_cards(size: int) -> None:
    records = [*RECORDS, e("A" * 255), b"", e("B" * 1000)]
    assert read(transmitted(records, size=size)) == records


def test_a_segment_with_a_record_number_holds_no_data() -> None:
    data = cards(INMR01 + inmr02("INMCOPY") + INMR03 + segments(RECORDS[0]) + b"\x06\x10\x00\x00\x00\x02" + INMR06)
    assert read(data) == RECORDS[:1]


def test_control_records_of_users_are_passed_over() -> None:
    note = segments(e("INMR04") + unit("1025", e("NOTE")), control=True)
    assert read(cards(INMR01 + inmr02("INMCOPY") + note + INMR03 + segments(RECORDS[0]) + note + INMR06)) == RECORDS[:1]


@pytest.mark.parametrize("padding", [b"", b"\x00" * 79, b"\x40" * 4000, b"JUNK" * 10])
def test_what_fills_the_last_card_is_ignored(padding: bytes) -> None:
    assert read(INMR01 + inmr02("INMCOPY") + INMR03 + segments(RECORDS[0]) + INMR06 + padding) == RECORDS[:1]


def test_more_than_padding_behind_the_end_is_refused() -> None:
    data = INMR01 + inmr02("INMCOPY") + INMR03 + segments(RECORDS[0]) + INMR06
    assert f"100 bytes follow its end at byte {len(data)}" in refusal(data + b"X" * 100)


def test_the_record_format_is_taken_from_the_file_when_the_attributes_name_none() -> None:
    asa = [b"\x40" + record for record in RECORDS]
    data = transmitted(asa, inmr02("INMCOPY", recfm="9400"))
    assert read(data) == RECORDS
    machine = [b"\x8b" + bytes(80), *(b"\x09" + record for record in RECORDS)]
    assert read(transmitted(machine, inmr02("INMCOPY", recfm="5200"))) == [b"", *RECORDS]
    found = detect(io.BytesIO(data), len(data), Attributes(recfm="FB"))
    assert not found.carriage


@pytest.mark.parametrize(
    ("bits", "recfm"), [("9000", "FB"), ("5400", "VBA"), ("C000", "U"), ("4200", "VM"), ("0001", ""), ("", "")]
)
def test_inmrecfm(bits: str, recfm: str) -> None:
    assert netdata.header(INMR01 + inmr02("INMCOPY", recfm=bits) + INMR03).recfm == recfm


def test_an_iebcopy_unload_is_refused_with_the_reason() -> None:
    two = inmr02("IEBCOPY") + inmr02("INMCOPY")
    assert "a partitioned data set unloaded by IEBCOPY; transmit the member again with SEQ" in refusal(transmitted(RECORDS, two))


def test_enciphered_data_is_refused_with_the_reason() -> None:
    assert "enciphered data" in refusal(transmitted(RECORDS, inmr02("AMSCIPHR")))


def test_another_utility_is_refused_by_name() -> None:
    assert "made by 'XYZ', only INMCOPY" in refusal(transmitted(RECORDS, inmr02("XYZ")))


def test_several_files_are_refused() -> None:
    message = inmr02("INMCOPY", more=unit("0028"))
    assert "2 INMR02 describe several files" in refusal(transmitted(RECORDS, message + inmr02("INMCOPY", number=2)))


def test_another_file_behind_the_first_is_refused_with_its_place() -> None:
    one = INMR01 + inmr02("INMCOPY") + INMR03 + segments(RECORDS[0])
    assert f"another file begins at byte {len(one)}" in refusal(cards(one + inmr02("INMCOPY") + INMR03 + INMR06))


def test_data_without_inmr02_is_refused() -> None:
    assert "there is no INMR02" in refusal(cards(INMR01 + INMR03 + segments(RECORDS[0]) + INMR06))


def test_a_file_cut_anywhere_is_refused_with_an_offset() -> None:
    data = INMR01 + inmr02("INMCOPY") + INMR03 + b"".join(map(segments, RECORDS[:3])) + INMR06
    for cut in range(len(INMR01) + len(inmr02("INMCOPY")), len(data)):
        assert "is cut off by the end of the file" in refusal(data[:cut]), cut
    for cut in range(8, len(INMR01) + len(inmr02("INMCOPY"))):
        assert "INMR02" in refusal(data[:cut]), cut


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (b"\x01\xc0", "X'01C0' is no segment"),
        (b"\x04\x40AB", "X'0440' is no segment"),
        (b"\x04\x80AB\x04\xc0AB", "X'04C0' is no segment"),
        (b"\x04\x80AB\x04\x60AB", "X'0460' is no segment"),
        (b"\x04\xc1AB", "X'04C1' is no segment"),
    ],
)
def test_segments_that_cannot_stand_there_are_told_with_their_place(bad: bytes, what: str) -> None:
    start = INMR01 + inmr02("INMCOPY") + INMR03
    message = refusal(cards(start + bad + INMR06))
    assert what in message
    assert "record 1 at byte" in message


def test_netdata_inside_records_with_lengths_is_refused_with_a_remedy() -> None:
    data = transmitted(RECORDS)
    inside = [data[at : at + 80] for at in range(0, len(data), 80)]
    for kind in (FramingKind.RDW, FramingKind.LEN4):
        assert f"NETDATA inside {kind.value} records" in refusal(framed(inside, Framing(kind)))


def test_a_declared_netdata_must_be_one() -> None:
    assert "not INMR01" in refusal(b"HELO a\n", framing="netdata")
    assert "IEBCOPY" in refusal(transmitted(RECORDS, inmr02("IEBCOPY")), framing="netdata")
    data = transmitted(RECORDS)
    assert detect(io.BytesIO(data), len(data), Attributes(framing="netdata")).kind is FramingKind.NETDATA


def test_reading_may_start_at_every_record_of_such_a_file() -> None:
    data = transmitted([*RECORDS, e("X" * 600), e("END")])
    block = next(blocks(io.BytesIO(data), NETDATA))
    for index in range(len(block.records)):
        again = blocks(io.BytesIO(data), NETDATA, block.position(index), 1 + index)
        assert [record for each in again for record in each.records] == block.records[index:]


def test_what_we_write_is_netdata_of_whole_cards() -> None:
    data = b"".join(encode(RECORDS, NETDATA))
    assert len(data) % 80 == 0
    assert netdata.begins(data)
    assert netdata.header(data) == netdata.Header("VB", 32767)
    assert read(data) == RECORDS
