"""Mails under way: what the engine hands to a courier and gets back with outcomes.

Promises: a parcel can render itself for any target, as often as asked; it holds a small body in memory and a large one as a
place in the spool file. Never: decides what an outcome means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from cssmtp.config.model import TargetServer
from cssmtp.delivery.link import EightBit
from cssmtp.engine.fitting import UNMEASURED
from cssmtp.engine.retry import given_up
from cssmtp.mail.compose import Fit
from cssmtp.model import BodySpan, DeckMail, Outcome, Verdict

Wire = bytes | Iterator[bytes]
"""A whole message on the wire, final period included: bytes when small, else blocks to be pulled in a worker thread."""


class Renderer(Protocol):
    """Makes wire forms of the mails of one spool file."""

    def wire(self, parcel: MailParcel, target: TargetServer, *, eight_bit: bool) -> Wire | EightBit: ...


Ended = Callable[["Parcel", tuple[Outcome, ...]], None]


class Parcel:
    """One thing to deliver: an envelope, a size, a way to make the bytes, and whom to tell.

    `recipients` are those still to be tried, `positions` their places in the deck's list. `retries` counts long retries.
    `weight` is what the parcel costs in memory, in bytes. `since` is when it was read from the spool, in seconds of the
    monotonic clock; 0 for what was not read there.
    """

    __slots__ = ("ended", "positions", "recipients", "retries", "reverse_path", "since", "size", "tls_required", "weight")

    def __init__(
        self,
        reverse_path: str,
        recipients: tuple[str, ...],
        size: int,
        tls_required: bool,
        ended: Ended,
    ) -> None:
        self.reverse_path = reverse_path
        self.recipients = recipients
        self.positions: tuple[int, ...] | range = range(len(recipients))
        self.size = size
        self.tls_required = tls_required
        self.ended = ended
        self.retries = 0
        self.weight = 0
        self.since = 0.0

    def wire(self, target: TargetServer, *, eight_bit: bool) -> Wire | EightBit:
        """The message for `target`, complete with the final period. `eight_bit`: the server takes 8-bit MIME.

        Raises UnsendableMail when the target cannot get it.
        """
        raise AssertionError("a parcel renders itself")


class MailParcel(Parcel):
    """A mail of a deck. `fits` says for which charsets its lines are too long (see `fitting`).

    `results` has the latest outcome of each recipient once one was not simply delivered; `parked` is where extended retry
    keeps the mail.
    """

    __slots__ = ("added", "fits", "mail", "parked", "renderer", "results")

    def __init__(
        self, mail: DeckMail, added: bytes, renderer: Renderer, ended: Ended, fits: Mapping[str, Fit] = UNMEASURED
    ) -> None:
        envelope = mail.envelope
        super().__init__(envelope.reverse_path, envelope.recipients, mail.size + len(added), envelope.tls_required, ended)
        self.mail = mail
        self.added = added
        self.renderer = renderer
        self.fits = fits
        self.weight = len(added) + (0 if isinstance(mail.body, BodySpan) else len(mail.body))
        self.results: list[Outcome | None] | None = None
        self.parked = ""

    @property
    def large(self) -> bool:
        """Whether the body stands in the spool file only."""
        return isinstance(self.mail.body, BodySpan)

    def wire(self, target: TargetServer, *, eight_bit: bool) -> Wire | EightBit:
        return self.renderer.wire(self, target, eight_bit=eight_bit)

    def merge(self, outcomes: tuple[Outcome, ...]) -> None:
        """Note the latest outcome of each recipient that was tried; those of earlier tries stay."""
        if self.results is None:
            self.results = [None] * len(self.mail.envelope.recipients)
        for place, outcome in zip(self.positions, outcomes, strict=True):
            self.results[place] = outcome

    def outcomes(self) -> tuple[Outcome, ...]:
        """One outcome per recipient of the deck. To be asked when none is missing any more."""
        return tuple(outcome for outcome in self.results or () if outcome is not None)

    def finals(self) -> tuple[Outcome | None, ...]:
        """As `outcomes`, with None for each recipient that is to be tried again."""
        return tuple(None if one is None or one.verdict is Verdict.RETRY else one for one in self.results or ())

    def reason(self) -> str:
        """Why the first recipient that is to be tried again did not get the mail."""
        return next((one.reason for one in self.results or () if one is not None and one.verdict is Verdict.RETRY), "")

    def give_up(self, why: str) -> None:
        """Nothing is tried any more, for `why`."""
        self.results = [one and given_up(one, why) for one in self.results or ()]

    def keep_only(self, positions: tuple[int, ...]) -> None:
        """Narrow the parcel to the recipients at these places of the deck's list; the others are final."""
        everyone = self.mail.envelope.recipients
        self.positions = positions
        self.recipients = tuple(everyone[position] for position in positions)


class TextParcel(Parcel):
    """A message of our own (an undeliverable notice, an error report) for which `render` makes the bytes."""

    __slots__ = ("render",)

    def __init__(
        self,
        reverse_path: str,
        recipients: tuple[str, ...],
        size: int,
        render: Callable[[TargetServer], Wire],
        ended: Ended,
        *,
        tls_required: bool = False,
    ) -> None:
        super().__init__(reverse_path, recipients, size, tls_required, ended)
        self.render = render

    def wire(self, target: TargetServer, *, eight_bit: bool) -> Wire:
        return self.render(target)
