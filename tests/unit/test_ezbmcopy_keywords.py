"""The parameters of OUTPUT and DD (ezbmcopy.md 4.5, 4.7, 4.8)."""

from __future__ import annotations

from typing import Any

import pytest

from ezbmcopy.cards import Problem, plain
from ezbmcopy.keywords import DEFAULT_CLASS, Dd, Destination, Output, Reference, read_output, read_sysout_dd
from ezbmcopy.operands import operands

REFERENCES = "1 to 128 references of the form *.name, *.step.name or *.step.procstep.name, none left out"


def output(text: str) -> tuple[Output, list[Problem]]:
    return read_output("OUT1", 4, operands(plain(text, 4))[0])


def dd(text: str) -> tuple[Dd, list[Problem]]:
    return read_sysout_dd("SYSUT2", 9, operands(plain(text, 9))[0])


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("WRITER=SMTPD1", "writer", "SMTPD1"),
        ("WRITER=(SMTPD1)", "writer", "SMTPD1"),
        ("CLASS=B", "sysout_class", "B"),
        ("CLASS=*", "sysout_class", DEFAULT_CLASS),
        ("CLASS='9'", "sysout_class", "9"),
        ("FORMS=EIGHTCHR", "forms", "EIGHTCHR"),
        ("OUTDISP=KEEP", "outdisp", "KEEP"),
        ("OUTDISP=(HOLD,PURGE)", "outdisp", "HOLD"),
        ("OUTDISP=(,KEEP)", "outdisp", "WRITE"),
        ("COPIES=255", "copies", 255),
        ("COPIES=0", "copies", 1),
        ("COPIES=256", "copies", 1),
        ("COPIES=MANY", "copies", 1),
        ("GROUPID=MAIL", "group", "MAIL"),
        ("PRTY=0", "priority", 0),
        ("PRTY=255", "priority", 255),
        ("DEFAULT=YES", "default", True),
        ("DEFAULT=N", "default", False),
        ("DEST=LOCAL", "dest", Destination()),
        ("DEST=ANYLOCAL", "dest", Destination()),
        ("DEST=N2.NEWMAIL", "dest", Destination("N2", "NEWMAIL")),
        ("DEST=NEWMAIL", "dest", Destination("", "NEWMAIL")),
        ("DEST=N12", "dest", Destination("N12", "")),
        ("DEST=N12R7", "dest", Destination("N12", "R7")),
        ("DEST=R7", "dest", Destination("", "R7")),
        ("DEST=RMT7", "dest", Destination("", "RMT7")),
        ("DEST=U7", "dest", Destination("", "U7")),
    ],
)
def test_output_parameters(text: str, name: str, value: Any) -> None:
    found, problems = output(text)
    assert problems == []
    assert getattr(found, name) == value
    assert (found.name, found.card) == ("OUT1", 4)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("WRITER=INTRDR", "another writer name: INTRDR is a writer name reserved by JES; use another one"),
        ("WRITER=STDWTR", "another writer name: STDWTR is a writer name reserved by JES; use another one"),
        ("WRITER=NJERDR", "another writer name: NJERDR is a writer name reserved by JES; use another one"),
        ("WRITER=NINECHARS", "another writer name: 'NINECHARS' is no writer name; use 1 to 8 characters of A-Z, 0-9, $, # and @"),
        ("WRITER=", "another writer name: '' is no writer name; use 1 to 8 characters of A-Z, 0-9, $, # and @"),
        ("WRITER=(A,B)", "one writer name"),
        ("CLASS=AB", "a class of A-Z or 0-9, or *"),
        ("FORMS=TOO-BAD", "1 to 8 characters of A-Z, 0-9, $, # and @"),
        ("FORMS=(A,B)", "1 to 8 characters of A-Z, 0-9, $, # and @"),
        ("OUTDISP=DELETE", "one or two of WRITE, HOLD, KEEP, LEAVE, PURGE"),
        ("OUTDISP=(WRITE,KEEP,HOLD)", "one or two of WRITE, HOLD, KEEP, LEAVE, PURGE"),
        ("PRTY=256", "a number from 0 to 255"),
        ("PRTY=²", "a number from 0 to 255"),
        ("DEFAULT=MAYBE", "YES or NO"),
        ("DEST=(N2,NEWMAIL)", "LOCAL, a name, Nn, Rn or node.user"),
        ("DEST=INTRDR", "LOCAL, a name, Nn, Rn or node.user"),
        ("DEST=N1.STDWTR", "LOCAL, a name, Nn, Rn or node.user"),
        ("DEST='IP:192.0.2.1'", "LOCAL, a name, Nn, Rn or node.user"),
    ],
)
def test_output_values_that_cannot_be_used_are_told_with_what_was_expected(text: str, problem: str) -> None:
    ((told),) = output(text)[1]
    assert (told.card, told.warning) == (4, False)
    assert told.text.endswith(f"cannot be used; expected {problem}")


def test_printing_keywords_are_ignored_and_unknown_ones_are_told() -> None:
    assert output("WRITER=A,TITLE='Our Mail',PAGEDEF=X,MAILTO=('a@b','c@d'),JESDS=ALL")[1] == []
    (told,) = output("WRITTER=A")[1]
    assert told.text.startswith("OUTPUT has no parameter WRITTER; expected one of WRITER, CLASS, DEST")


def test_output_takes_keywords_only_each_once_and_at_least_one() -> None:
    assert [each.text for each in output("SMTPD1")[1]] == ["OUTPUT takes no positional parameter SMTPD1; expected KEYWORD=value"]
    assert [each.text for each in output("WRITER=A,WRITER=B")[1]] == ["WRITER stands twice; expected it once"]
    assert [each.text for each in output("")[1]] == [
        "the OUTPUT statement says nothing; expected a parameter such as WRITER=name"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SYSOUT=K", {"sysout_class": "K"}),
        ("SYSOUT='K'", {"sysout_class": "K"}),
        ("SYSOUT=*", {"sysout_class": DEFAULT_CLASS}),
        ("SYSOUT=$", {"sysout_class": DEFAULT_CLASS}),
        ("SYSOUT=(,)", {"sysout_class": ""}),
        ("SYSOUT=", {"sysout_class": None}),
        ("SYSOUT=(K,WTR,FORM)", {"sysout_class": "K", "writer": "WTR", "forms": "FORM"}),
        ("SYSOUT=(K,,PAY1)", {"sysout_class": "K", "writer": None, "forms": "PAY1"}),
        ("SYSOUT=A,HOLD=YES", {"hold": True}),
        ("SYSOUT=A,HOLD=N", {"hold": False}),
        ("SYSOUT=A,COPIES=3", {"copies": 3}),
        ("SYSOUT=A,DEST=(N2,USER)", {"dest": Destination("N2", "USER")}),
        ("SYSOUT=A,SPIN=UNALLOC", {"at_end": False}),
        ("SYSOUT=A,SPIN=NO", {"at_end": True}),
        ("SYSOUT=A,OUTPUT=*.OUT1", {"references": (Reference((), "OUT1", 9),)}),
        ("SYSOUT=A,OUTPUT=(*.OUT1,*.S.OUT2)", {"references": (Reference((), "OUT1", 9), Reference(("S",), "OUT2", 9))}),
        ("SYSOUT=A,OUTPUT=*.S.P.OUT2", {"references": (Reference(("S", "P"), "OUT2", 9),)}),
        ("SYSOUT=A,FREE=CLOSE,DCB=(RECFM=FB,LRECL=80),UNIT=X,SPACE=(1,(2,3))", {"sysout_class": "A"}),
    ],
)
def test_dd_parameters(text: str, expected: dict[str, Any]) -> None:
    found, problems = dd(text)
    assert problems == []
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SYSOUT=AB", "a class of A-Z or 0-9, or *"),
        ("SYSOUT=(A,B,C,D)", "(class,writer,form)"),
        ("SYSOUT=(A,INTRDR)", "another writer name: INTRDR is a writer name reserved by JES; use another one"),
        ("SYSOUT=(A,,FORMS)", "a form name of 1 to 4 characters of A-Z, 0-9, $, # and @"),
        ("HOLD=PERHAPS", "YES or NO"),
        ("COPIES=0", "a number from 1 to 255"),
        ("DEST=N2.USER", "LOCAL, a name, Nn, Rn or (node,user)"),
        ("DEST=(N2,NJERDR)", "LOCAL, a name, Nn, Rn or (node,user)"),
        ("DEST=(N2,USER,X)", "LOCAL, a name, Nn, Rn or (node,user)"),
        ("SPIN=YES", "UNALLOC, NO, or (UNALLOC,time)"),
        ("SPIN=(UNALLOC,SOON)", "UNALLOC, NO, or (UNALLOC,time)"),
        ("OUTPUT=OUT1", REFERENCES),
        ("OUTPUT=(,*.OUT1)", REFERENCES),
        ("OUTPUT=(" + ",".join(["*.A"] * 129) + ")", REFERENCES),
    ],
)
def test_dd_values_that_cannot_be_used_are_told_with_what_was_expected(text: str, expected: str) -> None:
    (told,) = dd(text)[1]
    assert told.text.endswith(f"cannot be used; expected {expected}")
    assert len(told.text) < 300


@pytest.mark.parametrize("spin", ["ALLOC", "(UNALLOC,'+00:30')", "(UNALLOC,'12:00')", "(UNALLOC,500K)", "(UNALLOC,CMNDONLY)"])
def test_spin_in_other_ways_spins_each_file_with_a_warning(spin: str) -> None:
    found, problems = dd(f"SYSOUT=A,SPIN={spin}")
    assert found.at_end is False
    assert [problem.warning for problem in problems] == [True]
