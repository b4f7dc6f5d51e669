"""What the writer's own header has: where it ends, and which fields it brings.

Promises: one decode per mail; linear in the length of the header, however odd.
Never: changes or validates a field; header contents pass as written (mail-processing.md 6).
"""

from __future__ import annotations

import functools
import re

from cssmtp.codepage.transcode import SourceText
from cssmtp.model import HeaderFacts

HEADER_LIMIT = 65536
"""Bytes of a mail in which its header is looked for; a longer header ends at the last whole line within."""

_FIELDS = re.compile(r"(?:[!-9;-~]++[ \t]*+:[^\n]*+\n(?:[ \t][^\n]*+\n)*+)*+")
_NOTED = re.compile(r"\n(date|message-id|content-type)[ \t]*+:")
_CONTENT_TYPE = re.compile(r"^content-type[ \t]*+:((?:[^\n]*+\n[ \t])*+[^\n]*+)", re.IGNORECASE | re.MULTILINE)
_ENCODED = re.compile(r"^content-transfer-encoding[ \t]*+:[ \t\n]*+(?:base64|quoted-printable)", re.IGNORECASE | re.MULTILINE)
_CHARSET = re.compile(r"""charset[ \t\n]*+=[ \t\n]*+"?([^"; \t\n()]++)""", re.IGNORECASE)

_facts = functools.lru_cache(maxsize=256)(HeaderFacts)
"""The mails of a deck mostly look alike, so their facts are shared."""


def scan(text: bytes, source: SourceText) -> HeaderFacts:
    """The facts about the header of a mail given as stuffed lines (the whole mail or its first HEADER_LIMIT bytes).

    The header ends at the first empty line or, when that is missing, before the first line that is neither
    `field-name:` nor folded (mail-processing.md 6). A folded line with no field before it is body.
    """
    newline = source.newline
    if len(text) > HEADER_LIMIT:
        text = text[: text.rfind(newline, 0, HEADER_LIMIT) + 1]
    cut = text.find(newline + newline)
    decoded = source.text(text if cut < 0 else text[: cut + 2 * len(newline)])
    found = _FIELDS.match(decoded)
    end = found.end() if found else 0
    header = "\n" + decoded[:end].lower()
    names = _NOTED.findall(header)
    return _facts(
        header.count("\n") - 1,
        decoded.startswith("\n", end),
        "date" in names,
        "message-id" in names,
        _charset(decoded[:end]) if "content-type" in names else "",
        decoded.isascii() or decoded[:end].isascii(),
    )


def _charset(header: str) -> str:
    """The charset label of the first Content-Type field, as written; "" without one, and when it is about encoded text."""
    if _ENCODED.search(header):
        return ""
    field = _CONTENT_TYPE.search(header)
    label = _CHARSET.search(field[1]) if field else None
    return label[1] if label else ""
