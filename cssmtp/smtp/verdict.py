"""THE table: what an answer, or the lack of one, means at each step of the dialogue (mail-processing.md 11).

Promises: total over every step, every reply code and every failure; what nobody foresaw is a retry, never a loss.
Never: looks at text; codes and kinds decide. Who is told, and when it is tried again, is decided elsewhere.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from cssmtp.model import Outcome, Reply, Verdict


class Step(enum.StrEnum):
    """A point of the dialogue at which something is awaited. The value is how people call it.

    A StrEnum because its hash is that of a string: the table is looked up for every reply.
    """

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL FROM"
    RCPT = "RCPT TO"
    DATA = "DATA"
    BDAT = "BDAT"
    BLOCK = "mail data"
    TERM = "end of data"
    RSET = "RSET"
    QUIT = "QUIT"


class FailureKind(enum.Enum):
    """Why there is no answer."""

    REFUSED = "refused"  # no connection could be made
    TIMEOUT = "timeout"  # the timer of the step ran out
    LOST = "lost"  # the connection ended
    NONSENSE = "nonsense"  # what came is no SMTP reply, or none that the step allows
    TLS = "tls"  # the handshake failed
    LOCAL = "local"  # a fault on our side: the mail cannot be read, we are stopping


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer: its kind and a text for people."""

    kind: FailureKind
    text: str


class Ruling(enum.Enum):
    """What follows from an answer."""

    GO_ON = "go on"
    DELIVERED = "delivered"
    RETRY = "retry"
    UNDELIVERABLE = "undeliverable"
    TRY_HELO = "try HELO"
    NOT_CAPABLE = "not capable"  # of TLS, or of logging in: the connection ends, the target is not down
    TARGET_DOWN = "target down"
    CLOSE = "close"  # the connection ends; no mail is concerned


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the first digit of a good answer, and what each class of answer leads to."""

    good_class: int  # 0: no answer is good here
    good: Ruling
    temporary: Ruling
    permanent: Ruling
    failure: Ruling


_MAIL_STEP = Row(2, Ruling.GO_ON, Ruling.RETRY, Ruling.UNDELIVERABLE, Ruling.RETRY)
_TARGET_STEP = Row(2, Ruling.GO_ON, Ruling.TARGET_DOWN, Ruling.TARGET_DOWN, Ruling.TARGET_DOWN)

TABLE: dict[Step, Row] = {
    Step.CONNECT: _TARGET_STEP,
    Step.GREETING: _TARGET_STEP,
    Step.EHLO: Row(2, Ruling.GO_ON, Ruling.TARGET_DOWN, Ruling.TRY_HELO, Ruling.TARGET_DOWN),
    Step.STARTTLS: Row(2, Ruling.GO_ON, Ruling.NOT_CAPABLE, Ruling.NOT_CAPABLE, Ruling.TARGET_DOWN),
    Step.AUTH: _TARGET_STEP,  # wrong credentials are for the operator to mend: no mail ends for them
    Step.MAIL: _MAIL_STEP,
    Step.RCPT: _MAIL_STEP,
    Step.DATA: Row(3, Ruling.GO_ON, Ruling.RETRY, Ruling.UNDELIVERABLE, Ruling.RETRY),
    Step.BDAT: Row(2, Ruling.DELIVERED, Ruling.RETRY, Ruling.UNDELIVERABLE, Ruling.RETRY),
    Step.BLOCK: Row(0, Ruling.RETRY, Ruling.RETRY, Ruling.UNDELIVERABLE, Ruling.RETRY),
    Step.TERM: Row(2, Ruling.DELIVERED, Ruling.RETRY, Ruling.UNDELIVERABLE, Ruling.RETRY),
    Step.RSET: Row(2, Ruling.GO_ON, Ruling.CLOSE, Ruling.CLOSE, Ruling.CLOSE),
    Step.QUIT: Row(2, Ruling.CLOSE, Ruling.CLOSE, Ruling.CLOSE, Ruling.CLOSE),
}

CLOSING = 421
"""The code that ends a connection wherever it appears (RFC 5321 3.8)."""

BAD_SEQUENCE = 503
"""What a server says to MAIL FROM when it wants EHLO first (RFC 5321 4.1.4, RFC 3207 4.2)."""

BDAT_UNKNOWN = frozenset({500, 501, 502, 503, 504})
"""Answers to a BDAT with recipients that speak of the command, not of the mail: the server offers what it does not understand."""

ANSWER_UNKNOWN = "answer to the final dot unknown"
"""How the reason of a retry begins when the text was sent and nobody said what became of it: the mail may be delivered twice."""

REASON_LIMIT = 1000
"""Longest reason kept of a reply, in characters: reports hold it once per recipient."""


def _by_class(row: Row) -> tuple[Ruling, ...]:
    """The row as rulings by the first digit of a code, 0 to 9: a class that the step does not allow counts as its failure."""
    rulings = [row.failure] * 10
    rulings[4] = row.temporary
    rulings[5] = row.permanent
    if row.good_class:
        rulings[row.good_class] = row.good
    return tuple(rulings)


_RULINGS = {step: _by_class(row) for step, row in TABLE.items()}


def rule(step: Step, answer: Reply | Failure) -> Ruling:
    """What `answer` at `step` leads to.

    A 421 counts as the failure of the step. An answer of a class that the step does not allow, such as 250 to DATA, is nonsense
    and counts as its failure too.
    """
    if isinstance(answer, Reply):
        return TABLE[step].failure if answer.code == CLOSING else _RULINGS[step][answer.code // 100]
    if step is Step.STARTTLS and answer.kind is FailureKind.TLS:
        return Ruling.NOT_CAPABLE
    return TABLE[step].failure


_VERDICTS = {Ruling.DELIVERED: Verdict.DELIVERED, Ruling.UNDELIVERABLE: Verdict.UNDELIVERABLE}


def verdict(step: Step, answer: Reply | Failure) -> Verdict:
    """What becomes of a recipient whose mail ends with `answer` at `step`: all but a clear yes or a clear no is a retry."""
    return _VERDICTS.get(rule(step, answer), Verdict.RETRY)


def reason(step: Step, answer: Reply | Failure) -> str:
    """The answer in words: a reply literally (cut to REASON_LIMIT), a failure with the step at which it happened.

    When the text was sent, the words say that the answer is unknown.
    """
    if isinstance(answer, Failure):
        unknown = f"{ANSWER_UNKNOWN}: " if step in (Step.TERM, Step.BDAT) else ""
        return f"{unknown}{answer.text} (at {step.value})"
    return str(answer)[:REASON_LIMIT]


def outcome(step: Step, answer: Reply | Failure, target: str) -> Outcome:
    """Verdict and reason as one value. `target` is the address that answered."""
    return Outcome(verdict(step, answer), reason(step, answer), target)
