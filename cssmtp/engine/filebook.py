"""The account of one spool file: what was found, what became of its mails.

Promises: sums are exact whatever the number of findings; of the findings themselves at most REPORT_FINDINGS of each kind are
kept for the report, the rest is counted. Never: does anything but add up.
"""

from __future__ import annotations

from cssmtp.config.model import Configuration, System
from cssmtp.mail.headers import Origin
from cssmtp.model import DeckMail, Fault, FaultKind, Outcome, Verdict
from cssmtp.observe.events import Counts, SpoolFile
from cssmtp.observe.report import FailedRecipient
from cssmtp.spool.store import Claim

REPORT_FINDINGS = 10_000
"""Errors, and failed recipients, of one file that are listed one by one; a file of rubbish must not fill the memory."""

REPORT_LOSSES = 100
"""Mails of one file whose lost characters are listed one by one."""

UNREADABLE = "554 5.6.0 JES Spool file cannot be read: "
"""Reply for a file whose bytes are no records. Ours: no text of IBM's is known for it."""


def spool_file(claim: Claim, tkid: int) -> SpoolFile:
    """The facts of a claimed file as events and reports show them; `tkid` is the task that works on it."""
    attributes = claim.attributes
    return SpoolFile(
        id=claim.id,
        writer=attributes.writer,
        jobname=attributes.jobname,
        jobid=attributes.jobid,
        dsid=attributes.dsid,
        owner=attributes.owner,
        notify=attributes.notify,
        node=attributes.origin_node,
        name=str(attributes.extra.get("drop", "")),
        tkid=tkid,
    )


def full_host_name(system: System) -> str:
    """Our own name for EHLO and for people."""
    return ".".join(part for part in (system.host_name, system.domain) if part) or "localhost"


def origin_of(file: SpoolFile, configuration: Configuration) -> Origin:
    """What generated header fields say about a file and about us."""
    system = configuration.system
    return Origin(
        jobname=file.jobname,
        jobid=file.jobid,
        dsid=file.dsid,
        owner=file.owner,
        notify=file.notify,
        host_name=system.host_name,
        domain=system.domain,
        writer=configuration.ext_writer_name,
        cssmtp_job=system.job_name,
    )


def unreadable(reason: str) -> Fault:
    """The fault that stands for a whole file."""
    return Fault(FaultKind.UNREADABLE, 0, 0, "", UNREADABLE + reason, False)


def _delivered(outcome: Outcome) -> bool:
    return outcome.verdict is Verdict.DELIVERED


class FileBook:
    """Adds up one file."""

    def __init__(self, file: SpoolFile) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.failed: list[FailedRecipient] = []
        self.fault_lines = 0
        self.failed_count = 0
        self.sent = 0
        self.undeliverable = 0
        self.rejected = 0
        self.discarded = 0
        self.parked = 0
        self.lost: dict[tuple[int, str], int] = {}
        self.lost_unlisted = 0
        self._records = 0
        self._octets = 0
        self._errors = 0

    @property
    def mails(self) -> int:
        """Whole mails of the deck; what RSET or HELO cut short is none."""
        return self.sent + self.undeliverable + self.rejected + self.discarded + self.parked

    @property
    def bad(self) -> bool:
        """Whether this is a bad spool file: any error, any undeliverable mail (mail-processing.md 16)."""
        return bool(self.fault_lines or self.failed_count or self.rejected)

    def fault(self, fault: Fault) -> None:
        """An error in the deck."""
        self.fault_lines += 1
        if len(self.faults) < REPORT_FINDINGS or fault.kind is FaultKind.LIMIT:
            self.faults.append(fault)

    def ended(self, mail: DeckMail, outcomes: tuple[Outcome, ...]) -> list[FailedRecipient]:
        """A mail's recipients are all final for the file; `outcomes` is one per good recipient, RETRY for those that went into
        extended retry. Returns those that will not get it.

        A bad recipient (RCPT error) is among them, but its error has its own line in the report already.
        """
        envelope = mail.envelope
        if not envelope.bad_recipients and all(map(_delivered, outcomes)):  # as nearly always
            self.sent += 1
            return []
        failed = [
            FailedRecipient(mail.number, recipient, outcome.reason)
            for recipient, outcome in zip(envelope.recipients, outcomes, strict=True)
            if outcome.verdict is Verdict.UNDELIVERABLE
        ]
        self.failed_count += len(failed)
        self.failed += failed[: max(0, REPORT_FINDINGS - len(self.failed))]
        failed += [FailedRecipient(mail.number, bad.text, bad.reply) for bad in envelope.bad_recipients]
        if failed:
            self.undeliverable += 1
        else:
            self.parked += 1
        return failed

    def lose(self, mail: int, charset: str, count: int) -> None:
        """`count` characters of a mail are not in `charset`. A mail that is sent again loses the same ones."""
        if (mail, charset) in self.lost or len(self.lost) < REPORT_LOSSES:
            self.lost[mail, charset] = count
        else:
            self.lost_unlisted += count

    def read(self, records: int, octets: int, errors: int) -> None:
        """What the reader counted, at the end of the file. `errors` are those that count to JESSyntaxErrLimit."""
        self._records = records
        self._octets = octets
        self._errors = errors

    def counts(self) -> Counts:
        return Counts(
            records=self._records,
            octets=self._octets,
            mails=self.mails,
            sent=self.sent,
            undeliverable=self.undeliverable,
            rejected=self.rejected,
            discarded=self.discarded,
            parked=self.parked,
            errors=self._errors,
        )

    def summary(self) -> str:
        """One line for the spool: why the file is held."""
        parts = [f"{self.fault_lines} error(s) in the deck"] if self.fault_lines else []
        if self.undeliverable:
            parts.append(f"{self.undeliverable} mail(s) undeliverable")
        return ", ".join(parts) or "no error"
