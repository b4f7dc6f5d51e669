"""The JCL reader: any bytes give a deck and problems; what was written is read; layout does not matter."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cssmtp.spool.attributes import Attributes, from_json, to_json
from ezbmcopy.cards import Text, card_images, plain, statements
from ezbmcopy.deck import read_deck
from ezbmcopy.operands import Items, Value, Word, operands
from ezbmcopy.plan import Plan, copy_attributes, plan_of_deck, plan_of_options, read_parm

NAMES = st.from_regex(r"[A-Z$#@][A-Z0-9$#@]{0,7}", fullmatch=True)
PIECES = [
    "//", "/*", "//*", " ", "  ", "\n", "\n//  ", ",", "=", "(", ")", "'", "''", "&", "&&", "*", ".", "\t", "\x00", "X" * 60,
    "ÿ", "a",
    "PROC", "PEND", "EXEC", "OUTPUT", "DD", "SET", "JOB", "PGM=EZBMCOPY", "PARM=", "'WRITER=SMTPD'", "WRITER=", "SYSOUT=", "OUT1",
    "OUT2", "SYSUT2", "SYSIN", "DATA", "DLM=", "DEST=", "HOLD=", "SPIN=", "COPIES=", "CLASS=", "OUTDISP=", "INTRDR", "SMTPD1",
    "&W", "W=A", "MSGCLASS=", "*.OUT1", "DEFAULT=YES", "\n//OUT1 OUTPUT WRITER=A", "\n//S EXEC PGM=EZBMCOPY",
    "\n//SYSUT2 DD SYSOUT=*,OUTPUT=*.OUT1",
]  # fmt: skip
DECKS = st.lists(st.sampled_from(PIECES), max_size=40).map(lambda pieces: "".join(pieces).encode("latin-1"))
SAMPLE = (Path(__file__).resolve().parents[2] / "conf" / "ezbmcopy.jcl").read_bytes()
CHANGES = st.lists(st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 9), st.sampled_from(PIECES)), max_size=3)


def changed(changes: list[tuple[int, int, str]]) -> bytes:
    """The sample deck with some pieces put in place of others."""
    data = SAMPLE
    for at, length, piece in changes:
        data = data[:at] + piece.encode("latin-1") + data[at + length :]
    return data


ANY = st.one_of(
    st.binary(max_size=300),
    DECKS,
    CHANGES.map(changed),
    DECKS.map(lambda data: data.decode("latin-1").encode("cp037", "replace")),
)


@given(ANY)
@settings(max_examples=200)
def test_any_bytes_give_a_deck_and_problems_with_their_cards(data: bytes) -> None:
    deck, problems = read_deck(data)
    plan, more = plan_of_deck(deck)
    cards = len(card_images(data))
    for problem in problems + more:
        assert 0 <= problem.card <= cards
        assert problem.text
    if plan is not None:
        check(plan)


def check(plan: Plan) -> None:
    """What every plan promises: no loop, no mailer twice, attributes that the spool can read back."""
    mailers = [name for copy in plan.copies for name in copy.mailers]
    assert 1 <= len(plan.copies) <= 2
    assert plan.source not in mailers
    assert len(mailers) == len(set(mailers))
    original = Attributes(writer=plan.source, dest_user=plan.source)
    for copy in plan.copies:
        made = copy_attributes(original, copy)
        assert from_json(to_json(made), Attributes()) == (made, [])
        assert plan.source not in (made.writer, made.dest_user)


OPTIONS = st.lists(
    st.sampled_from(["A", "SMTPD", "WRITER=B", "DEST=N1.C", "DEST=A", "CLASS=K", "(", "'", ",", "FORMS=F", "OUTDISP=PURGE"])
)


@given(st.one_of(st.text(max_size=20), NAMES), st.lists(st.one_of(st.text(max_size=30), OPTIONS.map(",".join)), max_size=3))
@settings(max_examples=200)
def test_any_options_give_a_plan_or_problems(writer: str, outs: list[str]) -> None:
    plan, problems = plan_of_options(writer, outs)
    assert (plan is None) == bool(problems)
    if plan is not None:
        check(plan)


@given(st.text(max_size=40))
def test_any_parm_gives_a_writer_name(parm: str) -> None:
    writer, _ = read_parm(parm)
    assert re.fullmatch(r"[A-Z0-9$#@]{1,8}", writer)


def written(value: Value) -> str:
    """A value as a careful person writes it."""
    if isinstance(value, Word):
        text = value.text.replace("'", "''")
        return f"'{text}'" if re.search(r"[^A-Z0-9$#@.*]", value.text) or not value.text else value.text
    return f"({','.join(map(written, value.items))})"


def without_cards(value: Value) -> object:
    return value.text if isinstance(value, Word) else tuple(without_cards(item) for item in value.items)


WORDS = st.text("ABC19 ,()='.*&", max_size=12).map(lambda text: Word(text, 0))
VALUES = st.recursive(
    WORDS, lambda inner: st.lists(inner, min_size=2, max_size=3).map(lambda items: Items(tuple(items), 0)), max_leaves=6
)


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=5))
@settings(max_examples=100)
def test_operands_that_were_written_are_read(pairs: list[tuple[str, Value]]) -> None:
    found, problems = operands(plain(",".join(f"{name}={written(value)}" for name, value in pairs)))
    assert problems == []
    assert [(each.keyword, without_cards(each.value)) for each in found] == [
        (name, without_cards(value)) for name, value in pairs
    ]


def spread(piece: str, column: int) -> list[str]:
    """A piece of a parameter field on cards of its own: from `column` on, what does not fit goes on in column 16."""
    card = "//".ljust(column - 1)
    room = 71 - len(card)
    rest = [piece[at : at + 56] for at in range(room, len(piece), 56)]
    return [card + piece[:room], *("//".ljust(15) + part for part in rest)]


@given(st.lists(st.tuples(st.text("AB ,()&x", max_size=150), st.integers(4, 16), st.booleans()), min_size=1, max_size=4))
@settings(max_examples=150)
def test_layout_on_cards_does_not_matter(values: list[tuple[str, int, bool]]) -> None:
    fields = [f"K{number}='{text}'" for number, (text, _, _) in enumerate(values)]
    cards = ["//NAME  OPER  K='',"]
    for field, (_, column, comment) in zip(fields, values, strict=True):
        cards += spread(field + ("" if field is fields[-1] else ","), column)
        if comment and len(cards[-1]) < 60:
            cards[-1] += "  a comment"
        if comment and field is not fields[-1]:
            cards.append("//* another")
    assume(not any(card[70:71] in ("'", ",") or (card[69:70] == "'" and len(card) == 71) for card in cards))
    (statement,), problems = statements("\n".join(cards).encode())
    assert [problem for problem in problems if not problem.warning] == []
    assert statement.field.text == ",".join(["K=''", *fields])
    assert len(statement.field.cards) == len(statement.field.text)


@given(st.text(max_size=30), st.integers(0, 40), st.integers(0, 40))
def test_a_part_of_a_text_keeps_its_cards(text: str, start: int, end: int) -> None:
    whole = Text(text, tuple(range(len(text))), 0)
    part = whole.part(start, end)
    assert part.text == text[start:end]
    assert part.cards == tuple(range(len(text)))[start:end]
