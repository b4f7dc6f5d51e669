"""What follows an undeliverable mail and a bad spool file: notice, dead letter, error report.

Promises: each undeliverable mail is followed by exactly what mail-processing.md 13.1 says, and then by one call of `done`; a
notice or a mailed report is tried once and never retried; a report under way counts in `pending`. When a dead letter cannot
be written, `kept` turns False and `pending` is told instead of `done`: the spool file is the only copy left and must stay.
A notice that nobody has tried because the gateway is stopping is called `put_off` where its mail's outcome lasts: the next start
sends it.
Never: decides about the spool file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cssmtp.config.model import Configuration, DeadLetterAction, ReportTo, TargetServer
from cssmtp.delivery.courier import STOPPING
from cssmtp.engine.context import Context
from cssmtp.engine.deadletters import store_dead_letter
from cssmtp.engine.disposition import Afterwards, afterwards
from cssmtp.engine.parcels import MailParcel, Parcel, TextParcel, Wire
from cssmtp.engine.pending import Pending
from cssmtp.errors import SpoolError
from cssmtp.mail.compose import unstuffed
from cssmtp.mail.headers import UNDELIVERABLE_MARK, Origin
from cssmtp.mail.notice import REPORT_MARK, Failure, Letter, dead_letter_name, notice, report_mail
from cssmtp.model import Outcome, Verdict
from cssmtp.observe.events import (
    DeadLetterDropped,
    DeadLetterFailed,
    DeadLetterStored,
    NoticeSent,
    ReportFailed,
    ReportMailed,
    ReportWritten,
    SpoolFile,
)
from cssmtp.observe.report import FailedRecipient
from cssmtp.spool.store import Claim

NO_ORIGINATOR = "the mail has a null reverse-path"


Done = Callable[[], object]


class Originals(Protocol):
    """Where a notice gets the text of the mail it is about."""

    def original(self, parcel: MailParcel, target: TargetServer) -> Iterator[bytes]:
        """The mail's wire lines for `target`, without the final period."""
        ...


class Aftermath:
    """For one spool file. `originals` is None where no mail is ever sent, and so none is undeliverable: test mode."""

    def __init__(
        self,
        file: SpoolFile,
        origin: Origin,
        context: Context,
        pending: Pending,
        originals: Originals | None,
        put_off: Callable[[], object] | None = None,
    ) -> None:
        """`put_off` is called instead of `done` for a notice that waits for the next start; None: none can."""
        self.kept = True
        self._put_off = put_off
        self._file = file
        self._origin = origin
        self._context = context
        self._publish = context.publish
        self._originals = originals
        self._pending = pending
        self._sequence = 0
        self._writers: set[asyncio.Task[None]] = set()

    @property
    def _configuration(self) -> Configuration:
        return self._context.configuration

    # --- undeliverable mail

    def undeliverable(self, parcel: MailParcel, failed: Sequence[FailedRecipient], done: Done) -> None:
        """A mail has ended without reaching `failed`: send the notice, or keep a dead letter, or do nothing; then call `done`."""
        action = afterwards(self._configuration.undeliverable, parcel.reverse_path)
        if action is Afterwards.NOTHING:
            done()
            return
        mail = parcel.mail.number
        failures = [Failure(one.recipient, one.reason) for one in failed]
        letter = notice(self._origin, self._configuration.header, mail, parcel.reverse_path, failures, self._context.clock.wall())
        if action is Afterwards.DEAD_LETTER:
            self._dead_letter(letter, UNDELIVERABLE_MARK, mail, NO_ORIGINATOR, done, parcel)
            return

        def answered(_: Parcel, outcomes: tuple[Outcome, ...]) -> None:
            outcome = outcomes[0]
            if outcome.verdict is Verdict.DELIVERED:
                self._publish(NoticeSent(self._file, mail, parcel.reverse_path))
                done()
            elif self._put_off is not None and outcome.reason == STOPPING:
                self._put_off()
            else:
                self._dead_letter(letter, UNDELIVERABLE_MARK, mail, outcome.reason, done, parcel)

        self._send(letter, len(letter.head) + parcel.size, parcel, answered)

    def _send(
        self, letter: Letter, size: int, about: MailParcel | None, answered: Callable[[Parcel, tuple[Outcome, ...]], None]
    ) -> None:
        def render(target: TargetServer) -> Wire:
            blocks = letter.wire(self._original(about, target))
            # A large original is read from the spool file again, which belongs into the thread that pulls the blocks.
            return blocks if about is not None and about.large else b"".join(blocks)

        def guarded(parcel: Parcel, outcomes: tuple[Outcome, ...]) -> None:
            try:
                answered(parcel, outcomes)
            except Exception as error:  # a fault of ours: it belongs to this file, not to the connection
                self._pending.fail(error)

        envelope = letter.envelope
        # A notice quotes the mail: what had to be encrypted once must not come back in clear.
        secret = about is not None and about.tls_required
        assert self._context.courier is not None
        self._context.courier.submit(
            TextParcel(envelope.reverse_path, envelope.recipients, size, render, guarded, tls_required=secret)
        )

    # --- dead letters

    async def written(self) -> None:
        """Return when no dead letter is being written. What a thread has begun ends whoever waits for it, and must be known."""
        await asyncio.gather(*self._writers)

    def _dead_letter(
        self, letter: Letter, mark: str, mail: int, reason: str, done: Done, about: MailParcel | None = None
    ) -> None:
        if self._configuration.undeliverable.dead_letter_action is DeadLetterAction.DELETE:
            self._publish(DeadLetterDropped(self._file, mail, reason))
            done()
            return
        self._sequence += 1
        name = dead_letter_name(self._origin.jobname, self._origin.jobid, self._context.clock.wall(), self._sequence, mark)
        directory = Path(self._configuration.undeliverable.dead_letter_directory)
        task = asyncio.get_running_loop().create_task(
            self._store(directory, name, self._letter_text(letter, about), mail, reason, done)
        )
        self._writers.add(task)
        task.add_done_callback(self._writers.discard)

    def _letter_text(self, letter: Letter, about: MailParcel | None) -> Iterator[bytes]:
        """The letter as it would have been sent to the first target, without the transparency of SMTP."""
        yield unstuffed(letter.head)
        yield from map(unstuffed, self._original(about, self._configuration.targets[0]))

    def _original(self, about: MailParcel | None, target: TargetServer) -> Iterable[bytes]:
        return self._originals.original(about, target) if about is not None and self._originals is not None else ()

    async def _store(self, directory: Path, name: str, blocks: Iterable[bytes], mail: int, reason: str, done: Done) -> None:
        try:
            path = await asyncio.to_thread(store_dead_letter, directory, name, blocks)
        except Exception as error:  # whatever it was, this was the last place where the mail could have been kept
            self.kept = False
            cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._publish(DeadLetterFailed(self._file, mail, str(directory / name), f"{cause}; {reason}"))
            self._pending.done()  # not `done`: nothing has followed yet, the next start is to try it again
        else:
            self._publish(DeadLetterStored(self._file, mail, str(path), reason))
            done()

    # --- the error report

    async def report(self, text: str, claim: Claim, now: datetime) -> None:
        """Send the error report where the Report statement says."""
        match self._configuration.report.to:
            case ReportTo.SYSOUT:
                await self._write_report(text, claim)
            case ReportTo.ADMIN if self._configuration.mail_administrators and self._context.courier is not None:
                self._mail_report(text, now)

    def _mail_report(self, text: str, now: datetime) -> None:
        configuration = self._configuration
        letter = report_mail(
            self._origin, configuration.header, text, configuration.mail_administrators, configuration.report_mail_from, now
        )

        def answered(parcel: Parcel, outcomes: tuple[Outcome, ...]) -> None:
            reached = tuple(
                name for name, outcome in zip(parcel.recipients, outcomes, strict=True) if outcome.verdict is Verdict.DELIVERED
            )
            if reached:
                self._publish(ReportMailed(self._file, reached))
                self._pending.done()
            else:
                self._publish(ReportFailed(self._file, outcomes[0].reason))
                self._dead_letter(letter, REPORT_MARK, 0, outcomes[0].reason, self._pending.done)

        self._pending.begun()
        self._send(letter, len(letter.head), None, answered)

    async def _write_report(self, text: str, claim: Claim) -> None:
        """Report Sysout: the report becomes a file in the report area of the spool."""
        try:
            path = await asyncio.to_thread(self._context.store.write_report, claim.id, text.encode(), claim.attributes)
        except (OSError, SpoolError) as error:
            self._publish(ReportFailed(self._file, str(error)))
        else:
            self._publish(ReportWritten(self._file, str(path)))
