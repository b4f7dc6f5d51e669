"""RFC 2047 words: limits hold for any text, and what is decoded is what went in."""

from __future__ import annotations

import re
from email.header import decode_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cssmtp.mail.encodedword import LINE_LIMIT, WORD_LIMIT, Charset, encode_field, encoded_words

CHARSETS = [
    Charset("UTF-8", lambda text: text.encode(), True),
    Charset("ISO-8859-15", lambda text: text.encode("iso8859-15", "replace"), False),
    Charset("ISO-2022-JP", lambda text: text.encode("iso2022_jp", "replace"), True),
    Charset("Shift_JIS", lambda text: text.encode("shift_jis", "replace"), True),
]
PLAIN, LATIN9, JIS, SJIS = CHARSETS
WORD = re.compile(r"=\?[^?]+\?[BQ]\?[^?]*\?=")

LATIN = st.text(st.sampled_from('abc XYZ019,.;:()<>"@=?_\\ äöüßÄÖÜ€éèçñ'), max_size=200)
JAPANESE = st.text(st.sampled_from("abc 12 =?_日本語給与明細書東京〜ーアイウ"), max_size=200)


def decoded(value: str) -> str:
    """What a reader sees: unfolded, blanks between encoded words dropped."""
    return "".join(part if isinstance(part, str) else part.decode(name or "ascii") for part, name in decode_header(value))


def unfolded(lines: list[str], name: str) -> str:
    return "".join(lines).removeprefix(f"{name}:")


@pytest.mark.parametrize("charset", CHARSETS, ids=lambda charset: charset.name)
@given(text=st.one_of(LATIN, JAPANESE))
def test_words_are_short_whole_and_decode_to_what_went_in(charset: Charset, text: str) -> None:
    text = charset.encode(text).decode(charset.name)
    words = encoded_words(text, charset)
    for word in words:
        assert len(word) <= WORD_LIMIT
        assert WORD.fullmatch(word)
        assert decode_header(word)[0][1] == charset.name.lower()
    assert decoded(" ".join(words)) == text


@given(text=LATIN)
def test_unstructured_text_survives(text: str) -> None:
    value = " " + text.replace("=?", "= ?")
    lines = encode_field("Subject", value, LATIN9)
    assert all(line.isascii() for line in lines)
    assert all(len(line) <= LINE_LIMIT for line in lines if WORD.search(line))
    if not value.isascii():
        assert decoded(unfolded(lines, "Subject")).lstrip(" ") == value.lstrip(" ")


@given(text=JAPANESE)
def test_a_word_of_iso_2022_jp_begins_and_ends_in_ascii(text: str) -> None:
    for line in encode_field("Subject", " " + text.replace("=?", "= ?"), JIS):
        for word in WORD.findall(line):
            data, _ = decode_header(word)[0]
            assert isinstance(data, bytes)
            assert data.count(b"\x1b$B") == data.count(b"\x1b(B")


@given(name=LATIN, address=st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.example", fullmatch=True))
def test_addresses_are_never_encoded(name: str, address: str) -> None:
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    lines = encode_field("From", f" {quoted} <{address}>, {address}", LATIN9)
    text = unfolded(lines, "From")
    assert text.isascii()
    assert text.count(f"<{address}>") == 1
    assert text.endswith(f", {address}")
    if not name.isascii() and "=?" not in name:
        assert decoded(text.partition(" <")[0]).strip(" ") == name.strip(" ")


@given(
    value=st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=300), name=st.sampled_from(["To", "Subject", "Cc"])
)
def test_any_text_gives_lines_and_no_exception(value: str, name: str) -> None:
    lines = encode_field(name, " " + value, PLAIN)
    assert lines
    assert all("\n" not in line and "\r" not in line for line in lines)


def test_ascii_words_stay_readable() -> None:
    assert encode_field("Subject", " RE: Rechnung für November", LATIN9) == [
        "Subject: RE: Rechnung =?ISO-8859-15?Q?f=FCr?= November"
    ]


def test_neighbouring_words_are_one_run() -> None:
    assert encode_field("Subject", " größere Löhne", LATIN9) == ["Subject: =?ISO-8859-15?Q?gr=F6=DFere_L=F6hne?="]


def test_a_display_name_in_quotes_becomes_a_word_and_a_comment_too() -> None:
    assert encode_field("From", ' "Müller, Jörg" <jm@example.org> (Büro)', LATIN9) == [
        "From: =?ISO-8859-15?Q?M=FCller=2C_J=F6rg?= <jm@example.org>",
        " (=?ISO-8859-15?Q?B=FCro?=)",
    ]


def test_an_address_that_is_not_ascii_stays_as_written() -> None:
    assert encode_field("To", " jörg@example.org", LATIN9) == ["To: jörg@example.org"]


def test_structured_fields_stay_as_written() -> None:
    assert encode_field("Content-Type", ' text/plain; name="Löhne"', LATIN9) == ['Content-Type: text/plain; name="Löhne"']


def test_a_blank_next_to_an_encoded_word_of_the_writer_is_kept() -> None:
    value = " =?UTF-8?Q?=C3=A4?= öl =?UTF-8?Q?=C3=BC?="
    assert decoded(unfolded(encode_field("Subject", value, PLAIN), "Subject")).strip() == "ä öl ü"
