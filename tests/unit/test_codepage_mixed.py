"""Mixed pages: shifts, repairs, targets (code-pages.md 2.5, 3, 5.4)."""

from __future__ import annotations

import pytest

from cssmtp.codepage import registry, tables
from cssmtp.codepage.iso2022 import kanji
from cssmtp.codepage.shifts import parts
from cssmtp.codepage.transcode import Conversion, source_text, transcoder

HOST_MIXED = [name for name in registry.names("translate") if registry.lookup(name).kind == "MBCS"]
TARGETS = registry.names("mbcharset")


@pytest.mark.parametrize(
    ("record", "text", "unbalanced", "odd"),
    [
        (b"\x0e\x44\x81\x0f", "あ", 0, 0),
        (b"\x0e\x44\x81", "あ", 1, 0),
        (b"\x0e\x44\x81\x44\x0f", "あ\ufffd", 0, 1),
        (b"\xc1\x0f\xc2", "AB", 1, 0),
        (b"\x0e\x44\x81\x0e\x44\x81\x0f", "ああ", 1, 0),
        (b"\xc1\x0e\x0f\xc2", "AB", 0, 0),
        (b"\x0e\x40\x40\x0f", "\u3000", 0, 0),
        (b"\x0e\x44\x81\x25\x44\x81\x0f", "あ\x85あ", 0, 0),
        (b"\x0e\x44\x0d\x44\x81\x0f", "\ufffd\rあ", 0, 1),
        (b"\x0e\x44\x81\x40\x40\x40\x40", "あ\u3000\u3000", 1, 0),
        (b"\x0e\x44\x81\x40\x40\x40", "あ\u3000\ufffd", 1, 1),
        (b"\x0e\x69\x41\x0f", "\ue000", 0, 0),
        (b"\x0e\xfe\xfe\x0f", "\ufffd", 0, 0),
        (b"", "", 0, 0),
        (b"\x0e\x0e\x0f\x0f", "", 2, 0),
        (b"\x0e\x44\x0f\xc1\x0e\x44\x0f", "\ufffdA\ufffd", 0, 2),
        (b"\x0e\x44\x81\x44\x0f\x0e\x0f\x0e\x44\x0f", "あ\ufffd\ufffd", 0, 2),
    ],
)
def test_the_shift_table(record: bytes, text: str, unbalanced: int, odd: int) -> None:
    assert source_text("IBM-939").text(record) == text
    assert parts(record)[1:] == (unbalanced, odd)
    own = transcoder("IBM-939", "UTF-8", Conversion(unmappable="ibm"))
    assert own.record(record).decode() == text.replace("\x85", " ").replace("\r", " ")
    assert (own.unbalanced_shifts, own.odd_bytes) == (unbalanced, odd)


def test_every_line_starts_single_byte() -> None:
    own = transcoder("IBM-939", "IBM-943")
    assert own.lines(b"\x0e\x44\x81\x15\xc1\x15\x0e\x44\x81\x0f\x15") == "あ\r\nA\r\nあ\r\n".encode("cp932")
    assert own.unbalanced_shifts == 1


def test_a_newline_within_a_record_is_a_blank() -> None:
    own = transcoder("IBM-939", "IBM-943")
    assert own.record(b"\xc1\x15\xc2") == b"A B"
    assert own.record(b"\x0e\x44\x81\x15\x44\x81\x0f") == "あ あ".encode("cp932")
    assert own.controls == 2


@pytest.mark.parametrize("page", HOST_MIXED)
def test_blocks_equal_records_for_every_target(page: str) -> None:
    source = source_text(page)
    pairs = [text for text in tables.double(registry.lookup(page).double) if text != tables.UNDEFINED][::607]
    lines = [source.encode("Ab" + "".join(pairs[at : at + 5]) + "z9") for at in range(0, len(pairs), 5)]
    for charset in TARGETS:
        block, single = transcoder(page, charset), transcoder(page, charset)
        assert block.lines(b"".join(line + b"\x15" for line in lines)) == b"".join(
            single.record(line) + b"\r\n" for line in lines
        )
        assert block.substitutions == single.substitutions


@pytest.mark.parametrize("page", HOST_MIXED)
def test_the_quick_way_equals_the_definition_for_every_pair_of_bytes(page: str) -> None:
    lines = [b"".join(b"\x0e%c%c\x0f" % (high, low) for low in range(0x40, 0xFF)) for high in range(0x40, 0xFF, 11)]
    for charset in ("IBM-943", "IBM-5054", "IBM-5488", "IBM-970", "IBM-950"):
        own, definition = transcoder(page, charset), transcoder(page, charset)
        for line in lines:
            assert own.record(line) == definition._mended(line)  # type: ignore[attr-defined]  # MixedTranscoder's own
        assert own.substitutions == definition.substitutions


@pytest.mark.parametrize("page", HOST_MIXED)
def test_text_of_ours_comes_back(page: str) -> None:
    source = source_text(page)
    text = "Report 1\n" + "".join(source.text(b"\x0e%c%c\x0f" % (high, 0x81)) for high in range(0x44, 0x60)) + "\nEnd"
    text = text.replace("\ufffd", "")
    assert source.text(source.encode(text)) == text
    assert source.mixed
    assert source.encode("\U0010ffff") == b"\x3f"


def test_small_letters_of_930_stand_elsewhere() -> None:
    assert source_text("IBM-930").text(b"\x62\x63\x64") == "abc"
    assert source_text("IBM-930").text(b"\x81") == "ｱ"
    assert source_text("IBM-939").text(b"\x81") == "a"


def test_iso_2022_jp_forms() -> None:
    record = source_text("IBM-939").encode("a日本b唖語")
    wire = {name: transcoder("IBM-939", name).record(record) for name in ("IBM-5052", "IBM-5053", "IBM-5054", "IBM-5055")}
    assert wire["IBM-5054"].decode("iso2022_jp") == "a日本b唖語"
    assert wire["IBM-5054"] == b"a\x1b$BF|K\\\x1b(Bb\x1b$B0\x228l\x1b(B"
    assert wire["IBM-5052"] == wire["IBM-5054"].replace(b"\x1b(Bb", b"\x1b(Jb")
    assert wire["IBM-5055"] == wire["IBM-5054"].replace(b"\x1b$B", b"\x1b$@")
    assert wire["IBM-5053"] == wire["IBM-5052"].replace(b"\x1b$B", b"\x1b$@")


def test_52_codes_trade_places_between_1978_and_1983() -> None:
    differing = [character for character, data in kanji(False).items() if kanji(True)[character] != data]
    assert len(differing) == 52
    assert (kanji(False)["鯵"], kanji(True)["鯵"]) == (b"\x30\x33", b"\x72\x4d")


def test_every_jis_x_0208_character_of_939_can_be_written() -> None:
    known = [text for text in tables.double("JAPAN") if text != tables.UNDEFINED and not "\ue000" <= text <= "\uf8ff"]
    assert sum(text in kanji(False) for text in known) == 6879
    bridged = {"\u2014": "\u2015", "\uffe0": "\xa2", "\uffe1": "\xa3", "\uffe2": "\xac"}
    for text in filter(kanji(False).__contains__, known):
        assert b"\x1b$B" + kanji(False)[text] + b"\x1b(B" == bridged.get(text, text).encode("iso2022_jp")


def test_half_width_becomes_full_width_in_iso_2022_jp() -> None:
    own = transcoder("IBM-930", "IBM-5054")
    assert own.record(source_text("IBM-930").encode("ｱｲｳﾞ｡¥")).decode("iso2022_jp") == "アイウ゛。￥"
    assert own.substitutions == 0
    roman = transcoder("IBM-930", "IBM-5052").record(source_text("IBM-930").encode("¥\\日¥1\\"))
    assert roman == b"\x1b(J\\\x1b(B\\\x1b$BF|\x1b(J\\1\x1b(B\\"


@pytest.mark.parametrize("charset", ["IBM-5052", "IBM-5053", "IBM-5054", "IBM-5055"])
def test_user_defined_characters_are_lost_in_iso_2022_jp(charset: str) -> None:
    own = transcoder("IBM-939", charset)
    assert own.lines(b"\x0e\x69\x41\x45\x62\x0f\x15").startswith(b"?")
    assert own.substitutions == 1


def test_neighbouring_runs_share_one_escape() -> None:
    own = transcoder("IBM-939", "IBM-5054")
    assert own.lines(b"\x0e\x44\x81\x0f\x0e\x44\x81\x0f\x0e\x0f\xc1\x15") == b'\x1b$B$"$"\x1b(BA\r\n'


def test_ibm_substitution_characters_are_of_either_width() -> None:
    ibm = Conversion(unmappable="ibm")
    record = source_text("IBM-1388").encode("\u4e02")
    assert transcoder("IBM-1388", "IBM-943", ibm).record(record) == b"\xfc\xfc"
    assert transcoder("IBM-1388", "IBM-943").record(record) == b"?"
    assert transcoder("UTF-8", "IBM-943", ibm).record("\xe4".encode()) == b"\x7f"
    assert transcoder("UTF-8", "IBM-970", ibm).record("\xf1".encode()) == b"?"


@pytest.mark.parametrize(
    ("page", "charset", "codec", "text"),
    [
        ("IBM-939", "IBM-943", "cp932", "日本語テキスト abc"),
        ("IBM-930", "IBM-eucJP", "euc_jp", "日本語ﾃｷｽﾄ abc"),
        ("IBM-933", "IBM-970", "euc_kr", "한국어 본문 abc"),
        ("IBM-933", "IBM-949", "cp949", "한국어 본문 abc"),
        ("IBM-1364", "IBM-1363", "cp949", "똠방각하 펲시콜라"),
        ("IBM-937", "IBM-950", "big5", "繁體中文 abc"),
        ("IBM-935", "IBM-1381", "gb2312", "简体中文 abc"),
        ("IBM-1388", "GB18030", "gb18030", "简体中文 丂 abc"),
        ("IBM-1399", "UTF-8", "utf-8", "日本語 𠀋 ～〜"),
    ],
)
def test_the_pairs_of_the_mbcs_statement(page: str, charset: str, codec: str, text: str) -> None:
    own = transcoder(page, charset)
    source = source_text(page)
    record = source.encode(text)
    assert own.record(record) == source.text(record).encode(codec)
    assert own.substitutions == 0


def test_codes_of_two_characters() -> None:
    table = tables.double("JAPAN-2004")
    code = table.index("か\u309a").to_bytes(2, "big")
    assert transcoder("IBM-1399", "UTF-8").record(b"\x0e" + code + b"\x0f") == "か\u309a".encode()
    lossy = transcoder("IBM-1399", "IBM-943")
    assert lossy.record(b"\x0e" + code + b"\x0f") == "か?".encode("cp932")
    assert lossy.substitutions == 1
    assert sum(len(text) > 1 for text in table) == 25
