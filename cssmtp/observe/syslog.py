"""The log's way to syslogd and to the journal: one datagram for each line.

Promises: the priority follows from the level; syslog gets the form of RFC 3164 that the C library uses (no host name, the local
syslogd adds it), the journal its native protocol with message id, job, mail and target as fields of their own.
Never: waits for a daemon that does not read; raises anything but OSError.
"""

from __future__ import annotations

import os
import socket
import struct

from cssmtp.messages import Level
from cssmtp.observe.entry import Entry

SYSLOG_SOCKET = "/dev/log"
JOURNAL_SOCKET = "/run/systemd/journal/socket"
IDENTIFIER = "cssmtp"

FACILITY_MAIL = 2
"""Ours: which facility CSSMTP uses is not known."""

_PRIORITIES = ((Level.ERROR, 3), (Level.WARNING, 4), (Level.EVENT, 5), (Level.INFORMATION, 6))
_DEBUG = 7
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def priority(level: Level) -> int:
    """The severity of RFC 3164 for a level: error 3, warning 4, event 5 (notice), information 6, the dialogues and debug 7."""
    return next((number for bit, number in _PRIORITIES if level & bit), _DEBUG)


class _Datagrams:
    """Sends datagrams to a Unix socket, connecting again after every failure."""

    def __init__(self, path: str) -> None:
        self.name = path
        self._socket: socket.socket | None = None

    def send(self, data: bytes) -> None:
        """Raises OSError."""
        try:
            if self._socket is None:
                self._socket = self._connected()
            self._socket.send(data)
        except OSError:
            self.reopen()
            raise

    def _connected(self) -> socket.socket:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            line.setblocking(False)
            line.connect(self.name)
        except OSError:
            line.close()
            raise
        return line

    def reopen(self) -> None:
        """Connect anew with the next line."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    close = reopen


class SyslogChannel(_Datagrams):
    """Lines to syslogd."""

    def __init__(self, path: str = SYSLOG_SOCKET) -> None:
        super().__init__(path)
        self._tag = f"{IDENTIFIER}[{os.getpid()}]"

    def write(self, entry: Entry) -> None:
        moment = entry.moment
        stamp = f"{_MONTHS[moment.month - 1]} {moment.day:2d} {moment:%H:%M:%S}"
        text = f"<{FACILITY_MAIL * 8 + priority(entry.level)}>{stamp} {self._tag}: {entry.unstamped}"
        self.send(text.encode("utf-8", "backslashreplace"))


class JournalChannel(_Datagrams):
    """Lines to the journal."""

    def __init__(self, path: str = JOURNAL_SOCKET) -> None:
        super().__init__(path)

    def write(self, entry: Entry) -> None:
        told = entry.told
        fields = {
            "MESSAGE": entry.unstamped,
            "PRIORITY": str(priority(entry.level)),
            "SYSLOG_IDENTIFIER": IDENTIFIER,
            "SYSLOG_FACILITY": str(FACILITY_MAIL),
            "SYSLOG_PID": str(os.getpid()),
            "CSSMTP_ID": told.message.id,
            "CSSMTP_TASK": told.task,
            "CSSMTP_JOB": told.job,
            "CSSMTP_MAIL": told.mail,
            "CSSMTP_TARGET": told.target,
        }
        self.send(b"".join(_field(name, value.encode("utf-8", "backslashreplace")) for name, value in fields.items()))


def _field(name: str, value: bytes) -> bytes:
    """A field of the journal's native protocol; a value with a line end must be given with its length."""
    if b"\n" in value:
        return name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return name.encode() + b"=" + value + b"\n"
