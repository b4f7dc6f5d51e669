"""How fast spool files become records: `python -m tests.bench.framing`.

Promises: files of 64 MiB, medians over the rounds; "both" is what a spool file costs before its lines are looked at: finding
the framing (one walk over the whole file) and then reading the records. Beside it, reading the same bytes and nothing else.
Beside that, nanoseconds per record, which is what bounds records of many lengths: a bytes object has to be made of each.
Never: leaves out the slow cases: records of many lengths are measured beside records of one.
"""

from __future__ import annotations

import io
import random
import statistics
import time
from collections.abc import Callable

from cssmtp.spool.attributes import Attributes
from cssmtp.spool.framing import Framing, FramingKind, blocks, detect, encode
from cssmtp.spool.lines import alphabet_of, assemble

SIZE = 64 << 20
ROUNDS = 3
GOAL = 300
DECK = ("HELO MVSA", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", "Subject: bench", "")


def deck(lengths: Callable[[], int], width: int) -> list[bytes]:
    """Records of about SIZE bytes: a deck whose body lines have the lengths that are asked for; `width` pads all of them."""
    records = [line.encode("cp037") for line in DECK]
    line = ("The quick brown fox jumps over the lazy dog. " * 8).encode("cp037")
    left = SIZE
    while left > 0:
        record = line[: lengths()]
        records.append(record)
        left -= len(record) + 4
    return [record.ljust(width, b"\x40") for record in records] if width else records


def cases() -> dict[str, tuple[Framing, list[bytes]]]:
    """Name -> framing and records."""
    dice = random.Random(7)
    cards = deck(lambda: 80, 80)
    text = deck(lambda: dice.randrange(0, 81), 0)
    report = deck(lambda: dice.randrange(40, 133), 0)
    print_lines = deck(lambda: dice.randrange(1, 134), 0)
    prose = deck(lambda: min(80, int(dice.gauss(62, 14))) if dice.random() > 0.08 else 0, 0)
    long = deck(lambda: 255, 255)
    return {
        "fixed, 80 bytes": (Framing(FramingKind.FIXED, 80), cards),
        "RDW, all records 80 bytes": (Framing(FramingKind.RDW), cards),
        "RDW, all records 255 bytes": (Framing(FramingKind.RDW), long),
        "RDW, 40 to 132 bytes": (Framing(FramingKind.RDW), report),
        "RDW, 1 to 133 bytes": (Framing(FramingKind.RDW), print_lines),
        "RDW, lines of prose": (Framing(FramingKind.RDW), prose),
        "RDW, 0 to 80 bytes": (Framing(FramingKind.RDW), text),
        "BDW and RDW, 0 to 80 bytes": (Framing(FramingKind.BDW), text),
        "4-byte lengths, 0 to 80 bytes": (Framing(FramingKind.LEN4), text),
        "EBCDIC lines, 0 to 80 bytes": (Framing(FramingKind.NL15), text),
        "NETDATA, 80 bytes": (Framing(FramingKind.NETDATA), cards),
    }


def speed(size: int, run: Callable[[], object]) -> float:
    """Megabytes (10^6) per second, the median of the rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return size / 1e6 / statistics.median(times)


def measured(name: str, framing: Framing, records: list[bytes]) -> str:
    """One row: finding, reading, both, both with the lines put together, and reading bytes only."""
    data = b"".join(encode(records, framing))
    stream = io.BytesIO(data)

    def find() -> None:
        found = detect(stream, len(data), Attributes())
        assert found.kind is framing.kind, found

    def read() -> int:
        return sum(len(block.records) for block in blocks(stream, framing))

    def lines() -> int:
        return sum(len(each.lines) for each in assemble(blocks(stream, framing), alphabet_of("ebcdic")))

    def nothing() -> None:
        stream.seek(0)
        while stream.read(256 << 10):
            continue

    finding, reading, plain = speed(len(data), find), speed(len(data), read), speed(len(data), nothing)
    both = 1 / (1 / finding + 1 / reading)
    with_lines = 1 / (1 / finding + 1 / speed(len(data), lines))
    average = sum(map(len, records)) / len(records)
    each = len(data) / len(records) / both * 1000
    verdict = "" if framing.kind not in (FramingKind.FIXED, FramingKind.RDW) else "  goal met" if both >= GOAL else "  BELOW GOAL"
    figures = f"{finding:>8.0f}{reading:>10.0f}{both:>8.0f}{each:>11.0f}{with_lines:>12.0f}{plain:>12.0f}"
    return f"{name:<32}{average:>6.0f}{figures}{verdict}"


def main() -> None:
    """Print everything."""
    print(
        f"{'MB/s':<32}{'bytes':>6}{'finding':>8}{'reading':>10}{'both':>8}{'ns/record':>11}{'and lines':>12}{'bytes only':>12}"
        f"  goal: both {GOAL}"
    )
    for name, (framing, records) in cases().items():
        print(measured(name, framing, records), flush=True)


if __name__ == "__main__":
    main()
