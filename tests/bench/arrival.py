"""How soon an idle daemon speaks: from the rename of a file into its drop zone to the first MAIL at the server.

Promises: the real daemon, idle before each file; the pauses between files are random, so that no rhythm of its own can help it.
Never: counts the first file, for which the daemon connects.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import slowsink
from tests.bench.daemon import prepared, running, stop
from tests.bench.errand import Errand

PAUSE_SECONDS = (0.03, 0.08)
LIMIT_SECONDS = 20.0


class Listener(slowsink.Connection):
    """The server: tells when a MAIL command comes."""

    def __init__(self, arrivals: asyncio.Queue[float]) -> None:
        super().__init__(0, b"250-idle.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        self._arrivals = arrivals

    def data_received(self, data: bytes) -> None:
        if b"MAIL FROM:" in data:
            self._arrivals.put_nowait(time.perf_counter())
        super().data_received(data)


def waits(files: int, scratch: Path) -> list[float]:
    """Milliseconds from rename to MAIL, one per file. Raises RuntimeError when nothing comes for long."""
    return asyncio.run(_waits(files, scratch))


async def _waits(files: int, scratch: Path) -> list[float]:
    arrivals: asyncio.Queue[float] = asyncio.Queue()
    make: Callable[[], asyncio.Protocol] = lambda: Listener(arrivals)  # noqa: E731
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gateway = prepared(Errand(port, files + 1, scratch, small_files=True))
    found = []
    with running(gateway) as process:
        for path in sorted(gateway.decks.iterdir()):
            await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
            renamed = time.perf_counter()
            os.rename(path, gateway.drop / path.name)
            found.append((await _next(arrivals) - renamed) * 1e3)
        await asyncio.to_thread(stop, process)
    server.close()
    return found[1:]


async def _next(arrivals: asyncio.Queue[float]) -> float:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await arrivals.get()
    except TimeoutError:
        raise RuntimeError("the daemon does not send") from None
