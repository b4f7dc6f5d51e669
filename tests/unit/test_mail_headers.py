"""The header that is added: mail-processing.md 7."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from cssmtp.config.model import Header
from cssmtp.mail.headers import HeaderMaker, Origin, added_header, date_text
from cssmtp.model import DeckMail, Envelope, HeaderFacts

NOW = datetime(2026, 1, 31, 23, 59, 59, 123, timezone(timedelta(hours=-5)))
ORIGIN = Origin(
    jobname="PAYRUN",
    jobid="JOB01234",
    dsid=102,
    owner="PAYUSER",
    host_name="mvsa",
    domain="example.org",
    writer="CSSMTP1",
    cssmtp_job="CSSMTP",
)
BARE = HeaderFacts(lines=1, separator=True, has_date=False, has_message_id=False)
MAIL = DeckMail(3, Envelope("mvs.example.net", "ops@example.org", ("x@example.net",)), b"", BARE, 0, 1, 2)


def header(mail: DeckMail = MAIL, origin: Origin = ORIGIN, header: Header | None = None, now: datetime = NOW) -> str:
    return added_header(origin, mail, header or Header(), now).decode("ascii")


def test_received_date_and_message_id_in_this_order() -> None:
    assert header() == (
        "Received: from mvs.example.net by mvsa.example.org (CSSMTP CSSMTP1)\r\n"
        " with BSMTP id PAYRUN.JOB01234.102.3\r\n"
        " for PAYUSER;\r\n"
        " Sat, 31 Jan 2026 23:59:59 -0500\r\n"
        "Date: Sat, 31 Jan 2026 23:59:59 -0500\r\n"
        "Message-ID: <PAYRUN.JOB01234.20260131.235959.000123.102.3@mvsa.example.org>\r\n"
    )


def test_received_is_always_added_and_the_writers_own_date_and_message_id_are_kept() -> None:
    text = header(replace(MAIL, header=replace(BARE, has_date=True, has_message_id=True)))
    assert text.startswith("Received: ")
    assert "\r\nDate:" not in text
    assert "Message-ID" not in text


def test_header_date_no_adds_no_date() -> None:
    assert "\r\nDate:" not in header(header=Header(date=False))


def test_node_2920959_user_info_no_removes_job_data_from_message_id_for_and_id() -> None:
    text = header(origin=replace(ORIGIN, notify="NOTIFY1"), header=Header(user_info=False))
    assert " with BSMTP id 102.3\r\n for CSSMTP;\r\n" in text
    assert "Message-ID: <20260131.235959.000123.102.3@mvsa.example.org>\r\n" in text
    for word in ("PAYRUN", "JOB01234", "PAYUSER", "NOTIFY1"):
        assert word not in text


def test_the_notify_user_stands_after_the_owner() -> None:
    assert " for PAYUSER,NOTIFY1;\r\n" in header(origin=replace(ORIGIN, notify="NOTIFY1"))


def test_ph45473_the_unique_part_stands_left_of_the_at_sign() -> None:
    (line,) = [line for line in header().split("\r\n") if line.startswith("Message-ID")]
    assert line.count("@") == 1
    assert line.endswith("@mvsa.example.org>")


def test_every_mail_has_its_own_message_id() -> None:
    maker = HeaderMaker(ORIGIN, Header())
    assert maker.make(MAIL, NOW) != maker.make(replace(MAIL, number=4), NOW)
    assert maker.make(MAIL, NOW) != maker.make(MAIL, NOW.replace(microsecond=124))
    later = maker.make(MAIL, NOW + timedelta(seconds=1))
    assert b"Sun, 01 Feb 2026 00:00:00 -0500" in later
    assert b".20260201.000000.000123." in later


def test_the_date_has_a_numeric_zone_and_utc_without_one() -> None:
    assert date_text(datetime(2026, 7, 4, 5, 6, 7, tzinfo=UTC)) == "Sat, 04 Jul 2026 05:06:07 +0000"
    assert date_text(datetime(2026, 7, 4, 5, 6, 7)) == "Sat, 04 Jul 2026 05:06:07 +0000"
    india = timezone(timedelta(hours=5, minutes=30))
    assert date_text(datetime(2026, 7, 4, 5, 6, 7, tzinfo=india)).endswith(" +0530")


@pytest.mark.parametrize(
    ("host_name", "domain", "host"),
    [
        ("mvsa", "example.org", "mvsa.example.org"),
        ("mvsa.example.org", "example.org", "mvsa.example.org"),
        ("mvsa", "", "mvsa"),
        ("", "example.org", "example.org"),
        ("", "", "localhost"),
    ],
)
def test_our_own_name(host_name: str, domain: str, host: str) -> None:
    assert replace(ORIGIN, host_name=host_name, domain=domain).host == host


@pytest.mark.parametrize("evil", ["x\r\nBcc: victim@example.org", "a\nb", "a b;c", "ä(ö)", "x\x85y", "\0", "<a@b>"])
def test_nothing_from_a_job_or_deck_can_add_a_header_line(evil: str) -> None:
    origin = Origin(evil, evil, 1, evil, evil, evil, evil, evil, evil)
    mail = replace(MAIL, envelope=replace(MAIL.envelope, hello=evil))
    for setting in (Header(), Header(user_info=False)):
        names = [line.split(":")[0] for line in header(mail, origin, setting).split("\r\n") if line[:1] not in (" ", "")]
        assert names == ["Received", "Date", "Message-ID"]


def test_long_names_are_folded_and_never_reach_998() -> None:
    long = "a" * 300
    mail = replace(MAIL, envelope=replace(MAIL.envelope, hello=long))
    lines = header(mail, Origin(long, long, 1, long, long, long, long, long, long)).split("\r\n")
    assert lines[0] == "Received: from " + "a" * 255
    assert max(map(len, lines)) < 998
    medium = header(replace(MAIL, envelope=replace(MAIL.envelope, hello="b" * 50))).split("\r\n")
    assert medium[0] == "Received: from " + "b" * 50
    assert max(map(len, medium)) <= 78
    assert "\r\nMessage-ID:\r\n <" in header(origin=replace(ORIGIN, domain="example" * 4))


def test_lines_are_folded_exactly_when_they_would_pass_78() -> None:
    greetings = [replace(MAIL, envelope=replace(MAIL.envelope, hello="a" * length)) for length in range(60)]
    assert max(len(header(mail).split("\r\n")[0]) for mail in greetings) == 78
    domains = [header(origin=replace(ORIGIN, domain="a" * length)).split("\r\n") for length in range(30)]
    assert max(len(line) for lines in domains for line in lines if line.startswith("Message-ID: ")) == 78


def test_a_mail_without_hello_name_says_so() -> None:
    assert header(replace(MAIL, envelope=replace(MAIL.envelope, hello=""))).startswith("Received: from unknown by ")
