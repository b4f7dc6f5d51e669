"""The control socket: where commands come in.

Protocol, one exchange per connection: the client sends one line, `MODIFY form procedure operands`, `STOP form procedure` or
`SNAPSHOT JSON procedure`, where form is TEXT or JSON and procedure "-" means whoever listens. The answer is a line with an exit
status (0 done, 1 refused) and the number of octets that follow, then these octets.

Promises: commands are obeyed one after the other in the order they came; a client that says nothing, says too much or goes away
costs nobody else anything; a socket file that a dead process left is removed, one that is served is never touched.
Never: decides who may command: the permissions of the socket and its directory do (0660, the directory's own).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import pwd
import socket
import stat
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

from cssmtp.console.reply import Reply, refused
from cssmtp.errors import CssmtpError

SOCKET_NAME = "control"
"""Name of the socket in the spool directory where the configuration names none."""

SOCKET_MODE = 0o660

LINE_LIMIT = 8192
"""Octets a request may have. A command has at most 1024 characters."""

DISCARD_LIMIT = 4 * 1024 * 1024
"""Octets of a request that is too long which are read at most."""

SILENCE_SECONDS = 10.0
"""How long a client may take to say its line, or to take its answer."""

CLIENTS = 32
"""Connections served at a time. A further one takes the place of the first that has said nothing yet, or is closed at once."""


class SocketTaken(CssmtpError):
    """Another process serves the control socket, or it cannot be made."""


Obey = Callable[[str, str, str, str], Awaitable[Reply]]
"""Called with verb (MODIFY, STOP, SNAPSHOT), procedure, operands and the name of the user who asks."""


def socket_path(configured: str, spool: str) -> Path:
    """Where the control socket is: the configured path, else in the spool directory."""
    return Path(configured) if configured else Path(spool) / SOCKET_NAME


def reachable(directory: int, name: str) -> str:
    """A short name for a socket in an open directory: the name of a socket may have 107 octets, a path has more."""
    return f"/proc/self/fd/{directory}/{name}"


class Channel:
    """Serves the socket at `path` while it is entered as an async context manager; raises SocketTaken when that cannot be."""

    def __init__(self, path: Path, obey: Obey, *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._path = path
        self._obey = obey
        self._silence_seconds = silence_seconds
        self._turn = asyncio.Lock()
        self._clients: set[asyncio.Task[None]] = set()
        self._silent: dict[asyncio.Task[None], None] = {}  # have not said their line yet, in the order in which they came
        self._identity: tuple[int, int] | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Channel:
        try:
            listener = self._listen()
        except OSError as error:
            raise SocketTaken(f"{self._path}: {error.strerror or error}") from error
        self._server = await asyncio.start_unix_server(self._connected, sock=listener, limit=LINE_LIMIT)
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        with contextlib.suppress(OSError):
            there = os.lstat(self._path)
            if (there.st_dev, there.st_ino) == self._identity:
                self._path.unlink()

    def _listen(self) -> socket.socket:
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)  # two starting at once must not both remove what a third one left
            name = reachable(directory, self._path.name)
            self._clear(directory, name)
            os.fchmod(listener.fileno(), SOCKET_MODE)
            listener.bind(name)
            os.chmod(self._path.name, SOCKET_MODE, dir_fd=directory)
            listener.listen(CLIENTS)
            there = os.stat(self._path.name, dir_fd=directory, follow_symlinks=False)
            self._identity = (there.st_dev, there.st_ino)
        except BaseException:
            listener.close()
            raise
        finally:
            os.close(directory)
        listener.setblocking(False)
        return listener

    def _clear(self, directory: int, name: str) -> None:
        """Remove what a dead process left. Raises SocketTaken when it is alive, or no socket at all."""
        try:
            there = os.stat(self._path.name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(there.st_mode):
            raise SocketTaken(f"{self._path} is there and is no socket; remove it or choose another path")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            answer = probe.connect_ex(name)
        if answer not in (errno.ECONNREFUSED, errno.ENOENT):
            raise SocketTaken(f"{self._path} is served by another process; choose another path for this one")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path.name, dir_fd=directory)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._clients) >= CLIENTS:
            if not self._silent:
                writer.close()
                return
            next(iter(self._silent)).cancel()
        self._clients.add(task)
        self._silent[task] = None
        try:
            await self._serve(reader, writer, task)
        except (OSError, TimeoutError):
            pass  # a client that went away or fell silent; there is nobody to tell
        except asyncio.CancelledError:
            pass  # the gateway ends, or somebody else had something to say
        finally:
            self._clients.discard(task)
            self._silent.pop(task, None)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        async with asyncio.timeout(self._silence_seconds):
            line = await _line(reader)
        self._silent.pop(task, None)
        if not line:
            return
        if len(line) > LINE_LIMIT:
            reply, as_json = refused("", f"the request is longer than {LINE_LIMIT} characters"), False
        else:
            verb, form, procedure, operands = (*line.decode("utf-8", "replace").strip().split(" ", 3), "", "", "", "")[:4]
            as_json = form == "JSON"
            async with self._turn:
                reply = await self._obey(verb, procedure, operands, _user(writer))
        body = reply.render(as_json=as_json).encode("utf-8", "backslashreplace")
        writer.write(b"%d %d\n" % (not reply.ok, len(body)) + body)
        async with asyncio.timeout(self._silence_seconds):
            await writer.drain()


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The request; b"" when the client goes away before its end. Of one that is too long only the first part is kept, but up to
    `DISCARD_LIMIT` octets are read, so that its sender gets to read the refusal."""
    line, count = b"", 0
    while count < DISCARD_LIMIT:
        data = await reader.read(LINE_LIMIT)
        if not data:
            return b""
        count += len(data)
        line = (line + data)[: LINE_LIMIT + 1]
        if b"\n" in data:
            break
    return line


def _user(writer: asyncio.StreamWriter) -> str:
    """Who is at the other end, by the kernel's word."""
    peer = writer.get_extra_info("socket")
    try:
        _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    except (OSError, AttributeError, struct.error):
        return "unknown"
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
