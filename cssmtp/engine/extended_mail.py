"""One mail of the mail directory while it is worked on: attempt, report, notice.

Promises: the body is read from the data file whenever it is needed, in blocks, in a worker thread; what a target gets is what it
would have got from the spool file.
Never: changes the directory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from cssmtp.codepage.transcode import source_text
from cssmtp.config.model import TargetServer
from cssmtp.engine.aftermath import Aftermath
from cssmtp.engine.context import Context
from cssmtp.engine.extended_files import Control
from cssmtp.engine.filebook import origin_of
from cssmtp.engine.parcels import MailParcel, Parcel, Wire
from cssmtp.engine.pending import Pending
from cssmtp.engine.reading import target_charset
from cssmtp.mail.compose import Composer, WireFormat
from cssmtp.model import DeckMail, Outcome, Verdict
from cssmtp.observe.events import CharacterLoss, MailEnded
from cssmtp.observe.report import FailedRecipient


class ExtendedMail:
    """See the module. `body` gives the stuffed lines of the mail."""

    def __init__(self, control: Control, body: Callable[[], Iterator[bytes]], context: Context) -> None:
        self._control = control
        self._body = body
        self._context = context
        self._parcel = MailParcel(control.mail, control.added.encode("ascii"), self, self._answered)
        self._parcel.retries = control.tries
        self._answer: asyncio.Future[tuple[Outcome, ...]] = asyncio.get_running_loop().create_future()

    @property
    def failed(self) -> list[FailedRecipient]:
        """Those who will not get the mail and whose notice is not the spool file's affair."""
        mail, told = self._control.mail, self._control.told
        return [
            FailedRecipient(mail.number, mail.envelope.recipients[place], outcome.reason)
            for place, outcome in enumerate(self._control.outcomes)
            if outcome.verdict is Verdict.UNDELIVERABLE and place not in told
        ]

    async def attempt(self) -> tuple[Outcome, ...]:
        """Try the open recipients once; returns their outcomes in order."""
        assert self._context.courier is not None
        self._parcel.keep_only(self._control.open)
        self._context.courier.submit(self._parcel)
        return await self._answer

    def _answered(self, _: Parcel, outcomes: tuple[Outcome, ...]) -> None:
        self._answer.set_result(outcomes)

    def tell(self) -> None:
        """Processing of the mail has ended."""
        control, mail = self._control, self._control.mail
        event = MailEnded(control.file, mail.number, mail.envelope, self._parcel.size, control.outcomes, control.tries)
        self._context.publish(event)

    async def follow(self) -> bool:
        """Send the notice about `failed`, or keep a dead letter. False: neither was possible, and this is the only copy left."""
        origin = origin_of(self._control.file, self._context.configuration)
        aftermath = Aftermath(self._control.file, origin, self._context, Pending(), self)
        done = asyncio.Event()
        aftermath.undeliverable(self._parcel, self.failed, done.set)
        await done.wait()
        return aftermath.kept

    # --- wire forms

    def wire(self, mail: DeckMail, added: bytes, target: TargetServer) -> Wire:
        """See `parcels.Renderer`."""
        return self._stream(mail, added, target)

    def _stream(self, mail: DeckMail, added: bytes, target: TargetServer) -> Iterator[bytes]:
        composer, charset = self._composer(target)
        yield from composer.stream(mail, added, self._body())
        if composer.substitutions:
            self._context.publish(CharacterLoss(self._control.file, mail.number, charset, composer.substitutions))

    def original(self, parcel: MailParcel, target: TargetServer) -> Iterator[bytes]:
        """See `aftermath.Originals`."""
        composer, _ = self._composer(target)
        yield from composer.text(parcel.mail, parcel.added, self._body())

    def _composer(self, target: TargetServer) -> tuple[Composer, str]:
        configuration, page = self._context.configuration, self._control.page
        options = configuration.options
        charset = target_charset(target, source_text(page).mixed, configuration)
        wire_format = WireFormat(page, charset, at_sign=options.at_sign, replace_subject_at_sign=options.replace_subject_at_sign)
        return Composer(wire_format), charset
