"""The way in: how to read a page, and the converter from a page to a charset.

Promises: any page of the registry to any charset of the registry; composed tables are kept, so a transcoder is cheap to make.
Never: raises but for names that are not registered.
"""

from __future__ import annotations

from cssmtp.codepage.conversion import Conversion, Transcoder
from cssmtp.codepage.registry import lookup
from cssmtp.codepage.single import SingleTranscoder, pair_table
from cssmtp.codepage.sources import SourceText, source_text
from cssmtp.codepage.targets import TableTarget, target
from cssmtp.codepage.textual import TextTranscoder

__all__ = ["Conversion", "SourceText", "Transcoder", "source_text", "transcoder"]


def transcoder(page: str, charset: str, conversion: Conversion = Conversion()) -> Transcoder:  # noqa: B008  # frozen value
    """A converter with counters at zero, from a page (EBCDIC, "ASCII" or "UTF-8") to a charset. Raises UnknownCodePage."""
    source = lookup(page)
    writer = target(charset, conversion)
    if source.kind == "SBCS" and isinstance(writer, TableTarget) and lookup(charset).kind == "SBCS":
        return SingleTranscoder(pair_table(source, writer))
    return TextTranscoder(source_text(page, conversion), writer)
