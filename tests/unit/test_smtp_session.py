"""cssmtp.smtp.session: what transcripts cannot say."""

from __future__ import annotations

import pytest

from cssmtp.model import Verdict
from cssmtp.smtp.capabilities import PLAIN_SMTP, Capabilities
from cssmtp.smtp.session import Broken, ClientSession, Ended, SendBody, Transaction, UnsendableAddress
from cssmtp.smtp.verdict import Failure, FailureKind, Step

PIPELINED = Capabilities(esmtp=True, pipelining=True)
LOST = Failure(FailureKind.LOST, "gone")


def begun(capabilities: Capabilities = PIPELINED, recipients: tuple[str, ...] = ("b@x",)) -> ClientSession:
    session = ClientSession(capabilities, "192.0.2.1")
    session.begin(Transaction("a@x", recipients, 10, "key"))
    return session


BAD_ADDRESSES = [
    "a@x\r\nRCPT TO:<evil@x",
    "a\n@x",
    "a\r@x",
    "a\x00@x",
    "ä@x",
    "a@x> SIZE=1",
    "<a@x",
    "a b@x",
    "a\x7f@x",
    "a\u2028@x",
    "a\x85@x",
    "a\t@x",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
@pytest.mark.parametrize("capabilities", [PIPELINED, PLAIN_SMTP])
def test_an_address_that_would_break_out_is_refused_before_anything_is_sent(address: str, capabilities: Capabilities) -> None:
    session = ClientSession(capabilities)
    for transaction in (Transaction(address, ("b@x",), 1), Transaction("a@x", ("b@x", address), 1)):
        with pytest.raises(UnsendableAddress):
            session.begin(transaction)
        assert session.idle
        assert session.can_begin
    assert session.begin(Transaction("a@x", ("b@x",), 1)).startswith(b"MAIL FROM:<a@x>\r\n")


def test_a_mail_without_recipients_is_refused() -> None:
    with pytest.raises(UnsendableAddress, match="without recipients"):
        ClientSession(PIPELINED).begin(Transaction("a@x", (), 1))


@pytest.mark.parametrize("address", ['"a b"@x', '"<>"@x', "@relay,@other:user@host", "user@[192.0.2.1]", "a'b%c@x", "postmaster"])
def test_bytes_of_an_address_are_sent_as_they_are(address: str) -> None:
    session = ClientSession(PIPELINED)
    assert (
        session.begin(Transaction(address, (address,), 1)) == f"MAIL FROM:<{address}>\r\nRCPT TO:<{address}>\r\nDATA\r\n".encode()
    )


def test_waiting_for_follows_the_oldest_unanswered_step() -> None:
    session = ClientSession(PIPELINED)
    assert session.waiting_for is None
    session.begin(Transaction("a@x", ("b@x", "c@x"), 10))
    steps = []
    for reply in (b"250 a\r\n", b"250 b\r\n", b"250 c\r\n", b"354 d\r\n"):
        steps.append(session.waiting_for)
        events = session.receive(reply)
    assert steps == [Step.MAIL, Step.RCPT, Step.RCPT, Step.DATA]
    assert isinstance(events[-1], SendBody)
    assert session.waiting_for is Step.BLOCK
    assert not session.can_begin
    session.body_sent()
    assert session.waiting_for is Step.TERM
    assert session.unanswered
    assert session.can_begin
    session.begin(Transaction("d@x", ("e@x",), 10))
    assert session.waiting_for is Step.TERM
    session.receive(b"250 e\r\n")
    assert session.waiting_for is Step.MAIL
    assert not session.unanswered
    assert session.answered == 5


def test_at_most_one_body_is_unanswered() -> None:
    session = begun()
    session.receive(b"250 a\r\n250 b\r\n354 c\r\n")
    session.body_sent()
    session.begin(Transaction("d@x", ("e@x",), 10))
    assert not session.can_begin
    with pytest.raises(RuntimeError):
        session.begin(Transaction("f@x", ("g@x",), 10))


def test_the_lone_dot_is_no_unanswered_body() -> None:
    session = begun()
    session.receive(b"250 a\r\n550 b\r\n354 c\r\n")
    assert session.waiting_for is Step.TERM
    assert not session.unanswered


def test_lost_while_the_text_is_being_sent_is_a_retry_and_was_tried() -> None:
    session = begun()
    session.receive(b"250 a\r\n250 b\r\n354 c\r\n")
    (ended,) = session.lost(LOST)
    assert isinstance(ended, Ended)
    assert ended.outcomes[0].verdict is Verdict.RETRY
    assert ended.outcomes[0].reason == "gone (at mail data)"
    assert ended.outcomes[0].target == "192.0.2.1"
    assert not ended.untried
    assert session.idle
    assert session.over


@pytest.mark.parametrize(("reply", "expected"), [(b"552 5.3.4 too big\r\n", "undeliverable"), (b"452 4.3.1 full\r\n", "retry")])
def test_an_answer_in_the_middle_of_the_text_is_the_verdict_and_ends_the_connection(reply: bytes, expected: str) -> None:
    session = begun(recipients=("b@x", "c@x"))
    session.receive(b"250 a\r\n250 b\r\n550 5.1.1 nobody\r\n354 c\r\n")
    ended, broken = session.receive(reply)
    assert isinstance(ended, Ended)
    assert [outcome.verdict.value for outcome in ended.outcomes] == [expected, "undeliverable"]
    assert ended.outcomes[0].reason == reply.decode().strip()
    assert isinstance(broken, Broken)


def test_lost_ends_every_transaction_once() -> None:
    session = begun()
    session.receive(b"250 a\r\n250 b\r\n354 c\r\n")
    session.body_sent()
    session.begin(Transaction("d@x", ("e@x",), 10, "second"))
    events = session.lost(LOST)
    assert [(event.transaction.key, event.untried) for event in events if isinstance(event, Ended)] == [
        ("key", False),
        ("second", True),
    ]
    assert session.lost(LOST) == []


def test_a_timeout_is_not_called_untried_but_counts_as_a_try() -> None:
    session = begun()
    (ended,) = session.lost(Failure(FailureKind.TIMEOUT, "late"))
    assert isinstance(ended, Ended)
    assert not ended.untried


def test_good_answers_before_nonsense_in_one_packet_count() -> None:
    session = begun()
    session.receive(b"250 a\r\n250 b\r\n354 c\r\n")
    session.body_sent()
    ended, broken = session.receive(b"250 2.0.0 queued\r\nrubbish\r\n")
    assert isinstance(ended, Ended)
    assert ended.outcomes[0].verdict is Verdict.DELIVERED
    assert isinstance(broken, Broken)


def test_calls_out_of_turn_are_our_own_fault() -> None:
    session = begun()
    with pytest.raises(RuntimeError):
        session.body_sent()
    with pytest.raises(RuntimeError):
        session.quit()
    session.lost(LOST)
    with pytest.raises(RuntimeError):
        session.quit()
    with pytest.raises(RuntimeError):
        session.begin(Transaction("a@x", ("b@x",), 1))


def test_thousands_of_recipients_keep_their_order() -> None:
    recipients = tuple(f"r{number}@x" for number in range(2000))
    session = begun(recipients=recipients)
    replies = b"".join(b"250 ok\r\n" if number % 2 else b"550 5.1.1 r%d\r\n" % number for number in range(2000))
    session.receive(b"250 a\r\n" + replies + b"354 c\r\n")
    session.body_sent()
    (ended,) = session.receive(b"250 done\r\n")
    assert isinstance(ended, Ended)
    assert [outcome.reason for outcome in ended.outcomes] == [
        "250 done" if number % 2 else f"550 5.1.1 r{number}" for number in range(2000)
    ]
