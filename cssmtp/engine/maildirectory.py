"""The mail directory of extended retry on disk.

Promises: a pair appears and changes in one step and is on the disk when the call returns; its data file is there as long as its
control file is; nobody else works in the directory while it is open; a pair that cannot be used is renamed to capitals.
Never: decides when a mail is tried; holds a body in memory.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from cssmtp.engine.extended_files import (
    CONTROL,
    DATA,
    FINISHED,
    NO_CONTROL,
    NO_DATA,
    UNFINISHED,
    BadControl,
    Control,
    control_from,
    control_text,
    pairs,
)
from cssmtp.errors import CssmtpError, SpoolError
from cssmtp.spool.disk import Disk, spool_error

LOCK = ".lock"

CONTROL_LIMIT = 64 * 1024 * 1024
"""Octets of a control file that are read at most; 2,000 recipients with long answers come to a few MiB."""

BLOCK_BYTES = 256 * 1024


class DirectoryInUse(CssmtpError):
    """Another gateway works in the mail directory. Refuses the start."""


def reason_of(error: CssmtpError) -> str:
    """Why something could not be done, without the advice that is meant for the spool."""
    return str(error).rpartition("; ")[0] or str(error)


class MailDirectory:
    """The directory at `path`. Every method raises `SpoolError` when the disk fails."""

    def __init__(self, path: Path, disk: Disk | None = None) -> None:
        self.path = path
        self._disk = disk or Disk()
        self._lock: int | None = None

    def open(self) -> None:
        """Make the directory when it is missing and lock it. Raises `DirectoryInUse`; may be called again after a failure."""
        if self._lock is not None:
            return
        self._disk.make_directory(self.path)
        place = self.path / LOCK
        try:
            handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as fault:
            raise spool_error(fault, place) from fault
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise DirectoryInUse(
                f"mail directory {self.path} is in use by another gateway; give each its own MailDirectory"
            ) from None
        except OSError as fault:
            os.close(handle)
            raise spool_error(fault, place) from fault
        self._lock = handle

    def close(self) -> None:
        """Let others work in the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def control(self, id: str) -> Path:
        return self.path / (CONTROL + id)

    def data(self, id: str) -> Path:
        return self.path / (DATA + id)

    def scan(self) -> tuple[list[str], dict[str, str]]:
        """The ids of whole pairs, and names that lack their other half with the reason. What an earlier life had not finished
        making is removed, and what it had begun to remove."""
        try:
            names = os.listdir(self.path)
        except OSError as fault:
            raise spool_error(fault, self.path) from fault
        gone: set[str] = set()
        for name in names:
            if name.startswith((CONTROL, DATA)) and name.endswith(UNFINISHED):
                self._disk.remove(self.path / name)
            elif name.startswith(CONTROL) and name.endswith(FINISHED):
                id = name.removeprefix(CONTROL).removesuffix(FINISHED)
                self._sweep(id)
                gone.add(DATA + id)
        return pairs(name for name in names if name not in gone)

    def publish(self, id: str, control: Control, body: Iterable[bytes]) -> Path:
        """Add a pair: the data file first, then the control file, by which the mail begins to exist."""
        data = self.data(id)
        unfinished = data.with_name(data.name + UNFINISHED)
        try:
            self._disk.remove(unfinished)
            self._disk.write(unfinished, body)
            self._disk.move(unfinished, data)
            # This forces the directory to disk as well, and with it the name of the data file.
            self._disk.replace(self.control(id), control_text(control))
        except BaseException:
            self._clean(self.control(id), unfinished, data)
            raise
        return self.control(id)

    def rewrite(self, id: str, control: Control) -> None:
        """Replace a control file."""
        self._disk.replace(self.control(id), control_text(control))

    def read(self, id: str) -> Control:
        """The control file of a pair. Raises `BadControl`, also when the pair is not whole any more."""
        try:
            if not self.data(id).is_file():
                raise BadControl(NO_DATA)
            with open(self.control(id), "rb") as stream:
                return control_from(stream.read(CONTROL_LIMIT))
        except FileNotFoundError:
            raise BadControl(NO_CONTROL) from None
        except OSError as fault:
            raise spool_error(fault, self.control(id)) from fault

    def body(self, id: str, newline: bytes) -> Iterator[bytes]:
        """The stuffed lines of a mail in blocks of whole lines."""
        try:
            with open(self.data(id), "rb") as stream:
                rest = b""
                while block := stream.read(BLOCK_BYTES):
                    head, found, tail = block.rpartition(newline)
                    if found:
                        yield rest + head + found
                        rest = tail
                    else:
                        rest += block
                if rest:
                    yield rest
        except OSError as fault:
            raise spool_error(fault, self.data(id)) from fault

    def remove(self, id: str) -> None:
        """The mail is done with: its control file says so first, by its name, so that no half of the pair is taken for a mail."""
        with contextlib.suppress(FileNotFoundError):  # done before, when the disk failed later on
            self._disk.move(self.control(id), self._finished(id))
        self._disk.sync_path(self.path)
        self._sweep(id)

    def _finished(self, id: str) -> Path:
        return self.path / (CONTROL + id + FINISHED)

    def _sweep(self, id: str) -> None:
        """Remove what is left of a pair that is done with; the word that it is goes last."""
        self._disk.remove(self.data(id))
        self._disk.sync_path(self.path)
        self._disk.remove(self._finished(id))

    def discard(self, name: str) -> None:
        """Remove half a pair that is the copy of nothing."""
        self._disk.remove(self.path / name)

    def set_aside(self, id: str) -> str:
        """Take a pair out of work; returns the path under which its control file (or what there is) is found."""
        paths = [self.put_aside(path.name) for path in (self.control(id), self.data(id)) if path.exists()]
        return paths[0] if paths else str(self.control(id))

    def put_aside(self, name: str) -> str:
        """Rename a file that cannot be used to capitals; returns its new path."""
        target = self.path / (name[:2].upper() + name[2:])
        self._disk.move(self.path / name, target)
        self._disk.sync_path(self.path)
        return str(target)

    def _clean(self, *paths: Path) -> None:
        """After a failure: as if nothing had been tried. What cannot be removed is found by the next `scan`."""
        for path in paths:
            try:
                self._disk.remove(path)
            except SpoolError:
                return
