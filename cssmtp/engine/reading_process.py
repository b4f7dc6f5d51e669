"""A process that reads spool files ahead, so that reading takes nothing from the core that sends.

Promises: what it tells of a file is what `DeckReader` in the gateway itself would say, slice for slice; it works only when asked,
one slice at a time, so its memory is bounded by that; it ends when the gateway does, however that ends.
Never: decides anything, writes a file, speaks to a server, holds a claim. All state that matters is the gateway's: when this
process dies, the gateway reads by itself (see `reading_ahead`).

The gateway asks in datagrams on one socket (`Open` with the file's descriptor, `Next`, `Close`) and is answered on another, a
stream of frames: a header, then a slice as `encode` makes it, or the reason why there is none.
"""

from __future__ import annotations

import enum
import gc
import marshal
import os
import pickle
import signal
import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cssmtp.bsmtp.interpreter import Event as Finding
from cssmtp.config.model import Configuration
from cssmtp.engine.reading import DeckReader, Progress
from cssmtp.errors import UnreadableData
from cssmtp.model import BodySpan, DeckMail, Envelope, HeaderFacts
from cssmtp.spool.attributes import Attributes

FRAME: Final = struct.Struct("<IIB")
"""Head of an answer: the deck's key, what kind of answer, octets of what follows. In the order key, octets, `Answer`."""

REQUEST_LIMIT = 1 << 20
"""Octets of the longest request; a configuration is some kilobytes."""

WITHOUT_REFERENCES = 2
"""The version of marshal that does not look for objects that come twice: there are none worth it."""


class Answer(enum.IntEnum):
    """What a frame holds."""

    SLICE = 0
    UNREADABLE = 1  # `UnreadableData`, its text
    FAILED = 2  # any other error: of ours, so the gateway should try itself


@dataclass(frozen=True, slots=True)
class Open:
    """Begin to read a file of `size` octets, whose descriptor comes along; its answers bear `key`."""

    key: int
    size: int
    attributes: Attributes
    configuration: Configuration


@dataclass(frozen=True, slots=True)
class Next:
    """Read the next slice. Not to be asked after the one that says that all is read."""

    key: int


@dataclass(frozen=True, slots=True)
class Close:
    """Forget the file; has no answer."""

    key: int


Request = Open | Next | Close


def encode(progress: Progress, findings: Iterable[Finding]) -> bytes:
    """A slice for the way between two processes of one program.

    An ordinary mail goes as a plain tuple, at a fifth of what pickling costs; everything else, which is rare, is pickled.
    """
    items: list[object] = []
    for finding in findings:
        if type(finding) is not DeckMail or finding.envelope.bad_recipients:
            items.append(pickle.dumps(finding, pickle.HIGHEST_PROTOCOL))
            continue
        envelope, facts, body = finding.envelope, finding.header, finding.body
        items.append(
            (
                finding.number,
                (envelope.hello, envelope.reverse_path, envelope.recipients, (), envelope.tls_required),
                body if type(body) is bytes else (body.offset, body.skip, body.records),  # type: ignore[union-attr]
                (facts.lines, facts.separator, facts.has_date, facts.has_message_id, facts.mime_charset, facts.ascii),
                finding.size,
                finding.record,
                finding.data_record,
            )
        )
    return marshal.dumps((tuple(progress), items), WITHOUT_REFERENCES)


def decode(data: bytes) -> tuple[Progress, list[Finding]]:
    """What `encode` was given. To be used on bytes of our own process only: neither marshal nor pickle is safe with others."""
    progress, items = marshal.loads(data)
    findings: list[Finding] = []
    for item in items:
        if type(item) is bytes:
            findings.append(pickle.loads(item))
            continue
        number, envelope, body, facts, size, record, data_record = item
        if type(body) is tuple:
            body = BodySpan(*body)
        findings.append(DeckMail(number, Envelope(*envelope), body, header_facts(facts), size, record, data_record))
    return Progress(*progress), findings


@lru_cache(256)
def header_facts(facts: tuple[int, bool, bool, bool, str, bool]) -> HeaderFacts:
    """Facts of a header, made once for all mails that agree in them, as those of a deck do."""
    return HeaderFacts(*facts)


class ReadingProcess:
    """The process's side: answers requests in the order they come."""

    def __init__(self, answers: socket.socket) -> None:
        self._answers = answers
        self._decks: dict[int, DeckReader | str] = {}  # a text: why there is no reader

    def serve(self, requests: socket.socket) -> None:
        """Work until the gateway closes its end. Raises OSError when it is gone in the middle of an answer."""
        while True:
            data, descriptors, _, _ = socket.recv_fds(requests, REQUEST_LIMIT, 1)
            if not data:
                return
            match pickle.loads(data):
                case Open() as request:
                    self._open(request, descriptors[0])
                case Next(key):
                    self._next(key)
                case Close(key):
                    self._decks.pop(key, None)
                    gc.collect()

    def _open(self, request: Open, descriptor: int) -> None:
        stream = os.fdopen(descriptor, "rb")
        try:
            self._decks[request.key] = DeckReader(stream, request.size, request.attributes, request.configuration)
        except Exception as error:  # the gateway has detected the same, so it is a fault of ours
            self._decks[request.key] = f"{type(error).__name__}: {error}"

    def _next(self, key: int) -> None:
        reader = self._decks.get(key, "begun in another process, which has died")
        if isinstance(reader, str):
            self._answer(key, Answer.FAILED, reader.encode())
            return
        try:
            findings = reader.next_slice() or ()
            kind, data = Answer.SLICE, encode(reader.progress, findings)
        except UnreadableData as error:
            kind, data = Answer.UNREADABLE, str(error).encode()
        except Exception as error:
            kind, data = Answer.FAILED, f"{type(error).__name__}: {error}".encode()
        self._answer(key, kind, data)

    def _answer(self, key: int, kind: Answer, data: bytes) -> None:
        self._answers.sendall(FRAME.pack(key, len(data), kind))
        self._answers.sendall(data)


def main(requests: int, answers: int) -> None:
    """The program: `requests` and `answers` are the descriptors of its sockets.

    Signals to all processes of a service are meant for the gateway, whose end is also ours.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.disable()  # what is read has no cycles but one a file
    with socket.socket(fileno=requests) as asked, socket.socket(fileno=answers) as told:
        try:
            ReadingProcess(told).serve(asked)
        except OSError:
            sys.exit(1)
