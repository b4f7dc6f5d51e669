"""Which mails have lines that grow too long in the charset of a target (RFC 5321 4.5.3.1.6, code-pages.md 5.4).

Promises: delivery, test mode and `cssmtp check` ask the same question and get the same answer. Asked while the deck is read, in
the thread that reads it, and only where a charset is multi-byte; a mail of short lines is not converted for it.
Never: splits a line, for that would change the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType
from typing import BinaryIO

from cssmtp.bsmtp.faults import Finding
from cssmtp.codepage.registry import lookup
from cssmtp.codepage.transcode import source_text
from cssmtp.config.model import Configuration
from cssmtp.engine.reading import DeckReader, conversion_of, target_charset, wire_format
from cssmtp.mail.compose import LINE_LIMIT, Composer, Fit
from cssmtp.model import BodySpan, DeckMail

TOO_LONG = Finding.TEXT_TOO_LONG.reply
"""Why a mail that does not fit is undeliverable: what its own deck would be told of such a line."""

GROWTH = 5
"""No charset makes a long line more than so many times longer: four octets for one in GB18030, and in ISO-2022-JP nine for two
where half-width katakana and other characters alternate.
"""

ALL_FIT: Mapping[str, Fit] = MappingProxyType({})
"""Of a mail of short lines: it fits whatever charset a target may ever have."""

UNMEASURED: Mapping[str, Fit] = MappingProxyType({})
"""Of a mail that nobody looked at, because no target had a charset in which lines grow. A REFRESH may bring one."""


def growing(configuration: Configuration) -> list[str]:
    """The charsets of targets in which a line can become longer than it is in the spool file."""
    charsets = dict.fromkeys(target_charset(target, configuration) for target in configuration.targets)
    return [charset for charset in charsets if grows(charset)]


def grows(charset: str) -> bool:
    """Whether a line can be longer in `charset` than in the spool file: in every one that is not single-byte."""
    return lookup(charset).kind != "SBCS"


def fits(mail: DeckMail, blocks: Callable[[], Iterable[bytes]], page: str, configuration: Configuration) -> Mapping[str, Fit]:
    """Charset -> how a mail in `page` fits it, for all of `growing`; `ALL_FIT` when there is no question.

    `blocks` gives the stuffed lines of its body, as often as asked.
    """
    newline = source_text(page, conversion_of(configuration)).newline
    if all(max(map(len, block.split(newline))) <= LINE_LIMIT // GROWTH for block in blocks()):
        return ALL_FIT
    return {
        charset: Composer(wire_format(page, charset, configuration)).fit(mail, blocks) for charset in growing(configuration)
    } or UNMEASURED


class Fitting:
    """For the mails of one spool file. `opened` gives the file's data, for a while, to be read anywhere."""

    def __init__(
        self, reader: DeckReader, configuration: Configuration, opened: Callable[[], AbstractContextManager[BinaryIO]]
    ) -> None:
        self._reader = reader
        self._configuration = configuration
        self._opened = opened
        self._charsets = tuple(dict.fromkeys(target_charset(target, configuration) for target in configuration.targets))
        self._growing = growing(configuration)

    @property
    def measures(self) -> bool:
        """Whether mails are looked at at all; then a large one is read again, which takes as long as it is large."""
        return bool(self._growing)

    def of(self, mail: DeckMail) -> Mapping[str, Fit]:
        """Charset -> how the mail fits it, as `fits` says."""
        if not self.measures:
            return UNMEASURED
        body = mail.body
        if not isinstance(body, BodySpan):
            return self._fits(mail, lambda: (body,))
        with self._opened() as stream:
            return self._fits(mail, lambda: self._reader.body_blocks(body, stream))

    def _fits(self, mail: DeckMail, blocks: Callable[[], Iterable[bytes]]) -> Mapping[str, Fit]:
        return fits(mail, blocks, self._reader.page, self._configuration)

    def nowhere(self, mail: DeckMail) -> bool:
        """Whether there is no target that can get the mail."""
        fits = self.of(mail)
        return bool(fits) and all(fits.get(charset) is Fit.NEVER for charset in self._charsets)


@contextmanager
def borrowed(stream: BinaryIO) -> Iterator[BinaryIO]:
    """A stream to read anywhere, that stands afterwards where it stood before."""
    place = stream.tell()
    try:
        yield stream
    finally:
        stream.seek(place)
