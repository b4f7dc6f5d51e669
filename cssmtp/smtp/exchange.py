"""What travels between a session and whoever drives it, and the transactions on their way.

Promises: values; a `Flight` knows which step of its transaction the server has still to answer.
Never: decides what an answer means; that is `verdict`, and what follows from it `session`.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import NamedTuple

from cssmtp.model import Outcome, Reply
from cssmtp.smtp.verdict import Failure, Step

ordinary = re.compile(r"[!-;=?-~]*").fullmatch
"""Matches addresses that need no second look by `check_address`: printable ASCII without blanks and angle brackets."""


class UnsendableAddress(ValueError):
    """An address that cannot stand in a command. It should have been refused long before; nothing was sent."""


# Named tuples, for what is made anew for every mail: at a third of the price of a frozen dataclass.


class Transaction(NamedTuple):
    """One mail as the dialogue sees it.

    `reverse_path` and `recipients` are mailboxes without brackets ("" for the null reverse-path); `size` in octets goes
    into SIZE= where the server offers it; `key` belongs to the caller; `eight_bit` announces a labelled text of 8-bit
    lines (RFC 6152) to a server that offers it.
    """

    reverse_path: str
    recipients: tuple[str, ...]
    size: int
    key: object = None
    eight_bit: bool = False


class Send(NamedTuple):
    """Write these bytes now."""

    data: bytes


class SendBody(NamedTuple):
    """The server waits for the text of this mail: write all of it with the final dot, then call `body_sent`."""

    transaction: Transaction


class Ended(NamedTuple):
    """A transaction is over. `outcomes` stand in the order of the recipients.

    `untried` is True when the connection ended before the body was begun, by the server or because of the mail before: that is
    no word about this mail, and it cannot have been delivered.
    """

    transaction: Transaction
    outcomes: tuple[Outcome, ...]
    untried: bool = False


@dataclass(frozen=True, slots=True)
class Closing:
    """The server ends the connection, with a 421 or by answering QUIT. Close it."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Broken:
    """The dialogue cannot go on. Close the connection."""

    failure: Failure


class Lesson(enum.Enum):
    """What a server showed us about how it wants its mail; the next connection has to heed it."""

    HELLO = "EHLO is wanted after TLS"
    NO_BDAT = "BDAT is offered and not understood"


@dataclass(frozen=True, slots=True)
class Learned:
    """The mail was not taken for a reason that is ours to mend. Close the connection and make it anew; the mail ended untried."""

    lesson: Lesson
    reply: Reply


SessionEvent = Send | SendBody | Ended | Closing | Broken | Learned


def check_address(address: str) -> None:
    """Raise UnsendableAddress unless `address` can stand between angle brackets.

    That is: printable ASCII, with blanks and angle brackets only when it has a quoted local part. The last guard before the
    wire (RFC 5321 4.1.2), not a check of the address.
    """
    if not (address.isascii() and (address.isprintable() or not address)):
        raise UnsendableAddress(f"address {address!r} has characters that cannot be sent")
    if (" " in address or "<" in address or ">" in address) and '"' not in address:
        raise UnsendableAddress(f"address {address!r} would end its command early")


class Flight:
    """A transaction under way. `at` is what the server has still to answer: a place in the order of its commands.

    -1 RSET, 0 MAIL, 1 and up the recipients, `last` DATA or BDAT, `last` + 1 the final dot.
    """

    __slots__ = ("accepted", "at", "body", "chunked", "last", "outcomes", "refusal", "transaction")

    def __init__(self, transaction: Transaction, *, chunked: bool, reset: bool) -> None:
        self.transaction = transaction
        self.at = -1 if reset else 0
        self.last = len(transaction.recipients) + 1
        self.chunked = chunked
        self.refusal: Outcome | None = None  # of the sender; it stands for every recipient, whatever these were told
        self.outcomes: list[Outcome | None] = []  # per answered recipient: its refusal, or None when accepted
        self.accepted = 0
        self.body = chunked  # its text was begun

    @property
    def step(self) -> Step:
        at, last = self.at, self.last
        if at <= 0:
            return Step.RSET if at else Step.MAIL
        if at < last:
            return Step.RCPT
        if at > last:
            return Step.TERM
        return Step.BDAT if self.chunked else Step.DATA


class Command:
    """A command that belongs to no transaction: RSET, QUIT, a lone dot."""

    __slots__ = ("step",)

    def __init__(self, step: Step) -> None:
        self.step = step
