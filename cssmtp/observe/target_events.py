"""What happens with target servers and on the connections to them.

Promises: as `events`, from where these are imported. `Dialogue.shown` is the text without secrets, for all who show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cssmtp.observe.facts import Direction, Event, Ignored

MASK = "***"
"""Shown instead of a secret."""


@dataclass(frozen=True, slots=True)
class TargetUp(Event):
    """A target server can be used (again). `capabilities` its EHLO keywords, () for one that knows only HELO."""

    address: str
    port: int
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetDown(Event):
    """A target server cannot be reached or used; `retry_seconds` until it is tried again (Timeout ConnectRetry)."""

    address: str
    port: int
    reason: str
    retry_seconds: int = 0


@dataclass(frozen=True, slots=True)
class TargetIgnored(Event):
    """An address that will not be used. `name` is what the configuration says, `address` what it became."""

    VARIANTS: ClassVar[tuple[str, ...]] = tuple(why.value for why in Ignored)

    name: str
    address: str
    why: Ignored

    @property
    def variant(self) -> str:
        return self.why.value


@dataclass(frozen=True, slots=True)
class ResolutionFailed(Event):
    """A TargetName or TargetMx gave no address."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionOpened(Event):
    """A connection is ready for mail. `key` tells it from others of its target; the TLS fields are "" without TLS.

    `secure` is the target's Secure, `local` and `local_port` our end. `tls_bits` is the key length of the cipher; the other
    facts are those of the server's certificate, `tls_expires` in seconds since 1970 (0 = not known), `tls_fingerprint` its
    SHA-256 in hexadecimal. `login` is the mechanism of AUTH that was used.
    """

    address: str
    port: int
    key: int
    esmtp: bool = True
    server: str = ""
    tls_protocol: str = ""
    tls_cipher: str = ""
    tls_subject: str = ""
    tls_bits: int = 0
    tls_issuer: str = ""
    tls_serial: str = ""
    tls_expires: int = 0
    secure: bool = False
    local: str = ""
    local_port: int = 0
    tls_fingerprint: str = ""
    login: str = ""

    @property
    def protocol(self) -> str:
        return "ESMTP" if self.esmtp else "SMTP"

    @property
    def tls(self) -> str:
        if not self.tls_protocol:
            return "no TLS"
        return f"{self.tls_protocol} {self.tls_cipher} certificate {self.tls_subject or 'not shown'}"


@dataclass(frozen=True, slots=True)
class ConnectionClosed(Event):
    """A connection ended. `mails` mails got their final answer over it, `octets` were sent, `seconds` it lasted.

    `delivered` of the mails reached at least one recipient.
    """

    address: str
    port: int
    key: int
    mails: int
    reason: str
    octets: int = 0
    seconds: float = 0.0
    delivered: int = 0


@dataclass(frozen=True, slots=True)
class Dialogue(Event):
    """One line of the SMTP dialogue, without line end (log level 32). `secret`: the text must not be shown."""

    address: str
    port: int
    direction: Direction
    text: str
    secret: bool = False

    @property
    def arrow(self) -> str:
        return self.direction.value

    @property
    def shown(self) -> str:
        """The text without secrets. An AUTH command is masked even if nobody marked it."""
        if self.secret:
            return MASK
        words = self.text.split(" ", 2)
        if len(words) > 2 and words[0].upper() == "AUTH" and self.direction is Direction.SENT:
            return f"{words[0]} {words[1]} {MASK}"
        return self.text
