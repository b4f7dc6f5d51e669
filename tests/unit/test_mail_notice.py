"""Messages of our own: mail-processing.md 13.2, 13.3 and 14."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from cssmtp.config.model import Header
from cssmtp.mail.compose import Composer, WireFormat
from cssmtp.mail.headers import HeaderMaker, Origin
from cssmtp.mail.notice import REPORT_MARK, Failure, dead_letter_name, notice, report_mail
from cssmtp.model import Envelope
from tests.decks import mails, run

NOW = datetime(2026, 1, 31, 23, 59, 59, 123, timezone(timedelta(hours=-5)))
ORIGIN = Origin("PAYRUN", "JOB01234", 102, "PAYUSER", "mvsa", "example.org", "CSSMTP1", "CSSMTP")
GOLDEN = Path(__file__).parents[1] / "golden"
DECK = """
HELO mvs.example.net
MAIL FROM:<ops@example.org>
RCPT TO:<x@example.net>
DATA
Subject: night run
first body line
..
..dot line
.
"""


def test_golden_notice() -> None:
    (mail,) = mails(run(DECK))
    assert isinstance(mail.body, bytes)
    composer = Composer(WireFormat("IBM-1047", "ISO8859-1"))
    original = composer.text(mail, HeaderMaker(ORIGIN, Header()).make(mail, NOW), [mail.body])
    letter = notice(ORIGIN, Header(), 1, "ops@example.org", [Failure("<x@example.net>", "550 5.1.1 No such user")], NOW)
    assert letter.envelope == Envelope("mvsa.example.org", "", ("ops@example.org",))
    wire = b"".join(letter.wire(original))
    assert wire == (GOLDEN / "mail_notice.txt").read_bytes().replace(b"\n", b"\r\n")


def test_golden_report_mail() -> None:
    report = "CSSMTP error report\n\nRecord 7  Mail 1\n  501 5.5.4 JES Syntax error. Too many args after 'HELO' command\n.\n"
    letter = report_mail(ORIGIN, Header(), report, ("a@example.org", "b@example.org"), "boss@example.org", NOW)
    assert letter.envelope == Envelope("mvsa.example.org", "boss@example.org", ("a@example.org", "b@example.org"))
    assert b"".join(letter.wire()) == (GOLDEN / "mail_report.txt").read_bytes().replace(b"\n", b"\r\n")


def test_a_report_without_reportmailfrom_has_a_null_sender_and_a_from_of_ours() -> None:
    letter = report_mail(ORIGIN, Header(), "x\n", ("a@example.org",), "", NOW)
    assert letter.envelope.reverse_path == ""
    assert b"\r\nFrom: CSSMTP@mvsa.example.org\r\n" in letter.head


def test_the_addresses_of_four_administrators_are_folded() -> None:
    widths = set()
    for length in range(1, 50):
        addresses = tuple(f"{'a' * length}{number}@example.org" for number in range(4))
        head = report_mail(ORIGIN, Header(), "x\n", addresses, "", NOW).head.decode()
        field = head[head.index("To: ") : head.index("Subject: ")]
        assert field.replace("\r\n", "") == "To: " + ", ".join(addresses)
        widths.add(max(map(len, field.split("\r\n"))))
    assert max(widths) == 78


def test_user_info_no_keeps_job_and_user_out_of_the_notice() -> None:
    head = notice(ORIGIN, Header(user_info=False), 3, "ops@example.org", [Failure("<x@y>", "why")], NOW).head
    for word in (b"PAYRUN", b"JOB01234", b"PAYUSER"):
        assert word not in head
    assert b"\r\nMail: 3\r\n" in head


def test_a_notice_has_a_date_even_with_header_date_no() -> None:
    assert b"\r\nDate: " in notice(ORIGIN, Header(date=False), 3, "a@b", [], NOW).head


@pytest.mark.parametrize("evil", ["x\r\n.\r\nQUIT", "x\n\nBcc: y", "\x85", "ä", ".", "a" * 5000, "\0"])
def test_texts_of_decks_and_servers_stay_on_their_line(evil: str) -> None:
    for head in (
        notice(replace(ORIGIN, jobname=evil, owner=evil), Header(), 1, "a@b", [Failure(evil, evil)], NOW).head,
        report_mail(replace(ORIGIN, jobname=evil), Header(), evil, ("a@b",), "", NOW).head,
    ):
        lines = head.split(b"\r\n")
        assert all(re.fullmatch(rb"[ -~]{0,998}", line) for line in lines)
        assert b"." not in lines
        assert not any(line.startswith((b"QUIT", b"Bcc")) for line in lines[: lines.index(b"")])


def test_13_3_the_literal_dead_letter_name() -> None:
    now = datetime(2008, 9, 30, 16, 4, 54, 541437, tzinfo=UTC)
    assert dead_letter_name("TESTMAIL", "SYS00006", now, 1) == "TESTMAIL.SYS00006.Sep302008.160454.541437.1U"
    assert dead_letter_name("TESTMAIL", "SYS00006", now, 1, REPORT_MARK).endswith(".1R")


@pytest.mark.parametrize("evil", ["../../etc", "", "\0", ".hidden", "a/b", "ß" * 100, "x" * 5000, "a\nb"])
def test_a_dead_letter_name_is_a_safe_file_name(evil: str) -> None:
    name = dead_letter_name(evil, evil, NOW, 7)
    assert re.fullmatch(r"[A-Z0-9$#@]+\.[A-Z0-9$#@]+\.[A-Za-z0-9.]+U", name)
    assert len(name) < 200
