"""Events about what the gateway keeps for later: the checkpoint and the mail directory of extended retry.

Promises: as `events`, from where they are to be imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cssmtp.model import Envelope
from cssmtp.observe.facts import Event, SpoolFile


@dataclass(frozen=True, slots=True)
class CheckpointOpened(Event):
    """The checkpoint at `path` is in use. It knew of `files` partly processed spool files; a `cold` start forgot them."""

    VARIANTS: ClassVar[tuple[str, ...]] = ("warm", "cold")

    path: str
    files: int
    cold: bool = False

    @property
    def variant(self) -> str:
        return "cold" if self.cold else "warm"


@dataclass(frozen=True, slots=True)
class CheckpointSetAside(Event):
    """A checkpoint that cannot be used was renamed to `aside`, and a new one begun at `path`."""

    path: str
    aside: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckpointFailed(Event):
    """The checkpoint cannot be read or written; outcomes are kept in memory. Told once until it is mended."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckpointMended(Event):
    """The checkpoint is written again, with everything kept meanwhile."""

    path: str


@dataclass(frozen=True, slots=True)
class MailParked(Event):
    """A mail left long retry for extended retry. `recipients` are still open, `path` is its control file."""

    file: SpoolFile
    mail: int
    envelope: Envelope
    recipients: int
    path: str
    reason: str

    @property
    def sender(self) -> str:
        return self.envelope.reverse_path


@dataclass(frozen=True, slots=True)
class MailDirectoryOpened(Event):
    """Extended retry begins; `mails` wait in `path`."""

    path: str
    mails: int


@dataclass(frozen=True, slots=True)
class MailDirectoryFailed(Event):
    """Nothing can be kept in the mail directory now. Told once until it is mended."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class MailDirectoryMended(Event):
    """The mail directory can be written again."""

    path: str


@dataclass(frozen=True, slots=True)
class PairSetAside(Event):
    """A control or data file of the mail directory that cannot be used was renamed to CF... or DF... (U10 of messages.md 3)."""

    path: str
    reason: str
