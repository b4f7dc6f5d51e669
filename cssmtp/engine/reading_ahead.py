"""Reading in another process, so that a deck is read on one core while its mails are sent on another.

Promises: the slices of a deck are those its own `DeckReader` would give, wherever they are read; one slice is read ahead and no
more, so that backpressure holds; when the other process cannot be had, or dies, reading goes on here behind the last slice that
was taken, and the operator is told.
Never: lets a fault of the other process cost a mail or repeat one.

It pays for large files with small mails, where reading is a quarter of the work. A small file is read here before another process
would have heard of it, and a user exit or a trace of the deck's commands needs the reader here.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO, TypeAlias

from cssmtp.bsmtp.interpreter import Event as Finding
from cssmtp.config.model import Configuration
from cssmtp.engine.fitting import ALL_FIT, UNMEASURED, Fitting
from cssmtp.engine.foreign import in_own_thread
from cssmtp.engine.reading import DeckReader, Progress
from cssmtp.engine.reading_process import FRAME, Answer, Close, Next, Open, Request, decode
from cssmtp.errors import UnreadableData
from cssmtp.mail.compose import Fit
from cssmtp.model import DeckMail
from cssmtp.observe.events import Event, InternalError
from cssmtp.spool.attributes import Attributes

AHEAD_OCTETS = 2 << 20
"""Files of fewer octets are read here: a few milliseconds of work."""

END_SECONDS = 5.0
"""How long the process may take to end when its gateway has let go of it."""

STREAM_LIMIT = 1 << 20
"""Octets the event loop takes from the socket before it lets the other process wait; a slice has about 300,000."""

PROGRAM = """
import sys
sys.path[:] = sys.argv[3:]
from cssmtp.engine.reading_process import main
main(int(sys.argv[1]), int(sys.argv[2]))
"""
"""The other process finds our modules where we found them, whatever the working directory."""

Slice: TypeAlias = "list[tuple[Finding, Mapping[str, Fit]]]"
"""Findings, the mails among them with the charsets that they do not fit."""


class ReadingLost(Exception):
    """The other process cannot read this deck for us."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


class DeckAhead:
    """One deck as the other process reads it."""

    def __init__(self, owner: ReadingAhead, key: int) -> None:
        self._owner = owner
        self._key = key
        self._answer: asyncio.Future[tuple[Progress, list[Finding]]] = owner.asked(Next(key))

    async def next(self) -> tuple[Progress, list[Finding]]:
        """The next slice, while the one behind it is being read. Raises UnreadableData, ReadingLost."""
        progress, findings = await self._answer
        if not progress.finished:
            self._answer = self._owner.asked(Next(self._key))
        return progress, findings

    def close(self) -> None:
        """Let go of the deck."""
        if not self._answer.cancel() and not self._answer.cancelled():
            self._answer.exception()  # seen: nobody waits for it any more
        self._owner.forget(self._key)


class ReadingAhead:
    """The other process, begun when it is first wanted and again when it has died. One per gateway."""

    def __init__(self, publish: Callable[[Event], None], cores: Callable[[], int] = cores, smallest: int = AHEAD_OCTETS) -> None:
        """`smallest` are the octets of the smallest file that is read ahead; it and `cores` are for tests."""
        self._publish = publish
        self._smallest = smallest
        self._cores = cores
        self._keys = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._listener: asyncio.Task[None] | None = None
        self._awaited: dict[int, asyncio.Future[tuple[Progress, list[Finding]]]] = {}
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The other process, if there is one."""
        return self._process.pid if self._process else None

    def wants(self, size: int) -> bool:
        """Whether it would pay to have a file of `size` octets read ahead: it is large, and there is another core."""
        return size >= self._smallest and self._cores() > 1

    async def open(self, stream: BinaryIO, size: int, attributes: Attributes, configuration: Configuration) -> DeckAhead | None:
        """Have a deck read ahead. `stream` is its data, opened for this purpose only and to be closed by the caller.

        None when the other process cannot be had: then it is to be read here.
        """
        key = next(self._keys)
        for _ in range(2):  # that a process has died may be found out by sending to it
            try:
                async with self._starting:
                    if self._requests is None:
                        await self.close()
                        await self._start()
            except OSError as error:
                self._tell(str(error))
                return None
            try:
                self._send(Open(key, size, attributes, configuration), [stream.fileno()])
                return DeckAhead(self, key)
            except OSError as error:
                self._lost(str(error))
        return None

    async def close(self) -> None:
        """End the other process."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(_ended, process)

    # for the decks

    def asked(self, request: Next) -> asyncio.Future[tuple[Progress, list[Finding]]]:
        """Ask for a slice; the future gets it, or UnreadableData, or ReadingLost."""
        future: asyncio.Future[tuple[Progress, list[Finding]]] = asyncio.get_running_loop().create_future()
        try:
            self._send(request)
        except OSError as error:
            self._lost(str(error))
            future.set_exception(ReadingLost(str(error)))
        else:
            self._awaited[request.key] = future
        return future

    def forget(self, key: int) -> None:
        """A deck is done with."""
        self._awaited.pop(key, None)
        with contextlib.suppress(OSError):
            self._send(Close(key))

    # the way there and back

    def _send(self, request: Request, descriptors: Iterable[int] = ()) -> None:
        if self._requests is None:
            raise OSError("the reading process has ended")
        socket.send_fds(self._requests, [pickle.dumps(request)], list(descriptors))

    async def _start(self) -> None:
        requests, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        answers, told = socket.socketpair()
        with contextlib.ExitStack() as ours:
            ours.enter_context(requests)
            ours.enter_context(answers)
            with asked, told:
                numbers = (asked.fileno(), told.fileno())
                command = [sys.executable, "-I", "-c", PROGRAM, *map(str, numbers), *sys.path]
                self._process = await asyncio.to_thread(
                    subprocess.Popen, command, stdin=subprocess.DEVNULL, pass_fds=numbers, start_new_session=True
                )
            requests.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=answers, limit=STREAM_LIMIT)
            ours.pop_all()
        self._requests = requests
        self._listener = asyncio.create_task(self._listen(reader, writer))

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand answers to those who wait for them, until the other process ends."""
        try:
            while True:
                key, octets, kind = FRAME.unpack(await reader.readexactly(FRAME.size))
                data = await reader.readexactly(octets)
                future = self._awaited.pop(key, None)
                if future is None or future.done():
                    continue
                match Answer(kind):
                    case Answer.SLICE:
                        future.set_result(decode(data))
                    case Answer.UNREADABLE:
                        future.set_exception(UnreadableData(data.decode()))
                    case Answer.FAILED:
                        future.set_exception(ReadingLost(data.decode()))
        except Exception as error:  # the end of the stream, or what no process of ours would say
            self._lost(f"{type(error).__name__}: {error}")
        finally:
            writer.close()

    def _lost(self, reason: str) -> None:
        """The other process is of no use any more. Whoever waits for it reads by itself."""
        if self._requests is None:
            return
        self._requests.close()
        self._requests = None
        for future in self._awaited.values():
            if not future.done():
                future.set_exception(ReadingLost(reason))
        self._awaited.clear()
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        self._publish(InternalError("reading ahead", f"{reason}; the gateway reads by itself"))


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of the other process, which comes as soon as it has no gateway."""
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Slices:
    """The slices of one deck, read by `ahead` as long as it can, and by the deck's own `reader` here."""

    def __init__(self, reader: DeckReader, ahead: DeckAhead | None) -> None:
        self._reader = reader
        self._ahead = ahead
        self._given = 0  # findings handed out that were read ahead: to be passed over here if the other process is lost

    async def next(self, fitting: Fitting) -> Slice | None:
        """The next slice, None at the end. Raises UnreadableData.

        Here a slice is a few milliseconds of computing on the loop: a thread that computes beside it costs delivery a quarter of
        its rate, because both need the one interpreter. Where it may take long (a user exit is asked, lines are measured in a
        target's charset, double-byte text is read) a worker thread does it.
        """
        reader = self._reader
        if self._ahead is not None:
            if reader.progress.finished:
                return None
            try:
                reader.progress, findings = await self._ahead.next()
            except ReadingLost:
                self.close()
            else:
                self._given += len(findings)
                return await asyncio.to_thread(_measured, findings, fitting) if fitting.measures else _measured(findings, fitting)
        if reader.asks:
            return await in_own_thread(self._read, fitting)
        if fitting.measures or reader.source.mixed:
            return await asyncio.to_thread(self._read, fitting)
        await asyncio.sleep(0)
        return self._read(fitting)

    def close(self) -> None:
        """Nothing more is wanted of the other process."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _read(self, fitting: Fitting) -> Slice | None:
        findings = self._reader.next_slice()
        if findings is None:
            return None
        if self._given:
            passed = min(self._given, len(findings))
            self._given -= passed
            findings = findings[passed:]
        return _measured(findings, fitting)


def _measured(findings: list[Finding], fitting: Fitting) -> Slice:
    """The findings, and which charsets the mails among them do not fit."""
    if not fitting.measures:
        return [(finding, UNMEASURED) for finding in findings]
    return [(finding, fitting.of(finding) if isinstance(finding, DeckMail) else ALL_FIT) for finding in findings]
