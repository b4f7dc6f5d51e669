"""ISO-2022-JP in IBM's four forms: 5052 to 5055 (code-pages.md 3, RFC 1468).

Promises: every line starts and ends in ASCII. Half-width katakana and signs are written full-width, since the sets have no
others.
Never: writes a character outside JIS X 0208, ASCII and, in 5052 and 5053, JIS Roman; user-defined rows count as lost.
"""

from __future__ import annotations

import functools
from itertools import groupby

from cssmtp.codepage import tables
from cssmtp.codepage.conversion import SUBSTITUTE
from cssmtp.codepage.targets import Target

TO_ASCII = b"\x1b(B"
TO_ROMAN = b"\x1b(J"
KANJI_1983 = b"\x1b$B"
KANJI_1978 = b"\x1b$@"

ROMAN_CCSIDS = frozenset({5052, 5053})
OLD_CCSIDS = frozenset({5053, 5055})

_ROMAN_ONLY = {"\xa5": b"\\", "\u203e": b"~"}
_ASCII_ONLY = frozenset("\\~\t\r\n")
_ROWS = frozenset({*range(0x21, 0x29), *range(0x30, 0x75)})
"""The rows of JIS X 0208 that hold characters of the standard."""

_TRADED = (
    "3033/724D 3229/7274 3342/695A 3349/5978 3376/635E 3443/5E75 3452/6B5D 3646/7421 375B/7074 395C/6268 3C49/6922 3F59/7057 "
    "4128/6C4D 445B/5464 4557/626A 456E/5B6D 4573/5E39 4676/6D6E 4768/6A24 4930/5B58 4B6A/7422 4B79/5056 4C79/692E 4D5A/7423 "
    "4F36/6446 6076/7424"
)
"""Pairs of codes that trade places between the standards of 1978 and 1983."""

_KATAKANA = (
    "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソ"
    "タチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜"
)
_SIGNS = {"\xa2": "￠", "\xa3": "￡", "\xac": "￢", "\xa5": "￥", "\u203e": "￣"}
_WIDE = {chr(0xFF61 + at): wide for at, wide in enumerate(_KATAKANA)} | _SIGNS
"""What stands for a half-width character (katakana as the WHATWG writer does it; the signs are a decision of ours)."""


@functools.cache
def kanji(old: bool) -> dict[str, bytes]:
    """Character -> two seven-bit bytes of JIS X 0208, in the order of 1978 or of 1983."""
    found = {
        character: bytes(byte & 0x7F for byte in data)
        for character, data in tables.multi_byte_encoder("IBM-eucJP").items()
        if len(data) == 2 and data[0] & 0x7F in _ROWS
    }
    if old:
        pairs = [(bytes.fromhex(item[:4]), bytes.fromhex(item[5:])) for item in _TRADED.split()]
        trade = dict(pairs) | {later: earlier for earlier, later in pairs}
        found = {character: trade.get(data, data) for character, data in found.items()}
    return {half: found[wide] for half, wide in _WIDE.items()} | found


class Iso2022Target(Target):
    """Text as runs of one character set each, with the escape sequence before a run when the set changes."""

    def __init__(self, ccsid: int) -> None:
        self.to_kanji = KANJI_1978 if ccsid in OLD_CCSIDS else KANJI_1983
        self.after_kanji = TO_ROMAN if ccsid in ROMAN_CCSIDS else TO_ASCII
        self.kanji = kanji(ccsid in OLD_CCSIDS)
        self._sets = dict.fromkeys(self.kanji, self.to_kanji) | dict.fromkeys(_ASCII_ONLY, TO_ASCII)
        if self.after_kanji == TO_ROMAN:
            self._sets |= dict.fromkeys(_ROMAN_ONLY, TO_ROMAN)

    def encode(self, text: str) -> tuple[bytes, int]:
        if text.isascii():
            return text.encode("ascii"), 0
        out: list[bytes] = []
        lost, state = 0, TO_ASCII
        for wanted, run in groupby(text, self._sets.get):  # None: ASCII and Roman agree on it, or it is lost
            needed = wanted or (self.after_kanji if state == self.to_kanji else state)
            if needed != state:
                out.append(needed)
                state = needed
            if state == self.to_kanji:
                out += [self.kanji[character] for character in run]
            else:
                written = [_single(character) for character in run]
                lost += written.count(None)
                out += [SUBSTITUTE.encode("ascii") if data is None else data for data in written]
        if state != TO_ASCII:
            out.append(TO_ASCII)
        return b"".join(out), lost


def _single(character: str) -> bytes | None:
    """The byte of a character in ASCII or Roman, None when it is lost."""
    return character.encode("ascii") if character.isascii() else _ROMAN_ONLY.get(character)
