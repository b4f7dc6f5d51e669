"""ClientSession against a model server that answers, refuses and dies at any point: each mail ends once, rightly.

The server is as nasty as RFC 3030 allows: a transaction whose BDAT failed stays until RSET, so that the next mail's recipients
could be added to it.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cssmtp.model import Verdict
from cssmtp.smtp.capabilities import Capabilities
from cssmtp.smtp.exchange import Broken, Closing, Ended, Learned, Send, SendBody, Transaction
from cssmtp.smtp.session import ClientSession
from cssmtp.smtp.verdict import ANSWER_UNKNOWN, Failure, FailureKind

BODY = "text %d\r\n"

ANSWERS = {
    "RSET": [250] * 30 + [500, 421],
    "MAIL": [250] * 12 + [451, 550, 503, 421],
    "RCPT": [250] * 12 + [251, 450, 550, 421],
    "DATA": [354] * 12 + [451, 554, 421],
    "TEXT": [250] * 12 + [451, 554, 421],
    "BDAT": [250] * 8 + [451, 554, 554, 421, 503],
}


class Server:
    """Takes commands line by line; `script` decides on answers."""

    def __init__(self) -> None:
        self.buffer = b""
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.reading = False
        self.taken: list[tuple[str, tuple[str, ...], bytes]] = []
        self.closed = False

    def waits(self) -> str:
        """What is to be answered next; "" when more bytes are needed."""
        if self.closed:
            return ""
        if self.reading:
            return "TEXT" if b".\r\n" in self.buffer else ""
        line, end, rest = self.buffer.partition(b"\r\n")
        if not end:
            return ""
        if line.startswith(b"BDAT") and len(rest) < int(line.split()[1]):
            return ""
        return line[:4].decode()

    def answer(self, code: int) -> bytes:
        """Take the next command and answer it with `code` where it is in order."""
        verb = self.waits()
        if verb == "TEXT":
            text, _, self.buffer = self.buffer.partition(b".\r\n")
            self.reading = False
            self.end(code, text)
            self.sender, self.recipients = None, []
        else:
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            code = self.command(verb, line.decode(), code)
        self.closed = self.closed or code == 421
        return b"%d done\r\n" % code

    def end(self, code: int, text: bytes) -> None:
        if code == 250 and self.sender is not None and self.recipients:
            self.taken.append((self.sender, tuple(self.recipients), text))

    def command(self, verb: str, line: str, code: int) -> int:
        address = line.partition("<")[2].partition(">")[0]
        match verb:
            case "RSET":
                if code == 250:
                    self.sender, self.recipients = None, []
            case "MAIL":
                code = 503 if self.sender is not None else code
                self.sender = address if code == 250 else self.sender
            case "RCPT":
                code = 503 if self.sender is None else code
                self.recipients += [address] * (code in (250, 251))
            case "DATA":
                code = 503 if self.sender is None or not self.recipients else code
                self.reading = code == 354
            case "BDAT":
                size = int(line.split()[1])
                text, self.buffer = self.buffer[:size], self.buffer[size:]
                code = 503 if self.sender is None or not self.recipients else code
                self.end(code, text)
                if code == 250:
                    self.sender, self.recipients = None, []
            case _:
                assert verb == "QUIT"
                code = 221
                self.closed = True
        return code


class Dialogue(RuleBasedStateMachine):
    """Bytes wait in both directions until a rule moves some of them."""

    @initialize(depth=st.integers(1, 4), pipelining=st.integers(0, 4).map(bool), chunking=st.integers(0, 2).map(bool))
    def connect(self, depth: int, pipelining: bool, chunking: bool) -> None:
        self.depth = depth if chunking else 1
        capabilities = Capabilities(esmtp=True, pipelining=pipelining, chunking=True)
        self.session = ClientSession(capabilities, chunking=chunking, depth=depth)
        self.server = Server()
        self.to_server = b""
        self.to_client = b""
        self.begun: list[Transaction] = []
        self.ended: list[Ended] = []
        self.over = False

    def take(self, events: list[object]) -> None:
        for event in events:
            match event:
                case Ended():
                    self.ended.append(event)
                case Send(data):
                    self.to_server += data
                case SendBody(transaction):
                    self.to_server += (BODY % transaction.key).encode() + b".\r\n"
                    self.session.body_sent()
                case Closing() | Broken() | Learned():
                    self.over = True

    @precondition(lambda self: not self.over and self.session.can_begin)
    @rule(mails=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5)), min_size=1, max_size=4))
    def begin(self, mails: list[tuple[int, int]]) -> None:
        for recipients, way in mails:
            if self.session.can_begin:
                self.begin_one(recipients, by_data=way == 5)

    def begin_one(self, recipients: int, *, by_data: bool) -> None:
        number = len(self.begun)
        people = tuple(f"r{number}.{place}@x" for place in range(recipients))
        transaction = Transaction(f"s{number}@x", people, 10, number)
        text = (BODY % number).encode()
        chunk = self.session.chunking and not by_data
        self.begun.append(transaction)
        self.to_server += self.session.begin(transaction, len(text) if chunk else 0)
        self.to_server += text if chunk else b""

    @precondition(lambda self: self.to_server)
    @rule(share=st.sampled_from([1, 1, 1, 2, 4]))
    def to_the_server(self, share: int) -> None:
        count = max(1, len(self.to_server) // share)
        self.server.buffer += self.to_server[:count]
        self.to_server = self.to_server[count:]

    @precondition(lambda self: self.server.waits())
    @rule(data=st.data(), more=st.integers(1, 8))
    def answer(self, data: st.DataObject, more: int) -> None:
        while more and (verb := self.server.waits()):
            self.to_client += self.server.answer(data.draw(st.sampled_from(ANSWERS.get(verb, [221])), label=verb))
            more -= 1

    @precondition(lambda self: self.to_client and not self.over)
    @rule(cut=st.integers(1, 200))
    def to_us(self, cut: int) -> None:
        piece, self.to_client = self.to_client[:cut], self.to_client[cut:]
        self.take(self.session.receive(piece))

    @precondition(lambda self: not self.over and not self.session.over and self.session.idle)
    @rule()
    def quit(self) -> None:
        self.to_server += self.session.quit()

    @precondition(lambda self: not self.over)
    @rule(kind=st.sampled_from([FailureKind.LOST, FailureKind.TIMEOUT]), chance=st.integers(0, 9))
    def die(self, kind: FailureKind, chance: int) -> None:
        if chance == 0:
            self.take(self.session.lost(Failure(kind, "gone")))
            self.over = True

    @precondition(lambda self: self.over)
    @rule()
    def nothing_more(self) -> None:
        """A run that is over may go on doing nothing."""

    @invariant()
    def mails_end_in_the_order_they_began_and_once(self) -> None:
        if hasattr(self, "ended"):
            assert [event.transaction.key for event in self.ended] == list(range(len(self.ended)))
            assert self.session.unanswered <= self.depth

    def teardown(self) -> None:
        if not hasattr(self, "ended"):
            return
        self.take(self.session.lost(Failure(FailureKind.LOST, "gone")))
        assert [event.transaction for event in self.ended] == self.begun
        assert self.session.idle
        assert not self.session.unanswered
        taken = {int(sender[1:-2]): recipients for sender, recipients, _ in self.server.taken}
        assert len(taken) == len(self.server.taken), "a mail was taken twice"
        doubtful = 0
        for event in self.ended:
            number = event.transaction.key
            assert isinstance(number, int)
            people = dict(zip(event.transaction.recipients, event.outcomes, strict=True))
            delivered = tuple(person for person, outcome in people.items() if outcome.verdict is Verdict.DELIVERED)
            if delivered:
                assert taken[number] == delivered, "delivered means taken, by exactly these"
            elif number in taken:
                assert not event.untried
                reasons = {people[person].reason for person in taken[number]}
                assert all(reason.startswith(ANSWER_UNKNOWN) for reason in reasons), reasons
                doubtful += 1
        assert doubtful <= self.depth
        for sender, recipients, text in self.server.taken:
            number = int(sender[1:-2])
            assert text == (BODY % number).encode(), "a mail got the text of another"
            assert set(recipients) <= set(self.begun[number].recipients), "a mail went to the recipients of another"


Dialogue.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
TestDialogue = Dialogue.TestCase
