"""One spool file on its way: read, delivered, reported, disposed of. CSSMTP's JES task; `tkid` is its id.

Promises: the claim ends in exactly one of deleted, kept, held or released; it is disposed of only when every mail in it is
final: delivered, answered with a notice, a dead letter, or refused by the deck's own errors. A fault of ours holds the file.
Never: speaks SMTP; decides policy (see `disposition`, `retry`).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from cssmtp.bsmtp.interpreter import Event as Finding
from cssmtp.bsmtp.interpreter import Rejected
from cssmtp.config.model import MimeLabel, TargetServer
from cssmtp.delivery.link import EightBit
from cssmtp.engine.aftermath import Aftermath
from cssmtp.engine.context import Context
from cssmtp.engine.disposition import disposition
from cssmtp.engine.ending import dispose, report_text, uninterrupted
from cssmtp.engine.filebook import FileBook, origin_of, spool_file, unreadable
from cssmtp.engine.fitting import ALL_FIT, TOO_LONG, Fitting
from cssmtp.engine.parcels import MailParcel, Parcel, Wire
from cssmtp.engine.pending import Pending
from cssmtp.engine.reading import DeckReader, target_charset, wire_format
from cssmtp.engine.retry import long_retry_delay
from cssmtp.errors import UnknownCodePage, UnreadableData, UnsendableMail
from cssmtp.mail.compose import NOTHING, Composer, Counted, Fit
from cssmtp.mail.headers import HeaderMaker
from cssmtp.model import BodySpan, DeckMail, Fault, MailId, Outcome, Verdict
from cssmtp.observe.events import (
    CharacterLoss,
    Disposition,
    MailEnded,
    MailRejected,
    MailRetry,
    SpoolFault,
    SpoolFileClaimed,
    SpoolFileEnded,
    SpoolFileUnreadable,
    TextMended,
)
from cssmtp.spool.store import Claim

RETRY_EXHAUSTED = "retry limit reached; last answer: "

_task_ids = itertools.count(1)


def next_task_id() -> int:
    """A TKID: task ids count up over the life of the process."""
    return next(_task_ids)


def exhausted(outcome: Outcome) -> Outcome:
    """What a temporary failure becomes when long retry ends: undeliverable, for its last reason (mail-processing.md 12.3)."""
    return Outcome(Verdict.UNDELIVERABLE, RETRY_EXHAUSTED + outcome.reason, outcome.target)


@dataclass(frozen=True, slots=True)
class FileResult:
    """What a task came to: mails read, and whether anything was wrong with the file or left undelivered."""

    mails: int
    bad: bool


class SpoolTask:
    """Works one claimed spool file off. `run` once; `waits` tells that it can only go on when mails get their answers."""

    def __init__(self, claim: Claim, context: Context) -> None:
        self.tkid = next_task_id()
        self.waits = False
        self._claim = claim
        self._context = context
        self._configuration = context.configuration
        self._publish = context.publish
        self._file = spool_file(claim, self.tkid)
        self._book = FileBook(self._file)
        self._pending = Pending()
        self._waiting: dict[Parcel, asyncio.TimerHandle] = {}
        self._stopping = False
        self._composers: dict[int, tuple[Composer, str]] = {}
        self._reader: DeckReader | None = None
        origin = origin_of(claim, self._configuration)
        self._headers = HeaderMaker(origin, self._configuration.header)
        self._aftermath = Aftermath(self._file, origin, context, self._pending, self)

    # --- the life of the task

    async def run(self) -> FileResult:
        """Work the file off. On cancellation the claim is released, so that the file is taken again."""
        try:
            return await self._work()
        except asyncio.CancelledError:
            self._drop_mails()
            self._claim.release()
            raise
        except Exception as error:
            # Unknown means retry, but not for ever and not silently: a fault of ours holds the file for a person to look at.
            self._stopping = True
            self._drop_mails()
            await asyncio.to_thread(self._claim.hold, f"internal error: {type(error).__name__}: {error}")
            raise

    @property
    def long_retry(self) -> int:
        """How many mails are in long retry."""
        return len(self._waiting)

    def stop_reading(self) -> None:
        """Take no more mails out of the file; those under way go on."""
        self._stopping = True

    async def _work(self) -> FileResult:
        self._publish(SpoolFileClaimed(self._file, self._claim.size, self._claim.tries))
        with self._claim.open() as stream:
            reader = await self._open(stream)
            if reader is not None:
                await self._read(reader)
        self.waits = True
        await self._pending.wait()
        if self._stopping and not (reader is None or reader.finished):
            raise asyncio.CancelledError("stopped before the end of the file")
        return await uninterrupted(self._end())

    async def _open(self, stream: BinaryIO) -> DeckReader | None:
        observer = self._context.deck_observer(self._file)
        try:
            reader = await asyncio.to_thread(
                DeckReader, stream, self._claim.size, self._claim.attributes, self._configuration, observer
            )
        except (UnreadableData, UnknownCodePage) as error:
            self._unreadable(str(error))
            return None
        self._reader = reader
        return reader

    async def _read(self, reader: DeckReader) -> None:
        flow = self._context.flow
        fitting = Fitting(reader, self._configuration, self._claim.open)
        while not self._stopping:
            if flow.full:
                self.waits = True
                await flow.room()
                self.waits = False
            try:
                findings = await asyncio.to_thread(self._next_slice, reader, fitting)
            except UnreadableData as error:
                self._unreadable(str(error))
                return
            if findings is None:
                return
            clock = self._context.clock
            now, moment = clock.wall(), clock.monotonic()
            for finding, fits in findings:
                match finding:
                    case DeckMail():
                        self._take(finding, fits, now, moment)
                    case Rejected():
                        self._book.rejected += 1
                        self._publish(MailRejected(self._file, finding.number, finding.reply))
                    case Fault():
                        self._found(finding)

    @staticmethod
    def _next_slice(reader: DeckReader, fitting: Fitting) -> list[tuple[Finding, Mapping[str, Fit]]] | None:
        """The next findings, and which charsets the mails among them do not fit. For a worker thread."""
        findings = reader.next_slice()
        if findings is None:
            return None
        return [(finding, fitting.of(finding) if isinstance(finding, DeckMail) else ALL_FIT) for finding in findings]

    def _unreadable(self, reason: str) -> None:
        self._found(unreadable(reason))
        self._publish(SpoolFileUnreadable(self._file, reason))

    def _found(self, fault: Fault) -> None:
        self._book.fault(fault)
        self._publish(SpoolFault(self._file, fault))

    # --- mails

    def _take(self, mail: DeckMail, fits: Mapping[str, Fit], now: datetime, moment: float) -> None:
        parcel = MailParcel(mail, self._headers.make(mail, now), self, self._mail_answered, fits)
        parcel.since = moment
        self._pending.begun()
        self._context.flow.took(parcel)
        settled = self._context.ledger.settled(MailId(self._file.id, mail.number))
        if settled:
            parcel.keep_only(tuple(place for place in parcel.positions if place not in settled))
        if parcel.recipients:
            self._submit(parcel)
        else:
            self._settle(parcel, ())

    def _submit(self, parcel: Parcel) -> None:
        self._waiting.pop(parcel, None)
        if self._context.courier is not None:
            self._context.courier.submit(parcel)

    def wire(self, parcel: MailParcel, target: TargetServer, *, eight_bit: bool) -> Wire | EightBit:
        """The mail as `target` gets it (see `parcels.Renderer`)."""
        mail = parcel.mail
        composer, charset = self._composer(target)
        fit = parcel.fits.get(charset, Fit.WHOLE)
        if fit is Fit.NEVER:
            raise UnsendableMail(TOO_LONG)
        large = isinstance(mail.body, BodySpan)
        if large:
            data: Wire = self._stream(parcel, target, eight_bit=eight_bit)
        else:
            before = composer.counted
            data = composer.small(mail, parcel.added, eight_bit=eight_bit, too_long=fit is Fit.BASE64)
            if composer.counted != before:
                self._converted(mail.number, charset, composer, before)
        if mail.header.mime_charset or not mail.header.ascii:
            whole = data if isinstance(data, bytes) else None
            self._context.labels.look(self._file, mail, target, charset, self._configuration, whole, self._publish)
        announced = eight_bit and composer.labels and not (data.isascii() if isinstance(data, bytes) else fit is Fit.BASE64)
        return EightBit(data) if announced else data

    def _composer(self, target: TargetServer) -> tuple[Composer, str]:
        made = self._composers.get(id(target))
        if made is None:
            made = self._composers[id(target)] = self._new_composer(target)
        return made

    def _new_composer(self, target: TargetServer) -> tuple[Composer, str]:
        assert self._reader is not None
        charset = target_charset(target, self._configuration)
        return Composer(wire_format(self._reader.page, charset, self._configuration)), charset

    def _stream(self, parcel: MailParcel, target: TargetServer, *, eight_bit: bool) -> Iterator[bytes]:
        # A composer of its own: the blocks are pulled in a worker thread, and counters are not shared between threads.
        composer, charset = self._new_composer(target)
        mail, span = parcel.mail, parcel.mail.body
        assert isinstance(span, BodySpan)
        too_long = parcel.fits.get(charset) is Fit.BASE64
        with self._claim.open() as stream:
            yield from composer.stream(mail, parcel.added, self._body(span, stream), eight_bit=eight_bit, too_long=too_long)
        if composer.counted != NOTHING:
            self._converted(mail.number, charset, composer, NOTHING)

    def _converted(self, mail: int, charset: str, composer: Composer, before: Counted) -> None:
        """Tell what the conversion of a mail lost and mended since `before`."""
        lost, shifts, odd = (now - then for now, then in zip(composer.counted, before, strict=True))
        if lost:
            self._book.lose(mail, charset, lost)
            self._publish(CharacterLoss(self._file, mail, charset, lost))
        if shifts or odd:
            self._publish(TextMended(self._file, mail, charset, shifts, odd))

    def _body(self, span: BodySpan, stream: BinaryIO) -> Iterator[bytes]:
        assert self._reader is not None
        return self._reader.body_blocks(span, stream)

    def original(self, parcel: MailParcel, target: TargetServer) -> Iterator[bytes]:
        """The mail's wire lines without the final period (see `aftermath.Originals`)."""
        assert self._reader is not None
        # As it stands in the deck: a label or encoded words would be wrong in the middle of a notice.
        charset = target_charset(target, self._configuration)
        quoted = replace(wire_format(self._reader.page, charset, self._configuration), label=MimeLabel.NO, encode_headers=False)
        composer = Composer(quoted)
        mail = parcel.mail
        if not isinstance(mail.body, BodySpan):
            yield from composer.text(mail, parcel.added, (mail.body,))
            return
        with self._claim.open() as stream:
            yield from composer.text(mail, parcel.added, self._body(mail.body, stream))

    # --- answers

    def _mail_answered(self, parcel: Parcel, outcomes: tuple[Outcome, ...]) -> None:
        try:
            self._take_answer(parcel, outcomes)
        except Exception as error:  # a fault of ours: it belongs to this file, not to the connection that brought the answer
            self._pending.fail(error)

    def _take_answer(self, parcel: Parcel, outcomes: tuple[Outcome, ...]) -> None:
        assert isinstance(parcel, MailParcel)
        again = [
            (place, outcome)
            for place, outcome in zip(parcel.positions, outcomes, strict=True)
            if outcome.verdict is Verdict.RETRY
        ]
        if not again and parcel.results is None:
            self._settle(parcel, outcomes)
            return
        parcel.merge(outcomes)
        if again and self._stopping:
            return  # not final, so the claim is released and the mail comes up again
        if again:
            delay = long_retry_delay(self._configuration.retry_limit, parcel.retries)
            if delay is not None:
                self._again(parcel, again, delay)
                return
            parcel.keep_only(tuple(place for place, _ in again))
            parcel.merge(tuple(exhausted(outcome) for _, outcome in again))
        self._settle(parcel, parcel.outcomes())

    def _again(self, parcel: MailParcel, again: list[tuple[int, Outcome]], delay: float) -> None:
        parcel.retries += 1
        parcel.keep_only(tuple(place for place, _ in again))
        self._publish(MailRetry(self._file, parcel.mail.number, parcel.retries, delay, len(again), again[0][1].reason))
        self._waiting[parcel] = asyncio.get_running_loop().call_later(delay, self._submit, parcel)

    def _settle(self, parcel: MailParcel, outcomes: tuple[Outcome, ...]) -> None:
        """Every recipient is final: make it durable, then go on."""
        mail = MailId(self._file.id, parcel.mail.number)
        self._context.ledger.record(mail, parcel.positions, lambda: self._settled(parcel, outcomes))

    def _settled(self, parcel: MailParcel, outcomes: tuple[Outcome, ...]) -> None:
        self._context.flow.gave(parcel)
        mail = parcel.mail
        seconds = self._context.clock.monotonic() - parcel.since
        event = MailEnded(self._file, mail.number, mail.envelope, parcel.size, outcomes, parcel.retries + 1, seconds)
        self._publish(event)
        failed = self._book.ended(mail, outcomes)
        if failed:
            self._aftermath.undeliverable(parcel, failed)
        self._pending.done()

    # --- the end

    async def _end(self) -> FileResult:
        book, claim = self._book, self._claim
        if self._reader is not None:
            book.read(self._reader.records, claim.size, self._reader.counted_errors)
        decided = self._decided()
        if book.bad:
            await self._report(decided)
        if self._context.courier is not None:
            self._context.courier.file_ended()
        self._context.ledger.forget(self._file.id)
        became = await asyncio.to_thread(dispose, claim, self._decided(), book.summary())
        self._publish(SpoolFileEnded(self._file, book.counts(), became, book.fault_lines))
        return FileResult(book.mails, book.bad)

    def _decided(self) -> Disposition:
        # Where a dead letter could not be written, the spool file is the only copy that is left.
        if not self._aftermath.kept:
            return Disposition.HOLD
        return disposition(self._book.bad, self._configuration.bad_spool_disp)

    async def _report(self, decided: Disposition) -> None:
        now = self._context.clock.wall()
        text = report_text(self._book, decided, self._configuration, now)
        await self._aftermath.report(text, self._claim, now)
        await self._pending.wait()

    def _drop_mails(self) -> None:
        """Nothing of the file is tried any more."""
        self._context.flow.dropped(self)
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
