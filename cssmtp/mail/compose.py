"""Puts a mail on the wire: added header, writer's header, separator, body, final period.

Promises: every line ends with CRLF and nothing else is a line end; every line that begins with a period has it doubled, the very
first one too, so that CRLF.CRLF stands at the end and only there.
Never: generates or repairs a field of the writer's; touches the body but for its code page.
"""

from __future__ import annotations

import enum
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from cssmtp.codepage.registry import lookup
from cssmtp.codepage.transcode import Conversion, source_text, target_of, transcoder
from cssmtp.config.model import MimeLabel
from cssmtp.mail.mime import Mime, Transfer, base64_lines, fields, transfer
from cssmtp.model import DeckMail, HeaderFacts

END_OF_DATA = b".\r\n"

LINE_LIMIT = 998
"""Octets of a line without CRLF that every server takes (RFC 5321 4.5.3.1.6)."""

_SHIFTED = re.compile(rb"(\x0e[^\x0f\x15]*+\x0f?)")
"""A run of double-byte text; it ends with its record, closed or not."""


@dataclass(frozen=True, slots=True)
class WireFormat:
    """From which page to which charset, and what the header's at sign is.

    `at_sign` is Options AtSign; `replace_subject_at_sign` tells whether it is one in Subject as well (mail-processing.md 9.4).
    `label` and `encode_headers` are CodePages MimeLabel and EncodeHeaders; they do nothing for a charset without a MIME name.
    """

    page: str
    charset: str
    conversion: Conversion = field(default_factory=Conversion)
    at_sign: str = "@"
    replace_subject_at_sign: bool = True
    label: MimeLabel = MimeLabel.NO
    encode_headers: bool = False


Counted = tuple[int, int, int]
NOTHING: Counted = (0, 0, 0)


class Fit(enum.Enum):
    """Whether the lines of a mail are short enough in the charset of a target."""

    WHOLE = "whole"
    BASE64 = "base64"
    """Only with its body in base64."""
    NEVER = "never"


def unstuffed(block: bytes) -> bytes:
    """Whole wire lines without the transparency of SMTP: each line that begins with a period loses it (RFC 5321 4.5.2)."""
    return block.removeprefix(b".").replace(b"\r\n.", b"\r\n")


def _longest(block: bytes) -> int:
    """Octets of the longest of some wire lines, as the reader gets them."""
    return max(map(len, unstuffed(block).split(b"\r\n")))


def _mime(wire: WireFormat) -> Mime | None:
    """What labels and encodes, None for a charset that readers have no name for."""
    page = lookup(wire.charset)
    if not page.label:
        return None
    return Mime(page, target_of(page.name, wire.conversion), wire.label, wire.encode_headers)


class Composer:
    """Composes mails in one wire format."""

    def __init__(self, wire: WireFormat) -> None:
        self._source = source_text(wire.page, wire.conversion)
        self._transcoder = transcoder(wire.page, wire.charset, wire.conversion)
        self._subject_too = wire.replace_subject_at_sign
        self._at = self._source.encode("@")
        self._at_sign = self._source.encode(wire.at_sign)
        if self._source.text(self._at_sign) != wire.at_sign:
            self._at_sign = self._at
        self._converted: Callable[[bytes], bytes] = self._restuffed if self._source.mixed else self._transcoder.lines
        wanted = wire.label is not MimeLabel.NO or wire.encode_headers
        self._mime = _mime(wire) if wanted else None

    @property
    def counted(self) -> Counted:
        """Characters lost in conversion, unbalanced shifts and odd bytes mended, by this composer so far."""
        counters = self._transcoder
        return counters.substitutions, counters.unbalanced_shifts, counters.odd_bytes

    @property
    def labels(self) -> bool:
        """Whether a mail that this composer makes has a label when it goes out, so that its 8-bit text can be announced."""
        return self._mime is not None and self._mime.label is not MimeLabel.NO

    def small(self, mail: DeckMail, added: bytes, *, eight_bit: bool = False, too_long: bool = False) -> bytes:
        """The whole message for a body held inline, with the final period. `added` are wire lines (see `headers`).

        For labels only: `eight_bit` tells that the server offers 8BITMIME, `too_long` that the mail is a `Fit.BASE64`.
        """
        assert isinstance(mail.body, bytes)
        if self._mime is not None:
            parts = self._labelled(self._mime, mail.body, None, mail.header, eight_bit=eight_bit, too_long=too_long)
            return b"".join((added, *parts, END_OF_DATA))
        if mail.header.separator and self._at_sign == self._at:
            return added + self._converted(mail.body) + END_OF_DATA
        return b"".join((added, *self._parts(mail.body, mail.header), END_OF_DATA))

    def stream(
        self, mail: DeckMail, added: bytes, blocks: Iterable[bytes], *, eight_bit: bool = False, too_long: bool = False
    ) -> Iterator[bytes]:
        """As `small`, for a body that comes as blocks of stuffed lines (see `bsmtp.body.read_body`)."""
        yield from self.text(mail, added, blocks, eight_bit=eight_bit, too_long=too_long)
        yield END_OF_DATA

    def fit(self, mail: DeckMail, blocks: Callable[[], Iterable[bytes]]) -> Fit:
        """Whether every line is within LINE_LIMIT after conversion; `blocks` gives the stuffed lines of the body, each time."""
        for fit, too_long in ((Fit.WHOLE, False), (Fit.BASE64, True)):
            if max(map(_longest, self.text(mail, b"", blocks(), eight_bit=True, too_long=too_long))) <= LINE_LIMIT:
                return fit
            if self._mime is None:
                break
        return Fit.NEVER

    def text(
        self, mail: DeckMail, added: bytes, blocks: Iterable[bytes], *, eight_bit: bool = False, too_long: bool = False
    ) -> Iterator[bytes]:
        """The message without the final period, to be quoted in a notice; `blocks` are the stuffed lines of its body."""
        yield added
        source = iter(blocks)
        begin = b""
        for block in source:
            begin += block
            if begin.count(self._source.newline) >= mail.header.lines + mail.header.separator:
                break
        if self._mime is not None:
            yield from self._labelled(self._mime, begin, source, mail.header, eight_bit=eight_bit, too_long=too_long)
            return
        yield from self._parts(begin, mail.header)
        yield from map(self._converted, source)

    def _labelled(
        self, mime: Mime, text: bytes, more: Iterable[bytes] | None, facts: HeaderFacts, *, eight_bit: bool, too_long: bool
    ) -> Iterator[bytes]:
        """As `_parts`, with label and encoded words. `more` are the blocks after `text`, None when that is the whole mail."""
        header, rest = self._divided(text, facts)
        if facts.separator:
            rest = rest.partition(self._source.newline)[2]
        found = fields(header, self._source)
        body = self._converted(rest)
        way = None
        if mime.ours(found):
            way = transfer(mime.page, body if more is None else None, eight_bit=eight_bit, too_long=too_long)
        yield mime.header(found, self._converted, way)
        yield b"\r\n"
        blocks = itertools.chain((body,), map(self._converted, more or ()))
        yield from base64_lines(map(unstuffed, blocks)) if way is Transfer.BASE64 else blocks

    def _parts(self, text: bytes, facts: HeaderFacts) -> Iterator[bytes]:
        """The writer's header, the separator if it is missing, and the rest of `text`, on the wire."""
        header, rest = self._divided(text, facts)
        yield self._converted(header)
        if not facts.separator:
            yield b"\r\n"
        yield self._converted(rest)

    def _divided(self, text: bytes, facts: HeaderFacts) -> tuple[bytes, bytes]:
        """The writer's header, at signs in it replaced, and what follows it."""
        end = len(text) - len(text.split(self._source.newline, facts.lines)[-1])
        header = text[:end]
        return (header if self._at_sign == self._at else self._with_at_signs(header)), text[end:]

    def _with_at_signs(self, header: bytes) -> bytes:
        """Header lines with the AtSign character replaced, in Subject and its folded lines only where that is wanted."""
        if self._subject_too:
            return self._replaced(header)
        lines = header.split(self._source.newline)
        in_subject = False
        for index, line in enumerate(lines):
            begin = self._source.text(line[:80])
            if not begin.startswith((" ", "\t")):
                name, colon, _ = begin.partition(":")
                in_subject = bool(colon) and name.rstrip(" \t").lower() == "subject"
            if not in_subject:
                lines[index] = self._replaced(line)
        return self._source.newline.join(lines)

    def _replaced(self, text: bytes) -> bytes:
        """Single-byte text with the AtSign character replaced; double-byte text between shifts stays."""
        if not self._source.mixed:
            return text.replace(self._at_sign, self._at)
        runs = _SHIFTED.split(text)
        runs[::2] = [run.replace(self._at_sign, self._at) for run in runs[::2]]
        return b"".join(runs)

    def _restuffed(self, text: bytes) -> bytes:
        """Stuffed lines of a mixed page on the wire.

        Shift codes vanish in conversion, so a period can come to stand first that was not first in the page: take the
        stuffing out before and put it in after.
        """
        newline, period = self._source.newline, self._source.period
        doubled = newline + period + period
        plain = text.replace(doubled, newline + period).removeprefix(period)
        wire = self._transcoder.lines(plain).replace(b"\r\n.", b"\r\n..")
        return b"." + wire if wire.startswith(b".") else wire
