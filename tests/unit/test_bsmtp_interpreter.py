"""The interpreter against mail-processing.md 3 to 8 and 18: every example there is a test here."""

from __future__ import annotations

import pytest

from cssmtp.bsmtp.interpreter import COMMAND_LIMIT, PARSED_LIMIT, Interpreter, Rejected, Rules
from cssmtp.config.model import Configuration, Options
from cssmtp.model import BadRecipient, DeckMail, FaultKind
from cssmtp.spool.lines import EBCDIC
from tests.decks import PAGE, assembled, body_text, ebcdic, faults, interpret, mails, replies, run

HELLO = "HELO mvsa\n"
MAIL = "MAIL FROM:<ops@example.org>\nRCPT TO:<x@example.net>\n"
GOOD = HELLO + MAIL + "DATA\nSubject: x\n\ntext\n.\n"

TRAPS = """
helo mvsa
MAIL FROM: <ops@example.org>
RCPT TO:<good@example.net>
RCPT TO:<bad path
DATA
Subject: night run
first body line
..dot line
.
NOOP
HELO mvsa 01/31/26
MAIL FROM:<>
RCPT TO:<x@example.net>
DATA
Subject: no terminator
text
"""


def too_many(verb: str) -> str:
    return f"501 5.5.4 JES Syntax error. Too many args after '{verb}' command"


def bad_sequence(verb: str) -> str:
    return f"503 5.5.1 JES Bad sequence of commands, '{verb}'"


def test_18_3_a_file_with_most_traps() -> None:
    events, interpreter = interpret(ebcdic(TRAPS))
    bad_path = "501 5.5.4 JES Syntax error. Invalid path after 'RCPT' command"
    assert replies(events) == [bad_path, "500 5.5.1 JES Unknown command, 'NOOP'", too_many("HELO")]
    assert [fault.record for fault in faults(events)] == [4, 10, 11]
    assert [fault.counted for fault in faults(events)] == [False, True, True]
    assert interpreter.counted_errors == 2
    first, second = mails(events)
    assert first.envelope.recipients == ("good@example.net",)
    assert first.envelope.bad_recipients == (BadRecipient("<bad path", 4, bad_path),)
    assert body_text(first) == "Subject: night run\nfirst body line\n..dot line\n"
    assert not first.header.separator
    assert first.header.lines == 1
    assert (first.number, first.record, first.data_record) == (1, 2, 6)
    assert first.size == len("Subject: night run\r\nfirst body line\r\n.dot line\r\n")
    assert second.envelope.reverse_path == ""
    assert body_text(second) == "Subject: no terminator\ntext\n"
    assert (second.number, second.record, second.data_record) == (2, 12, 15)
    assert interpreter.mails == 2
    assert interpreter.ended
    assert not interpreter.limit_reached


# 5.2


def test_one_hello_serves_several_mails() -> None:
    mail = MAIL + "DATA\n\ntext\n.\n"
    assert [found.number for found in mails(run(HELLO + mail * 3 + "QUIT"))] == [1, 2, 3]


def test_a_file_without_hello_cannot_start_a_mail() -> None:
    assert replies(run(MAIL + "DATA")) == [bad_sequence("MAIL"), bad_sequence("RCPT"), bad_sequence("DATA")]


def test_mails_after_a_bad_hello_are_accepted_when_a_good_one_came_before() -> None:
    events = run(HELLO + "HELO mvsa 12/31/25\n" + MAIL + "DATA\n\ntext\n.")
    assert replies(events) == [too_many("HELO")]
    assert mails(events)[0].envelope.hello == "mvsa"


def test_a_bad_hello_in_a_mail_changes_nothing() -> None:
    events = run(HELLO + MAIL + "HELO\nDATA\n\ntext\n.")
    assert [mail.number for mail in mails(events)] == [1]


def test_a_good_hello_discards_the_mail_in_work() -> None:
    events = run(HELLO + MAIL + "EHLO other\nDATA")
    assert mails(events) == []
    assert replies(events) == [bad_sequence("DATA")]


def test_a_second_mail_from_is_out_of_order_and_the_first_sender_stays() -> None:
    events = run(HELLO + "MAIL FROM:<a@example.org>\nMAIL FROM:<b@example.org>\nRCPT TO:<x@example.net>\nDATA\n\nt\n.")
    assert replies(events) == [bad_sequence("MAIL")]
    assert mails(events)[0].envelope.reverse_path == "a@example.org"


def test_end_of_file_in_data_implies_the_end_of_data() -> None:
    assert body_text(mails(run(HELLO + MAIL + "DATA\n\ntext"))[0]) == "\ntext\n"


def test_end_of_file_right_after_data_gives_an_empty_mail() -> None:
    (mail,) = mails(run(HELLO + MAIL + "DATA"))
    assert (mail.body, mail.size, mail.data_record) == (b"", 0, 5)


def test_end_of_file_before_data_gives_nothing() -> None:
    assert run(HELLO + MAIL) == []


def test_quit_ends_the_file_and_what_follows_is_not_processed() -> None:
    events, interpreter = interpret(ebcdic(GOOD + "QUIT\n" + GOOD + "NOOP"))
    assert len(events) == 1
    assert interpreter.ended
    assert interpreter.feed(assembled(ebcdic(GOOD))[0]) == []


def test_an_empty_line_where_a_command_is_due_is_ignored() -> None:
    events = run(HELLO + "\n   \n" + MAIL + "\nDATA\n\ntext\n.\n\n")
    assert replies(events) == []
    assert len(mails(events)) == 1


# 5.3 to 5.6


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("HELO mvsa.example.org 12/31/25", too_many("HELO")),
        ("EHLO mvsa.example.org  x", too_many("EHLO")),
        ("HELO", "501 5.5.4 JES Syntax error. Too few args after 'HELO' command"),
        ("helo a b", too_many("HELO")),
        ("MAIL FROM:a@example.org", "501 5.5.4 JES Syntax error. Invalid path after 'MAIL' command"),
        ("MAIL FROM:<a@example.org> SIZE=100", too_many("MAIL")),
        ("MAIL FROM:<a@" + "b" * 300 + ">", "501 5.5.4 JES Syntax error. Invalid path after 'MAIL' command"),
        ("RSET x", too_many("RSET")),
        ("QUIT x", too_many("QUIT")),
        ("STARTTLS x", too_many("STARTTLS")),
        ("DATA now", too_many("DATA")),
        ("BCC: a@example.org", "500 5.5.1 JES Unknown command, 'BCC:'"),
        ("NOOP", "500 5.5.1 JES Unknown command, 'NOOP'"),
        ("vrfy x", "500 5.5.1 JES Unknown command, 'vrfy'"),
        ("HELO " + "a" * 506, "500 5.2.5 JES Command line too long"),
    ],
)
def test_8_3_catalogue_of_counted_errors(line: str, reply: str) -> None:
    (fault,) = faults(run(line))
    assert (fault.reply, fault.counted, fault.record, fault.mail) == (reply, True, 1, 0)
    assert fault.line == line[:256]


def test_a_command_of_510_bytes_is_not_too_long() -> None:
    assert replies(run("X" * 510)) == [f"500 5.5.1 JES Unknown command, '{'X' * 256}'"]
    assert replies(run("X" * 511)) == ["500 5.2.5 JES Command line too long"]
    assert replies(run("X" * 510 + " " * 90)) == [f"500 5.5.1 JES Unknown command, '{'X' * 256}'"]


def test_control_characters_of_a_deck_never_enter_a_report() -> None:
    (fault,) = faults(run("NO\x01\x02OP"))
    assert (fault.line, fault.reply) == ("NO??OP", "500 5.5.1 JES Unknown command, 'NO??OP'")


@pytest.mark.parametrize("line", ["RCPT TO:<x@example.net", "RCPT TO:x@example.net", "RCPT TO:<USER1>", "RCPT TO:<x@y> z"])
def test_5_5_a_syntax_error_in_rcpt_is_an_undeliverable_recipient_and_not_counted(line: str) -> None:
    events, interpreter = interpret(ebcdic(HELLO + MAIL + line + "\nDATA\n\ntext\n."))
    (fault,) = faults(events)
    assert (fault.kind, fault.counted, fault.mail, interpreter.counted_errors) == (FaultKind.RECIPIENT, False, 1, 0)
    (mail,) = mails(events)
    assert mail.envelope.recipients == ("x@example.net",)
    assert mail.envelope.bad_recipients == (BadRecipient(line[8:], 4, fault.reply),)


def test_5_5_without_a_good_recipient_data_is_swallowed_up_to_its_end() -> None:
    events = run(HELLO + "MAIL FROM:<a@example.org>\nRCPT TO:<bad\nDATA\nQUIT\nNOOP\n.\n" + MAIL + "DATA\n\nt\n.")
    assert len(faults(events)) == 1
    first, second = mails(events)
    assert first.envelope.recipients == ()
    assert body_text(first) == "QUIT\nNOOP\n"
    assert second.number == 2


def test_a_bad_rcpt_outside_a_mail_is_reported_and_belongs_to_none() -> None:
    events = run(HELLO + "RCPT TO:<bad\n" + MAIL + "DATA\n\nt\n.")
    assert [(fault.mail, fault.counted) for fault in faults(events)] == [(0, False)]
    assert mails(events)[0].envelope.bad_recipients == ()


def test_rcpt_number_2001_is_ignored_without_an_error() -> None:
    many = "".join(f"RCPT TO:<u{number}@example.net>\n" for number in range(2001))
    events = run(HELLO + "MAIL FROM:<a@example.org>\n" + many + "RCPT TO:<bad\nDATA\n\nt\n.")
    assert faults(events) == []
    recipients = mails(events)[0].envelope.recipients
    assert (len(recipients), recipients[-1]) == (2000, "u1999@example.net")


def test_5_6_a_source_route_is_dropped() -> None:
    events = run(HELLO + "MAIL FROM:<@r.example:a@example.org>\nRCPT TO:<@r.example,@s.example:x@example.net>\nDATA\n.")
    envelope = mails(events)[0].envelope
    assert (envelope.reverse_path, envelope.recipients) == ("a@example.org", ("x@example.net",))


def test_9_4_the_at_sign_of_the_options_is_one_in_commands() -> None:
    rules = Rules(at_sign="§")
    events = run(HELLO + "MAIL FROM:<ops§example.org>\nRCPT TO:<x@example.net>\nDATA\nFrom: ops§example.org\n\nops§\n.", rules)
    (mail,) = mails(events)
    assert mail.envelope.reverse_path == "ops@example.org"
    assert body_text(mail) == "From: ops§example.org\n\nops§\n"


# 5.7


def test_5_7_starttls_holds_for_all_mails_until_the_next_hello() -> None:
    mail = MAIL + "DATA\n\nt\n.\n"
    deck = "EHLO mvsa.example.org\nSTARTTLS\n" + mail + "RSET\n" + mail + "HELO mvsa.example.org\n" + mail
    assert [found.envelope.tls_required for found in mails(run(deck))] == [True, True, False]


@pytest.mark.parametrize("before", ["", HELLO, "EHLO mvsa\nMAIL FROM:<a@example.org>\n"])
def test_5_7_starttls_needs_ehlo_and_comes_before_mail(before: str) -> None:
    assert replies(run(before + "STARTTLS")) == [bad_sequence("STARTTLS")]


# 5.8


def test_5_8_data_with_an_argument_makes_commands_of_the_lines_that_follow() -> None:
    events = run(HELLO + MAIL + "DATA now\nSubject: x\n")
    assert replies(events) == [too_many("DATA"), "500 5.5.1 JES Unknown command, 'Subject:'"]


@pytest.mark.parametrize("end", [b"\x25", b"\x0d\x25", b"\x15", b"\x0d\x15", b"\x05", b"\x00", b"\x0d"])
def test_ph24561_a_command_may_end_with_any_whitespace_byte(end: bytes) -> None:
    records = [record + end for record in ebcdic(HELLO + MAIL + "DATA")]
    records += ebcdic("BCC: a@example.org\n\ntext\n.")
    events, _ = interpret(records)
    assert replies(events) == []
    assert body_text(mails(events)[0]).startswith("BCC:")


def test_the_end_of_data_may_have_trailing_blanks() -> None:
    events = run(GOOD.replace("\n.\n", "\n.   \n") + "NOOP")
    assert len(mails(events)) == 1
    assert len(faults(events)) == 1


@pytest.mark.parametrize("end", [b"\x0d\x25", b"\x15"])
def test_the_end_of_data_may_have_a_line_break_as_every_line_of_its_deck(end: bytes) -> None:
    events, _ = interpret([record + end for record in ebcdic(GOOD + "QUIT")])
    assert [body_text(mail) for mail in mails(events)] == ["Subject: x\n\ntext\n"]


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        ("..", ".."),
        ("..dot", "..dot"),
        ("...dot", "...dot"),
        (".dot", "dot"),
        ("a.b", "a.b"),
        (" .", " ."),
    ],
)
def test_5_8_transparency_drops_the_first_period_and_keeps_lines_stuffed(record: str, kept: str) -> None:
    (mail,) = mails(run(HELLO + MAIL + f"DATA\n{record}\n\n{record}\n.\n"))
    assert body_text(mail) == f"{kept}\n\n{kept}\n"
    assert mail.size == 2 * len(kept.removeprefix(".")) + 6


def test_a_break_in_a_record_cannot_end_the_data() -> None:
    inner = PAGE.encode("text") + b"\x15" + PAGE.encode(".") + b"\x0d\x25" + PAGE.encode("QUIT")
    events, _ = interpret([*ebcdic(HELLO + MAIL + "DATA\n"), inner, *ebcdic(".\nNOOP")])
    (mail,) = mails(events)
    assert body_text(mail) == "text\n..\nQUIT\n"
    assert mail.size == len("text\r\n.\r\nQUIT\r\n")
    assert replies(events) == ["500 5.5.1 JES Unknown command, 'NOOP'"]


def test_an_80_byte_record_that_ends_in_a_continuation_takes_the_next_one_along() -> None:
    first = PAGE.encode("x" * 79 + "<")
    events, _ = interpret([*ebcdic(HELLO + MAIL + "DATA\n"), first, *ebcdic("y\n.\nNOOP")])
    assert body_text(mails(events)[0]) == "x" * 79 + "y\n"
    assert faults(events)[0].record == 8


# 5.9


def test_5_9_rset_forgets_sender_and_recipients() -> None:
    events = run(HELLO + MAIL + "RSET\nDATA\n" + "MAIL FROM:<b@example.org>\nRCPT TO:<y@example.net>\nDATA\n.")
    assert replies(events) == [bad_sequence("DATA")]
    (mail,) = mails(events)
    assert (mail.envelope.reverse_path, mail.envelope.recipients) == ("b@example.org", ("y@example.net",))


def test_5_9_rset_with_an_argument_forgets_nothing() -> None:
    events = run(HELLO + MAIL + "RSET now\nDATA\n.")
    assert replies(events) == [too_many("RSET")]
    assert len(mails(events)) == 1


# 3 and 8: lengths and limits


@pytest.mark.parametrize(
    "verb", ["HELO mvsa", "EHLO mvsa", "MAIL FROM:<a@example.org>", "RCPT TO:<a@example.org>", "DATA", "STARTTLS"]
)
def test_pm87623_a_600_byte_command_record_filled_with_nulls(verb: str) -> None:
    record = PAGE.encode(verb).ljust(600, b"\x00")
    too_long = "500 5.2.5 JES Command line too long"
    assert too_long in replies(interpret([record])[0])
    assert too_long not in replies(interpret([record], Rules(null_truncation=True))[0])


def test_pm94506_nulls_and_blanks_are_one_mixed_run() -> None:
    record = PAGE.encode("HELO mvsa") + b"\x00\x40" * 300 + b"\x00"
    assert replies(interpret([record], Rules(null_truncation=True))[0]) == []


@pytest.mark.parametrize("verb", ["QUIT", "RSET", "NOOP"])
def test_null_truncation_is_for_the_six_command_records_only(verb: str) -> None:
    record = PAGE.encode(verb).ljust(600, b"\x00")
    assert replies(interpret([record], Rules(null_truncation=True))[0]) == ["500 5.2.5 JES Command line too long"]


def test_swg21453948_a_999_byte_body_record_rejects_the_mail_and_the_file_goes_on() -> None:
    events = run(HELLO + MAIL + "DATA\n\n" + "x" * 999 + "\n" + "y" * 999 + "\nQUIT\n.\n" + MAIL + "DATA\n\nt\n.")
    fault, rejected, mail = events
    assert isinstance(rejected, Rejected)
    assert isinstance(mail, DeckMail)
    assert replies([fault]) == ["500 5.2.5 JES Text line too long"]
    assert (faults(events)[0].counted, faults(events)[0].record, faults(events)[0].mail) == (True, 6, 1)
    assert (rejected.number, rejected.reply, rejected.envelope.recipients) == (1, faults(events)[0].reply, ("x@example.net",))
    assert mail.number == 2


def test_a_998_byte_body_record_passes() -> None:
    (mail,) = run(HELLO + MAIL + "DATA\n\n" + "x" * 998 + " " * 10 + "\n.")
    assert isinstance(mail, DeckMail)
    assert mail.size == 2 + 998 + 2


def test_data_line_truncation_cuts_at_998_instead() -> None:
    rules = Rules(data_line_truncation=True)
    (mail,) = mails(run(HELLO + MAIL + "DATA\n\n" + "x" * 1200 + "\n" + "y" * 990 + " " * 50 + "z\n.", rules))
    assert body_text(mail) == "\n" + "x" * 998 + "\n" + "y" * 990 + "\n"


def test_8_2_five_errors_are_tolerated_and_the_sixth_stops_the_file() -> None:
    events, interpreter = interpret(ebcdic("NOOP\n" * 5 + GOOD + "NOOP\n" + GOOD))
    assert len(mails(events)) == 1
    assert replies(events)[-2:] == ["500 5.5.1 JES Unknown command, 'NOOP'", "Exceeded maximum errors(5) allowed"]
    assert faults(events)[-1].kind is FaultKind.LIMIT
    assert not faults(events)[-1].counted
    assert (interpreter.limit_reached, interpreter.ended, interpreter.counted_errors) == (True, True, 6)
    assert interpreter.finish() == []
    assert not interpret(ebcdic("NOOP\n" * 5))[1].limit_reached


@pytest.mark.parametrize("limit", [1, 3, 999])
def test_8_2_the_limit_is_named_in_the_report_line(limit: int) -> None:
    events = run("NOOP\n" * (limit + 5), Rules(error_limit=limit))
    assert replies(events)[-1] == f"Exceeded maximum errors({limit}) allowed"
    assert len(events) == limit + 2


def test_limit_0_is_no_limit() -> None:
    assert len(faults(run("NOOP\n" * 50, Rules(error_limit=0)))) == 50


def test_8_1_the_mail_in_work_is_lost_when_the_limit_is_reached() -> None:
    events = run(GOOD + MAIL + "NOOP\n" * 6)
    assert isinstance(events[-1], Rejected)
    assert (events[-1].number, events[-1].reply) == (2, "Exceeded maximum errors(5) allowed")


def test_8_1_a_long_line_can_be_the_error_too_many() -> None:
    events, interpreter = interpret(ebcdic("NOOP\n" * 5 + HELLO + MAIL + "DATA\n" + "x" * 999 + "\n.\n" + GOOD))
    assert replies(events)[-2:] == ["500 5.2.5 JES Text line too long", "Exceeded maximum errors(5) allowed"]
    assert isinstance(events[-1], Rejected)
    assert interpreter.limit_reached


def test_8_4_a_mail_over_the_message_limit_is_rejected_and_the_file_goes_on() -> None:
    deck = HELLO + MAIL + "DATA\n\n" + "x" * 98 + "\n" + "y" * 98 + "\n.\n" + MAIL + "DATA\n\n" + "x" * 98 + "\n.\n"
    events = run(deck, Rules(message_limit=102))
    fault, rejected, mail = events
    assert replies([fault]) == ["552 5.3.4 JES Message size exceeds limit"]
    assert (faults(events)[0].record, faults(events)[0].counted, faults(events)[0].mail) == (7, False, 1)
    assert isinstance(rejected, Rejected)
    assert isinstance(mail, DeckMail)
    assert (mail.number, mail.size) == (2, 102)


def test_8_4_in_a_data_set_over_the_job_limit_mails_complete_before_it_are_sent() -> None:
    events, interpreter = interpret(ebcdic(GOOD + GOOD), Rules(job_limit=150))
    mail, fault, rejected = events
    assert isinstance(mail, DeckMail)
    assert replies([fault]) == ["552 5.3.4 JES Job size exceeds limit"]
    assert isinstance(rejected, Rejected)
    assert rejected.number == 2
    assert (interpreter.ended, interpreter.limit_reached, interpreter.finish()) == (True, False, [])


def test_8_4_a_data_set_of_exactly_the_job_limit_passes() -> None:
    size = sum(len(record) + 2 for record in ebcdic(GOOD))
    assert len(mails(run(GOOD, Rules(job_limit=size)))) == 1
    assert replies(run(GOOD, Rules(job_limit=size - 1))) == ["552 5.3.4 JES Job size exceeds limit"]


def test_the_rules_of_a_configuration() -> None:
    configuration = Configuration(
        targets=(),
        jes_msg_size=3,
        jes_job_size=7,
        jes_syntax_error_limit=9,
        options=Options(null_truncation=True, data_line_truncation=True, at_sign="§"),
    )
    assert Rules.from_configuration(configuration) == Rules(9, True, True, "§", 3000, 7000)


def test_a_mail_has_its_own_recipients_only() -> None:
    first = "MAIL FROM:<a@example.org>\nRCPT TO:<b@example.net>\nRCPT TO:<bad\nDATA\n.\n"
    assert [mail.envelope.bad_recipients for mail in mails(run(HELLO + first + MAIL + "DATA\n."))][1] == ()


def test_memory_stays_flat_for_many_different_commands() -> None:
    records = ebcdic("\n".join(f"NOOP {number}" for number in range(5000))) + [PAGE.encode("x" * 60_000)] * 3
    _, interpreter = interpret(records, Rules(error_limit=0))
    assert len(interpreter._parsed) <= PARSED_LIMIT
    assert max(map(len, interpreter._parsed)) <= COMMAND_LIMIT


def test_memory_stays_flat_for_an_endless_header() -> None:
    interpreter = Interpreter(Rules(), PAGE, EBCDIC)
    (block,) = assembled([PAGE.encode("X-Header: " + "x" * 900)] * 300)
    interpreter.feed(assembled(ebcdic(HELLO + MAIL + "DATA"))[0])
    for _ in range(20):
        assert interpreter.feed(block) == []
    assert interpreter._body is not None
    assert sum(map(len, interpreter._body.chunks)) < 70_000
    (mail,) = mails(interpreter.finish())
    assert mail.header.lines == 71
    assert not mail.header.separator
