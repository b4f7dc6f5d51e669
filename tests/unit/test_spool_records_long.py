"""Lines longer than what is kept of one (64 KiB), and what stands behind them."""

from __future__ import annotations

import io

import pytest

from cssmtp.spool.framing import Framing, FramingKind, blocks
from cssmtp.spool.records import BLOCK_BYTES, LONGEST_KEPT

LONG = b"a" * (10 << 20)
LF = Framing(FramingKind.LF, 0, "ascii")


def read(data: bytes, offset: int = 0, first: int = 1) -> list[tuple[int, int, bytes]]:
    """(offset, number, bytes) of every record."""
    return [
        (block.position(index), block.first + index, record)
        for block in blocks(io.BytesIO(data), LF, offset, first)
        for index, record in enumerate(block.records)
    ]


@pytest.mark.parametrize("length", [LONGEST_KEPT + 1, LONGEST_KEPT + 2, BLOCK_BYTES - 3, BLOCK_BYTES, BLOCK_BYTES + 1, len(LONG)])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_what_follows_a_long_line_is_still_lines(length: int, end: bytes) -> None:
    long = LONG[:length]
    lines = [b"one", long, b"two", b"", b"three", long, b"four", long, long, b"five", b"six"]
    data = b"\n".join(lines) + end
    starts = [sum(len(line) + 1 for line in lines[:index]) for index in range(len(lines))]
    found = read(data)
    assert [record for _, _, record in found] == [line[:LONGEST_KEPT] for line in lines]
    assert [(offset, number) for offset, number, _ in found] == list(zip(starts, range(1, len(lines) + 1), strict=True))


def test_reading_may_start_behind_a_long_line() -> None:
    data = b"one\n" + LONG + b"\ntwo\nthree"
    assert read(data, len(LONG) + 5, 3) == [(len(LONG) + 5, 3, b"two"), (len(LONG) + 9, 4, b"three")]
