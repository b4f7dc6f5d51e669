"""Putting a spool file into the drop directory of the gateway (jes-spool.md 11, rules 1, 5 and 7; docs/spool.md).

Promises: the file appears whole or not at all, with its sidecar, and is on the disk when `submit` returns; it belongs to the
caller; nobody but the caller and the directory's group can read it; its name cannot be guessed. A failure leaves nothing behind.
Never: uses `cssmtp.spool`, whose modules take longer to import than the whole call may last; the format of the sidecar and the
names of its keys are those of `cssmtp.spool.attributes`, and a test reads every sidecar back with it.
"""

import errno
import os
from collections.abc import Iterable

from cssmtp.ezatmail.refusal import CANNOT_CREATE, NO_PERMISSION, TEMPORARY, UNAVAILABLE, Refusal, printable

_SET_GROUP_ID = 0o2000

_STATUS = {
    errno.ENOENT: (UNAVAILABLE, "the spool is not there; has the gateway been set up, and is the statement D{spool} right?"),
    errno.ENOTDIR: (UNAVAILABLE, "the spool is not there; is the statement D{spool} right?"),
    errno.ENOSPC: (TEMPORARY, "the spool is full; try again later"),
    errno.EDQUOT: (TEMPORARY, "the spool is full for this user; try again later"),
    errno.EIO: (TEMPORARY, "the spool's disk fails; try again later"),
    errno.ENFILE: (TEMPORARY, "too many open files; try again later"),
    errno.EMFILE: (TEMPORARY, "too many open files; try again later"),
    errno.ENOMEM: (TEMPORARY, "no memory; try again later"),
    errno.EACCES: (
        NO_PERMISSION,
        "this user may not submit mail; see docs/sendmail.md for the permissions of the drop directory",
    ),
    errno.EPERM: (NO_PERMISSION, "this user may not submit mail; see docs/sendmail.md for the permissions of the drop directory"),
}
_OTHER = (CANNOT_CREATE, "the spool file cannot be created")


def submit(directory: str, attributes: dict[str, str], deck: Iterable[bytes]) -> str:
    """Writes a deck and its sidecar into `directory`; returns the name of the spool file, which is now the gateway's.

    `attributes` are the sidecar's text keys, `bytes` is added here. Raises `Refusal` (69, 73, 75 or 77).
    """
    name = "ezatmail." + os.urandom(12).hex()
    path = f"{directory}/{name}"
    hidden = f"{directory}/.{name}"
    made: list[str] = []
    try:
        mode = 0o640 if os.stat(directory).st_mode & _SET_GROUP_ID else 0o600
        made.append(hidden + ".tmp")
        size = _write(made[-1], deck, mode)
        made.append(hidden + ".json.tmp")
        _write(made[-1], [_sidecar(attributes, size)], mode)
        os.rename(made[-1], path + ".json")
        made[-1] = path + ".json"
        os.rename(hidden + ".tmp", path)
        made.clear()
        _sync_names(directory, path)
    except OSError as fault:
        status, remedy = _STATUS.get(fault.errno or 0, _OTHER)
        raise Refusal(status, f"{printable(directory)}: {os.strerror(fault.errno or 0)}: {remedy}") from None
    finally:
        for each in made:
            _remove(each)
    return name


def _write(path: str, pieces: Iterable[bytes], mode: int) -> int:
    """Makes a new file with just these permissions, whatever the umask, and forces it to disk; returns its length."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(descriptor, mode)
        size = 0
        for piece in pieces:
            while piece:
                written = os.write(descriptor, piece)
                size += written
                piece = piece[written:]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return size


def _sync_names(directory: str, path: str) -> None:
    """Forces the new names to disk. Whoever may write to the directory but not read it cannot open it; then the file itself is
    forced once more, by which the journaling file systems of Linux commit its renaming too."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def _sidecar(attributes: dict[str, str], size: int) -> bytes:
    """The sidecar's JSON. Its values are names made by us, in ASCII without quotes and backslashes."""
    keys = [f'"{key}": "{value}"' for key, value in attributes.items()]
    return ("{" + ", ".join(['"version": 1', *keys, f'"bytes": {size}']) + "}\n").encode("ascii")
