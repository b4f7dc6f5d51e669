"""`cssmtp smf`: what SMF records say.

Promises: records one by one in bounded memory however large a file is; what is damaged is told with its place on standard error,
the good records are shown all the same; exit status 0, or 2 when a file is damaged or cannot be read.
Never: changes a file.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from cssmtp.errors import UsageError
from cssmtp.messages import plain
from cssmtp.observe.smf import Buffer, Damage, Record, records
from cssmtp.observe.smf_layouts import Subtype
from cssmtp.observe.smf_view import By, Filter, Row, Summary, Sums, csv_columns, csv_row, row, to_object

EXPLANATION = """\
FILE is a file of variable-length records with their record descriptor words, as System SmfFile names one; - is standard input.

examples:
  cssmtp smf smf119                                what happened
  cssmtp smf smf119 --by job                       mails per job
  cssmtp smf smf119 --failures --since 2026-01-31  what failed since then
  cssmtp smf smf119 --unencrypted                  what went in clear
  cssmtp smf smf119 --subtype MAIL --format csv    for a spreadsheet
  cssmtp smf smf119 --format json | jq .           everything
"""

FORMATS = ("table", "json", "csv")
TEXT_LIMIT = 200
"""Octets of the last column of the table."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.epilog = EXPLANATION
    parser.add_argument("files", metavar="FILE", nargs="+", help="a file of SMF records; - for standard input")
    parser.add_argument("--format", choices=FORMATS, default="table", help="table (default), json (one object a line), csv")
    parser.add_argument(
        "--subtype",
        metavar="NAME",
        action="append",
        default=[],
        help="only CONFIG, CONNECT, MAIL, SPOOL, STATS or 48 to 52; may be repeated",
    )
    parser.add_argument("--job", metavar="PATTERN", default="", help="only spool files of these jobs; * and ? as usual")
    parser.add_argument("--owner", metavar="PATTERN", default="", help="only spool files of these owners")
    parser.add_argument(
        "--since", metavar="TIME", default="", help="only records from this local time on, as 2026-01-31 or 2026-01-31T08:00"
    )
    parser.add_argument(
        "--unencrypted", action="store_true", help="only mail that reached somebody without TLS, and connections without TLS"
    )
    parser.add_argument("--failures", action="store_true", help="only mail that did not reach everybody, and bad spool files")
    parser.add_argument("--by", choices=[by.value for by in By], help="sums of the mails instead of records")


def run(arguments: argparse.Namespace) -> int:
    """Do it; the answer is the exit status. Raises `UsageError`."""
    wanted = Filter(
        _subtypes(arguments.subtype),
        arguments.job.upper(),
        arguments.owner.upper(),
        _since(arguments.since),
        arguments.unencrypted,
        arguments.failures,
    )
    reader = _Reader(arguments.files)
    chosen = (record for record in reader if wanted.takes(record))
    if arguments.by:
        _sums(chosen, By(arguments.by), arguments.format)
    elif arguments.format == "json":
        for record in chosen:
            print(json.dumps(to_object(record)))
    elif arguments.format == "csv":
        writer = csv.DictWriter(sys.stdout, csv_columns(wanted.subtypes), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(csv_row(record) for record in chosen)
    else:
        print(_line(Row(*(one.name.replace("_", " ").upper() for one in dataclasses.fields(Row)))))
        for record in chosen:
            print(_line(row(record)))
    return 2 if reader.damaged else 0


class _Reader:
    """All records of some files; trouble goes to standard error and is remembered in `damaged`."""

    def __init__(self, files: list[str]) -> None:
        self.damaged = False
        self._files = files

    def __iter__(self) -> Iterator[Record]:
        for name in self._files:
            try:
                with _contents(name) as data:
                    yield from self._records(name, data)
            except OSError as error:
                self._tell(f"{name}: {error.strerror or error}")

    def _records(self, name: str, data: Buffer) -> Iterator[Record]:
        for found in records(data):
            if isinstance(found, Damage):
                self._tell(f"{name}: damaged at offset {found.offset}: {found.reason}")
            else:
                yield found.record

    def _tell(self, text: str) -> None:
        self.damaged = True
        sys.stdout.flush()
        print(f"cssmtp smf: {plain(text)}", file=sys.stderr)


@contextmanager
def _contents(name: str) -> Iterator[Buffer]:
    """The bytes of a file, mapped where that is possible: SMF files are large."""
    if name == "-":
        yield sys.stdin.buffer.read()
        return
    with open(name, "rb") as stream:
        try:
            view = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # a pipe, or an empty file
            yield stream.read()
            return
        with view:
            yield view


def _subtypes(names: list[str]) -> frozenset[Subtype]:
    known = {subtype.name: subtype for subtype in Subtype} | {str(int(subtype)): subtype for subtype in Subtype}
    for name in names:
        if name.upper() not in known:
            raise UsageError(f"{name!r} is no subtype; use {', '.join(known)}")
    return frozenset(known[name.upper()] for name in names) or frozenset(Subtype)


def _since(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time; write 2026-01-31 or 2026-01-31T08:00") from None
    return moment if moment.tzinfo is None else moment.astimezone().replace(tzinfo=None)


_WIDTHS = {
    "time": 22,
    "name": 7,
    "job": 8,
    "job_id": 8,
    "owner": 8,
    "mail": -6,
    "target": 15,
    "result": 13,
    "encrypted": 9,
    "octets": -10,
}
"""Columns of the table, negative for numbers; the last one has what it needs."""


def _line(one: Row) -> str:
    cells = []
    for name, width in _WIDTHS.items():
        text = plain(getattr(one, name))
        cells.append(text.rjust(-width) if width < 0 else text.ljust(width))
    return " ".join([*cells, plain(one.text, TEXT_LIMIT)]).rstrip()


def _sums(chosen: Iterator[Record], by: By, form: str) -> None:
    summary = Summary(by)
    for record in chosen:
        summary.add(record)
    if summary.from_files:
        print("cssmtp smf: there are no MAIL records; sums are those of SPOOL records", file=sys.stderr)
    names = [one.name for one in dataclasses.fields(Sums)]
    rows = [{**dataclasses.asdict(sums), "key": sums.key or "(none)"} for sums in summary.rows()]
    if form == "json":
        for found in rows:
            print(json.dumps({by.value: found["key"], **{name: found[name] for name in names[1:]}}))
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([by.value, *names[1:]])
        writer.writerows([found[name] for name in names] for found in rows)
    else:
        _table(by, names, [[plain(str(found[name])) for name in names] for found in rows])


def _table(by: By, names: list[str], rows: list[list[str]]) -> None:
    heads = [by.value.upper(), *(name.upper() for name in names[1:])]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for cells in (heads, *rows):
        first, *numbers = zip(cells, widths, strict=True)
        print(" ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in numbers)]).rstrip())
