"""`cssmtp spool import-print`: decks out of a printer or punch stream: a file, standard input, a growing file, a Hercules socket.

Promises: with a place, each deck is put in exactly once, whatever ends the process and whenever: the deck is prepared, on
disk but out of sight, then the place behind it is noted, then the deck appears by one rename, so that place and disk tell
the next run what is left to do. A deck that the stream's end cut off is put in held, with the reason, or left for the next run.
Never: writes to the socket; cuts by itself (that is `spool.printstream`).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from cssmtp.cli.spoolaccess import SHOWN, Declare, add_attributes, add_spool, attributes_of, spool_at, tell
from cssmtp.errors import SpoolError, UsageError
from cssmtp.messages import plain
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.disk import Disk
from cssmtp.spool.names import is_job_id, is_name, job_name
from cssmtp.spool.printstream import SEPARATOR, Cut, Deck, Form, PrintStream
from cssmtp.spool.store import SpoolEntry

PIECE = 64 * 1024
LOOK_SECONDS = 1.0
"""How often a growing file is looked at."""
RECONNECT_SECONDS = 5.0
CONNECT_SECONDS = 10.0

_EPILOG = """\
Decks are cut from HELO (or EHLO) to QUIT; a separator page in between ends a deck and names the job of the next one. With --cut
pages a deck is all that stands between two separator pages. --separator is a Python regular expression for one whole line of a
separator page; its groups jobname, jobid (or kind and number) become attributes.

A deck that breaks off inside its data is put in held. With --place FILE the place behind the last deck is kept in FILE, a later
run with the same FILE goes on there, and what is not complete is left to it. Each deck is put in exactly once then, also when
a run is killed; the next run finishes what it was at. Let one run at a time use a FILE.

exit status: 0 the stream has ended, 1 some deck could not be put or was put in held, 2 wrong command line or unusable spool
"""


def declare(action: Declare) -> None:
    """Declare the action."""
    parser = action("import-print", "cut decks out of a printer or punch stream", _import)
    parser.epilog = _EPILOG
    parser.add_argument("source", metavar="FILE", nargs="?", help="the stream, - for standard input")
    parser.add_argument("--connect", metavar="HOST:PORT", help="read from a Hercules sockdev printer or punch instead")
    parser.add_argument(
        "--follow", action="store_true", help="wait for more at the end of the file, connect again when disconnected"
    )
    parser.add_argument("--place", metavar="FILE", help="keep the place in a followed file here, and go on there")
    parser.add_argument("--cut", choices=[cut.value for cut in Cut], default=Cut.HELO.value, help="how decks are told apart")
    parser.add_argument(
        "--separator", metavar="REGEX", default=SEPARATOR, help="a line of a separator page (default: that of JES2)"
    )
    parser.add_argument("--cards", type=int, default=0, metavar="N", help="the stream is cards of N bytes without line ends")
    parser.add_argument("--ebcdic", action="store_true", help="the cards are EBCDIC")
    add_spool(parser)
    add_attributes(parser)


@dataclass(slots=True)
class _Sink:
    """Where decks go, and what came of it."""

    spool: DirectorySpool
    defaults: Attributes
    form: Form
    place: Path | None
    failed: bool = False

    def resume(self) -> int:
        """Where the stream is to be read from; a deck that a killed run had noted but not published appears now."""
        offset = _noted(self.place)
        if self.place and (entry := self.spool.publish_prepared(self._series(), offset)):
            self._tell(entry, entry.attributes.hold_reason)
        return offset

    def take(self, decks: list[Deck]) -> None:
        for deck in decks:
            attributes = self._attributes(deck)
            if self.place:
                self.spool.prepare(attributes, [deck.data], self._series(), deck.end)
                _note(self.place, deck.end)
                entry = self.spool.publish_prepared(self._series(), deck.end)
            else:
                entry = self.spool.create(attributes, [deck.data])
            if entry:
                self._tell(entry, deck.problem)

    def _series(self) -> str:
        """The decks prepared for one place: a word made of its path."""
        return "import." + hashlib.sha256(os.fsencode(os.path.realpath(self.place or ""))).hexdigest()[:16]

    def _attributes(self, deck: Deck) -> Attributes:
        attributes = self.defaults
        if is_name(deck.job.jobname):
            attributes = replace(attributes, jobname=deck.job.jobname)
        if is_job_id(deck.job.jobid):
            attributes = replace(attributes, jobid=deck.job.jobid)
        return replace(attributes, hold="system", hold_reason=deck.problem) if deck.problem else attributes

    def _tell(self, entry: SpoolEntry, problem: str) -> None:
        print(f"{entry.id}: {entry.attributes.jobname}, {entry.attributes.bytes} bytes, {entry.state}", flush=True)
        if problem:
            tell("import-print", entry.id, f"{problem}; it is held")
            self.failed = True


def _import(arguments: argparse.Namespace) -> int:
    if bool(arguments.source) is bool(arguments.connect):
        raise UsageError("import-print needs a FILE, - or --connect HOST:PORT")
    if arguments.place and (arguments.connect or arguments.source == "-"):
        raise UsageError("--place is for files; a socket or pipe has no place to go back to")
    form = Form(arguments.cards, arguments.ebcdic)
    if arguments.ebcdic and not arguments.cards:
        raise UsageError("--ebcdic needs --cards N: lines of text are ASCII")
    try:
        re.compile(arguments.separator)
    except re.error as fault:
        raise UsageError(f"--separator is no regular expression: {fault}") from None
    with spool_at(arguments.spool) as spool, _stopping() as stop:
        sink = _Sink(spool, _defaults(arguments), form, Path(arguments.place) if arguments.place else None)
        if arguments.connect:
            _from_socket(arguments, sink, stop)
        elif arguments.source == "-":
            stream = _stream(arguments, form, 0)
            stdin = cast(io.BufferedReader, sys.stdin.buffer)
            for data in iter(lambda: stdin.read1(PIECE), b""):
                sink.take(stream.feed(data))
            sink.take(stream.finish())
        else:
            _from_file(arguments, sink, stop)
    return int(sink.failed)


def _defaults(arguments: argparse.Namespace) -> Attributes:
    name = (
        "PRINTER" if arguments.connect or arguments.source == "-" else job_name(os.fsencode(os.path.basename(arguments.source)))
    )
    framing = ("fixed", arguments.cards) if arguments.cards else ("lf", 0)
    attributes = attributes_of(arguments, Attributes(jobname=name, framing=framing[0], lrecl=framing[1]))
    if not attributes.writer and not attributes.dest_user:
        raise UsageError("nobody would select the decks; give --writer or --dest-user")
    return attributes


def _stream(arguments: argparse.Namespace, form: Form, offset: int) -> PrintStream:
    return PrintStream(form, Cut(arguments.cut), arguments.separator, offset)


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, so that a stream is left between two pieces."""
    stop = threading.Event()
    before: dict[signal.Signals, Callable[..., object] | int | None] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _from_file(arguments: argparse.Namespace, sink: _Sink, stop: threading.Event) -> None:
    """A file from the noted place on; with --follow as it grows, and from its start when it has become shorter."""
    offset = sink.resume()
    try:
        with open(arguments.source, "rb") as file:
            if offset > os.fstat(file.fileno()).st_size:
                tell("import-print", arguments.source, "is shorter than the place noted; reading it from its start")
                offset = 0
            file.seek(offset)
            stream = _stream(arguments, sink.form, offset)
            while not stop.is_set():
                if data := file.read(PIECE):
                    sink.take(stream.feed(data))
                elif not arguments.follow:
                    break
                elif os.fstat(file.fileno()).st_size < file.tell():
                    tell("import-print", arguments.source, "has become shorter; reading it from its start")
                    file.seek(0)
                    stream = _stream(arguments, sink.form, 0)
                else:
                    stop.wait(LOOK_SECONDS)
    except OSError as fault:
        raise UsageError(f"{plain(arguments.source, SHOWN)}: {os.strerror(fault.errno or 0)}") from fault
    if not sink.place:
        sink.take(stream.finish())


def _note(place: Path, offset: int) -> None:
    try:
        Disk().replace(place, b"%d\n" % offset)
    except SpoolError as fault:
        raise UsageError(f"--place cannot be noted, so no deck is put in: {fault.show()}") from fault


def _noted(place: Path | None) -> int:
    try:
        text = place.read_bytes().strip() if place else b"0"
    except FileNotFoundError:
        return 0
    except OSError as fault:
        raise UsageError(f"{place}: {os.strerror(fault.errno or 0)}") from fault
    if not text.isdigit():
        raise UsageError(f"{place}: does not hold a place in a file; name another file, or remove it to begin at the start")
    return int(text)


def _from_socket(arguments: argparse.Namespace, sink: _Sink, stop: threading.Event) -> None:
    """A sockdev: Hercules listens, and sends what is printed to whoever is connected."""
    host, _, port = arguments.connect.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"{plain(arguments.connect, SHOWN)} is not HOST:PORT")
    while not stop.is_set():
        try:
            with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS) as connection:
                _receive(connection, arguments, sink, stop)
        except SpoolError:
            raise
        except OSError as fault:
            if not arguments.follow:
                raise UsageError(f"{plain(arguments.connect, SHOWN)}: {fault.strerror or fault}") from fault
            tell("import-print", arguments.connect, f"{fault.strerror or fault}; trying again")
        if not arguments.follow:
            return
        stop.wait(RECONNECT_SECONDS)


def _receive(connection: socket.socket, arguments: argparse.Namespace, sink: _Sink, stop: threading.Event) -> None:
    """Everything that one connection sends. What is at hand when it is lost may not be whole."""
    connection.settimeout(LOOK_SECONDS)
    stream = _stream(arguments, sink.form, 0)
    try:
        while not stop.is_set():
            try:
                data = connection.recv(PIECE)
            except TimeoutError:
                continue
            if not data:
                break
            sink.take(stream.feed(data))
    finally:
        sink.take(stream.finish())
