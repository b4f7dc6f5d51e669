"""The error report of one spool file (mail-processing.md 14; the layout is ours).

Promises: plain text, lines ended by a newline, each at most LINE_LIMIT octets in UTF-8. A reply stands on a line of its own,
indented by two blanks, as it was given, so that programs can search for it. Only lines of ours begin at the left margin:
text of users and servers is indented or follows words of ours, and what is not printable in it is shown escaped, so nobody
can add a line to a report. One line is made at a time: thousands of errors need no memory here.
Never: decides whether there is a report, where it goes, or what time it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from cssmtp.messages import plain
from cssmtp.model import Fault, FaultKind
from cssmtp.observe.events import Counts, Disposition, SpoolFile

LINE_LIMIT = 900
"""Octets of a line without its end: below the 998 of RFC 5322 2.1.1, since a report can be mailed."""

OFFENDING_LIMIT = 240
"""Octets shown of an offending line; the record number says where to find the rest."""

REPLY_LIMIT = LINE_LIMIT - 2

TITLE = "CSSMTP error report"


@dataclass(frozen=True, slots=True)
class FailedRecipient:
    """A recipient that will not get its mail: the mail's number, the address, the last reply or our own words."""

    mail: int
    recipient: str
    reason: str


def error_report(
    file: SpoolFile,
    faults: Iterable[Fault],
    failed: Iterable[FailedRecipient],
    counts: Counts,
    disposition: Disposition,
    *,
    host: str,
    job: str,
    now: datetime,
) -> str:
    """The whole report as text. Parameters as `report_lines`."""
    return "".join(f"{line}\n" for line in report_lines(file, faults, failed, counts, disposition, host=host, job=job, now=now))


def report_lines(
    file: SpoolFile,
    faults: Iterable[Fault],
    failed: Iterable[FailedRecipient],
    counts: Counts,
    disposition: Disposition,
    *,
    host: str,
    job: str,
    now: datetime,
) -> Iterator[str]:
    """The report line by line, without line ends.

    `faults` in deck order, `failed` in any order that suits; `host` our full host name, `job` the gateway's own job name,
    `now` aware. Faults of kind LIMIT come last, after everything they cut off.
    """
    yield from _heading(file, disposition, host, job, now)
    limits: list[Fault] = []
    for fault in faults:
        if fault.kind is FaultKind.LIMIT:
            limits.append(fault)
            continue
        yield _place(fault)
        if fault.line:
            yield "  " + plain(fault.line, OFFENDING_LIMIT)
        yield "  " + plain(fault.reply, REPLY_LIMIT)
    for failure in failed:
        yield f"Mail {failure.mail}  Recipient <{plain(failure.recipient, OFFENDING_LIMIT)}>"
        yield "  " + plain(failure.reason, REPLY_LIMIT)
    for fault in limits:
        yield plain(fault.reply, LINE_LIMIT)
    yield ""
    yield _sums(counts)


def _heading(file: SpoolFile, disposition: Disposition, host: str, job: str, now: datetime) -> Iterator[str]:
    yield f"{TITLE:<49}{format_datetime(now)}"
    yield f"CSSMTP job: {_fact(job)}    External writer: {_fact(file.writer)}    Host: {_fact(host)}"
    yield (
        f"Spool file: job {_fact(file.jobname)}  {_fact(file.jobid)}  data set {file.dsid}  "
        f"owner {_fact(file.owner)}  node {_fact(file.node)}"
    )
    yield f"Spool id: {_fact(file.id)}" + (f"  dropped as {_fact(file.name)}" if file.name else "")
    yield f"Disposition: {disposition.name}"
    yield ""


def _fact(text: str) -> str:
    return plain(text, OFFENDING_LIMIT // 2) or "-"


def _place(fault: Fault) -> str:
    if not fault.record:
        return f"Mail {fault.mail}" if fault.mail else "Spool file"
    return f"Record {fault.record}  Mail {fault.mail}" if fault.mail else f"Record {fault.record}"


def _sums(counts: Counts) -> str:
    parts = [f"Mails read {counts.mails}", f"sent {counts.sent}", f"undeliverable {counts.undeliverable}"]
    parts += [f"rejected {counts.rejected}"] if counts.rejected else []
    parts += [f"discarded {counts.discarded}"] if counts.discarded else []
    parts += [f"syntax errors {counts.errors}"]
    return "  ".join(parts)
