"""The few things done to the disk, in one place, so that tests can make each of them fail.

Promises: what `write`, `replace` and `append` wrote is on the disk when they return; an `OSError` becomes a `SpoolError` that
names the path and the remedy. `FileNotFoundError` of `move` passes through: it means that somebody else was faster.
Never: decides anything.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from cssmtp.errors import SpoolError, UnreadableData

COPY_BYTES = 1 << 20
"""Bytes in memory while a file is copied."""

_REMEDIES = {
    errno.ENOSPC: "make room on the file system of the spool",
    errno.EDQUOT: "raise the quota of the gateway's user or make room in the spool",
    errno.EACCES: "let the gateway's user write there, or run as the owner of the spool",
    errno.EPERM: "let the gateway's user write there, or run as the owner of the spool",
    errno.EROFS: "mount the file system of the spool writable",
    errno.EXDEV: "keep all directories of the spool, drop included, on one file system",
    errno.EIO: "check the disk; the system's log says more",
    errno.EEXIST: "move away what stands where the spool needs a place",
    errno.ENOTDIR: "move away the file that stands where the spool needs a directory",
}

_NO_LINK = frozenset({errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOENT})
"""No second name for this file here: not the owner, too many names, no such thing on this file system, no such file."""


def spool_error(fault: OSError, path: Path) -> SpoolError:
    """The `SpoolError` for a fault of the system at `path`."""
    remedy = _REMEDIES.get(fault.errno or 0, "check the spool with `ls -l`, then try again")
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(path))
    return SpoolError(f"{shown}: {os.strerror(fault.errno or 0)}; {remedy}")


def _read(path: Path) -> Iterator[bytes]:
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(COPY_BYTES):
                yield chunk
    except OSError as fault:
        raise UnreadableData(f"{path.name} of the spool file cannot be read: {os.strerror(fault.errno or 0)}") from fault


class Disk:
    """Every change that the directory spool makes on disk goes through one of these methods."""

    def write(self, path: Path, chunks: Iterable[bytes]) -> int:
        """Makes a new file and forces it to disk; returns its length. An existing file is an error."""
        size = 0
        try:
            with open(path, "xb") as stream:
                for chunk in chunks:
                    size += stream.write(chunk)
                stream.flush()
                self.sync(stream.fileno())
        except OSError as fault:
            raise spool_error(fault, path) from fault
        return size

    def duplicate(self, source: Path, target: Path) -> None:
        """Gives a file that is never changed a second name, or copies it where the file system or its rules allow no such link.

        The content of a copy is forced to disk. Raises `UnreadableData` when the source cannot be read.
        """
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as fault:
            if fault.errno not in _NO_LINK:
                raise spool_error(fault, target) from fault
            self.write(target, _read(source))

    def replace(self, path: Path, data: bytes) -> None:
        """Gives a file new content in one step; durable."""
        new = path.with_name(path.name + ".new")
        self.remove(new)
        self.write(new, [data])
        self.move(new, path)
        self.sync_path(path.parent)

    def append(self, path: Path, data: bytes) -> None:
        """Adds to the end of a file, which is made when missing; durable."""
        try:
            with open(path, "ab") as stream:
                stream.write(data)
                stream.flush()
                self.sync(stream.fileno())
        except OSError as fault:
            raise spool_error(fault, path) from fault

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def sync_path(self, path: Path) -> None:
        """Forces a file or the names in a directory to disk."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                self.sync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as fault:
            raise spool_error(fault, path) from fault

    def move(self, source: Path, target: Path) -> None:
        """One rename. Raises `FileNotFoundError` when the source is gone."""
        try:
            os.rename(source, target)
        except FileNotFoundError:
            raise
        except OSError as fault:
            raise spool_error(fault, target if fault.errno == errno.ENOSPC else source) from fault

    def make_directory(self, path: Path, mode: int = 0o700) -> None:
        """Makes a directory and its parents, its mode whatever the umask; one that exists stays as it is."""
        try:
            if not path.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                path.chmod(mode)
        except OSError as fault:
            raise spool_error(fault, path) from fault

    def remove(self, path: Path) -> None:
        """Removes a file or a directory with all in it; what is gone already is fine."""
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            return
        except OSError as fault:
            raise spool_error(fault, path) from fault
