"""An SMTP server that fails at random and remembers exactly what it took.

Promises: whatever it does, `taken` says of every mail whether it was accepted, whether the answer to the end of its text was
written, and whether the connection ended so soon after it that the answer may not have been read; `weather.counts` says how
often each fault came.
Never: keeps more of a mail than its subject, its size and, of a notice, who was not reached.

Faults come by step: greeting ehlo mail rcpt data body dot quit. "size" is what EHLO says of SIZE: plenty, and then mails are
refused for being too large ("refuse": at MAIL or after the dot), or less than any mail has. Replies of a connection come one by
one, in two pieces, byte by byte, or merged: as many as there are when the client has said all it has to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

RATES = {
    "greeting": 0.01,
    "ehlo": 0.01,
    "size": 0.05,
    "refuse": 0.1,
    "mail": 0.015,
    "rcpt": 0.01,
    "data": 0.015,
    "body": 0.01,
    "dot": 0.04,
    "quit": 0.1,
}
"""How often a step fails in weather of strength 1."""

LOSSES = ("close", "reset", "hang", "garbage", "mismatch")
"""What every step knows beside codes."""

CODES = ("150", "334", "354", "421", "450", "452", "500", "503", "550", "554", "699")
"""Every class of reply, good ones of the wrong kind among them."""

EXTRA = {"dot": ("drop", "take", "take then hang"), "data": ("250",), "mail": ("251",), "rcpt": ("251",)}
"""drop: the text is here, the mail is not taken, the connection ends. take: it is taken, and the connection ends."""

PLENTY, TINY = "SIZE 1000000", "SIZE 10"
SIZES = (PLENTY, PLENTY, PLENTY, TINY)
TOO_LARGE = b"552 5.3.4 Too large"

SOON = 1.0
"""Seconds: an answer written so shortly before the end of its connection may be lost with it."""

CHOICES = {"body": LOSSES, "size": SIZES, "refuse": ("mail", "dot")}
"""The steps whose faults are not codes."""

MANNERS = ("one by one", "one by one", "split", "slow", "merged", "merged")

RECIPIENT = re.compile(rb"^Recipient: <?([^>\r\n]*)", re.MULTILINE)
ORIGINAL = b"---- Original mail follows ----"
TEXT_KEPT = 4096


@dataclass(slots=True)
class Taken:
    """A mail that the server took: when (monotonic seconds), and whether nobody can be sure that the client knows."""

    sender: str
    recipients: tuple[str, ...]
    when: float
    subject: str
    size: int
    failed: tuple[str, ...]
    open: bool = True


@dataclass(slots=True)
class Weather:
    """Which fault comes now. `strength` 0 is a server that does everything right."""

    random: random.Random
    strength: float = 1.0
    patience: float = 0.5
    counts: Counter[str] = field(default_factory=Counter)

    def action(self, step: str) -> str:
        if self.random.random() >= self.strength * RATES[step]:
            return ""
        if step in CHOICES:
            action = self.random.choice(CHOICES[step])
        else:
            codes = (self.random.choice(CODES) for _ in range(4))
            action = self.random.choice((*LOSSES, *EXTRA.get(step, ()), *codes))
        self.counts[f"{step} {action}"] += 1
        return action


class Ended(Exception):
    """The connection is to be closed."""


class ErraticServer:
    """Listens on one port of several loopback addresses. Use as an async context manager; then `port` is set."""

    def __init__(self, weather: Weather, hosts: Iterable[str] = ("127.0.0.1",), *, chunking: bool = True) -> None:
        self.weather = weather
        self.chunking = chunking
        self.taken: list[Taken] = []
        self.connections = 0
        self.changed = asyncio.Event()
        self.port = 0
        self._hosts = list(hosts)
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ErraticServer:
        for host in self._hosts:
            server = await asyncio.start_server(self._serve, host, self.port)
            self._servers.append(server)
            self.port = server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        connection = _Connection(self, reader, writer)
        try:
            await connection.run()
        except (Ended, ConnectionError, EOFError, asyncio.CancelledError):
            pass
        finally:
            connection.ended()
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError, TimeoutError):
                async with asyncio.timeout(0.5):
                    await writer.wait_closed()


class _Connection:
    def __init__(self, server: ErraticServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.weather = server.weather
        self.reader = reader
        self.writer = writer
        self.manner = self.weather.random.choice(MANNERS) if self.weather.strength else "merged"
        self.buffer = bytearray()
        self.out = bytearray()
        self.recent: list[Taken] = []
        self.promised: list[Taken] = []  # their answers are in `out`
        self.chunks = bytearray()
        self.size = ""  # what EHLO said of it, when that was a lie
        self.refuses = ""  # where the mail under way is too large all of a sudden
        self.forget()

    def forget(self) -> None:
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.chunks.clear()

    def ended(self) -> None:
        now = time.monotonic()
        for taken in self.recent:
            taken.open |= now - taken.when < SOON

    async def run(self) -> None:
        await self.answer("greeting", b"220 erratic.example ESMTP")
        while True:
            line = await self.line()
            match line.partition(b" ")[0].upper():
                case b"EHLO":
                    words = [b"erratic.example", b"PIPELINING", b"8BITMIME", *([b"CHUNKING"] if self.server.chunking else [])]
                    self.size = self.weather.action("size")
                    words += [self.size.encode()] if self.size else []
                    await self.answer("ehlo", b"".join(b"250-%s\r\n" % word for word in words) + b"250 ENHANCEDSTATUSCODES")
                case b"HELO":
                    await self.answer("ehlo", b"250 erratic.example")
                case b"MAIL":
                    self.forget()
                    self.refuses = self.weather.action("refuse") if self.size == PLENTY else ""
                    if self.refuses == "mail":
                        await self.write(TOO_LARGE)
                    elif await self.answer("mail", b"250 2.1.0 Ok"):
                        self.sender = address(line)
                case b"RCPT":
                    if self.sender is None:
                        await self.write(b"503 5.5.1 MAIL first")
                    elif await self.answer("rcpt", b"250 2.1.5 Ok"):
                        self.recipients.append(address(line))
                case b"DATA":
                    if not self.recipients:
                        await self.write(b"503 5.5.1 No valid recipients")
                    elif await self.answer("data", b"354 Go on", good="3"):
                        await self.take(await self.text())
                case b"BDAT":
                    await self.chunk(line)
                case b"RSET":
                    self.forget()
                    await self.write(b"250 2.0.0 Reset")
                case b"QUIT":
                    await self.answer("quit", b"221 2.0.0 Bye")
                    raise Ended
                case _:
                    await self.write(b"500 5.5.1 What?")

    # --- reading

    async def fill(self) -> None:
        await self.flush()
        data = await self.reader.read(1 << 16)
        if not data:
            raise EOFError
        self.buffer += data

    async def line(self) -> bytes:
        while (end := self.buffer.find(b"\r\n")) < 0:
            await self.fill()
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return line

    async def text(self) -> bytes:
        """The text up to the final dot, unless the connection ends in its middle."""
        fault = self.weather.action("body")
        searched = 0
        while (end := self.buffer.find(b"\r\n.\r\n", searched)) < 0:
            if fault and self.buffer:
                await self.fail(fault)
            searched = max(0, len(self.buffer) - 4)
            await self.fill()
        text = bytes(self.buffer[:end])
        del self.buffer[: end + 5]
        return text

    async def chunk(self, line: bytes) -> None:
        words = line.split()
        size = int(words[1])
        fault = self.weather.action("body")
        while len(self.buffer) < size:
            if fault and self.buffer:
                await self.fail(fault)
            await self.fill()
        self.chunks += self.buffer[:size]
        del self.buffer[:size]
        if not self.recipients:
            await self.write(b"503 5.5.1 No valid recipients")
        elif len(words) == 3:
            await self.take(bytes(self.chunks))
        else:
            await self.write(b"250 2.0.0 Chunk")

    async def take(self, text: bytes) -> None:
        """The end of a text: the mail is taken or not, the client is told or not."""
        if self.refuses == "dot":
            self.forget()
            await self.write(TOO_LARGE)
            return
        action = self.weather.action("dot")
        sender, recipients = self.sender or "", tuple(self.recipients)
        self.forget()
        if action == "drop":
            raise Ended
        if action and not action.startswith("take"):
            await self.act(action)
            return
        head = text[:TEXT_KEPT]
        subject = re.search(rb"^Subject: (.*?)\r?$", head, re.MULTILINE)
        failed = tuple(name.decode("latin-1") for name in RECIPIENT.findall(head.partition(ORIGINAL)[0])) if not sender else ()
        taken = Taken(sender, recipients, time.monotonic(), subject[1].decode("latin-1") if subject else "", len(text), failed)
        self.server.taken.append(taken)
        self.server.changed.set()
        self.recent = [earlier for earlier in self.recent if taken.when - earlier.when < SOON]
        self.recent.append(taken)
        if action:
            await self.fail("hang" if action.endswith("hang") else "close")
        await self.write(b"250 2.0.0 Ok")
        if self.out:
            self.promised.append(taken)
        else:
            taken.open = False

    # --- answering

    async def answer(self, step: str, reply: bytes, good: str = "2") -> bool:
        """Answer a step; returns whether the answer was of the class `good`."""
        action = self.weather.action(step)
        if not action:
            await self.write(reply)
            return True
        return await self.act(action) == good

    async def act(self, action: str) -> str:
        """Do what is wrong; returns the class of the answer given."""
        if action.isdigit():
            await self.write(b"%s %s.0.0 As it comes" % (action.encode(), action[:1].encode()))
            if action == "421":
                raise Ended
            return action[0]
        await self.fail(action)
        return ""

    async def fail(self, action: str) -> None:
        match action:
            case "hang":
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.weather.random.uniform(0, self.weather.patience)):
                        await self.flush()
                        await self.reader.read(-1)
            case "reset":
                linger = struct.pack("ii", 1, 0)
                self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.writer.transport.abort()
            case "garbage":
                await self.write(b"I am no reply")
                await self.flush()
            case "mismatch":
                await self.write(b"250-well\r\n550 no")
                await self.flush()
            case _:
                pass
        raise Ended

    async def write(self, reply: bytes) -> None:
        reply += b"\r\n"
        match self.manner:
            case "merged":
                self.out += reply
            case "split":
                await self.send(reply[:2])
                await asyncio.sleep(0.001)
                await self.send(reply[2:])
            case "slow":
                for position in range(len(reply)):
                    await self.send(reply[position : position + 1])
                    await asyncio.sleep(0)
            case _:
                await self.send(reply)

    async def flush(self) -> None:
        if self.out:
            data = bytes(self.out)
            self.out.clear()
            await self.send(data)
            for taken in self.promised:
                taken.open = False
            self.promised.clear()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


def address(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode("latin-1")
