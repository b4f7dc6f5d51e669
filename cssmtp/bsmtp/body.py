"""The body of a mail as stuffed lines: from records while the deck is read, or again from the file for a large body.

Promises: `record_text` is the definition, by single records; `stuffed_lines` equals it for any records, and does most
blocks with one join and one search. `read_body` gives exactly what would have ridden inline.
Never: lets a period or a line break of a record become the end of the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cssmtp.errors import UnreadableData
from cssmtp.model import BodySpan
from cssmtp.spool.lines import ASCII, EBCDIC, Alphabet, assemble, line_breaks, trim
from cssmtp.spool.records import Framing, RecordBlock, blocks

TEXT_LIMIT = 998
"""Bytes of a header or body line (mail-processing.md 4)."""

_LED_BY_PERIOD = {alphabet.period: re.compile(re.escape(alphabet.newline + alphabet.period)) for alphabet in (EBCDIC, ASCII)}
"""By period: a line but the first that begins with it. Twice as fast as `in` on bodies without such lines."""


def ends_data(line: bytes, alphabet: Alphabet) -> bool:
    """Is this record, blanks removed, the end of the data: exactly one period, line breaks at its end apart?"""
    period = alphabet.period
    return line == period or (line.startswith(period) and line_breaks(line, alphabet) == [period])


def record_text(line: bytes, alphabet: Alphabet) -> bytes:
    """One record of a body, blanks removed, as stuffed lines (the definition).

    The writer's period is dropped (mail-processing.md 5.8), the record is split at breaks inside it, and each line that
    then begins with a period gets one (RFC 5321 4.5.2), so that a break in a record cannot end the data.
    """
    period = alphabet.period
    parts = line_breaks(line.removeprefix(period), alphabet)
    return b"".join((period + part if part.startswith(period) else part) + alphabet.newline for part in parts)


def stuffed_lines(lines: list[bytes], alphabet: Alphabet, *, clean: bool) -> tuple[bytes, int]:
    """Records of a body as stuffed lines, and their `octets`.

    `clean`: the caller knows that no record has a line break of its own.
    """
    if not clean:
        text = b"".join([record_text(line, alphabet) for line in lines])
        return text, octets(text, alphabet)
    newline, period = alphabet.newline, alphabet.period
    text = newline.join(lines) + newline if lines else b""
    if _LED_BY_PERIOD[period].search(text) is None and not text.startswith(period):
        return text, len(text) + len(lines)
    double = period + period
    text = newline.join([_single(line, period, double) if line.startswith(period) else line for line in lines]) + newline
    return text, octets(text, alphabet)


def _single(line: bytes, period: bytes, double: bytes) -> bytes:
    return line if line.startswith(double) else line[len(period) :]


def octets(text: bytes, alphabet: Alphabet) -> int:
    """Length of stuffed lines with CRLF line ends and without the stuffing (what DeckMail.size counts)."""
    newline, period = alphabet.newline, alphabet.period
    stuffed = text.count(newline + period) + text.startswith(period)
    return len(text) + text.count(newline) - stuffed


def truncated(lines: list[bytes], alphabet: Alphabet) -> list[bytes]:
    """The lines with everything over TEXT_LIMIT bytes cut off (Options DataLineTrunc YES), again without trailing blanks."""
    mixed = bool(alphabet.shift_out)
    return [line if len(line) <= TEXT_LIMIT else trim(line[:TEXT_LIMIT], alphabet, mixed) for line in lines]


def read_body(
    body: BodySpan, stream: BinaryIO, framing: Framing, alphabet: Alphabet, *, mixed: bool, truncate: bool
) -> Iterator[bytes]:
    """The stuffed lines of a large body, in blocks of whole lines as the framing cuts them (about 256 KiB).

    `truncate` is Options DataLineTrunc. Raises UnreadableData when the file is not what it was.
    """
    wanted = _records(blocks(stream, framing, body.offset), body.skip, body.records)
    for block in assemble(wanted, alphabet, mixed=mixed):
        lines = truncated(block.lines, alphabet) if truncate else block.lines
        yield stuffed_lines(lines, alphabet, clean=block.text is not None)[0]


def _records(source: Iterable[RecordBlock], skip: int, count: int) -> Iterator[RecordBlock]:
    """Blocks of `source` without the first `skip` records, ended after `count` more; UnreadableData when there are fewer."""
    for block in source:
        records = block.records[skip : skip + count]
        if len(records) == len(block.records):
            yield block
        elif records:
            yield RecordBlock(block.offset, block.first, records)
        skip = max(0, skip - len(block.records))
        count -= len(records)
        if count == 0:
            return
    raise UnreadableData(f"the file has changed: {count} records of a body are missing")
