"""The loader of the samples and its comparisons: they must let the right thing pass and find each kind of difference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.samples import (
    SHARED_CONFIGURATION,
    ExpectedError,
    ExpectedMail,
    Sample,
    configuration_text,
    drop,
    load_all,
    matches,
    result_differences,
    same_error,
)

MAIL = ExpectedMail(
    number=3,
    verdict="deliverable",
    hello="MVSA",
    tls=False,
    mail_from="ops@example.org",
    recipients=("x@example.net",),
    bad_recipients=(),
    generated=("Received", "Date", "Message-ID"),
    eml=(b"Subject: x", b"", b".gr\xfc\xdfe", b""),
    id="PAYRUN.JOB01234.102.3",
)
RECEIVED = (
    b"Received: from MVSA by gw.example.org (CSSMTP CSSMTP1)\r\n with BSMTP id PAYRUN.JOB01234.102.3\r\n"
    b" for PAYUSER,OPER1;\r\n Sat, 31 Jan 2026 23:59:59 -0500\r\n"
)
DATE = b"Date: Sat, 31 Jan 2026 23:59:59 -0500\r\n"
MESSAGE_ID = b"Message-ID: <PAYRUN.JOB01234.20260131.235959.000123.102.3@gw.example.org>\r\n"
TEXT = b"Subject: x\r\n\r\n.gr\xfc\xdfe\r\n\r\n"
GOOD = RECEIVED + DATE + MESSAGE_ID + TEXT


def test_the_right_mail_matches() -> None:
    assert matches(MAIL, GOOD) == []


def test_a_field_may_be_folded_anywhere() -> None:
    folded = GOOD.replace(b"Message-ID: <", b"Message-ID:\r\n <").replace(b"102.3\r\n for", b"102.3 for")
    assert matches(MAIL, folded) == []


def test_user_info_no_is_a_form_as_well() -> None:
    received = RECEIVED.replace(b"PAYRUN.JOB01234.", b"").replace(b"PAYUSER,OPER1", b"CSSMTP")
    assert matches(MAIL, received + DATE + MESSAGE_ID.replace(b"PAYRUN.JOB01234.", b"") + TEXT) == []


def test_only_the_expected_fields_are_taken_from_the_front() -> None:
    own = replace(MAIL, generated=("Received",), eml=(b"Date: Thur, 26 Mar 92", b"", b"text"))
    assert matches(own, RECEIVED + b"Date: Thur, 26 Mar 92\r\n\r\ntext\r\n") == []
    assert matches(own, RECEIVED + DATE + b"Date: Thur, 26 Mar 92\r\n\r\ntext\r\n") != []


def test_without_a_sidecar_any_job_may_stand_in_the_id() -> None:
    assert matches(replace(MAIL, id=""), GOOD.replace(b"PAYRUN.JOB01234.102", b"NIGHTLY.J9000001.1")) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"\xfc", b"u", "line 3: expected b'.gr\\xfc\\xdfe', found b'.gru\\xdfe'"),
        (b"\r\n\r\n.gr", b"\r\n.gr", "line 2: expected b'', found b'.gr\\xfc\\xdfe'"),
        (b"\xdfe\r\n\r\n", b"\xdfe\r\n", "5 lines expected, 4 found"),
        (b"\xdfe\r\n", b"\xdfe\n", "a CR or LF stands alone"),
        (b"Subject: x", b"Subject: \rx", "a CR or LF stands alone"),
        (b"from MVSA", b"from MVSB", "Received is from MVSB, expected MVSA"),
        (b"with BSMTP", b"with SMTP", "Received has not its form"),
        (b"-0500\r\nDate", b"EST\r\nDate", "Received has not its form"),
        (DATE, b"", "Date is missing"),
        (DATE + MESSAGE_ID, MESSAGE_ID + DATE, "Date is missing"),
        (b"Date: Sat", b"Date: Thur", "Date has not its form"),
        (b"102.3\r\n for", b"102.4\r\n for", "Received has id PAYRUN.JOB01234.102.4, expected PAYRUN.JOB01234.102.3"),
        (b"102.3@gw", b"102.1@gw", "Message-ID has id PAYRUN.JOB01234.102.1"),
        (b"000123.102.3@gw", b"102.3@gw", "Message-ID has not its form"),
        (RECEIVED, b"", "Received is missing"),
        (GOOD, b"", "Received is missing"),
    ],
)
def test_each_difference_is_found(old: bytes, new: bytes, told: str) -> None:
    assert old in GOOD
    problems = matches(MAIL, GOOD.replace(old, new))
    assert any(problem.startswith(told) for problem in problems), problems


def sample(name: str) -> Sample:
    return next(sample for sample in load_all() if sample.name == name)


def result_of(sample: Sample) -> dict[str, Any]:
    """The result object that agrees with `sample`."""
    facts = ("number", "verdict", "mail_from")
    lists = ("recipients", "bad_recipients")
    mails = [{f: getattr(m, f) for f in facts} | {f: list(getattr(m, f)) for f in lists} for m in sample.mails]
    errors = [{"record": e.record, "mail": e.mail, "reply": e.reply, "counted": e.counted} for e in sample.errors]
    plain = {key: getattr(sample, key) for key in ("counted_errors", "error_limit_reached", "disposition")}
    return plain | {"mails": mails, "errors": errors}


def test_a_result_that_agrees_has_no_differences() -> None:
    for each in load_all():
        assert result_differences(each, result_of(each)) == []


def test_differences_of_a_result_are_told() -> None:
    traps = sample("traps")
    wrong = result_of(traps)
    wrong["disposition"] = "delete"
    wrong["mails"][0]["recipients"] = ["other@example.net"]
    wrong["errors"][1]["record"] = 11
    assert [problem.split(":")[0] for problem in result_differences(traps, wrong)] == ["disposition", "mail", "error"]
    short = result_of(traps)
    short["mails"].pop()
    short["errors"].pop()
    assert result_differences(traps, short) == ["2 mails expected, 1 found", "3 errors expected, 2 found"]


def test_same_error_leaves_open_what_the_expectation_leaves_open() -> None:
    found: dict[str, Any] = {"record": 7, "mail": 1, "reply": "552 5.3.4 JES Message size exceeds limit", "counted": False}
    assert same_error(ExpectedError(None, 1, found["reply"], False), found)
    assert same_error(ExpectedError(7, 1, found["reply"], False), found)
    assert not same_error(ExpectedError(8, 1, found["reply"], False), found)
    assert not same_error(ExpectedError(None, 1, "552 5.3.4 JES", False), found)
    assert not same_error(ExpectedError(None, 1, found["reply"], True), found)
    unreadable = {"record": 0, "mail": 0, "reply": "554 5.6.0 JES Spool file cannot be read: record 12 is cut", "counted": False}
    assert same_error(ExpectedError(0, 0, "554 5.6.0 JES Spool file cannot be read", False), unreadable)


def test_shared_samples_are_those_whose_configuration_is_part_of_the_shared_one() -> None:
    not_shared = {each.name for each in load_all() if not each.shared}
    assert not_shared == {"data-line-trunc", "job-size"}


def test_drop_puts_the_data_and_its_sidecar_in_place_and_nothing_else(tmp_path: Path) -> None:
    drop(sample("one-mail"), tmp_path)
    drop(sample("disk-alert"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk-alert", "one-mail", "one-mail.json"]
    assert (tmp_path / "one-mail").read_bytes() == sample("one-mail").path.read_bytes()


def test_configuration_text_writes_statements_and_blocks() -> None:
    text = configuration_text(SHARED_CONFIGURATION, {"TargetIp": "127.0.0.1", "ConnectPort": 2525})
    assert text == (
        "JESMsgSize 64\nOptions\n{\n  AtSign §\n  NullTrnc YES\n}\n"
        "TargetServer\n{\n  TargetIp 127.0.0.1\n  ConnectPort 2525\n  Charset ISO8859-15\n}\n"
    )
    assert configuration_text({}, {"TargetIp": "127.0.0.1"}) == "TargetServer\n{\n  TargetIp 127.0.0.1\n}\n"
