"""The log: one line per message, as much as LogLevel asks for.

Promises: LogLevel is 127 until the gateway is ready, then the configured one (operator-commands.md 6). A line is
    time, message id, task id, job name/job id, mail number, target server, text
with "-" for what does not apply, or a JSON object (see `entry`); nothing an event carries can end a line or look like another
one. Each line is written
at once with one system call, so that lines of several threads never mix and the newest is never missing.
Never: stops mail. A channel that fails is reported once to standard error, and once more when it works again.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TextIO

from cssmtp import messages
from cssmtp.clock import Clock
from cssmtp.messages import INITIAL_LEVEL
from cssmtp.observe import wording
from cssmtp.observe.console import put_line
from cssmtp.observe.entry import Entry, Form, text_line
from cssmtp.observe.events import Event, GatewayReady

LOG_MODE = 0o640
"""Permissions of a log file that we make: it names senders and recipients."""


class Channel(Protocol):
    """Where lines of the log go: a file, a stream, syslog, the journal."""

    name: str

    def write(self, entry: Entry) -> None:
        """Take one line. Raises OSError when it cannot."""
        ...

    def reopen(self) -> None:
        """Begin anew after the file was moved away (rotation). Raises OSError when it cannot."""
        ...


class StreamChannel:
    """Lines to a text stream, standard error as a rule."""

    def __init__(self, stream: TextIO, name: str = "standard error") -> None:
        self.name = name
        self._stream = stream

    def write(self, entry: Entry) -> None:
        put_line(self._stream, entry.line)

    def reopen(self) -> None:
        return


class FileChannel:
    """Lines appended to a file, which is opened when the first line comes and made if it is missing."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._descriptor = -1
        self._torn = False
        self._lock = threading.Lock()  # a descriptor closed under a writer could be another file's by then

    def write(self, entry: Entry) -> None:
        with self._lock:
            self._append((entry.line + "\n").encode("utf-8", "backslashreplace"))

    def _append(self, data: bytes) -> None:
        if self._descriptor < 0:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, LOG_MODE)
        if self._torn:
            data = b"\n" + data
        written = os.write(self._descriptor, data)
        self._torn = written != len(data)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def reopen(self) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back; the next line opens it again."""
        with self._lock:
            if self._descriptor >= 0:
                descriptor, self._descriptor, self._torn = self._descriptor, -1, False
                os.close(descriptor)


class Log:
    """The log as a sink. `level` is the configured LogLevel; `rewire` is the bus's, called when the level in force changes."""

    def __init__(
        self,
        channel: Channel,
        clock: Clock,
        level: int,
        *,
        rewire: Callable[[], None],
        stderr: TextIO,
        form: Form = text_line,
    ) -> None:
        self._channel = channel
        self._form = form
        self._clock = clock
        self._configured = level
        self._level = INITIAL_LEVEL
        self._ready = False
        self._rewire = rewire
        self._stderr = stderr
        self._broken = False
        self._lost = 0

    @property
    def level(self) -> int:
        """The LogLevel in force, 0 to 255."""
        return self._level

    def set_level(self, level: int) -> None:
        """A new configured LogLevel, 0 to 255. In force at once, or when initialisation is complete."""
        self._configured = level
        if self._ready:
            self._level = level
            self._rewire()

    def reopen(self) -> None:
        """Begin a new file under the same name (rotation, SIGHUP). Raises nothing."""
        try:
            self._channel.reopen()
        except OSError as error:
            self._report(error)

    def wants(self, kind: type[Event], variant: str) -> bool:
        return kind is GatewayReady or bool(wording.message_for(kind, variant).level & self._level)

    def handle(self, event: Event) -> None:
        message = wording.message_of(event)
        if message.level & self._level:
            self._put(Entry(event, wording.tell(event, message), self._clock.wall(), self._form))
        if isinstance(event, GatewayReady):
            self._ready = True
            self.set_level(self._configured)

    def _put(self, entry: Entry) -> None:
        try:
            self._channel.write(entry)
        except OSError as error:
            self._lost += 1
            self._report(error)
            return
        if self._broken:
            put_line(self._stderr, messages.LOG_MENDED.format(path=messages.plain(self._channel.name), lost=self._lost))
            self._broken, self._lost = False, 0

    def _report(self, error: OSError) -> None:
        if not self._broken:
            self._broken = True
            reason = messages.plain(error.strerror or str(error))
            put_line(self._stderr, messages.LOG_BROKEN.format(path=messages.plain(self._channel.name), reason=reason))
