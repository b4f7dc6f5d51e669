"""Parameter fields, lists, apostrophes and symbols (ezbmcopy.md 4.3)."""

from __future__ import annotations

import pytest

from ezbmcopy.cards import plain
from ezbmcopy.operands import DEPTH, FIELD_LIMIT, Items, Operand, Value, Word, operands, substitute, words


def read(text: str) -> list[tuple[str, object]]:
    found, problems = operands(plain(text, 7))
    assert problems == []
    return [(each.keyword, shape(each.value)) for each in found]


def shape(value: Value) -> object:
    return value.text if isinstance(value, Word) else [shape(item) for item in value.items]


def trouble(text: str) -> list[str]:
    problems = operands(plain(text, 7))[1]
    assert all(problem.card == 7 for problem in problems)
    return [problem.text for problem in problems]


def test_positional_parameters_and_keywords() -> None:
    assert read("DUMMY,DSN=A.B(C),COPIES=2") == [("", "DUMMY"), ("DSN", "A.B(C)"), ("COPIES", "2")]
    assert read("") == []


def test_lists_keep_the_commas_of_missing_subparameters() -> None:
    assert read("SYSOUT=(A,,STD)") == [("SYSOUT", ["A", "", "STD"])]
    assert read("SYSOUT=(,)") == [("SYSOUT", ["", ""])]
    assert read("SYSOUT=,HOLD=NO") == [("SYSOUT", ""), ("HOLD", "NO")]
    assert read("A=((B,C),D)") == [("A", [["B", "C"], "D"])]


def test_apostrophes_are_taken_off_and_doubled_ones_become_one() -> None:
    assert read("PARM='WRITER=SMTPD'") == [("PARM", "WRITER=SMTPD")]
    assert read("A='it''s, (so)',B=''") == [("A", "it's, (so)"), ("B", "")]
    assert read("A=('x,y',Z)") == [("A", ["x,y", "Z"])]
    assert read("A='x'.'y'") == [("A", "'x'.'y'")]


def test_keywords_may_name_a_step() -> None:
    assert read("PARM.STEP=X") == [("PARM.STEP", "X")]
    assert read("PARM=WRITER=X") == [("PARM", "WRITER=X")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("A=(B", "a left parenthesis has no right one; expected as many of each"),
        ("A=B)", "a right parenthesis has no left one; expected as many of each"),
        ("A=" + "(" * 9 + ")" * 9, f"parentheses stand more than {DEPTH} deep; expected a simple list"),
    ],
)
def test_parentheses_that_do_not_fit_are_told(text: str, problem: str) -> None:
    assert trouble(text) == [problem]


def test_very_deep_parentheses_are_no_harm() -> None:
    assert len(trouble("A=" + "(" * 100_000 + ")" * 100_000)) == 1


def test_words_of_a_value() -> None:
    (operand,) = operands(plain("A=(B,(C,D))"))[0]
    assert [word.text for word in words(operand.value)] == ["B", ""]
    assert operand == Operand("A", Items((Word("B", 0), Items((Word("C", 0), Word("D", 0)), 0)), 0), 0)


def test_symbols_end_at_a_period_which_disappears() -> None:
    field, problems = substitute(plain("A=&W,B=&W.X,C=&W..Y,D='&W',E=&&TMP"), {"W": "SMTPD"})
    assert field.text == "A=SMTPD,B=SMTPDX,C=SMTPD.Y,D='SMTPD',E=&&TMP"
    assert problems == []
    assert len(field.cards) == len(field.text)


def test_symbols_without_value_are_told() -> None:
    field, problems = substitute(plain("A=&NO,B=C", 3), {})
    assert field.text == "A=,B=C"
    assert [(each.card, each.text) for each in problems] == [
        (3, "the symbol &NO has no value; expected it on PROC, EXEC or a SET statement")
    ]


def test_symbols_cannot_fill_the_memory() -> None:
    field, problems = substitute(plain("&A" * FIELD_LIMIT), {"A": "x" * 255})
    assert len(field.text) < 4 * FIELD_LIMIT
    assert "more than" in problems[0].text
