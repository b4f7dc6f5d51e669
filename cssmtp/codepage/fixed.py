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


@functools.cache
def _record(length: int) -> struct.Struct:
    return struct.Struct(f"{length}s")


def canonical_lines(block: bytes, length: int) -> bytes:
    """The records of `length` bytes in a block as lines without trailing blanks, each ended by X'15'.

    Raises struct.error when the block is no multiple of `length`.
    """
    records = _record(length)
    if any(byte in block for byte in _RARE):
        return b"".join([record.rstrip(b"\x40") + b"\x15" for (record,) in records.iter_unpack(block)])
    placed = block.translate(_PLACES)
    stripped = b"\x15".join([record.rstrip() for (record,) in records.iter_unpack(placed)])
    return stripped.translate(_PLACES) + b"\x15" if block else b""
