"""Metrics over HTTP for Prometheus: GET /metrics and nothing else.

Promises: whatever a client sends or does not send, it costs little and ends within CLIENT_SECONDS; at most MOST_CLIENTS at once.
Never: listens anywhere but where it is told; fails mail.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from cssmtp import __version__
from cssmtp.observe.bus import Bus
from cssmtp.observe.events import MetricsFailed
from cssmtp.observe.metrics import Scrape, families
from cssmtp.observe.readings import Gauges
from cssmtp.observe.tally import Tally

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

CLIENT_SECONDS = 10.0
MOST_CLIENTS = 8
REQUEST_LIMIT = 16 * 1024

NO_LIBRARY = "the package prometheus-client is not installed (extra: metrics)"


class Exposition:
    """The server. `sums` is a sink of the bus; `spool_counts` reads spool files by state, in a thread."""

    def __init__(self, sums: Tally, gauges: Gauges, spool_counts: Callable[[], Mapping[str, int]]) -> None:
        self._sums = sums
        self._gauges = gauges
        self._spool_counts = spool_counts
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None] | None] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; the answer is the port (the system's choice for 0). Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=REQUEST_LIMIT)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Listen no more and hang up."""
        if self._server is not None:
            self._server.close()
            clients = [client for client in self._clients if client is not None]
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients)
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.current_task()
        self._clients.add(client)
        try:
            if len(self._clients) <= MOST_CLIENTS:
                async with asyncio.timeout(CLIENT_SECONDS):
                    writer.write(await self._answer(reader))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # a client that goes away, says nothing or too much gets no answer; only `stop` cancels
        finally:
            self._clients.discard(client)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.split(b"\r\n", 1)[0].partition(b" ")
        path = rest.split(b" ", 1)[0].split(b"?", 1)[0]
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", "text/plain", b"only GET\n")
        if path != b"/metrics":
            return _response("404 Not Found", "text/plain", b"metrics are at /metrics\n")
        kind, body = await self.page()
        return _response("200 OK", kind, body, bare=method == b"HEAD")

    async def page(self) -> tuple[str, bytes]:
        """The page of metrics: its content type and its text."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        try:
            spool = await asyncio.to_thread(self._spool_counts)
        except Exception:  # of the spool, which has told the operator already
            spool = {}
        scrape = Scrape(__version__, self._sums, self._gauges(), spool)
        registry = CollectorRegistry()
        registry.register(_Collector(scrape))
        return CONTENT_TYPE_LATEST, generate_latest(registry)


class _Collector:
    """One scrape as a registry takes it."""

    def __init__(self, scrape: Scrape) -> None:
        self._scrape = scrape

    def collect(self) -> Iterable[Metric]:
        return families(self._scrape)


def _response(status: str, kind: str, body: bytes, *, bare: bool = False) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + (b"" if bare else body)


@contextlib.asynccontextmanager
async def exposed(address: str, bus: Bus, gauges: Gauges, spool_counts: Callable[[], Mapping[str, int]]) -> AsyncIterator[None]:
    """Metrics at `address` (HOST:PORT as the configuration has it; "" = none) while the context lasts. Trouble is an event."""
    server = await _begun(address, bus, gauges, spool_counts) if address else None
    try:
        yield
    finally:
        if server is not None:
            await server.stop()


async def _begun(address: str, bus: Bus, gauges: Gauges, spool_counts: Callable[[], Mapping[str, int]]) -> Exposition | None:
    if importlib.util.find_spec("prometheus_client") is None:
        bus.publish(MetricsFailed(address, NO_LIBRARY))
        return None
    host, _, port = address.rpartition(":")
    sums = Tally()
    server = Exposition(sums, gauges, spool_counts)
    try:
        await server.start(host.strip("[]"), int(port))
    except OSError as error:
        bus.publish(MetricsFailed(address, error.strerror or str(error)))
        return None
    bus.subscribe(sums)
    return server
