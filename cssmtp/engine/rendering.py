"""The mails of one spool file on the wire, for delivery and extended retry alike.

Promises: what a target gets depends on the mail, the target and the configuration only, so every attempt gives the same; a large
body is read when its blocks are pulled, in whatever thread pulls them. What a conversion loses or mends is told.
Never: knows where a body is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from cssmtp.config.model import MimeLabel, TargetServer
from cssmtp.delivery.link import EightBit
from cssmtp.engine.context import Context
from cssmtp.engine.fitting import ALL_FIT, TOO_LONG, grows
from cssmtp.engine.parcels import MailParcel, Wire
from cssmtp.engine.reading import target_charset, wire_format
from cssmtp.errors import UnsendableMail
from cssmtp.mail.compose import NOTHING, Composer, Counted, Fit
from cssmtp.model import BodySpan, DeckMail
from cssmtp.observe.events import CharacterLoss, SpoolFile, TextMended

Bodies = Callable[[DeckMail], Iterator[bytes]]
"""Gives the stuffed lines of a mail's body, in blocks of whole lines."""

Lost = Callable[[int, str, int], None]
"""Is told the mail, the charset, and how many characters of the one the other lacks."""


class _Prepared:
    """What renders small mails for one target, and what it had counted after the last of them.

    The target is kept with it: one that a REFRESH replaced must not give its id to another.
    """

    __slots__ = ("charset", "composer", "counted", "grows", "target")

    def __init__(self, target: TargetServer, composer: Composer, charset: str) -> None:
        self.target = target
        self.composer = composer
        self.charset = charset
        self.grows = grows(charset)
        self.counted = NOTHING


class Rendering:
    """Renders mails of `file`, whose text is in `page` (see `parcels.Renderer` and `aftermath.Originals`)."""

    def __init__(self, file: SpoolFile, page: str, context: Context, bodies: Bodies, lost: Lost) -> None:
        self._file = file
        self._page = page
        self._context = context
        self._configuration = context.configuration
        self._publish = context.publish
        self._bodies = bodies
        self._lost = lost
        self._prepared: dict[int, _Prepared] = {}

    def wire(self, parcel: MailParcel, target: TargetServer, *, eight_bit: bool) -> Wire | EightBit:
        """The mail as `target` gets it."""
        mail = parcel.mail
        prepared = self._prepared.get(id(target)) or self._prepare(target)
        composer, charset = prepared.composer, prepared.charset
        fit = self._fit(parcel, prepared) if prepared.grows else Fit.WHOLE
        if fit is Fit.NEVER:
            raise UnsendableMail(TOO_LONG)
        if isinstance(mail.body, BodySpan):
            data: Wire = self._stream(parcel, target, eight_bit=eight_bit)
        else:
            data = composer.small(mail, parcel.added, eight_bit=eight_bit, too_long=fit is Fit.BASE64)
            if composer.counted != prepared.counted:
                self._converted(mail.number, charset, composer, prepared.counted)
                prepared.counted = composer.counted
        if mail.header.mime_charset or not mail.header.ascii:
            whole = data if isinstance(data, bytes) else None
            self._context.labels.look(self._file, mail, target, charset, self._configuration, whole, self._publish)
        announced = eight_bit and composer.labels and not (data.isascii() if isinstance(data, bytes) else fit is Fit.BASE64)
        return EightBit(data) if announced else data

    def _fit(self, parcel: MailParcel, prepared: _Prepared) -> Fit:
        """How a mail fits a charset in which lines grow.

        It was judged when it was read, but not for a charset that a REFRESH has brought since. That is done now, except for a
        large mail, which would have to be read for it.
        """
        known = parcel.fits.get(prepared.charset)
        body = parcel.mail.body
        if known is not None:
            return known
        if parcel.fits is ALL_FIT or isinstance(body, BodySpan):
            return Fit.WHOLE
        fit = self._new_composer(prepared.target)[0].fit(parcel.mail, lambda: (body,))
        parcel.fits = {**parcel.fits, prepared.charset: fit}
        return fit

    def original(self, parcel: MailParcel, target: TargetServer) -> Iterator[bytes]:
        """The mail's wire lines without the final period."""
        # As it stands in the deck: a label or encoded words would be wrong in the middle of a notice.
        charset = target_charset(target, self._configuration)
        quoted = replace(wire_format(self._page, charset, self._configuration), label=MimeLabel.NO, encode_headers=False)
        yield from Composer(quoted).text(parcel.mail, parcel.added, self._bodies(parcel.mail))

    def _prepare(self, target: TargetServer) -> _Prepared:
        prepared = self._prepared[id(target)] = _Prepared(target, *self._new_composer(target))
        return prepared

    def _new_composer(self, target: TargetServer) -> tuple[Composer, str]:
        charset = target_charset(target, self._configuration)
        return Composer(wire_format(self._page, charset, self._configuration)), charset

    def _stream(self, parcel: MailParcel, target: TargetServer, *, eight_bit: bool) -> Iterator[bytes]:
        # A composer of its own: the blocks are pulled in a worker thread, and counters are not shared between threads.
        composer, charset = self._new_composer(target)
        mail = parcel.mail
        too_long = parcel.fits.get(charset) is Fit.BASE64
        yield from composer.stream(mail, parcel.added, self._bodies(mail), eight_bit=eight_bit, too_long=too_long)
        if composer.counted != NOTHING:
            self._converted(mail.number, charset, composer, NOTHING)

    def _converted(self, mail: int, charset: str, composer: Composer, before: Counted) -> None:
        """Tell what the conversion of a mail lost and mended since `before`."""
        lost, shifts, odd = (now - then for now, then in zip(composer.counted, before, strict=True))
        if lost:
            self._lost(mail, charset, lost)
            self._publish(CharacterLoss(self._file, mail, charset, lost))
        if shifts or odd:
            self._publish(TextMended(self._file, mail, charset, shifts, odd))
