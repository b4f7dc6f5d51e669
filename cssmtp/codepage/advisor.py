"""Which code pages a file may be in.

Promises: pages come as classes that give the same text for this file, best first, with the characters on which the best ones
differ. The method is that of code-pages.md 9: shifts tell mixed pages, the at sign of addresses, brackets and words tell the
others.
Never: decides anything for delivery; it is advice for people. Looks at more than the first 64 KiB.
"""

from __future__ import annotations

import codecs
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from cssmtp.codepage import registry
from cssmtp.codepage.plausibility import double_byte_score, single_byte_score
from cssmtp.codepage.transcode import source_text

SAMPLE = 64 << 10
CLASSES = 5
"""How many classes are reported at most."""

CLEARLY = 0.1
"""By which part of its score the best page must beat another to be called better. Right pages of short decks lose by less."""

_RARE = frozenset({"IBM-256", "IBM-274", "IBM-275", "IBM-281", "IBM-282", "IBM-423", "IBM-803", "IBM-880", "IBM-905", "IBM-931"})
"""Pages that nothing current is written in: they come last among equals."""

_HOST_BLANK, _ASCII_BLANK = 0x40, 0x20


@dataclass(frozen=True, slots=True)
class PageClass:
    """Pages that give the same text for the file. `score` only compares classes of one file. `sample` is some of the text."""

    pages: tuple[str, ...]
    score: float
    sample: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One byte (or pair of bytes) that the classes read differently: its hex digits, how often it occurs, the characters by
    class.
    """

    code: str
    count: int
    characters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """What the bytes of a file look like.

    `family` is "ebcdic", "ebcdic-mixed", "ascii", "utf-8" or "other" (neither; an ASCII-based page most likely). `classes` is
    empty but for the first two.
    """

    family: Literal["ebcdic", "ebcdic-mixed", "ascii", "utf-8", "other"]
    classes: tuple[PageClass, ...] = ()
    differences: tuple[Difference, ...] = ()


def advise(data: bytes) -> Advice:
    """Say what a file's bytes look like. Any bytes will do; records need not be cut."""
    data = data[:SAMPLE]
    if not _host(data):
        return Advice(_other_family(data))
    mixed = _shifted(data)
    names = [page.name for page in registry.pages() if page.host and (page.kind == "MBCS") == mixed]
    score = double_byte_score if mixed else single_byte_score
    by_text: dict[str, list[str]] = {}
    for name in names:
        by_text.setdefault(_readable(data, name), []).append(name)
    ranked = sorted(((score(text), pages) for text, pages in by_text.items()), key=lambda found: (-found[0], _order(found[1])))
    texts = {tuple(pages): text for text, pages in by_text.items()}
    classes = tuple(
        PageClass(tuple(sorted(pages, key=_rank)), points, texts[tuple(pages)][:400]) for points, pages in ranked[:CLASSES]
    )
    return Advice("ebcdic-mixed" if mixed else "ebcdic", classes, () if mixed else _differences(data, classes))


def clearly_better(data: bytes, page: str) -> str:
    """A page in which the data look more like mail than in the EBCDIC page `page`, by CLEARLY at least; "" when there is none."""
    advice = advise(data)
    if not advice.classes or page in advice.classes[0].pages:
        return ""
    score = double_byte_score if advice.family == "ebcdic-mixed" else single_byte_score
    best = advice.classes[0]
    return best.pages[0] if best.score - score(_readable(data[:SAMPLE], page)) >= CLEARLY * abs(best.score) else ""


def _host(data: bytes) -> bool:
    """Whether X'40' is the commoner blank, or the digits and letters lie where EBCDIC has them."""
    host, other = data.count(_HOST_BLANK), data.count(_ASCII_BLANK)
    if host != other:
        return host > other
    return sum(byte >= 0xC1 for byte in data) > len(data) // 2


def _shifted(data: bytes) -> bool:
    """Whether shift-outs and shift-ins come in about equal numbers, as mixed text has them."""
    out, back = data.count(0x0E), data.count(0x0F)
    return bool(out) and 2 * min(out, back) >= max(out, back)


def _other_family(data: bytes) -> Literal["ascii", "utf-8", "other"]:
    if data.isascii():
        return "ascii"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)  # which forgives a character cut at the end of the sample
    except UnicodeDecodeError:
        return "other"
    return "utf-8"


def _readable(data: bytes, name: str) -> str:
    """The text in a page, controls as blanks."""
    text = source_text(name).text(data)
    return "".join([" " if character < " " or "\x7f" <= character < "\xa0" else character for character in text])


def _rank(name: str) -> tuple[bool, int]:
    """Usual pages first, in the order of the registry."""
    return name in _RARE, registry.names("translate").index(name)


def _order(pages: list[str]) -> tuple[bool, int]:
    return min(map(_rank, pages))


def _differences(data: bytes, classes: tuple[PageClass, ...]) -> tuple[Difference, ...]:
    """The bytes of the file on which single-byte classes differ, commonest first."""
    sources = [source_text(found.pages[0]) for found in classes]
    found = []
    for byte, count in Counter(data).most_common():
        characters = tuple(source.text(bytes([byte])) for source in sources)
        if len(set(characters)) > 1 and byte >= _HOST_BLANK:
            found.append(Difference(f"{byte:02X}", count, characters))
    return tuple(found)
