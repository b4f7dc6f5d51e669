"""Decks: steps, procedures, symbols, placement (ezbmcopy.md 2.3, 4.4, 4.5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ezbmcopy.deck import Deck, read_deck

SAMPLE = (Path(__file__).resolve().parents[2] / "conf" / "ezbmcopy.jcl").read_bytes()


def read(*cards: str) -> tuple[Deck, list[tuple[int, str]]]:
    deck, problems = read_deck("\n".join(cards).encode())
    return deck, [(problem.card, problem.text) for problem in problems]


def clean(*cards: str) -> Deck:
    deck, problems = read(*cards)
    assert problems == []
    return deck


def test_the_sample_deck() -> None:
    deck, problems = read_deck(SAMPLE)
    assert problems == []
    assert (deck.procedure, deck.job, deck.outputs) == ("EZBMCOPY", "", [])
    (step,) = deck.steps
    assert (step.name, step.program, step.parm) == ("STEP", "EZBMCOPY", "WRITER=SMTPD")
    assert [(output.name, output.writer) for output in step.outputs] == [("OUT1", "SMTPD1"), ("OUT2", "CSSMTP")]
    (dd,) = step.dds
    assert [reference.name for reference in dd.references] == ["OUT1", "OUT2"]
    assert dd.hold is False


def test_symbols_of_proc_and_set() -> None:
    deck = clean("//P PROC W=SMTPD,O=", "// SET T=TEST1", "//S EXEC PGM=EZBMCOPY,PARM='WRITER=&W'", "//A OUTPUT WRITER=&T&O")
    assert deck.steps[0].parm == "WRITER=SMTPD"
    assert deck.steps[0].outputs[0].writer == "TEST1"


def test_calling_step_gives_symbols_and_parm_to_an_in_stream_procedure() -> None:
    procedure = [
        "//J JOB (1),'X',MSGCLASS=Q",
        "//P PROC W=SMTPD",
        "//S EXEC PGM=EZBMCOPY,PARM='WRITER=&W'",
        "//A OUTPUT WRITER=B",
        "//P PEND",
    ]
    procedure = [procedure[0], *procedure[1:4], "//  PEND"]
    deck = clean(*procedure, "//RUN EXEC P,W=OTHER")
    assert [(step.name, step.program, step.parm) for step in deck.steps] == [("RUN", "", None), ("S", "EZBMCOPY", "WRITER=OTHER")]
    assert deck.job_class == "Q"
    assert clean(*procedure, "//RUN EXEC PROC=P,PARM='WRITER=X'").steps[1].parm == "WRITER=X"
    assert clean(*procedure, "//RUN EXEC P,PARM.S='WRITER=Y',REGION=0M").steps[1].parm == "WRITER=Y"


def test_procedure_that_nobody_calls_works_as_if_started() -> None:
    assert clean("//P PROC", "//S EXEC PGM=EZBMCOPY", "//  PEND").steps[0].program == "EZBMCOPY"


def test_job_level_output_is_refused_in_a_started_procedure_only() -> None:
    assert len(clean("//J JOB", "//A OUTPUT WRITER=B", "//S EXEC PGM=X").outputs) == 1
    told = (2, "a started procedure has no OUTPUT statement before EXEC; expected it after the EXEC statement")
    assert told in read("//P PROC", "//A OUTPUT WRITER=B", "//S EXEC PGM=X")[1]


@pytest.mark.parametrize(
    ("cards", "problem"),
    [
        (
            ["//S EXEC PGM=X", "// OUTPUT WRITER=B"],
            (2, "the OUTPUT statement has no name; expected one, so that a DD can refer to it"),
        ),
        (
            ["//S EXEC PGM=X", "//A OUTPUT WRITER=B", "//A OUTPUT WRITER=C"],
            (3, "there is an OUTPUT statement A already; expected another name"),
        ),
        (["//A DD SYSOUT=*"], (1, "the DD A stands before EXEC; expected it after the EXEC statement")),
        (["//S EXEC REGION=0M"], (1, "EXEC runs nothing or two things; expected PGM=EZBMCOPY or the name of a procedure")),
        (["//S EXEC P,PGM=X"], (1, "EXEC runs nothing or two things; expected PGM=EZBMCOPY or the name of a procedure")),
        (["//S EXEC P,Q"], (1, "EXEC takes one positional parameter, not also Q; expected KEYWORD=value")),
        (
            ["//S EXEC PGM=X,PARM='" + 40 * "a", "//" + 13 * " " + 52 * "b" + "'"],
            (1, "PARM has 102 characters; expected at most 100"),
        ),
        (["//S OUTPT WRITER=A"], (1, "there is no operation OUTPT; expected PROC, PEND, EXEC, OUTPUT, DD, SET or JOB")),
        (["//S EXEC PGM=X", "//SYSIN DD DSN=CONTROL"], (2, "EZBMCOPY reads no control statements; expected SYSIN DD DUMMY")),
        (["//S EXEC PGM=X", "//SYSIN DD *", "COPY"], (2, "EZBMCOPY reads no control statements; expected SYSIN DD DUMMY")),
        (
            ["//S EXEC PGM=X", "//SYSUT2 DD SYSOUT=*", "// DD SYSOUT=A"],
            (3, "SYSUT2 is one data set; expected no DD without name after it"),
        ),
        (
            ["//S EXEC P", "//S.SYSUT2 DD SYSOUT=*"],
            (2, "a DD that overrides SYSUT2 of a procedure is not read; expected the change in the procedure"),
        ),
        (["// SET A"], (1, "SET takes symbols only; expected NAME=value, the name 1 to 8 characters")),
        (["//P PROC TOOLONGNAME=1"], (1, "PROC takes symbols only; expected NAME=value, the name 1 to 8 characters")),
        (["// SET A=" + 40 * "a", *["// SET A=&A&A"] * 3], (4, "the value of &A is too long; expected at most 255 characters")),
        (["//P PROC", "//P PROC"], (2, "there is a procedure P already; expected another name")),
        (["//P PEND"], (1, "PEND without PROC; expected a PROC statement before it")),
        (["//J JOB MSGCLASS=AB"], (1, "MSGCLASS cannot be used; expected one character of A-Z and 0-9")),
        (["//S EXEC PGM=&NONE"], (1, "the symbol &NONE has no value; expected it on PROC, EXEC or a SET statement")),
    ],
)
def test_mistakes_are_told_with_their_card_and_what_was_expected(cards: list[str], problem: tuple[int, str]) -> None:
    assert problem in read(*cards)[1]


@pytest.mark.parametrize("sysin", ["DUMMY", "*", "DATA", "DUMMY,DCB=BLKSIZE=80", ""])
def test_sysin_may_be_dummy_or_empty(sysin: str) -> None:
    clean("//S EXEC PGM=X", f"//SYSIN DD {sysin}")


def test_other_statements_and_dds_are_ignored() -> None:
    deck, problems = read_deck(
        b"//J JOB\n//L JCLLIB ORDER=X\n//S EXEC PGM=X\n//STEPLIB DD DSN=A\n//  DD DSN=B\n//SYSPRINT DD SYSOUT=*"
    )
    assert [(each.card, each.text, each.warning) for each in problems] == [(2, "the statement JCLLIB is ignored", True)]
    assert deck.steps[0].dds == []


def test_first_of_two_copy_dds_counts() -> None:
    deck, problems = read("//S EXEC PGM=X", "//SYSUT2 DD SYSOUT=A", "//SYSUT2 DD SYSOUT=B")
    assert [dd.sysout_class for dd in deck.steps[0].dds] == ["A", "B"]
    assert problems == [(3, "SYSUT2 stands twice; the first counts")]


def test_problems_come_in_the_order_of_the_cards() -> None:
    problems = read("//S EXEC PGM=X", "//A OUTPUT WRITER=INTRDR", "nonsense", "//A OUTPUT CLASS=ZZ")[1]
    assert [card for card, _ in problems] == [2, 3, 4, 4]
