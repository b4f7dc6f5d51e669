"""MIME labels and encoded header text (code-pages.md 8.2): what readers see, read with Python's own mail package."""

from __future__ import annotations

import email
import email.message
import email.policy
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cssmtp.bsmtp.headerscan import scan
from cssmtp.codepage.registry import lookup, names
from cssmtp.codepage.transcode import source_text
from cssmtp.config.model import MimeLabel
from cssmtp.mail.compose import Composer, Fit, WireFormat
from cssmtp.mail.labels import denotes
from cssmtp.model import DeckMail, Envelope

ENVELOPE = Envelope("mvsa", "a@b.example", ("c@d.example",))
JAPANESE = "Subject: 請求書のご案内\n\n毎度ありがとうございます。\n"


def deck_mail(text: str, page: str) -> DeckMail:
    source = source_text(page)
    body = b"".join(source.encode(line) + source.newline for line in text.split("\n")[:-1])
    return DeckMail(1, ENVELOPE, body, scan(body, source), len(body), 1, 2)


def wired(
    text: str,
    page: str,
    charset: str,
    *,
    label: MimeLabel = MimeLabel.YES,
    encode: bool = True,
    eight_bit: bool = True,
    too_long: bool = False,
    large: bool = False,
) -> bytes:
    composer = Composer(WireFormat(page, charset, label=label, encode_headers=encode))
    found = deck_mail(text, page)
    if not large:
        return composer.small(found, b"Received: x\r\n", eight_bit=eight_bit, too_long=too_long)
    assert isinstance(found.body, bytes)
    newline = source_text(page).newline

    def blocks() -> Iterator[bytes]:
        assert isinstance(found.body, bytes)
        yield from (line + newline for line in found.body.split(newline)[:-1])

    return b"".join(composer.stream(found, b"Received: x\r\n", blocks(), eight_bit=eight_bit, too_long=too_long))


def opened(wire: bytes) -> email.message.EmailMessage:
    """What a reader makes of it, after the server has taken the transparency away."""
    assert wire.endswith(b"\r\n.\r\n")
    text = wire.removesuffix(b".\r\n").replace(b"\r\n.", b"\r\n")
    return email.message_from_bytes(text, policy=email.policy.default)


def shown(wire: bytes) -> tuple[str, str]:
    mail = opened(wire)
    assert not mail.defects
    return str(mail["subject"]), mail.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize("eight_bit", [True, False])
@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize(
    ("page", "charset", "subject", "body"),
    [
        ("IBM-939", "IBM-5054", "請求書のご案内", "毎度ありがとうございます。"),
        ("IBM-930", "IBM-943", "請求書のご案内", "毎度ありがとうございます。"),
        ("IBM-939", "IBM-eucJP", "請求書のご案内", "毎度ありがとうございます。"),
        ("IBM-939", "UTF-8", "請求書のご案内", "毎度ありがとうございます。"),
        ("IBM-933", "IBM-970", "청구서 안내", "감사합니다."),
        ("IBM-933", "IBM-949", "청구서 안내", "감사합니다."),
        ("IBM-935", "IBM-1381", "发票通知", "谢谢。"),
        ("IBM-1388", "GB18030", "发票通知", "谢谢。"),
        ("IBM-937", "IBM-950", "發票通知", "謝謝。"),
        ("IBM-875", "ISO8859-7", "Τιμολόγιο", "Ευχαριστούμε πολύ."),
        ("IBM-1025", "windows-1251", "Счёт", "Спасибо."),
        ("IBM-1141", "ISO8859-15", "Rechnung über 5 €", "Grüße"),
        ("IBM-1141", "windows-1252", "Rechnung über 5 €", "Grüße"),
    ],
)
def test_8_2_labelled_mail_is_shown_rightly(
    page: str, charset: str, subject: str, body: str, *, eight_bit: bool, large: bool
) -> None:
    text = f"From: desk@example.test\nSubject: {subject}\n\n{body}\n.dot\n"
    wire = wired(text.replace("\n.dot", "\n..dot"), page, charset, eight_bit=eight_bit, large=large)
    assert shown(wire) == (subject, f"{body}\n.dot\n")
    mail = opened(wire)
    assert mail["mime-version"] == "1.0"
    assert mail.get_content_charset() == lookup(charset).label.lower()
    assert b"IBM" not in wire
    assert wire.partition(b"\r\n\r\n")[0].isascii()
    encoding = "7bit" if charset == "IBM-5054" else "8bit" if eight_bit else "base64"
    assert mail["content-transfer-encoding"] == encoding
    assert eight_bit or wire.isascii()


@pytest.mark.parametrize("page", ["IBM-1047", "UTF-8", "ASCII", "IBM-939"])
def test_8_2_pure_ascii_is_7bit(page: str) -> None:
    charset = "IBM-943" if page == "IBM-939" else "ISO8859-1"
    mail = opened(wired("Subject: x\n\nplain\n", page, charset, eight_bit=False))
    assert mail["content-transfer-encoding"] == "7bit"
    assert mail.get_content() == "plain\r\n"


def test_8_2_the_default_touches_nothing() -> None:
    wire = wired("Subject: ä\n\nä\n", "IBM-1047", "ISO8859-1", label=MimeLabel.NO, encode=False)
    assert wire == "Received: x\r\nSubject: ä\r\n\r\nä\r\n.\r\n".encode("latin-1")


def test_encoding_headers_adds_no_label() -> None:
    wire = wired("Subject: ä\n\nä\n", "IBM-1047", "ISO8859-1", label=MimeLabel.NO)
    assert wire == "Received: x\r\nSubject: =?ISO-8859-1?B?5A==?=\r\n\r\nä\r\n.\r\n".encode("latin-1")


def test_labelling_leaves_header_text_alone() -> None:
    wire = wired("Subject: ä\n\nä\n", "IBM-1047", "ISO8859-1", encode=False)
    assert "\r\nSubject: ä\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=ISO-8859-1\r\n".encode("latin-1") in wire


@pytest.mark.parametrize("label", [MimeLabel.YES, MimeLabel.FORCE])
@pytest.mark.parametrize("charset", ["IBM-948", "IBM-964"])
def test_a_charset_without_a_mime_name_cannot_be_labelled(charset: str, label: MimeLabel) -> None:
    found = deck_mail("Subject: 發票\n\n謝謝\n", "IBM-937")
    plain = Composer(WireFormat("IBM-937", charset))
    composer = Composer(WireFormat("IBM-937", charset, label=label, encode_headers=True))
    assert composer.small(found, b"") == plain.small(found, b"")
    assert not composer.labels


def test_no_label_is_an_ibm_name() -> None:
    charsets = {*names("charset"), *names("mbcharset")}
    assert not any(lookup(name).label.upper().startswith(("IBM", "CP", "X-")) for name in charsets)
    assert sum(not lookup(name).label for name in charsets) == 5  # 437, 850, 858, 948, 964


@pytest.mark.parametrize(
    ("header", "label"),
    [
        ("Content-Type: text/plain; charset=utf-8\n", MimeLabel.YES),
        ("MIME-Version: 1.0\n", MimeLabel.YES),
        ("Content-Transfer-Encoding: 8bit\n", MimeLabel.YES),
        ("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n", MimeLabel.FORCE),
        ("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: Quoted-Printable\n", MimeLabel.FORCE),
        ("Content-Type: multipart/mixed; boundary=b\n", MimeLabel.FORCE),
        ("Content-Type: application/pdf\n", MimeLabel.FORCE),
    ],
)
def test_a_writers_mime_header_stays(header: str, label: MimeLabel) -> None:
    text = f"Subject: x\n{header}\nä\n"
    plain = wired(text, "IBM-1047", "ISO8859-1", label=MimeLabel.NO, encode=False)
    assert wired(text, "IBM-1047", "ISO8859-1", label=label) == plain


@pytest.mark.parametrize(
    "given",
    [
        "text/plain; charset=utf-8",
        'text/plain; format=flowed; charset="utf-8"',
        "text/plain;\n charset=utf-8",
        "text/plain; CHARSET = UTF-8 ; format=flowed",
        "text/plain",
        "text/plain;",
        "TEXT/html; charset=iso-8859-2",
    ],
)
def test_force_corrects_a_wrong_label_and_nothing_else(given: str) -> None:
    text = f"From: a@b.example\nContent-Type: {given}\nContent-Transfer-Encoding: 7bit\nSubject: x\n\nä ö\n"
    mail = opened(wired(text, "IBM-1047", "ISO8859-1", label=MimeLabel.FORCE))
    assert mail.get_content() == "ä ö\r\n"
    assert mail.get_content_type() == given.partition(";")[0].lower()
    assert ("format=flowed" in given) == (mail["content-type"].params.get("format") == "flowed")
    assert mail["content-transfer-encoding"] == "8bit"
    assert [len(mail.get_all(name)) for name in ("mime-version", "content-type", "content-transfer-encoding")] == [1, 1, 1]


def test_force_leaves_a_right_label_as_written() -> None:
    text = 'Content-Type: text/plain; charset="Latin-1"; x=y\n\nä\n'
    assert b'Content-Type: text/plain; charset="Latin-1"; x=y\r\n' in wired(text, "IBM-1047", "ISO8859-1", label=MimeLabel.FORCE)


@pytest.mark.parametrize(
    ("label", "charset", "right"),
    [
        ("iso-8859-1", "ISO8859-1", True),
        ("windows-1252", "ISO8859-1", True),
        ("iso-8859-1", "IBM-1252", False),
        ("utf-8", "ISO8859-1", False),
        ("utf8", "UTF-8", True),
        ("windows-31j", "IBM-943", True),
        ("Shift_JIS", "IBM-932", True),
        ("ISO-2022-JP", "IBM-5052", True),
        ("euc-kr", "IBM-949", True),
        ("gb18030", "IBM-1381", True),
        ("gb2312", "IBM-5488", False),
        ("no such", "UTF-8", False),
        ("big5", "IBM-948", False),
        ("utf-8", "US-ASCII", True),
    ],
)
def test_when_a_label_denotes_a_charset(label: str, charset: str, right: bool) -> None:
    assert denotes(label, lookup(charset)) == right


def test_base64_lines_have_76_columns_and_large_mails_the_same_ones() -> None:
    text = "Subject: x\n\n" + "ä" * 700 + "\n..\n" + "ö" * 33 + "\n"
    small = wired(text, "IBM-1047", "UTF-8", eight_bit=False)
    body = small.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n.\r\n").split(b"\r\n")
    assert {len(line) for line in body[:-1]} == {76}
    assert len(body[-1]) <= 76
    assert wired(text, "IBM-1047", "UTF-8", eight_bit=False, large=True) == small
    assert shown(small)[1] == "ä" * 700 + "\n.\n" + "ö" * 33 + "\n"


def test_a_mail_without_header_or_body_gets_a_label_too() -> None:
    for text in ("\nä\n", "ä\n", "Subject: x\n", "Subject: x\n\n", "\n"):
        mail = opened(wired(text, "IBM-1047", "ISO8859-1"))
        assert mail.get_content_charset() == "iso-8859-1"
        assert mail.get_content() == ("ä\r\n" if "ä" in text else "")


@pytest.mark.parametrize("large", [True, False])
def test_an_address_is_never_encoded(large: bool) -> None:
    text = "From: 山田 太郎 <taro@example.test>\nTo: <hanako@example.test> (花子)\nSubject: x\n\nx\n"
    wire = wired(text, "IBM-939", "IBM-5054", large=large)
    mail = opened(wire)
    assert b"<taro@example.test>" in wire
    assert b"To: <hanako@example.test> (=?ISO-2022-JP?B?" in wire
    assert mail["from"].addresses[0].display_name == "山田 太郎"
    assert mail["from"].addresses[0].addr_spec == "taro@example.test"


def test_encoded_header_text_counts_what_it_loses() -> None:
    composer = Composer(WireFormat("IBM-1140", "ISO8859-1", label=MimeLabel.YES, encode_headers=True))
    wire = composer.small(deck_mail("Subject: für 5 €\n\n1 €\n", "IBM-1140"), b"")
    assert composer.counted == (2, 0, 0)
    assert shown(wire) == ("für 5 ?", "1 ?\n")


def test_a_broken_subject_is_mended_counted_and_encoded() -> None:
    source = source_text("IBM-939")
    subject = source.encode("Subject: ") + b"\x0e\x45\xc6\x45"  # open, and half a pair at the end
    body = subject + b"\x15\x15" + source.encode("x") + b"\x15"
    composer = Composer(WireFormat("IBM-939", "UTF-8", label=MimeLabel.YES, encode_headers=True))
    wire = composer.small(DeckMail(1, ENVELOPE, body, scan(body, source), 9, 1, 2), b"")
    assert composer.counted == (1, 1, 1)
    assert shown(wire)[0] == source.text(b"\x0e\x45\xc6\x0f") + "?"


def test_the_at_sign_is_replaced_before_header_text_is_encoded() -> None:
    wire = WireFormat("IBM-1047", "ISO8859-1", at_sign="§", replace_subject_at_sign=False)
    made = Composer(replace(wire, label=MimeLabel.YES, encode_headers=True)).small(
        deck_mail("From: ä <a§b.example>\nSubject: § 3 ü\n\n§\n", "IBM-1047"), b""
    )
    mail = opened(made)
    assert mail["from"].addresses[0].addr_spec == "a@b.example"
    assert (mail["subject"], mail.get_content()) == ("§ 3 ü", "§\r\n")


# --- the length of a line, after conversion


@pytest.mark.parametrize(
    ("text", "charset", "fits", "labelled"),
    [
        ("Subject: x\n\n" + "ä" * 499 + "\n", "UTF-8", Fit.WHOLE, Fit.WHOLE),
        ("Subject: x\n\n" + "ä" * 500 + "\n", "UTF-8", Fit.NEVER, Fit.BASE64),
        ("Subject: x\n\n" + "ä" * 500 + "\n", "ISO8859-1", Fit.WHOLE, Fit.WHOLE),
        ("Subject: x\n\n" + "ä" * 250 + "\n", "GB18030", Fit.NEVER, Fit.BASE64),
        ("X-Long: " + "ä" * 500 + "\n\nx\n", "UTF-8", Fit.NEVER, Fit.WHOLE),
        ("Received: " + "ä" * 500 + "\n\nx\n", "UTF-8", Fit.NEVER, Fit.NEVER),
        ("Content-Type: text/plain\n\n" + "ä" * 500 + "\n", "UTF-8", Fit.NEVER, Fit.NEVER),
        ("Subject: x\n\n.." + "ä" * 498 + "a\n", "UTF-8", Fit.WHOLE, Fit.WHOLE),
    ],
)
def test_rfc_5321_4_5_3_1_6_lines_are_measured_after_conversion(text: str, charset: str, fits: Fit, labelled: Fit) -> None:
    found = deck_mail(text, "IBM-1047")
    assert isinstance(found.body, bytes)
    wire = WireFormat("IBM-1047", charset)
    assert Composer(wire).fit(found, lambda: (found.body,)) is fits
    assert Composer(replace(wire, label=MimeLabel.YES, encode_headers=True)).fit(found, lambda: (found.body,)) is labelled


def test_a_long_line_goes_as_base64_even_to_a_server_with_8bitmime() -> None:
    wire = wired("Subject: x\n\n" + "ä" * 900 + "\n", "IBM-1047", "UTF-8", too_long=True)
    assert max(map(len, wire.split(b"\r\n"))) <= 76
    assert shown(wire)[1] == "ä" * 900 + "\n"
