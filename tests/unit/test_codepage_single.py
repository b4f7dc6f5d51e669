"""Single-byte conversion: the rules of code-pages.md 2 and 10."""

from __future__ import annotations

import pytest

from cssmtp.codepage import registry, transcode
from cssmtp.codepage.targets import TableTarget
from cssmtp.codepage.transcode import Conversion, source_text, transcoder

HOST_SINGLE = [name for name in registry.names("translate") if registry.lookup(name).kind == "SBCS"]
CHARSETS = [name for name in registry.names("charset") if name != "UTF-8"]


@pytest.mark.parametrize("page", HOST_SINGLE)
def test_no_control_leaves_and_lines_are_kept_for_every_pair(page: str) -> None:
    every_byte = bytes(range(256))
    for charset in CHARSETS:
        record = transcoder(page, charset).record(every_byte)
        assert len(record) == 256
        assert not [byte for byte in record if byte < 0x20 and byte != 9]
        wire = transcoder(page, charset).lines(every_byte * 2)
        assert wire.count(b"\r\n") == wire.count(b"\r") == wire.count(b"\n") == 2


def test_lines_equal_the_join_of_records() -> None:
    lines = [b"\xc1\x25\xc2", b"", b"\x40\x9f\x0d", b"\x3f\xff"]
    block, single = transcoder("IBM-1140", "ISO8859-1"), transcoder("IBM-1140", "ISO8859-1")
    assert block.lines(b"".join(line + b"\x15" for line in lines)) == b"".join(single.record(line) + b"\r\n" for line in lines)
    assert (block.substitutions, block.controls) == (single.substitutions, single.controls) == (1, 4)


@pytest.mark.parametrize("charset", [*registry.names("charset"), *registry.names("mbcharset")])
def test_nothing_but_a_period_becomes_a_period(charset: str) -> None:
    assert transcoder("UTF-8", charset).lines("．\n".encode()) != b".\r\n"
    target = transcode.target_of(charset, Conversion())
    if isinstance(target, TableTarget):
        assert [text for text, data in target.encoder.items() if data.startswith(b".")] == ["."]


@pytest.mark.parametrize("page", registry.names("translate"))
def test_one_byte_is_the_period(page: str) -> None:
    source = source_text(page)
    assert [byte for byte in range(256) if source.text(bytes([byte])) == "."] == [source.period[0]]
    assert [byte for byte in range(256) if source.text(bytes([byte])) == " "] == [source.blank[0]]


def test_a_line_break_within_a_record_is_a_blank() -> None:
    own = transcoder("IBM-1047", "ISO8859-1")
    assert own.record(b"\xc1\x15\xc2\x25\xc3\x0d\xc4\x0d\x15") == b"A B C D  "
    assert own.controls == 5


def test_substitution_is_counted_as_lost_text() -> None:
    own = transcoder("IBM-875", "ISO8859-1")
    assert own.record("Αθήνα".encode("cp875")) == b"?????"
    assert own.substitutions == 5
    assert transcoder("IBM-875", "ISO8859-7").record("Αθήνα".encode("cp875")) == "Αθήνα".encode("iso8859-7")


@pytest.mark.parametrize(("euro", "byte"), [("sub", b"?"), ("A4", b"\xa4")])
def test_the_euro_option(euro: str, byte: bytes) -> None:
    own = transcoder("IBM-1142", "ISO8859-1", Conversion(euro=euro))  # type: ignore[arg-type]  # parametrised literal
    assert own.record(b"\x5a") == byte
    assert transcoder("IBM-1142", "ISO8859-15", Conversion(euro="A4")).record(b"\x5a") == b"\xa4"
    assert transcoder("IBM-1142", "windows-1252").record(b"\x5a") == b"\x80"


def test_ibm_substitution_of_the_pc_family_is_7f_and_of_iso_a_question_mark() -> None:
    assert transcoder("IBM-875", "IBM-850", Conversion(unmappable="ibm")).record(b"\x71") == b"\x7f"
    assert transcoder("IBM-875", "ISO8859-1", Conversion(unmappable="ibm")).record(b"\x71") == b"?"


def test_newline_convention_of_zos_and_cdra() -> None:
    assert source_text("IBM-1047").text(b"\xc1\x15\x25") == "A\n\x85"
    assert source_text("IBM-1047", Conversion(newline="cdra")).text(b"\xc1\x15\x25") == "A\n\n"
    assert source_text("IBM-1047").encode("A\n") == b"\xc1\x15"


def test_text_never_raises_and_marks_undefined_bytes() -> None:
    text = source_text("IBM-424").text(bytes(range(256)))
    assert len(text) == 256
    assert "\ufffd" in text
    assert source_text("IBM-424").encode("α") == b"\x3f"


def test_ascii_and_utf8_are_sources() -> None:
    utf8 = source_text("utf-8")
    assert (utf8.newline, utf8.blank, utf8.period, utf8.mixed) == (b"\n", b" ", b".", False)
    assert utf8.text(b"a\xff") == "a\ufffd"
    own = transcoder("UTF-8", "ISO8859-15")
    assert own.lines("a\xff\n€ α\n".encode() + b"\xff\n") == b"a\xff\r\n\xa4 ?\r\n?\r\n"
    assert own.substitutions == 2
    ascii_source = transcoder("ASCII", "UTF-8")
    assert ascii_source.lines(b"plain\ttext\x07\n\xe4\n") == b"plain\ttext \r\n?\r\n"
    assert (ascii_source.controls, ascii_source.substitutions) == (1, 1)
    assert transcoder("ASCII", "ISO8859-1").lines(b"x\r\n") == b"x \r\n"


def test_single_byte_page_to_utf8() -> None:
    own = transcoder("IBM-1140", "UTF-8")
    assert own.lines(b"\x9f\x15\xc1\x00\x15") == "€\r\nA \r\n".encode()
    assert own.controls == 1


LOSSLESS = {
    "ISO8859-1": (37, 273, 277, 278, 280, 282, 284, 285, 297, 500, 871, 1047, 274, 275),
    "windows-1252": (37, 273, 500, 871, 1047, *range(1140, 1150), 924, 1122, 1157, 28709),
    "ISO8859-15": (924,),
    "windows-1250": (870, 1153),
    "windows-1251": (880, 1025, 1123, 1154, 1158),
    "ISO8859-7": (875, 4971),
    "windows-1254": (1026, 1155),
    "windows-1257": (1112, 1156),
    "ISO8859-8": (424, 803),
    "IBM-874": (838,),
    "windows-1258": (1130, 1164),
}


@pytest.mark.parametrize(("charset", "page"), [(charset, page) for charset, pages in LOSSLESS.items() for page in pages])
def test_the_charsets_that_the_documentation_recommends_lose_nothing(charset: str, page: int) -> None:
    source = source_text(str(page))
    known = bytes(byte for byte in range(256) if source.text(bytes([byte])) != "\ufffd")
    own = transcoder(str(page), charset)
    own.record(known)
    assert own.substitutions == 0


@pytest.mark.parametrize("page", HOST_SINGLE)
def test_utf8_loses_nothing_with_any_page(page: str) -> None:
    source = source_text(page)
    known = bytes(byte for byte in range(0x40, 256) if source.text(bytes([byte])) != "\ufffd")
    own = transcoder(page, "UTF-8")
    assert own.record(known).decode() == "".join(" " if "\x7f" <= each < "\xa0" else each for each in source.text(known))
    assert own.substitutions == 0
