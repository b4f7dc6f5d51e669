"""Log level 16: the deck's commands and the parser's replies (operator-commands.md 6)."""

import pytest

from cssmtp.bsmtp.interpreter import Interpreter, Rules
from cssmtp.spool.lines import EBCDIC
from tests.decks import PAGE, assembled, ebcdic, interpret

DECK = """
HELO mvsa

MAIL FROM:<ops@example.org>
RCPT TO:<x@example.net>
RCPT TO:<bad path
NOOP
DATA
Subject: x

text
.
QUIT
"""


def observed(text: str, rules: Rules | None = None, cuts: tuple[int, ...] = ()) -> list[tuple[int, str, str]]:
    told: list[tuple[int, str, str]] = []
    interpreter = Interpreter(rules or Rules(), PAGE, EBCDIC, lambda *what: told.append(what))
    for lines in assembled(ebcdic(text), cuts):
        interpreter.feed(lines)
    interpreter.finish()
    return told


def test_every_command_is_told_with_its_reply() -> None:
    assert observed(DECK) == [
        (1, "HELO mvsa", "250 JES OK"),
        (3, "MAIL FROM:<ops@example.org>", "250 2.1.0 JES OK"),
        (4, "RCPT TO:<x@example.net>", "250 2.1.5 JES OK"),
        (5, "RCPT TO:<bad path", "501 5.5.4 JES Syntax error. Invalid path after 'RCPT' command"),
        (6, "NOOP", "500 5.5.1 JES Unknown command, 'NOOP'"),
        (7, "DATA", "354 JES Start mail input"),
        (11, ".", "250 2.0.0 JES OK"),
        (12, "QUIT", "221 2.0.0 JES Closing"),
    ]


@pytest.mark.parametrize("cut", range(1, 12))
def test_however_the_file_is_cut_into_blocks(cut: int) -> None:
    assert observed(DECK, cuts=(cut,)) == observed(DECK)


def test_the_error_that_stops_the_file_is_told_with_its_own_reply() -> None:
    assert observed("NOOP\nNOOP\n", Rules(error_limit=1)) == [
        (n, "NOOP", "500 5.5.1 JES Unknown command, 'NOOP'") for n in (1, 2)
    ]


def test_a_mail_that_is_refused_says_so_at_its_end() -> None:
    deck = f"HELO a\nMAIL FROM:<a@b.c>\nRCPT TO:<a@b.c>\nDATA\n{'x' * 999}\n.\n"
    assert observed(deck)[-1] == (6, ".", "500 5.2.5 JES Text line too long")


def test_an_observer_changes_nothing() -> None:
    events, _ = interpret(ebcdic(DECK))
    watched = Interpreter(Rules(), PAGE, EBCDIC, lambda *what: None)
    found = [event for lines in assembled(ebcdic(DECK)) for event in watched.feed(lines)] + watched.finish()
    assert found == events
