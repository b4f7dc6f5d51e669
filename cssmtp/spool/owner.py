"""Who holds what is claimed: one lock file per process (jes-spool.md 11, rule 4).

Promises: an owner is alive exactly as long as its process holds the lock, however the process ends; an owner on another host
counts as alive, since nobody here can know.
Never: trusts process numbers, which are used again.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

from cssmtp.spool.disk import spool_error


def this_host() -> str:
    """The host's name as it stands in owner names."""
    return re.sub(r"[^A-Za-z0-9-]", "-", os.uname().nodename.split(".", 1)[0]) or "localhost"


class Owner:
    """This process as an owner: `name` is host.pid.start, with a random word as start."""

    def __init__(self, directory: Path) -> None:
        self.name = f"{this_host()}.{os.getpid()}.{os.urandom(6).hex()}"
        self._path = directory / self.name
        hidden = directory / f".{self.name}"
        try:
            self._descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            os.rename(hidden, self._path)
        except OSError as fault:
            raise spool_error(fault, self._path) from fault

    def close(self) -> None:
        """Gives up: what is still claimed counts as left behind by a dead owner."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def alive(directory: Path, name: str, *, all_hosts: bool = False) -> bool:
    """True while the process of that owner lives. An owner of another host is, unless `all_hosts` has its lock tested too."""
    if not all_hosts and name.split(".", 1)[0] != this_host():
        return True
    try:
        descriptor = os.open(directory / name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as fault:
        raise spool_error(fault, directory / name) from fault
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
