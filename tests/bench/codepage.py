"""How fast the code pages are: `python -m tests.bench.codepage`.

Promises: 64 MiB per figure, all competitors of a group in turn within each round, medians over the rounds, and the ratio to a
plain copy of the same bytes in the same round. What is not installed is left out and said so.
Never: measures the first use of a table; that is given as a figure of its own.
"""

from __future__ import annotations

import codecs
import ctypes
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cssmtp.codepage.fixed import canonical_lines
from cssmtp.codepage.transcode import source_text, transcoder

SIZE = 64 << 20
BLOCK = 256 << 10
Run = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what was measured, megabytes (10^6) of input per second, and the time as a multiple of a plain copy."""

    group: str
    name: str
    speed: float
    copies: float

    def __str__(self) -> str:
        return f"{self.group:<20} {self.name:<44} {self.speed:>8.0f} MB/s {self.copies:>8.1f} x copy"


def measured(group: str, size: int, runs: dict[str, Run], rounds: int) -> list[Row]:
    """Time all runs in turn, `rounds` times; the first run is the plain copy."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    base = next(iter(medians.values()))
    return [Row(group, name, size / 1e6 / taken, taken / base) for name, taken in medians.items()]


def copier(data: bytes) -> Run:
    """A memmove of the data into a buffer that is there."""
    buffer = ctypes.create_string_buffer(len(data))
    return lambda: ctypes.memmove(buffer, data, len(data))


def command(arguments: list[str], file: Path) -> Run:
    """A conversion command reading a file and writing nowhere."""
    return lambda: subprocess.run([*arguments, str(file)], stdout=subprocess.DEVNULL, check=True)


def commands(data: bytes, folder: Path, iconv: tuple[str, str], uconv: tuple[str, str]) -> dict[str, Run]:
    """The iconv and uconv commands on the data, those that are installed."""
    file = folder / "data"
    file.write_bytes(data)
    found: dict[str, Run] = {}
    for name, (source, target) in (("iconv", iconv), ("uconv", uconv)):
        if shutil.which(name) is None:
            print(f"(the {name} command is not installed)")
            continue
        found[f"{name} command"] = command([name, "-f", source, "-t", target], file)
    return found


def repeated(text: bytes, size: int) -> bytes:
    """Whole repetitions of a text, up to about `size` bytes."""
    return text * (size // len(text))


ENGLISH = (
    "Dear colleague,\n\nthe batch run of tonight has ended with condition code 0004 in step RPT020.\n"
    "Please look at the report below [3 pages], and tell us by noon whether it is right.\n"
    "  account   4711-0815      balance       12,345.67\n.hidden line\nRegards, the night shift\n"
)
JAPANESE = "本日の会議資料を送付します。 Report 4711 ご確認ください、よろしく\n東京支店 売上 12,345 円 (前年比 103%)\n"


def single_byte(folder: Path) -> list[Row]:
    """A block of lines from IBM-1047 to ISO 8859-1, IBM-1252 and UTF-8."""
    data = repeated(source_text("IBM-1047").encode(ENGLISH), SIZE)
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
    own = {charset: transcoder("IBM-1047", charset) for charset in ("ISO8859-1", "IBM-1252", "UTF-8")}
    table = own["ISO8859-1"]._table.quick  # type: ignore[attr-defined]  # SingleTranscoder's own
    stdlib = codecs.lookup("cp037")

    def lines(charset: str) -> Run:
        return lambda: [len(own[charset].lines(block)) for block in blocks]

    runs: dict[str, Run] = {
        "memmove": copier(data),
        "translate alone, blocks of 256 KiB": lambda: [len(block.translate(table)) for block in blocks],
        "translate alone, all at once": lambda: data.translate(table),
        "lines() to ISO8859-1, blocks of 256 KiB": lines("ISO8859-1"),
        "lines() to windows-1252, blocks of 256 KiB": lines("IBM-1252"),
        "lines() to UTF-8, blocks of 256 KiB": lines("UTF-8"),
        "lines() to ISO8859-1, all at once": lambda: own["ISO8859-1"].lines(data),
        "stdlib: decode cp037, encode latin-1, blocks": lambda: [len(stdlib.decode(b)[0].encode("latin-1")) for b in blocks],
        **commands(data, folder, ("IBM1047", "ISO-8859-1"), ("ibm-1047", "iso-8859-1")),
    }
    for charset in own:
        own[charset].lines(data[:1000])
    return measured("single-byte block", len(data), runs, 7)


def fixed_records(folder: Path) -> list[Row]:
    """Records of 80 bytes to wire lines: split, strip, translate, stuff, CRLF."""
    lines = source_text("IBM-1047").encode(ENGLISH).split(b"\x15")[:-1]
    data = repeated(b"".join(line[:80].ljust(80, b"\x40") for line in lines), SIZE)
    own = transcoder("IBM-1047", "ISO8859-1")

    def block_of_records() -> int:
        done = 0
        for at in range(0, len(data), 80 * 3200):
            wire = own.lines(canonical_lines(data[at : at + 80 * 3200], 80)).replace(b"\r\n.", b"\r\n..")
            done += len(b"." + wire if wire.startswith(b".") else wire)
        return done

    def one_by_one() -> int:
        done = 0
        for at in range(0, len(data), 80):
            wire = own.record(data[at : at + 80].rstrip(b"\x40"))
            done += len(b"." + wire if wire.startswith(b".") else wire) + 2
        return done

    runs: dict[str, Run] = {
        "memmove": copier(data),
        "our path, blocks of 3200 records": block_of_records,
        "our path, record() for each": one_by_one,
    }
    runs |= commands(data, folder, ("IBM1047", "ISO-8859-1"), ("ibm-1047", "iso-8859-1"))
    if "iconv command" in runs:
        runs["iconv command, twice"] = lambda once=runs["iconv command"]: (once(), once())  # type: ignore[misc]
    assert block_of_records() == one_by_one()
    return measured("records of 80 bytes", len(data), runs, 3)


class GlibcIconv:
    """The C library's iconv, called through ctypes for one record at a time."""

    def __init__(self, source: str, target: str) -> None:
        self._library = ctypes.CDLL(None)
        self._library.iconv_open.restype = ctypes.c_void_p
        self._library.iconv.argtypes = [ctypes.c_void_p] * 5
        self._handle = self._library.iconv_open(target.encode("ascii"), source.encode("ascii"))
        self._buffer = ctypes.create_string_buffer(4096)
        self._start = ctypes.addressof(self._buffer)

    def __call__(self, record: bytes) -> bytes:
        given, left = ctypes.c_char_p(record), ctypes.c_size_t(len(record))
        taken, room = ctypes.c_void_p(self._start), ctypes.c_size_t(4096)
        refs = map(ctypes.byref, (given, left, taken, room))
        self._library.iconv(self._handle, *refs)
        return ctypes.string_at(self._start, 4096 - room.value)


def double_byte(folder: Path) -> list[Row]:
    """Lines of Japanese text from IBM-939, mean double-byte run about ten characters."""
    source = source_text("IBM-939")
    data = repeated(source.encode(JAPANESE), SIZE)
    records = data.split(b"\x15")[:-1]
    own = {charset: transcoder("IBM-939", charset) for charset in ("IBM-943", "IBM-5054", "UTF-8")}
    glibc = GlibcIconv("IBM939", "IBM943")
    assert [glibc(record) for record in records[:2]] == [own["IBM-943"].record(record) for record in records[:2]]

    def lines(charset: str) -> Run:
        batches = [b"\x15".join(records[at : at + 3200]) + b"\x15" for at in range(0, len(records), 3200)]
        return lambda: sum(len(own[charset].lines(batch)) for batch in batches)

    runs: dict[str, Run] = {
        "memmove": copier(data),
        "lines() to IBM-943": lines("IBM-943"),
        "lines() to IBM-5054 (ISO-2022-JP)": lines("IBM-5054"),
        "lines() to UTF-8": lines("UTF-8"),
        "record() for each, to IBM-943": lambda: sum(len(own["IBM-943"].record(record)) for record in records),
        "glibc iconv by ctypes for each record": lambda: sum(len(glibc(record)) for record in records),
        **commands(data.replace(b"\x15", b"\x25"), folder, ("IBM939", "IBM943"), ("ibm-939", "ibm-943_P15A-2003")),
    }
    return measured("double-byte, 939", len(data), runs, 3)


def one_mail() -> list[str]:
    """Times of single mails of 4 KiB, and of composing a pair of tables for the first time."""
    english = repeated(source_text("IBM-1047").encode(ENGLISH), 4096)
    japanese = repeated(source_text("IBM-939").encode(JAPANESE), 4096)
    start = time.perf_counter()
    transcoder("IBM-1364", "IBM-1363")
    found = [f"first transcoder of IBM-1364 to IBM-1363: {(time.perf_counter() - start) * 1e3:.1f} ms"]
    for page, charset, mail in (("IBM-1047", "ISO8859-1", english), ("IBM-939", "IBM-943", japanese)):
        start = time.perf_counter()
        for _ in range(2000):
            transcoder(page, charset).lines(mail)
        found.append(f"a mail of 4 KiB, {page} to {charset}: {(time.perf_counter() - start) / 2000 * 1e6:.1f} microseconds")
    return found


def run() -> list[Row]:
    """Every figure with a copy to compare to."""
    with tempfile.TemporaryDirectory() as folder:
        return [*single_byte(Path(folder)), *fixed_records(Path(folder)), *double_byte(Path(folder))]


def main() -> None:
    """Print everything."""
    for row in run():
        print(row)
    for line in one_mail():
        print(line)


if __name__ == "__main__":
    main()
