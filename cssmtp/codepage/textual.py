"""Conversion by way of text: the general way, for pairs that have no composed table.

Promises: any source to any target.
Never: is on the path of single-byte decks to single-byte targets.
"""

from __future__ import annotations

from cssmtp.codepage.conversion import Transcoder, without_controls
from cssmtp.codepage.single import LOST, PairTable
from cssmtp.codepage.sources import SourceText
from cssmtp.codepage.targets import Target


class TextTranscoder(Transcoder):
    """Decodes a block, takes out controls, encodes it. Plain text is only translated, by the table of the page and US-ASCII."""

    __slots__ = ("_plain", "_source", "_target")

    def __init__(self, source: SourceText, target: Target, plain: PairTable) -> None:
        super().__init__()
        self._source = source
        self._target = target
        self._plain = plain.quick

    def record(self, record: bytes) -> bytes:
        return self._converted(self._source.text(record).replace("\n", "\x85"))

    def lines(self, text: bytes) -> bytes:
        wire = text.translate(self._plain)
        if LOST in wire:
            wire = self._converted(self._source.text(text))
        return wire.replace(b"\n", b"\r\n")

    def _converted(self, text: str) -> bytes:
        text, controls = without_controls(text)
        data, lost = self._target.encode(text)
        self.controls += controls
        self.substitutions += lost
        return data
