"""Where SMF records go: a file, and whoever listens on a Unix socket.

Promises: a record is written whole or not at all, with one call; when the file cannot be written the operator is told once, mail
goes on, records are kept up to KEPT_LIMIT and written when it works again. A listener that does not keep up is hung up on.
Never: waits for anybody, raises anything of the system.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from cssmtp.observe.events import Event, SmfBroken, SmfMended

FILE_MODE = 0o640
"""Permissions of a file that we make: it names senders and recipients."""

SOCKET_MODE = 0o660

KEPT_LIMIT = 1024 * 1024
"""Octets of records kept while the file cannot be written."""

LISTENER_BUFFER = 1024 * 1024
"""Octets that a listener may be behind."""

MOST_LISTENERS = 8


class RecordFile:
    """Records appended to a file, which is made when the first one comes. May be called from any thread."""

    def __init__(self, path: Path, publish: Callable[[Event], None]) -> None:
        self._path = path
        self._publish = publish
        self._descriptor = -1
        self._kept: deque[bytes] = deque()
        self._kept_octets = 0
        self._lost = 0
        self._broken = False
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        """Take one framed record."""
        with self._lock:
            failure = None
            if not self._broken:
                failure = self._append(data)
                self._broken = failure is not None
            if self._broken:
                self._keep(data)
        if failure is not None:
            self._publish(SmfBroken(str(self._path), failure))

    def retry(self) -> None:
        """After a failure: write what is kept, if that is possible now. To be called now and then."""
        with self._lock:
            if not self._broken:
                return
            while self._kept:
                if self._append(self._kept[0]) is not None:
                    return
                self._kept_octets -= len(self._kept.popleft())
            lost, self._lost, self._broken = self._lost, 0, False
        self._publish(SmfMended(str(self._path), lost))

    def reopen(self) -> None:
        """Begin anew after the file was moved away (rotation): the next record opens it again."""
        with self._lock:
            self._close()

    def close(self) -> None:
        """Write what is kept if possible, and let go."""
        self.retry()
        self.reopen()

    def _keep(self, data: bytes) -> None:
        self._kept.append(data)
        self._kept_octets += len(data)
        while self._kept_octets > KEPT_LIMIT:
            self._kept_octets -= len(self._kept.popleft())
            self._lost += 1

    def _append(self, data: bytes) -> str | None:
        """Write a record; the answer is why that was not possible."""
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
            written = os.write(self._descriptor, data)
            if written != len(data):
                # Half a record would hide the ones after it from readers that cannot look for the next.
                os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
                return os.strerror(errno.ENOSPC)
        except OSError as error:
            return error.strerror or str(error)
        return None

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


class RecordSocket:
    """A Unix stream socket that gives every listener all records from now on, framed as in a file.

    Raises OSError when made, if the socket cannot be had. `accept` is to be called now and then.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listeners: list[socket.socket] = []
        self._lock = threading.Lock()
        _remove_leftover(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind(str(path))
            os.chmod(path, SOCKET_MODE)
            self._socket.listen(MOST_LISTENERS)
        except OSError:
            self._socket.close()
            raise

    def accept(self) -> None:
        """Take in who has connected."""
        with self._lock, contextlib.suppress(OSError):
            while len(self._listeners) < MOST_LISTENERS:
                listener, _ = self._socket.accept()
                listener.setblocking(False)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LISTENER_BUFFER)
                self._listeners.append(listener)

    def write(self, data: bytes) -> None:
        """Give a framed record to all listeners."""
        with self._lock:
            for listener in list(self._listeners):
                if not _sent(listener, data):
                    self._listeners.remove(listener)
                    listener.close()

    def close(self) -> None:
        """Hang up on all and take the socket away."""
        with self._lock:
            for listener in (*self._listeners, self._socket):
                listener.close()
            self._listeners.clear()
        with contextlib.suppress(OSError):
            self._path.unlink()


def _sent(listener: socket.socket, data: bytes) -> bool:
    try:
        return listener.send(data, socket.MSG_NOSIGNAL) == len(data)
    except OSError:
        return False


def _remove_leftover(path: Path) -> None:
    """A socket that nobody listens on any more is in the way; one that is alive is somebody else's."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
