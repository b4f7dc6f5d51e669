"""An SMTP server for soaks that is quick, remembers what it took, and refuses some recipients as they ask for.

Promises: `taken` counts every sender whose mail was accepted, `notices` the recipients of mail from nobody; `torn` names the
senders whose text did not end as it should. A recipient whose name begins with "later" gets 451 until it has been tried `LATER`
times, one that begins with "never" always 550.
Never: fails otherwise, keeps a text.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import cast

LATER = 2

GREETING = b"220 fast.example ESMTP\r\n"
EXTENSIONS = b"250-fast.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
OK, GO_ON, BYE = b"250 2.0.0 Ok\r\n", b"354 Go on\r\n", b"221 2.0.0 Bye\r\n"
LATER_REPLY, NEVER_REPLY, NOBODY = b"451 4.3.0 Later\r\n", b"550 5.1.1 Never\r\n", b"503 5.5.1 No valid recipients\r\n"


class FastSink:
    """Listens on one port of several loopback addresses. Use as an async context manager; then `port` is set."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self.taken: Counter[str] = Counter()
        self.notices: Counter[str] = Counter()
        self.torn: list[str] = []
        self.by_host: Counter[str] = Counter()
        self.tries: Counter[bytes] = Counter()
        self.port = 0
        self._hosts = list(hosts)
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Transport] = set()

    async def __aenter__(self) -> FastSink:
        loop = asyncio.get_running_loop()
        for host in self._hosts:
            server = await loop.create_server(lambda host=host: _Connection(self, host, self._open), host, self.port)
            self._servers.append(server)
            self.port = server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        for server in self._servers:
            server.close()
        for transport in list(self._open):
            transport.abort()

    def recipient(self, name: bytes) -> bytes:
        """The reply to a recipient."""
        if name.startswith(b"never"):
            return NEVER_REPLY
        if name.startswith(b"later"):
            self.tries[name] += 1
            if self.tries[name] <= LATER:
                return LATER_REPLY
        return OK

    def took(self, host: str, sender: str, recipient: str, end: bytes) -> None:
        """A mail was accepted; `end` is the end of its text."""
        if not sender:
            self.notices[recipient] += 1
            return
        self.taken[sender] += 1
        self.by_host[host] += 1
        if end.rpartition(b"\n")[2] != b"end of " + sender.encode():
            self.torn.append(sender)


class _Connection(asyncio.Protocol):
    def __init__(self, sink: FastSink, host: str, connections: set[asyncio.Transport]) -> None:
        self._sink = sink
        self._host = host
        self._open = connections
        self._buffer = b""
        self._in_text = False
        self._sender = ""
        self._recipient = ""
        self._accepted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._open.add(self._transport)
        self._transport.write(GREETING)

    def connection_lost(self, error: Exception | None) -> None:
        self._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        at = 0
        replies: list[bytes] = []
        while (end := data.find(b"\r\n.\r\n" if self._in_text else b"\r\n", at)) >= 0:
            if self._in_text:
                self._sink.took(self._host, self._sender, self._recipient, data[max(at, end - 80) : end])
                self._in_text = False
                replies.append(OK)
                at = end + 5
            else:
                replies.append(self._command(data[at:end]))
                at = end + 2
        self._buffer = data[at:]
        if replies:
            self._transport.write(b"".join(replies))
            if replies[-1] is BYE:
                self._transport.close()

    def _command(self, line: bytes) -> bytes:
        name = line.partition(b"<")[2].partition(b">")[0]
        match line[:4].upper():
            case b"EHLO":
                return EXTENSIONS
            case b"MAIL":
                self._sender, self._accepted = name.decode(), 0
                return OK
            case b"RCPT":
                self._recipient = name.decode()
                reply = self._sink.recipient(name)
                self._accepted += reply is OK
                return reply
            case b"DATA":
                self._in_text = self._accepted > 0
                return GO_ON if self._in_text else NOBODY
            case b"QUIT":
                return BYE
            case _:
                return OK
