"""An SMTP server that misbehaves on demand, on the test's own event loop.

What it does wrong is chosen by step, either for every mail (`faults`) or by the addresses of a mail: a local part such as
"rcpt-550", "dot-drop" or "rcpt-451+data-close" names steps and actions. A sender's address may speak of any step, a
recipient's of rcpt, data, body and dot. All it accepted is in `accepted`, every command of every connection in `dialogues`.

Steps: greeting ehlo helo starttls auth mail rcpt data body bdat dot rset quit. "bdat" for all mails may be "unknown": CHUNKING is
offered, BDAT is not understood and its text is read as commands.
Actions: a code ("421" also closes), hang, wait (until `release` is set), close, reset, slow (byte by byte), split, garbage,
mismatch (codes differ within a reply), huge (10 MB of text), multiline; at starttls "end" and "mute" promise TLS and then close,
or say nothing; at the dot also drop (close without having taken the mail) and take (take it, then close without an answer); at
body "early" answers 552 in the middle of the text, "stall" reads no further.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from types import TracebackType

KEPT_TEXT = 1 << 20
"""Texts up to this size are kept whole; of larger ones the size and a hash."""


@dataclass
class Received:
    """A mail the server took. `text` is as sent, dots stuffed, without the final dot; b"" when it was too large to keep."""

    sender: str
    recipients: tuple[str, ...]
    text: bytes
    size: int
    digest: str
    tls: bool
    connection: int


@dataclass
class Dialogue:
    """One connection: what it said, line by line, and whether it ended."""

    commands: list[str] = field(default_factory=list)
    tls: bool = False
    open: bool = True


class Goodbye(Exception):
    """The connection is to be closed."""


def address_of(line: str) -> str:
    return line.partition("<")[2].rpartition(">")[0]


def faults_of(address: str) -> dict[str, str]:
    """Step -> action from a local part."""
    local = address.rpartition("@")[0]
    pairs = (word.partition("-") for word in local.split("+"))
    return {step: action for step, dash, action in pairs if dash}


class MisbehavingServer:
    """Use as an async context manager; then `port` is set."""

    def __init__(
        self,
        faults: dict[str, str] | None = None,
        *,
        extensions: Iterable[str] = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"),
        tls: ssl.SSLContext | None = None,
        mails_per_connection: int = 0,
        recipients_per_mail: int = 0,
        release: asyncio.Event | None = None,
        insists_on_hello: bool = False,
        passwords: dict[str, str] | None = None,
        mechanisms: str = "PLAIN LOGIN XOAUTH2",
    ) -> None:
        """`faults`: step -> action, for all. `tls` adds STARTTLS. After `mails_per_connection` mails the next MAIL gets a 421,
        after `recipients_per_mail` recipients the next RCPT a 452. With `insists_on_hello` the handshake makes the server
        forget the EHLO (RFC 3207 4.2), and without one it takes no mail. With `passwords` (user to password or token) it offers
        AUTH on connections with TLS, and takes no mail there before a login.
        """
        self.faults = faults or {}
        self.extensions = [*extensions, *(["STARTTLS"] if tls else [])]
        self.tls = tls
        self.mails_per_connection = mails_per_connection
        self.recipients_per_mail = recipients_per_mail
        self.release = release or asyncio.Event()
        self.took_a_mail = asyncio.Event()
        self.hanging = asyncio.Event()
        self.insists_on_hello = insists_on_hello
        self.passwords = passwords
        self.mechanisms = mechanisms
        self.logins: list[tuple[str, str]] = []
        self.port = 0
        self.accepted: list[Received] = []
        self.dialogues: list[Dialogue] = []
        self.most_open = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> MisbehavingServer:
        if self._server is None:
            await self.listen()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.vanish()

    async def listen(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._server = await asyncio.start_server(self._serve, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def vanish(self) -> None:
        """Stop listening and drop all connections, as a machine that loses power."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        dialogue = Dialogue()
        self.dialogues.append(dialogue)
        self.most_open = max(self.most_open, sum(other.open for other in self.dialogues))
        connection = _Connection(self, reader, writer, dialogue)
        try:
            await connection.run()
        except (Goodbye, ConnectionError, EOFError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            dialogue.open = False
            writer.close()
            # After start_tls, wait_closed of Python 3.11 now and then waits for ever; nothing here depends on its end.
            with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError, TimeoutError):
                async with asyncio.timeout(0.5):
                    await writer.wait_closed()
            writer.transport.abort()


class _Connection:
    def __init__(
        self, server: MisbehavingServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dialogue: Dialogue
    ) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.dialogue = dialogue
        self.buffer = bytearray()
        self.number = len(server.dialogues)
        self.mails = 0
        self.greeted = False
        self.known = False
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.faults: dict[str, str] = {}

    async def run(self) -> None:
        await self.answer("greeting", "220 misbehaving.example ESMTP")
        async for line in self.lines():
            self.dialogue.commands.append(line)
            verb = line.partition(" ")[0].upper()
            match verb:
                case "EHLO":
                    self.greeted = True
                    offered = [word for word in self.server.extensions if not (self.dialogue.tls and word == "STARTTLS")]
                    if self.server.passwords and self.server.mechanisms and self.dialogue.tls:
                        offered.append(f"AUTH {self.server.mechanisms}")
                    lines = ["misbehaving.example", *offered]
                    text = "".join(f"250-{word}\r\n" for word in lines[:-1]) + f"250 {lines[-1]}"
                    await self.answer("ehlo", text)
                case "HELO":
                    await self.answer("helo", "250 misbehaving.example")
                case "STARTTLS":
                    await self.start_tls()
                case "AUTH":
                    await self.auth(line)
                case "MAIL":
                    await self.mail(line)
                case "RCPT":
                    await self.rcpt(line)
                case "DATA":
                    await self.data()
                case "BDAT" if "CHUNKING" in self.server.extensions and self.server.faults.get("bdat") != "unknown":
                    await self.bdat(int(line.split()[1]))
                case "RSET":
                    self.reset()
                    await self.answer("rset", "250 2.0.0 Reset")
                case "QUIT":
                    await self.answer("quit", "221 2.0.0 Bye")
                    raise Goodbye
                case _:
                    await self.write(b"500 5.5.1 What?\r\n")

    async def lines(self) -> AsyncIterator[str]:
        while True:
            while (end := self.buffer.find(b"\r\n")) < 0:
                await self.fill()
            line = self.buffer[:end].decode("latin-1")
            del self.buffer[: end + 2]
            yield line

    async def fill(self) -> None:
        data = await self.reader.read(1 << 16)
        if not data:
            raise EOFError
        self.buffer += data

    def reset(self) -> None:
        self.sender = None
        self.recipients = []
        self.faults = {}

    async def start_tls(self) -> None:
        if self.server.tls is None:
            await self.answer("starttls", "502 5.5.1 No")
            return
        action = self.action("starttls")
        if action in ("end", "mute"):
            await self.write(b"220 2.0.0 Go ahead\r\n")
            await self.act("close" if action == "end" else "stall", b"")
        if not await self.answer("starttls", "220 2.0.0 Go ahead"):
            return
        await self.writer.start_tls(self.server.tls)
        self.dialogue.tls = True
        self.greeted = False

    async def auth(self, line: str) -> None:
        _, mechanism, first = line.split(" ")
        match mechanism:
            case "PLAIN":
                user, secret = base64.b64decode(first).decode().split("\0")[1:]
            case "LOGIN":
                await self.write(b"334 UGFzc3dvcmQ6\r\n")
                user, secret = base64.b64decode(first).decode(), base64.b64decode(await anext(self.lines())).decode()
            case _:
                parts = base64.b64decode(first).decode().split("\1")
                user, secret = parts[0].removeprefix("user="), parts[1].removeprefix("auth=Bearer ")
        self.known = (self.server.passwords or {}).get(user) == secret and not self.action("auth")
        if self.known:
            self.server.logins.append((mechanism, user))
        elif mechanism == "XOAUTH2":
            await self.write(b"334 eyJzdGF0dXMiOiI0MDAifQ==\r\n")
            await anext(self.lines())
        good = "235 2.7.0 Welcome" if self.known else f"535 5.7.8 I do not know {first} {secret}"
        await self.answer("auth", good)

    async def mail(self, line: str) -> None:
        if self.server.insists_on_hello and not self.greeted:
            await self.write(b"503 5.5.1 EHLO first\r\n")
            return
        if self.server.passwords and self.dialogue.tls and not self.known:
            await self.write(b"530 5.7.0 Authentication required\r\n")
            return
        limit = self.server.mails_per_connection
        if limit and self.mails >= limit:
            await self.act("421", b"")
        if self.sender is not None:
            await self.write(b"503 5.5.1 Nested MAIL\r\n")
            return
        sender = address_of(line)
        self.faults = faults_of(sender)
        if await self.answer("mail", "250 2.1.0 Ok"):
            self.sender = sender
        else:
            self.faults = {}

    async def rcpt(self, line: str) -> None:
        if self.sender is None:
            await self.write(b"503 5.5.1 MAIL first\r\n")
            return
        limit = self.server.recipients_per_mail
        if limit and len(self.recipients) >= limit:
            await self.write(b"452 4.5.3 Too many recipients\r\n")
            return
        recipient = address_of(line)
        faults = faults_of(recipient)
        action = faults.pop("rcpt", "") or self.faults.get("rcpt", "") or self.server.faults.get("rcpt", "")
        self.faults |= faults
        if await self.act(action, b"250 2.1.5 Ok\r\n"):
            self.recipients.append(recipient)

    async def data(self) -> None:
        if self.sender is None or (not self.recipients and self.action("data") != "354"):
            await self.write(b"503 5.5.1 No valid recipients\r\n")
            return
        if not await self.answer("data", "354 Go on"):
            return
        size, digest, text = await self.body()
        await self.end_of_text(text, size, digest)

    async def end_of_text(self, text: bytes, size: int, digest: str, *, keep_failed: bool = False) -> None:
        assert self.sender is not None
        action = self.action("dot")
        sender, recipients = self.sender, tuple(self.recipients)
        received = Received(sender, recipients, text, size, digest, self.dialogue.tls, self.number)
        faults = self.faults
        if not (keep_failed and action[:1] in ("4", "5")):
            self.reset()
        if action == "drop":
            raise Goodbye
        taken = action == "take" or not (action[:1] in ("4", "5") or action in ("hang", "close", "reset", "garbage", "huge"))
        if taken and recipients:
            self.server.accepted.append(received)
            self.server.took_a_mail.set()
        if action == "take":
            raise Goodbye
        self.mails += 1
        self.faults = faults
        await self.answer("dot", f"250 2.0.0 Ok: queued as {len(self.server.accepted)}")
        self.faults = {}

    async def bdat(self, size: int) -> None:
        """One whole text. A failed transaction stays until RSET: RFC 3030 section 2 allows it, and it is the nastiest."""
        while len(self.buffer) < size:
            await self.fill()
        text = bytes(self.buffer[:size])
        del self.buffer[:size]
        if self.action("bdat"):
            await self.act(self.action("bdat"), b"")
            return
        if self.sender is None or not self.recipients:
            await self.write(b"503 5.5.1 No valid recipients\r\n")
            return
        lines = text.split(b"\r\n")
        stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
        await self.end_of_text(stuffed, len(stuffed), hashlib.sha256(stuffed).hexdigest(), keep_failed=True)

    async def body(self) -> tuple[int, str, bytes]:
        """The text up to the final dot."""
        early = self.action("body")
        digest = hashlib.sha256()
        size = 0
        kept = bytearray()
        self.buffer[:0] = b"\r\n"  # so that a dot as the very first line is found as well
        while (end := self.buffer.find(b"\r\n.\r\n")) < 0:
            if early and size > 1 << 16:
                await self.act("552" if early == "early" else early, b"")
                early = ""
            done = len(self.buffer) - 4
            if done > 2:
                self.keep(digest, kept, bytes(self.buffer[:done]), size)
                size += done
                del self.buffer[:done]
            await self.fill()
        self.keep(digest, kept, bytes(self.buffer[: end + 2]), size)
        size += end
        del self.buffer[: end + 5]
        return size, digest.hexdigest(), bytes(kept) if size <= KEPT_TEXT else b""

    @staticmethod
    def keep(digest: hashlib._Hash, kept: bytearray, piece: bytes, size: int) -> None:
        piece = piece[0 if size else 2 :]  # without the line end that `body` put in front
        digest.update(piece)
        if size <= KEPT_TEXT:
            kept += piece

    def action(self, step: str) -> str:
        return self.faults.get(step, "") or self.server.faults.get(step, "")

    async def answer(self, step: str, good: str) -> bool:
        """Answer a step as told; returns whether the answer was the good one, in whatever form."""
        return await self.act(self.action(step), good.encode() + b"\r\n")

    async def act(self, action: str, good: bytes) -> bool:
        if action.isdigit():
            await self.write(f"{action} {action[0]}.0.0 As you wish\r\n".encode())
            if action == "421":
                raise Goodbye
            return action[0] in "23"
        match action:
            case "":
                await self.write(good)
            case "wait":
                self.server.hanging.set()
                await self.server.release.wait()
                await self.write(good)
            case "stall":
                self.server.hanging.set()
                await asyncio.Event().wait()
            case "hang":
                self.server.hanging.set()
                await self.reader.read(-1)
                raise Goodbye
            case "close":
                raise Goodbye
            case "reset":
                linger = struct.pack("ii", 1, 0)
                self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.writer.transport.abort()
                raise Goodbye
            case "slow":
                for position in range(len(good)):
                    await self.write(good[position : position + 1])
                    await asyncio.sleep(0)
            case "split":
                await self.write(good[:2])
                await asyncio.sleep(0)
                await self.write(good[2:])
            case "multiline":
                await self.write(good[:3] + b"-first\r\n" + good)
            case "mismatch":
                await self.write(b"250-well\r\n550 no\r\n")
                return False
            case "garbage":
                await self.write(b"Look at me, I am no reply\r\n")
                return False
            case "huge":
                for _ in range(160):
                    await self.write(b"x" * 65536)
                return False
            case _:
                raise AssertionError(f"no such action: {action}")
        return True

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
