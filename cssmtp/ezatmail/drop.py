"""Putting a spool file into the drop directory of the gateway (jes-spool.md 11, rules 1, 5 and 7; docs/spool.md).

Promises: the file appears whole or not at all, with its sidecar, and is on the disk when `submit` returns; it belongs to the
caller; nobody but the caller and the directory's group can read it; its name cannot be guessed. A failure leaves nothing behind.
Never: uses `cssmtp.spool`, whose modules take longer to import than the whole call may last; the format of the sidecar and the
names of its keys are those of `cssmtp.spool.attributes`, and a test reads every sidecar back with it.
"""

import errno
import posix

from cssmtp.ezatmail.refusal import CANNOT_CREATE, NO_PERMISSION, TEMPORARY, UNAVAILABLE, Refusal, printable

TYPE_CHECKING = False
if TYPE_CHECKING:  # at run time the import would cost two milliseconds
    from collections.abc import Iterable

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


def submit(directory: str, attributes: dict[str, str], deck: "Iterable[bytes]") -> str:
    """Writes a deck and its sidecar into `directory`; returns the name of the spool file, which is now the gateway's.

    `attributes` are the sidecar's text keys, `bytes` is added here. Raises `Refusal` (69, 73, 75 or 77).
    """
    place = directory.encode("latin-1")
    name = b"ezatmail." + posix.urandom(12).hex().encode("ascii")
    path = place + b"/" + name
    hidden = place + b"/." + name
    made: list[bytes] = []
    try:
        mode = 0o640 if posix.stat(place).st_mode & _SET_GROUP_ID else 0o600
        made.append(hidden + b".tmp")
        size = _write(made[-1], deck, mode)
        made.append(hidden + b".json.tmp")
        _write(made[-1], [_sidecar(attributes, size)], mode)
        posix.rename(made[-1], path + b".json")
        made[-1] = path + b".json"
        posix.rename(hidden + b".tmp", path)
        made.clear()
        _sync_names(place, path)
    except OSError as fault:
        status, remedy = _STATUS.get(fault.errno or 0, _OTHER)
        raise Refusal(status, f"{printable(directory)}: {posix.strerror(fault.errno or 0)}: {remedy}") from None
    finally:
        for each in made:
            _remove(each)
    return name.decode("ascii")


def _write(path: bytes, pieces: "Iterable[bytes]", mode: int) -> int:
    """Makes a new file with just these permissions, whatever the umask, and forces it to disk; returns its length."""
    descriptor = posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC | posix.O_NOFOLLOW, mode)
    try:
        posix.fchmod(descriptor, mode)
        size = 0
        for piece in pieces:
            size += write_all(descriptor, piece)
        posix.fsync(descriptor)
    finally:
        posix.close(descriptor)
    return size


def write_all(descriptor: int, data: bytes) -> int:
    """Writes all of `data`, however many calls it takes; returns its length. Raises `OSError`."""
    at = 0
    while at < len(data):
        at += posix.write(descriptor, data[at:] if at else data)
    return at


def _sync_names(directory: bytes, path: bytes) -> None:
    """Forces the new names to disk. Whoever may write to the directory but not read it cannot open it; then the file itself is
    forced once more, by which the journaling file systems of Linux commit its renaming too. The gateway may have it already."""
    for each in (directory, path):
        try:
            descriptor = posix.open(each, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW)
        except (PermissionError, FileNotFoundError):
            continue
        try:
            posix.fsync(descriptor)
        finally:
            posix.close(descriptor)
        return


def _remove(path: bytes) -> None:
    try:
        posix.unlink(path)
    except OSError:
        return


def _sidecar(attributes: dict[str, str], size: int) -> bytes:
    """The sidecar's JSON. Its values are names made by us, in ASCII without quotes and backslashes."""
    keys = [f'"{key}": "{value}"' for key, value in attributes.items()]
    return ("{" + ", ".join(['"version": 1', *keys, f'"bytes": {size}']) + "}\n").encode("ascii")
