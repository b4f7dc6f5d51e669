"""How records stand in a file (jes-spool.md 11): one function per framing.

Promises: records in, the file's bytes out.
Never: looks into a record; shortens one (a record that does not fit is a mistake of the deck's author and raises ValueError).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

BLANK = b"\x40"


def fixed(records: Sequence[bytes], lrecl: int) -> bytes:
    """RECFM F: every record padded with EBCDIC blanks to `lrecl`."""
    for number, record in enumerate(records, 1):
        if len(record) > lrecl:
            raise ValueError(f"record {number} has {len(record)} bytes, LRECL is {lrecl}")
    return b"".join(record.ljust(lrecl, BLANK) for record in records)


def rdw(records: Sequence[bytes], lrecl: int) -> bytes:
    """RECFM V: two bytes length including the four of the RDW, two bytes zero."""
    for number, record in enumerate(records, 1):
        if len(record) + 4 > lrecl:
            raise ValueError(f"record {number} has {len(record)} bytes, LRECL is {lrecl}")
    return b"".join((len(record) + 4).to_bytes(2, "big") + b"\0\0" + record for record in records)


def len4(records: Sequence[bytes], lrecl: int) -> bytes:
    """Four bytes length (not counting themselves) before each record."""
    return b"".join(len(record).to_bytes(4, "big") + record for record in records)


def ended_by(mark: bytes) -> Callable[[Sequence[bytes], int], bytes]:
    """Text: every record ended by `mark`."""
    return lambda records, lrecl: b"".join(record + mark for record in records)


FRAMINGS: dict[str, Callable[[Sequence[bytes], int], bytes]] = {
    "fixed": fixed,
    "rdw": rdw,
    "len4": len4,
    "nl15": ended_by(b"\x15"),
    "lf25": ended_by(b"\x25"),
    "crlf": ended_by(b"\r\n"),
    "lf": ended_by(b"\n"),
}
