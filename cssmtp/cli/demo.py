"""`cssmtp demo`: see the gateway work. Sample decks go into a scratch spool, the gateway delivers them to a real SMTP server.

Promises: everything stays on loopback and below one scratch directory; what is shown is what happened.
Never: fakes a step: the server is aiosmtpd with STARTTLS, the gateway is the one that `cssmtp run` runs.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import itertools
import json
import os
import shutil
import signal
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cssmtp.clock import SystemClock
from cssmtp.config.load import require
from cssmtp.config.model import Configuration
from cssmtp.engine.service import serve
from cssmtp.errors import UsageError
from cssmtp.messages import plain
from cssmtp.observe.bus import Bus
from cssmtp.observe.events import Disposition, Event, ReportWritten, SpoolFileEnded
from cssmtp.observe.wiring import observers

HOST = "127.0.0.1"
SIDECAR = ".json"
EXPECTATION = ".expect"
OWN_CONFIGURATION = frozenset({"job-size", "data-line-trunc"})
"""Samples that only make sense under a configuration of their own, which the demo's would contradict."""

EXPLANATION = """\
The sample decks of the project (real EBCDIC files, good and bad ones) are dropped into a scratch spool. The gateway reads
them with conf/demo.conf and sends the mail to an SMTP server on loopback that this command starts itself.

With --keep it stays up afterwards: drop files of your own into the directory that is shown; control-C ends it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.epilog = EXPLANATION
    parser.add_argument("--keep", action="store_true", help="stay up and take what you drop")
    parser.add_argument("--directory", metavar="DIR", help="use DIR (new or empty) instead of a temporary directory")
    parser.add_argument("--samples", metavar="DIR", help="take the decks of DIR instead of the project's samples")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 when the demo ran, whatever the bad sample decks came to."""
    samples = Path(arguments.samples) if arguments.samples else _shipped("spool_samples")
    if not samples.is_dir():
        raise UsageError(f"{samples} is not a directory; give one with --samples")
    directory = _scratch(arguments.directory)
    configuration = require(
        _shipped("conf") / "demo.conf",
        environ={},
        overrides={"spool": str(directory / "spool"), "log_file": str(directory / "log")},
    )
    decks = _drop(samples, directory / "spool" / "drop" / configuration.ext_writer_name)
    asyncio.run(_demonstrate(configuration, directory, decks, keep=arguments.keep))
    return 0


def _shipped(name: str) -> Path:
    """A directory that comes with the project: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    packaged = package / "demo_data" / name
    return packaged if packaged.is_dir() else package.parent / name


def _scratch(wanted: str | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="cssmtp-demo-"))
    directory = Path(wanted).resolve()
    if directory.exists() and any(directory.iterdir()):
        raise UsageError(f"{directory} is not empty; name a new directory")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _drop(samples: Path, zone: Path) -> int:
    """Copy the decks and their sidecars into the drop zone; returns how many decks."""
    zone.mkdir(parents=True)
    names = {path.name for path in samples.iterdir() if path.is_file()}
    decks = [name for name in sorted(names) if not (EXPECTATION in name or name.startswith(".") or name in OWN_CONFIGURATION)]
    decks = [name for name in decks if name + EXPECTATION in names or EXPECTATION not in "".join(names)]
    for deck in decks:
        for name in (deck + SIDECAR, deck):
            if name in names:
                shutil.copy2(samples / name, zone / name)
    return len(decks)


# --- the server


class Mailbox:
    """What the SMTP server does with a mail: an .eml file with the bytes as received, and its envelope beside it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        self.received = 0
        self._numbers = itertools.count(1)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """aiosmtpd's hook for a complete message."""
        name = self.directory / f"{next(self._numbers):04}"
        name.with_suffix(".eml").write_bytes(envelope.original_content or envelope.content)
        sender = "" if envelope.mail_from == "<>" else envelope.mail_from
        facts = {"mail_from": sender, "recipients": envelope.rcpt_tos, "tls": session.ssl is not None}
        name.with_suffix(".envelope.json").write_text(json.dumps(facts) + "\n", encoding="ascii")
        self.received += 1
        return "250 2.0.0 taken"


@asynccontextmanager
async def smtp_server(mailbox: Mailbox, directory: Path) -> AsyncIterator[tuple[int, Path]]:
    """An aiosmtpd server on loopback, with STARTTLS; gives its port and the file with its certificate authority."""
    try:
        protocol = importlib.import_module("aiosmtpd.smtp").SMTP
        trustme = importlib.import_module("trustme")
    except ImportError as error:
        raise UsageError(f"the demo needs {error.name}: pip install 'cssmtp[demo]'") from error
    authority = trustme.CA()
    authority_file = directory / "authority.pem"
    authority.cert_pem.write_to_path(str(authority_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: protocol(mailbox, hostname="demo.invalid", tls_context=context, loop=loop), host=HOST, port=0
    )
    async with server:
        yield server.sockets[0].getsockname()[1], authority_file


# --- the gateway and what is seen of it


class Watch:
    """Collects what is to be shown; with `live`, says at once what became of a file."""

    def __init__(self) -> None:
        self.ended: list[SpoolFileEnded] = []
        self.reports: dict[str, Path] = {}
        self.live = False

    def wants(self, kind: type[Event], variant: str) -> bool:
        return kind in (SpoolFileEnded, ReportWritten)

    def handle(self, event: Event) -> None:
        match event:
            case ReportWritten():
                self.reports[event.file.id] = Path(event.path)
                if self.live:
                    print(f"error report: {event.path}")
            case SpoolFileEnded():
                self.ended.append(event)
                if self.live:
                    counts = event.counts
                    print(
                        f"{plain(event.file.name, 80)}: mails {counts.mails}, sent {counts.sent}, "
                        f"undeliverable {counts.undeliverable}, errors {event.faults}, {event.disposition.value}",
                        flush=True,
                    )


async def _demonstrate(configuration: Configuration, directory: Path, decks: int, *, keep: bool) -> None:
    mailbox = Mailbox(directory / "received")
    with open(os.devnull, "w", encoding="ascii") as nowhere:
        bus, _ = observers(configuration.system.log_file, configuration.log_level, SystemClock(), nowhere)
        async with smtp_server(mailbox, directory) as (port, authority):
            configuration = _aimed(configuration, directory, port, authority)
            print(f"SMTP server (aiosmtpd, STARTTLS) on {HOST} port {port}; delivering {decks} spool files ...", flush=True)
            watch = Watch()
            bus.subscribe(watch)
            await _until(configuration, bus, None)
            _show(watch, mailbox, directory)
            if keep:
                watch.live = True
                await _stay(configuration, bus, directory)


def _aimed(configuration: Configuration, directory: Path, port: int, authority: Path) -> Configuration:
    """The demo's configuration with the scratch places and the server's port in it."""
    targets = tuple(
        replace(target, connect_port=port, tls_ca_file=str(authority), tls_server_name=HOST) for target in configuration.targets
    )
    undeliverable = replace(configuration.undeliverable, dead_letter_directory=str(directory / "deadletter"))
    return replace(configuration, targets=targets, undeliverable=undeliverable)


async def _until(configuration: Configuration, bus: Bus, stop: asyncio.Event | None) -> None:
    with serve(configuration, bus, SystemClock(), until_idle=stop is None) as gateway:
        if stop is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, gateway.stop, "control-C")
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, gateway.stop, "SIGTERM")
        await gateway.run()


async def _stay(configuration: Configuration, bus: Bus, directory: Path) -> None:
    zone = directory / "spool" / "drop" / configuration.ext_writer_name
    print(f"\nStill up. Drop spool files into {zone}; control-C ends.", flush=True)
    await _until(configuration, bus, asyncio.Event())


def _show(watch: Watch, mailbox: Mailbox, directory: Path) -> None:
    for event in sorted(watch.ended, key=lambda ended: ended.file.name):
        report = watch.reports.get(event.file.id)
        if report is not None:
            print(f"--- {plain(event.file.name, 80)}")
            print(report.read_text(encoding="utf-8"))
    _table(watch.ended)
    letters = directory / "deadletter"
    print(f"received mails   {mailbox.received:4}  {mailbox.directory}/*.eml")
    print(f"dead letters     {len(list(letters.iterdir())) if letters.is_dir() else 0:4}  {letters}")
    print(f"error reports    {len(watch.reports):4}  {directory / 'spool' / 'reports'}/*.txt")
    print(f"log                    {directory / 'log'}")


def _table(ended: list[SpoolFileEnded]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for heading in ("file", "job"):
        table.add_column(heading, no_wrap=True)
    for heading in ("mails", "sent", "undeliverable", "errors"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("disposition", no_wrap=True)
    for event in sorted(ended, key=lambda one: one.file.name):
        counts = event.counts
        numbers = (counts.mails, counts.sent, counts.undeliverable, event.faults)
        style = "bold red" if event.disposition is Disposition.HOLD else ""
        table.add_row(
            Text(plain(event.file.name.partition("/")[2], 40)),
            Text(plain(f"{event.file.jobname} {event.file.jobid}", 40)),
            *map(str, numbers),
            Text(event.disposition.value, style=style),
        )
    width = None if sys.stdout.isatty() else 120
    Console(width=width, markup=False, highlight=False).print(table)
