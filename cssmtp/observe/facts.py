"""What events are made of: their base, the facts about a spool file, its sums, and the closed sets of reasons.

Promises: plain frozen values and enumerations whose values are the words shown to people and programs.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """Who wrote a spool file and where it came from: the facts log, report and statistics show.

    `id` is the spool's id of the file, `writer` the external writer name it was sent to, `dsid` the number of the data set
    in the job, `node` where the job ran, `name` its name in the drop zone, below it and escaped; `tkid` the id of the spool
    task that works on it. "" and 0 = not known.
    """

    id: str
    writer: str = ""
    jobname: str = ""
    jobid: str = ""
    dsid: int = 0
    owner: str = ""
    notify: str = ""
    node: str = ""
    name: str = ""
    tkid: int = 0


class Disposition(enum.Enum):
    """What became of a spool file (mail-processing.md 16). KEEP: its own output disposition says that it stays."""

    DELETE = "delete"
    KEEP = "keep"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Counts:
    """The sums of one spool file. `octets` as read; every mail is one of sent, undeliverable, rejected, discarded, parked.

    A mail with any recipient undeliverable counts as undeliverable. `discarded` are the good mails of test mode, `parked` those
    that went into extended retry.
    `errors` counts what counts to JESSyntaxErrLimit.
    """

    records: int = 0
    octets: int = 0
    mails: int = 0
    sent: int = 0
    undeliverable: int = 0
    rejected: int = 0
    discarded: int = 0
    errors: int = 0
    parked: int = 0


class MailResult(enum.Enum):
    """A mail's end over all its recipients, those that were no valid path included."""

    SENT = "sent"
    PARTLY = "partly"
    UNDELIVERABLE = "undeliverable"


class Severity(enum.Enum):
    """How bad a remark about the configuration is."""

    INFORMATION = "information"
    WARNING = "warning"
    ERROR = "error"


class Cause(enum.Enum):
    """Why another configuration is in effect (smf119.md 1, subtype 48)."""

    START = "start"
    REFRESH = "refresh"
    LOGLEVEL = "loglevel"
    USEREXIT = "userexit"


class Direction(enum.Enum):
    """Of a line of the SMTP dialogue, seen from us."""

    SENT = ">"
    RECEIVED = "<"


class Ignored(enum.Enum):
    """Why an address of a target server is not used (configuration.md 3): fifth or later, there already, or no IPv6 here."""

    SURPLUS = "surplus"
    DUPLICATE = "duplicate"
    IPV6 = "ipv6"


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events. `variant` tells messages of one class apart, "" when there is only one."""

    VARIANTS: ClassVar[tuple[str, ...]] = ("",)

    @property
    def variant(self) -> str:
        return ""
