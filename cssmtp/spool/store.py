"""What the engine asks of a spool, and the output dispositions of JES.

Promises: protocols and values only; every store behaves as section 3 and section 4 of jes-spool.md say.
Never: knows how a store keeps its entries.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from cssmtp.spool.attributes import Attributes

STATES = ("ready", "held", "busy", "done", "bad")
"""Where an entry can be: selectable, held, claimed, processed and kept, not understood."""


@dataclass(frozen=True, slots=True)
class SpoolEntry:
    """One spool file as seen at some moment; `state` is one of `STATES`, `path` is for people and for the store itself."""

    id: str
    attributes: Attributes
    state: str
    path: Path


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of one file of the drop zone: `id` of its entry ("" when it stays where it is), `name` its path below the
    drop directory, `problem` why it is in `bad` or stays ("" when it was taken)."""

    id: str
    name: str
    problem: str = ""


class SelectedBy(enum.Enum):
    """Which name of an entry a selection goes by (jes-spool.md 4)."""

    WRITER = "writer"
    DEST = "dest"


class Wish(enum.Enum):
    """What an application asks for when it gives a spool file back (SAPI; jes-spool.md 3)."""

    PROCESSED = "processed"
    KEEP_HOLD = "keep, hold"
    KEEP_RELEASE = "keep, release"


_AFTER: dict[tuple[str, Wish], str] = {
    ("WRITE", Wish.PROCESSED): "PURGE",
    ("WRITE", Wish.KEEP_HOLD): "HOLD",
    ("WRITE", Wish.KEEP_RELEASE): "WRITE",
    ("HOLD", Wish.PROCESSED): "PURGE",
    ("HOLD", Wish.KEEP_HOLD): "HOLD",
    ("HOLD", Wish.KEEP_RELEASE): "WRITE",
    ("KEEP", Wish.PROCESSED): "LEAVE",
    ("KEEP", Wish.KEEP_HOLD): "LEAVE",
    ("KEEP", Wish.KEEP_RELEASE): "KEEP",
    ("LEAVE", Wish.PROCESSED): "PURGE",
    ("LEAVE", Wish.KEEP_HOLD): "LEAVE",
    ("LEAVE", Wish.KEEP_RELEASE): "KEEP",
    ("PURGE", Wish.PROCESSED): "PURGE",
    ("PURGE", Wish.KEEP_HOLD): "PURGE",
    ("PURGE", Wish.KEEP_RELEASE): "PURGE",
}


def disposition_after(outdisp: str, wish: Wish) -> str:
    """The OUTDISP that a spool file gets when it is given back (jes-spool.md 3); "PURGE" means that it is deleted."""
    return _AFTER[outdisp, wish]


def selectable(attributes: Attributes) -> bool:
    """True when a spool file may be selected: WRITE or KEEP, and not held (jes-spool.md 3)."""
    return attributes.outdisp in ("WRITE", "KEEP") and attributes.hold == "none"


class Claim(Protocol):
    """A spool file that is ours alone until one of the last four methods returns. If it raises `SpoolError`, call it again.

    `size` is the length of the data in bytes, `tries` how often in a row a gateway has
    ended while it worked on the file and had got no further.
    """

    @property
    def id(self) -> str: ...

    @property
    def attributes(self) -> Attributes: ...

    @property
    def size(self) -> int: ...

    @property
    def tries(self) -> int: ...

    def open(self) -> BinaryIO:
        """The data, to be closed by the caller."""
        ...

    def processed(self) -> str:
        """All went well: "purged" (WRITE), or "kept" as LEAVE (KEEP)."""
        ...

    def hold(self, reason: str) -> None:
        """Out of everybody's reach until an operator releases it: a system hold with a reason of one line."""
        ...

    def purge(self) -> None:
        """Deletes the file whatever its disposition (BadSpoolDisp Delete)."""
        ...

    def release(self) -> None:
        """Back to where it was, unchanged: another claim may follow at once."""
        ...


class SpoolStore(Protocol):
    """A spool. Every method raises `SpoolError` when the spool itself fails."""

    def admit(self, writer: str | None = None, arrived: frozenset[str] = frozenset()) -> list[Admission]:
        """Takes what is complete in the drop zone, of one writer or of all. A file that stays where it is, is told once.

        `arrived` are file names known to have been renamed into place, and so to be complete whatever their age.
        """
        ...

    def settling(self) -> bool:
        """Whether the last `admit` saw files in the drop zone that are not complete yet."""
        ...

    def select(self, writer: str, limit: int = 0, by: SelectedBy | None = None) -> list[SpoolEntry]:
        """Entries ready for that writer name, as writer or as destination user, in work order; at most `limit` (0: all).

        With `by` only those selected in that way; one that fits both counts as selected by writer.
        """
        ...

    def claim(self, entry: SpoolEntry) -> Claim | None:
        """Makes an entry ours; None when somebody else was faster."""
        ...

    def recover(self, *, recorded: Callable[[str], int] | None = None) -> list[str]:
        """Puts back what dead owners left; returns the ids. The third crash in a row on one file holds it.

        `recorded` tells how many mails of a file are known to be done with: a crash after which that is another number than after
        the crash before does not count, since the file got further. None: nobody knows, every crash counts.
        """
        ...

    def create(self, attributes: Attributes, data: BinaryIO | Iterable[bytes]) -> SpoolEntry:
        """A new entry, there whole or not at all; durable when this returns. Raises `ValueError` for unusable attributes."""
        ...

    def entries(self, state: str | None = None) -> Iterator[SpoolEntry]:
        """All entries, or those in one of `STATES`, in name order."""
        ...

    def ids(self) -> Iterator[str]:
        """The ids of all entries in any state; cheap, nothing is read."""
        ...

    def counts(self) -> dict[str, int]:
        """How many entries are in each of `STATES`."""
        ...

    def write_report(self, id: str, report: bytes, attributes: Attributes) -> Path:
        """Keeps an error report (SYSOUT) for the entry with that id; a later one for the same id replaces it."""
        ...
