"""One spool file on its way: read, delivered, reported, disposed of. CSSMTP's JES task; `tkid` is its id.

Promises: the claim ends in exactly one of deleted, kept, held or released; it is disposed of only when every mail in it is
final: delivered, answered with a notice, a dead letter, or refused by the deck's own errors. A fault of ours holds the file.
Never: speaks SMTP; decides policy (see `disposition`, `retry`).
"""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import BinaryIO

from cssmtp.bsmtp.interpreter import Rejected
from cssmtp.config.model import TargetServer
from cssmtp.delivery.link import EightBit
from cssmtp.engine.aftermath import Aftermath
from cssmtp.engine.context import Context
from cssmtp.engine.disposition import disposition
from cssmtp.engine.ending import Result, dispose, insisted, report_text, uninterrupted
from cssmtp.engine.filebook import FileBook, origin_of, spool_file, unreadable
from cssmtp.engine.fitting import Fitting
from cssmtp.engine.ledger import History, MailState, Then
from cssmtp.engine.parcels import MailParcel, Parcel, Wire
from cssmtp.engine.parking import ParkedMail, Parking
from cssmtp.engine.pending import Pending
from cssmtp.engine.reading import DeckReader
from cssmtp.engine.reading_ahead import DeckAhead, Slices
from cssmtp.engine.rendering import Rendering
from cssmtp.engine.retry import RETRY_EXHAUSTED, lingering_delay, long_retry_delay
from cssmtp.errors import UnknownCodePage, UnreadableData
from cssmtp.mail.compose import Fit
from cssmtp.mail.headers import HeaderMaker
from cssmtp.model import BodySpan, DeckMail, Fault, Outcome, Verdict
from cssmtp.observe.events import (
    Disposition,
    InternalError,
    MailEnded,
    MailParked,
    MailRejected,
    MailRetry,
    SpoolFault,
    SpoolFileClaimed,
    SpoolFileEnded,
    SpoolFileUnreadable,
    SpoolUnusable,
)
from cssmtp.observe.snapshot import TaskState, TaskStatus
from cssmtp.spool.store import Claim

DELIVERED_BEFORE = Outcome(Verdict.DELIVERED, "sent before this start")
"""What a warm start knows of a recipient that got its mail."""

AT_ONCE_OCTETS = 256 * 1024
"""A file of up to so many octets is read at once: finding out how it is framed looks at it in many places."""

_task_ids = itertools.count(1)


def nothing() -> None:
    """What follows where nobody waits for anything to follow."""


def next_task_id() -> int:
    """A TKID: task ids count up over the life of the process."""
    return next(_task_ids)


@dataclass(frozen=True, slots=True)
class FileResult:
    """What a task came to: mails read, and whether anything was wrong with the file or is not delivered yet."""

    mails: int
    bad: bool


class SpoolTask:
    """Works one claimed spool file off. `run` once; `waits` tells that it can only go on when mails get their answers."""

    def __init__(self, claim: Claim, context: Context) -> None:
        self.tkid = next_task_id()
        self.waits = False
        self._claim = claim
        self._size = 0  # octets of the data, once the work has begun
        self._context = context
        self._configuration = self._seen = context.configuration  # at the begin, by which it is read; at the last slice
        self._publish = context.publish
        self._file = spool_file(claim, self.tkid)
        self._book = FileBook(self._file)
        self._pending = Pending()
        self._waiting: dict[MailParcel, asyncio.TimerHandle] = {}
        self._parkings: set[asyncio.Task[None]] = set()
        self._history: History | None = None
        self._taken: Mapping[int, tuple[Outcome, ...]] = {}
        self._resuming = False
        self._stopping = False  # nothing more is begun
        self._stopped = False  # ... because the gateway stops
        self._reader: DeckReader | None = None
        self._rendering: Rendering | None = None
        self._origin = origin_of(self._file, self._configuration)
        self._headers = HeaderMaker(self._origin, self._configuration.header)
        put_off = nothing if context.ledger.lasting else None  # the mail stays open, so the stop gives the file back
        self._aftermath = Aftermath(self._file, self._origin, context, self._pending, self, put_off)

    # --- the life of the task

    async def run(self) -> FileResult:
        """Work the file off. On cancellation the claim is released, so that the file is taken again."""
        try:
            return await self._work()
        except asyncio.CancelledError:
            self._drop_mails()
            await uninterrupted(self._aftermath.written())
            self._claim.release()
            raise
        except Exception as error:
            # Unknown means retry, but not for ever and not silently: a fault of ours holds the file for a person to look at.
            self._stopping = True
            self._drop_mails()
            await self._insisted(partial(self._claim.hold, f"internal error: {type(error).__name__}: {error}"))
            raise

    def stop_reading(self) -> None:
        """Take no more mails out of the file; those under way go on."""
        self._stopping = self._stopped = True

    def flush(self) -> int:
        """End long retry now for every mail that waits in it, as if RetryLimit were reached (FLUSHRETRY TKID=).

        Returns how many there were.
        """
        waiting, self._waiting = self._waiting, {}
        for parcel, timer in waiting.items():
            timer.cancel()
            self._exhausted(parcel)
        return len(waiting)

    def status(self, pool: str) -> TaskStatus:
        """What displays show of the task, which belongs to `pool`."""
        book, retrying = self._book, len(self._waiting)
        pending = self._pending.count - retrying
        return TaskStatus(
            tkid=self.tkid,
            pool=pool,
            state=TaskState.LONG_RETRY if retrying and self.waits and not pending else TaskState.ACTIVE,
            file=self._file,
            records=self._reader.progress.records if self._reader is not None else 0,
            read=book.mails + self._pending.count,
            sent=book.sent,
            failed=book.undeliverable + book.rejected,
            pending=pending,
            retrying=retrying,
            oldest_retry=self._oldest_retry(),
        )

    def _oldest_retry(self) -> datetime | None:
        if not self._waiting:
            return None
        clock = self._context.clock
        return clock.wall() - timedelta(seconds=clock.monotonic() - min(parcel.since for parcel in self._waiting))

    @property
    def long_retry(self) -> int:
        """How many mails are in long retry."""
        return len(self._waiting)

    async def _work(self) -> FileResult:
        self._size = self._claim.size
        self._publish(SpoolFileClaimed(self._file, self._size, self._claim.tries))
        self._history = await self._context.ledger.open_file(self._file.id)
        if self._context.parking is not None:
            self._taken = self._context.parking.taken(self._file.id)
        self._resuming = bool(self._taken) or self._history is not None
        with self._claim.open() as stream:
            reader = await self._open(io.BytesIO(stream.read()) if self._size <= AT_ONCE_OCTETS else stream)
            if reader is not None:
                slices = Slices(reader, await self._ahead(reader))
                try:
                    await self._read(reader, slices)
                finally:
                    slices.close()
        self.waits = True
        await self._pending.wait()
        if self._stopping and not (reader is None or reader.progress.finished):
            raise asyncio.CancelledError("stopped before the end of the file")
        return await uninterrupted(self._end())

    async def _open(self, stream: BinaryIO) -> DeckReader | None:
        observer, gate = self._context.deck_observer(self._file), self._context.gate(self._file)
        begin = partial(DeckReader, stream, self._size, self._claim.attributes, self._configuration, observer, gate)
        try:
            reader = begin() if self._size <= AT_ONCE_OCTETS else await asyncio.to_thread(begin)
        except (UnreadableData, UnknownCodePage) as error:
            self._unreadable(str(error))
            return None
        self._reader = reader
        self._rendering = Rendering(self._file, reader.page, self._context, self._stuffed, self._book.lose)
        return reader

    async def _ahead(self, reader: DeckReader) -> DeckAhead | None:
        """The deck as another process reads it, where there is one and it pays."""
        reading = self._context.reading
        if reading is None or reader.private or not reading.wants(self._size):
            return None
        with self._claim.open() as stream:
            return await reading.open(stream, self._size, self._claim.attributes, self._configuration)

    async def _read(self, reader: DeckReader, slices: Slices) -> None:
        flow = self._context.flow
        fitting = self._follow_refresh(reader)
        while not self._stopping:
            if flow.full:
                self.waits = True
                await flow.room()
                self.waits = False
            if self._seen is not self._context.configuration:
                fitting = self._follow_refresh(reader)
            try:
                findings = await slices.next(fitting)
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

    def _follow_refresh(self, reader: DeckReader) -> Fitting:
        """What holds for mails that are not read yet, by the configuration in effect; mails that are read keep theirs."""
        self._seen = self._context.configuration
        self._headers = HeaderMaker(self._origin, self._seen.header)
        return Fitting(reader, self._seen, self._claim.open)

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
        if self._resuming and self._resumed(parcel):
            return
        self._begin(parcel)
        if parcel.recipients:
            self._submit(parcel)
        else:
            self._settle(parcel)

    def _begin(self, parcel: MailParcel) -> None:
        self._pending.begun()
        self._context.flow.took(parcel)

    def _resumed(self, parcel: MailParcel) -> bool:
        """Go on where an earlier life of the process stopped with this mail. False: nothing is known of it."""
        mail, recipients = parcel.mail, parcel.recipients
        if self._history is not None and self._history.delivered(mail.number):
            self._book.ended(mail, (DELIVERED_BEFORE,) * len(recipients))
            return True
        state = self._history.state(mail.number) if self._history is not None else None
        parked = self._taken.get(mail.number)
        if parked is not None and not (state is not None and state.settled):
            # The process ended between the copy in the mail directory and the record of it.
            state = MailState(parked)
            recorded = False
        else:
            recorded = True
        if state is None or len(state.outcomes) != len(recipients):
            return False
        if state.closed:
            self._book.ended(mail, state.settled_outcomes())
            return True
        self._begin(parcel)
        parcel.results = list(state.outcomes)
        if not state.settled:
            parcel.keep_only(tuple(place for place, outcome in enumerate(state.outcomes) if outcome is None))
            self._submit(parcel)
        elif recorded:
            self._follow(parcel, parcel.outcomes())
        else:  # it waits there and has not ended, so there is nothing to tell
            self._record(parcel, state, partial(self._settled, parcel, parcel.outcomes(), tell=False))
        return True

    def _submit(self, parcel: MailParcel) -> None:
        self._waiting.pop(parcel, None)
        if self._context.courier is not None:
            self._context.courier.submit(parcel)

    def wire(self, parcel: MailParcel, target: TargetServer, *, eight_bit: bool) -> Wire | EightBit:
        """The mail as `target` gets it (see `parcels.Renderer`)."""
        assert self._rendering is not None
        return self._rendering.wire(parcel, target, eight_bit=eight_bit)

    def original(self, parcel: MailParcel, target: TargetServer) -> Iterator[bytes]:
        """The mail's wire lines without the final period (see `aftermath.Originals`)."""
        assert self._rendering is not None
        return self._rendering.original(parcel, target)

    def _stuffed(self, mail: DeckMail) -> Iterator[bytes]:
        """The stuffed lines of a body, wherever it is."""
        assert self._reader is not None
        if not isinstance(mail.body, BodySpan):
            yield mail.body
            return
        with self._claim.open() as stream:
            yield from self._reader.body_blocks(mail.body, stream)

    # --- answers

    def _mail_answered(self, parcel: Parcel, outcomes: tuple[Outcome, ...]) -> None:
        try:
            self._take_answer(parcel, outcomes)
        except Exception as error:  # a fault of ours: it belongs to this file, not to the connection that brought the answer
            self._pending.fail(error)

    def _take_answer(self, parcel: Parcel, outcomes: tuple[Outcome, ...]) -> None:
        assert isinstance(parcel, MailParcel)
        if parcel.results is None and not parcel.mail.envelope.bad_recipients:
            for outcome in outcomes:
                if outcome.verdict is not Verdict.DELIVERED:
                    break
            else:
                self._record(parcel, None, partial(self._settled, parcel, outcomes))
                return
        parcel.merge(outcomes)
        again = tuple(
            place for place, outcome in zip(parcel.positions, outcomes, strict=True) if outcome.verdict is Verdict.RETRY
        )
        if not again:
            self._settle(parcel)
            return
        parcel.keep_only(again)
        if len(again) < len(outcomes):
            self._record(parcel, MailState(parcel.finals()), nothing)
        if not self._stopping:  # else the claim is released and the mail comes up again
            self._not_now(parcel)

    def _not_now(self, parcel: MailParcel) -> None:
        delay = long_retry_delay(self._context.configuration.retry_limit, parcel.retries)
        if delay is None:
            self._exhausted(parcel)
        else:
            self._again(parcel, delay)

    def _again(self, parcel: MailParcel, delay: float) -> None:
        parcel.retries += 1
        reason = parcel.reason()
        self._publish(MailRetry(self._file, parcel.mail.number, parcel.retries, delay, len(parcel.recipients), reason))
        self._waiting[parcel] = asyncio.get_running_loop().call_later(delay, self._submit, parcel)

    def _exhausted(self, parcel: MailParcel) -> None:
        """Long retry is over: on to extended retry where there is one, else the mail is undeliverable."""
        parking = self._context.parking
        if parking is not None and parking.active:
            task = asyncio.get_running_loop().create_task(self._park(parcel, parking))
            self._parkings.add(task)
            task.add_done_callback(self._parkings.discard)
            return
        parcel.give_up(RETRY_EXHAUSTED)
        self._settle(parcel)

    async def _park(self, parcel: MailParcel, parking: Parking) -> None:
        assert self._reader is not None
        parked = ParkedMail(self._file, parcel.mail, parcel.added, self._reader.page, parcel.outcomes(), parcel.retries + 1)
        try:
            parcel.parked = await parking.accept(parked, partial(self._stuffed, parcel.mail))
        except Exception as error:
            self._publish(InternalError("extended retry", f"{type(error).__name__}: {error}"))
        if parcel.parked:
            self._settle(parcel)
        elif not self._stopping:
            self._again(parcel, lingering_delay(self._context.configuration.retry_limit))

    def _record(self, parcel: MailParcel, state: MailState | None, then: Then) -> None:
        self._context.ledger.record(self._file.id, parcel.mail.number, state, then)

    def _settle(self, parcel: MailParcel) -> None:
        """Every recipient is final for the file: make it durable, then go on."""
        outcomes = parcel.outcomes()
        simple = not parcel.mail.envelope.bad_recipients and all(one.verdict is Verdict.DELIVERED for one in outcomes)
        self._record(parcel, None if simple else MailState(outcomes), partial(self._settled, parcel, outcomes))

    def _settled(self, parcel: MailParcel, outcomes: tuple[Outcome, ...], *, tell: bool = True) -> None:
        try:
            if tell:
                self._tell(parcel, outcomes)
            self._follow(parcel, outcomes)
        except Exception as error:  # as in `_mail_answered`: the ledger calls this
            self._pending.fail(error)

    def _tell(self, parcel: MailParcel, outcomes: tuple[Outcome, ...]) -> None:
        mail = parcel.mail
        if parcel.parked:
            path, reason = parcel.parked, parcel.reason()
            self._publish(MailParked(self._file, mail.number, mail.envelope, len(parcel.recipients), path, reason))
            return
        seconds = self._context.clock.monotonic() - parcel.since
        event = MailEnded(self._file, mail.number, mail.envelope, parcel.size, outcomes, parcel.retries + 1, seconds)
        self._publish(event)

    def _follow(self, parcel: MailParcel, outcomes: tuple[Outcome, ...]) -> None:
        """Count the mail, and do what follows from its outcomes."""
        self._context.flow.gave(parcel)
        failed = self._book.ended(parcel.mail, outcomes)
        if failed:
            self._aftermath.undeliverable(parcel, failed, partial(self._close, parcel, outcomes))
        else:
            self._pending.done()

    def _close(self, parcel: MailParcel, outcomes: tuple[Outcome, ...]) -> None:
        """Notice or dead letter are out: a warm start must not repeat them."""
        self._record(parcel, MailState(outcomes, closed=True), self._pending.done)

    # --- the end

    async def _end(self) -> FileResult:
        book, claim = self._book, self._claim
        if self._reader is not None:
            book.read(self._reader.progress.records, self._size, self._reader.progress.counted_errors)
        decided = self._decided()
        if book.bad:
            await self._report(decided)
        if self._context.courier is not None:
            self._context.courier.file_ended()
        became = await self._insisted(partial(dispose, claim, self._decided(), book.summary()))
        if self._aftermath.kept:  # else it comes up again when released, for its dead letters and not for mail that was sent
            self._context.ledger.forget(self._file.id)
        self._publish(SpoolFileEnded(self._file, book.counts(), became, book.fault_lines))
        return FileResult(book.mails, book.bad or book.parked > 0)

    async def _insisted(self, work: Callable[[], Result]) -> Result:
        """Dispose of the file; a disk that fails is told and waited for, unless the gateway stops."""
        return await insisted(work, lambda error: self._publish(SpoolUnusable(str(error))), lambda: self._stopped)

    def _decided(self) -> Disposition:
        # Where a dead letter could not be written, the spool file is the only copy that is left.
        if not self._aftermath.kept:
            return Disposition.HOLD
        return disposition(self._book.bad, self._context.configuration.bad_spool_disp)

    async def _report(self, decided: Disposition) -> None:
        now = self._context.clock.wall()
        text = report_text(self._book, decided, self._context.configuration, now)
        await self._aftermath.report(text, self._claim, now)
        await self._pending.wait()

    def _drop_mails(self) -> None:
        """Nothing of the file is tried any more."""
        self._context.flow.dropped(self)
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
        for task in self._parkings:
            task.cancel()
