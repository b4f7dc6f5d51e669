"""Cutting decks out of a printer or punch stream."""

from __future__ import annotations

import pytest

from cssmtp.spool import printstream
from cssmtp.spool.printstream import Cut, Form, Job, PrintStream

START = b"****A   START  JOB   12  HERC01A  ROOM       9.00.00 PM 22 NOV 26 PRINTER1  SYS TK4-  JOB   12   START   A****\r\n"
END = START.replace(b"START", b"  END")
DECK = b"HELO a\nMAIL FROM:<a@b>\nDATA\nQUIT\n.\nQUIT\n"


def printed(data: bytes, cut: Cut = Cut.HELO, **options: object) -> list[printstream.Deck]:
    stream = PrintStream(Form(), cut, **options)  # type: ignore[arg-type]
    return stream.feed(data) + stream.finish()


def test_a_deck_goes_from_helo_to_the_quit_outside_data() -> None:
    (deck,) = printed(b"junk\r\n" + DECK.replace(b"\n", b"\r\n") + b"more junk\r\n")
    assert (deck.data, deck.job, deck.problem) == (DECK, Job(), "")
    assert deck.end == len(b"junk\r\n" + DECK.replace(b"\n", b"\r\n"))


def test_separator_pages_name_the_job_and_end_an_open_deck() -> None:
    first, second = printed(
        b"\f" + START * 3 + b"\fHELO a\r\nDATA\r\ntext\r\n" + END + b"\f" + START.replace(b"JOB   12", b"STC 1200") + DECK
    )
    assert (first.data, first.job, first.problem) == (b"HELO a\nDATA\ntext\n", Job("HERC01A", "JOB00012"), "")
    assert (second.data, second.job.jobid) == (DECK, "STC01200")


def test_a_helo_inside_a_deck_begins_no_other_one() -> None:
    assert [deck.data for deck in printed(b"HELO a\nHELO b\nQUIT\n")] == [b"HELO a\nHELO b\nQUIT\n"]


def test_a_word_that_only_begins_like_a_greeting_is_none() -> None:
    assert printed(b"HELOISE\nMAIL\n") == []


def test_what_the_end_cuts_off_inside_the_data_is_marked() -> None:
    (deck,) = printed(b"HELO a\nDATA\nhalf a li")
    assert deck.problem == "the stream ended inside the data of a mail"
    (deck,) = printed(b"HELO a\nDATA\n.\n")
    assert deck.problem == ""
    stream = PrintStream(Form())
    stream.feed(b"HELO a\n")
    assert stream.finish("the line was lost")[0].problem == "the line was lost"


def test_pages_between_separators_are_a_deck_each() -> None:
    banner = b"\f  H   H  EEEE\n" + START + b"   H  BLOCK LETTERS\n"
    first, second = printed(
        banner + b"\fRCPT no helo\nx\n\fpage 2\n" + banner.replace(b"HERC01A", b"HERC01B") + b"\fother\n", Cut.PAGES
    )
    assert (first.data, first.job.jobname) == (b"RCPT no helo\nx\npage 2\n", "HERC01A")
    assert (second.data, second.job.jobname) == (b"other\n", "HERC01B")


def test_blank_pages_are_no_deck() -> None:
    assert printed(b"\f" + START + b"\f   \n\n\f" + START, Cut.PAGES) == []


def test_a_separator_of_the_users_own() -> None:
    pattern = r"=== (?P<jobname>\w+)/(?P<jobid>\w+) ==="
    (deck,) = printed(b"=== PAY/JOB00007 ===\n" + DECK, separator=pattern)
    assert deck.job == Job("PAY", "JOB00007")
    (deck,) = printed(b"=====\n" + DECK, separator="=+")
    assert deck.job == Job()


@pytest.mark.parametrize(("number", "job_id"), [("7", "JOB00007"), ("99999", "JOB99999"), ("100000", "J0100000")])
def test_job_numbers_become_job_ids(number: str, job_id: str) -> None:
    (deck,) = printed(START.replace(b" 12 ", f" {number} ".encode()) + DECK)
    assert deck.job.jobid == job_id


def test_cards_of_a_punch() -> None:
    cards = b"".join(line.decode().encode("cp037").ljust(80, b"\x40") for line in DECK.splitlines())
    stream = PrintStream(Form(80, ebcdic=True))
    (deck,) = stream.feed(b"\x40" * 80 + cards)
    assert (deck.data, deck.end) == (cards, 80 + len(cards))
    stream = PrintStream(Form(80, ebcdic=True), Cut.PAGES)
    assert [deck.data for deck in stream.feed(cards) + stream.finish()] == [cards]


def test_overprint_is_a_line_of_its_own() -> None:
    (deck,) = printed(b"HELO a\nDATA\nbold\rbold\n.\nQUIT\n")
    assert deck.data == b"HELO a\nDATA\nbold\nbold\n.\nQUIT\n"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printstream, "LONGEST_DECK", 100)
    first, second = printed(b"HELO a\nDATA\n" + b"x" * 95 + b"\nHELO b\nQUIT\n")
    assert first.problem.startswith("the deck is longer than 100 bytes")
    assert second.data == b"HELO b\nQUIT\n"
    monkeypatch.setattr(printstream, "LONGEST_LINE", 10)
    stream = PrintStream(Form())
    stream.feed(b"y" * 100_000)
    assert len(stream.feed(b"HELO a\nQUIT\n")) <= 1
    monkeypatch.setattr(printstream, "LONGEST_PAGE", 3)
    (deck,) = printed(b"a\nb\nc\nd\n" + START + b"\f", Cut.PAGES)
    assert deck.data == b"a\nb\nc\nd\n"
