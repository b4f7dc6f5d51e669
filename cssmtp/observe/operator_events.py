"""Events about what the operator asked for, what the gateway watches of itself, and the user exit.

Promises: as `events`, from where they are to be imported.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar

from cssmtp.observe.facts import Event, SpoolFile


@dataclass(frozen=True, slots=True)
class CommandReceived(Event):
    """An operator's command, understood or not; `user` is the name or number of who sent it."""

    text: str
    user: str


@dataclass(frozen=True, slots=True)
class CommandRefused(Event):
    """A command that is none, or that cannot be done; nothing has changed."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class ControlUnavailable(Event):
    """Commands cannot be taken at `path`; the gateway works without."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProcessingSuspended(Event):
    """No new spool files are taken; `immediate`: those in progress are not read on either (SUSPEND)."""

    VARIANTS: ClassVar[tuple[str, ...]] = ("immediate", "delay")

    immediate: bool

    @property
    def variant(self) -> str:
        return "immediate" if self.immediate else "delay"


@dataclass(frozen=True, slots=True)
class ProcessingResumed(Event):
    """New spool files are taken again (RESUME)."""


@dataclass(frozen=True, slots=True)
class ConfigurationRefreshed(Event):
    """REFRESH has put what `source` says into effect; `kept` values stay as they were until a restart."""

    source: str
    kept: int


@dataclass(frozen=True, slots=True)
class RefreshRefused(Event):
    """REFRESH changed nothing: `source` has `errors`, each told as a remark of its own."""

    source: str
    errors: int


@dataclass(frozen=True, slots=True)
class ValueKept(Event):
    """A changed value that cannot change while running (messages.md U5a to U5d); `text` names it with both values."""

    text: str


@dataclass(frozen=True, slots=True)
class LogLevelChanged(Event):
    """LOGLEVEL has set the LogLevel."""

    level: int


@dataclass(frozen=True, slots=True)
class UserExitChanged(Event):
    """USEREXIT has chosen the user exit interface."""

    level: str


@dataclass(frozen=True, slots=True)
class LongRetryFlushed(Event):
    """FLUSHRETRY,TKID= has ended long retry for `mails` mails of a task."""

    tkid: int
    mails: int


@dataclass(frozen=True, slots=True)
class ExtendedRetryFlushed(Event):
    """FLUSHRETRY,AGE= has ended extended retry for the `mails` mails that are `days` old or older."""

    days: int
    mails: int


@dataclass(frozen=True, slots=True)
class TargetsRefreshed(Event):
    """The operator had names resolved again (`names`), or the servers examined again."""

    VARIANTS: ClassVar[tuple[str, ...]] = ("names", "servers")

    names: bool

    @property
    def variant(self) -> str:
        return "names" if self.names else "servers"


class Resource(enum.Enum):
    """What the gateway watches of itself (operator-commands.md 7)."""

    TASKS = "tasks"
    STORAGE = "storage"
    DEAD_LETTERS = "dead letters"
    MAIL_DIRECTORY = "mail directory"


@dataclass(frozen=True, slots=True)
class ResourceHigh(Event):
    """More than three quarters of a resource are in use; `percent` are, `what` says of what."""

    VARIANTS: ClassVar[tuple[str, ...]] = tuple(resource.value for resource in Resource)

    resource: Resource
    percent: int
    what: str

    @property
    def variant(self) -> str:
        return self.resource.value


@dataclass(frozen=True, slots=True)
class ResourceRelieved(Event):
    """Less than half of the resource is in use again."""

    VARIANTS: ClassVar[tuple[str, ...]] = tuple(resource.value for resource in Resource)

    resource: Resource
    percent: int
    what: str

    @property
    def variant(self) -> str:
        return self.resource.value


@dataclass(frozen=True, slots=True)
class UserExitLoaded(Event):
    """The user exit `name` is called from now on."""

    name: str
    level: str


@dataclass(frozen=True, slots=True)
class UserExitMissing(Event):
    """UserExit asks for an exit, and there is none that can be used: decks are taken without."""

    level: str
    reason: str


@dataclass(frozen=True, slots=True)
class UserExitFailed(Event):
    """The user exit raised; the answer counts as 0, go on. Told once for each spool file."""

    file: SpoolFile
    reason: str


@dataclass(frozen=True, slots=True)
class UserExitSlow(Event):
    """The user exit took `seconds` for one call: reading of the spool file waits for it. Told once for each spool file."""

    file: SpoolFile
    seconds: float


@dataclass(frozen=True, slots=True)
class UserExitStuck(Event):
    """The user exit was called for `action` and has not come back for `seconds`. Told while it lasts, once for each file."""

    file: SpoolFile
    action: str
    seconds: float
