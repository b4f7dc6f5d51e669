"""The list of jes-spool.md 13 for the reader: one deck in every framing, and everything that is wrong with lengths."""

from __future__ import annotations

import io

import pytest

from cssmtp.bsmtp.body import read_body
from cssmtp.config.model import AddressKind, Configuration, TargetAddress, TargetServer
from cssmtp.engine.reading import DeckReader
from cssmtp.errors import UnreadableData
from cssmtp.model import BodySpan, DeckMail
from cssmtp.spool import lengths as lengths_module
from cssmtp.spool import records as records_module
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.framing import Framing, FramingKind, blocks, detect, encode
from cssmtp.spool.lengths import FEWEST_ALIKE, cut_rdw, walk_rdw
from cssmtp.spool.lines import alphabet_of
from tests.spoolkit import ALL_FRAMINGS, EBCDIC_FRAMINGS, deck, framed, name_of, read_records

BDW = Framing(FramingKind.BDW)
RDW = Framing(FramingKind.RDW)
LF = Framing(FramingKind.LF, 0, "ascii")
RULES = Configuration(targets=(TargetServer((TargetAddress(AddressKind.IP, "127.0.0.1"),)),))


def e(text: str) -> bytes:
    return text.encode("cp037")


def found(data: bytes, **attributes: object) -> Framing:
    return detect(io.BytesIO(data), len(data), Attributes(**attributes))  # type: ignore[arg-type]


def refusal(data: bytes, **attributes: object) -> str:
    with pytest.raises(UnreadableData) as caught:
        found(data, **attributes)
    return str(caught.value)


def mails(data: bytes, **attributes: object) -> list[tuple[object, ...]]:
    """Envelope, text and record of every mail of a file; a large body is read again from the file."""
    stream = io.BytesIO(data)
    reader = DeckReader(stream, len(data), Attributes(**attributes), RULES)  # type: ignore[arg-type]
    result: list[tuple[object, ...]] = []
    while (findings := reader.next_slice()) is not None:
        assert all(isinstance(finding, DeckMail) for finding in findings)
        for mail in findings:
            body = mail.body
            if isinstance(body, BodySpan):
                body = b"".join(
                    read_body(
                        body, io.BytesIO(data), reader.framing, alphabet_of(reader.framing.encoding), mixed=False, truncate=False
                    )
                )
            result.append((mail.envelope, reader.source.text(body), mail.record))
    return result


@pytest.mark.parametrize("framing", ALL_FRAMINGS, ids=name_of)
def test_the_same_deck_in_all_framings_gives_the_same_mail(framing: Framing) -> None:
    expected = mails(framed(deck(LF), LF))
    assert len(expected) == 1
    assert mails(framed(deck(framing), framing)) == expected


@pytest.mark.parametrize("block", [777, 256 * 1024], ids=["small-blocks", "blocks"])
@pytest.mark.parametrize("framing", ALL_FRAMINGS, ids=name_of)
def test_a_large_body_is_read_again_from_every_framing(framing: Framing, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records_module, "BLOCK_BYTES", block)

    def large(framing: Framing) -> bytes:
        lines = deck(framing)
        code = "cp037" if framing.encoding == "ebcdic" else "ascii"
        continued = ["x" * 79 + "<", "y"]
        body = [f"{number} ".ljust(number % 70, "z").encode(code) for number in range(2500)]
        body[100:100] = [line.encode(code) for line in continued]
        return framed([*lines[:6], *body, *lines[6:]], framing)

    expected = mails(large(LF))
    assert len(str(expected[0][1])) > 70_000
    assert mails(large(framing)) == expected


# Blocks


def test_a_block_with_extended_length_is_a_block() -> None:
    rdws = framed(deck(RDW), RDW)
    short = (len(rdws) + 4).to_bytes(2, "big") + b"\x00\x00" + rdws
    extended = (0x8000_0000 | (len(rdws) + 4)).to_bytes(4, "big") + rdws
    for data in (short, short * 3, extended, extended + short, short + extended):
        assert found(data) == BDW
        assert read_records(data, BDW) == deck(RDW) * (len(data) // len(short))


def test_an_extended_block_longer_than_what_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rdws = framed(deck(RDW) * 300, RDW)
    data = (0x8000_0000 | (len(rdws) + 4)).to_bytes(4, "big") + rdws
    monkeypatch.setattr(records_module, "BLOCK_BYTES", 1000)
    assert len(rdws) > 32760
    assert read_records(data, BDW) == deck(RDW) * 300


def test_segments_of_a_record_may_lie_in_several_blocks() -> None:
    parts = [b"\x00\x06\x01\x00AB", b"\x00\x06\x03\x00CD", b"\x00\x06\x02\x00EF" + b"\x00\x05\x00\x00G"]
    data = b"".join((len(part) + 4).to_bytes(2, "big") + b"\x00\x00" + part for part in parts)
    assert read_records(data, BDW) == [b"ABCDEF", b"G"]
    block = next(blocks(io.BytesIO(data), BDW))
    assert [r for b in blocks(io.BytesIO(data), BDW, block.position(1), 2) for r in b.records] == [b"G"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x00\x09\x00\x00" + b"\x00\x05\x00\x00A" + b"\x00", "block at byte 9 is cut off by the end of the file after 1 bytes"),
        (b"\x00\x0a\x00\x00" + b"\x00\x05\x00\x00A", "block at byte 0 is cut off by the end of the file at byte 9"),
        (b"\x00\x09\x00\x01" + b"\x00\x05\x00\x00A", "X'00090001' is no BDW"),
        (b"\x00\x07\x00\x00\x00\x05\x00", "X'00070000' is no BDW"),
        (b"\xff\xff\xff\xff", "X'FFFFFFFF' is no BDW"),
        (b"\x00\x0a\x00\x00" + b"\x00\x05\x00\x00AB", "block at byte 0 ends inside the segment before byte 9"),
        (b"\x00\x09\x00\x00" + b"\x00\x06\x00\x00A", "block at byte 0 ends inside the segment before byte 10"),
        (b"\x00\x09\x00\x00" + b"\x00\x05\x04\x00A", "X'00050400' at byte 4 is no RDW"),
        (b"\x00\x09\x00\x00" + b"\x00\x05\x01\x00A", "record 1 at byte 4 is cut off by the end of the file after 5 bytes"),
    ],
)
def test_lying_blocks_are_told_with_their_place(data: bytes, what: str) -> None:
    with pytest.raises(UnreadableData) as caught:
        read_records(data, BDW)
    assert what in str(caught.value)


class Watched(io.BytesIO):
    """Remembers the lowest place that was looked at since `lowest` was set."""

    lowest = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.lowest = min(self.lowest, offset)
        return super().seek(offset, whence)


def test_reading_in_the_middle_of_blocks_does_not_walk_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lengths_module, "LANDMARK_BYTES", 1000)
    rdws = framed(deck(RDW), RDW)
    block = (len(rdws) + 4).to_bytes(2, "big") + b"\x00\x00" + rdws
    stream = Watched(block * 50)
    framing = detect(stream, len(block) * 50, Attributes())
    assert framing == BDW
    for start in (len(block) * 40, len(block) * 40 + 4, len(block) * 49 + 4):
        stream.lowest = start
        assert [r for b in blocks(stream, framing, start, 1) for r in b.records] == deck(RDW) * (50 - start // len(block))
        assert start - 1000 - len(block) <= stream.lowest < start or stream.lowest == start


def test_reading_may_not_start_beyond_the_blocks() -> None:
    data = framed([b"A", b"B"], BDW)
    assert list(blocks(io.BytesIO(data), BDW, len(data), 3)) == []


# Lengths


def test_two_byte_lengths() -> None:
    data = framed(deck(RDW), Framing(FramingKind.LEN2))
    assert found(data) == Framing(FramingKind.LEN2)
    with pytest.raises(UnreadableData, match="record 2 at byte 3: length 65535 is above 32760"):
        read_records(b"\x00\x01A\xff\xff", Framing(FramingKind.LEN2))
    with pytest.raises(UnreadableData, match="record 2 at byte 3 is cut off by the end of the file after 3 bytes"):
        read_records(b"\x00\x01A\x00\x02B", Framing(FramingKind.LEN2))


@pytest.mark.parametrize("kind", [FramingKind.LEN2, FramingKind.LEN4])
def test_the_longest_record_with_a_plain_length(kind: FramingKind) -> None:
    record = b"\xc1" * 32760
    assert read_records(framed([record, b""], Framing(kind)), Framing(kind)) == [record, b""]
    with pytest.raises(ValueError, match="32761 bytes does not fit"):
        framed([record + b"\xc1"], Framing(kind))


def test_when_two_framings_fit_the_one_with_a_greeting_is_taken() -> None:
    # As RDW one record of blanks and one greeting; every block with BDW is such an RDW record, too.
    inner = framed([e("HELO A"), e("QUIT")], RDW)
    assert found((len(inner) + 4).to_bytes(2, "big") + b"\x00\x00" + inner) == BDW
    # The record of an RDW file that happens to hold a smaller RDW record fits as a block, and has no greeting there.
    data = framed([b"\x00\x0c\x00\x00" + e("HELO A  ")], RDW)
    assert found(data).kind is FramingKind.BDW
    greeting_outside = framed([e("HELO") + b"\x00\x00"], RDW)
    assert found(greeting_outside).kind is FramingKind.RDW


def test_mixed_framings_fit_nothing() -> None:
    rdw, len4 = framed(deck(RDW), RDW), framed(deck(RDW), Framing(FramingKind.LEN4))
    assert "no record format fits" in refusal(rdw + len4)
    assert "no record format fits" in refusal(len4 + framed(deck(RDW), BDW))
    assert "record 11 at byte" in refusal(rdw + len4, framing="rdw")


@pytest.mark.parametrize(
    "framing", [f for f in EBCDIC_FRAMINGS if f.kind in (FramingKind.BDW, FramingKind.LEN2, FramingKind.LEN4)], ids=name_of
)
def test_a_file_cut_in_mid_record_is_refused(framing: Framing) -> None:
    data = framed(deck(framing), framing)
    assert "cut off" in refusal(data[:-1], framing=framing.kind.value)


@pytest.mark.parametrize("length", [0, 1, 79, 80, 251, 252, 300, 4000])
@pytest.mark.parametrize("before", [0, 1, 200])
def test_a_run_of_equal_records_is_cut_as_single_ones_are(length: int, before: int) -> None:
    records = [b"\xc1" * (index % 7) for index in range(before)] + [
        bytes([index % 250 + 1]) * length for index in range(FEWEST_ALIKE * 3)
    ]
    records += [b"last", b""]
    data = framed(records, RDW)
    assert read_records(data, RDW) == records
    assert walk_rdw(data, lambda position: position, 1) == len(data)
    for most in (0, 1, before, before + 40, len(records) - 1):
        cut = cut_rdw(data, most, lambda position: position, 1)
        assert cut.records == records[:most]
        assert cut.used == sum(len(record) + 4 for record in records[:most])


def test_a_lie_behind_a_run_of_equal_records_is_found() -> None:
    data = framed([b"\xc1" * 80] * 101, RDW)
    for position, value in ((84 * 50, 1), (84 * 50 + 1, 3), (84 * 50 + 2, 4), (84 * 50 + 3, 1)):
        broken = data[:position] + bytes([value]) + data[position + 1 :]
        with pytest.raises(UnreadableData, match=r"record 5[12] at byte 4[25][04]0|is cut off"):
            read_records(broken, RDW)
        assert "no record format fits" in refusal(broken)


# Printer text and carriage control


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (b"\fHELO a\nQUIT\n", [b"HELO a", b"QUIT"]),
        (b"HELO a\r\n\fQUIT\r\n", [b"HELO a", b"QUIT"]),
        (b"HELO a\n\f\n", [b"HELO a", b""]),
        (b"HELO a\fQUIT", [b"HELO a", b"QUIT"]),
        (b"HELO a\n\f", [b"HELO a"]),
        (b"one\rtwo\n", [b"one", b"two"]),
        (b"one\r\rtwo\r\nthree\r", [b"one", b"two", b"three"]),
        (b"one\r\r\ntwo\n\r\n", [b"one", b"two", b""]),
    ],
)
def test_form_feeds_and_overprint_of_printer_text(data: bytes, records: list[bytes]) -> None:
    assert read_records(data, LF) == records
    block = next(blocks(io.BytesIO(data), LF))
    for index in range(len(block.records)):
        again = blocks(io.BytesIO(data), LF, block.position(index), index + 1)
        assert [record for each in again for record in each.records] == records[index:]


def test_printer_text_is_detected_as_text_and_gives_the_mail() -> None:
    lines = deck(LF)
    data = b"\f" + b"\r\n".join(lines[:6]) + b"\r\n\f" + b"\r\n".join(lines[6:]) + b"\r\n\f"
    assert found(data).kind is FramingKind.CRLF
    assert mails(data) == mails(framed(lines, LF))


def test_an_ebcdic_form_feed_or_lone_carriage_return_is_data() -> None:
    assert read_records(b"\xc1\x0c\xc2\x0d\xc3\x15", Framing(FramingKind.NL15)) == [b"\xc1\x0c\xc2\x0d\xc3"]


@pytest.mark.parametrize(
    "framing", [Framing(FramingKind.FIXED, 133), RDW, Framing(FramingKind.LEN4), Framing(FramingKind.NETDATA)], ids=name_of
)
def test_carriage_control_of_fba_and_fbm_gives_the_same_mail(framing: Framing) -> None:
    expected = mails(framed(deck(LF), LF))
    asa = [b"\x40\xf0\x60\x4e\xf1"[index % 5 : index % 5 + 1] + line for index, line in enumerate(deck(RDW))]
    machine = [b"\x09\x11\x19\x89\x01"[index % 5 : index % 5 + 1] + line for index, line in enumerate(deck(RDW))]
    declared = {"framing": framing.kind.value, "lrecl": framing.lrecl}
    assert mails(framed(asa, framing), recfm="FBA", **declared) == expected
    assert mails(framed(machine, framing), recfm="FBM", **declared) == expected


@pytest.mark.parametrize("code", [0x03, 0x0B, 0x13, 0x1B, 0x8B, 0x93])
def test_a_machine_code_without_data_is_an_empty_record(code: int) -> None:
    framing = Framing(FramingKind.RDW, carriage=True, machine=True)
    data = framed([bytes([code]) + b"\xff" * 80, b"\x09\xc1"], RDW)
    assert read_records(data, framing) == [b"", b"\xc1"]


def test_paper_moves_between_commands_do_no_harm() -> None:
    lines = [b"\x09" + line for line in deck(RDW)]
    lines[0:0] = [b"\x8b" + bytes(80)]
    (_, text, record), *rest = mails(framed(lines, RDW), framing="rdw", recfm="VBM")
    assert (text, record, rest) == (mails(framed(deck(LF), LF))[0][1], 3, [])


# Sequence numbers


@pytest.mark.parametrize("framing", [Framing(FramingKind.FIXED, 80), RDW, Framing(FramingKind.NL15)], ids=name_of)
def test_sequence_numbers_are_dropped_only_when_asked_for(framing: Framing) -> None:
    cards = [line.ljust(72, b"\x40") + e(f"{number:08d}") for number, line in enumerate(deck(RDW))]
    data = framed(cards, framing)
    assert mails(data, framing=framing.kind.value, lrecl=framing.lrecl, sequence_numbers=True) == mails(framed(deck(LF), LF))
    assert read_records(data, found(data))[0].endswith(e("00000000"))


def test_sequence_numbers_leave_no_continuation_sign_and_spare_longer_records() -> None:
    framing = Framing(FramingKind.RDW, sequence=True)
    assert read_records(framed([b"\xc1" * 79 + b"\x4c", b"\xc2" * 81, b"\xc3" * 75], RDW), framing) == [
        b"\xc1" * 72,
        b"\xc2" * 81,
        b"\xc3" * 72,
    ]
    assert framing.describe() == "variable records with RDW, EBCDIC, sequence numbers dropped"


# Writing


@pytest.mark.parametrize(("record", "byte"), [(b"a\rb", "0D"), (b"a\fb", "0C"), (b"a\n", "0A")])
def test_a_record_that_would_be_cut_cannot_be_written_as_text(record: bytes, byte: str) -> None:
    with pytest.raises(ValueError, match=f"X'{byte}'"):
        framed([record], LF)


def test_a_record_that_would_lose_its_last_byte_cannot_be_written_as_text() -> None:
    with pytest.raises(ValueError, match="ends in X'0D'"):
        framed([b"\xc1\x0d"], Framing(FramingKind.NL15))


def test_blocks_are_written_of_two_to_a_track() -> None:
    pieces = list(encode([b"\xc1" * 80] * 1000, BDW))
    assert [len(piece) <= 27_998 for piece in pieces] == [True] * 4
    long = b"\xc1" * 32_752
    assert read_records(framed([long], BDW), BDW) == [long]
    with pytest.raises(ValueError, match="allows 32752"):
        framed([long + b"\xc1"], BDW)


def test_detection_of_a_spanned_record_without_end_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records_module, "BLOCK_BYTES", 50_000)
    monkeypatch.setattr(records_module, "LONGEST_SPANNED", 100_000)
    segment = (30_004).to_bytes(2, "big") + b"%c\x00" + b"\xc1" * 30_000
    data = framed([e("HELO A")], RDW) + segment % 1 + (segment % 3) * 20 + segment % 2
    assert "no record format fits" in refusal(data)
    assert "spanned over more than" in refusal(data, framing="rdw")


def test_padding_of_netdata_longer_than_what_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = framed(deck(RDW), Framing(FramingKind.NETDATA))
    monkeypatch.setattr(records_module, "BLOCK_BYTES", 100)
    assert read_records(data + bytes(1000), Framing(FramingKind.NETDATA)) == deck(RDW)
    with pytest.raises(UnreadableData, match="they are no padding"):
        read_records(data + bytes(1000) + b"X", Framing(FramingKind.NETDATA))
