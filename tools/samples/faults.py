"""Decks with mistakes: each text of the error catalogue (mail-processing.md 8.3) that a deck alone can cause."""

from __future__ import annotations

from collections.abc import Iterator

from tools.samples.deck import (
    COMMAND_TOO_LONG,
    INVALID_PATH,
    JOB_SIZE,
    MESSAGE_SIZE,
    SEQUENCE,
    TEXT_TOO_LONG,
    TOO_FEW,
    TOO_MANY,
    UNKNOWN,
    UNREADABLE,
    Bad,
    Deck,
    Job,
)

OPS, DESK = "ops@mvsa.example.org", "control-desk@example.net"


def note(subject: str, *lines: str) -> list[str]:
    """A short mail text."""
    return ["From: Operations <ops@mvsa.example.org>", f"Subject: {subject}", "", *lines]


def helo_date() -> Deck:
    """The case of support page swg21431808."""
    deck = Deck(
        "helo-date", "A date after HELO is an error; the first HELO holds, later mails are sent", Job("HELODATE", "JOB06001")
    )
    deck.helo("mvsa.example.org")
    deck.mail(OPS, [DESK], note("Part 1", "Before the mistake."))
    deck.wrong("HELO mvsa.example.org 12/31/25", TOO_MANY.format("HELO"))
    deck.mail(OPS, [DESK], note("Part 2", "After the mistake."))
    deck.quit()
    return deck


def data_argument() -> Deck:
    deck = Deck(
        "data-argument", "DATA with an argument is refused, so the text is taken for commands", Job("DATANOW", "JOB06002")
    )
    deck.helo("mvsa.example.org")
    mail = deck.sender(OPS)
    deck.recipient(mail, DESK)
    deck.wrong("DATA now", TOO_MANY.format("DATA"))
    deck.wrong("BCC: a@example.org", UNKNOWN.format("BCC:"))
    deck.wrong("Subject: Stock list", UNKNOWN.format("Subject:"))
    deck.put("")
    deck.wrong("  Articles below minimum: 17", UNKNOWN.format("Articles"))
    deck.wrong(".", UNKNOWN.format("."))
    deck.forget()
    deck.mail(OPS, [DESK], note("Order list", "Five errors are tolerated; this mail is sent."))
    deck.quit()
    return deck


def error_limit() -> Deck:
    deck = Deck(
        "error-limit", "More than five errors: mails before are sent, the rest is not processed", Job("SIXERR", "JOB06003")
    )
    deck.helo("MVSA")
    deck.mail(OPS, [DESK], note("Shift report 1", "Before the errors: sent."))
    for record in (
        "//STEP020  EXEC PGM=IEBGENER",
        "//SYSPRINT DD SYSOUT=*",
        "//SYSIN    DD DUMMY",
        "//SYSUT2   DD SYSOUT=(B,CSSMTP)",
    ):
        deck.wrong(record, UNKNOWN.format(record.split()[0]))
    deck.mail(OPS, [DESK], note("Shift report 2", "Between the errors: sent as well."))
    deck.wrong("/*", UNKNOWN.format("/*"))
    deck.wrong("//SYSUT1   DD *", UNKNOWN.format("//SYSUT1"))
    deck.limit()
    deck.put(
        "HELO MVSA", f"MAIL FROM:<{OPS}>", f"RCPT TO:<{DESK}>", "DATA", "Subject: Shift report 3", "", "Never sent.", ".", "QUIT"
    )
    return deck


def recipients_mixed() -> Deck:
    deck = Deck(
        "recipients-mixed",
        "Good and bad recipients: the good ones get the mail, a notice tells the rest",
        Job("MIXED", "JOB06004"),
    )
    deck.helo("MVSA")
    recipients: list[str | Bad] = [
        DESK,
        Bad("<night-shift@example.net"),
        Bad("day-shift@example.net"),
        "storage-team@example.net",
        Bad("<USER1>"),
    ]
    deck.mail(OPS, recipients, note("Shift plan week 48", "See the plan in PROD.SHIFT.PLAN(W48)."))
    deck.mail(OPS, [DESK], note("Shift plan week 49", "All recipients of this one are good."))
    deck.quit()
    return deck


def recipients_bad() -> Deck:
    deck = Deck("recipients-bad", "Only bad recipients: the text is read and the mail comes back", Job("ALLBAD", "JOB06005"))
    deck.helo("MVSA")
    recipients = [Bad(f"<USER{number}>") for number in range(1, 8)]
    deck.mail(
        OPS, recipients, note("To TSO users", "MAIL FROM in column 1 of the text is no command:", "MAIL FROM:<x@example.net>")
    )
    deck.mail(OPS, [DESK], note("To the control desk", "RCPT errors do not count: seven of them, and this is sent."))
    deck.quit()
    return deck


def long_text(deck: Deck, *, cut: bool) -> Deck:
    """Mail 2 has a record of 999 bytes (support page swg21453948); mail 1 one of 998 and blanks, which is allowed."""
    deck.framing, deck.lrecl = "rdw", 1200
    longest = "HEX " + "0123456789ABCDEF" * 62 + ".."
    deck.helo("MVSA")
    allowed = note("998 bytes", longest, "next line")
    deck.mail(OPS, [DESK], allowed, written=[*allowed[:3], longest + " " * 100, allowed[4]])
    mail = deck.sender(OPS)
    deck.recipient(mail, DESK)
    deck.put("DATA", *note("999 bytes"), f"{longest}.")
    if not cut:
        deck.fault(TEXT_TOO_LONG)
    deck.put("text goes on", ".")
    deck.end(mail, [*note("999 bytes"), longest, "text goes on"], rejected=not cut)
    deck.mail(OPS, [DESK], note("Short again", "The next mail is sent."))
    deck.quit()
    return deck


def line_too_long() -> Deck:
    about = "A text line of 998 bytes is sent, one of 999 is not"
    return long_text(Deck("line-too-long", about, Job("HEXDUMP", "JOB06006")), cut=False)


def data_line_trunc() -> Deck:
    deck = Deck("data-line-trunc", "Options DataLineTrunc: a text line of 999 bytes is cut", Job("HEXDUMP", "JOB06007"))
    deck.configuration = {"Options": {"DataLineTrunc": "YES"}}
    return long_text(deck, cut=True)


def command_too_long() -> Deck:
    deck = Deck("command-too-long", "Commands of 510 and of 511 bytes", Job("LONGCMD", "JOB06008"), framing="lf25")
    deck.helo("MVSA")
    path = f"<{OPS}>"
    mail = deck.sender(OPS, written=f"MAIL FROM:{path.rjust(510 - len('MAIL FROM:'))}{' ' * 40}")
    deck.recipient(mail, DESK)
    deck.put("DATA", *note("510 bytes", "Blanks at the end of a record do not count."), ".")
    deck.end(mail, note("510 bytes", "Blanks at the end of a record do not count."))
    deck.wrong(f"MAIL FROM:{path.rjust(511 - len('MAIL FROM:'))}", COMMAND_TOO_LONG)
    deck.mail(OPS, [DESK], note("Still sent", "The long command was ignored."))
    deck.quit()
    return deck


def no_helo() -> Deck:
    deck = Deck("no-helo", "HELO was forgotten: everything is out of sequence until the limit", Job("NOHELO", "JOB06009"))
    deck.wrong(f"MAIL FROM:<{OPS}>", SEQUENCE.format("MAIL"))
    deck.wrong(f"RCPT TO:<{DESK}>", SEQUENCE.format("RCPT"))
    deck.wrong("DATA", SEQUENCE.format("DATA"))
    deck.wrong("Subject: Region sizes", UNKNOWN.format("Subject:"))
    deck.put("")
    deck.wrong("CICSP1 uses 412 MB of 512 MB.", UNKNOWN.format("CICSP1"))
    deck.wrong("CICSP2 uses 207 MB of 512 MB.", UNKNOWN.format("CICSP2"))
    deck.limit()
    deck.put(".", "QUIT")
    return deck


def sequence() -> Deck:
    deck = Deck("sequence", "Commands out of order; the first sender stays", Job("SEQUENCE", "JOB06010"))
    deck.helo("mvsa.example.org")
    deck.wrong("STARTTLS", SEQUENCE.format("STARTTLS"))
    deck.wrong(f"RCPT TO:<{DESK}>", SEQUENCE.format("RCPT"))
    mail = deck.sender(OPS)
    deck.wrong("MAIL FROM:<other@mvsa.example.org>", SEQUENCE.format("MAIL"))
    deck.wrong("DATA", SEQUENCE.format("DATA"))
    deck.recipient(mail, DESK)
    deck.put("DATA", *note("Out of order", "Sent by the first sender."), ".")
    deck.end(mail, note("Out of order", "Sent by the first sender."))
    deck.helo("mvsa.example.org", "EHLO")
    mail = deck.sender(OPS)
    deck.wrong("STARTTLS", SEQUENCE.format("STARTTLS"))
    deck.recipient(mail, DESK)
    deck.put("DATA", *note("No TLS", "STARTTLS came after MAIL FROM and was ignored."), ".")
    deck.end(mail, note("No TLS", "STARTTLS came after MAIL FROM and was ignored."))
    deck.quit()
    return deck


def arguments() -> Deck:
    deck = Deck("arguments", "Missing, extra and wrong arguments of HELO, MAIL and RSET", Job("BADARGS", "JOB06011"))
    deck.framing, deck.lrecl = "rdw", 512
    deck.wrong("HELO", TOO_FEW.format("HELO"))
    deck.helo("MVSA")
    deck.wrong(f"MAIL FROM:{OPS}", INVALID_PATH.format("MAIL"))
    deck.wrong(f"MAIL FROM:<{OPS}> SIZE=100", TOO_MANY.format("MAIL"))
    deck.wrong(f"MAIL FROM:<a@{'x' * 300}>", INVALID_PATH.format("MAIL"))
    deck.wrong("RSET now", TOO_MANY.format("RSET"))
    deck.mail(OPS, [DESK], note("At last", "Five errors so far; one more would be too many."))
    deck.quit()
    return deck


def more_arguments() -> Deck:
    deck = Deck("more-arguments", "Extra arguments of EHLO, STARTTLS and QUIT; TICK and VERB", Job("BADARGS2", "JOB06012"))
    deck.helo("mvsa.example.org", "EHLO")
    deck.wrong("EHLO mvsa.example.org  x", TOO_MANY.format("EHLO"))
    deck.wrong("STARTTLS now", TOO_MANY.format("STARTTLS"))
    deck.wrong("VERB ON", UNKNOWN.format("VERB"))
    deck.wrong("TICK 47", UNKNOWN.format("TICK"))
    deck.mail(OPS, [DESK], note("Not secured", "STARTTLS with an argument does not count as STARTTLS."))
    deck.wrong("QUIT now", TOO_MANY.format("QUIT"))
    deck.mail(OPS, [DESK], note("Not the end", "QUIT with an argument does not end the file."))
    deck.quit()
    return deck


def not_implemented() -> Deck:
    deck = Deck("not-implemented", "Commands of the old SMTPD that are no commands here", Job("OLDSMTPD", "JOB06013"))
    deck.helo("MVSA")
    for command in ("VRFY carol", "EXPN dept-list", "HELP", "NOOP", "QUEU DATE"):
        deck.wrong(command, UNKNOWN.format(command.split()[0]))
    deck.mail(OPS, [DESK], note("Moved from SMTPD", "This deck ran for twenty years."))
    deck.quit()
    return deck


def message_size() -> Deck:
    deck = Deck("message-size", "The second of three mails is larger than JESMsgSize", Job("BIGLIST", "JOB06014"), framing="len4")
    deck.configuration = {"JESMsgSize": 64}
    rows = [
        f"{number:07d}  ACCOUNT 0100-{number * 37 % 9973:05d}  BALANCE {number * 1291 / 100:>14,.2f}" for number in range(1, 1501)
    ]
    deck.helo("MVSA")
    deck.mail(OPS, [DESK], note("Balances, summary", "1,500 accounts. The list follows."))
    mail = deck.sender(OPS)
    deck.recipient(mail, DESK)
    deck.put("DATA", *note("Balances, list"), *rows, ".")
    deck.fault(MESSAGE_SIZE, counted=False, record=None)
    deck.end(mail, [*note("Balances, list"), *rows], rejected=True)
    deck.mail(OPS, [DESK], note("Balances, end", "End of the list."))
    deck.quit()
    return deck


def job_size() -> Deck:
    """Each mail has about 2,400 bytes, so the third one crosses 6,000 however the bytes are counted."""
    deck = Deck(
        "job-size", "The file is larger than JESJobSize: the mails complete before that are sent", Job("BIGJOB", "JOB06015")
    )
    deck.framing, deck.lrecl = "rdw", 137
    deck.configuration = {"JESMsgSize": 4, "JESJobSize": 6}
    deck.helo("MVSA")
    for part in (1, 2, 3):
        text = note(f"Part {part} of 3", *(f"{part}-{row:02d} {'.' * 65}" for row in range(1, 33)))
        if part < 3:
            deck.mail(OPS, [DESK], text)
            continue
        mail = deck.sender(OPS)
        deck.recipient(mail, DESK)
        deck.put("DATA", *text, ".")
        deck.fault(JOB_SIZE, counted=False, record=None)
        deck.end(mail, text, rejected=True)
    deck.quit()
    return deck


def cobol_listing() -> Deck:
    """A SYSPRINT that went to the wrong writer: 121-byte records of a compiler, no deck at all."""
    deck = Deck("cobol-listing", "Not a deck: a COBOL compile listing sent to our writer", Job("COBCOMP", "JOB06016"), lrecl=121)
    listing = [
        " PP 5655-EC6 IBM Enterprise COBOL for z/OS  6.4.0             PAY200    Date 11/20/2026  Time 02:11:07   Page     1",
        " Invocation parameters:",
        "  OPTIMIZE(2),LIST,MAP,XREF",
        "",
        " LineID  PL SL  ----+-*A-1-B--+----2----+----3----+----4----+----5----+----6----+----7-|--+----8 Map and Xref",
        "   000001         000100 IDENTIFICATION DIVISION.",
        "   000002         000200 PROGRAM-ID. PAY200.",
        "   000003         000300 ENVIRONMENT DIVISION.",
        "   000004         000400 DATA DIVISION.",
        "   000005         000500 WORKING-STORAGE SECTION.",
    ]
    tokens = ["PP", "Invocation", "OPTIMIZE(2),LIST,MAP,XREF", "", "LineID", "000001", "000002"]
    for record, token in zip(listing, tokens, strict=False):
        if token:
            deck.wrong(record, UNKNOWN.format(token))
        else:
            deck.put(record)
    deck.limit()
    deck.put(
        *listing[len(tokens) :], *(f"   {n:06d}         {n:04d}00 01 FIELD-{n:03d} PIC S9(7)V99 COMP-3." for n in range(11, 40))
    )
    return deck


def truncated_rdw() -> Deck:
    deck = Deck("truncated-rdw", "The transfer broke off inside a record: unreadable, nothing is sent", Job("CUTOFF", "JOB06017"))
    deck.framing, deck.lrecl, deck.cut, deck.unreadable = "rdw", 255, 23, True
    deck.put("HELO MVSA", f"MAIL FROM:<{OPS}>", f"RCPT TO:<{DESK}>", "DATA", *note("Complete", "This mail is whole."), ".")
    deck.put(f"MAIL FROM:<{OPS}>", f"RCPT TO:<{DESK}>", "DATA", *note("Cut", "The last record of this one is not all there."))
    deck.fault(UNREADABLE, counted=False, record=0)
    return deck


def decks() -> Iterator[Deck]:
    yield from (helo_date(), data_argument(), error_limit(), recipients_mixed(), recipients_bad())
    yield from (line_too_long(), data_line_trunc())
    yield from (command_too_long(), no_helo(), sequence(), arguments(), more_arguments(), not_implemented())
    yield from (message_size(), job_size(), cobol_listing(), truncated_rdw())
