"""Extended retry as a spool task sees it: a place where a mail can be left, so that the spool file need not wait for it.

Promises: values and a protocol only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cssmtp.model import DeckMail, Outcome
from cssmtp.observe.events import SpoolFile


@dataclass(frozen=True, slots=True)
class ParkedMail:
    """A mail on its way into extended retry.

    `outcomes` has one entry per recipient of the envelope; those with verdict RETRY are to be tried on. `added` are the wire
    lines of the added header, `page` the code page of the body, `tries` the attempts made so far.
    """

    file: SpoolFile
    mail: DeckMail
    added: bytes
    page: str
    outcomes: tuple[Outcome, ...]
    tries: int


class Parking(Protocol):
    """Where such mails go. Everything is called on the event loop."""

    @property
    def active(self) -> bool:
        """Whether mail may come in at all now (ExtendedRetry with an Interval that is not 0)."""
        ...

    async def accept(self, parked: ParkedMail, body: Callable[[], Iterable[bytes]]) -> str:
        """Keep a mail for good; `body` is called in a worker thread and gives its stuffed lines in blocks of whole lines.

        Returns the path of its control file, or "" when that is not possible now: the caller keeps the mail.
        """
        ...

    def taken(self, file: str) -> Mapping[int, tuple[Outcome, ...]]:
        """Mails of a spool file that came in during an earlier life of the process, with their outcomes then: the process may
        have ended before the spool file's own record of it."""
        ...
