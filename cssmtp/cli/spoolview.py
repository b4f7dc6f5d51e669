"""`cssmtp spool list, show, output`: what is in the spool, what is in a file, and the file in another framing.

Promises: nothing is changed; an entry that vanishes meanwhile is told, not a fault.
Never: shows a character that a terminal would obey.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from cssmtp.cli.check import rules_of
from cssmtp.cli.spoolaccess import SHOWN, Declare, add_spool, entry_of, spool_at
from cssmtp.codepage.transcode import source_text
from cssmtp.config.model import Configuration
from cssmtp.engine.assess import assess
from cssmtp.engine.reading import code_page_of
from cssmtp.errors import UnreadableData, UsageError
from cssmtp.messages import plain
from cssmtp.observe.assessment import show
from cssmtp.spool.attributes import FRAMINGS, to_json
from cssmtp.spool.disk import spool_error
from cssmtp.spool.framing import Framing, FramingKind, blocks, detect, encode
from cssmtp.spool.records import delimiter
from cssmtp.spool.store import STATES, SpoolEntry

_COLUMNS: dict[str, Callable[[SpoolEntry], str]] = {
    "id": lambda entry: entry.id,
    "state": lambda entry: entry.state,
    "writer": lambda entry: entry.attributes.writer,
    "dest": lambda entry: ".".join(part for part in (entry.attributes.dest_node, entry.attributes.dest_user) if part),
    "class": lambda entry: entry.attributes.sysout_class,
    "forms": lambda entry: entry.attributes.forms,
    "outdisp": lambda entry: entry.attributes.outdisp,
    "hold": lambda entry: entry.attributes.hold,
    "priority": lambda entry: str(entry.attributes.priority),
    "owner": lambda entry: entry.attributes.owner,
    "node": lambda entry: entry.attributes.origin_node,
    "jobname": lambda entry: entry.attributes.jobname,
    "jobid": lambda entry: entry.attributes.jobid,
    "step": lambda entry: entry.attributes.stepname,
    "dd": lambda entry: entry.attributes.ddname,
    "dsid": lambda entry: str(entry.attributes.dsid),
    "bytes": lambda entry: str(entry.attributes.bytes),
    "created": lambda entry: entry.attributes.created,
    "reason": lambda entry: _reason(entry),
}
USUAL_COLUMNS = "id,state,writer,jobname,jobid,owner,outdisp,hold,priority,bytes,reason"
_MASKS = ("writer", "dest", "class", "jobname", "jobid", "owner", "hold")
_WIDTH = 16
RECORDS_SHOWN = 1000
"""Records that `show` prints unless --records says otherwise."""


def declare(action: Declare) -> None:
    """Declare the actions."""
    listing = action("list", "list what is in the spool", _list)
    for name in _MASKS:
        listing.add_argument(f"--{name}", metavar="MASK", help=f"only entries with this {name}; * and ? stand for any characters")
    listing.add_argument("--state", choices=STATES, help="only entries in this state")
    listing.add_argument("--columns", metavar="A,B,..", default=USUAL_COLUMNS, help=f"which columns, of {', '.join(_COLUMNS)}")
    listing.add_argument("--json", action="store_true", help="one JSON object a line, with all attributes")
    add_spool(listing)
    showing = action("show", "show a file: its attributes, what CSSMTP would say, and its records", _show)
    showing.add_argument("id", metavar="ID")
    showing.add_argument("--records", metavar="FROM-TO", help=f"which records (default: the first {RECORDS_SHOWN})")
    showing.add_argument("--hex", action="store_true", help="records also as hexadecimal bytes")
    showing.add_argument("-c", "--config", metavar="FILE", help="configuration file whose rules apply")
    showing.add_argument("--translate", metavar="PAGE", help="code page of the file instead of the configuration's Translate")
    add_spool(showing)
    output = action("output", "write a file's data out, as it is or in another framing", _output)
    output.add_argument("id", metavar="ID")
    output.add_argument(
        "--framing", choices=[name for name in FRAMINGS if name != "auto"], help="default: the bytes as they came"
    )
    output.add_argument(
        "--lrecl", type=int, default=80, metavar="N", help="record length of --framing fixed (default: %(default)s)"
    )
    output.add_argument("-o", "--to", metavar="FILE", help="a new file; default: standard output")
    output.add_argument("-c", "--config", metavar="FILE", help="configuration file whose Translate applies to text")
    output.add_argument("--translate", metavar="PAGE", help="code page of the file instead of the configuration's Translate")
    add_spool(output)


def _list(arguments: argparse.Namespace) -> int:
    columns = arguments.columns.split(",")
    if unknown := [name for name in columns if name not in _COLUMNS]:
        raise UsageError(f"there is no column {', '.join(unknown)}; there are {', '.join(_COLUMNS)}")
    with spool_at(arguments.spool) as spool:
        chosen = (entry for entry in spool.entries(arguments.state) if _fits(entry, arguments))
        if arguments.json:
            for entry in chosen:
                tree = {"id": entry.id, "state": entry.state, **json.loads(to_json(entry.attributes))}
                print(json.dumps({**tree, "reason": _reason(entry), "path": str(entry.path)}))
            return 0
        rows = [[plain(_COLUMNS[name](entry), SHOWN) for name in columns] for entry in chosen]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in ([name.upper() for name in columns], *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _fits(entry: SpoolEntry, arguments: argparse.Namespace) -> bool:
    masks = ((name, getattr(arguments, name)) for name in _MASKS)
    return all(mask is None or fnmatch.fnmatchcase(_COLUMNS[name](entry).upper(), mask.upper()) for name, mask in masks)


def _reason(entry: SpoolEntry) -> str:
    """Why an entry is held or bad."""
    if entry.state == "bad":
        with contextlib.suppress(OSError):
            return (entry.path / "reason").read_text("utf-8", "replace").strip()
    return entry.attributes.hold_reason


@contextlib.contextmanager
def _data(entry: SpoolEntry) -> Iterator[tuple[BinaryIO, int]]:
    path = entry.path / "data"
    try:
        stream = path.open("rb")
    except OSError as fault:
        raise spool_error(fault, path) from fault
    with stream:
        yield stream, os.fstat(stream.fileno()).st_size


def _show(arguments: argparse.Namespace) -> int:
    configuration = rules_of(arguments)
    first, last = _range(arguments.records)
    with spool_at(arguments.spool) as spool:
        entry = entry_of(spool, arguments.id)
        for name, column in _COLUMNS.items():
            if text := column(entry):
                print(f"{name:<10}{plain(text, SHOWN)}")
        with _data(entry) as (stream, size):
            show([assess(entry.id, stream, size, entry.attributes, configuration)], sys.stdout)
            try:
                framing = detect(stream, size, entry.attributes)
                _print_records(stream, framing, _page(framing, entry, configuration), first, last, hexadecimal=arguments.hex)
            except UnreadableData as fault:
                print(f"the records cannot be read: {fault}")
                return 1
    return 0


def _range(text: str | None) -> tuple[int, int]:
    start, dash, end = (text or f"1-{RECORDS_SHOWN}").partition("-")
    if not start.isdigit() or (end and not end.isdigit()):
        raise UsageError(f"--records takes a number or two, like 10-20 or 10-, not {text!r}")
    return int(start), int(end) if end else (sys.maxsize if dash else int(start))


def _page(framing: Framing, entry: SpoolEntry, configuration: Configuration) -> str:
    return code_page_of(framing, entry.attributes, configuration)


def _print_records(stream: BinaryIO, framing: Framing, page: str, first: int, last: int, *, hexadecimal: bool) -> None:
    source = source_text(page)
    for block in blocks(stream, framing):
        for number, record in enumerate(block.records, block.first):
            if number > last:
                print(f"  (there are more; --records {number}- shows them)")
                return
            if number < first:
                continue
            print(f"{number:>8}  {plain(source.text(record).rstrip())}")
            if hexadecimal:
                for at in range(0, len(record), _WIDTH):
                    print(f"{at:>10X}  {record[at : at + _WIDTH].hex(' ').upper()}")


def _output(arguments: argparse.Namespace) -> int:
    configuration = rules_of(arguments)
    if not arguments.to and sys.stdout.isatty() and arguments.framing not in ("lf", "crlf"):
        raise UsageError("these bytes are not for a terminal; name a file with -o")
    with spool_at(arguments.spool) as spool:
        entry = entry_of(spool, arguments.id)
        with _data(entry) as (stream, size):
            pieces = _pieces(stream, size, entry, arguments, configuration)
            if arguments.to:
                _write(Path(arguments.to), pieces)
            else:
                for piece in pieces:
                    sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
    return 0


def _pieces(
    stream: BinaryIO, size: int, entry: SpoolEntry, arguments: argparse.Namespace, configuration: Configuration
) -> Iterator[bytes]:
    """The bytes to write. Text framings of ASCII get the text in UTF-8; trailing blanks mean nothing in text and go."""
    if arguments.framing is None:
        yield from iter(lambda: stream.read(1 << 18), b"")
        return
    kind = FramingKind(arguments.framing)
    found = detect(stream, size, entry.attributes)
    page = source_text(_page(found, entry, configuration))
    into_text = bool(delimiter(kind))
    ascii_lines = kind in (FramingKind.LF, FramingKind.CRLF)
    if not ascii_lines and found.encoding != "ebcdic" and into_text:
        raise UsageError(f"the file is {found.encoding} text; framing {kind.value} is for EBCDIC")
    encoding = "utf-8" if ascii_lines else found.encoding
    target = Framing(kind, arguments.lrecl if kind is FramingKind.FIXED else 0, encoding)

    def records() -> Iterator[bytes]:
        for block in blocks(stream, found):
            for record in block.records:
                kept = record.rstrip(page.blank) if into_text or kind is FramingKind.FIXED else record
                yield page.text(kept).encode("utf-8", "replace") if ascii_lines else kept

    try:
        yield from encode(records(), target)
    except ValueError as fault:
        raise UsageError(f"the file cannot be written in framing {kind.value}: {fault}") from None


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    """A new file, there whole or not at all."""
    built = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.exists():
            raise UsageError(f"{path} exists; name a new file")
        try:
            with built.open("xb") as stream:
                stream.writelines(pieces)
            os.link(built, path)
        finally:
            built.unlink(missing_ok=True)
    except OSError as fault:
        raise UsageError(f"{path}: {os.strerror(fault.errno or 0)}") from fault
