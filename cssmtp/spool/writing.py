"""Records -> bytes of a file in a chosen framing: for `cssmtp spool output`, for tests and tools.

Promises: what is written reads back as the same records (fixed ones padded); what a framing cannot carry is refused.
Never: writes files; drops a byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cssmtp.spool import netdata
from cssmtp.spool.lengths import LEN2, LEN4, LONGEST_KEPT, LONGEST_RECORD, RDW
from cssmtp.spool.records import Framing, FramingKind, delimiter

BLOCK_SIZE = 27_998
"""Bytes of the blocks that are written: two on a track of a 3390. A longer record gets a longer block."""


def encode(records: Iterable[bytes], framing: Framing) -> Iterator[bytes]:
    """The bytes of a file that reads back as `records` with `framing`: a piece per record (BDW: per block; NETDATA: some more).

    FIXED pads with the blank of the encoding. Raises `ValueError` for a record that the framing cannot carry: longer than LRECL
    or the length field allows, or holding the line end. `carriage` puts a control byte for "one line" before each record.
    """
    blank = b"\x40" if framing.encoding == "ebcdic" else b" "
    control = b"" if not framing.carriage else b"\x09" if framing.machine else blank
    led = (control + record for record in records)
    if framing.kind is FramingKind.NETDATA:
        return netdata.encode(_checked(each, each, LONGEST_KEPT, framing.kind) for each in led)
    pieces = (_encode_one(each, framing, blank) for each in led)
    return _blocked(pieces) if framing.kind is FramingKind.BDW else pieces


def _encode_one(record: bytes, framing: Framing, blank: bytes) -> bytes:
    kind = framing.kind
    match kind:
        case FramingKind.FIXED:
            return _checked(record, record.ljust(framing.lrecl, blank), framing.lrecl, kind)
        case FramingKind.RDW | FramingKind.BDW:
            limit = LONGEST_RECORD - (4 if kind is FramingKind.RDW else 8)
            return _checked(record, RDW.pack(min(len(record) + 4, LONGEST_RECORD), 0, 0) + record, limit, kind)
        case FramingKind.LEN4:
            return _checked(record, LEN4.pack(len(record)) + record, LONGEST_RECORD, kind)
        case FramingKind.LEN2:
            return _checked(record, LEN2.pack(min(len(record), LONGEST_RECORD)) + record, LONGEST_RECORD, kind)
    newline = delimiter(kind)
    for byte in (newline, b"\r", b"\f") if newline == b"\n" else (newline,):
        if byte in record:
            raise ValueError(f"a record holds X'{byte.hex().upper()}', which ends a line in framing {kind.value}")
    if record.endswith(b"\r"):
        raise ValueError(f"a record ends in X'0D', which belongs to the line end in framing {kind.value}")
    return _checked(record, record + (b"\r\n" if kind is FramingKind.CRLF else newline), LONGEST_KEPT, kind)


def _checked(record: bytes, framed: bytes, limit: int, kind: FramingKind) -> bytes:
    if len(record) > limit:
        raise ValueError(f"a record of {len(record)} bytes does not fit framing {kind.value}, which allows {limit}")
    return framed


def _blocked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Records with RDW in blocks with BDW."""
    block = b""
    for piece in pieces:
        if block and len(block) + len(piece) + 4 > BLOCK_SIZE:
            yield RDW.pack(len(block) + 4, 0, 0) + block
            block = b""
        block += piece
    if block:
        yield RDW.pack(len(block) + 4, 0, 0) + block
