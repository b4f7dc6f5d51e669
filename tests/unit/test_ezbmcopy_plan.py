"""Plans: PARM, references, the order in which values win, conflicts; the attributes of a copy (ezbmcopy.md 2, 3, 4.6, 6, 7)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cssmtp.spool.attributes import Attributes, from_json, to_json
from ezbmcopy.deck import read_deck
from ezbmcopy.keywords import Destination
from ezbmcopy.plan import Copy, Identity, Plan, copy_attributes, plan_of_deck, plan_of_options, read_parm

SAMPLE = (Path(__file__).resolve().parents[2] / "conf" / "ezbmcopy.jcl").read_bytes()
ORIGINAL = Attributes(
    writer="SMTPD", dest_node="N1", dest_user="SMTPD", sysout_class="M", forms="OWN", outdisp="KEEP", priority=7, copies=3,
    group="G", owner="PROD01", origin_node="NODE9", seclabel="S", jobname="PAYROLL", jobid="JOB04711", correlator="C",
    procstep="P", stepname="MAIL", ddname="SYSUT2", dsid=104, dsname="X", created="2026-01-31T08:00:00Z", recfm="FB",
    lrecl=80, records=12, bytes=960, framing="fixed", encoding="IBM-273", userdata=("a",), output={"TITLE": "x"},
    notify="OPER1", token="T", extra={"drop": "SMTPD/x"},
)  # fmt: skip


def plan(*cards: str, parm: str | None = None) -> Plan:
    deck, problems = read_deck("\n".join(cards).encode())
    made, more = plan_of_deck(deck, parm)
    assert [problem for problem in problems + more if not problem.warning] == []
    assert made is not None
    return made


def refused(*cards: str, parm: str | None = None) -> list[tuple[int, str]]:
    deck, problems = read_deck("\n".join(cards).encode())
    made, more = plan_of_deck(deck, parm)
    assert problems == []
    assert made is None
    return [(problem.card, problem.text) for problem in more if not problem.warning]


def step(*cards: str) -> list[str]:
    """A procedure with these cards between EXEC, which is card 2, and the end."""
    return ["//P PROC", "//STEP EXEC PGM=EZBMCOPY", *cards]


OUT = ("//OUT1 OUTPUT WRITER=A1", "//OUT2 OUTPUT WRITER=A2")
BOTH = "//SYSUT2 DD SYSOUT=*,OUTPUT=(*.OUT1,*.OUT2)"


@pytest.mark.parametrize("parm", ["", "  "])
def test_default_writer_is_smtpd(parm: str) -> None:
    assert read_parm(parm) == ("SMTPD", [])
    assert plan(*step(*OUT, BOTH)).source == "SMTPD"


def test_parm_names_the_writer_in_any_case() -> None:
    assert read_parm("writer=Mail#1") == ("MAIL#1", [])
    assert plan(*step(*OUT, BOTH), parm="WRITER=OTHER").source == "OTHER"


@pytest.mark.parametrize(
    ("parm", "problem"),
    [
        ("CLASS=A", "PARM has 'CLASS=A'; expected WRITER=name and nothing else"),
        ("WRITER", "PARM has 'WRITER'; expected WRITER=name and nothing else"),
        ("WRITER=A,", "PARM has ''; expected WRITER=name and nothing else"),
        ("WRITER=A,WRITER=B", "PARM has WRITER= twice; expected it once"),
        ("WRITER=", "PARM: '' is no writer name; use 1 to 8 characters of A-Z, 0-9, $, # and @"),
        ("WRITER=INTRDR", "PARM: INTRDR is a writer name reserved by JES; use another one"),
        ("WRITER=NINECHARS", "PARM: 'NINECHARS' is no writer name; use 1 to 8 characters of A-Z, 0-9, $, # and @"),
    ],
)
def test_bad_parm_is_told(parm: str, problem: str) -> None:
    assert read_parm(parm)[1] == [problem]
    assert refused(*step(*OUT, BOTH), parm=parm) == [(0, problem)]
    assert (2, problem) in refused("//P PROC", f"//S EXEC PGM=EZBMCOPY,PARM='{parm}'", *OUT, BOTH)


def test_the_sample_makes_two_copies_as_the_reference_says() -> None:
    deck, _ = read_deck(SAMPLE)
    made, problems = plan_of_deck(deck)
    assert problems == []
    assert made is not None
    assert (made.source, made.job, made.step, made.at_end) == ("SMTPD", "EZBMCOPY", "STEP", False)
    assert [(copy.name, copy.writer, copy.dest, copy.hold) for copy in made.copies] == [
        ("OUT1", "SMTPD1", Destination(), False),
        ("OUT2", "CSSMTP", Destination(), False),
    ]


WORKED = (
    "//A OUTPUT WRITER=OLDMAIL,FORMS=MAIL,CLASS=B",
    "//B OUTPUT WRITER=NEWMAIL,DEST=N2.NEWMAIL",
)


def test_the_worked_example_the_dd_wins() -> None:
    made = plan(*step(*WORKED, "//SYSUT2 DD SYSOUT=(K,,PAY1),OUTPUT=(*.A,*.B),HOLD=NO,SPIN=UNALLOC"))
    assert [(c.sysout_class, c.forms, c.writer, c.dest) for c in made.copies] == [
        ("K", "PAY1", "OLDMAIL", Destination()),
        ("K", "PAY1", "NEWMAIL", Destination("N2", "NEWMAIL")),
    ]


def test_the_worked_example_with_the_null_class_the_output_statement_wins() -> None:
    made = plan("//J JOB MSGCLASS=Q", *step(*WORKED, "//SYSUT2 DD SYSOUT=(,),OUTPUT=(*.A,*.B),HOLD=NO")[1:])
    assert [(c.sysout_class, c.forms) for c in made.copies] == [("B", "MAIL"), ("Q", None)]


def test_without_a_job_the_asterisk_keeps_the_class_of_the_original() -> None:
    assert plan(*step(*OUT, BOTH)).copies[0].sysout_class is None


def test_the_dd_wins_for_writer_destination_and_copies() -> None:
    cards = ("//OUT1 OUTPUT WRITER=A1,DEST=U1,COPIES=4", "//SYSUT2 DD SYSOUT=(A,DDWTR),DEST=DDUSER,COPIES=2,OUTPUT=*.OUT1")
    (copy,) = plan(*step(*cards)).copies
    assert (copy.writer, copy.dest.user, copy.copies) == ("DDWTR", "DDUSER", 2)


@pytest.mark.parametrize(("hold", "outdisp", "held"), [("", "HOLD", False), (",HOLD=NO", None, False), (",HOLD=YES", None, True)])
def test_hold_on_the_dd_overrides_outdisp(hold: str, outdisp: str | None, held: bool) -> None:
    (copy,) = plan(*step("//OUT1 OUTPUT WRITER=A1,OUTDISP=HOLD", f"//SYSUT2 DD SYSOUT=*,OUTPUT=*.OUT1{hold}")).copies
    assert (copy.outdisp, copy.hold) == (outdisp, held)


def test_default_output_statements_work_without_a_reference() -> None:
    cards = ("//OUT1 OUTPUT WRITER=A1,DEFAULT=YES", "//OUT2 OUTPUT WRITER=A2", "//SYSUT2 DD SYSOUT=*")
    assert [copy.name for copy in plan(*step(*cards)).copies] == ["OUT1"]
    job = ["//J JOB", "//OUT1 OUTPUT WRITER=A1,DEFAULT=YES", "//S EXEC PGM=EZBMCOPY", "//SYSUT2 DD SYSOUT=*"]
    assert [copy.name for copy in plan(*job).copies] == ["OUT1"]
    job.insert(3, "//OUT2 OUTPUT WRITER=A2,DEFAULT=YES")
    assert [copy.name for copy in plan(*job).copies] == ["OUT2"], "those of the step hide those of the job"


def test_an_explicit_reference_switches_default_statements_off_and_may_name_one() -> None:
    cards = ("//OUT1 OUTPUT WRITER=A1,DEFAULT=YES", "//OUT2 OUTPUT WRITER=A2", "//SYSUT2 DD SYSOUT=*,OUTPUT=*.OUT2")
    assert [copy.name for copy in plan(*step(*cards)).copies] == ["OUT2"]
    assert [copy.name for copy in plan(*step(*cards[:2], "//SYSUT2 DD SYSOUT=*,OUTPUT=*.OUT1")).copies] == ["OUT1"]


def test_reference_forms() -> None:
    job = ["//J JOB", "//OUT1 OUTPUT WRITER=A1", "//S EXEC PGM=EZBMCOPY", "//OUT2 OUTPUT WRITER=A2"]
    assert [c.name for c in plan(*job, "//SYSUT2 DD SYSOUT=*,OUTPUT=(*.OUT1,*.S.OUT2)").copies] == ["OUT1", "OUT2"]
    assert [c.name for c in plan(*job, "//SYSUT2 DD SYSOUT=*,OUTPUT=*.RUN.S.OUT2").copies] == ["OUT2"]
    hidden = [*job[:3], "//OUT1 OUTPUT WRITER=A2", "//SYSUT2 DD SYSOUT=*,OUTPUT=*.OUT1"]
    assert plan(*hidden).copies[0].writer == "A2", "the step's own is found first"


def test_an_output_statement_nobody_refers_to_makes_no_copy_and_is_told() -> None:
    deck, _ = read_deck("\n".join(step(*OUT, "//SYSUT2 DD SYSOUT=*,OUTPUT=*.OUT2")).encode())
    made, problems = plan_of_deck(deck)
    assert made is not None
    assert [copy.name for copy in made.copies] == ["OUT2"]
    assert [(problem.card, problem.text, problem.warning) for problem in problems] == [
        (3, "SYSUT2 does not refer to OUT1: no copy", True)
    ]


def test_spin_no_waits_for_the_end() -> None:
    assert plan(*step(*OUT, BOTH + ",SPIN=NO")).at_end is True


TWICE = ", which would get the mail twice; expected another name"
LOOP = ": a loop; expected another writer or destination"
ONLY1 = "//SYSUT2 DD SYSOUT=*,OUTPUT=*.OUT1"


@pytest.mark.parametrize(
    ("cards", "problem"),
    [
        ((*OUT, "//OUT3 OUTPUT WRITER=A3", BOTH), (5, "OUT3 is one OUTPUT statement too many; expected at most 2")),
        (OUT, (2, "the step has no DD SYSUT2; expected one with SYSOUT= and OUTPUT=")),
        ((*OUT, "//SYSUT2 DD SYSOUT=*"), (5, "SYSUT2 refers to no OUTPUT statement; expected OUTPUT=(*.name,*.name)")),
        ((*OUT, "//SYSUT2 DD DSN=A,OUTPUT=*.OUT1"), (5, "SYSUT2 is no sysout data set; expected SYSOUT=")),
        ((*OUT, "//SYSUT2 DD SYSOUT=,OUTPUT=*.OUT1"), (5, "SYSUT2 is no sysout data set; expected SYSOUT=")),
        ((*OUT, "//SYSUT2 DD SYSOUT=*,OUTPUT=*.OUT9"), (5, "there is no OUTPUT statement *.OUT9; expected one of: OUT1, OUT2")),
        (
            (*OUT, "//SYSUT2 DD SYSOUT=*,OUTPUT=*.X.OUT1"),
            (5, "there is no OUTPUT statement *.X.OUT1; expected one of: OUT1, OUT2"),
        ),
        ((BOTH, *OUT), (3, "*.OUT1 stands after the DD; expected the OUTPUT statement before it")),
        (
            (*OUT, "//SYSUT2 DD SYSOUT=*,OUTPUT=(*.OUT1,*.OUT1)"),
            (5, "*.OUT1 is referred to twice; expected each OUTPUT statement once"),
        ),
        (("//OUT1 OUTPUT CLASS=A", ONLY1), (3, "the copy by OUT1 has neither writer nor user; expected WRITER= or DEST=")),
        (("//OUT1 OUTPUT WRITER=SMTPD", ONLY1), (3, "OUT1 sends copies back to SMTPD" + LOOP)),
        (("//OUT1 OUTPUT WRITER=A,DEST=N9.SMTPD", ONLY1), (3, "OUT1 sends copies back to SMTPD" + LOOP)),
        (("//OUT1 OUTPUT WRITER=A1", "//OUT2 OUTPUT WRITER=A1", BOTH), (4, "OUT1 and OUT2 both go to A1" + TWICE)),
        (("//OUT1 OUTPUT WRITER=A1", "//OUT2 OUTPUT WRITER=A2,DEST=A1", BOTH), (4, "OUT1 and OUT2 both go to A1" + TWICE)),
        ((*OUT, BOTH.replace("SYSOUT=*", "SYSOUT=(A,W)")), (4, "OUT1 and OUT2 both go to W" + TWICE)),
        (
            ("//OUT1 OUTPUT WRITER=A1,OUTDISP=PURGE", ONLY1),
            (3, "every copy has OUTDISP=PURGE: the mail would be lost; expected a copy that stays"),
        ),
    ],
)
def test_decks_that_cannot_be_carried_out(cards: tuple[str, ...], problem: tuple[int, str]) -> None:
    assert problem in refused(*step(*cards))


def test_one_step_must_run_the_program() -> None:
    assert refused("//P PROC", "//S EXEC PGM=IEFBR14") == [(0, "0 steps run EZBMCOPY; expected one statement EXEC PGM=EZBMCOPY")]
    two = refused("//P PROC", "//S EXEC PGM=EZBMCOPY", "//T EXEC PGM=EZBMCOPY")
    assert two == [(3, "2 steps run EZBMCOPY; expected one statement EXEC PGM=EZBMCOPY")]


def test_options_instead_of_a_deck() -> None:
    made, problems = plan_of_options("smtpd", ["smtpd1", "CSSMTP,CLASS=B,FORMS=MAIL,PRTY=9,OUTDISP=KEEP"])
    assert problems == []
    assert made is not None
    assert [(c.writer, c.sysout_class, c.forms, c.priority, c.outdisp) for c in made.copies] == [
        ("SMTPD1", None, None, None, None),
        ("CSSMTP", "B", "MAIL", 9, "KEEP"),
    ]
    made, problems = plan_of_options("A", ["DEST=N1.B"])
    assert made is not None
    assert made.copies[0].dest == Destination("N1", "B")


@pytest.mark.parametrize(
    ("writer", "outs", "problem"),
    [
        ("A", ["B", "C", "D"], "--out is given 3 times; expected once or twice"),
        ("INTRDR", ["B"], "--writer: INTRDR is a writer name reserved by JES; use another one"),
        ("A,WRITER=B", ["C"], "--writer has WRITER= twice; expected it once"),
        ("A", ["a"], "OUT1 sends copies back to A: a loop; expected another writer or destination"),
        ("A", ["B", "B"], "OUT1 and OUT2 both go to B, which would get the mail twice; expected another name"),
        ("A", ["B,FORMS=A-B"], "--out B,FORMS=A-B: FORMS=A-B cannot be used; expected 1 to 8 characters of A-Z, 0-9, $, # and @"),
        ("A", ["B,CLASS=(X"], "--out B,CLASS=(X: a left parenthesis has no right one; expected as many of each"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_carried_out(writer: str, outs: list[str], problem: str) -> None:
    made, problems = plan_of_options(writer, outs)
    assert made is None
    assert problem in problems


PLAIN = Copy("OUT1", "SMTPD1", Destination(), None, None, None, False, None, None, None)


def test_a_copy_has_everything_of_the_original_but_its_address() -> None:
    copy = copy_attributes(ORIGINAL, PLAIN)
    assert copy == replace(ORIGINAL, writer="SMTPD1", dest_node="", dest_user="", token="")


def test_a_copy_has_what_the_plan_says() -> None:
    wanted = Copy("OUT1", "W", Destination("N", "U"), "Z", "FORM", "HOLD", True, 9, "GRP", 0)
    copy = copy_attributes(ORIGINAL, wanted)
    assert (copy.writer, copy.dest_node, copy.dest_user, copy.sysout_class, copy.forms) == ("W", "N", "U", "Z", "FORM")
    assert (copy.outdisp, copy.hold, copy.copies, copy.group, copy.priority) == ("HOLD", "user", 9, "GRP", 0)


def test_a_copy_may_carry_our_own_identity() -> None:
    copy = copy_attributes(ORIGINAL, PLAIN, Identity("EZBMCOPY", "STC00042", "MAILOPS", "STEP", 101))
    assert (copy.jobname, copy.jobid, copy.owner, copy.stepname, copy.ddname, copy.dsid) == (
        "EZBMCOPY", "STC00042", "MAILOPS", "STEP", "SYSUT2", 101,
    )  # fmt: skip
    assert (copy.procstep, copy.correlator, copy.dsname, copy.created, copy.origin_node) == ("", "", "", "", "")
    assert (copy.framing, copy.encoding, copy.recfm, copy.lrecl, copy.records) == ("fixed", "IBM-273", "FB", 80, 12)


def test_a_copy_with_a_destination_only_has_no_writer() -> None:
    made = copy_attributes(ORIGINAL, replace(PLAIN, writer="", dest=Destination("N", "U")))
    assert (made.writer, made.dest_node, made.dest_user) == ("", "N", "U")


@pytest.mark.parametrize("copy", [PLAIN, replace(PLAIN, writer="", dest=Destination("N", "U")), replace(PLAIN, hold=True)])
def test_the_attributes_of_a_copy_can_be_read_back(copy: Copy) -> None:
    made = copy_attributes(ORIGINAL, copy)
    assert from_json(to_json(made), Attributes()) == (made, [])
