"""Where the writer's header ends and what it has: mail-processing.md 6 and 7, code-pages.md 8.1."""

from __future__ import annotations

import pytest

from cssmtp.bsmtp.headerscan import HEADER_LIMIT, scan
from cssmtp.model import HeaderFacts
from tests.decks import PAGE


def facts(text: str) -> HeaderFacts:
    return scan(PAGE.encode(text), PAGE)


@pytest.mark.parametrize(
    ("text", "lines", "separator"),
    [
        ("Subject: x\n\ntext\n", 1, True),
        ("Subject: x\nfirst body line\n", 1, False),
        ("Subject: x\n folded\n\tfolded too\n\ntext\n", 3, True),
        ("Subject: x\n", 1, False),
        ("\ntext\n", 0, True),
        ("\n", 0, True),
        ("text\n\nSubject: x\n", 0, False),
        (" folded with nothing before it\nSubject: x\n\n", 0, False),
        ("..hidden: x\n\n", 1, True),
        ("", 0, False),
        ("Subject : x\n\n", 1, True),
        (": x\n\n", 0, False),
        ("two words: x\n\n", 0, False),
        ("Date: Thur, 26 Mar 92 21:48:57 EST\nFrom: Carol< CAROL@MVS.EXAMPLE>\n\n", 2, True),
        ("http://example.org\n\n", 1, True),
    ],
)
def test_the_header_ends_at_the_first_empty_line_or_before_what_is_no_field(text: str, lines: int, separator: bool) -> None:
    found = facts(text)
    assert (found.lines, found.separator) == (lines, separator)


@pytest.mark.parametrize("field", ["Date: x", "DATE: x", "date : x", "Date:"])
def test_a_date_is_recognised_in_any_case(field: str) -> None:
    assert facts(f"Subject: x\n{field}\n\n").has_date
    assert facts(f"{field}\nSubject: x\n").has_date


@pytest.mark.parametrize("field", ["Resent-Date: x", "Dates: x", "X: y\n Date: folded", "X-Date: x"])
def test_what_is_no_date(field: str) -> None:
    assert not facts(f"{field}\n\nDate: in the body\n").has_date


def test_a_message_id_is_recognised() -> None:
    assert facts("message-ID: <a@b>\n\n").has_message_id
    assert not facts("Subject: x\n\nMessage-ID: <a@b>\n").has_message_id


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("Content-Type: text/plain; charset=Shift_JIS", "Shift_JIS"),
        ('CONTENT-TYPE: text/html;\n CHARSET="iso-8859-15"; x=y', "iso-8859-15"),
        ("Content-Type : text/plain", ""),
        ("Content-Type-X: text/plain; charset=x", ""),
        ("Subject: charset=x", ""),
    ],
)
def test_the_charset_label_of_content_type(field: str, label: str) -> None:
    assert facts(f"From: x\n{field}\nSubject: y\n\ncharset=body\n").mime_charset == label


def test_names_are_recognised_after_decoding_with_bytes_no_page_defines() -> None:
    text = PAGE.encode("Subject: ") + bytes(range(0x41, 0x100)) + PAGE.encode("\nDate: x\n\n")
    assert scan(text, PAGE).has_date


def test_an_endless_header_ends_at_the_limit() -> None:
    found = facts("X: " + "x" * 96 + "\n" + ("X: " + "x" * 96 + "\n") * 1000)
    assert found.lines == HEADER_LIMIT // 100
    assert not found.separator
