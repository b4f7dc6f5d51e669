"""One address of a target server and what we know about it.

Promises: state only, no input or output; times are seconds of the monotonic clock, given by the caller.
Never: decides which target a mail goes to; that is `choice`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from cssmtp.config.model import TargetServer
from cssmtp.smtp.capabilities import Capabilities
from cssmtp.smtp.exchange import Lesson


@dataclass(frozen=True, slots=True)
class Address:
    """Where a target is reached.

    `ip` is an IPv4 or IPv6 literal, `name` what its certificate must show (host name, or the address itself), `preference` the
    order of use, lower first; equal ones share the work. `source` is what the configuration says, for people.
    """

    ip: str
    port: int
    preference: int
    name: str
    server: TargetServer
    source: str = ""


class TargetState(enum.Enum):
    """What the last attempt to connect told us."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


SILENT_HANDSHAKES = 3
"""After so many handshakes in a row that ended without a word, a server that offers TLS counts as not capable of it."""


class Target:
    """One address with its state. `capabilities` is None until a server has greeted us, and again while the target is down."""

    __slots__ = (
        "address",
        "bdat",
        "capabilities",
        "last_reply",
        "learned",
        "next_attempt",
        "reason",
        "state",
        "tls_hello",
        "tls_refusal",
        "tls_refused",
        "tls_silent",
    )  # fmt: skip

    def __init__(self, address: Address) -> None:
        self.address = address
        self.state = TargetState.UNKNOWN
        self.capabilities: Capabilities | None = None
        self.learned = 0.0  # when capabilities were
        self.tls_refusal = ""  # why TLS failed though it was offered; "" = it did not
        self.tls_refused = 0.0  # when
        self.tls_silent = 0  # handshakes in a row that ended without an alert
        self.bdat = True  # not known to offer BDAT without understanding it
        self.tls_hello = False  # it took no mail without an EHLO after the handshake
        self.next_attempt = 0.0  # while down: not before
        self.reason = ""  # why it is down
        self.last_reply = ""  # to the mail that ended last

    def __repr__(self) -> str:
        return f"<Target {self.address.ip}:{self.address.port} {self.state.value} preference {self.address.preference}>"

    def up(self, capabilities: Capabilities, now: float, *, tls: bool) -> bool:
        """A server greeted us, with TLS or without; returns whether that is news.

        Inside TLS a server must not offer STARTTLS (RFC 3207 section 4.2), so its second EHLO says nothing about that.
        """
        news = self.state is not TargetState.UP
        self.state = TargetState.UP
        self.reason = ""
        self.capabilities = replace(capabilities, starttls=True) if tls else capabilities
        self.learned = now
        if tls:
            self.tls_refusal = ""
            self.tls_silent = 0
        return news

    def down(self, reason: str, next_attempt: float) -> bool:
        """It could not be reached or used; returns whether that is news.

        What it could do before is forgotten: it may come back changed.
        """
        news = self.state is not TargetState.DOWN
        self.state = TargetState.DOWN
        self.reason = reason
        self.capabilities = None
        self.next_attempt = next_attempt
        return news

    def refuse_tls(self, reason: str, now: float, *, silent: bool = False) -> None:
        """It greeted us, but TLS could not be had. `silent`: the handshake just ended, nobody said no."""
        self.tls_refusal = reason
        self.tls_refused = now
        self.tls_silent = self.tls_silent + 1 if silent else 0

    @property
    def tls_in_doubt(self) -> bool:
        """Whether TLS failed in a way that may pass: mail that needs it waits then, and mail that does not goes on."""
        return bool(self.tls_refusal) and 0 < self.tls_silent < SILENT_HANDSHAKES

    def learn(self, lesson: Lesson) -> None:
        """Note how it wants its mail, for the connections to come."""
        match lesson:
            case Lesson.HELLO:
                self.tls_hello = True
            case Lesson.NO_BDAT:
                self.bdat = False

    def forget(self) -> None:
        """What it could do is to be learned anew; whether it is up is not."""
        self.tls_refusal = ""
        self.tls_silent = 0
        self.tls_hello = False
        self.bdat = True
        self.learned = float("-inf")


@dataclass(frozen=True, slots=True)
class TargetSnapshot:
    """One line of a display of targets. `connections` are open, `mails` got an answer over this target since the start."""

    address: str
    port: int
    preference: int
    state: TargetState
    reason: str
    capabilities: Capabilities | None
    connections: int
    mails: int
    source: str = ""
    secure: bool = False
    size_limit: int = 0
    last_reply: str = ""
