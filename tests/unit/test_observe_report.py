from datetime import datetime, timedelta, timezone
from itertools import count, islice

from cssmtp.model import Fault, FaultKind
from cssmtp.observe.facts import Counts, Disposition, SpoolFile
from cssmtp.observe.report import LINE_LIMIT, OFFENDING_LIMIT, FailedRecipient, error_report, report_lines

NOW = datetime(2026, 1, 31, 23, 59, 59, 5, timezone(timedelta(hours=-5)))
FILE = SpoolFile("00000007", "CSSMTP1", "PAYRUN", "JOB01234", 102, "PAYUSER", "PAYUSER", "MVSA")
TOO_MANY = Fault(
    FaultKind.SYNTAX,
    7,
    1,
    "HELO mvsa.example.org 12/31/25",
    "501 5.5.4 JES Syntax error. Too many args after 'HELO' command",
    True,
)
UNKNOWN = Fault(FaultKind.UNKNOWN_COMMAND, 12, 1, "BCC: a@example.org", "500 5.5.1 JES Unknown command, 'BCC:'", True)
LIMIT = Fault(FaultKind.LIMIT, 30, 4, "FOO", "Exceeded maximum errors(5) allowed", False)
NOTHING = Counts()
FAILED = FailedRecipient(3, "x@example.net", "550 5.1.1 No such user")


def report(
    *faults: Fault, failed: tuple[FailedRecipient, ...] = (), file: SpoolFile = FILE, counts: Counts = NOTHING
) -> list[str]:
    text = error_report(file, faults, failed, counts, Disposition.HOLD, host="mvsa.example.org", job="CSSMTP1", now=NOW)
    assert text.endswith("\n")
    return text[:-1].split("\n")


def test_layout_of_the_whole_report() -> None:
    counts = Counts(mails=3, sent=2, undeliverable=1, errors=6)
    assert report(TOO_MANY, UNKNOWN, LIMIT, failed=(FAILED,), counts=counts) == [
        "CSSMTP error report                              Sat, 31 Jan 2026 23:59:59 -0500",
        "CSSMTP job: CSSMTP1    External writer: CSSMTP1    Host: mvsa.example.org",
        "Spool file: job PAYRUN  JOB01234  data set 102  owner PAYUSER  node MVSA",
        "Spool id: 00000007",
        "Disposition: HOLD",
        "",
        "Record 7  Mail 1",
        "  HELO mvsa.example.org 12/31/25",
        "  501 5.5.4 JES Syntax error. Too many args after 'HELO' command",
        "Record 12  Mail 1",
        "  BCC: a@example.org",
        "  500 5.5.1 JES Unknown command, 'BCC:'",
        "Mail 3  Recipient <x@example.net>",
        "  550 5.1.1 No such user",
        "Exceeded maximum errors(5) allowed",
        "",
        "Mails read 3  sent 2  undeliverable 1  syntax errors 6",
    ]


def test_a_reply_stands_on_a_line_of_its_own_unchanged() -> None:
    for reply in (TOO_MANY.reply, "500 5.2.5 JES Command line too long", "500 5.5.1 JES Unknown command, 'A\\B'"):
        assert f"  {reply}" in report(Fault(FaultKind.SYNTAX, 1, 1, "x", reply, True))


def test_faults_name_the_place_that_is_known() -> None:
    places = {(0, 0): "Spool file", (0, 2): "Mail 2", (5, 0): "Record 5", (5, 2): "Record 5  Mail 2"}
    for (record, mail), place in places.items():
        assert report(Fault(FaultKind.UNREADABLE, record, mail, "", "why", False))[6:8] == [place, "  why"]


def test_rejected_and_discarded_mails_are_summed_when_there_are_any() -> None:
    assert report(counts=Counts(mails=9, rejected=2, discarded=7))[-1] == (
        "Mails read 9  sent 0  undeliverable 0  rejected 2  discarded 7  syntax errors 0"
    )


def test_unknown_facts_are_shown_as_unknown() -> None:
    assert report(file=SpoolFile("7"))[2] == "Spool file: job -  -  data set 0  owner -  node -"


def test_users_and_servers_cannot_add_lines_or_pass_for_ours() -> None:
    nasty = "x\nMail 9  Recipient <boss@example.org>\r\n  250 ok\u2028\x85\x0c\x1b[31m"
    lines = report(
        Fault(FaultKind.SYNTAX, 1, 1, nasty, f"500 5.5.1 JES Unknown command, '{nasty}'", True),
        failed=(FailedRecipient(1, nasty, nasty),),
        file=SpoolFile(nasty, nasty, nasty, nasty, 1, nasty, nasty, nasty),
    )
    assert len(lines) == 6 + 3 + 2 + 2
    assert all(line.isprintable() for line in lines)


def test_offending_line_is_cut_and_no_line_is_too_long_for_mail() -> None:
    lines = report(Fault(FaultKind.LINE_TOO_LONG, 1, 1, "ü" * 65536, "500 5.2.5 JES Text line too long", True))
    assert lines[7].endswith("...")
    assert len(lines[7].encode()) <= 2 + OFFENDING_LIMIT
    long = "€" * 100_000
    for line in report(
        Fault(FaultKind.LIMIT, 1, 1, long, long, True),
        Fault(FaultKind.SYNTAX, 1, 1, long, long, True),
        failed=(FailedRecipient(1, long, long),),
        file=SpoolFile(long, long, long, long, 1, long, long, long),
    ):
        assert len(line.encode()) <= LINE_LIMIT


def test_report_is_made_line_by_line() -> None:
    """An endless deck of faults must not be collected before the first line comes out."""
    endless = (Fault(FaultKind.SYNTAX, number, 1, "x", "500", True) for number in count(1))
    lines = report_lines(FILE, endless, (), Counts(), Disposition.DELETE, host="h", job="j", now=NOW)
    assert list(islice(lines, 3000))[-1] == "  500"
