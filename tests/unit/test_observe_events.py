import dataclasses
import inspect

import pytest

from cssmtp.model import BadRecipient, Envelope, Outcome, Verdict
from cssmtp.observe import events, wording
from cssmtp.observe.events import (
    ConnectionOpened,
    Counts,
    Dialogue,
    Direction,
    Disposition,
    Ignored,
    MailDiscarded,
    MailEnded,
    MailResult,
    MailRetry,
    ReportMailed,
    SpoolFile,
    SpoolFileEnded,
    TargetIgnored,
)

FILE = SpoolFile("f1", "CSSMTP", "PAYRUN", "JOB01234", 102, "PAYUSER", "PAYUSER", "MVSA")
OK = Outcome(Verdict.DELIVERED, "250 ok", "192.0.2.1")
NO = Outcome(Verdict.UNDELIVERABLE, "550 5.1.1 No such user", "192.0.2.2")
BAD = BadRecipient("<x", 9, "501 5.5.4 JES Syntax error. Invalid path after 'RCPT' command")


def ended(*outcomes: Outcome, bad: tuple[BadRecipient, ...] = ()) -> MailEnded:
    recipients = tuple(f"r{number}@example.net" for number in range(len(outcomes)))
    return MailEnded(FILE, 3, Envelope("mvsa", "a@example.org", recipients, bad), 1024, outcomes)


@pytest.mark.parametrize(
    ("event", "result", "reason"),
    [
        (ended(OK, OK), MailResult.SENT, "250 ok"),
        (ended(OK, NO), MailResult.PARTLY, "550 5.1.1 No such user"),
        (ended(NO), MailResult.UNDELIVERABLE, "550 5.1.1 No such user"),
        (ended(OK, bad=(BAD,)), MailResult.PARTLY, BAD.reply),
        (ended(bad=(BAD,)), MailResult.UNDELIVERABLE, BAD.reply),
        (ended(), MailResult.UNDELIVERABLE, "no recipient"),
    ],
)
def test_result_of_a_mail_counts_every_recipient_of_the_deck(event: MailEnded, result: MailResult, reason: str) -> None:
    assert event.result is result
    assert event.variant == result.value
    assert event.reason == reason


def test_mail_names_the_target_that_spoke_last() -> None:
    assert ended(OK, NO).address == "192.0.2.2"
    assert ended(bad=(BAD,)).address == ""


@pytest.mark.parametrize(
    ("counts", "faults", "variant"),
    [
        (Counts(mails=2, sent=2), 0, "clean"),
        (Counts(mails=2, discarded=2), 0, "clean"),
        (Counts(mails=2, sent=2), 1, "bad"),
        (Counts(undeliverable=1), 0, "bad"),
        (Counts(rejected=1), 0, "bad"),
        (Counts(errors=1), 0, "bad"),
    ],
)
def test_spool_file_ends_clean_only_without_any_problem(counts: Counts, faults: int, variant: str) -> None:
    assert SpoolFileEnded(FILE, counts, Disposition.DELETE, faults).variant == variant


@pytest.mark.parametrize(
    ("text", "secret", "direction", "shown"),
    [
        ("MAIL FROM:<a@b>", False, Direction.SENT, "MAIL FROM:<a@b>"),
        ("AUTH PLAIN AGEAcGFzcw==", False, Direction.SENT, "AUTH PLAIN ***"),
        ("auth login dXNlcg==", False, Direction.SENT, "auth login ***"),
        ("AUTH LOGIN", False, Direction.SENT, "AUTH LOGIN"),
        ("AUTH PLAIN LOGIN", False, Direction.RECEIVED, "AUTH PLAIN LOGIN"),
        ("cGFzcw==", True, Direction.SENT, "***"),
    ],
)
def test_dialogue_masks_secrets(text: str, secret: bool, direction: Direction, shown: str) -> None:
    assert Dialogue("192.0.2.1", 25, direction, text, secret).shown == shown


def test_connection_says_what_protects_it() -> None:
    assert ConnectionOpened("192.0.2.1", 25, 1).tls == "no TLS"
    secured = ConnectionOpened("192.0.2.1", 25, 1, False, "mx", "TLSv1.3", "TLS_AES_128_GCM_SHA256", "CN=mx")
    assert secured.tls == "TLSv1.3 TLS_AES_128_GCM_SHA256 certificate CN=mx"
    assert secured.protocol == "SMTP"


def test_every_event_is_frozen_slotted_and_without_time() -> None:
    kinds = [kind for _, kind in inspect.getmembers(events, inspect.isclass) if issubclass(kind, events.Event)]
    assert len(kinds) > 35
    for kind in kinds:
        assert kind.__dataclass_params__.frozen, kind
        assert "__slots__" in kind.__dict__, kind
        assert not {"time", "when", "at"} & {field.name for field in dataclasses.fields(kind)}, kind


def test_discarded_mail_tells_sender_and_number_of_recipients() -> None:
    event = MailDiscarded(FILE, 1, Envelope("mvsa", "a@example.org", ("b@example.net", "c@example.net")), 10)
    text = wording.sentence(event, wording.message_of(event))
    assert text == "discarded in test mode from <a@example.org>, recipients 2, size 10"


def test_inserts_come_from_event_file_and_counts() -> None:
    event = SpoolFileEnded(FILE, Counts(mails=3, sent=2, undeliverable=1), Disposition.HOLD)
    assert wording.sentence(event, wording.message_of(event)) == (
        "spool file f1 of PAYUSER ended with problems: mails 3, sent 2, discarded 0, undeliverable 1, rejected 0, errors 0; "
        "disposition hold"
    )


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            ReportMailed(FILE, ("x@example.org", "y@example.org")),
            "error report of spool file f1 mailed to x@example.org, y@example.org",
        ),
        (MailRetry(FILE, 1, 2, 60.04, 1, ""), "waits 60.0 seconds after try 2, recipients open 1: -"),
        (
            TargetIgnored("mx.example.org", "192.0.2.9", Ignored.DUPLICATE),
            "192.0.2.9 of mx.example.org is ignored: it is there already",
        ),
    ],
)
def test_values_are_shown_for_people(event: events.Event, text: str) -> None:
    assert wording.sentence(event, wording.message_of(event)) == text
