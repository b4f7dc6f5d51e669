"""An SMTP server for benchmarks that takes everything and answers each packet after a delay, as over a line of that latency.

Run: python -m tests.bench.slowsink PORT MILLISECONDS [CHUNKING]. With CHUNKING it offers BDAT. It keeps nothing.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

ANSWERS = {
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"DATA": b"354 End data with <CR><LF>.<CR><LF>\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


class Connection(asyncio.Protocol):
    def __init__(self, seconds: float, extensions: bytes) -> None:
        self.seconds = seconds
        self.extensions = extensions
        self.buffer = b""
        self.in_text = False
        self.missing = 0  # octets of a BDAT that have not come yet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # no isinstance: that of uvloop is no subclass
        self.transport.write(b"220 slow.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        data = self.buffer + data
        answers: list[bytes] = []
        at = 0
        while True:
            if self.missing:
                step = min(self.missing, len(data) - at)
                at += step
                self.missing -= step
                if self.missing:
                    break
                answers.append(b"250 2.0.0 Ok\r\n")
            elif self.in_text:
                end = data.find(b"\r\n.\r\n", at)
                if end < 0:
                    at = max(at, len(data) - 4)
                    break
                at = end + 5
                self.in_text = False
                answers.append(b"250 2.0.0 Ok\r\n")
            else:
                end = data.find(b"\r\n", at)
                if end < 0:
                    break
                verb = data[at : at + 4].upper()
                if verb == b"BDAT":
                    self.missing = int(data[at:end].split()[1])
                elif verb in (b"EHLO", b"HELO"):
                    answers.append(self.extensions)
                else:
                    answers.append(ANSWERS[verb])
                    self.in_text = verb == b"DATA"
                at = end + 2
        self.buffer = data[at:]
        if answers:
            asyncio.get_running_loop().call_later(self.seconds, self.transport.write, b"".join(answers))


async def serve(port: int, seconds: float, *, chunking: bool) -> None:
    extensions = b"250-slow.example\r\n250-PIPELINING\r\n" + (b"250-CHUNKING\r\n" if chunking else b"") + b"250 8BITMIME\r\n"
    server = await asyncio.get_running_loop().create_server(lambda: Connection(seconds, extensions), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000, chunking="CHUNKING" in sys.argv))
