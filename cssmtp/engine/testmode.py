"""One spool file in test mode: read, judged, reported, disposed of; nothing is ever sent.

Promises: the only output is the error report; a file without errors is deleted, one with errors follows BadSpoolDisp
(product-slides.md 2.1). Never: sends, retries, returns or stores a mail.
"""

from __future__ import annotations

import asyncio

from cssmtp.bsmtp.interpreter import Event as Finding
from cssmtp.bsmtp.interpreter import Rejected
from cssmtp.engine.aftermath import Aftermath
from cssmtp.engine.assess import judge
from cssmtp.engine.context import Context
from cssmtp.engine.disposition import disposition
from cssmtp.engine.ending import dispose, report_text, uninterrupted
from cssmtp.engine.filebook import FileBook, origin_of, spool_file, unreadable
from cssmtp.engine.fitting import TOO_LONG, Fitting
from cssmtp.engine.foreign import in_own_thread
from cssmtp.engine.pending import Pending
from cssmtp.engine.reading import DeckReader
from cssmtp.engine.spooltask import FileResult, next_task_id
from cssmtp.errors import UnknownCodePage, UnreadableData
from cssmtp.model import DeckMail, Fault, Outcome, Verdict
from cssmtp.observe.assessment import Judgement
from cssmtp.observe.events import (
    MailDiscarded,
    MailEnded,
    MailRejected,
    SpoolFault,
    SpoolFileClaimed,
    SpoolFileEnded,
    SpoolFileUnreadable,
)
from cssmtp.observe.snapshot import TaskState, TaskStatus
from cssmtp.spool.store import Claim


class TestModeTask:
    """The test mode counterpart of `SpoolTask`."""

    __test__ = False  # or pytest takes the name for a test class

    def __init__(self, claim: Claim, context: Context) -> None:
        self.tkid = next_task_id()
        self.waits = False
        self.long_retry = 0
        self._claim = claim
        self._context = context
        self._publish = context.publish
        self._file = spool_file(claim, self.tkid)
        self._book = FileBook(self._file)
        self._pending = Pending()
        origin = origin_of(self._file, context.configuration)
        self._aftermath = Aftermath(self._file, origin, context, self._pending, None)
        self._stopping = False
        self._records = 0

    def flush(self) -> int:
        """Nothing is ever in long retry here."""
        return 0

    def status(self, pool: str) -> TaskStatus:
        """What displays show of the task, which belongs to `pool`."""
        book = self._book
        failed = book.undeliverable + book.rejected
        return TaskStatus(
            self.tkid, pool, TaskState.ACTIVE, self._file, self._records, read=book.mails, sent=book.discarded, failed=failed
        )

    def stop_reading(self) -> None:
        """Stop after the slice in work; the file goes back to the ready queue."""
        self._stopping = True

    async def run(self) -> FileResult:
        """Judge the file. On cancellation the claim is released, so that the file is taken again."""
        try:
            self._publish(SpoolFileClaimed(self._file, self._claim.size, self._claim.tries))
            await self._read()
            return await uninterrupted(self._end())
        except asyncio.CancelledError:
            self._claim.release()
            raise
        except Exception as error:
            await asyncio.to_thread(self._claim.hold, f"internal error: {type(error).__name__}: {error}")
            raise

    async def _read(self) -> None:
        book, size = self._book, self._claim.size
        try:
            with self._claim.open() as stream:
                context = self._context
                observer, gate = context.deck_observer(self._file), context.gate(self._file)
                reader = await asyncio.to_thread(
                    DeckReader, stream, size, self._claim.attributes, context.configuration, observer, gate
                )
                fitting = Fitting(reader, context.configuration, self._claim.open)
                in_thread = in_own_thread if reader.asks else asyncio.to_thread
                while (slice_ := await in_thread(self._next_slice, reader, fitting)) is not None:
                    for finding, verdict in slice_:
                        self._take(finding, verdict)
                    self._records = reader.progress.records
                    if self._context.flow.full and not self._stopping:
                        await self._context.flow.room()
                    if self._stopping:
                        raise asyncio.CancelledError("stopped before the end of the file")
                book.read(reader.progress.records, size, reader.progress.counted_errors)
        except (UnreadableData, UnknownCodePage) as error:
            self._found(unreadable(str(error)))
            self._publish(SpoolFileUnreadable(self._file, str(error)))

    @staticmethod
    def _next_slice(reader: DeckReader, fitting: Fitting) -> list[tuple[Finding, Judgement | None]] | None:
        """The next findings, the mails among them judged. For a worker thread: a large mail may be read again for it."""
        findings = reader.next_slice()
        if findings is None:
            return None
        return [(finding, judge(finding, fitting) if isinstance(finding, DeckMail) else None) for finding in findings]

    def _take(self, finding: Finding, verdict: Judgement | None) -> None:
        match finding:
            case DeckMail():
                recipients = finding.envelope.recipients
                if verdict is not Judgement.DELIVERABLE:
                    outcomes = (Outcome(Verdict.UNDELIVERABLE, TOO_LONG),) * len(recipients)
                    self._book.ended(finding, outcomes)
                    self._publish(MailEnded(self._file, finding.number, finding.envelope, finding.size, outcomes, tries=0))
                elif finding.envelope.bad_recipients:
                    self._book.undeliverable += 1
                else:
                    self._book.discarded += 1
                if verdict is Judgement.DELIVERABLE:
                    self._publish(MailDiscarded(self._file, finding.number, finding.envelope, finding.size))
            case Rejected():
                self._book.rejected += 1
                self._publish(MailRejected(self._file, finding.number, finding.reply))
            case Fault():
                self._found(finding)

    def _found(self, fault: Fault) -> None:
        self._book.fault(fault)
        self._publish(SpoolFault(self._file, fault))

    async def _end(self) -> FileResult:
        book, configuration = self._book, self._context.configuration
        decided = disposition(book.bad, configuration.bad_spool_disp)
        if book.bad:
            now = self._context.clock.wall()
            await self._aftermath.report(report_text(book, decided, configuration, now), self._claim, now)
            await self._pending.wait()
        became = await asyncio.to_thread(dispose, self._claim, decided, book.summary())
        self._publish(SpoolFileEnded(self._file, book.counts(), became, book.fault_lines))
        return FileResult(book.mails, book.bad)
