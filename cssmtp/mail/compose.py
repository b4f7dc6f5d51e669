"""Puts a mail on the wire: added header, writer's header, separator, body, final period.

Promises: every line ends with CRLF and nothing else is a line end; every line that begins with a period has it doubled, the very
first one too, so that CRLF.CRLF stands at the end and only there.
Never: generates or repairs a field of the writer's; touches the body but for its code page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from cssmtp.codepage.transcode import Conversion, source_text, transcoder
from cssmtp.model import DeckMail, HeaderFacts

END_OF_DATA = b".\r\n"

_SHIFTED = re.compile(rb"(\x0e[^\x0f\x15]*+\x0f?)")
"""A run of double-byte text; it ends with its record, closed or not."""


@dataclass(frozen=True, slots=True)
class WireFormat:
    """From which page to which charset, and what the header's at sign is.

    `at_sign` is Options AtSign; `replace_subject_at_sign` tells whether it is one in Subject as well (mail-processing.md 9.4).
    """

    page: str
    charset: str
    conversion: Conversion = field(default_factory=Conversion)
    at_sign: str = "@"
    replace_subject_at_sign: bool = True


def unstuffed(block: bytes) -> bytes:
    """Whole wire lines without the transparency of SMTP: each line that begins with a period loses it (RFC 5321 4.5.2)."""
    return block.removeprefix(b".").replace(b"\r\n.", b"\r\n")


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

    @property
    def substitutions(self) -> int:
        """Characters lost in conversion by this composer so far."""
        return self._transcoder.substitutions

    def small(self, mail: DeckMail, added: bytes) -> bytes:
        """The whole message for a body held inline, with the final period. `added` are wire lines (see `headers`)."""
        assert isinstance(mail.body, bytes)
        if mail.header.separator and self._at_sign == self._at:
            return added + self._converted(mail.body) + END_OF_DATA
        return b"".join((added, *self._parts(mail.body, mail.header), END_OF_DATA))

    def stream(self, mail: DeckMail, added: bytes, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """As `small`, for a body that comes as blocks of stuffed lines (see `bsmtp.body.read_body`)."""
        yield from self.text(mail, added, blocks)
        yield END_OF_DATA

    def text(self, mail: DeckMail, added: bytes, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The message without the final period, to be quoted in a notice; `blocks` are the stuffed lines of its body."""
        yield added
        source = iter(blocks)
        begin = b""
        for block in source:
            begin += block
            if begin.count(self._source.newline) >= mail.header.lines:
                break
        yield from self._parts(begin, mail.header)
        yield from map(self._converted, source)

    def _parts(self, text: bytes, facts: HeaderFacts) -> Iterator[bytes]:
        """The writer's header, the separator if it is missing, and the rest of `text`, on the wire."""
        newline = self._source.newline
        end = len(text) - len(text.split(newline, facts.lines)[-1])
        header = text[:end]
        if self._at_sign != self._at:
            header = self._with_at_signs(header)
        yield self._converted(header)
        if not facts.separator:
            yield b"\r\n"
        yield self._converted(text[end:])

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
