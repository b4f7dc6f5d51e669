"""Command lines: mail-processing.md 3.1 and 5.3 to 5.9."""

from __future__ import annotations

import pytest

from cssmtp.bsmtp.commands import EMPTY, Command, first_verb, parse
from cssmtp.bsmtp.faults import Finding

FEW, MANY, PATH = Finding.TOO_FEW_ARGUMENTS, Finding.TOO_MANY_ARGUMENTS, Finding.INVALID_PATH


@pytest.mark.parametrize(
    ("text", "verb", "argument"),
    [
        ("HELO MVSA", "HELO", "MVSA"),
        ("helo mvsa", "HELO", "mvsa"),
        ("EhLo mvsa.example.org ", "EHLO", "mvsa.example.org"),
        ("STARTTLS", "STARTTLS", ""),
        ("MAIL FROM:<ops@example.org>", "MAIL", "ops@example.org"),
        ("mail from: <ops@example.org>", "MAIL", "ops@example.org"),
        ("MAIL  FROM :\t<ops@example.org>", "MAIL", "ops@example.org"),
        ("MAIL FROM:<>", "MAIL", ""),
        ("RCPT TO:<x@example.net>", "RCPT", "x@example.net"),
        ("rcpt to:<X.Y+z@Example.NET>", "RCPT", "X.Y+z@Example.NET"),
        ("DATA", "DATA", ""),
        ("RSET", "RSET", ""),
        ("QUIT", "QUIT", ""),
    ],
)
def test_good_commands(text: str, verb: str, argument: str) -> None:
    assert parse(text) == Command(verb, argument)


@pytest.mark.parametrize("end", [" ", "\n", "\r", "\t", "\0", "\x85", "\r\n", "\r\x85", "\0 \0"])
@pytest.mark.parametrize("text", ["HELO mvsa", "MAIL FROM:<a@example.org>", "RCPT TO:<a@example.org>", "DATA", "RSET", "QUIT"])
def test_the_six_whitespace_characters_end_any_command(text: str, end: str) -> None:
    assert parse(text + end) == parse(text)
    assert parse(end + text) == parse(text)


@pytest.mark.parametrize("between", [" ", "\n", "\r", "\t", "\0", "\x85"])
def test_the_six_whitespace_characters_separate_arguments(between: str) -> None:
    assert parse(f"HELO{between}mvsa") == Command("HELO", "mvsa")
    assert parse(f"MAIL{between}FROM:{between}<a@example.org>") == Command("MAIL", "a@example.org")


@pytest.mark.parametrize("text", ["", " ", "\0\0", "\r\n", "\t \x85"])
def test_a_line_of_whitespace_is_empty(text: str) -> None:
    assert parse(text) is EMPTY


@pytest.mark.parametrize(
    ("text", "verb", "finding"),
    [
        ("HELO mvsa.example.org 12/31/25", "HELO", MANY),
        ("EHLO mvsa.example.org  x", "EHLO", MANY),
        ("HELO", "HELO", FEW),
        ("EHLO ", "EHLO", FEW),
        ("HELO " + "a" * 256, "HELO", Finding.INVALID_DOMAIN),
        ("MAIL", "MAIL", FEW),
        ("MAIL FROM:", "MAIL", FEW),
        ("RCPT TO: ", "RCPT", FEW),
        ("MAIL FROM", "MAIL", PATH),
        ("MAIL FROM:ops@example.org", "MAIL", PATH),
        ("MAIL TO:<ops@example.org>", "MAIL", PATH),
        ("MAIL FROM:<ops@example.org> SIZE=100", "MAIL", MANY),
        ("MAIL FROM:<> x", "MAIL", MANY),
        ("MAIL FROM:<USER1>", "MAIL", PATH),
        ("RCPT TO:<bad path", "RCPT", PATH),
        ("RCPT TO:<bad path>", "RCPT", PATH),
        ("RCPT TO:<x@example.net", "RCPT", PATH),
        ("RCPT TO:x@example.net", "RCPT", PATH),
        ("RCPT TO:<x@example.net>y", "RCPT", PATH),
        ("RCPT TO:<x@example.net> NOTIFY=NEVER", "RCPT", MANY),
        ("RCPT TO:<>", "RCPT", PATH),
        ("RCPT TO:<> x", "RCPT", PATH),
        ("RCPT TO:<USER1>", "RCPT", PATH),
        ("RCPT FROM:<x@example.net>", "RCPT", PATH),
        ("DATA now", "DATA", MANY),
        ("RSET now", "RSET", MANY),
        ("QUIT x", "QUIT", MANY),
        ("STARTTLS x", "STARTTLS", MANY),
        ("NOOP", "NOOP", Finding.UNKNOWN_COMMAND),
        ("BCC: a@example.org", "BCC:", Finding.UNKNOWN_COMMAND),
        ("MAILFROM:<a@example.org>", "MAILFROM:<a@example.org>", Finding.UNKNOWN_COMMAND),
        ("Subject: x", "Subject:", Finding.UNKNOWN_COMMAND),
    ],
)
def test_malformed_commands(text: str, verb: str, finding: Finding) -> None:
    command = parse(text)
    assert (command.verb, command.finding) == (verb, finding)


@pytest.mark.parametrize("verb", ["EXPN", "HELP", "NOOP", "QUEU", "TICK", "VERB", "VRFY"])
def test_commands_of_the_older_server_are_unknown(verb: str) -> None:
    assert parse(f"{verb} x").finding is Finding.UNKNOWN_COMMAND


@pytest.mark.parametrize("verb", ["R\u017fET", "RCPT\u212a", "ﬁ"])
def test_letters_that_only_look_like_a_verb_in_upper_case_are_unknown(verb: str) -> None:
    assert parse(verb).finding is Finding.UNKNOWN_COMMAND


@pytest.mark.parametrize(
    ("path", "mailbox"),
    [
        ("<a@b>", "a@b"),
        ("<a.b.c@x-y.example>", "a.b.c@x-y.example"),
        ("<!#$%&'*+-/=?^_`{|}~@example.org>", "!#$%&'*+-/=?^_`{|}~@example.org"),
        ('<"john doe"@example.org>', '"john doe"@example.org'),
        ('<"a>b\\"c@d"@example.org>', '"a>b\\"c@d"@example.org'),
        ("<a@[192.0.2.1]>", "a@[192.0.2.1]"),
        ("<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
        ("<@relay.example:a@example.org>", "a@example.org"),
        ("<@one.example,@two.example:a@example.org>", "a@example.org"),
        (f"<{'a' * 64}@example.org>", f"{'a' * 64}@example.org"),
        (f"<a@{'b' * 253}>", f"a@{'b' * 253}"),
    ],
)
def test_paths_of_rfc_2821(path: str, mailbox: str) -> None:
    assert parse(f"RCPT TO:{path}") == Command("RCPT", mailbox)


@pytest.mark.parametrize(
    "path",
    [
        "<@example.org>",
        "<a@>",
        "<a@b@c>",
        "<.a@example.org>",
        "<a.@example.org>",
        "<a..b@example.org>",
        "<a b@example.org>",
        "<a@-example.org>",
        "<a@example-.org>",
        "<a@example..org>",
        "<a@example.org.>",
        "<a@exa_mple.org>",
        "<a@[192.0.2.1>",
        "<a@[]>",
        '<"a@example.org>',
        '<"a\nb"@example.org>',
        "<ä@example.org>",
        "<@relay.example:>",
        "<<a@example.org>>",
        f"<{'a' * 65}@example.org>",
        f"<a@{'b' * 254}>",
        f"<@{'r' * 200}:a@{'b' * 60}>",
    ],
)
def test_what_is_no_path(path: str) -> None:
    assert parse(f"RCPT TO:{path}").finding is PATH
    assert parse(f"MAIL FROM:{path}").finding is PATH


def test_a_hostile_path_takes_no_time_to_refuse() -> None:
    assert parse("RCPT TO:<" + "a-" * 100_000 + ">").finding is PATH
    assert parse("RCPT TO:<@" + "a.,@" * 50_000 + ">").finding is PATH


def test_first_verb() -> None:
    assert first_verb(" data\0\0") == "DATA"
    assert first_verb("\0") == ""
