"""JCL cards and statements (ezbmcopy.md 4.1 and 4.2)."""

from __future__ import annotations

import pytest

from ezbmcopy.cards import DECK_LIMIT, Problem, Statement, statements


def read(*cards: str) -> tuple[list[Statement], list[Problem]]:
    return statements("\n".join(cards).encode("latin-1"))


def one(*cards: str) -> Statement:
    (statement,), problems = read(*cards)
    assert problems == []
    return statement


def trouble(*cards: str) -> list[tuple[int, str]]:
    return [(problem.card, problem.text) for problem in read(*cards)[1]]


def filled(text: str, mark: str) -> str:
    """A card with `mark` in column 72."""
    return text.ljust(71) + mark


def test_fields_are_separated_by_blanks_and_comments_follow_the_parameters() -> None:
    statement = one("//OUT1   OUTPUT   WRITER=SMTPD1   the first copy, WRITER=X")
    assert (statement.name, statement.operation, statement.field.text) == ("OUT1", "OUTPUT", "WRITER=SMTPD1")


def test_blank_column_3_means_no_name() -> None:
    assert (one("//  SET A=B").name, one("// SET A=B").operation) == ("", "SET")


def test_comment_statements_are_skipped_also_between_continuations() -> None:
    statement = one("//* first", "//A DD SYSOUT=*,", "//* between", "//   HOLD=NO", "//* last")
    assert statement.field.text == "SYSOUT=*,HOLD=NO"
    assert statement.card == 2


def test_columns_73_to_80_are_a_sequence_number() -> None:
    assert one("//A DD SYSOUT=*".ljust(72) + "00010000").field.text == "SYSOUT=*"


def test_null_statement_ends_the_deck() -> None:
    found, problems = read("//A DD X", "//", "//B DD Y")
    assert [each.name for each in found] == ["A"]
    assert problems == [Problem(2, "the null statement ends the deck; cards after it are ignored", warning=True)]
    assert trouble("//A DD X", "//".ljust(72), "") == []


@pytest.mark.parametrize("column", [4, 10, 16])
def test_continuation_begins_in_columns_4_to_16(column: int) -> None:
    assert one("//A DD SYSOUT=*,", "//".ljust(column - 1) + "HOLD=NO").field.text == "SYSOUT=*,HOLD=NO"


@pytest.mark.parametrize("card", ["//".ljust(16) + "HOLD=NO", "//".ljust(72) + "00020000"])
def test_continuation_elsewhere_is_out_of_place(card: str) -> None:
    assert (2, "the continuation is out of place; expected it to begin in columns 4 to 16") in trouble("//A DD SYSOUT=*,", card)


@pytest.mark.parametrize("rest", [(), ("//B DD Y",), ("HOLD=NO",), ("/*",)])
def test_missing_continuation_is_told_with_the_card_that_asks_for_it(rest: tuple[str, ...]) -> None:
    problem = (1, "the field ends in a comma, but no continuation follows; expected a card with // and a blank in column 3")
    assert problem in trouble("//A DD SYSOUT=*,", *rest)


def test_comma_and_blank_announce_continuation_and_the_rest_is_comment() -> None:
    statement = one("//A DD SYSOUT=*,   HOLD=YES is wrong", "//  HOLD=NO")
    assert statement.field.text == "SYSOUT=*,HOLD=NO"
    assert statement.field.cards == (1,) * 9 + (2,) * 7


def test_column_72_continues_a_comment() -> None:
    found, problems = read(
        filled("//A DD SYSOUT=*   a comment", "X"), filled("//  HOLD=NO is comment too", "X"), "//   this also", "//B DD Y"
    )
    assert [each.field.text for each in found] == ["SYSOUT=*", "Y"]
    assert problems == []


def test_comment_continuation_is_ignored_when_a_parameter_is_continued() -> None:
    assert one(filled("//A DD SYSOUT=*,   a comment", "X"), "//  HOLD=NO").field.text == "SYSOUT=*,HOLD=NO"


def test_comment_continuation_without_a_card_for_it_is_no_harm() -> None:
    assert [each.name for each in read(filled("//A DD X  comment", "X"), "//B DD Y")[0]] == ["A", "B"]


def test_field_that_runs_into_column_72_is_told() -> None:
    card = "//A DD DSN=".ljust(80, "X")
    assert trouble(card) == [
        (1, "the parameter field runs into column 72; expected its end, or a comma, at column 71 at the latest")
    ]
    assert one("//A DD DSN=".ljust(71, "X")).field.text == "DSN=" + "X" * 60


def test_text_in_apostrophes_goes_on_in_column_16_with_its_blanks() -> None:
    statement = one("//A EXEC PGM=X,PARM='one, two", "//             three '  comment")
    assert statement.field.text == "PGM=X,PARM='" + "one, two".ljust(71 - 21) + "three '"
    assert statement.field.cards[-1] == 2


def test_text_in_apostrophes_resumed_left_of_column_16_is_told() -> None:
    assert trouble("//A EXEC PGM=X,PARM='one", "//  two'") == [
        (2, "text in apostrophes goes on in column 16; expected blanks in columns 3 to 15"),
        (2, "text in apostrophes is not ended, but no continuation follows; expected a card with // and a blank in column 3"),
    ]


def test_apostrophe_in_column_71_is_told() -> None:
    problems = trouble("//A EXEC PGM=X,PARM='".ljust(70, "x") + "'")
    assert problems == [(1, "an apostrophe stands in column 71; expected it further left, or the value on the next card")]


def test_blanks_and_commas_in_apostrophes_are_data() -> None:
    assert one("//A EXEC PGM=X,PARM='a, b''c' comment").field.text == "PGM=X,PARM='a, b''c'"


@pytest.mark.parametrize("name", ["1A", "ABCDEFGHI", "A-B", "A.B.C", "Ä"])
def test_names_have_1_to_8_characters_and_no_digit_first(name: str) -> None:
    assert any(f"the name {name} is wrong" in text for _, text in trouble(f"//{name} DD X"))


@pytest.mark.parametrize("name", ["A", "$#@", "ABCDEFG8", "STEP.SYSUT2"])
def test_names_may_hold_national_characters_and_a_step(name: str) -> None:
    assert one(f"//{name} DD X").name == name


def test_only_a_dd_may_name_a_step() -> None:
    assert "the name S.A is wrong" in trouble("//S.A EXEC PGM=X")[0][1]


def test_statement_without_operation_is_told() -> None:
    assert trouble("//OUT1") == [(1, "there is no operation; expected PROC, EXEC, OUTPUT or DD after the name and a blank")]


def test_small_letters_are_folded_with_a_warning_but_not_in_apostrophes_or_comments() -> None:
    (statement,), problems = read("//out1 output writer=smtpd1,title='Ab c'  Comment")
    assert (statement.name, statement.operation, statement.field.text) == ("OUT1", "OUTPUT", "WRITER=SMTPD1,TITLE='Ab c'")
    assert [problem.warning for problem in problems] == [True]
    assert trouble("//OUT1 OUTPUT TITLE='Ab c'  a lower-case comment") == []


def test_cards_that_are_no_jcl_are_told() -> None:
    assert trouble("HELO MVSA") == [(1, "this is no JCL statement; expected // or /* in columns 1 and 2")]
    assert trouble("/*") == []
    assert read("/*JOBPARM S=*")[1] == [Problem(1, "JES2 control statements are ignored", warning=True)]


def test_long_cards_tabs_and_control_characters_are_told() -> None:
    assert trouble("//* " + "x" * 77) == [(1, "the card has 81 columns; expected at most 80")]
    assert trouble("//A\tDD X")[0] == (1, "a tab stands in column 4; expected blanks and printable characters")
    assert trouble("//A DD X\x00")[0] == (
        1,
        "the control character X'00' stands in column 9; expected blanks and printable characters",
    )


@pytest.mark.parametrize(
    ("cards", "data"),
    [
        (("//SYSIN DD *", "HELO", "MAIL", "/*", "//B DD X"), 2),
        (("//SYSIN DD *", "HELO", "//B DD X"), 1),
        (("//SYSIN DD DATA", "// DD", "/*", "//B DD X"), 1),
        (("//SYSIN DD DATA,DLM=$$", "/*", "//", "$$", "//B DD X"), 2),
        (("//SYSIN DD *,DLM='##'", "/*", "##", "//B DD X"), 1),
    ],
)
def test_in_stream_data_ends_at_its_delimiter(cards: tuple[str, ...], data: int) -> None:
    found, problems = read(*cards)
    assert [each.name for each in found] == ["SYSIN", "B"]
    assert (found[0].data, problems) == (data, [])


def test_in_stream_data_may_end_with_the_deck() -> None:
    assert read("//SYSIN DD DATA", "one", "two")[0][0].data == 2


DECK = ["//P        PROC", "//STEP     EXEC PGM=X", "//A        DD SYSOUT=*,", "//            HOLD=NO"]


@pytest.mark.parametrize(
    "data",
    [
        "\n".join(DECK).encode(),
        "\r\n".join([*DECK, ""]).encode(),
        b"\xef\xbb\xbf" + "\n".join([*DECK, "", ""]).encode(),
        "".join(card.ljust(80) for card in DECK).encode("cp037"),
        "\n".join(DECK).encode("cp037"),
        "\n".join(DECK).encode("cp037").replace(b"\x25", b"\x15"),
    ],
    ids=["lf", "crlf", "bom", "fixed80", "ebcdic-lf", "ebcdic-nl"],
)
def test_decks_of_any_system_read_the_same(data: bytes) -> None:
    found, problems = statements(data)
    assert [(each.name, each.operation, each.field.text) for each in found] == [
        ("P", "PROC", ""),
        ("STEP", "EXEC", "PGM=X"),
        ("A", "DD", "SYSOUT=*,HOLD=NO"),
    ]
    assert problems == []


def test_deck_that_is_too_large_is_told() -> None:
    problems = statements(b"//*\n" * (DECK_LIMIT // 4 + 1))[1]
    assert problems == [Problem(0, f"the deck has more than {DECK_LIMIT} bytes; expected a procedure for EZBMCOPY")]


def test_nothing_is_an_empty_deck() -> None:
    assert statements(b"") == ([], [])
