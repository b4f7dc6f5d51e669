"""What holds for any bytes and any pair of page and charset (issue "Every code page, exactly", last section)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.codepage import registry
from cssmtp.codepage.fixed import canonical_lines
from cssmtp.codepage.sources import SourceText
from cssmtp.codepage.transcode import Conversion, Transcoder, source_text, transcoder

SOURCES = [*registry.names("translate"), "ASCII", "UTF-8"]
CHARSETS = sorted({*registry.names("charset"), *registry.names("mbcharset")})
USUAL = ["IBM-1047", "IBM-1140", "IBM-875", "IBM-939", "IBM-930", "IBM-1399", "IBM-1388", "IBM-933", "IBM-937", "ASCII", "UTF-8"]

pages = st.sampled_from(USUAL) | st.sampled_from(SOURCES)
charsets = st.sampled_from(["ISO8859-1", "IBM-943", "IBM-5054", "IBM-5052", "UTF-8", "GB18030"]) | st.sampled_from(CHARSETS)
conversions = st.builds(
    Conversion,
    newline=st.sampled_from(["zos", "cdra"]),
    euro=st.sampled_from(["sub", "A4"]),
    unmappable=st.sampled_from(["?", "ibm"]),
)
shifty = st.lists(
    st.binary(max_size=8)
    | st.sampled_from([b"\x0e", b"\x0f", b"\x15", b"\n", b"\x0e\x44\x81\x0f", b"\x0e\x45\x66\x44\x81", b"\x0e\x44\x0f", b"\x40"])
).map(b"".join)


def counters(own: Transcoder) -> tuple[int, int, int, int]:
    return own.substitutions, own.controls, own.unbalanced_shifts, own.odd_bytes


@settings(max_examples=120, deadline=None)
@given(pages, charsets, conversions, shifty)
def test_no_control_and_no_bare_line_end_leaves(page: str, charset: str, conversion: Conversion, data: bytes) -> None:
    allowed = {0x09, 0x1B} if registry.lookup(charset).kind == "ISO2022" else {0x09}
    own = transcoder(page, charset, conversion)
    assert not [byte for byte in own.record(data) if byte < 0x20 and byte not in allowed]
    wire = own.lines(data)
    newlines = data.count(source_text(page).newline)
    assert wire.count(b"\r\n") == wire.count(b"\r") == wire.count(b"\n") == newlines
    assert not [byte for byte in wire.replace(b"\r\n", b"") if byte < 0x20 and byte not in allowed]


@settings(max_examples=120, deadline=None)
@given(pages, charsets, conversions, shifty)
def test_lines_equal_the_join_of_records(page: str, charset: str, conversion: Conversion, data: bytes) -> None:
    newline = source_text(page).newline
    block, single = transcoder(page, charset, conversion), transcoder(page, charset, conversion)
    text = data + newline
    assert block.lines(text) == b"".join(single.record(line) + b"\r\n" for line in text.split(newline)[:-1])
    assert counters(block) == counters(single)


@settings(max_examples=120, deadline=None)
@given(pages, conversions, shifty, st.text(max_size=40))
def test_text_and_encode_take_anything(page: str, conversion: Conversion, data: bytes, text: str) -> None:
    source = source_text(page, conversion)
    lines = source.text(data).split("\n")
    assert len(lines) > data.count(source.newline)
    written = source.encode(text)
    assert written.count(source.newline) >= text.count("\n")


def encodable(source: SourceText, text: str) -> str:
    """The characters of a text that the page has, without controls."""
    return "".join(
        character for character in text if character.isprintable() and source.text(source.encode(character)) == character
    )


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(SOURCES), st.text(max_size=30) | st.text(alphabet="Aa9 €äжΩא日本語ｱ한글繁簡", max_size=30))
def test_what_a_page_can_write_reaches_utf8(page: str, text: str) -> None:
    source = source_text(page)
    text = encodable(source, text)
    own = transcoder(page, "UTF-8")
    assert own.record(source.encode(text)).decode() == text
    assert counters(own) == (0, 0, 0, 0)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["IBM-939", "IBM-930", "IBM-933", "IBM-1388", "IBM-937"]),
    st.sampled_from(["IBM-5054", "UTF-8", "IBM-943"]),
    st.data(),
)
def test_a_record_splits_and_joins_without_changing_the_text(page: str, charset: str, data: st.DataObject) -> None:
    source = source_text(page)
    text = encodable(source, data.draw(st.text(alphabet="Aa9 日本語テ한글繁簡", max_size=30)))
    cut = data.draw(st.integers(min_value=0, max_value=len(text)))
    halves = source.encode(text[:cut]) + source.newline + source.encode(text[cut:]) + source.newline
    wire = transcoder(page, charset).lines(halves)
    codec = {"IBM-5054": "iso2022_jp", "UTF-8": "utf-8", "IBM-943": "cp932"}[charset]
    whole = transcoder(page, charset).record(source.encode(text))
    assert wire.decode(codec).replace("\r\n", "") == whole.decode(codec)


@settings(max_examples=120, deadline=None)
@given(
    st.integers(min_value=1, max_value=9), st.lists(st.sampled_from(b"\x40\x20\x15\x30\x31\x09\x0a\x0d\xc1\x00\x35"), max_size=60)
)
def test_fixed_records_lose_their_trailing_blanks_and_nothing_else(length: int, data: list[int]) -> None:
    block = bytes(data[: len(data) // length * length])
    records = [block[at : at + length] for at in range(0, len(block), length)]
    assert canonical_lines(block, length) == b"".join(record.rstrip(b"\x40") + b"\x15" for record in records)
