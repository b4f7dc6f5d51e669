"""MODIFY REFRESH (configuration.md 1: "changed by MODIFY REFRESH")."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cssmtp.config.build import complete
from cssmtp.config.diagnostic import Severity
from cssmtp.config.model import (
    AddressKind,
    BadSpoolDisp,
    Configuration,
    ExtendedRetry,
    Options,
    Report,
    ReportTo,
    RetryLimit,
    System,
    TargetAddress,
    TargetServer,
    Timeout,
    Undeliverable,
)
from cssmtp.config.refresh import refresh

ONE = TargetServer((TargetAddress(AddressKind.IP, "192.0.2.1"),))
TWO = TargetServer((TargetAddress(AddressKind.IP, "192.0.2.2"),))
RUNNING = complete(Configuration((ONE, TWO), ext_writer_name="MAIL", extended_retry=ExtendedRetry(), source="c.conf"))


def test_an_unchanged_file_changes_nothing() -> None:
    assert refresh(RUNNING, RUNNING) == (RUNNING, [])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("checkpoint_limit", 128000, "ChkPointSizeLimit 128000 cannot take effect while running; 64000 stays"),
        ("translate", "IBM-273", "Translate IBM-273 cannot take effect while running; IBM-1047 stays"),
        ("mbcs", True, "MBCS Yes cannot take effect while running; No stays"),
        ("ext_writer_name", "OTHER", "ExtWrtName OTHER cannot take effect while running; MAIL stays"),
        ("options", Options(test_mode=True), "Options TestMode Yes cannot take effect while running; No stays"),
        ("system", System(spool="/other"), "System Spool /other cannot take effect while running; /var/spool/cssmtp stays"),
        ("system", System(domain="x.org"), "System Domain x.org cannot take effect while running; (none) stays"),
        ("extended_retry", ExtendedRetry(mail_directory="/x"), "ExtendedRetry MailDirectory /x cannot take effect while running"),
    ],
)
def test_what_refresh_cannot_change_keeps_its_old_value_with_a_warning(name: str, value: object, said: str) -> None:
    effective, diagnostics = refresh(RUNNING, replace(RUNNING, **{name: value}))  # type: ignore[arg-type]
    assert effective == RUNNING
    assert [diagnostic.severity for diagnostic in diagnostics] == [Severity.WARNING]
    assert said in str(diagnostics[0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bad_spool_disp", BadSpoolDisp.DELETE),
        ("log_level", 255),
        ("retry_limit", RetryLimit(1, 1)),
        ("timeout", Timeout(any_command=30)),
        ("targets", (TWO, ONE)),
        ("mail_administrators", ("a@x.org",)),
        ("report", Report(ReportTo.SYSOUT, "A")),
        ("options", Options(at_sign="$")),
        ("undeliverable", Undeliverable(dead_letter_directory="/elsewhere")),
        ("extended_retry", None),
    ],
)
def test_what_refresh_changes_takes_effect(name: str, value: object) -> None:
    new = replace(RUNNING, **{name: value})  # type: ignore[arg-type]
    assert refresh(RUNNING, new) == (new, [])


def test_a_kept_value_does_not_keep_its_neighbours() -> None:
    new = replace(RUNNING, options=Options(test_mode=True, tls_ehlo=True), extended_retry=ExtendedRetry(1, 10, "/x"))
    effective, diagnostics = refresh(RUNNING, new)
    assert effective.options == Options(tls_ehlo=True)
    assert effective.extended_retry == replace(RUNNING.extended_retry or ExtendedRetry(), age_days=1, interval_minutes=10)
    assert len(diagnostics) == 2


def test_default_directories_follow_the_writer_name_that_stays() -> None:
    new = complete(Configuration((ONE, TWO), ext_writer_name="OTHER", extended_retry=ExtendedRetry(), source="c.conf"))
    effective, diagnostics = refresh(RUNNING, new)
    assert effective == RUNNING
    assert len(diagnostics) == 1


def test_switching_extended_retry_on_takes_the_new_directory() -> None:
    new = replace(RUNNING, extended_retry=ExtendedRetry(mail_directory="/new"))
    effective, diagnostics = refresh(replace(RUNNING, extended_retry=None), new)
    assert effective.extended_retry == new.extended_retry
    assert diagnostics == []


def test_values_that_do_not_fit_together_reject_the_new_file() -> None:
    running = replace(RUNNING, mbcs=True, translate="IBM-939", targets=(replace(ONE, mbcharset="IBM-943"),))
    effective, diagnostics = refresh(running, replace(RUNNING, targets=(TWO,)))
    assert effective is running
    assert [diagnostic.severity for diagnostic in diagnostics] == [Severity.ERROR]
    assert "the new file is rejected" in str(diagnostics[0])


def test_test_mode_that_stays_without_a_report_draws_its_warning() -> None:
    running = replace(RUNNING, options=Options(test_mode=True), report=Report(ReportTo.SYSOUT, "A"))
    _, diagnostics = refresh(running, replace(RUNNING, options=Options()))
    assert [str(diagnostic).split("warning: ")[1].split()[0] for diagnostic in diagnostics] == ["Options", "EZD1841I"]
