"""Messages of our own: the undeliverable notice, the mailed error report, and the names of dead letters.

Promises: complete wire text with its own envelope; whatever comes from a deck, a job or a server is reduced to printable ASCII
before it enters, on one line.
Never: decides whether a notice or report is sent; reads the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cssmtp.config.model import Header
from cssmtp.mail.compose import END_OF_DATA
from cssmtp.mail.headers import FOLD_AT, MONTHS, UNDELIVERABLE_MARK, HeaderMaker, Origin
from cssmtp.model import Envelope

LINE_LIMIT = 998
REPORT_MARK = "R"
"""Ends the name of a dead letter made from a report (mail-processing.md 13.3, our choice)."""
ORIGINAL_FOLLOWS = "---- Original mail follows ----"

_UNPRINTABLE = re.compile(r"[^ -~]")
_UNSAFE_NAME = re.compile(r"[^A-Z0-9$#@]")


@dataclass(frozen=True, slots=True)
class Failure:
    """A recipient that the mail could not be delivered to, as people read it, and why."""

    recipient: str
    reason: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of our own: its envelope, and its text on the wire up to where an original mail may follow."""

    envelope: Envelope
    head: bytes

    def wire(self, original: Iterable[bytes] = ()) -> Iterator[bytes]:
        """The wire text with the final period; `original` are whole stuffed wire lines (see `Composer.text`)."""
        yield self.head
        yield from original
        yield END_OF_DATA


def notice(origin: Origin, header: Header, number: int, originator: str, failures: Sequence[Failure], now: datetime) -> Letter:
    """The notice that mail `number` could not be delivered, to its `originator` (mail-processing.md 13.2).

    `header` is the Header statement: with UserInfo NO neither added header nor text names job or user. Date is always there.
    """
    text = ["The following mail could not be delivered."]
    if header.user_info:
        text.append(f"Job: {origin.jobname} {origin.jobid}   User: {origin.owner}   Mail: {number}")
    else:
        text.append(f"Mail: {number}")
    for failure in failures:
        text += [f"Recipient: {failure.recipient}", f"Reason: {failure.reason}"]
    text += ["", ORIGINAL_FOLLOWS]
    fields = [
        f"From: CSSMTP@{origin.host}",
        f"To: {originator}",
        "Subject: Undeliverable mail",
    ]
    added = _added(origin, header, f"{number}{UNDELIVERABLE_MARK}", now)
    return Letter(Envelope(origin.host, "", (originator,)), added + _wire([*fields, "", *text]))


def report_mail(
    origin: Origin,
    header: Header,
    report: str,
    administrators: tuple[str, ...],
    mail_from: str,
    now: datetime,
) -> Letter:
    """The error report as one mail to all administrators (mail-processing.md 14).

    `report` is its text with line feeds, `mail_from` ReportMailFrom ("" = null sender and a From of ours).
    """
    fields = [
        f"From: {mail_from or f'CSSMTP@{origin.host}'}",
        *_addresses("To: ", administrators),
        f"Subject: CSSMTP error report for {origin.jobname} {origin.jobid}",
    ]
    added = _added(origin, header, f"0{REPORT_MARK}", now)
    text = report.removesuffix("\n").split("\n")
    return Letter(Envelope(origin.host, mail_from, administrators), added + _wire([*fields, "", *text]))


def dead_letter_name(jobname: str, jobid: str, now: datetime, sequence: int, mark: str = UNDELIVERABLE_MARK) -> str:
    """The file name of a dead letter, like TESTMAIL.SYS00006.Sep302008.160454.541437.1U (mail-processing.md 13.3).

    Only letters, digits, `$ # @` and periods; never empty, never led by a period.
    """
    names = [_UNSAFE_NAME.sub("#", name.upper()[:64]) or "UNKNOWN" for name in (jobname, jobid)]
    day = f"{MONTHS[now.month - 1]}{now.day:02}{now.year:04}"
    return f"{names[0]}.{names[1]}.{day}.{now:%H%M%S}.{now.microsecond:06}.{sequence}{mark}"


def _added(origin: Origin, header: Header, sequence: str, now: datetime) -> bytes:
    return HeaderMaker(origin, header).lines(origin.host, sequence, now, date=True, message_id=True)


def _addresses(lead: str, addresses: tuple[str, ...]) -> list[str]:
    """An address field with as many addresses on a line as FOLD_AT allows."""
    lines = [lead]
    for index, address in enumerate(addresses):
        piece = address + ("," if index + 1 < len(addresses) else "")
        if lines[-1] != lead and len(lines[-1]) + 1 + len(piece) > FOLD_AT:
            lines.append(" " + piece)
        else:
            lines[-1] += piece if lines[-1] == lead else " " + piece
    return lines


def _wire(lines: list[str]) -> bytes:
    """Our own lines on the wire: printable ASCII, at most LINE_LIMIT characters, periods stuffed."""
    wire: list[str] = []
    for line in lines:
        line = _UNPRINTABLE.sub("?", line)[:LINE_LIMIT].rstrip()
        wire.append(f".{line}\r\n" if line.startswith(".") else f"{line}\r\n")
    return "".join(wire).encode("ascii")
