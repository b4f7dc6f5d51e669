"""Fixed-length EBCDIC records to canonical lines: the quick way to take off trailing blanks.

Promises: the same as cutting the block, `record.rstrip(b"\\x40")` for each record and joining with X'15', in less time.
Never: looks at what the records say; line breaks within them are the caller's affair.

How. `bytes.rstrip` is quickest when it strips Python's own white space. So the block is translated by a permutation that makes
X'40' a white-space byte, stripped, joined, and translated back. The five other white-space bytes stand for control characters
that no text has; a block that has one of them goes the plain way.
"""

from __future__ import annotations

import functools
import struct

_RARE = b"\x30\x31\x33\x34\x35"
"""Control characters without a function in text; they take the place of tab, line feed, VT, FF and CR in the permutation."""

_PLACES = bytes.maketrans(b"\x40\x20" + _RARE + b"\t\n\v\f\r", b"\x20\x40" + b"\t\n\v\f\r" + _RARE)


@functools.lru_cache(maxsize=64)
def _records(length: int, count: int) -> struct.Struct:
    """What cuts a block into its records in one call."""
    return struct.Struct(f"{length}s" * count)


def canonical_lines(block: bytes, length: int) -> bytes:
    """The records of `length` bytes in a block as lines without trailing blanks, each ended by X'15'.

    `length` is at least 1. Raises struct.error when the block is no multiple of it.
    """
    records = _records(length, len(block) // length)
    if any(byte in block for byte in _RARE):
        return b"".join([record.rstrip(b"\x40") + b"\x15" for record in records.unpack(block)])
    placed = records.unpack(block.translate(_PLACES))
    return b"\x15".join([*map(bytes.rstrip, placed), b""]).translate(_PLACES)
