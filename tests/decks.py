"""Decks for tests: text or records to `Lines`, and what the interpreter makes of them."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Sequence

from cssmtp.bsmtp.interpreter import Event, Interpreter, Rules
from cssmtp.codepage.transcode import source_text
from cssmtp.model import DeckMail, Fault
from cssmtp.spool.framing import Framing, FramingKind, RecordBlock, encode
from cssmtp.spool.lines import EBCDIC, Lines, assemble

PAGE = source_text("IBM-1047")
RDW = Framing(FramingKind.RDW)


def ebcdic(text: str) -> list[bytes]:
    """The records of a deck given as text, one per line."""
    return [PAGE.encode(line) for line in text.strip("\n").split("\n")]


def assembled(records: Sequence[bytes], cuts: Iterable[int] = ()) -> list[Lines]:
    """Records as the spool hands them on, cut into blocks before the given indexes."""
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(records)}), len(records)]
    offsets = [0]
    for record in records:
        offsets.append(offsets[-1] + len(record) + 4)
    blocks = [
        RecordBlock(offsets[a], a + 1, list(records[a:b]), place=lambda index, a=a: offsets[a + index] - offsets[a])
        for a, b in itertools.pairwise(edges)
        if b > a
    ]
    return list(assemble(blocks, EBCDIC))


def stream(records: Sequence[bytes]) -> io.BytesIO:
    """The records as a file with RDW framing; the offsets of `assembled` are true for it."""
    return io.BytesIO(b"".join(encode(records, RDW)))


def interpret(records: Sequence[bytes], rules: Rules | None = None, cuts: Iterable[int] = ()) -> tuple[list[Event], Interpreter]:
    """All events of a deck, and the interpreter that told them."""
    interpreter = Interpreter(rules or Rules(), PAGE, EBCDIC)
    events: list[Event] = []
    for lines in assembled(records, cuts):
        events += interpreter.feed(lines)
    return events + interpreter.finish(), interpreter


def run(text: str, rules: Rules | None = None) -> list[Event]:
    return interpret(ebcdic(text), rules)[0]


def mails(events: Iterable[Event]) -> list[DeckMail]:
    return [event for event in events if isinstance(event, DeckMail)]


def faults(events: Iterable[Event]) -> list[Fault]:
    return [event for event in events if isinstance(event, Fault)]


def replies(events: Iterable[Event]) -> list[str]:
    return [fault.reply for fault in faults(events)]


def body_text(mail: DeckMail) -> str:
    """The stuffed lines of an inline body, decoded."""
    assert isinstance(mail.body, bytes)
    return PAGE.text(mail.body)
