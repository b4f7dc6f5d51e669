"""What the spool's tests share: a clock that stands still, records of all framings, a spool in a temporary directory."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cssmtp.spool.attributes import Attributes
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.framing import Framing, FramingKind, RecordBlock, blocks, encode
from cssmtp.spool.lines import Lines, alphabet_of, assemble

EBCDIC_FRAMINGS = (
    Framing(FramingKind.FIXED, 80),
    Framing(FramingKind.RDW),
    Framing(FramingKind.BDW),
    Framing(FramingKind.LEN4),
    Framing(FramingKind.LEN2),
    Framing(FramingKind.NETDATA),
    Framing(FramingKind.NL15),
    Framing(FramingKind.LF25),
)
ASCII_FRAMINGS = (
    Framing(FramingKind.FIXED, 80, "ascii"),
    Framing(FramingKind.RDW, 0, "ascii"),
    Framing(FramingKind.BDW, 0, "ascii"),
    Framing(FramingKind.LEN4, 0, "ascii"),
    Framing(FramingKind.LEN2, 0, "ascii"),
    Framing(FramingKind.NETDATA, 0, "ascii"),
    Framing(FramingKind.LF, 0, "ascii"),
    Framing(FramingKind.CRLF, 0, "ascii"),
)
ALL_FRAMINGS = EBCDIC_FRAMINGS + ASCII_FRAMINGS

DECK = [
    "HELO MVSA",
    "MAIL FROM:<a@b.example>",
    "RCPT TO:<c@d.example>",
    "DATA",
    "Subject: hello",
    "",
    "body",
    "..dot",
    ".",
    "QUIT",
]


class StoppedClock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
        self.ticks = 100.0

    def wall(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.ticks

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.ticks += seconds


def name_of(framing: Framing) -> str:
    return f"{framing.kind.value}-{framing.encoding}"


def deck(framing: Framing) -> list[bytes]:
    return [line.encode("cp037" if framing.encoding == "ebcdic" else "ascii") for line in DECK]


def framed(records: list[bytes], framing: Framing) -> bytes:
    return b"".join(encode(records, framing))


def read_records(data: bytes, framing: Framing) -> list[bytes]:
    return [record for block in blocks(io.BytesIO(data), framing) for record in block.records]


def read_lines(data: bytes, framing: Framing, mixed: bool = False) -> list[Lines]:
    return list(assemble(blocks(io.BytesIO(data), framing), alphabet_of(framing.encoding), mixed=mixed))


def block_of(*records: bytes) -> RecordBlock:
    return RecordBlock(0, 1, list(records))


def make_spool(root: Path, clock: StoppedClock, settle_seconds: float = 0.0) -> DirectorySpool:
    spool = DirectorySpool(root, clock=clock, node="NODE1", settle_seconds=settle_seconds)
    spool.initialise("CSSMTP")
    return spool


def drop(
    root: Path, name: str | bytes, data: bytes = b"HELO mvsa\n", sidecar: bytes | None = None, writer: str = "CSSMTP"
) -> Path:
    """Puts a file, and its sidecar, into the drop zone."""
    path = root / "drop" / writer / os.fsdecode(name)
    path.write_bytes(data)
    if sidecar is not None:
        path.with_name(path.name + ".json").write_bytes(sidecar)
    return path


def plain(**values: object) -> Attributes:
    return Attributes(**{"writer": "CSSMTP", "jobname": "JOB1", **values})  # type: ignore[arg-type]
