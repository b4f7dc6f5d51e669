"""A print stream gives the same decks however it is cut into pieces, and goes on where a deck has ended."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.spool.printstream import Cut, Deck, Form, PrintStream

SEPARATOR = "****A   START  JOB   12  HERC01A  ROOM  9.00 PM"
LINES = st.lists(
    st.sampled_from(["HELO a", "QUIT", "DATA", ".", "text", "", "\ftop", SEPARATOR, "over\rprint", " QUIT ", "EHLO b"]),
    max_size=30,
)


def decks(data: bytes, cuts: list[int], cut: Cut, offset: int = 0, form: Form = Form()) -> list[Deck]:  # noqa: B008
    stream = PrintStream(form, cut, offset=offset)
    found: list[Deck] = []
    edges = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(edges):
        found += stream.feed(data[start:end])
    return found + stream.finish()


@settings(max_examples=150)
@given(lines=LINES, newline=st.sampled_from(["\n", "\r\n"]), cut=st.sampled_from(list(Cut)), draw=st.data())
def test_the_decks_do_not_depend_on_the_pieces(lines: list[str], newline: str, cut: Cut, draw: st.DataObject) -> None:
    data = newline.join(lines).encode()
    cuts = draw.draw(st.lists(st.integers(0, len(data)), max_size=6))
    whole = decks(data, [], cut)
    assert decks(data, cuts, cut) == whole
    if cut is Cut.HELO and whole:
        first, *rest = whole
        again = decks(data[first.end :], [], cut, first.end)
        assert [(deck.data, deck.end) for deck in again] == [(deck.data, deck.end) for deck in rest]


@settings(max_examples=80)
@given(lines=LINES, draw=st.data())
def test_cards_are_cut_as_lines_are(lines: list[str], draw: st.DataObject) -> None:
    lines = [line.replace("\f", "").replace("\r", "") for line in lines]
    cards = b"".join(line.encode("cp037").ljust(80, b"\x40") for line in lines)
    cuts = draw.draw(st.lists(st.integers(0, len(cards)), max_size=6))
    found = decks(cards, cuts, Cut.HELO, form=Form(80, True))
    text = decks("".join(line + "\n" for line in lines).encode(), [], Cut.HELO)
    as_text = [
        b"".join(deck.data[at : at + 80].decode("cp037").rstrip().encode() + b"\n" for at in range(0, len(deck.data), 80))
        for deck in found
    ]
    assert as_text == [b"".join(line.rstrip() + b"\n" for line in deck.data.splitlines()) for deck in text]
    assert [deck.problem for deck in found] == [deck.problem for deck in text]
