"""SMF records against smf119.md, byte by byte where it says where."""

import struct
from datetime import date, datetime
from pathlib import Path

import pytest

from cssmtp.observe.smf import SEGMENT_LIMIT, Damage, Found, decode, encode, frame, records
from cssmtp.observe.smf_fields import Damaged, Layout, from_ebcdic, unpacked_date
from cssmtp.observe.smf_format import Field, Format
from cssmtp.observe.smf_layouts import COMMON, HEADER, IDENTIFICATION, MAIL_IDENTIFICATION, SPOOL_IDENTIFICATION, Subtype
from cssmtp.observe.smf_mail import MailRecords
from cssmtp.observe.smf_packing import ebcdic, packed_date
from tests.smfkit import DELIVERED, ENDED, NOW, ORIGIN, RECORDS, STARTED, mail

GOLDEN = Path(__file__).parents[1] / "golden"
SUBTYPES = pytest.mark.parametrize("subtype", list(Subtype), ids=lambda subtype: subtype.name)


def hex_lines(data: bytes) -> str:
    """32 bytes a line, offset first."""
    rows = (f"{at:05X}  {data[at : at + 32].hex().upper()}" for at in range(0, len(data), 32))
    return "\n".join(rows) + "\n"


def offset_of(layout: Layout, name: str) -> int | None:
    return next(offset for offset, row in layout.offsets() if row.name == name)


@SUBTYPES
def test_the_record_is_the_golden_one(subtype: Subtype) -> None:
    golden = (GOLDEN / f"smf_{int(subtype)}.hex").read_text(encoding="ascii")
    assert hex_lines(encode(RECORDS[subtype])) == golden


@SUBTYPES
def test_a_record_comes_back_as_it_was(subtype: Subtype) -> None:
    assert decode(encode(RECORDS[subtype])) == RECORDS[subtype]


@SUBTYPES
def test_3_the_standard_header(subtype: Subtype) -> None:
    data = encode(RECORDS[subtype])
    length, segment, _, kind, time = struct.unpack_from(">HHBBI", data)
    assert (length, segment, kind) == (len(data), 0, 119)
    assert time == ((23 * 60 + 59) * 60 + 59) * 100 + 12
    assert data[10:14].hex() == "0126031f"
    assert from_ebcdic(data[14:18]) == "SYS1"
    assert int.from_bytes(data[22:24], "big") == subtype


@pytest.mark.parametrize(("subtype", "count"), [(48, 3), (49, 3), (50, 5), (51, 6), (52, 6)])
def test_4_the_self_defining_section(subtype: int, count: int) -> None:
    data = encode(RECORDS[Subtype(subtype)])
    assert struct.unpack_from(">HH", data, 24) == (count, 0)
    end = 28 + 8 * count
    assert struct.unpack_from(">IHH", data, 28) == (end, 64, 1)
    assert struct.unpack_from(">IHH", data, 36) == (end + 64, 36, 1)


def test_4_sections_that_nobody_knows_are_absent() -> None:
    data = encode(RECORDS[Subtype.SPOOL])
    assert data[52:76] == bytes(24)
    assert RECORDS[Subtype.MAIL].sections[3] == ()


def test_5_the_identification_section() -> None:
    data = encode(RECORDS[Subtype.SPOOL])[76 : 76 + 64]
    assert IDENTIFICATION.size == 64
    texts = [from_ebcdic(data[at : at + 8]) for at in range(0, 56, 8)]
    assert texts == ["SYS1PLEX", " " * 8, "TCPIPA  ", " " * 8, "CSSMTP  ", "CSSMTP  ", "CSSMTP  "]
    assert data[56:58] == b"\x40\x40"
    assert int.from_bytes(data[58:60], "big") == 70_000 % 65_536
    assert data[60:] == b"\x08\0\0\0"


def test_6_7_8_lengths_and_offsets_of_the_sections() -> None:
    assert (COMMON.size, SPOOL_IDENTIFICATION.size, MAIL_IDENTIFICATION.size, HEADER.size) == (36, 72, 60, 24)
    assert offset_of(COMMON, "SMF119ML_CI_Jes") == 32
    assert offset_of(SPOOL_IDENTIFICATION, "SMF119ML_SI_CRER") == 48
    assert offset_of(SPOOL_IDENTIFICATION, "SMF119ML_SI_Dsnm") == 68


def test_7_the_spool_identification_section() -> None:
    data = encode(RECORDS[Subtype.SPOOL])[76 + 64 + 36 :][:72]
    assert from_ebcdic(data[:8]) == "PAYRUN  "
    assert from_ebcdic(data[24:56]) == "JOB01234" + " " * 8 + "MVSA    " + "PAYUSER "
    assert struct.unpack(">4I", data[56:]) == (17, 1234, 0, 102)


def test_8_the_mail_identification_section_tells_when_the_mail_was_read() -> None:
    section = RECORDS[Subtype.MAIL].sections[2][0]
    assert section == {"SMF119ML_MI_STime": ((23 * 60 + 59) * 60 + 57) * 100 + 62}


def test_1_the_configuration_record_tells_of_test_mode_and_of_every_statement() -> None:
    record = RECORDS[Subtype.CONFIG]
    values = record.first("configuration")
    assert (values["test_mode"], values["cause"], values["targets"]) == (True, "REFRESH", 2)
    settings = {entry["name"]: entry["value"] for entry in record.own["settings"]}
    assert settings["Options.TestMode"] == "Yes"
    assert settings["TargetServer[1].TargetName"] == "mx.example.net"
    assert settings["TargetServer[2].Secure"] == "Yes"
    assert settings["Timeout.DataTerm"] == "600"


def test_1_the_connection_record_has_what_protected_it() -> None:
    values = RECORDS[Subtype.CONNECT].first("connection")
    assert (values["tls_protocol"], values["tls_cipher"]) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert (values["tls_bits"], values["tls_issuer"], values["tls_serial"]) == (256, "Example CA", "0A1B")
    assert (values["local"], values["local_port"], values["mails"], values["delivered"]) == ("192.0.2.100", 40_000, 12, 11)
    closed, opened = values["closed"], values["opened"]
    assert isinstance(closed, datetime)
    assert isinstance(opened, datetime)
    assert closed == NOW
    assert (closed - opened).total_seconds() == 61.5


def test_1_the_mail_record_has_the_outcome_of_each_recipient() -> None:
    record = RECORDS[Subtype.MAIL]
    values = record.first("mail")
    assert (values["result"], values["recipients"], values["delivered"], values["encrypted"]) == ("partly", 3, 1, True)
    assert [entry["verdict"] for entry in record.own["recipients"]] == ["delivered", "undeliverable", "undeliverable"]
    assert record.own["recipients"][2]["address"] == "<bad path"


def test_1_the_spool_record_and_the_statistics() -> None:
    values = RECORDS[Subtype.SPOOL].first("spool_file")
    assert (values["mails"], values["disposition"], values["begun"]) == (ENDED.counts.mails, "hold", STARTED)
    stats = RECORDS[Subtype.STATS].first("statistics")
    assert (stats["mails_sent"], stats["mails_partly"], stats["mails_undeliverable"]) == (1, 1, 1)
    assert (stats["recipients_delivered"], stats["recipients_failed"], stats["long_retry_peak"]) == (2, 2, 6)
    targets = RECORDS[Subtype.STATS].own["targets"]
    assert [(one["address"], one["mails"], one["failures"]) for one in targets] == [("192.0.2.1", 12, 0), ("192.0.2.2", 0, 1)]


# --- fields


@pytest.mark.parametrize(
    ("day", "packed"),
    [(date(2026, 1, 31), "0126031f"), (date(1999, 12, 31), "0099365f"), (date(2000, 2, 29), "0100060f"), (None, "0000000f")],
)
def test_packed_dates(day: date | None, packed: str) -> None:
    assert packed_date(day).hex() == packed
    assert unpacked_date(bytes.fromhex(packed)) == day


@pytest.mark.parametrize("packed", ["0126367f", "0126000f", "01260a1f", "01260311"])
def test_what_is_no_packed_date_is_damage(packed: str) -> None:
    with pytest.raises(Damaged):
        unpacked_date(bytes.fromhex(packed))


def test_text_is_ebcdic_and_what_is_not_latin_1_a_question_mark() -> None:
    assert ebcdic("A\u00fc\u20ac").hex() == "c1dc6f"
    assert from_ebcdic(b"\xc1\xdc\x6f") == "A\u00fc?"


def test_fields_hold_what_they_can() -> None:
    layout = Layout("x", (Field("n", 2, Format.BINARY, ""), Field("t", 4, Format.TEXT, ""), Field("v", 0, Format.VARTEXT, "")))
    written = layout.write({"n": 70_000, "t": "TOOLONG", "v": "x" * 5000})
    assert layout.read(written) == {"n": 65_535, "t": "TOOL", "v": "x" * 4096}
    assert layout.read(layout.write({"n": -1, "t": "", "v": ""})) == {"n": 0, "t": "", "v": ""}


def test_a_text_added_to_a_layout_later_is_empty_in_older_records() -> None:
    layout = Layout("x", (Field("n", 2, Format.BINARY, ""), Field("new", 0, Format.VARTEXT, "")))
    assert layout.read(b"\0\1") == {"n": 1, "new": ""}
    with pytest.raises(Damaged):
        layout.read(b"\0\1\0\5ab")


# --- files


def big() -> bytes:
    return MailRecords(ORIGIN).ended(mail(*[DELIVERED] * 2000), {}, NOW)


def test_a_long_record_is_spanned_and_comes_back() -> None:
    data = big()
    assert len(data) > 3 * SEGMENT_LIMIT
    framed = frame(data)
    at, codes = 0, []
    while at < len(framed):
        length = int.from_bytes(framed[at : at + 2], "big")
        assert length <= SEGMENT_LIMIT
        codes.append(framed[at + 2])
        at += length
    assert codes == [1, *[3] * (len(codes) - 2), 2]
    (found,) = records(framed)
    assert isinstance(found, Found)
    assert len(found.record.own["recipients"]) == 2000


def file_of(*subtypes: Subtype) -> bytes:
    return b"".join(frame(encode(RECORDS[subtype])) for subtype in subtypes)


def test_records_of_others_are_passed_over() -> None:
    other = bytes((0, 24, 0, 0, 0x40, 30)) + bytes(18)
    foreign = bytes((0, 24, 0, 0, 0x40, 119)) + bytes(16) + b"\0\5"
    found = list(records(other + file_of(Subtype.SPOOL) + foreign))
    assert [one.offset for one in found] == [24]


@pytest.mark.parametrize("cut", [1, 3, 10, 100])
def test_a_truncated_file_shows_what_is_whole_and_where_it_ends(cut: int) -> None:
    whole = file_of(Subtype.MAIL)
    data = whole + file_of(Subtype.SPOOL)[:cut]
    first, second = records(data)
    assert isinstance(first, Found)
    assert isinstance(second, Damage)
    assert second.offset == len(whole)
    assert "ends within" in second.reason


def test_damage_in_the_middle_hides_only_the_damaged_record() -> None:
    parts = [file_of(Subtype.MAIL), b"rubbish" * 9, file_of(Subtype.SPOOL), file_of(Subtype.CONNECT)]
    found = list(records(b"".join(parts)))
    assert [type(one).__name__ for one in found] == ["Found", "Damage", "Found", "Found"]
    assert found[1].offset == len(parts[0])
    assert [one.record.subtype for one in found if isinstance(one, Found)] == [50, 51, 49]


def test_a_record_that_lies_about_its_sections_is_damage_and_the_next_one_is_found() -> None:
    data = bytearray(file_of(Subtype.MAIL))
    data[28:32] = b"\x7f\xff\xff\xff"
    found = list(records(bytes(data) + file_of(Subtype.SPOOL)))
    assert isinstance(found[0], Damage)
    assert "reaches beyond the record" in found[0].reason
    assert [one.record.subtype for one in found if isinstance(one, Found)] == [51]


def test_a_spanned_record_without_its_end_is_damage() -> None:
    segments = frame(big())
    first = segments[:SEGMENT_LIMIT]
    found = list(records(first + file_of(Subtype.SPOOL)))
    assert isinstance(found[0], Damage)
    assert "no end" in found[0].reason
    assert isinstance(found[-1], Found)
    assert "no beginning" in str(next(records(segments[SEGMENT_LIMIT:])))


def test_a_record_without_our_area_is_read_as_far_as_it_is_known() -> None:
    record = RECORDS[Subtype.SPOOL]
    data = bytearray(encode(record)[: 76 + 64 + 36 + 72])
    data[0:2] = len(data).to_bytes(2, "big")
    read = decode(bytes(data))
    assert read is not None
    assert (read.version, read.own, read.sections) == (0, {}, record.sections)


def test_an_area_of_a_newer_version_and_an_unknown_kind_are_passed_over() -> None:
    data = bytearray(encode(RECORDS[Subtype.SPOOL]))
    at = 76 + 64 + 36 + 72
    data[at + 8 : at + 10] = b"\x7f\xff"
    read = decode(bytes(data))
    assert read is not None
    assert (read.version, read.own) == (1, {})
    data[at + 4 : at + 6] = b"\0\2"
    newer = decode(bytes(data))
    assert newer is not None
    assert (newer.version, newer.own) == (2, {})
