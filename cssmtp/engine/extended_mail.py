"""One mail of the mail directory while it is worked on: attempt, report, notice.

Promises: the body is read from the data file whenever it is needed, in blocks, in a worker thread; what a target gets is what it
would have got from the spool file.
Never: changes the directory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from cssmtp.engine.aftermath import Aftermath
from cssmtp.engine.context import Context
from cssmtp.engine.extended_files import Control
from cssmtp.engine.filebook import origin_of
from cssmtp.engine.fitting import fits, growing
from cssmtp.engine.parcels import MailParcel, Parcel
from cssmtp.engine.pending import Pending
from cssmtp.engine.rendering import Rendering
from cssmtp.model import Outcome, Verdict
from cssmtp.observe.events import MailEnded
from cssmtp.observe.report import FailedRecipient


class ExtendedMail:
    """See the module. `body` gives the stuffed lines of the mail."""

    def __init__(self, control: Control, body: Callable[[], Iterator[bytes]], context: Context) -> None:
        self._control = control
        self._body = body
        self._context = context
        self._rendering = Rendering(control.file, control.page, context, lambda _: body(), lambda *_: None)
        self._parcel = MailParcel(control.mail, control.added.encode("ascii"), self._rendering, self._answered)
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
        configuration, control = self._context.configuration, self._control
        if growing(configuration):
            self._parcel.fits = await asyncio.to_thread(fits, control.mail, self._body, control.page, configuration)
        assert self._context.courier is not None
        self._parcel.keep_only(self._control.open)
        self._context.courier.submit(self._parcel)
        return await self._answer

    def _answered(self, _: Parcel, outcomes: tuple[Outcome, ...]) -> None:
        self._answer.set_result(outcomes)

    def tell(self) -> None:
        """Processing of the mail has ended."""
        control, mail = self._control, self._control.mail
        seconds = max(0.0, (self._context.clock.wall() - control.first).total_seconds())
        size = self._parcel.size
        event = MailEnded(control.file, mail.number, mail.envelope, size, control.outcomes, control.tries, seconds)
        self._context.publish(event)

    async def follow(self) -> bool:
        """Send the notice about `failed`, or keep a dead letter. False: neither was possible now, and this copy is the last."""
        origin = origin_of(self._control.file, self._context.configuration)
        pending = Pending()
        put_off = False

        def wait() -> None:
            nonlocal put_off
            put_off = True
            pending.done()

        aftermath = Aftermath(self._control.file, origin, self._context, pending, self._rendering, wait)
        pending.begun()
        aftermath.undeliverable(self._parcel, self.failed, pending.done)
        await pending.wait()
        return aftermath.kept and not put_off
