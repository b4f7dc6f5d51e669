"""Everything that happens in the gateway and is worth telling, one frozen value each.

Promises: an event says what happened in fields, never in a sentence; wording, severity and log level belong to
`cssmtp.messages`. Fields with the same name mean the same in every event: `file` is the spool file it is about, `mail` the
number of the mail in it (1 or more), `address` and `port` the target server, `reason` why, in one line for people. Text
that came from users or servers is carried as it is; whoever shows it escapes it.
Never: carries a time. The bus is synchronous, so the moment of handling is the moment it happened, and a sink that needs
the time asks its clock: most mails are then never stamped.

An event that can mean more than one thing to the reader has a `variant`, a word that is part of the message's key.
All events are imported from here; those about target servers stand in `target_events`, about what is kept for later in
`kept_events`, about the operator's requests in `operator_events`, the values they carry in `facts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cssmtp.config.model import Configuration
from cssmtp.model import Envelope, Fault, Outcome, Verdict
from cssmtp.observe.facts import Cause as Cause
from cssmtp.observe.facts import Counts as Counts
from cssmtp.observe.facts import Direction as Direction
from cssmtp.observe.facts import Disposition as Disposition
from cssmtp.observe.facts import Event as Event
from cssmtp.observe.facts import Ignored as Ignored
from cssmtp.observe.facts import MailResult as MailResult
from cssmtp.observe.facts import Severity as Severity
from cssmtp.observe.facts import SpoolFile as SpoolFile
from cssmtp.observe.kept_events import CheckpointFailed as CheckpointFailed
from cssmtp.observe.kept_events import CheckpointMended as CheckpointMended
from cssmtp.observe.kept_events import CheckpointOpened as CheckpointOpened
from cssmtp.observe.kept_events import CheckpointSetAside as CheckpointSetAside
from cssmtp.observe.kept_events import MailDirectoryFailed as MailDirectoryFailed
from cssmtp.observe.kept_events import MailDirectoryMended as MailDirectoryMended
from cssmtp.observe.kept_events import MailDirectoryOpened as MailDirectoryOpened
from cssmtp.observe.kept_events import MailParked as MailParked
from cssmtp.observe.kept_events import PairSetAside as PairSetAside
from cssmtp.observe.operator_events import CommandReceived as CommandReceived
from cssmtp.observe.operator_events import CommandRefused as CommandRefused
from cssmtp.observe.operator_events import ConfigurationRefreshed as ConfigurationRefreshed
from cssmtp.observe.operator_events import ControlUnavailable as ControlUnavailable
from cssmtp.observe.operator_events import ExtendedRetryFlushed as ExtendedRetryFlushed
from cssmtp.observe.operator_events import LogLevelChanged as LogLevelChanged
from cssmtp.observe.operator_events import LongRetryFlushed as LongRetryFlushed
from cssmtp.observe.operator_events import ProcessingResumed as ProcessingResumed
from cssmtp.observe.operator_events import ProcessingSuspended as ProcessingSuspended
from cssmtp.observe.operator_events import RefreshRefused as RefreshRefused
from cssmtp.observe.operator_events import Resource as Resource
from cssmtp.observe.operator_events import ResourceHigh as ResourceHigh
from cssmtp.observe.operator_events import ResourceRelieved as ResourceRelieved
from cssmtp.observe.operator_events import TargetsRefreshed as TargetsRefreshed
from cssmtp.observe.operator_events import UserExitChanged as UserExitChanged
from cssmtp.observe.operator_events import UserExitFailed as UserExitFailed
from cssmtp.observe.operator_events import UserExitLoaded as UserExitLoaded
from cssmtp.observe.operator_events import UserExitMissing as UserExitMissing
from cssmtp.observe.operator_events import UserExitSlow as UserExitSlow
from cssmtp.observe.operator_events import UserExitStuck as UserExitStuck
from cssmtp.observe.operator_events import ValueKept as ValueKept
from cssmtp.observe.output_events import MetricsFailed as MetricsFailed
from cssmtp.observe.output_events import SmfBroken as SmfBroken
from cssmtp.observe.output_events import SmfMended as SmfMended
from cssmtp.observe.target_events import ConnectionClosed as ConnectionClosed
from cssmtp.observe.target_events import ConnectionOpened as ConnectionOpened
from cssmtp.observe.target_events import Dialogue as Dialogue
from cssmtp.observe.target_events import ResolutionFailed as ResolutionFailed
from cssmtp.observe.target_events import TargetDown as TargetDown
from cssmtp.observe.target_events import TargetIgnored as TargetIgnored
from cssmtp.observe.target_events import TargetUp as TargetUp

# --- the gateway itself


@dataclass(frozen=True, slots=True)
class GatewayStarting(Event):
    """First event of a process. `source` is the configuration file, `job` our job name, `writer` the external writer name."""

    version: str
    job: str
    writer: str
    source: str


@dataclass(frozen=True, slots=True)
class GatewayReady(Event):
    """Initialisation is complete: LogLevel of the configuration takes over (operator-commands.md 6)."""

    VARIANTS: ClassVar[tuple[str, ...]] = ("production", "test")

    targets: int
    test_mode: bool = False

    @property
    def variant(self) -> str:
        return "test" if self.test_mode else "production"


@dataclass(frozen=True, slots=True)
class GatewayStopping(Event):
    """Nothing new is begun. `reason`: an operator's stop, a signal, the spool being empty."""

    reason: str


@dataclass(frozen=True, slots=True)
class GatewayStopped(Event):
    """Last event of a process. Sums over its life; `exit_code` is what the process returns."""

    exit_code: int
    files: int = 0
    mails: int = 0


@dataclass(frozen=True, slots=True)
class ConfigurationRemark(Event):
    """One diagnostic of the configuration, `text` with file and line where there is one."""

    VARIANTS: ClassVar[tuple[str, ...]] = tuple(severity.value for severity in Severity)

    text: str
    severity: Severity = Severity.WARNING

    @property
    def variant(self) -> str:
        return self.severity.value


@dataclass(frozen=True, slots=True)
class ConfigurationChanged(Event):
    """Another configuration is in effect: at the start, and after REFRESH, LOGLEVEL and USEREXIT of the operator."""

    configuration: Configuration
    cause: Cause

    @property
    def source(self) -> str:
        return self.configuration.source


@dataclass(frozen=True, slots=True)
class TestModeWithoutReport(Event):
    """Options TestMode Yes and no usable report destination: EZD1841I (messages.md 2)."""

    __test__: ClassVar[bool] = False  # or pytest takes the name for a test class


# --- the spool


@dataclass(frozen=True, slots=True)
class SpoolEntryRefused(Event):
    """Something in the drop zone could not be taken in as a spool file. `name` is its file name there."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class SpoolUnusable(Event):
    """The spool itself cannot be read or written; the gateway goes on trying."""

    reason: str


@dataclass(frozen=True, slots=True)
class SpoolFileClaimed(Event):
    """We begin with a spool file. `octets` its size, `tries` as in `store.Claim`."""

    file: SpoolFile
    octets: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class SpoolFileUnreadable(Event):
    """A spool file whose bytes cannot be understood as records, or that must not be read. It becomes a bad spool file."""

    file: SpoolFile
    reason: str


@dataclass(frozen=True, slots=True)
class SpoolFileEnded(Event):
    """All mails of the file are done and it has been disposed of. `faults` counts all lines of its error report."""

    VARIANTS: ClassVar[tuple[str, ...]] = ("clean", "bad")

    file: SpoolFile
    counts: Counts
    disposition: Disposition
    faults: int = 0

    @property
    def variant(self) -> str:
        counts = self.counts
        return "bad" if self.faults or counts.undeliverable or counts.rejected or counts.errors else "clean"


@dataclass(frozen=True, slots=True)
class QueueBackpressure(Event):
    """Reading of spool files stopped (`on`) or went on again. `waiting` mails stand in the queue."""

    VARIANTS: ClassVar[tuple[str, ...]] = ("on", "off")

    on: bool
    waiting: int
    reason: str = ""

    @property
    def variant(self) -> str:
        return "on" if self.on else "off"


# --- the language in the spool file


@dataclass(frozen=True, slots=True)
class DeckCommand(Event):
    """A command read from the spool file and the reply to it, both decoded for people (log level 16)."""

    file: SpoolFile
    record: int
    text: str
    reply: str


@dataclass(frozen=True, slots=True)
class SpoolFault(Event):
    """An error in a spool file, as it will stand in its error report."""

    file: SpoolFile
    fault: Fault

    @property
    def mail(self) -> int:
        return self.fault.mail

    @property
    def record(self) -> int:
        return self.fault.record

    @property
    def line(self) -> str:
        return self.fault.line

    @property
    def reply(self) -> str:
        return self.fault.reply


@dataclass(frozen=True, slots=True)
class MailRejected(Event):
    """A mail of the deck that is not sent because of an error in it (text too long, size, limit)."""

    file: SpoolFile
    mail: int
    reply: str


@dataclass(frozen=True, slots=True)
class CharacterLoss(Event):
    """`count` characters of a mail are not in the target's Charset and were replaced."""

    file: SpoolFile
    mail: int
    charset: str
    count: int


@dataclass(frozen=True, slots=True)
class TextMended(Event):
    """Double-byte text of a mail was broken and was mended: `shifts` without effect or end, `odd` bytes without a second half."""

    file: SpoolFile
    mail: int
    charset: str
    shifts: int
    odd: int


@dataclass(frozen=True, slots=True)
class CharsetLabelDiffers(Event):
    """The first mail for a target whose writer labelled it with another charset than the target gets. `name` is the target."""

    file: SpoolFile
    mail: int
    name: str
    label: str
    charset: str


@dataclass(frozen=True, slots=True)
class RawHeaderText(Event):
    """The first mail for a target with header text that is neither ASCII nor an encoded word. `name` is the target."""

    file: SpoolFile
    mail: int
    name: str
    charset: str


# --- mail


@dataclass(frozen=True, slots=True)
class MailEnded(Event):
    """Processing of one mail has ended, once per mail. The hot one: nothing is computed before somebody asks.

    `outcomes` has the last outcome of each recipient of the envelope, in its order; `size` in octets; `tries` counts
    attempts, 1 = went through at once; `seconds` since it was read from the spool.
    """

    VARIANTS: ClassVar[tuple[str, ...]] = tuple(result.value for result in MailResult)

    file: SpoolFile
    mail: int
    envelope: Envelope
    size: int
    outcomes: tuple[Outcome, ...]
    tries: int = 1
    seconds: float = 0.0

    @property
    def delivered(self) -> int:
        """How many recipients were delivered."""
        return sum(outcome.verdict is Verdict.DELIVERED for outcome in self.outcomes)

    @property
    def recipients(self) -> int:
        """How many recipients the deck named, the bad ones included."""
        return len(self.outcomes) + len(self.envelope.bad_recipients)

    @property
    def failure(self) -> Outcome | None:
        """The first outcome that is no delivery."""
        for outcome in self.outcomes:
            if outcome.verdict is not Verdict.DELIVERED:
                return outcome
        return None

    @property
    def result(self) -> MailResult:
        if self.outcomes and not self.envelope.bad_recipients and self.failure is None:
            return MailResult.SENT
        return MailResult.PARTLY if self.delivered else MailResult.UNDELIVERABLE

    @property
    def variant(self) -> str:
        return self.result.value

    @property
    def sender(self) -> str:
        """The reverse-path in its brackets, because the null one is nothing but brackets."""
        return f"<{self.envelope.reverse_path}>"

    @property
    def address(self) -> str:
        """The target that spoke last, "" when the mail never reached one."""
        return self.outcomes[-1].target if self.outcomes else ""

    @property
    def reason(self) -> str:
        """What the first recipient that failed was told; for a mail without failure, the answer that ended it."""
        failure = self.failure
        if failure is not None:
            return failure.reason
        if self.envelope.bad_recipients:
            return self.envelope.bad_recipients[0].reply
        return self.outcomes[-1].reason if self.outcomes else "no recipient"


@dataclass(frozen=True, slots=True)
class MailDiscarded(Event):
    """Test mode: a mail that would have been sent was thrown away."""

    file: SpoolFile
    mail: int
    envelope: Envelope
    size: int

    @property
    def sender(self) -> str:
        """The reverse-path in its brackets, because the null one is nothing but brackets."""
        return f"<{self.envelope.reverse_path}>"

    @property
    def recipients(self) -> int:
        return len(self.envelope.recipients)


@dataclass(frozen=True, slots=True)
class MailRetry(Event):
    """A mail failed for now and waits. `tries` made so far, `wait` seconds until the next, `recipients` still open."""

    file: SpoolFile
    mail: int
    tries: int
    wait: float
    recipients: int
    reason: str


# --- afterwards


@dataclass(frozen=True, slots=True)
class NoticeSent(Event):
    """The notice about an undeliverable mail was accepted for its sender `recipient`."""

    file: SpoolFile
    mail: int
    recipient: str


@dataclass(frozen=True, slots=True)
class DeadLetterStored(Event):
    """A dead letter was written to `path`. `mail` 0: it is the error report of the file."""

    file: SpoolFile
    mail: int
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetterDropped(Event):
    """DeadLetterAction Delete: nothing was kept."""

    file: SpoolFile
    mail: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetterFailed(Event):
    """A dead letter could not be written."""

    file: SpoolFile
    mail: int
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReportWritten(Event):
    """The error report of a spool file was written to `path` (Report Sysout)."""

    file: SpoolFile
    path: str


@dataclass(frozen=True, slots=True)
class ReportMailed(Event):
    """The error report was accepted for the mail administrators (Report Admin)."""

    file: SpoolFile
    recipients: tuple[str, ...]

    @property
    def administrators(self) -> str:
        return ", ".join(self.recipients)


@dataclass(frozen=True, slots=True)
class ReportFailed(Event):
    """The error report could neither be written nor mailed; when mailed, it becomes a dead letter."""

    file: SpoolFile
    reason: str


# --- ourselves


@dataclass(frozen=True, slots=True)
class Debug(Event):
    """Something internal, for whoever works on the gateway (log level 64)."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class InternalError(Event):
    """A fault of ours that was contained at `where`; `text` is the exception in one line."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class SinkFailed(Event):
    """A sink of events raised and gets no more of them."""

    sink: str
    reason: str
