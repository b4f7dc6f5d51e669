"""Values shared by all layers.

Promises: plain frozen data, no behaviour beyond what follows from the fields. Addresses are ASCII text exactly as the deck
wrote them between the angle brackets; bodies are bytes of the spool file's code page.
Never: imports anything of the project.

Terms. *Lines* (also "canonical lines"): the text of a spool file after framing, continuation and blank removal, every line
ended by the newline byte of its alphabet (X'15' for EBCDIC, X'0A' for ASCII input). *Stuffed lines*: lines of a body in
which every line that begins with a period begins with two; on the wire that is already the transparent form
(RFC 5321 section 4.5.2), so nothing has to be stuffed again.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BadRecipient:
    """A RCPT TO that is no valid path: undeliverable, but no error of the file (mail-processing.md 5.5)."""

    text: str
    record: int
    reply: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends to whom.

    `reverse_path` is the mailbox without brackets, "" for the null reverse-path. `recipients` are in deck order, at most
    2000. `tls_required` is STARTTLS of the deck (mail-processing.md 5.7), not yet the target's Secure. `hello` is the domain
    of the HELO or EHLO in force.
    """

    hello: str
    reverse_path: str
    recipients: tuple[str, ...]
    bad_recipients: tuple[BadRecipient, ...] = ()
    tls_required: bool = False


@dataclass(frozen=True, slots=True)
class BodySpan:
    """Where a large body stands in the spool file's data.

    `offset` is a byte offset at which reading of records may start, `skip` the records to pass over from there, `records`
    how many records the body has (the final period is not one of them).
    """

    offset: int
    skip: int
    records: int


Body = bytes | BodySpan
"""A body: stuffed lines held in memory when small, else where to read them again."""


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """What the writer's own header has, found while the deck was read (mail-processing.md 6 and 7).

    `lines` counts the lines of the header, without the separator. `separator` is False when the blank line between header
    and body is missing and has to be added after `lines` lines. `mime_charset` is the charset label of a Content-Type field
    as written, "" when there is none or the text is encoded (base64, quoted-printable). `ascii` is False when the header has
    characters that are not ASCII.
    """

    lines: int
    separator: bool
    has_date: bool
    has_message_id: bool
    mime_charset: str = ""
    ascii: bool = True


@dataclass(frozen=True, slots=True)
class DeckMail:
    """One mail as the deck gave it.

    `number` counts the mails of the file from 1. `size` is the length in octets of header and body as written, with CRLF
    line ends, before stuffing, for a single-byte target. `record` is the record number of its MAIL FROM, `data_record` that
    of the first record after DATA.
    """

    number: int
    envelope: Envelope
    body: Body
    header: HeaderFacts
    size: int
    record: int
    data_record: int


class FaultKind(enum.Enum):
    """Classes of mail-processing.md 8.1."""

    SYNTAX = "syntax"
    UNKNOWN_COMMAND = "unknown-command"
    SEQUENCE = "sequence"
    RECIPIENT = "recipient"
    LINE_TOO_LONG = "line-too-long"
    SIZE = "size"
    LIMIT = "limit"
    EXIT = "exit"
    UNREADABLE = "unreadable"
    SECURITY = "security"


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding in a spool file, as it appears in the error report.

    `record` is the 1-based record number (0: the file as a whole), `mail` the number of the mail it belongs to (0: none),
    `line` the offending text decoded for people (may be cut), `reply` the literal reply text, `counted` whether it counts
    to JESSyntaxErrLimit.
    """

    kind: FaultKind
    record: int
    mail: int
    line: str
    reply: str
    counted: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP reply: code 200-599, enhanced status code "x.y.z" or "", text lines without code (RFC 5321 4.2, RFC 3463)."""

    code: int
    enhanced: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        head = f"{self.code} {self.enhanced}".rstrip()
        return f"{head} {' '.join(self.lines)}".rstrip()


class Verdict(enum.Enum):
    """What became of one recipient, or of one attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    UNDELIVERABLE = "undeliverable"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Verdict for one recipient and why: a server's reply or our own words. `target` is the address that said it, or ""."""

    verdict: Verdict
    reason: str
    target: str = ""
