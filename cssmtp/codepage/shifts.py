"""Shift-out and shift-in: which bytes of a mixed record are double-byte text, and how broken records are mended.

Promises: `parts` gives an answer for any bytes, and says how much it mended.
Never: carries a shift state from one record to the next (code-pages.md 2.5).
"""

from __future__ import annotations

import re

LOST_PAIR = b"\xfe\xfe"
"""Stands for an odd byte: IBM's double-byte substitution character, which no page defines as text."""

_SHIFTS = re.compile(b"([\x0e\x0f])")
_CONTROLS = re.compile(b"([\x00-\x3f]+)")


def parts(record: bytes) -> tuple[list[bytes], int, int]:
    """A record as single, double, single, ... parts (an odd number), the unbalanced shifts and the odd bytes that were mended.

    A record starts single-byte. A shift to where one is already, and one left open at the end, is unbalanced and without effect.
    A control character within double-byte text is taken out as a single part; a byte without its second half is a lost pair.
    """
    pieces: list[list[bytes]] = [[]]
    unbalanced, odd, shifted = 0, 0, False
    for token in _SHIFTS.split(record):
        if token in (b"\x0e", b"\x0f"):
            unbalanced += shifted == (token == b"\x0e")
            if shifted != (token == b"\x0e"):
                shifted = not shifted
                pieces.append([])
        else:
            pieces[-1].append(token)
    found = [b"".join(piece) for piece in pieces]
    whole = [found[0]]
    for double, single in zip(found[1::2], [*found[2::2], b""], strict=False):
        mended, lost = _pairs(double)
        odd += lost
        whole += [*mended, single]
    return whole, unbalanced + shifted, odd


def _pairs(run: bytes) -> tuple[list[bytes], int]:
    """Double-byte text as double, single, double, ... parts (an odd number), and the odd bytes in it."""
    pieces = _CONTROLS.split(run)
    odd = 0
    for at in range(0, len(pieces), 2):
        if len(pieces[at]) % 2:
            pieces[at] = pieces[at][:-1] + LOST_PAIR
            odd += 1
    return pieces, odd
