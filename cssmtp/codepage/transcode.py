"""The way in: how to read a page, and the converter from a page to a charset.

Promises: any page of the registry to any charset of the registry; composed tables are kept, so a transcoder is cheap to make.
Never: raises but for names that are not registered, or not for that end: targets are no EBCDIC pages, multi-byte files are
EBCDIC or UTF-8.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from cssmtp.codepage.conversion import UNKNOWN, Conversion, Transcoder
from cssmtp.codepage.iso2022 import ROMAN_CCSIDS, Iso2022Target
from cssmtp.codepage.mixed import MixedSource, MixedTranscoder, mixed_table
from cssmtp.codepage.registry import lookup
from cssmtp.codepage.single import SingleTranscoder, pair_table
from cssmtp.codepage.sources import SingleSource, SourceText, Utf8Source
from cssmtp.codepage.targets import CodecTarget, TableTarget, Target, table_target
from cssmtp.codepage.textual import TextTranscoder
from cssmtp.errors import UnknownCodePage

__all__ = ["Conversion", "SourceText", "Target", "Transcoder", "source_text", "target_of", "transcoder"]

_DEFAULT = Conversion()


@functools.cache
def source_text(page: str, conversion: Conversion = _DEFAULT) -> SourceText:
    """How to read a page by name: an EBCDIC page, "ASCII" or "UTF-8". Cached. Raises UnknownCodePage."""
    found = lookup(page)
    if found.name == "UTF-8":
        return Utf8Source()
    if not found.host and found.kind != "SBCS":
        raise UnknownCodePage(page, ("UTF-8", "US-ASCII"))
    return MixedSource(found, conversion) if found.kind == "MBCS" else SingleSource(found, conversion)


@functools.cache
def target_of(charset: str, conversion: Conversion) -> Target:
    """How to write a charset, by its canonical name. Cached, because composed tables are found by it. Raises UnknownCodePage."""
    page = lookup(charset)
    if page.host:
        raise UnknownCodePage(charset, ("ISO8859-1", "UTF-8"))
    codec = {"UTF-8": "utf-8", "IBM-5488": "gb18030"}.get(page.name)
    if codec is not None:
        return CodecTarget(codec, UNKNOWN if conversion.unmappable == "ibm" else "?")
    return Iso2022Target(page.ccsid) if page.kind == "ISO2022" else table_target(page, conversion)


@functools.cache
def _maker(page: str, charset: str, conversion: Conversion) -> Callable[[], Transcoder]:
    """What makes transcoders of this pair, everything costly done."""
    found, target = lookup(page), target_of(lookup(charset).name, conversion)
    source = source_text(found.name)  # on the wire X'25' is a blank in either newline convention
    if isinstance(source, MixedSource):
        roman = isinstance(target, Iso2022Target) and lookup(charset).ccsid in ROMAN_CCSIDS
        return functools.partial(MixedTranscoder, source, target, None if roman else mixed_table(found, target))
    if isinstance(source, SingleSource) and isinstance(target, TableTarget) and lookup(charset).kind == "SBCS":
        return functools.partial(SingleTranscoder, pair_table(found, target))
    ascii_page = found if isinstance(source, SingleSource) else lookup("US-ASCII")
    plain = pair_table(ascii_page, table_target(lookup("US-ASCII"), conversion))
    return functools.partial(TextTranscoder, source, target, plain)


def transcoder(page: str, charset: str, conversion: Conversion = _DEFAULT) -> Transcoder:
    """A converter with counters at zero, from a page (EBCDIC, "ASCII" or "UTF-8") to a charset. Raises UnknownCodePage."""
    return _maker(page, charset, conversion)()
