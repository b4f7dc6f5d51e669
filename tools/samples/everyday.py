"""Decks of an ordinary night: nothing wrong with them, in all the framings and from all kinds of writers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from textwrap import wrap

from tools.samples.deck import Deck, Job


def one_mail() -> Deck:
    deck = Deck("one-mail", "One mail: the notice of a payroll run", Job("PAYRUN", "JOB01234", owner="PAYUSER"))
    deck.helo("MVSA")
    text = [
        "From: Payroll Batch <payroll@mvsa.example.org>",
        "To: Payroll Office <payoffice@example.net>",
        "Subject: PAYRUN JOB01234 ended, RC=0004",
        "",
        "Payroll run 2026-11 for company 0100 has ended.",
        "",
        "STEP       PROGRAM    RC     RECORDS IN   RECORDS OUT",
        "EXTRACT    PAY100     0000       12,417        12,417",
        "CALCULATE  PAY200     0004       12,417        12,415",
        "PRINT      PAY300     0000       12,415        12,415",
        "",
        "2 employees were set aside: see SYSOUT of step CALCULATE, message PAY0217W.",
    ]
    deck.mail("payroll@mvsa.example.org", ["payoffice@example.net"], text)
    deck.quit()
    deck.extra = {"records": len(deck.records), "bytes": len(deck.data())}
    return deck


def payroll_500() -> Deck:
    deck = Deck("payroll-500", "500 mails in one file: a pay slip notice for each employee", Job("PAYSLIP", "JOB01240", 104))
    deck.framing, deck.lrecl = "rdw", 255
    deck.helo("MVSA")
    for number in range(1, 501):
        gross, net = 2800_00 + number * 7_35, 1900_00 + number * 4_61
        text = [
            "From: Payroll <payroll@mvsa.example.org>",
            f"To: employee{number:05d}@staff.example.net",
            f"Subject: Pay slip November 2026, personnel number {number:05d}",
            "",
            f"Your pay for November 2026 was transferred on 27 November, reference {number * 7919:09d}.",
            f"Gross {gross // 100:>10,}.{gross % 100:02d}   Net {net // 100:>10,}.{net % 100:02d}",
        ]
        deck.mail("payroll@mvsa.example.org", [f"employee{number:05d}@staff.example.net"], text)
    deck.quit()
    return deck


def backup_report() -> Deck:
    deck = Deck("backup-report", "EBCDIC text with X'15' and no sidecar: the framing is detected", None, framing="nl15")
    deck.helo("MVSB.EXAMPLE.ORG")
    text = [
        "From: Storage Management <storage@mvsb.example.org>",
        "To: storage-team@example.net",
        "Subject: DAILYBKP: 3 volumes dumped, 1 retry",
        "",
        "ADR006I (001)-STEND(01), 2026.325 02:14:07 EXECUTION BEGINS",
        "",
        "VOLUME  TYPE   TRACKS   MB DUMPED   ELAPSED  RESULT",
        "PRD001  3390   50,085       2,714   00:06:41 OK",
        "PRD002  3390   50,085       2,690   00:06:38 OK",
        "PRD003  3390  150,255       7,911   00:21:02 OK (second drive, first failed with ADR348E)",
        "",
        "ADR012I (SCH)-DSSU (01), 2026.325 02:48:31 DFSMSDSS PROCESSING COMPLETE. HIGHEST RETURN CODE IS 0000",
    ]
    deck.mail("storage@mvsb.example.org", ["storage-team@example.net", "night-shift@example.net"], text)
    deck.quit()
    return deck


def reconciliation() -> Deck:
    deck = Deck("reconciliation", "EBCDIC text with X'25': general ledger against sub-ledger", Job("GLRECON", "JOB02011", 107))
    deck.framing = "lf25"
    deck.helo("MVSA")
    for ledger, rows in (("receivables", 14), ("payables", 9)):
        text = [
            "From: Finance Batch <finance@mvsa.example.org>",
            "To: controlling@example.net",
            f"Subject: Reconciliation {ledger}: {rows} open items",
            "Content-Type: text/plain;",
            "  charset=iso-8859-1",
            "",
            "ACCOUNT      GENERAL LEDGER       SUB-LEDGER       DIFFERENCE",
        ]
        amounts = [(100200 + 10 * row, 73_411.20 * row, 0.05 * row) for row in range(1, rows + 1)]
        text += [f"{account:<10} {amount:>16,.2f} {amount - off:>16,.2f} {off:>16,.2f}" for account, amount, off in amounts]
        deck.mail("finance@mvsa.example.org", ["controlling@example.net"], text)
    deck.quit()
    return deck


def disk_alert() -> Deck:
    deck = Deck("disk-alert", "ASCII text with CRLF and no sidecar, as a file transfer in text mode leaves it", None)
    deck.page, deck.framing = "ASCII", "crlf"
    deck.helo("unix7.example.org")
    text = [
        "From: monitor@unix7.example.org",
        "To: storage-team@example.net",
        "Subject: [ALERT] /u/prod/archive 96% full",
        "",
        "Filesystem OMVS.PROD.ARCHIVE is 96% full (threshold 95%).",
        "Growth over the last 24 hours: {+3.1%}; it will be full in about 31 hours.",
    ]
    deck.mail("monitor@unix7.example.org", ["storage-team@example.net"], text)
    deck.quit()
    return deck


def delivery_note() -> Deck:
    deck = Deck("delivery-note", "UTF-8 text with LF: notices of a shop system to customers", Job("SHIPNOTE", "JOB02290", 103))
    deck.page, deck.framing = "UTF-8", "lf"
    deck.helo("shop.example.org")
    for customer, street in (("Jürgen Groß", "Königstraße 7, Köln"), ("Zoë Lefèvre", "12 rue de la Forêt, Liège")):
        text = [
            "From: Shop <orders@shop.example.org>",
            f"Subject: Delivery note for {customer}",
            "",
            f"Your order leaves our warehouse today for {street}.",
            "Tracking starts about 18:00.",
        ]
        deck.mail("orders@shop.example.org", ["customer-copy@example.net"], text)
    deck.quit()
    return deck


def invoice_mime() -> Deck:
    deck = Deck("invoice-mime", "MIME with a base64 attachment, passed through unchanged", Job("INVOICE", "JOB03115", 111))
    deck.helo("MVSA.EXAMPLE.ORG")
    rows = "".join(f"{20261100 + n},4711{n:04d},{n * 1375 / 100:.2f},EUR\r\n" for n in range(1, 61))
    attachment = wrap(base64.b64encode(f"date,invoice,amount,currency\r\n{rows}".encode("ascii")).decode("ascii"), 76)
    text = [
        "From: Billing <billing@mvsa.example.org>",
        "To: accounts@example.net",
        "Subject: Invoices of week 47",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="=_JOB03115_001"',
        "",
        "This is a message in MIME format.",
        "--=_JOB03115_001",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "The invoices of week 47 are attached (60 lines).",
        "--=_JOB03115_001",
        'Content-Type: text/csv; name="invoices-w47.csv"',
        'Content-Disposition: attachment; filename="invoices-w47.csv"',
        "Content-Transfer-Encoding: base64",
        "",
        *attachment,
        "--=_JOB03115_001--",
    ]
    deck.mail("billing@mvsa.example.org", ["accounts@example.net"], text)
    deck.quit()
    return deck


def control_totals() -> Deck:
    deck = Deck("control-totals", "4-byte record lengths, framing not declared", Job("CTLTOT", "JOB03400", 105))
    deck.framing, deck.declared = "len4", False
    deck.helo("MVSC")
    text = [
        "From: Batch Control <control@mvsc.example.org>",
        "Subject: Control totals in balance",
        "",
        "INPUT     4,118,204 RECORDS   HASH 0093388471205",
        "OUTPUT    4,118,201 RECORDS   HASH 0093388402118",
        "REJECTED          3 RECORDS   HASH 0000000069087",
        "",
        "INPUT = OUTPUT + REJECTED: IN BALANCE",
    ]
    deck.mail("control@mvsc.example.org", ["control-desk@example.net"], text)
    deck.quit()
    return deck


def ledger_close() -> Deck:
    deck = Deck("ledger-close", "RDW records of page 500, framing not declared", Job("GLCLOSE", "JOB03512", 109))
    deck.page, deck.framing, deck.lrecl, deck.declared = "IBM-500", "rdw", 137, False
    deck.helo("MVSD.EXAMPLE.ORG")
    text = [
        "From: General Ledger <ledger@mvsd.example.org>",
        "Subject: Clôture mensuelle 2026-10 terminée [lot 3]",
        "",
        "Les écritures du mois d'octobre sont arrêtées. Exceptions: {néant}.",
        "Contrôle: total débit = total crédit | écart ^ 0 ! lot #3, seuil 5$, ~2 min, \\\\LOT\\3, `GL`.",
    ]
    deck.mail("ledger@mvsd.example.org", ["comptabilite@example.net"], text)
    deck.quit()
    return deck


def own_headers() -> Deck:
    deck = Deck("own-headers", "The writer's own Date and Message-ID are kept as written", Job("SAMPLE", "TSU00071", 2))
    deck.helo("YOURMVS")
    text = [
        "Date: Thur, 26 Mar 92 21:48:57 EST",
        "From: Carol< carol@mvsa.example.org>",
        "message-id: <19920326.214857.carol@mvsa.example.org>",
        "To: dept-list@example.net",
        "Bcc: archive@example.net",
        "Subject: Update: the weekly",
        "\tmeeting of the operators",
        "",
        "We meet on Thursday at 9:30 in room 5A.",
    ]
    deck.mail("carol@mvsa.example.org", ["dept-list@example.net", "archive@example.net"], text)
    deck.mail(
        "carol@mvsa.example.org",
        ["dept-list@example.net"],
        ["MESSAGE-ID: <2.carol@mvsa.example.org>", "Subject: Room", "", "Room 6B, not 5A.", "Date: not a header any more"],
    )
    deck.mail(
        "carol@mvsa.example.org",
        ["dept-list@example.net"],
        ["Subject: Forwarded", "Date: Fri, 20 Nov 2026 08:00:00 +0100", "", "Message-ID: <not-a-header@example.net>"],
    )
    deck.quit()
    return deck


def decks() -> Iterator[Deck]:
    yield from (one_mail(), payroll_500(), backup_report(), reconciliation(), disk_alert(), delivery_note(), invoice_mime())
    yield from (control_totals(), ledger_close(), own_headers())
