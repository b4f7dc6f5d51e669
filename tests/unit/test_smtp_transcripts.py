"""Dialogues of tests/transcripts run against ClientSession, whole and byte by byte."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest

from cssmtp.smtp.capabilities import PLAIN_SMTP, Capabilities, read_capabilities
from cssmtp.smtp.exchange import Broken, Closing, Ended, Learned, Send, SendBody, SessionEvent, Transaction
from cssmtp.smtp.session import ClientSession
from cssmtp.smtp.verdict import Failure, FailureKind

FILES = sorted((Path(__file__).parent.parent / "transcripts").glob("*.txt"))
FAILURES = {"lost": Failure(FailureKind.LOST, "gone"), "timeout": Failure(FailureKind.TIMEOUT, "too late")}


def offered(words: list[str]) -> Capabilities:
    return PLAIN_SMTP if words == ["HELO"] else read_capabilities(word.replace("=", " ") for word in words)


class Player:
    """Runs one transcript. Everything that comes out stands in `sent` and `said` until it is checked off."""

    def __init__(self, lines: list[str], *, bytewise: bool) -> None:
        self.lines = lines
        self.bytewise = bytewise
        offers = next(line.split()[1:] for line in lines if line.startswith("offers "))
        depth = next((int(line.split()[1]) for line in lines if line.startswith("depth ")), 0)
        owed = "hello owed" in lines
        self.session = ClientSession(offered(offers), hello_owed=owed, chunking=depth > 0, depth=depth or 1)
        mails = [line.split()[1:] for line in lines if line.startswith("mail ")]
        self.mails = deque(
            Transaction(sender.replace("<>", ""), tuple(recipients), 10, number)
            for number, (sender, *recipients) in enumerate(mails, start=1)
        )
        self.sent: deque[str] = deque()
        self.said: deque[str] = deque()

    def play(self) -> None:
        self.begin()
        for line in self.lines:
            kind, _, text = line.partition(" ")
            match kind:
                case "C:":
                    assert self.sent, f"the client should have sent {text}"
                    assert self.sent.popleft() == text
                case "=":
                    assert self.said, f"should have come out: {text}"
                    assert self.said.popleft() == text
                case "S:":
                    assert not self.sent, f"the client sent too much before {line}"
                    self.hear(text.encode() + b"\r\n")
                case "!" if text == "quit":
                    self.write(self.session.quit())
                case "!":
                    self.take(self.session.lost(FAILURES[text]))
        assert not self.sent
        assert not self.said

    def hear(self, data: bytes) -> None:
        for piece in [bytes([byte]) for byte in data] if self.bytewise else [data]:
            self.take(self.session.receive(piece))
        self.begin()

    def begin(self) -> None:
        while self.mails and self.session.can_begin:
            chunk = 4 if self.session.chunking else 0
            self.write(self.session.begin(self.mails.popleft(), chunk))
            self.sent += ["[text]"] * (chunk > 0)

    def write(self, data: bytes) -> None:
        assert data.endswith(b"\r\n")
        self.sent += data.decode("ascii").removesuffix("\r\n").split("\r\n")

    def take(self, events: list[SessionEvent]) -> None:
        for event in events:
            match event:
                case Send(data):
                    self.write(data)
                case SendBody():
                    self.sent.append("[text]")
                    self.session.body_sent()
                case Ended(transaction, outcomes, untried):
                    self.said += [f"{transaction.key} {outcome.verdict.value} {outcome.reason}" for outcome in outcomes]
                    self.said += [f"untried {transaction.key}"] * untried
                case Closing(reply):
                    self.said.append(f"closing {reply.code}")
                case Learned(lesson, _):
                    self.said.append(f"learned {lesson.name}")
                case Broken(failure):
                    self.said.append(f"broken {failure.text}")


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_transcript(path: Path, bytewise: bool) -> None:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    Player(lines, bytewise=bytewise).play()


def test_there_are_transcripts() -> None:
    assert len(FILES) >= 20
