"""One SMTP connection after the greeting and EHLO, as a state machine: commands out, answers in.

Promises: every reply is matched with a command already sent, also after a failure; each transaction that was begun ends with
exactly one `Ended`, in the order of beginning, with one Outcome per recipient; bytes of an address are sent as they were given.
Never: writes an address that would break out of its command line; sends RSET before the first mail; sends the body of a mail
whose sender or whose every recipient was refused.

Two positions are kept apart, where we are and where the server is: `_open` is what we are sending, `_expected` what is still to
be answered. With PIPELINING the commands of one mail go out together, and those of the next mail directly behind the final
dot of the last (RFC 2920 section 3.1), so that one mail costs one round trip; still at most one body is unanswered, because a
body without an answer is what may be delivered twice when the connection dies.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from cssmtp.model import Outcome, Reply
from cssmtp.smtp.capabilities import Capabilities
from cssmtp.smtp.replies import ProtocolError, ReplyParser
from cssmtp.smtp.verdict import CLOSING, Failure, FailureKind, Ruling, Step, outcome, rule

LONE_DOT = b".\r\n"
"""What answers a 354 that came although nobody accepted the mail."""


class UnsendableAddress(ValueError):
    """An address that cannot stand in a command. It should have been refused long before; nothing was sent."""


# Named tuples, for what is made anew for every mail: at a third of the price of a frozen dataclass.


class Transaction(NamedTuple):
    """One mail as the dialogue sees it.

    `reverse_path` and `recipients` are mailboxes without brackets ("" for the null reverse-path); `size` in octets goes
    into SIZE= where the server offers it; `key` belongs to the caller.
    """

    reverse_path: str
    recipients: tuple[str, ...]
    size: int
    key: object = None


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


SessionEvent = Send | SendBody | Ended | Closing | Broken


def check_address(address: str) -> None:
    """Raise UnsendableAddress unless `address` can stand between angle brackets.

    That is: printable ASCII, with blanks and angle brackets only when it has a quoted local part. The last guard before the
    wire (RFC 5321 4.1.2), not a check of the address.
    """
    if not (address.isascii() and (address.isprintable() or not address)):
        raise UnsendableAddress(f"address {address!r} has characters that cannot be sent")
    if (" " in address or "<" in address or ">" in address) and '"' not in address:
        raise UnsendableAddress(f"address {address!r} would end its command early")


class _Open:
    """A transaction under way: what was said about it so far."""

    __slots__ = ("accepted", "body", "outcomes", "refusal", "transaction")

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.refusal: Outcome | None = None  # of the sender; it stands for every recipient, whatever these were told
        self.outcomes: list[Outcome | None] = []  # per answered recipient: its refusal, or None when accepted
        self.accepted = 0
        self.body = False  # its body was begun


class ClientSession:
    """The dialogue on one connection. `target` is the server's address for outcomes."""

    def __init__(self, capabilities: Capabilities, target: str = "") -> None:
        self.capabilities = capabilities
        self.target = target
        self.answered = 0  # replies that answered a command, since the beginning
        self._parser = ReplyParser()
        self._expected: deque[tuple[Step, _Open | None]] = deque()
        self._open: _Open | None = None  # the transaction whose body is not sent yet
        self._sending = False  # its body is being sent
        self._over = False
        self._with_size = b" SIZE=" if capabilities.size is not None else b""

    @property
    def can_begin(self) -> bool:
        """Whether `begin` may be called now. True while the answer to a final dot is awaited, if the server offers PIPELINING."""
        if self._open is not None or self._over:
            return False
        return not self._expected or self.capabilities.pipelining

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and nothing is awaited."""
        return self._open is None and not self._expected

    @property
    def waiting_for(self) -> Step | None:
        """The oldest step without an answer: its timer runs. None when nothing is awaited."""
        if self._expected:
            return self._expected[0][0]
        return Step.BLOCK if self._sending else None

    @property
    def over(self) -> bool:
        """Whether the dialogue has ended: nothing may be sent any more."""
        return self._over

    @property
    def unanswered_body(self) -> bool:
        """Whether a final dot was sent and not answered: the one state in which giving up may deliver a mail twice."""
        return any(step is Step.TERM and current is not None for step, current in self._expected)

    def begin(self, transaction: Transaction) -> bytes:
        """Begin a mail; returns the commands to send at once.

        Raises UnsendableAddress for an address that cannot be sent (nothing has changed then), RuntimeError unless `can_begin`.
        """
        if not self.can_begin:
            raise RuntimeError("a mail is under way")
        recipients = transaction.recipients
        check_address(transaction.reverse_path)
        for recipient in recipients:
            check_address(recipient)
        if not recipients:
            raise UnsendableAddress("a mail without recipients")
        current = self._open = _Open(transaction)
        expected = self._expected
        expected.append((Step.MAIL, current))
        size = b"%s%d" % (self._with_size, transaction.size) if self._with_size else b""
        mail = b"MAIL FROM:<%s>%s\r\n" % (transaction.reverse_path.encode("ascii"), size)
        if not self.capabilities.pipelining:
            return mail
        if len(recipients) == 1:
            expected.append((Step.RCPT, current))
            expected.append((Step.DATA, current))
            return b"%sRCPT TO:<%s>\r\nDATA\r\n" % (mail, recipients[0].encode("ascii"))
        expected.extend([(Step.RCPT, current)] * len(recipients))
        expected.append((Step.DATA, current))
        body = ">\r\nRCPT TO:<".join(recipients).encode("ascii")
        return b"%sRCPT TO:<%s>\r\nDATA\r\n" % (mail, body)

    def body_sent(self) -> None:
        """The caller has written the whole text with the final dot."""
        current = self._open
        if current is None or not self._sending:
            raise RuntimeError("no body is being sent")
        self._expected.append((Step.TERM, current))
        self._open = None
        self._sending = False

    def quit(self) -> bytes:
        """Say goodbye; returns the command. Nothing may be begun afterwards; answers still awaited go on being taken.

        Raises RuntimeError while a mail's body is not sent yet, or after the end.
        """
        if self._open is not None or self._over:
            raise RuntimeError("not the moment to quit")
        self._over = True
        self._expected.append((Step.QUIT, None))
        return b"QUIT\r\n"

    def receive(self, data: bytes) -> list[SessionEvent]:
        """Take bytes from the server; returns what follows from them, in order."""
        events: list[SessionEvent] = []
        nonsense: ProtocolError | None = None
        try:
            replies = self._parser.feed(data)
        except ProtocolError as error:
            nonsense = error
            replies = error.replies
        for reply in replies:
            if reply.code == CLOSING:
                self._end_all(reply, events)
                events.append(Closing(reply))
                return events
            if not self._expected:
                self._unexpected(reply, events)
                return events
            step, current = self._expected.popleft()
            self.answered += 1
            if current is not None:
                self._answer(step, current, reply, events)
            elif step is Step.QUIT:
                events.append(Closing(reply))
            elif step is Step.RSET and rule(step, reply) is not Ruling.GO_ON:
                self._break(Failure(FailureKind.NONSENSE, f"RSET was answered with {reply}"), events)
            if self._over and not self._expected:
                return events
        if nonsense is not None:
            self._break(Failure(FailureKind.NONSENSE, str(nonsense)), events)
        return events

    def lost(self, failure: Failure) -> list[SessionEvent]:
        """The connection is gone or given up: every open transaction ends, with `failure` as the answer to what it waited for."""
        events: list[SessionEvent] = []
        self._end_all(failure, events)
        return events

    # what follows from one answer

    def _answer(self, step: Step, current: _Open, reply: Reply, events: list[SessionEvent]) -> None:
        ruling = rule(step, reply)
        if reply.code < 400 and ruling is Ruling.RETRY:
            # A yes of the wrong kind: from here on answers and commands may be out of step.
            self._expected.appendleft((step, current))
            self._break(Failure(FailureKind.NONSENSE, f"an answer out of place: {reply}"), events)
        elif step is Step.TERM:
            end = outcome(Step.TERM, reply, self.target)
            events.append(Ended(current.transaction, self._outcomes(current, end)))
        elif step is Step.RCPT:
            self._recipient(current, ruling, reply, events)
        elif step is Step.DATA:
            self._data(current, ruling, reply, events)
        elif ruling is Ruling.GO_ON:
            if not self.capabilities.pipelining:
                self._next_recipient(current, events)
        else:
            current.refusal = outcome(step, reply, self.target)
            if not self.capabilities.pipelining:
                self._fail(current, events, current.refusal)

    def _recipient(self, current: _Open, ruling: Ruling, reply: Reply, events: list[SessionEvent]) -> None:
        if ruling is Ruling.GO_ON:
            current.accepted += 1
            current.outcomes.append(None)
        else:
            current.outcomes.append(outcome(Step.RCPT, reply, self.target))
        if self.capabilities.pipelining:
            return
        if len(current.outcomes) < len(current.transaction.recipients):
            self._next_recipient(current, events)
        elif current.accepted:
            self._expected.append((Step.DATA, current))
            events.append(Send(b"DATA\r\n"))
        else:
            self._fail(current, events, outcome(Step.RCPT, reply, self.target))

    def _next_recipient(self, current: _Open, events: list[SessionEvent]) -> None:
        recipient = current.transaction.recipients[len(current.outcomes)]
        self._expected.append((Step.RCPT, current))
        events.append(Send(b"RCPT TO:<%s>\r\n" % recipient.encode("ascii")))

    def _data(self, current: _Open, ruling: Ruling, reply: Reply, events: list[SessionEvent]) -> None:
        if ruling is not Ruling.GO_ON:
            self._fail(current, events, outcome(Step.DATA, reply, self.target))
        elif current.refusal is not None and current.accepted:
            # The sender was refused, recipients and DATA were not: whatever we send now could become a mail.
            self._break(Failure(FailureKind.NONSENSE, "DATA was accepted for a mail whose sender was refused"), events)
        elif current.accepted:
            current.body = True
            self._sending = True
            events.append(SendBody(current.transaction))
        else:
            # Nobody accepted, yet the server waits for a text: an empty one ends it, and its answer means nothing.
            self._expected.append((Step.TERM, None))
            self._open = None
            events.append(Send(LONE_DOT))
            events.append(Ended(current.transaction, self._outcomes(current, outcome(Step.DATA, reply, self.target))))

    def _fail(self, current: _Open, events: list[SessionEvent], end: Outcome) -> None:
        """The transaction ends without a body; the server may still hold its sender, so it is told to forget it."""
        self._open = None
        events.append(Ended(current.transaction, self._outcomes(current, end)))
        self._expected.append((Step.RSET, None))
        events.append(Send(b"RSET\r\n"))

    def _outcomes(self, current: _Open, end: Outcome) -> tuple[Outcome, ...]:
        """Outcome per recipient: the refusal of the sender for all; else its own refusal; else `end`, that of the mail."""
        count = len(current.transaction.recipients)
        if current.refusal is not None:
            return (current.refusal,) * count
        own = current.outcomes
        if count == 1:
            return ((own[0] if own else None) or end,)
        return tuple(said or end for said in own) + (end,) * (count - len(own))

    # when the dialogue ends under us

    def _unexpected(self, reply: Reply, events: list[SessionEvent]) -> None:
        """A reply that answers no command. While a body is being sent it is the verdict on it, too early.

        The rest of the body cannot be taken back, so the connection ends either way.
        """
        current = self._open
        if current is not None and self._sending:
            self._open = None
            self._sending = False
            events.append(Ended(current.transaction, self._outcomes(current, outcome(Step.BLOCK, reply, self.target))))
        self._break(Failure(FailureKind.NONSENSE, f"an answer nobody asked for: {reply}"), events)

    def _break(self, failure: Failure, events: list[SessionEvent]) -> None:
        self._end_all(failure, events)
        events.append(Broken(failure))

    def _end_all(self, answer: Reply | Failure, events: list[SessionEvent]) -> None:
        """End every open transaction: the one whose answer is next ends with `answer` at its step, the later ones with it too."""
        self._over = True
        seen: list[_Open] = []
        for step, current in self._expected:
            if current is not None and current not in seen:
                seen.append(current)
                self._cut(step, current, answer, events, innocent=len(seen) > 1)
        if self._open is not None and self._open not in seen:
            self._cut(Step.BLOCK if self._sending else Step.MAIL, self._open, answer, events, innocent=bool(seen))
        self._expected.clear()
        self._open = None
        self._sending = False

    def _cut(self, step: Step, current: _Open, answer: Reply | Failure, events: list[SessionEvent], *, innocent: bool) -> None:
        """`innocent`: another mail was the one that waited for its answer; what ended the connection is no word about this."""
        excused = innocent or isinstance(answer, Reply) or answer.kind is FailureKind.LOST
        outcomes = self._outcomes(current, outcome(step, answer, self.target))
        events.append(Ended(current.transaction, outcomes, untried=excused and not current.body and current.refusal is None))
