"""Console messages: what an operator must see even without looking into the log.

Promises: the messages the catalogue flags for the console, one line each, id first, to a text stream (standard error).
Never: fails because the stream is gone (a daemon may have none).
"""

from __future__ import annotations

import contextlib
from typing import TextIO

from cssmtp.observe import wording
from cssmtp.observe.events import Event


class Console:
    """The console as a sink."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def wants(self, kind: type[Event], variant: str) -> bool:
        return wording.message_for(kind, variant).console

    def handle(self, event: Event) -> None:
        message = wording.message_of(event)
        if message.console:
            put_line(self._stream, f"{message.id} {wording.sentence(event, message)}")


def put_line(stream: TextIO, line: str) -> None:
    """Write one line to a stream that may be closed, full or unable to show every character: then nothing happens."""
    with contextlib.suppress(OSError, ValueError):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
