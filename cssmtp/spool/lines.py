"""Records -> lines: continuation, trailing blanks, embedded line breaks (mail-processing.md 3).

Promises: `assemble` gives the same lines wherever the blocks of records begin and end; whole blocks are looked at first, single
records only where a rule needs it; memory is bounded, also for endless continuations.
Never: decodes, changes a byte inside a line, lets a continued record cross a `Lines` boundary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

from cssmtp.spool.lengths import LONGEST_KEPT
from cssmtp.spool.records import RecordBlock

CONTINUED_LENGTH = 80
"""Only a record of exactly this many bytes can be continued."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The bytes with a meaning in one encoding, each of length 1 (`linefeed` and the shifts are b"" where there are none).

    `breaks` are all bytes that end a line inside a record or stand for part of a line end.
    """

    newline: bytes
    blank: bytes
    period: bytes
    continuation: bytes
    null: bytes
    carriage_return: bytes
    linefeed: bytes
    shift_out: bytes
    shift_in: bytes

    @property
    def breaks(self) -> bytes:
        return self.newline + self.carriage_return + self.linefeed


EBCDIC = Alphabet(b"\x15", b"\x40", b"\x4b", b"\x4c", b"\x00", b"\x0d", b"\x25", b"\x0e", b"\x0f")
ASCII = Alphabet(b"\n", b" ", b".", b"<", b"\x00", b"\r", b"", b"", b"")


def alphabet_of(encoding: str) -> Alphabet:
    """The alphabet of `Framing.encoding`."""
    return EBCDIC if encoding == "ebcdic" else ASCII


@dataclass(slots=True)
class Lines:
    """Some whole lines in file order.

    `offset` is the file offset at which they start; reading may start there again with record number `first`. `spans` holds
    how many records each line took, None when one each. `text` are the lines each ended by the newline byte, or None
    when some line holds a line-break byte of its own. `dangling`: the last line's last record asked for a continuation and the
    file ended; what followed is lost, as documented (mail-processing.md 3, step 1).
    """

    offset: int
    first: int
    lines: list[bytes]
    spans: list[int] | None
    text: bytes | None
    dangling: bool = False


def continues(record: bytes, alphabet: Alphabet, mixed: bool = False) -> bool:
    """True when the next record belongs to this one: exactly 80 bytes, the last a continuation or newline byte.

    In a mixed page a last byte inside an open shift run is half a character, not a sign.
    """
    return (
        len(record) == CONTINUED_LENGTH
        and record[79:] in (alphabet.continuation, alphabet.newline)
        and not (mixed and _run_open(record, alphabet))
    )


def without_continuation(record: bytes) -> bytes:
    """What a continued record adds to the line: the continuation byte is dropped, blanks before it stay."""
    return record[:-1]


def trim(record: bytes, alphabet: Alphabet, mixed: bool = False) -> bytes:
    """Without trailing blanks. A mixed record with an open shift run is left as it is: its X'40's may be halves of characters."""
    if mixed and _run_open(record, alphabet):
        return record
    return record.rstrip(alphabet.blank)


def trim_nulls(line: bytes, alphabet: Alphabet) -> bytes:
    """Without the trailing run of nulls and blanks, mixed as they come (NullTrnc, mail-processing.md 3, step 3)."""
    return line.rstrip(alphabet.null + alphabet.blank)


def line_breaks(line: bytes, alphabet: Alphabet) -> list[bytes]:
    """The lines inside a line with line breaks of its own: X'15', X'25' and both with X'0D' before them.

    A break at the end adds no empty line, a lone X'0D' becomes a blank, trailing blanks of each part are removed.
    """
    newline, carriage_return = alphabet.newline, alphabet.carriage_return
    if alphabet.linefeed:
        line = line.replace(carriage_return + alphabet.linefeed, newline).replace(alphabet.linefeed, newline)
    line = line.replace(carriage_return + newline, newline).replace(carriage_return, alphabet.blank)
    parts = line.removesuffix(newline).split(newline)
    return [trim(part, alphabet, mixed=bool(alphabet.shift_out)) for part in parts]


def _run_open(record: bytes, alphabet: Alphabet) -> bool:
    return bool(alphabet.shift_out) and record.rfind(alphabet.shift_out) > record.rfind(alphabet.shift_in)


def assemble(blocks: Iterable[RecordBlock], alphabet: Alphabet, *, mixed: bool = False) -> Iterator[Lines]:
    """Lines of the records of `blocks` (mail-processing.md 3, steps 1 and 2). `mixed`: the page has double-byte runs.

    A line is at most 65,536 bytes; what a longer one had beyond that is dropped.
    """
    chain: _Chain | None = None
    for block in blocks:
        if chain is None and not _may_continue(block, alphabet):
            lines = _trim_all(block, alphabet, mixed)
            yield Lines(block.offset, block.first, lines, None, _clean_text(lines, alphabet, block.raw))
            continue
        offset, first = (block.offset, block.first) if chain is None else (chain.offset, chain.first)
        lines, spans, chain = _join(block, chain, alphabet, mixed)
        if lines:
            yield Lines(offset, first, lines, None if sum(spans) == len(lines) else spans, _clean_text(lines, alphabet))
    if chain is not None:
        lines = [trim(bytes(chain.text), alphabet, mixed)]
        taken = None if chain.records == 1 else [chain.records]
        yield Lines(chain.offset, chain.first, lines, taken, _clean_text(lines, alphabet), dangling=True)


def _may_continue(block: RecordBlock, alphabet: Alphabet) -> bool:
    """False is certain; True means that single records have to be looked at."""
    if block.raw:
        cards = block.raw if block.width == CONTINUED_LENGTH else b""
    else:
        cards = b"".join([record for record in block.records if len(record) == CONTINUED_LENGTH])
    column = cards[CONTINUED_LENGTH - 1 :: CONTINUED_LENGTH]
    return alphabet.continuation in column or alphabet.newline in column


def _trim_all(block: RecordBlock, alphabet: Alphabet, mixed: bool) -> list[bytes]:
    if mixed and alphabet.shift_out and alphabet.shift_out in (block.raw or b"".join(block.records)):
        return [trim(record, alphabet, mixed) for record in block.records]
    return list(map(bytes.rstrip, block.records, repeat(alphabet.blank)))


def _clean_text(lines: list[bytes], alphabet: Alphabet, raw: bytes = b"") -> bytes | None:
    """The lines as one text, or None when one of them holds a line break. `raw`: bytes that hold every byte of the lines."""
    newline = alphabet.newline
    lines.append(b"")
    text = newline.join(lines)
    lines.pop()
    if alphabet.carriage_return in text or (alphabet.linefeed and alphabet.linefeed in text):
        return None
    if raw and newline not in raw:
        return text
    return text if text.count(newline) == len(lines) else None


@dataclass(slots=True)
class _Chain:
    """A line whose last record so far is continued. `index` is where it began in the block at hand, -1: in an earlier one."""

    offset: int
    first: int
    text: bytearray
    records: int
    index: int

    def add(self, part: bytes) -> None:
        self.records += 1
        if len(self.text) < LONGEST_KEPT:
            self.text += part
            del self.text[LONGEST_KEPT:]


def _join(
    block: RecordBlock, chain: _Chain | None, alphabet: Alphabet, mixed: bool
) -> tuple[list[bytes], list[int], _Chain | None]:
    """The definition, record by record: finished lines, their spans, and the chain left open at the end of the block."""
    lines: list[bytes] = []
    spans: list[int] = []
    for index, record in enumerate(block.records):
        if continues(record, alphabet, mixed):
            if chain is None:
                chain = _Chain(0, block.first + index, bytearray(), 0, index)
            chain.add(without_continuation(record))
        elif chain is None:
            lines.append(trim(record, alphabet, mixed))
            spans.append(1)
        else:
            chain.add(record)
            lines.append(trim(bytes(chain.text), alphabet, mixed))
            spans.append(chain.records)
            chain = None
    if chain is not None and chain.index >= 0:
        chain.offset, chain.index = block.position(chain.index), -1
    return lines, spans, chain
