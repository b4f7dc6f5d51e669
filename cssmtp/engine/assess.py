"""What would happen to a spool file: the dry run behind test mode and `cssmtp check`.

Promises: the same reading as delivery, and nothing else; both users get the same verdicts because this is the one place
that makes them.
Never: sends, writes, disposes.
"""

from __future__ import annotations

from typing import BinaryIO

from cssmtp.bsmtp.interpreter import Rejected
from cssmtp.config.model import Configuration
from cssmtp.engine.disposition import disposition
from cssmtp.engine.filebook import unreadable
from cssmtp.engine.fitting import TOO_LONG, Fitting, borrowed
from cssmtp.engine.reading import DeckReader
from cssmtp.errors import UnknownCodePage, UnreadableData
from cssmtp.model import DeckMail, Envelope, Fault, FaultKind
from cssmtp.observe.assessment import AssessedMail, Assessment, Judgement
from cssmtp.spool.attributes import Attributes


def assess(name: str, stream: BinaryIO, size: int, attributes: Attributes, configuration: Configuration) -> Assessment:
    """Read the whole deck and say what would become of each mail and of the file. `stream` is seekable, at its start."""
    mails: list[AssessedMail] = []
    errors: list[Fault] = []
    reader: DeckReader | None = None
    try:
        reader = DeckReader(stream, size, attributes, configuration)
        fitting = Fitting(reader, configuration, lambda: borrowed(stream))
        while (findings := reader.next_slice()) is not None:
            for finding in findings:
                match finding:
                    case DeckMail():
                        verdict = judge(finding, fitting)
                        mails.append(_mail(finding.number, verdict, finding.envelope, finding.size))
                        if verdict is Judgement.UNDELIVERABLE and finding.envelope.recipients:
                            errors.append(too_long(finding))
                    case Rejected():
                        mails.append(_mail(finding.number, Judgement.REJECTED, finding.envelope, 0))
                    case Fault():
                        errors.append(finding)
    except (UnreadableData, UnknownCodePage) as error:
        errors.append(unreadable(str(error)))
    bad = bool(errors) or any(mail.verdict is not Judgement.DELIVERABLE or mail.bad_recipients for mail in mails)
    return Assessment(
        file=name,
        framing=reader.framing.kind.value if reader else "",
        code_page=reader.page if reader else "",
        records=reader.progress.records if reader else 0,
        mails=tuple(mails),
        errors=tuple(errors),
        counted_errors=reader.progress.counted_errors if reader else 0,
        error_limit_reached=reader.progress.limit_reached if reader else False,
        disposition=disposition(bad, configuration.bad_spool_disp),
        records_are=reader.framing.describe() if reader else "",
    )


def judge(mail: DeckMail, fitting: Fitting) -> Judgement:
    """A mail that somebody can be sent is deliverable; whether a server takes it cannot be known here.

    Reads a large mail again where a target's charset is multi-byte.
    """
    sendable = mail.envelope.recipients and not fitting.nowhere(mail)
    return Judgement.DELIVERABLE if sendable else Judgement.UNDELIVERABLE


def too_long(mail: DeckMail) -> Fault:
    """What is told of a mail that fits no target's charset. It does not count to JESSyntaxErrLimit: the deck is in order."""
    return Fault(FaultKind.LINE_TOO_LONG, mail.data_record, mail.number, "", TOO_LONG, False)


def _mail(number: int, verdict: Judgement, envelope: Envelope, size: int) -> AssessedMail:
    return AssessedMail(number, verdict, envelope.reverse_path, envelope.recipients, envelope.bad_recipients, size)
