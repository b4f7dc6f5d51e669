"""Single-byte pages to single-byte charsets: one 256-byte table per pair.

Promises: a block of lines costs one translate, one replace and one search for lost characters; counting happens only when
something was lost (code-pages.md 10).
Never: makes a text object.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from cssmtp.codepage.conversion import UNKNOWN, Transcoder, is_control, without_controls
from cssmtp.codepage.registry import CodePage
from cssmtp.codepage.sources import line_table
from cssmtp.codepage.targets import TableTarget

LOST = 0
"""Mark in quickly converted bytes: here something is lost or needs the slow way. No converted byte is X'00'."""


@dataclass(frozen=True, slots=True)
class PairTable:
    """A page composed with a charset.

    `quick` has line feed for the newline byte and `LOST` for everything lost; `final` has what is written instead. `lost` and
    `controls` are the source bytes of either kind, `newline` the newline byte.
    """

    quick: bytes
    final: bytes
    lost: bytes
    controls: bytes
    newline: bytes


@functools.cache
def pair_table(page: CodePage, target: TableTarget) -> PairTable:
    """Compose a single-byte page with a single-byte target. Cached."""
    newline = 0x15 if page.host else 0x0A
    quick, final = bytearray(256), bytearray(256)
    lost, controls = bytearray(), bytearray()
    for byte, character in enumerate(line_table(page)):
        data = target.encoder.get(character)
        if byte == newline:
            quick[byte] = final[byte] = 0x0A
        elif is_control(character):
            controls.append(byte)
            final[byte] = ord(without_controls(character)[0].replace("\n", " "))
        elif data is None or character == UNKNOWN:
            lost.append(byte)
            final[byte] = target.substitute(character)[0]
        else:
            quick[byte] = final[byte] = data[0]
    return PairTable(bytes(quick), bytes(final), bytes(lost), bytes(controls), bytes([newline]))


class SingleTranscoder(Transcoder):
    """The fast path of nearly every mail."""

    __slots__ = ("_table",)

    def __init__(self, table: PairTable) -> None:
        super().__init__()
        self._table = table

    def record(self, record: bytes) -> bytes:
        if self._table.newline in record:
            self.controls += record.count(self._table.newline)
            return self._with_losses(record).replace(b"\n", b" ")
        wire = record.translate(self._table.quick)
        return self._with_losses(record) if LOST in wire else wire

    def lines(self, text: bytes) -> bytes:
        wire = text.translate(self._table.quick)
        if LOST in wire:
            wire = self._with_losses(text)
        return wire.replace(b"\n", b"\r\n")

    def _with_losses(self, text: bytes) -> bytes:
        """Convert text in which something may be lost, and count it."""
        table = self._table
        self.substitutions += len(text) - len(text.translate(None, table.lost))
        self.controls += len(text) - len(text.translate(None, table.controls))
        return text.translate(table.final)
