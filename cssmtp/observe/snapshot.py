"""How the whole gateway stands at one moment: what every display, `cssmtp status` and `cssmtp top` are made from.

Promises: frozen values that hold nothing of the running gateway, so that a display can be made of them anywhere and at any time.
Never: changes, asks or counts anything.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from cssmtp.config.model import Configuration, UserExitLevel
from cssmtp.observe.facts import SpoolFile
from cssmtp.observe.readings import ExtendedReading


class Activity(enum.Enum):
    """Whether new spool files are taken (operator-commands.md 2, SUSPEND)."""

    ACTIVE = "ACTIVE"
    SUSPENDED_IMMEDIATE = "SUSPENDED IMMEDIATE"
    SUSPENDED_DELAY = "SUSPENDED DELAY"


class TaskState(enum.Enum):
    """What a JES task does (operator-commands.md 12). IDLE tasks are not shown one by one, only counted."""

    IDLE = "IDLE"
    ACTIVE = "ACTIVE"
    LONG_RETRY = "LONG RETRY"


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One spool file in work.

    `read`, `sent`, `failed` count mails; `pending` are those in work that are not in long retry, `retrying` those that are;
    `oldest_retry` is when the oldest of those was read.
    """

    tkid: int
    pool: str
    state: TaskState
    file: SpoolFile
    records: int = 0
    read: int = 0
    sent: int = 0
    failed: int = 0
    pending: int = 0
    retrying: int = 0
    oldest_retry: datetime | None = None


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """A pool of JES tasks: how many there are, work, and only wait for long retry to end."""

    name: str
    tasks: int
    busy: int = 0
    retrying: int = 0


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One address of a target server.

    `source` is the configuration's name for it; `protocol` SMTP or ESMTP, "" while no server has greeted us; `size` is the
    largest mail in octets, 0 = no limit known; `tls` whether STARTTLS is offered; `sent` counts mails answered since the start.
    """

    address: str
    port: int
    preference: int
    source: str
    state: str
    reason: str = ""
    protocol: str = ""
    size: int = 0
    tls: bool = False
    secure: bool = False
    connections: int = 0
    sent: int = 0
    last_reply: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """One of the last warnings and errors, as log and console had it."""

    time: datetime
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The gateway at `time`.

    `waiting` mails wait for a connection; `sent` and `failed` count mails since the start, `files` spool files that ended;
    `extended` is None where there is no extended retry; `exit_level` is the user exit interface in use.
    """

    time: datetime
    started: datetime
    version: str
    configuration: Configuration
    ready: bool
    activity: Activity
    log_level: int
    exit_level: UserExitLevel = UserExitLevel.NONE
    pools: tuple[PoolStatus, ...] = ()
    tasks: tuple[TaskStatus, ...] = ()
    targets: tuple[TargetStatus, ...] = ()
    waiting: int = 0
    sent: int = 0
    failed: int = 0
    files: int = 0
    extended: ExtendedReading | None = None
    remarks: tuple[Remark, ...] = field(default=())

    @property
    def retrying(self) -> int:
        """Mails in long retry: CURRENT RETRY of the display."""
        return sum(task.retrying for task in self.tasks)

    @property
    def connections(self) -> int:
        return sum(target.connections for target in self.targets)
