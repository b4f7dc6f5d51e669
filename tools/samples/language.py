"""Decks that use the batch SMTP language to its edges; the gateway accepts all of them but where a record is marked wrong."""

from __future__ import annotations

from collections.abc import Iterator

from tools.samples.deck import INVALID_PATH, TOO_MANY, UNKNOWN, Bad, Deck, Job
from tools.samples.pages import encode

OPS, DESK = "ops@mvsa.example.org", "control-desk@example.net"


def continuation() -> Deck:
    """Only records of exactly 80 bytes are continued; the byte in column 80 is dropped, whichever of the two it is."""
    deck = Deck("continuation", "'<' and X'15' in column 80, in commands and in the body", Job("LONGLINE", "JOB05001"))
    deck.helo("MVSA")
    mail = deck.sender(OPS)
    long_address = f"{'distribution.list.of.the.night.shift.operators'}@{'data-centre-two.operations.example.net'}"
    command = f"RCPT TO:{' ' * 20}<{long_address}>"
    deck.put(f"{command[:79]}<")
    deck.recipient(mail, long_address, written=command[79:])
    deck.recipient(mail, DESK)
    deck.put("DATA")
    header = "X-Steps: " + " ".join(f"STEP{number:03d}=0000" for number in range(1, 9))
    by_mark = (
        "Every record of this line is eighty bytes long and ends in a less-than sign, so that the next record belongs to it; "
    )
    by_mark += "the third one is the last, and it is short."
    by_newline = "This line is continued by the newline byte in column 80 and not by a less-than sign at all, which is the same."
    shorter = "A less-than sign before column 80 is text: A <"
    deck.put("Subject: Steps of the night run", f"{header[:79]}<", header[79:], "")
    deck.put(f"{by_mark[:79]}<", f"{by_mark[79:158]}<", by_mark[158:])
    deck.put(encode(by_newline[:79], deck.page) + b"\x15", by_newline[79:])
    deck.put(shorter, ".")
    deck.end(mail, ["Subject: Steps of the night run", header, "", by_mark, by_newline, shorter])
    deck.wrong("NOOP", UNKNOWN.format("NOOP"))
    deck.quit()
    return deck


def missing_dot() -> Deck:
    deck = Deck("missing-dot", "The file ends inside DATA: the end of the data and QUIT are implied", Job("NODOT", "JOB05002"))
    deck.helo("MVSA")
    deck.mail(OPS, [DESK], ["Subject: CICS region CICSP1 is up", "", "Emergency restart took 00:01:12."])
    text = ["Subject: IMS region IMSP is up", "", "Warm start, 3 messages requeued.", "END OF REPORT"]
    deck.mail(OPS, [DESK], text, terminated=False)
    return deck


def empty() -> Deck:
    return Deck("empty", "A file of no bytes: the step that should have written it wrote nothing", Job("EMPTY", "JOB05003"))


def at_sign() -> Deck:
    """Written on a German terminal (@ is X'B5' there) and processed as IBM-1047, where X'B5' is the section sign."""
    deck = Deck("at-sign", "Options AtSign: another character is the at sign in commands and headers", Job("ATSIGN", "JOB05004"))
    deck.configuration = {"Options": {"AtSign": "§"}}
    deck.helo("MVSA")
    mail = deck.sender("nachtlauf@mvsa.example.org", written="MAIL FROM:<nachtlauf§mvsa.example.org>")
    deck.recipient(mail, DESK, written="RCPT TO:<control-desk§example.net>")
    deck.recipient(mail, "leitstand@example.net")
    deck.put("DATA", "From: Nachtlauf <nachtlauf§mvsa.example.org>", "Subject: Nachtlauf § 7 beendet", "")
    deck.put("Im Text bleibt das Zeichen: siehe BGB § 14.", ".")
    header = ["From: Nachtlauf <nachtlauf@mvsa.example.org>", "Subject: Nachtlauf @ 7 beendet", ""]
    deck.end(mail, [*header, "Im Text bleibt das Zeichen: siehe BGB § 14."])
    deck.quit()
    return deck


def missing_blank() -> Deck:
    deck = Deck("missing-blank", "No blank line between header and body: one is added", Job("NOBLANK", "JOB05005"))
    deck.helo("MVSA")
    text = [
        "From: Night Run <ops@mvsa.example.org>",
        "Subject: Tape library",
        "",
        "42 scratch tapes are left in LIB1.",
        "Order more.",
    ]
    deck.mail(OPS, [DESK], text, written=[text[0], text[1], text[3], text[4]])
    folded = [
        "Subject: Tape library",
        "  and its robot",
        "",
        "(robot 2 is idle)",
        "",
        "Note: not a header, although it looks like one.",
    ]
    deck.mail(OPS, [DESK], folded, written=[folded[0], folded[1], *folded[3:]])
    bare = ["", "No header at all, the first record is text.", "Note: still text."]
    deck.mail(OPS, [DESK], bare, written=bare[1:])
    deck.quit()
    return deck


def dots() -> Deck:
    deck = Deck("dots", "Leading periods: doubled, single, alone, and as the very first byte", Job("DOTS", "JOB05006"))
    deck.helo("MVSA")
    text = [
        "Subject: Periods",
        "",
        ".first byte is a period (doubled by the writer)",
        ".",
        "..two periods (three in the deck)",
        "a single period before text is taken away",
        " . a period after a blank is text",
        "....",
        "end of text .",
    ]
    written = [*text[:2], f".{text[2]}", "..", f".{text[4]}", f".{text[5]}", *text[6:7], ".....", text[8]]
    deck.mail(OPS, [DESK], text, written=written)
    first = ["", ".profile of user OMVSKERN was changed", "..", "(no header: the first byte of the data is a period)"]
    deck.mail(OPS, [DESK], first, written=[f".{first[1]}", "...", first[3]])
    deck.quit()
    return deck


def null_trunc() -> Deck:
    """The case of APAR PM87623: LRECL 600, the command records filled up with binary zeros, the others with blanks."""
    deck = Deck("null-trunc", "600-byte command records filled with nulls (Options NullTrnc YES)", Job("NULLFILL", "JOB05007"))
    deck.lrecl, deck.configuration = 600, {"Options": {"NullTrnc": "YES"}}

    def filled(command: str) -> bytes:
        return encode(command, deck.page).ljust(600, b"\0")

    deck.put(filled("HELO MVSA"))
    deck.hello = "MVSA"
    mail = deck.sender(OPS, written=filled(f"MAIL FROM:<{OPS}>"))
    deck.recipient(mail, DESK, written=filled(f"RCPT TO:<{DESK}>"))
    deck.recipient(mail, "audit@example.net", written=encode("RCPT TO:<audit@example.net>  ", deck.page).ljust(600, b"\0"))
    deck.put(filled("DATA"))
    text = ["Subject: Records written by PL/I program OPS010", "", "The structure was not cleared before PUT FILE(SYSMAIL)."]
    deck.put(*text, ".")
    deck.end(mail, text)
    deck.quit()
    return deck


def starttls() -> Deck:
    deck = Deck("starttls", "STARTTLS holds for all mails up to the next HELO or EHLO", Job("SECMAIL", "JOB05008"))
    deck.helo("mvsa.example.org", "EHLO")
    deck.starttls()
    for number in (1, 2):
        deck.mail(OPS, ["payoffice@example.net"], [f"Subject: Salary change list {number}", "", "Confidential: TLS is required."])
    deck.forget()
    deck.mail(OPS, ["payoffice@example.net"], ["Subject: Salary change list 3", "", "RSET does not end the scope."])
    deck.helo("mvsa.example.org")
    deck.mail(OPS, [DESK], ["Subject: Salary run has ended", "", "Not confidential any more."])
    deck.quit()
    return deck


def crlf_records() -> Deck:
    """The case of APAR PH24561: a workstation tool left X'0D25' at the end of every record."""
    deck = Deck("crlf-records", "Every record ends in X'0D25', commands and text", Job("FTPDECK", "JOB05009"))
    deck.framing, deck.lrecl = "rdw", 255

    def ended(text: str) -> bytes:
        return encode(text, deck.page) + b"\x0d\x25"

    deck.put(ended("HELO MVSA"))
    deck.hello = "MVSA"
    mail = deck.sender(OPS, written=ended(f"MAIL FROM: <{OPS}>"))
    deck.recipient(mail, DESK, written=ended(f"RCPT TO: <{DESK}>"))
    text = [
        "Subject: Order interface",
        "X-Source: ORDINT",
        "",
        "118 orders taken over.",
        "",
        ".5 percent were refused.",
        "Regards",
    ]
    deck.put(ended("DATA"), *(ended(f".{line}" if line.startswith(".") else line) for line in text), ended("."))
    deck.end(mail, text)
    deck.put(ended("QUIT"))
    return deck


def newline_inside() -> Deck:
    deck = Deck(
        "newline-inside",
        "X'15' and X'25' inside records: blank in a command, line break in the body",
        Job("NLINSIDE", "JOB05010"),
    )
    deck.framing, deck.lrecl = "rdw", 255
    page = deck.page
    deck.put(encode("HELO", page) + b"\x15" + encode("MVSA", page))
    deck.hello = "MVSA"
    mail = deck.sender(OPS, written=encode("MAIL FROM:", page) + b"\x05" + encode(f"<{OPS}>", page) + b"\x15")
    deck.recipient(mail, DESK, written=encode(f"rcpt  to:<{DESK}>", page) + b"\x25")
    deck.put(encode("Data", page) + b"\x0d")
    deck.put("Subject: Job log extract", "", encode("IEF403I BILLING - STARTED", page) + b"\x15" + encode("TIME=02.10.11", page))
    deck.put(
        encode("IEF404I BILLING - ENDED", page) + b"\x25" + encode("TIME=02.14.40", page) + b"\x0d\x25" + encode("RC=0000", page)
    )
    deck.put(encode("STEP", page) + b"\x05" + encode("RC", page), ".")
    lines = ["IEF403I BILLING - STARTED", "TIME=02.10.11", "IEF404I BILLING - ENDED", "TIME=02.14.40", "RC=0000", "STEP\tRC"]
    deck.end(mail, ["Subject: Job log extract", "", *lines])
    deck.quit()
    return deck


def null_sender() -> Deck:
    deck = Deck("null-sender", "MAIL FROM:<>: sent like any other, but no notice can be returned", Job("NOREPLY", "JOB05011"))
    deck.helo("MVSA")
    deck.mail("", [DESK], ["From: noreply@mvsa.example.org", "Subject: Housekeeping done", "", "214 generations deleted."])
    deck.mail("", [Bad("OPERATOR")], ["Subject: Housekeeping done", "", "A user without a domain cannot be reached."])
    deck.quit()
    return deck


def recipients_2001() -> Deck:
    deck = Deck(
        "recipients-2001", "2001 recipients: the first 2000 get the mail, the last is ignored", Job("MASSMAIL", "JOB05012")
    )
    deck.framing = "nl15"
    deck.helo("MVSA")
    recipients = [f"branch{number:04d}@branches.example.net" for number in range(1, 2002)]
    text = [
        "From: Rates Desk <rates@mvsa.example.org>",
        "Subject: Interest rates as of 23 November 2026",
        "",
        "Savings 1.25%, loans 5.40%.",
    ]
    deck.mail("rates@mvsa.example.org", recipients, text)
    deck.quit()
    return deck


def second_helo() -> Deck:
    """A mail that RSET or HELO ends keeps its number and is not there: the mails of this deck are 2, 4 and 5."""
    deck = Deck("second-helo", "RSET and a second HELO each discard the mail begun", Job("RESTART", "JOB05013"))
    deck.helo("MVSA")
    abandoned = deck.sender(OPS)
    deck.recipient(abandoned, "wrong-list@example.net")
    deck.forget()
    deck.mail(OPS, [DESK], ["Subject: Restart of step 7", "", "Sent after RSET."])
    deck.sender("test@mvsa.example.org")
    deck.helo("MVSB.EXAMPLE.ORG", "EHLO")
    deck.mail("ops@mvsb.example.org", [DESK], ["Subject: Takeover by MVSB", "", "Sent after a second greeting."])
    deck.put("", "   ")
    deck.mail("ops@mvsb.example.org", [DESK], ["Subject: Takeover complete", "", "Empty records between mails do not matter."])
    deck.quit()
    return deck


def after_quit() -> Deck:
    deck = Deck("after-quit", "Records after QUIT are not looked at", Job("TWODECKS", "JOB05014"))
    deck.helo("MVSA")
    deck.mail(OPS, [DESK], ["Subject: First deck", "", "The only one that counts."])
    deck.quit()
    deck.put("HELO MVSA", "MAIL FROM:<ops@mvsa.example.org>", "RCPT TO:<control-desk@example.net>", "DATA")
    deck.put("Subject: Second deck in the same data set", "", "Never read.", ".", "THIS IS NO COMMAND", "QUIT")
    return deck


def paths() -> Deck:
    deck = Deck("paths", "Paths of RFC 2821: source route, quoted local part, longest local part", Job("PATHS", "JOB05015"))
    deck.framing, deck.lrecl = "rdw", 512
    deck.helo("MVSA")
    mail = deck.sender('"month end"@mvsa.example.org')
    deck.recipient(mail, "joe@example.net", written="RCPT TO:<@relay.example.org,@hub.example.org:joe@example.net>")
    deck.recipient(mail, f"{'l' * 64}@example.net")
    deck.recipient(mail, Bad(f"<{'l' * 65}@example.net>"))
    deck.recipient(mail, "o'neil+batch=1%a@sub-2.example.net")
    deck.put("DATA", "Subject: Paths", "", "Who gets this?", ".")
    deck.end(mail, ["Subject: Paths", "", "Who gets this?"])
    deck.quit()
    return deck


def traps() -> Deck:
    """The file of mail-processing.md 18.3."""
    deck = Deck("traps", "Most traps in one file (mail-processing.md 18.3)", Job("TRAPS", "JOB05016"))
    deck.put("helo mvsa")
    deck.hello = "mvsa"
    mail = deck.sender("ops@example.org", written="MAIL FROM: <ops@example.org>")
    deck.recipient(mail, "good@example.net")
    deck.put("RCPT TO:<bad path")
    mail["bad_recipients"] = ["<bad path"]
    deck.fault(INVALID_PATH.format("RCPT"), counted=False)
    deck.put("DATA", "Subject: night run", "first body line", "..dot line", ".")
    deck.end(mail, ["Subject: night run", "", "first body line", ".dot line"])
    deck.wrong("NOOP", UNKNOWN.format("NOOP"))
    deck.wrong("HELO mvsa 01/31/26", TOO_MANY.format("HELO"))
    text = ["Subject: no terminator", "", "text"]
    deck.mail("", ["x@example.net"], text, written=[text[0], text[2]], terminated=False)
    return deck


def decks() -> Iterator[Deck]:
    yield from (continuation(), missing_dot(), empty(), at_sign(), missing_blank(), dots(), null_trunc(), starttls())
    yield from (crlf_records(), newline_inside(), null_sender(), recipients_2001(), second_helo(), after_quit(), paths(), traps())
