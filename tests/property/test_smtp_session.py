"""Both ends wired back to back: ClientSession against a server that answers as it is told, cut into arbitrary pieces."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.model import Verdict
from cssmtp.smtp.capabilities import Capabilities
from cssmtp.smtp.replies import ProtocolError, ReplyParser
from cssmtp.smtp.session import Broken, ClientSession, Closing, Ended, Send, SendBody, Transaction
from cssmtp.smtp.verdict import Failure, FailureKind

TEXT = b"Subject: x\r\n\r\nbody\r\n.\r\n"

ANSWERS = {
    "MAIL": st.sampled_from([250, 250, 250, 451, 550, 421]),
    "RCPT": st.sampled_from([250, 250, 251, 450, 550, 421]),
    "DATA": st.sampled_from([354, 354, 354, 354, 451, 554, 421, 250]),
    "DOT": st.sampled_from([250, 250, 250, 451, 554, 421, 354]),
    "RSET": st.sampled_from([250, 250, 250, 500]),
}


class ObedientServer:
    """RFC 5321 as far as the session needs it; codes are drawn. `taken` are (sender, recipients) it said 250 to at the dot."""

    def __init__(self, draw: st.DataObject) -> None:
        self.draw = draw
        self.buffer = b""
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.reading = False
        self.text = b""
        self.taken: list[tuple[str, tuple[str, ...]]] = []
        self.closed = False
        self.rset_refused = False

    def code(self, verb: str) -> int:
        return self.draw.draw(ANSWERS[verb], label=verb)

    def feed(self, data: bytes) -> bytes:
        self.buffer += data
        said = b""
        while not self.closed and b"\r\n" in self.buffer:
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            code = self.text_line(line) if self.reading else self.command(line.decode())
            if code:
                said += b"%d-first\r\n%d last\r\n" % (code, code) if code % 3 == 0 else b"%d ok\r\n" % code
                self.closed = code == 421
        return said

    def text_line(self, line: bytes) -> int:
        if line != b".":
            self.text += line + b"\r\n"
            return 0
        self.reading = False
        code = self.code("DOT")
        if code == 250 and self.recipients:
            assert self.text == TEXT[:-3], "a mail to somebody without its text"
            self.taken.append((self.sender or "", tuple(self.recipients)))
        self.reset()
        return code

    def reset(self) -> None:
        self.sender, self.recipients, self.text = None, [], b""

    def command(self, line: str) -> int:
        verb = line[:4]
        address = line.partition("<")[2].partition(">")[0]
        if verb == "MAIL":
            assert self.sender is None or self.rset_refused, "nested MAIL"
            code = self.code(verb) if self.sender is None else 503
            self.sender = address if code == 250 else self.sender
        elif verb == "RCPT":
            code = self.code(verb) if self.sender is not None else 503
            self.recipients += [address] * (code in (250, 251))
        elif verb == "DATA":
            code = self.code(verb) if self.sender is not None else 503
            self.reading = code == 354
        else:
            assert line == "RSET"
            code = self.code(verb)
            if code == 250:
                self.reset()
            self.rset_refused = code != 250
        return code


def transactions(counts: list[int]) -> deque[Transaction]:
    return deque(
        Transaction(f"s{number}@x", tuple(f"r{number}.{which}@x" for which in range(count)), 10, number)
        for number, count in enumerate(counts)
    )


@settings(max_examples=200, deadline=None)
@given(st.data(), st.lists(st.integers(1, 4), min_size=1, max_size=5), st.booleans(), st.integers(1, 60))
def test_every_mail_ends_once_and_delivered_means_taken(
    data: st.DataObject, counts: list[int], pipelining: bool, cut: int
) -> None:
    session = ClientSession(Capabilities(esmtp=True, pipelining=pipelining))
    server = ObedientServer(data)
    waiting = transactions(counts)
    ended: list[Ended] = []
    to_server = b""
    to_client = b""
    over = False
    while not over:
        while waiting and session.can_begin:
            to_server += session.begin(waiting.popleft())
        to_client += server.feed(to_server)
        to_server = b""
        if not to_client:
            if server.closed or not session.idle:
                assert server.closed, "both sides wait for each other"
                ended += [event for event in session.lost(Failure(FailureKind.LOST, "gone")) if isinstance(event, Ended)]
            break
        piece, to_client = to_client[:cut], to_client[cut:]
        for event in session.receive(piece):
            match event:
                case Send(command):
                    to_server += command
                case SendBody():
                    to_server += TEXT
                    session.body_sent()
                case Ended():
                    ended.append(event)
                case Closing() | Broken():
                    over = True
    assert [event.transaction.key for event in ended] == list(range(len(ended)))
    assert session.idle
    assert over or server.closed or not waiting
    delivered = []
    for event in ended:
        assert len(event.outcomes) == len(event.transaction.recipients)
        recipients = tuple(
            recipient
            for recipient, outcome in zip(event.transaction.recipients, event.outcomes, strict=True)
            if outcome.verdict is Verdict.DELIVERED
        )
        if recipients:
            delivered.append((event.transaction.reverse_path, recipients))
        if event.untried:
            assert all(outcome.verdict is not Verdict.DELIVERED for outcome in event.outcomes)
            assert event.transaction.reverse_path not in [sender for sender, _ in server.taken]
    # What the server took in the very last moment may not have been heard: only then may it know more than we do.
    assert delivered == server.taken[: len(delivered)]
    assert len(server.taken) - len(delivered) <= (1 if over else 0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([b"250 ok\r\n", b"250-a\r\n", b"550 5.1.1 no\r\n", b"354\r\n"]), max_size=12
    )
)
def test_any_bytes_are_replies_or_a_protocol_error_however_they_are_cut(pieces: list[bytes]) -> None:
    data = b"".join(pieces)

    def run(parts: list[bytes]) -> tuple[list[str], bool]:
        parser = ReplyParser()
        replies: list[str] = []
        for part in parts:
            try:
                replies += map(str, parser.feed(part))
            except ProtocolError as error:
                return replies + list(map(str, error.replies)), True
        return replies, False

    whole = run([data])
    assert run([bytes([byte]) for byte in data]) == whole
    assert run(pieces) == whole
    assert all(reply.isascii() and reply.isprintable() for reply in whole[0])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_a_server_may_say_anything_and_nobody_dies(data: bytes) -> None:
    session = ClientSession(Capabilities(esmtp=True, pipelining=True))
    session.begin(Transaction("a@x", ("b@x", "c@x"), 1, 1))
    events = session.receive(data) + session.lost(Failure(FailureKind.LOST, "gone"))
    ended = [event for event in events if isinstance(event, Ended)]
    assert len(ended) == 1
    assert len(ended[0].outcomes) == 2
