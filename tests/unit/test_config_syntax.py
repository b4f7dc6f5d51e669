"""Words, comments and statements (configuration.md 2)."""

from __future__ import annotations

import pytest

from cssmtp.config.build import build
from cssmtp.config.diagnostic import Findings, did_you_mean, quoted
from cssmtp.config.model import Configuration
from cssmtp.config.schema import SCHEMA
from cssmtp.config.syntax import Parser
from cssmtp.config.tokens import words
from tests.config_pages import FakePages

TARGET = "TargetServer\n{\nTargetName relay.example.net\n}\n"


def texts(text: str) -> list[list[str]]:
    findings = Findings("f")
    rows = words(text, findings.error)
    assert findings.diagnostics() == ()
    return [[word.text for word in row] for row in rows]


def built(text: str) -> Configuration:
    configuration, diagnostics = build(text + TARGET, file="f", pages=FakePages())
    assert diagnostics == ()
    assert configuration is not None
    return configuration


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ExtWrtName MAIL#1", [["ExtWrtName", "MAIL#1"]]),
        ("ExtWrtName MAIL #1", [["ExtWrtName", "MAIL"]]),
        ("#LogLevel 7", []),
        ("  \t# comment", []),
        ("LogLevel\t \t7\t#x", [["LogLevel", "7"]]),
        ("\tCONFIG   Yes", [["CONFIG", "Yes"]]),
        ("LogLevel 7\r\nMBCS No\r\n", [["LogLevel", "7"], ["MBCS", "No"]]),
        ("\ufeffLogLevel 7", [["LogLevel", "7"]]),
        ("", []),
    ],
)
def test_a_comment_begins_only_where_a_word_would_begin(line: str, expected: list[list[str]]) -> None:
    assert texts(line) == expected


def test_words_know_their_place() -> None:
    row = words("\n  LogLevel   7 # x", Findings("f").error)[0]
    assert [(word.line, word.column, word.commented) for word in row] == [(2, 3, False), (2, 14, True)]


def test_trailing_blanks_do_not_count_for_the_line_limit() -> None:
    assert texts("LogLevel 7" + " " * 2000) == [["LogLevel", "7"]]


def test_a_line_of_exactly_1024_characters_is_allowed() -> None:
    assert texts("LogLevel 7 #" + "x" * 1012) == [["LogLevel", "7"]]


def test_one_unicode_line_separator_is_no_line_end() -> None:
    findings = Findings("f")
    assert words("LogLevel 7 # a\u2028b\nMBCS No", findings.error)[1][0].line == 2
    assert findings.diagnostics() == ()


def test_keywords_and_keyword_values_ignore_letter_case() -> None:
    upper = built("BADSPOOLDISP DELETE\nmbcs NO\nOPTIONS\n{\nNULLTRNC yEs\n}\nreport sysout b\n")
    mixed = built("BadSpoolDisp Delete\nMBCS No\nOptions\n{\nNullTrnc Yes\n}\nReport Sysout B\n")
    assert upper == mixed
    assert upper.options.null_truncation


def test_mailboxes_and_paths_keep_their_letter_case() -> None:
    configuration = built("MailAdministrator Ops@Example.COM\nUndeliverable\n{\nDeadLetterDirectory /Var/Dead\n}\n")
    assert configuration.mail_administrators == ("Ops@Example.COM",)
    assert configuration.undeliverable.dead_letter_directory == "/Var/Dead"


def test_an_empty_block_takes_all_defaults() -> None:
    configuration = built("ExtendedRetry\n{\n}\nTimeout\n{\n}\n")
    assert configuration.extended_retry is not None
    assert configuration.extended_retry.interval_minutes == 30
    assert configuration.timeout.data_term == 600


def test_order_of_statements_is_free() -> None:
    assert built("LogLevel 15\nMBCS No\n") == built("MBCS No\nLogLevel 15\n")


def test_last_duplicate_wins_with_a_warning() -> None:
    configuration, diagnostics = build("LogLevel 1\nLogLevel 2\n" + TARGET, file="f", pages=FakePages())
    assert configuration is not None
    assert configuration.log_level == 2
    assert [diagnostic.severity.value for diagnostic in diagnostics] == ["warning"]


def test_a_repeated_block_replaces_the_earlier_one_as_a_whole() -> None:
    text = "Header\n{\nDate No\n}\nHeader\n{\nUserInfo No\n}\n"
    configuration, _ = build(text + TARGET, file="f", pages=FakePages())
    assert configuration is not None
    assert (configuration.header.date, configuration.header.user_info) == (True, False)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("RetryLimit\n{\nCount 5\nLogLevel 7\nHeader\n{\nDate No\n}\nMBCS No\n", [1]),
        ("RetryLimit\nCount 5\n}\nLogLevel 7\nHeader\nMBCS No\n", [1, 5]),
        ("RetryLimit {\nCount 5\n}\nLogLevel 7\nHeader{\n}\nMBCS No\n", [1, 5]),
    ],
)
def test_the_parser_keeps_reading_after_a_misplaced_or_missing_brace(text: str, lines: list[int]) -> None:
    findings = Findings("f")
    statements = Parser(SCHEMA, findings.error).parse(words(text, findings.error))
    assert [statement.keyword.text for statement in statements] == ["RetryLimit", "LogLevel", "Header", "MBCS"]
    assert [entry.keyword.text for entry in statements[0].block] == ["Count"]
    assert [diagnostic.line for diagnostic in findings.diagnostics()] == lines


def test_a_glued_brace_on_a_one_line_statement_is_one_error() -> None:
    _, diagnostics = build("Report{\nNone\n}\n" + TARGET, file="f", pages=FakePages())
    assert "not a block statement" in str(diagnostics[0])


def test_all_faults_are_reported_in_one_run() -> None:
    _, diagnostics = build("LogLevel 999\nMBCS maybe\nFoo\n" + TARGET, file="f", pages=FakePages())
    assert [diagnostic.line for diagnostic in diagnostics] == [1, 2, 3]


def test_did_you_mean_is_silent_about_strange_words() -> None:
    assert did_you_mean("xyzzy", ["Report"]) == ""
    assert did_you_mean("REPROT", ["Report"]) == "did you mean Report?"


def test_quoted_words_are_printable_and_short() -> None:
    assert quoted("a\x1bb\udcff") == "\"aU+001BbX'FF'\""
    assert len(quoted("x" * 500)) < 70
