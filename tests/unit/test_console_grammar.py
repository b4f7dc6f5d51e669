"""The operator's language (operator-commands.md 1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cssmtp.console.grammar import (
    GRAMMAR,
    OPERAND_LIMIT,
    Command,
    ConsoleLine,
    Misunderstood,
    Operand,
    Verb,
    parse,
    parse_console,
)

UNDERSTOOD = {
    "D,CONF": Command(Verb.DISPLAY_CONFIG),
    "DISPLAY,CONFIG": Command(Verb.DISPLAY_CONFIG),
    "disp,confi": Command(Verb.DISPLAY_CONFIG),
    "D,IP": Command(Verb.DISPLAY_IPLIST),
    "D,LOG": Command(Verb.DISPLAY_LOGLEVEL),
    "D,SP": Command(Verb.DISPLAY_SPOOLSTATUS_SUMMARY),
    "D,SP,S": Command(Verb.DISPLAY_SPOOLSTATUS_SUMMARY),
    "D,SP,D": Command(Verb.DISPLAY_SPOOLSTATUS_DETAIL),
    "D,SP,D,ALL": Command(Verb.DISPLAY_SPOOLSTATUS_DETAIL),
    "D,SP,D,TKID=0007": Command(Verb.DISPLAY_SPOOLSTATUS_DETAIL, "7"),
    "D,TAR": Command(Verb.DISPLAY_TARGETS),
    "D,TAR,ADDR=2001:DB8::25": Command(Verb.DISPLAY_TARGETS, "2001:db8::25"),
    "FLUSHR,AGE=3": Command(Verb.FLUSHRETRY_AGE, "3"),
    "FLUSHRETRY,TKID=12": Command(Verb.FLUSHRETRY_TKID, "12"),
    "LOG,LEVEL=255": Command(Verb.LOGLEVEL, "255"),
    "REFRESH": Command(Verb.REFRESH),
    "REFRESHIP": Command(Verb.REFRESHIPLIST),
    "REFRESHIPLIST": Command(Verb.REFRESHIPLIST),
    "REFRESHT": Command(Verb.REFRESHTARGETS),
    "RES": Command(Verb.RESUME),
    "SUS": Command(Verb.SUSPEND_IMMEDIATE),
    "SUS,I": Command(Verb.SUSPEND_IMMEDIATE),
    "suspend,delay": Command(Verb.SUSPEND_DELAY),
    "USER,LEVEL=version4": Command(Verb.USEREXIT, "VERSION4"),
}

REFUSED = [
    "",
    "D",
    "DISPLAY",
    "D,CON",  # shorter than the shortest form
    "REFRES",
    "REFRESHI",
    "RE",
    "SU",
    "D,LOGL,LEVEL=3",
    "D,TAR,ADDR=relay.example.net",
    "D,SP,D,TKID=0",
    "D,SP,TKID=1",
    "LOG,LEVEL=256",
    "LOG,LEVEL=-1",
    "LOG,LEVEL",
    "LOG",
    "FLUSHR",
    "FLUSHR,AGE=3,TKID=4",
    "USER,LEVEL=VERSION5",
    "RES=1",
    "D, TAR",
    "D,TAR\nRES",
    "D,TAR,",
    "SHUTDOWN",
    "HELP",
    "D," + "X" * OPERAND_LIMIT,
]


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_commands_and_their_abbreviations(text: str) -> None:
    assert parse(text) == UNDERSTOOD[text]
    assert parse(f"  {text.lower()} ") == UNDERSTOOD[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_command_gets_one_line(text: str) -> None:
    answer = parse(text)
    assert isinstance(answer, Misunderstood)
    assert answer.text.isprintable()
    assert answer.text


def every_word(operands: tuple[Operand, ...]) -> list[Operand]:
    return [each for operand in operands for each in (operand, *every_word(operand.then))]


@pytest.mark.parametrize("operand", every_word(GRAMMAR), ids=lambda operand: operand.spelling)
def test_every_length_from_the_shortest_form_to_the_whole_word_is_taken(operand: Operand) -> None:
    lengths = range(len(operand.shortest), len(operand.word) + 1)
    assert all(operand.names(operand.word[:length]) for length in lengths)
    assert not operand.names(operand.word[: len(operand.shortest) - 1])


def test_no_two_words_of_one_place_have_an_abbreviation_in_common() -> None:
    def check(operands: tuple[Operand, ...]) -> None:
        for one in operands:
            for other in operands:
                if one is not other:
                    assert not one.names(other.word) or other.word == one.word
                    assert not (one.names(other.shortest) and one.word != other.shortest)
            check(one.then)

    check(GRAMMAR)


def test_the_form_that_people_type_on_a_console() -> None:
    assert parse_console("F CSSMTP,D,TAR") == ConsoleLine("CSSMTP", Command(Verb.DISPLAY_TARGETS))
    assert parse_console("modify cssmtp1,refresh") == ConsoleLine("CSSMTP1", Command(Verb.REFRESH))
    assert parse_console("P CSSMTP") == ConsoleLine("CSSMTP", Command(Verb.STOP))
    assert parse_console("stop CSSMTP ") == ConsoleLine("CSSMTP", Command(Verb.STOP))


@pytest.mark.parametrize(
    "text", ["", "F", "F CSSMTP", "F CSSMTP,", "P CSSMTP,NOW", "C CSSMTP", "F 1BAD,D,TAR", "F CSSMTP D,TAR", "X" * 5000]
)
def test_console_lines_that_are_none(text: str) -> None:
    assert isinstance(parse_console(text), Misunderstood)


@given(st.text(max_size=200))
def test_any_text_gives_a_command_or_one_line(text: str) -> None:
    for answer in (parse(text), parse_console(text)):
        if isinstance(answer, Misunderstood):
            assert answer.text.isprintable()
