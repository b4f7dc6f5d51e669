"""The message catalogue: everything the gateway says to operators and logs, as data.

Promises: one row per message with its id, the event it tells, wording with named inserts, log level and whether the console
gets it too. An EZD id stands only for the event for which IBM documents it (messages.md 2); its wording after the id, and
every other message, is ours. Our ids are BMG, four digits and a type code: I information, W warning, E error.
Never: imports events (it knows them by name, so that it stays a leaf), nor emits anything.

Also the rule by which text from users and servers is made fit to be shown: `plain`.
"""

from __future__ import annotations

import enum
import string
from dataclasses import dataclass, field


class Level(enum.IntFlag):
    """The bits of LogLevel (operator-commands.md 6)."""

    ERROR = 1
    WARNING = 2
    EVENT = 4
    INFORMATION = 8
    JES = 16
    NETWORK = 32
    DEBUG = 64
    TRACE = 128


INITIAL_LEVEL = 127
"""LogLevel in force until initialisation is complete (configuration.md 11)."""

EZD_MEANINGS = {
    "EZD1817I": "target server state; which of the three stands for which state is not known",
    "EZD1818I": "target server state; which of the three stands for which state is not known",
    "EZD1819I": "target server state; which of the three stands for which state is not known",
    "EZD1829I": "reply to DISPLAY,CONFIG",
    "EZD1841I": "TestMode without a usable report destination",
    "EZD1856I": "JES tasks nearly exhausted by long retry",
    "EZD1857I": "JES tasks relieved",
    "EZD1858I": "storage high",
    "EZD1859I": "storage relieved",
}
"""The EZD ids whose meaning is documented (messages.md 2). An EZD id outside this table must never be emitted."""

CUT_MARK = "..."


@dataclass(frozen=True, slots=True)
class Message:
    """One row of the catalogue.

    `key` is the class name of an event, with "." and its variant when it has variants. `inserts` are the names in
    `template`, in order.
    """

    id: str
    key: str
    level: Level
    template: str
    console: bool = False
    inserts: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = tuple(name for _, name, _, _ in string.Formatter().parse(self.template) if name is not None)
        object.__setattr__(self, "inserts", names)

    @property
    def type_code(self) -> str:
        """I, W or E."""
        return self.id[-1]


def _lifecycle() -> tuple[Message, ...]:
    return (
        Message(
            "BMG0001I",
            "GatewayStarting",
            Level.EVENT,
            "{job} {version} is starting, writer {writer}, configuration {source}",
            True,
        ),
        Message(
            "BMG0002I", "GatewayReady.production", Level.EVENT, "initialization is complete, target servers: {targets}", True
        ),
        Message(
            "BMG0003W", "GatewayReady.test", Level.WARNING, "initialization is complete in test mode: no mail will be sent", True
        ),
        Message("BMG0004I", "GatewayStopping", Level.EVENT, "stopping: {reason}", True),
        Message(
            "BMG0005I", "GatewayStopped", Level.EVENT, "ended, exit code {exit_code}, spool files {files}, mails {mails}", True
        ),
        Message("BMG0101I", "ConfigurationRemark.information", Level.INFORMATION, "configuration: {text}"),
        Message("BMG0102W", "ConfigurationRemark.warning", Level.WARNING, "configuration: {text}", True),
        Message("BMG0103E", "ConfigurationRemark.error", Level.ERROR, "configuration: {text}", True),
        Message("BMG0104I", "ConfigurationChanged", Level.EVENT, "configuration {source} is in effect: {cause}"),
        Message(
            "EZD1841I", "TestModeWithoutReport", Level.WARNING, "test mode is on and the error reports have no destination", True
        ),
    )


def _spool() -> tuple[Message, ...]:
    return (
        Message("BMG0201E", "SpoolEntryRefused", Level.ERROR, "{name} is not taken into the spool: {reason}", True),
        Message("BMG0202E", "SpoolUnusable", Level.ERROR, "the spool cannot be used: {reason}", True),
        Message("BMG0203I", "SpoolFileClaimed", Level.EVENT, "spool file {id} begun, {octets} bytes, crashes {tries}"),
        Message("BMG0204E", "SpoolFileUnreadable", Level.ERROR, "spool file {id} of {owner} cannot be processed: {reason}"),
        Message(
            "BMG0205I",
            "SpoolFileEnded.clean",
            Level.EVENT,
            "spool file {id} ended: mails {mails}, sent {sent}, discarded {discarded}; disposition {disposition}",
        ),
        Message(
            "BMG0206W",
            "SpoolFileEnded.bad",
            Level.WARNING,
            "spool file {id} of {owner} ended with problems: mails {mails}, sent {sent}, discarded {discarded}, "
            "undeliverable {undeliverable}, rejected {rejected}, errors {errors}; disposition {disposition}",
        ),
        Message(
            "BMG0207I",
            "QueueBackpressure.on",
            Level.INFORMATION,
            "reading of spool files stops, mails waiting {waiting}: {reason}",
        ),
        Message(
            "BMG0208I", "QueueBackpressure.off", Level.INFORMATION, "reading of spool files goes on, mails waiting {waiting}"
        ),
    )


def _deck() -> tuple[Message, ...]:
    return (
        Message("BMG0301I", "DeckCommand", Level.JES, "record {record}: {text} -> {reply}"),
        Message("BMG0302W", "SpoolFault", Level.WARNING, "record {record}: {line} -> {reply}"),
        Message("BMG0303W", "MailRejected", Level.WARNING, "mail rejected: {reply}"),
        Message("BMG0304W", "CharacterLoss", Level.WARNING, "{count} characters are not in {charset} and were replaced"),
        Message(
            "BMG0305W", "TextMended", Level.WARNING, "double-byte text was mended: unbalanced shifts {shifts}, odd bytes {odd}"
        ),
        Message(
            "BMG0306W",
            "CharsetLabelDiffers",
            Level.WARNING,
            "mail is labelled {label}, but target server {name} gets {charset}; told once",
        ),
        Message(
            "BMG0307W",
            "RawHeaderText",
            Level.WARNING,
            "the header has text that is not ASCII and goes to target server {name} in {charset} as it is; told once",
        ),
    )


def _mail() -> tuple[Message, ...]:
    return (
        Message(
            "BMG0401I",
            "MailEnded.sent",
            Level.INFORMATION,
            "sent from {sender}, recipients {recipients}, size {size}, tries {tries}: {reason}",
        ),
        Message(
            "BMG0402W",
            "MailEnded.partly",
            Level.WARNING,
            "sent from {sender} to {delivered} of {recipients} recipients, size {size}, tries {tries}; first failure: {reason}",
        ),
        Message(
            "BMG0403W",
            "MailEnded.undeliverable",
            Level.WARNING,
            "undeliverable from {sender}, recipients {recipients}, size {size}, tries {tries}: {reason}",
        ),
        Message(
            "BMG0404I",
            "MailDiscarded",
            Level.INFORMATION,
            "discarded in test mode from {sender}, recipients {recipients}, size {size}",
        ),
        Message(
            "BMG0405I",
            "MailRetry",
            Level.INFORMATION,
            "waits {wait} seconds after try {tries}, recipients open {recipients}: {reason}",
        ),
        Message(
            "BMG0406I",
            "MailParked",
            Level.INFORMATION,
            "moved to extended retry from <{sender}> as {path}, recipients open {recipients}: {reason}",
        ),
    )


def _afterwards() -> tuple[Message, ...]:
    return (
        Message("BMG0501I", "NoticeSent", Level.INFORMATION, "undeliverable mail was returned to <{recipient}>"),
        Message("BMG0502W", "DeadLetterStored", Level.WARNING, "dead letter stored as {path}: {reason}"),
        Message("BMG0503W", "DeadLetterDropped", Level.WARNING, "dead letter deleted: {reason}"),
        Message("BMG0504E", "DeadLetterFailed", Level.ERROR, "dead letter {path} could not be stored: {reason}", True),
        Message("BMG0505I", "ReportWritten", Level.EVENT, "error report of spool file {id} written to {path}"),
        Message("BMG0506I", "ReportMailed", Level.EVENT, "error report of spool file {id} mailed to {administrators}"),
        Message(
            "BMG0507E", "ReportFailed", Level.ERROR, "error report of spool file {id} could not be delivered: {reason}", True
        ),
    )


def _targets() -> tuple[Message, ...]:
    return (
        Message("BMG0601I", "TargetUp", Level.EVENT, "target server {address} port {port} is active", True),
        Message(
            "BMG0602W",
            "TargetDown",
            Level.WARNING,
            "target server {address} port {port} cannot be used, next try in {retry_seconds} seconds: {reason}",
            True,
        ),
        Message(
            "BMG0603W",
            "TargetIgnored.surplus",
            Level.WARNING,
            "{address} of {name} is ignored: only four addresses are used",
            True,
        ),
        Message(
            "BMG0604W", "TargetIgnored.duplicate", Level.WARNING, "{address} of {name} is ignored: it is there already", True
        ),
        Message(
            "BMG0605W", "TargetIgnored.ipv6", Level.WARNING, "{address} of {name} is ignored: this machine has no IPv6", True
        ),
        Message("BMG0606W", "ResolutionFailed", Level.WARNING, "no address was found for target server {name}: {reason}", True),
        Message("BMG0607I", "ConnectionOpened", Level.INFORMATION, "connection {key} opened, {protocol} server {server}, {tls}"),
        Message(
            "BMG0608I",
            "ConnectionClosed",
            Level.INFORMATION,
            "connection {key} closed after {seconds} seconds, mails {mails}, bytes {octets}: {reason}",
        ),
        Message("BMG0609I", "Dialogue", Level.NETWORK, "{arrow} {shown}"),
    )


def _operator() -> tuple[Message, ...]:
    event, warning = Level.EVENT, Level.WARNING
    return (
        Message("BMG0801I", "CommandReceived", Level.INFORMATION, "command from {user}: {text}"),
        Message("BMG0802I", "CommandRefused", event, "command {text} is refused: {reason}"),
        Message("BMG0803W", "ControlUnavailable", warning, "commands cannot be taken at {path}: {reason}", True),
        Message(
            "BMG0804I",
            "ProcessingSuspended.immediate",
            event,
            "suspended: no new spool files, and those in progress are not read on",
            True,
        ),
        Message("BMG0805I", "ProcessingSuspended.delay", event, "suspended: no new spool files, those in progress end", True),
        Message("BMG0806I", "ProcessingResumed", event, "resumed: spool files are taken again", True),
        Message("BMG0807I", "ConfigurationRefreshed", event, "configuration {source} is in effect, values kept: {kept}", True),
        Message(
            "BMG0808E",
            "RefreshRefused",
            Level.ERROR,
            "configuration {source} is refused, nothing has changed; errors: {errors}",
            True,
        ),
        Message("BMG0809W", "ValueKept", warning, "value kept: {text}", True),
        Message("BMG0810I", "LogLevelChanged", event, "LogLevel is {level}", True),
        Message("BMG0811I", "UserExitChanged", event, "user exit level is {level}", True),
        Message("BMG0812I", "LongRetryFlushed", event, "long retry of task {tkid} ended for mails: {mails}", True),
        Message(
            "BMG0813I", "ExtendedRetryFlushed", event, "extended retry ended for mails of {days} days or more: {mails}", True
        ),
        Message("BMG0814I", "TargetsRefreshed.names", event, "names of target servers are being resolved again", True),
        Message("BMG0815I", "TargetsRefreshed.servers", event, "target servers are being examined again", True),
    )


def _resources() -> tuple[Message, ...]:
    event, warning = Level.EVENT, Level.WARNING
    return (
        Message(
            "EZD1856I",
            "ResourceHigh.tasks",
            warning,
            "JES tasks that wait for long retry: {percent} percent of the {what}, both classes above the limit",
            True,
        ),
        Message(
            "EZD1857I",
            "ResourceRelieved.tasks",
            event,
            "JES tasks that wait for long retry: {percent} percent of the {what}",
            True,
        ),
        Message("EZD1858I", "ResourceHigh.storage", warning, "storage in use: {percent} percent of {what}", True),
        Message("EZD1859I", "ResourceRelieved.storage", event, "storage in use: {percent} percent of {what}", True),
        Message(
            "BMG0821W", "ResourceHigh.dead letters", warning, "file system of dead letters {what} is {percent} percent full", True
        ),
        Message(
            "BMG0822I",
            "ResourceRelieved.dead letters",
            event,
            "file system of dead letters {what} is {percent} percent full",
            True,
        ),
        Message(
            "BMG0823W",
            "ResourceHigh.mail directory",
            warning,
            "file system of mail directory {what} is {percent} percent full",
            True,
        ),
        Message(
            "BMG0824I",
            "ResourceRelieved.mail directory",
            event,
            "file system of mail directory {what} is {percent} percent full",
            True,
        ),
    )


def _exits() -> tuple[Message, ...]:
    return (
        Message("BMG0831I", "UserExitLoaded", Level.EVENT, "user exit {name} is in use, level {level}", True),
        Message(
            "BMG0832E", "UserExitMissing", Level.ERROR, "no user exit for level {level}, decks are taken without: {reason}", True
        ),
        Message("BMG0833W", "UserExitFailed", Level.WARNING, "the user exit failed, processing goes on: {reason}", True),
        Message("BMG0834W", "UserExitSlow", Level.WARNING, "the user exit took {seconds} seconds, spool reading waits for it"),
        Message(
            "BMG0835W",
            "UserExitStuck",
            Level.WARNING,
            "the user exit was called for {action} and has not come back for {seconds} seconds, its spool file waits",
            True,
        ),
    )


def _kept() -> tuple[Message, ...]:
    return (
        Message("BMG0701I", "CheckpointOpened.warm", Level.EVENT, "checkpoint {path}, spool files partly processed: {files}"),
        Message(
            "BMG0702I", "CheckpointOpened.cold", Level.EVENT, "cold start with checkpoint {path}, spool files forgotten: {files}"
        ),
        Message(
            "BMG0703E",
            "CheckpointSetAside",
            Level.ERROR,
            "checkpoint {path} cannot be used and was renamed to {aside}: {reason}",
            True,
        ),
        Message(
            "BMG0704E",
            "CheckpointFailed",
            Level.ERROR,
            "checkpoint {path} cannot be used now, outcomes are kept in memory: {reason}",
            True,
        ),
        Message("BMG0705I", "CheckpointMended", Level.EVENT, "checkpoint {path} is written again", True),
        Message("BMG0711I", "MailDirectoryOpened", Level.EVENT, "extended retry, mails waiting in {path}: {mails}"),
        Message(
            "BMG0712E",
            "MailDirectoryFailed",
            Level.ERROR,
            "mail directory {path} cannot be used, mail stays in long retry: {reason}",
            True,
        ),
        Message("BMG0713I", "MailDirectoryMended", Level.EVENT, "mail directory {path} can be used again", True),
        Message("BMG0714W", "PairSetAside", Level.WARNING, "extended retry sets {path} aside: {reason}"),
    )


def _ourselves() -> tuple[Message, ...]:
    return (
        Message("BMG0901I", "Debug", Level.DEBUG, "{where}: {text}"),
        Message("BMG0902E", "InternalError", Level.ERROR, "internal error in {where}: {text}", True),
        Message(
            "BMG0906E",
            "SmfBroken",
            Level.ERROR,
            "SMF records cannot be written to {path}: {reason}; mail goes on, records are kept for a while",
            True,
        ),
        Message("BMG0907I", "SmfMended", Level.EVENT, "SMF records are written to {path} again, records lost: {lost}", True),
        Message("BMG0908E", "MetricsFailed", Level.ERROR, "metrics are not to be had at {address}: {reason}", True),
        Message("BMG0903E", "SinkFailed", Level.ERROR, "{sink} failed and gets no more events: {reason}", True),
    )


MESSAGES = (
    *_lifecycle(),
    *_spool(),
    *_deck(),
    *_mail(),
    *_afterwards(),
    *_targets(),
    *_kept(),
    *_operator(),
    *_resources(),
    *_exits(),
    *_ourselves(),
)
"""The catalogue, in order of id within each group."""

BY_KEY = {message.key: message for message in MESSAGES}


@dataclass(frozen=True, slots=True)
class Title:
    """First line of a display that answers a command: `id` and `text`. It goes to who asked, never to the log."""

    id: str
    text: str


CONFIG_TITLE = Title("EZD1829I", "CSSMTP CONFIGURATION:")
IPLIST_TITLE = Title("BMG0851I", "CSSMTP IP ADDRESS LIST:")
LOGLEVEL_TITLE = Title("BMG0852I", "CSSMTP LOG LEVEL:")
SPOOLSTATUS_TITLE = Title("BMG0853I", "CSSMTP SPOOL STATUS SUMMARY:")
SPOOLDETAIL_TITLE = Title("BMG0854I", "CSSMTP SPOOL STATUS DETAIL:")
TARGETS_TITLE = Title("BMG0855I", "CSSMTP TARGET SERVERS:")
DONE = Title("BMG0856I", "{what}")
REFUSED = Title("BMG0857E", "{command}: {reason}")
REPLIES = (
    CONFIG_TITLE,
    IPLIST_TITLE,
    LOGLEVEL_TITLE,
    SPOOLSTATUS_TITLE,
    SPOOLDETAIL_TITLE,
    TARGETS_TITLE,
    DONE,
    REFUSED,
)
"""Everything that is said to operators only. The wording after each id is ours, but for the title of EZD1829I."""

LOG_BROKEN = "BMG0904E the log {path} cannot be written: {reason}; mail goes on"
LOG_MENDED = "BMG0905I the log {path} is written again, lines lost: {lost}"
"""The two messages that tell of the log itself: they go to standard error and nowhere else, so no event carries them."""


def plain(text: str, limit: int = 0) -> str:
    """Text of users, servers or the system as one printable piece of a line.

    Every character that is not printable (control characters, line and paragraph separators, direction marks, lone
    surrogates) is shown as \\xNN, \\uNNNN or \\UNNNNNNNN; all others stay as they are. With `limit` > 0 the result has at
    most that many octets in UTF-8, the last three being CUT_MARK when something was left out.
    """
    if limit and len(text) > limit:
        text = text[: limit + 1]
    if not text.isprintable():
        text = "".join(character if character.isprintable() else _escape(character) for character in text)
    if limit and (len(text) > limit or len(text.encode()) > limit):
        return text.encode()[: limit - len(CUT_MARK)].decode(errors="ignore") + CUT_MARK
    return text


def _escape(character: str) -> str:
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
