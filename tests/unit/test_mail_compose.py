"""Mails on the wire: mail-processing.md 6 and 9.4, RFC 5321 4.5.2."""

from __future__ import annotations

import pytest

from cssmtp.codepage.transcode import source_text
from cssmtp.mail import compose
from cssmtp.mail.compose import Composer, WireFormat
from cssmtp.model import DeckMail
from tests.decks import PAGE, body_text, mails, run

ADDED = b"Received: x\r\n"
START = "HELO mvsa\nMAIL FROM:<ops@example.org>\nRCPT TO:<x@example.net>\nDATA\n"


def mail(text: str) -> DeckMail:
    (found,) = mails(run(START + text + "\n."))
    return found


def wire(text: str, **options: object) -> str:
    composer = Composer(WireFormat("IBM-1047", "ISO8859-1", **options))  # type: ignore[arg-type]
    found = mail(text)
    whole = composer.small(found, ADDED)
    assert isinstance(found.body, bytes)
    for blocks in ([found.body], [found.body[:0], found.body], body_lines(found)):
        assert b"".join(composer.stream(found, ADDED, blocks)) == whole
    assert whole.startswith(ADDED)
    return whole.removeprefix(ADDED).decode("latin-1")


def body_lines(found: DeckMail) -> list[bytes]:
    """The body in blocks of one line."""
    assert isinstance(found.body, bytes)
    return [line + b"\x15" for line in found.body.split(b"\x15")[:-1]]


def test_a_whole_mail() -> None:
    assert wire("Subject: x\n\ntext\n..\nend") == "Subject: x\r\n\r\ntext\r\n..\r\nend\r\n.\r\n"


def test_6_a_missing_separator_is_added() -> None:
    assert wire("Subject: x\nfirst body line") == "Subject: x\r\n\r\nfirst body line\r\n.\r\n"
    assert wire("Subject: x") == "Subject: x\r\n\r\n.\r\n"
    assert wire("text only\n\nmore") == "\r\ntext only\r\n\r\nmore\r\n.\r\n"


def test_a_message_that_lacks_everything() -> None:
    (empty,) = mails(run(START))
    composer = Composer(WireFormat("IBM-1047", "ISO8859-1"))
    assert composer.small(empty, ADDED) == ADDED + b"\r\n.\r\n"
    assert b"".join(composer.stream(empty, ADDED, [])) == ADDED + b"\r\n.\r\n"


def test_the_period_at_the_very_first_byte_is_doubled() -> None:
    (found,) = mails(run(START + "..first\n."))
    assert Composer(WireFormat("IBM-1047", "ISO8859-1")).small(found, b"") == b"\r\n..first\r\n.\r\n"
    (found,) = mails(run(START + "..first: x\n."))
    assert Composer(WireFormat("IBM-1047", "ISO8859-1")).small(found, b"") == b"..first: x\r\n\r\n.\r\n"


def test_swg21512178_mime_parts_pass_unchanged() -> None:
    text = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nx\n--b--"
    assert wire(text) == text.replace("\n", "\r\n") + "\r\n.\r\n"


def test_headers_of_the_sample_job_pass_unchanged() -> None:
    text = "Date: Thur, 26 Mar 92 21:48:57 EST\nFrom: Carol< CAROL@MVS.EXAMPLE>\n\nx"
    assert wire(text) == text.replace("\n", "\r\n") + "\r\n.\r\n"


# 9.4: AtSign

AT_TEXT = "From: ops§example.org\nsubject: 5§ and\n more §\nTo: x§example.net\n\nnot § here"


def test_9_4_at_sign_is_replaced_in_the_header_only() -> None:
    assert wire(AT_TEXT, at_sign="§") == (
        "From: ops@example.org\r\nsubject: 5@ and\r\n more @\r\nTo: x@example.net\r\n\r\nnot § here\r\n.\r\n"
    )


def test_9_4_subject_and_its_folded_lines_can_be_left_alone() -> None:
    assert wire(AT_TEXT, at_sign="§", replace_subject_at_sign=False) == (
        "From: ops@example.org\r\nsubject: 5§ and\r\n more §\r\nTo: x@example.net\r\n\r\nnot § here\r\n.\r\n"
    )


def test_9_4_at_sign_without_a_separator_spares_the_body() -> None:
    assert wire("From: a§b\nnot § here", at_sign="§") == "From: a@b\r\n\r\nnot § here\r\n.\r\n"


def test_an_at_sign_that_the_page_lacks_replaces_nothing() -> None:
    composer = Composer(WireFormat("ASCII", "ISO8859-1", at_sign="§"))
    found = mail("Subject: what?")
    ascii_mail = DeckMail(1, found.envelope, b"Subject: what?\n\n", found.header, 0, 1, 2)
    assert b"what?\r\n" in composer.small(ascii_mail, ADDED)


def test_pi73909_the_charset_is_that_of_the_target() -> None:
    found = mail("Subject: ü\n\nß")
    for charset, encoding in (("ISO8859-1", "latin-1"), ("UTF-8", "utf-8"), ("IBM-850", "cp850")):
        composer = Composer(WireFormat("IBM-1047", charset))
        assert composer.small(found, b"") == "Subject: ü\r\n\r\nß\r\n.\r\n".encode(encoding)
        assert composer.counted == (0, 0, 0)
    composer = Composer(WireFormat("IBM-1047", "US-ASCII"))
    assert composer.small(found, b"") == b"Subject: ?\r\n\r\n?\r\n.\r\n"
    assert composer.counted == (2, 0, 0)


def test_text_is_the_message_without_the_final_period() -> None:
    composer = Composer(WireFormat("IBM-1047", "ISO8859-1"))
    found = mail("Subject: x\ntext")
    assert b"".join(composer.text(found, ADDED, body_lines(found))) + b".\r\n" == composer.small(found, ADDED)


# Mixed pages


class _MixedPage:
    """A mixed page as far as the composer looks: IBM-1047 between the shifts."""

    newline, blank, period, mixed = b"\x15", b"\x40", b"\x4b", True
    text = staticmethod(PAGE.text)
    encode = staticmethod(PAGE.encode)


class _DropsShifts:
    substitutions = 0

    def lines(self, text: bytes) -> bytes:
        plain = text.replace(b"\x0e", b"").replace(b"\x0f", b"")
        return PAGE.text(plain).encode("latin-1").replace(b"\n", b"\r\n")


@pytest.fixture
def mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "source_text", lambda page, conversion: _MixedPage())
    monkeypatch.setattr(compose, "transcoder", lambda page, charset, conversion: _DropsShifts())


@pytest.mark.usefixtures("mixed")
def test_a_period_that_vanishing_shifts_bring_to_the_front_does_not_end_the_mail() -> None:
    found = mail("\n..\n..x\n\x0e\x0f.\n\x0e\x0f..y\ntext")
    assert Composer(WireFormat("MIXED", "X")).small(found, b"") == b"\r\n..\r\n..x\r\n..\r\n...y\r\ntext\r\n.\r\n"


@pytest.mark.usefixtures("mixed")
def test_the_first_byte_of_a_mixed_page_is_stuffed_too() -> None:
    found = mail("\x0e\x0f.x: y\n")
    assert b"".join(Composer(WireFormat("MIXED", "X")).stream(found, b"", body_lines(found))).endswith(b"..x: y\r\n\r\n.\r\n")
    assert Composer(WireFormat("MIXED", "X")).small(mail("..x: y\n"), b"") == b"..x: y\r\n\r\n.\r\n"


@pytest.mark.usefixtures("mixed")
def test_at_sign_spares_double_byte_text() -> None:
    found = mail("From: a§b\x0e§§\x0f§\nSubject: \x0e§\nTo: §\n")
    wired = Composer(WireFormat("MIXED", "X", at_sign="§")).small(found, b"")
    assert wired == "From: a@b§§@\r\nSubject: §\r\nTo: @\r\n\r\n.\r\n".encode("latin-1")


def test_the_pages_at_hand() -> None:
    assert source_text("IBM-1047") is PAGE
    assert body_text(mail("x")) == "x\n"
