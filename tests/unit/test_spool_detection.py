"""Detection of the framing (jes-spool.md 12), in its order, and declared framings (11)."""

from __future__ import annotations

import io

import pytest

from cssmtp.errors import UnreadableData
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.detection import encoding_of
from cssmtp.spool.framing import Framing, FramingKind, detect, encode
from tests.spoolkit import ALL_FRAMINGS, deck, framed, name_of


def found(data: bytes, **attributes: object) -> Framing:
    return detect(io.BytesIO(data), len(data), Attributes(**attributes))  # type: ignore[arg-type]


def refusal(data: bytes, **attributes: object) -> str:
    with pytest.raises(UnreadableData) as caught:
        found(data, **attributes)
    return str(caught.value)


def e(text: str) -> bytes:
    return text.encode("cp037")


def cards(*texts: str, width: int = 80) -> bytes:
    return b"".join(e(text).ljust(width, b"\x40") for text in texts)


DECK = ("HELO MVSA", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "text", ".")


@pytest.mark.parametrize("framing", ALL_FRAMINGS, ids=name_of)
def test_the_framing_of_a_deck_is_found(framing: Framing) -> None:
    assert found(framed(deck(framing), framing)) == framing


@pytest.mark.parametrize("framing", ALL_FRAMINGS, ids=name_of)
def test_the_framing_of_a_deck_larger_than_the_head_is_found(framing: Framing) -> None:
    assert found(framed(deck(framing) * 3000, framing)) == framing


@pytest.mark.parametrize("framing", ALL_FRAMINGS, ids=name_of)
def test_a_declared_framing_is_obeyed(framing: Framing) -> None:
    data = framed(deck(framing), framing)
    encoding = "IBM-1047" if framing.encoding == "ebcdic" else framing.encoding
    assert found(data, framing=framing.kind.value, lrecl=framing.lrecl, encoding=encoding) == framing
    assert found(data, framing=framing.kind.value, lrecl=framing.lrecl) == framing


# 1. NETDATA is in test_spool_netdata


# 2. ASCII and UTF-8


def test_text_is_lf_or_crlf_by_its_first_line_end() -> None:
    assert found(b"HELO a\nMAIL\r\n").kind is FramingKind.LF
    assert found(b"HELO a\r\nMAIL\n").kind is FramingKind.CRLF


def test_text_with_letters_beyond_ascii_is_utf_8_when_it_is_valid() -> None:
    assert found("HELO a\nSubject: Grüße\n".encode()).encoding == "utf-8"
    assert found("HELO a\nГрүсс гргргргргргр\n".encode()).encoding == "utf-8"
    assert found(b"HELO a\nMAIL FROM:<aaaaaa@bbbbbbbbb>\nSubject: Gr\xfc\n").encoding == "ascii"


def test_a_short_text_needs_no_line_end() -> None:
    assert found(b"HELO a") == Framing(FramingKind.LF, 0, "ascii")


def test_text_needs_a_line_end_in_the_first_2_kb() -> None:
    assert "no record format fits" in refusal(b"a b " * 600 + b"\n")


def test_bytes_of_which_too_few_are_printable_are_no_text() -> None:
    assert "no record format fits" in refusal(b"HELO a\n" + b"\x01" * 30)
    assert "no record format fits" in refusal(b"HELO a\n\x00")


def test_a_utf_8_letter_may_lie_across_two_blocks() -> None:
    data = b"HELO a\n" + "ä".encode() * 200_000
    assert found(data).encoding == "utf-8"
    assert found(b"HELO ab\n" + "ä".encode() * 200_000).encoding == "utf-8"


# 3. Lengths


def test_a_length_walk_must_land_on_the_end_of_the_file() -> None:
    data = framed([e(line) for line in DECK], Framing(FramingKind.RDW))
    assert found(data).kind is FramingKind.RDW
    assert "no record format fits" in refusal(data[:-1])
    assert "no record format fits" in refusal(data + b"\x00")


def test_spanned_records_are_found() -> None:
    data = b"\x00\x06\x01\x00" + e("HE") + b"\x00\x06\x02\x00" + e("LO")
    assert found(data).kind is FramingKind.RDW


def test_records_of_ascii_text_with_lengths_are_ascii() -> None:
    assert found(framed([b"", b"HELO mvsa"], Framing(FramingKind.RDW))).encoding == "ascii"
    assert found(framed([b"", b"from me to you"], Framing(FramingKind.LEN4))).encoding == "ascii"


# 4. EBCDIC text


@pytest.mark.parametrize(("newline", "kind"), [(b"\x15", FramingKind.NL15), (b"\x25", FramingKind.LF25)])
@pytest.mark.parametrize("before", [b"", b"\x0d"])
def test_both_newline_bytes_of_the_field_are_found(newline: bytes, kind: FramingKind, before: bytes) -> None:
    assert found(b"".join(e(line) + before + newline for line in DECK)).kind is kind


def test_the_byte_that_ends_more_lines_wins_when_both_occur() -> None:
    assert found(e("HELO A") + b"\x25" + e("MAIL") + b"\x15" + e("X") + b"\x25").kind is FramingKind.LF25


def test_lines_must_be_at_most_1024_bytes_everywhere() -> None:
    start = e("HELO A") + b"\x15"
    assert found(start + b"\xc1" * 1024 + b"\x15" + b"\xc2").kind is FramingKind.NL15
    assert "no record format fits" in refusal(start + b"\xc1" * 1025 + b"\x15" + b"\xc2\xc2")
    far = (b"\xc1" * 99 + b"\x15") * 3000
    assert found(start + far + b"\xc1" * 1024).kind is FramingKind.NL15
    assert "no record format fits" in refusal(start + far + b"\xc1" * 1030)


def test_a_newline_in_column_80_of_fixed_records_is_no_delimiter() -> None:
    data = cards("HELO MVSA", "MAIL FROM:<a@b>")[:-1] + b"\x15" + cards("RCPT", "DATA")
    assert found(data) == Framing(FramingKind.FIXED, 80)


def test_lines_of_79_bytes_each_with_newline_are_text() -> None:
    data = b"".join(e(line).ljust(79, b"\x4b") + b"\x15" for line in DECK)
    assert found(data).kind is FramingKind.NL15


def test_a_newline_inside_a_fixed_record_is_no_delimiter() -> None:
    assert found(cards("HELO MVSA", "MAIL FROM:<a@b>", "one\x85two")) == Framing(FramingKind.FIXED, 80)


def test_bytes_with_many_controls_are_no_ebcdic_text() -> None:
    assert "no record format fits" in refusal((b"\x01\x02\xc1\xc2" * 20 + b"\x15") * 3)


# 5. Fixed


@pytest.mark.parametrize("width", [80, 133, 121, 132, 137, 160, 200, 255, 256])
def test_usual_record_lengths_are_found_by_their_commands(width: int) -> None:
    assert found(cards(*DECK, "QUIT", width=width)) == Framing(FramingKind.FIXED, width)


def test_a_length_that_also_divides_by_80_is_told_by_where_commands_stand() -> None:
    assert found(cards(*(DECK * 40), width=160)[: 160 * 80]) == Framing(FramingKind.FIXED, 160)
    assert found(cards(*(DECK * 40), width=133)[: 133 * 80]) == Framing(FramingKind.FIXED, 133)


def test_only_80_is_accepted_without_commands() -> None:
    assert found(cards("MY TEXT", "IS HERE")) == Framing(FramingKind.FIXED, 80)
    assert "not a multiple of 80 bytes" in refusal(cards("MY TEXT", "IS HERE", width=133))


def test_a_known_lrecl_comes_first() -> None:
    assert found(cards("MY TEXT", "IS HERE", width=120), lrecl=120) == Framing(FramingKind.FIXED, 120)
    assert found(cards("MY TEXT", "IS HERE"), lrecl=120) == Framing(FramingKind.FIXED, 80)


@pytest.mark.parametrize("recfm", ["FBA", "FBM"])
def test_recfm_with_a_or_m_says_that_a_control_byte_leads(recfm: str) -> None:
    control = b"\x40" if recfm == "FBA" else b"\x09"
    data = b"".join(control + e(line).ljust(120, b"\x40") for line in DECK)
    assert found(data, recfm=recfm) == Framing(FramingKind.FIXED, 121, "ebcdic", True, machine=recfm == "FBM")


def test_ascii_cards_without_line_ends_are_fixed() -> None:
    assert found(b"HELO a".ljust(80) + b"QUIT".ljust(80)) == Framing(FramingKind.FIXED, 80, "ascii")


# 6. Nothing fits, nothing there


def test_what_fits_nothing_is_refused_with_size_and_first_bytes() -> None:
    assert "the 7 bytes, which begin with X'FFFEFDFCFBFAF9'" in refusal(b"\xff\xfe\xfd\xfc\xfb\xfa\xf9")


def test_an_empty_file_fits_anything() -> None:
    assert found(b"").kind is FramingKind.FIXED
    assert found(b"", framing="nl15").kind is FramingKind.NL15
    assert found(b"", framing="crlf", encoding="utf-8") == Framing(FramingKind.CRLF, 0, "utf-8")


@pytest.mark.parametrize("size", [1, 79, 80, 100, 800, 5000, 70_001])
def test_a_file_of_only_blanks_is_read(size: int) -> None:
    assert found(b"\x40" * size).encoding == "ebcdic"
    assert "no record format fits" in refusal(b"\x40" * 70_000 + b"\xc1")


@pytest.mark.parametrize(
    ("sample", "encoding"),
    [
        (b"\xc8\xc5\xd3\xd6", "ebcdic"),
        (b"\x85\x88\x93\x96", "ebcdic"),
        (b"\xc8\x85\x93\x96", "ebcdic"),
        (b"HELO", "ascii"),
        (b"ehlo", "ascii"),
        (b"  Helo", "ascii"),
        (b"\x40\x40 ", "ebcdic"),
        (b"  \x40", "ascii"),
    ],
)
def test_ebcdic_or_ascii_is_told_by_the_greeting_else_by_blanks(sample: bytes, encoding: str) -> None:
    assert encoding_of(sample) == encoding


# What is declared is checked


def test_a_declared_lrecl_that_does_not_divide_the_size_is_a_contradiction() -> None:
    assert refusal(bytes(165), framing="fixed", lrecl=80) == "record 3 at byte 160 has 5 of 80 bytes: size and lrecl do not agree"


def test_fixed_without_lrecl_is_found_or_refused() -> None:
    assert found(cards("TEXT"), framing="fixed").lrecl == 80
    assert "declared without lrecl" in refusal(bytes(81), framing="fixed")


def test_fixed_contradicts_a_variable_recfm() -> None:
    assert "contradicts recfm VB" in refusal(bytes(80), framing="fixed", recfm="VB", lrecl=80)


@pytest.mark.parametrize(("recfm", "limit"), [("VB", 76), ("FB", 80), ("", 80)])
def test_a_record_longer_than_lrecl_is_a_contradiction(recfm: str, limit: int) -> None:
    good = framed([b"\xc1", b"\xc2" * limit], Framing(FramingKind.RDW))
    bad = framed([b"\xc1", b"\xc2" * (limit + 1)], Framing(FramingKind.RDW))
    assert found(good, framing="rdw", recfm=recfm, lrecl=80).kind is FramingKind.RDW
    message = refusal(bad, framing="rdw", recfm=recfm, lrecl=80)
    assert message == f"record 2 at byte 5 has {limit + 1} bytes, lrecl 80 allows {limit}"


def test_declared_lengths_that_are_none_are_a_contradiction() -> None:
    assert "record 1 at byte 0: X'C8C5D3D6' is no RDW" in refusal(e("HELO MVSA"), framing="rdw")


def test_a_declared_text_without_line_ends_is_a_contradiction() -> None:
    assert "there is no X'15' in the first 4000 bytes" in refusal(b"\xc1" * 4000, framing="nl15")


@pytest.mark.parametrize(("framing", "encoding"), [("nl15", "utf-8"), ("lf25", "ascii"), ("lf", "IBM-1047"), ("crlf", "IBM-037")])
def test_framing_and_encoding_may_contradict_each_other(framing: str, encoding: str) -> None:
    assert "contradict each other" in refusal(b"x", framing=framing, encoding=encoding)


def test_a_lying_encoding_is_told_with_the_byte() -> None:
    assert refusal(b"HELO \xfc\n", encoding="ascii") == "encoding ascii is declared, but byte 5 is X'FC'"
    assert "no UTF-8 near byte 5" in refusal(b"HELO \xfc\n", encoding="utf-8")
    assert "but the data at byte 0 is ASCII" in refusal(b"HELO a\n", framing="nl15", encoding="IBM-1047")
    assert "but the data at byte 0 is EBCDIC" in refusal(e("HELO a"), framing="lf")
    records = framed([b"HELO a", b"\xfc"], Framing(FramingKind.RDW))
    assert refusal(records, framing="rdw", encoding="ascii") == "encoding ascii is declared, but byte 14 is X'FC'"


def test_a_declared_ebcdic_page_rules_ascii_text_out() -> None:
    assert found(b"\x40" * 40 + b"\x15\x0a\x40\x15", encoding="IBM-1047").kind is FramingKind.NL15
    assert found(b"HE\n", encoding="ascii").kind is FramingKind.LF


def test_a_large_file_of_zeros_is_not_followed_record_by_record() -> None:
    assert found(bytes(64 * 1024 - 4)).kind is FramingKind.LEN4
    assert "no record format fits" in refusal(bytes(64 * 1024 + 4))


@pytest.mark.parametrize(
    ("framing", "where"),
    [
        (Framing(FramingKind.RDW), "As rdw: record 4 at byte 252 is cut off by the end of the file after 80 bytes"),
        (Framing(FramingKind.BDW), "As bdw: the block at byte 0 is cut off by the end of the file at byte 336"),
        (Framing(FramingKind.LEN4), "As len4: record 4 at byte 252 is cut off by the end of the file after 80 bytes"),
        (Framing(FramingKind.LEN2), "As len2: record 4 at byte 246 is cut off by the end of the file after 78 bytes"),
        (Framing(FramingKind.FIXED, 80), "As fixed, 80 bytes each: record 4 at byte 240 has 76 bytes"),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Framing) else "",
)
def test_a_deck_that_is_cut_off_is_told_where(framing: Framing, where: str) -> None:
    data = b"".join(encode([each.encode("cp037").ljust(80, b"\x40") for each in (*DECK[:3], "QUIT")], framing))
    assert refusal(data[:-4]).endswith(f"in the sidecar. {where}")


def test_lengths_that_lie_in_the_middle_of_a_deck_are_told_with_their_place() -> None:
    data = b"".join(encode([each.encode("cp037").ljust(80, b"\x40") for each in DECK * 41], Framing(FramingKind.RDW)))
    broken = data[: 84 * 50 + 2] + b"\x07" + data[84 * 50 + 3 :]
    assert refusal(broken).endswith(f". As rdw: record 51 at byte {84 * 50}: X'00540700' is no RDW that can stand there")
