"""One SMTP connection after the greeting and EHLO, as a state machine: commands out, answers in.

Promises: every reply is matched with a command already sent, also after a failure; each transaction that was begun ends with
exactly one `Ended`, in the order of beginning, with one Outcome per recipient; bytes of an address are sent as they were given.
Never: writes an address that would break out of its command line; sends RSET before the first mail; sends the body of a mail
whose sender or whose every recipient was refused, but for BDAT, where it is on its way before anybody can refuse.

`_flights` are the transactions with something still to be answered, in the order of sending: the first one's `at` is where the
server is, `_open` is the one whose text we have not sent yet. With PIPELINING the commands of one mail go out together, and
those of the next mail directly behind the final dot of the last (RFC 2920 section 3.1), so that one mail costs one round trip.
With CHUNKING (RFC 3030) the text goes with them, and up to `depth` mails may be unanswered. That many may be delivered twice when
the connection dies; with DATA it is one. A failed BDAT leaves the server's state open until RSET (RFC 3030 section 2), so a mail
that is sent behind an unanswered BDAT begins with RSET: otherwise a server that refuses one mail could take its recipients for
those of the next. Until a first BDAT has succeeded, nothing is sent behind it: a server that offers BDAT and does not understand
it costs no mail.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache

from cssmtp.model import Outcome, Reply
from cssmtp.smtp.capabilities import Capabilities
from cssmtp.smtp.exchange import (
    Broken,
    Closing,
    Command,
    Ended,
    Flight,
    Learned,
    Lesson,
    Send,
    SendBody,
    SessionEvent,
    Transaction,
    UnsendableAddress,
    check_address,
    ordinary,
)
from cssmtp.smtp.replies import CACHED_LINE, ProtocolError, ReplyParser, read_line
from cssmtp.smtp.verdict import BAD_SEQUENCE, BDAT_UNKNOWN, CLOSING, Failure, FailureKind, Ruling, Step, outcome, rule

LONE_DOT = b".\r\n"
"""What answers a 354 that came although nobody accepted the mail."""

EIGHT_BIT = " BODY=8BITMIME"


YES = b"250 "
"""How the plain yes begins that the fast way through `receive` knows."""

GO_AHEAD = b"354 "

DOT = 3
"""Where a mail with one recipient waits for the answer to its final dot."""


@lru_cache(maxsize=512)
def _delivered(line: bytes, target: str) -> Outcome:
    """The outcome of a mail whose text was answered with this line of one 250."""
    return outcome(Step.TERM, read_line(line), target)


class ClientSession:
    """The dialogue on one connection. `target` is the server's address for outcomes.

    `hello_owed`: the connection has TLS and no EHLO followed the handshake, against RFC 3207 4.2 (Options TLSEhlo No). A 503
    to the first MAIL FROM is then about that, not about the mail. `chunking`: BDAT may be used, where the server offers it
    together with PIPELINING. `depth`: how many texts may be unanswered then, at least 1.
    """

    def __init__(
        self, capabilities: Capabilities, target: str = "", *, hello_owed: bool = False, chunking: bool = False, depth: int = 1
    ) -> None:
        self.capabilities = capabilities
        self.target = target
        self.chunking = chunking and capabilities.chunking and capabilities.pipelining
        self.answered = 0  # replies that answered a command, since the beginning
        self.lesson: Lesson | None = None
        self._pipelining = capabilities.pipelining
        self._hello_owed = hello_owed
        self._depth = depth
        self._proven = False  # a BDAT has succeeded
        self._parser = ReplyParser()
        self._flights: deque[Flight | Command] = deque()
        self._open: Flight | None = None  # the transaction whose text is not sent yet
        self._unanswered = 0  # texts sent
        self._sending = False  # the text of `_open` is being sent
        self._reset_owed = False  # a BDAT failed
        self._over = False
        self._with_size = " SIZE=" if capabilities.size is not None else ""

    @property
    def can_begin(self) -> bool:
        """Whether `begin` may be called now. True while the answer to a final dot is awaited, if the server offers PIPELINING."""
        if self._open is not None or self._over:
            return False
        if not self._flights or not self.chunking:
            return not self._flights or self._pipelining
        return self._unanswered < (self._depth if self._proven else 1)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and nothing is awaited."""
        return not self._flights

    @property
    def waiting_for(self) -> Step | None:
        """The oldest step without an answer: its timer runs. None when nothing is awaited."""
        if not self._flights:
            return None
        first = self._flights[0]
        return Step.BLOCK if self._sending and first is self._open else first.step

    @property
    def over(self) -> bool:
        """Whether the dialogue has ended: nothing may be sent any more."""
        return self._over

    @property
    def unanswered(self) -> int:
        """Texts that were sent and not answered: if the connection ends now, so many mails may be delivered twice."""
        return self._unanswered

    def begin(self, transaction: Transaction, chunk: int = 0) -> bytes:
        """Begin a mail; returns the commands to send at once.

        With `chunk`, which `chunking` must allow, the mail goes by BDAT: its text of so many octets, unstuffed and without the
        final dot, must be written directly behind the commands. Else `SendBody` tells when the text is wanted. Raises
        UnsendableAddress for an address that cannot be sent (nothing has changed then), RuntimeError unless `can_begin`.
        """
        if not self.can_begin:
            raise RuntimeError("a mail is under way")
        recipients = transaction.recipients
        for address in (transaction.reverse_path, *recipients):
            if not ordinary(address):
                check_address(address)
        if not recipients:
            raise UnsendableAddress("a mail without recipients")
        reset = self._reset_owed or (self.chunking and self._unanswered > 0)
        self._reset_owed = False
        flight = Flight(transaction, chunked=chunk > 0, reset=reset)
        self._flights.append(flight)
        size = f"{self._with_size}{transaction.size}" if self._with_size else ""
        body = EIGHT_BIT if transaction.eight_bit and self.capabilities.eightbitmime else ""
        mail = f"MAIL FROM:<{transaction.reverse_path}>{size}{body}\r\n"
        if reset:
            mail = "RSET\r\n" + mail
        if not self._pipelining:
            self._open = flight
            return mail.encode("ascii")
        if chunk:
            self._unanswered += 1
            last = f"BDAT {chunk} LAST\r\n"
        else:
            self._open = flight
            last = "DATA\r\n"
        people = recipients[0] if len(recipients) == 1 else ">\r\nRCPT TO:<".join(recipients)
        return f"{mail}RCPT TO:<{people}>\r\n{last}".encode("ascii")

    def body_sent(self) -> None:
        """The caller has written the whole text with the final dot."""
        if self._open is None or not self._sending:
            raise RuntimeError("no body is being sent")
        self._open = None
        self._sending = False
        self._unanswered += 1

    def quit(self) -> bytes:
        """Say goodbye; returns the command. Nothing may be begun afterwards; answers still awaited go on being taken.

        Raises RuntimeError while a mail's body is not sent yet, or after the end.
        """
        if self._open is not None or self._over:
            raise RuntimeError("not the moment to quit")
        self._over = True
        self._flights.append(Command(Step.QUIT))
        return b"QUIT\r\n"

    def receive(self, data: bytes) -> list[SessionEvent]:
        """Take bytes from the server; returns what follows from them, in order."""
        events: list[SessionEvent] = []
        if not self._parser.partial:
            data = self._agreeable(data, events)
            if not data:
                return events
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
            flight = self._flights[0] if self._flights else None
            if flight is None or (self._sending and flight is self._open):
                self._unexpected(reply, events)
                return events
            self.answered += 1
            if isinstance(flight, Flight):
                self._answer(flight, reply, events)
            else:
                self._flights.popleft()
                if flight.step is Step.QUIT:
                    events.append(Closing(reply))
                elif flight.step is Step.RSET and rule(Step.RSET, reply) is not Ruling.GO_ON:
                    self._break(Failure(FailureKind.NONSENSE, f"RSET was answered with {reply}"), events)
            if self._over and not self._flights:
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

    def _agreeable(self, data: bytes, events: list[SessionEvent]) -> bytes:
        """Take from the beginning of `data` the plain yeses to mails with one recipient; returns what is left for the parser.

        This is a short cut for what nearly always comes, and for nothing else: the long way would say the same of it.
        """
        lines = data.split(b"\r\n")
        count = len(lines) - 1
        if lines[-1] or data.count(b"\n") != count or self._sending or not self._pipelining:
            return data
        taken = 0
        flights = self._flights
        while flights and taken < count:
            flight = flights[0]
            if type(flight) is not Flight or flight.last != DOT - 1:
                break
            if flight.at == DOT:
                line = lines[taken]
                if not line.startswith(YES) or len(line) > CACHED_LINE:
                    break
                taken += 1
                self._end(flight, (_delivered(line, self.target),), events)
                continue
            needed = DOT - flight.at
            if flight.at > 0 or taken + needed > count:
                break
            last = lines[taken + needed - 1]
            if not last.startswith(YES if flight.chunked else GO_AHEAD) or len(last) > CACHED_LINE:
                break
            if not all(map(is_yes, lines[taken : taken + needed - 1])):
                break
            taken += needed
            self._hello_owed = False
            if flight.chunked:
                self._proven = True
                self._end(flight, (_delivered(last, self.target),), events)
            else:
                flight.at = DOT
                flight.outcomes.append(None)
                flight.accepted = 1
                self._start_text(flight, events)
                break
        self.answered += taken
        return b"\r\n".join(lines[taken:]) if taken < count else b""

    def _answer(self, flight: Flight, reply: Reply, events: list[SessionEvent]) -> None:
        step = flight.step
        ruling = rule(step, reply)
        if self._hello_owed:
            self._hello_owed = False
            if reply.code == BAD_SEQUENCE:
                self._learn(Lesson.HELLO, reply, events)
                return
        if reply.code < 400 and ruling is Ruling.RETRY:
            # A yes of the wrong kind: from here on answers and commands may be out of step.
            self._break(Failure(FailureKind.NONSENSE, f"an answer out of place: {reply}"), events)
            return
        flight.at += 1
        if step is Step.TERM:
            self._end(flight, self._outcomes(flight, outcome(step, reply, self.target)), events)
        elif step is Step.RCPT:
            self._recipient(flight, ruling, reply, events)
        elif step is Step.DATA:
            self._data(flight, ruling, reply, events)
        elif step is Step.BDAT:
            self._bdat(flight, ruling, reply, events)
        elif ruling is Ruling.GO_ON:
            if not self._pipelining and step is Step.MAIL:
                self._next_recipient(flight, events)
        elif step is Step.RSET:
            self._break(Failure(FailureKind.NONSENSE, f"RSET was answered with {reply}"), events)
        else:
            flight.refusal = outcome(step, reply, self.target)
            if not self._pipelining:
                self._fail(flight, events, flight.refusal)

    def _recipient(self, flight: Flight, ruling: Ruling, reply: Reply, events: list[SessionEvent]) -> None:
        if ruling is Ruling.GO_ON:
            flight.accepted += 1
            flight.outcomes.append(None)
        else:
            flight.outcomes.append(outcome(Step.RCPT, reply, self.target))
        if self._pipelining:
            return
        if flight.at < flight.last:
            self._next_recipient(flight, events)
        elif flight.accepted:
            events.append(Send(b"DATA\r\n"))
        else:
            self._fail(flight, events, outcome(Step.RCPT, reply, self.target))

    def _next_recipient(self, flight: Flight, events: list[SessionEvent]) -> None:
        recipient = flight.transaction.recipients[flight.at - 1]
        events.append(Send(b"RCPT TO:<%s>\r\n" % recipient.encode("ascii")))

    def _data(self, flight: Flight, ruling: Ruling, reply: Reply, events: list[SessionEvent]) -> None:
        if ruling is not Ruling.GO_ON:
            self._fail(flight, events, outcome(Step.DATA, reply, self.target))
        elif flight.refusal is not None and flight.accepted:
            # The sender was refused, recipients and DATA were not: whatever we send now could become a mail.
            self._break(Failure(FailureKind.NONSENSE, "DATA was accepted for a mail whose sender was refused"), events)
        elif flight.accepted:
            self._start_text(flight, events)
        else:
            # Nobody accepted, yet the server waits for a text: an empty one ends it, and its answer means nothing.
            self._flights[0] = Command(Step.TERM)
            self._open = None
            events.append(Send(LONE_DOT))
            events.append(Ended(flight.transaction, self._outcomes(flight, outcome(Step.DATA, reply, self.target))))

    def _bdat(self, flight: Flight, ruling: Ruling, reply: Reply, events: list[SessionEvent]) -> None:
        good = flight.accepted > 0 and flight.refusal is None
        if ruling is Ruling.DELIVERED:
            self._proven = True
        else:
            self._reset_owed = True  # a mail behind this one has its RSET already
        if good and reply.code in BDAT_UNKNOWN:
            self._learn(Lesson.NO_BDAT, reply, events)
        elif ruling is Ruling.DELIVERED and flight.refusal is not None and flight.accepted:
            self._break(Failure(FailureKind.NONSENSE, "a text was accepted for a mail whose sender was refused"), events)
        else:
            self._end(flight, self._outcomes(flight, outcome(Step.BDAT, reply, self.target)), events)

    def _start_text(self, flight: Flight, events: list[SessionEvent]) -> None:
        flight.body = True
        self._sending = True
        events.append(SendBody(flight.transaction))

    def _end(self, flight: Flight, outcomes: tuple[Outcome, ...], events: list[SessionEvent]) -> None:
        """The text of the first flight was answered."""
        self._flights.popleft()
        self._unanswered -= 1
        events.append(Ended(flight.transaction, outcomes))

    def _fail(self, flight: Flight, events: list[SessionEvent], end: Outcome) -> None:
        """The transaction ends without a body; the server may still hold its sender, so it is told to forget it."""
        self._flights[0] = Command(Step.RSET)
        self._open = None
        events.append(Ended(flight.transaction, self._outcomes(flight, end)))
        events.append(Send(b"RSET\r\n"))

    def _outcomes(self, flight: Flight, end: Outcome) -> tuple[Outcome, ...]:
        """Outcome per recipient: the refusal of the sender for all; else its own refusal; else `end`, that of the mail."""
        count = len(flight.transaction.recipients)
        if flight.refusal is not None:
            return (flight.refusal,) * count
        own = flight.outcomes
        return tuple(said or end for said in own) + (end,) * (count - len(own))

    # when the dialogue ends under us

    def _learn(self, lesson: Lesson, reply: Reply, events: list[SessionEvent]) -> None:
        """The mail that is answered goes back untried, the others end with the connection."""
        flight = self._flights.popleft()
        assert isinstance(flight, Flight)
        failure = Failure(FailureKind.LOST, f"{lesson.value}: {reply}")
        events.append(Ended(flight.transaction, self._outcomes(flight, outcome(Step.MAIL, failure, self.target)), untried=True))
        self._end_all(failure, events)
        self.lesson = lesson
        events.append(Learned(lesson, reply))

    def _unexpected(self, reply: Reply, events: list[SessionEvent]) -> None:
        """A reply that answers no command. While a body is being sent it is the verdict on it, too early.

        The rest of the body cannot be taken back, so the connection ends either way.
        """
        flight = self._open
        if flight is not None:
            self._open = None
            self._sending = False
            self._flights.popleft()
            events.append(Ended(flight.transaction, self._outcomes(flight, outcome(Step.BLOCK, reply, self.target))))
        self._break(Failure(FailureKind.NONSENSE, f"an answer nobody asked for: {reply}"), events)

    def _break(self, failure: Failure, events: list[SessionEvent]) -> None:
        self._end_all(failure, events)
        events.append(Broken(failure))

    def _end_all(self, answer: Reply | Failure, events: list[SessionEvent]) -> None:
        """End every open transaction: the one whose answer is next ends with `answer` at its step, the later ones with it too.

        A connection that ends under its very first BDAT may have ended because of it: the next one goes without.
        """
        self._over = True
        innocent = False
        for flight in self._flights:
            if isinstance(flight, Flight):
                self._cut(flight, answer, events, innocent=innocent)
                innocent = True
                if flight.step is Step.BDAT and not self._proven and isinstance(answer, Failure):
                    self.lesson = Lesson.NO_BDAT
        self._flights.clear()
        self._open = None
        self._sending = False
        self._unanswered = 0

    def _cut(self, flight: Flight, answer: Reply | Failure, events: list[SessionEvent], *, innocent: bool) -> None:
        """`innocent`: another mail was the one that waited for its answer; what ended the connection is no word about this.

        After a 421 a server looks at nothing any more, so what it has not answered is untried even when its text was sent. When
        there is no such word, a text that was sent may have become a mail.
        """
        step = flight.step
        if self._sending and flight is self._open:
            step = Step.BLOCK
        if isinstance(answer, Reply):
            excused = step not in (Step.BDAT, Step.TERM, Step.BLOCK)
        else:
            excused = (innocent or answer.kind is FailureKind.LOST) and not flight.body
            if flight.chunked:
                step = Step.BDAT
        outcomes = self._outcomes(flight, outcome(step, answer, self.target))
        events.append(Ended(flight.transaction, outcomes, untried=excused and flight.refusal is None))


def is_yes(line: bytes) -> bool:
    return line.startswith(YES)
