"""`cssmtp spool init, hold, release, purge, alter`: what an operator does to a spool and its entries.

Promises: each entry that is named is done or told, whatever the others are.
Never: touches an entry that a gateway works on.
"""

from __future__ import annotations

import argparse
import grp
import os
from collections.abc import Callable
from pathlib import Path

from cssmtp.cli.spoolaccess import (
    Declare,
    add_attributes,
    add_spool,
    attributes_of,
    entry_of,
    progress,
    spool_at,
    tell,
)
from cssmtp.clock import SystemClock
from cssmtp.errors import SpoolError, UnreadableData, UsageError
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.disk import spool_error
from cssmtp.spool.dropzone import GROUP_DROP_MODE
from cssmtp.spool.framing import detect
from cssmtp.spool.names import node_name, writer_name
from cssmtp.spool.owner import this_host
from cssmtp.spool.store import SpoolEntry

ALTERABLE = frozenset(
    {"writer", "dest.node", "dest.user", "class", "forms", "priority", "outdisp", "copies", "group", "notify", "recfm", "lrecl"}
    | {"framing", "encoding", "sequence_numbers"}
)
"""What an operator may change; the rest says where an entry came from."""
_READING = ("recfm", "lrecl", "framing", "encoding", "sequence_numbers")


def declare(action: Declare) -> None:
    """Declare the actions."""
    init = action("init", "make the directories of a spool", _init)
    init.add_argument("directory", metavar="DIR")
    init.add_argument("--writer", action="append", metavar="W", help="make a drop directory for this writer (default: CSSMTP)")
    init.add_argument("--group", metavar="G", help="let only the members of this group drop files (default: everybody may)")
    hold = action("hold", "take ready entries out of every gateway's reach", _hold)
    hold.add_argument("--reason", default="", help="why, for those who list it")
    release = action("release", "make held or kept entries ready", _release)
    purge = action("purge", "delete entries", _purge)
    alter = action("alter", "change attributes of waiting entries", _alter)
    for parser in (hold, release, purge, alter):
        parser.add_argument("ids", metavar="ID", nargs="+")
        add_spool(parser)
    add_attributes(alter, ALTERABLE.__contains__)


def _init(arguments: argparse.Namespace) -> int:
    try:
        writers = [writer_name(word) for word in arguments.writer or ["CSSMTP"]]
        group = grp.getgrnam(arguments.group).gr_gid if arguments.group else None
    except ValueError as fault:
        raise UsageError(str(fault)) from None
    except KeyError:
        raise UsageError(f"there is no group {arguments.group!r}; make it with 'groupadd', or name another one") from None
    root = Path(arguments.directory)
    spool = DirectorySpool(root, clock=SystemClock(), node=node_name(this_host()))
    spool.initialise(*writers)
    spool.close()
    for writer in writers:
        path = root / "drop" / writer
        try:
            if group is not None:
                os.chown(path, -1, group)
                path.chmod(GROUP_DROP_MODE)
        except OSError as fault:
            raise spool_error(fault, path) from fault
        print(path)
    return 0


def _each(arguments: argparse.Namespace, work: Callable[[DirectorySpool, SpoolEntry], str]) -> int:
    """Does something to each entry that is named; `work` returns what became of it."""
    failed = False
    with spool_at(arguments.spool) as spool, progress(arguments.action, len(arguments.ids)) as done:
        for word in arguments.ids:
            try:
                entry = entry_of(spool, word)
                print(f"{entry.id}: {work(spool, entry)}")
            except (UsageError, SpoolError, UnreadableData) as fault:
                tell(arguments.action, word, fault.show())
                failed = True
            done()
    return int(failed)


def _hold(arguments: argparse.Namespace) -> int:
    def hold(spool: DirectorySpool, entry: SpoolEntry) -> str:
        _require(entry, "ready")
        spool.hold(entry, arguments.reason)
        return "held"

    return _each(arguments, hold)


def _release(arguments: argparse.Namespace) -> int:
    def release(spool: DirectorySpool, entry: SpoolEntry) -> str:
        _require(entry, "held", "done")
        spool.release(entry)
        return "released"

    return _each(arguments, release)


def _purge(arguments: argparse.Namespace) -> int:
    def purge(spool: DirectorySpool, entry: SpoolEntry) -> str:
        spool.purge(entry)
        return "purged"

    return _each(arguments, purge)


def _alter(arguments: argparse.Namespace) -> int:
    options = {
        key.removeprefix("attribute:")
        for key, value in vars(arguments).items()
        if key.startswith("attribute:") and value is not None
    }
    if not options:
        raise UsageError("alter needs at least one attribute to change")

    def alter(spool: DirectorySpool, entry: SpoolEntry) -> str:
        _require(entry, "ready", "held", "done")
        attributes = attributes_of(arguments, entry.attributes)
        if options.intersection(_READING):
            path = entry.path / "data"
            try:
                with path.open("rb") as stream:
                    detect(stream, os.fstat(stream.fileno()).st_size, attributes)
            except OSError as fault:
                raise spool_error(fault, path) from fault
        spool.alter(entry, attributes)
        return "altered"

    return _each(arguments, alter)


def _require(entry: SpoolEntry, *states: str) -> None:
    if entry.state == "bad":
        raise UsageError("the entry is not usable; see its reason with 'show', put its data in again, and purge it")
    if entry.state not in states:
        raise UsageError(f"the entry is {entry.state}, not {' or '.join(states)}")
