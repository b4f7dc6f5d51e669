"""`cssmtp spool put`: files, standard input, globs and trees of other systems into the spool.

Promises: each file becomes one entry, whole and durable, or is told with the reason; its records are checked first, so that what
no gateway could read is refused here and now.
Never: follows links in a tree, takes devices or FIFOs, changes or removes what it reads.
"""

from __future__ import annotations

import argparse
import glob
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from cssmtp.cli.spoolaccess import SHOWN, Declare, add_attributes, add_spool, attributes_of, progress, spool_at, tell
from cssmtp.errors import SpoolError, UnreadableData, UsageError
from cssmtp.messages import plain
from cssmtp.spool.attributes import Attributes, from_json
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.dropzone import SIDECAR_LIMIT, owner_name
from cssmtp.spool.framing import detect
from cssmtp.spool.layouts import LAYOUTS, from_job, is_job, place

SIDECAR = ".json"
IN_MEMORY = 4 * 1024 * 1024
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _Source:
    """One file to put: where it is ("-": standard input), and its path below the tree it was found in, which the rules see."""

    path: str
    inner: bytes


def declare(action: Declare) -> None:
    """Declare the action."""
    parser = action("put", "put files into the spool", _put)
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="+", help="file, directory, pattern like 'out/*.txt', or - (standard input)"
    )
    parser.add_argument(
        "--layout", choices=LAYOUTS, default="plain", help="what the paths below a directory say (default: %(default)s)"
    )
    parser.add_argument("--hold", action="store_true", help="put in held, as HOLD=YES of a DD statement does")
    parser.add_argument("--unchecked", action="store_true", help="put files in even when their records cannot be read")
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be put, and do nothing")
    add_spool(parser)
    add_attributes(parser)


def _put(arguments: argparse.Namespace) -> int:
    attributes_of(arguments, Attributes())
    sources, failed = _sources(arguments.sources)
    with spool_at(arguments.spool) as spool, progress("putting", len(sources)) as done:
        for source in sources:
            try:
                told = _put_one(source, arguments, spool)
                print(told.expandtabs())
            except SpoolError:
                raise
            except (UnreadableData, UsageError, ValueError) as fault:
                tell("put", source.path, str(fault))
                failed = True
            except OSError as fault:
                tell("put", source.path, os.strerror(fault.errno or 0))
                failed = True
            done()
    return int(failed)


def _put_one(source: _Source, arguments: argparse.Namespace, spool: DirectorySpool) -> str:
    """Puts one file in; returns what to tell."""
    with _opened(source.path) as stream:
        size = stream.seek(0, os.SEEK_END)
        attributes = _attributes(source, stream, arguments)
        if not attributes.writer and not attributes.dest_user:
            raise UsageError("nobody would select it; give --writer or --dest-user")
        if not arguments.unchecked:
            framing = detect(stream, size, attributes).describe()
        else:
            framing = "not checked"
        stream.seek(0)
        shown = f"{plain(source.path, SHOWN)}: {attributes.jobname or 'SPOOLED'}, {size} bytes, {framing}"
        if arguments.dry_run:
            return f"{shown}: would be put for {attributes.writer or attributes.dest_user}"
        entry = spool.create(attributes, stream)
        return f"{entry.id}: {shown}, {entry.state}"


def _attributes(source: _Source, stream: BinaryIO, arguments: argparse.Namespace) -> Attributes:
    """What the path, the sidecar and the options say, each over the one before."""
    zone = datetime.now().astimezone().tzinfo or UTC
    placed = place(arguments.layout, source.inner, Attributes(created=_date_of(stream)), zone)
    if placed.skip:
        raise UsageError(placed.skip)
    attributes = placed.attributes
    sidecar = source.path + SIDECAR
    if source.path != "-" and os.path.isfile(sidecar):
        with open(sidecar, "rb") as data:
            attributes, problems = from_json(data.read(SIDECAR_LIMIT), attributes)
        if problems:
            raise UsageError(f"sidecar: {'; '.join(problems)}")
        if attributes.bytes not in (0, stream.seek(0, os.SEEK_END)):
            raise UsageError(f'sidecar: key "bytes" says {attributes.bytes}; write the right number or leave the key out')
    attributes = attributes_of(arguments, attributes)
    if arguments.hold:
        attributes = replace(attributes, hold="user", hold_reason="")
    return attributes if attributes.owner else replace(attributes, owner=_user())


def _user() -> str:
    """Who puts the file in, as the owner of the job."""
    number = os.environ.get("SUDO_UID", "")
    return owner_name(int(number) if number.isascii() and number.isdigit() and os.getuid() == 0 else os.getuid())


def _date_of(stream: BinaryIO) -> str:
    try:
        return datetime.fromtimestamp(os.fstat(stream.fileno()).st_mtime, UTC).isoformat()
    except OSError:
        return ""


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """A plain file, or standard input copied to one, since finding the framing reads it twice."""
    if path == "-":
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            yield copy  # type: ignore[misc]  # the class is a binary file but for its declaration
        return
    with open(os.open(path, _OPEN), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise UsageError("is no plain file; only those are taken")
        yield stream


def _sources(words: list[str]) -> tuple[list[_Source], bool]:
    """The files that the words name, in a stable order, and whether something could not be taken."""
    found: list[_Source] = []
    failed = False
    for word in words:
        names = [word] if word == "-" or os.path.lexists(word) else sorted(glob.glob(word, recursive=True))
        if not names:
            tell("put", word, "no such file, and no file fits it as a pattern")
            failed = True
        for name in names:
            if name != "-" and os.path.isdir(name):
                inside, trouble = _below(name)
                found += inside
                failed |= trouble
            elif name == word or not name.endswith(SIDECAR):
                found.append(_Source(name, from_job(os.fsencode(os.path.abspath(name)))))
    return found, failed


def _below(root: str) -> tuple[list[_Source], bool]:
    """The files of a tree; when it is the directory of one job, its name belongs to the paths."""
    found: list[_Source] = []
    failed = False
    top = Path(root).resolve()
    base = top.parent if is_job(top.name) else top
    for directory, inner, names in os.walk(top):
        inner.sort()
        for name in sorted(names):
            path = os.path.join(directory, name)
            if name.startswith(".") or name.endswith(SIDECAR):
                continue
            if not stat.S_ISREG(os.lstat(path).st_mode):
                tell("put", path, "is a link, FIFO or device; only plain files are taken")
                failed = True
                continue
            found.append(_Source(path, os.fsencode(os.path.relpath(path, base))))
    return found, failed
