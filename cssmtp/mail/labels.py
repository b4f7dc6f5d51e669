"""Charset labels: whether one that a writer chose is right for the bytes that a target gets (code-pages.md 8).

Promises: names are compared as readers do, without regard to case and punctuation, and with the supersets that they read instead.
Never: writes a label.
"""

from __future__ import annotations

from cssmtp.codepage.registry import CodePage, lookup
from cssmtp.errors import UnknownCodePage

_READ_ALSO_AS = {
    "US-ASCII": frozenset({"UTF-8", "ISO-8859-1", "ISO-8859-15", "WINDOWS-1252"}),
    "ISO-8859-1": frozenset({"WINDOWS-1252"}),
    "ISO-8859-9": frozenset({"WINDOWS-1254"}),
    "SHIFT_JIS": frozenset({"WINDOWS-31J", "MS_KANJI", "X-SJIS", "SJIS"}),
    "EUC-KR": frozenset({"KS_C_5601-1987", "WINDOWS-949"}),
    "KS_C_5601-1987": frozenset({"EUC-KR", "WINDOWS-949"}),
    "GB2312": frozenset({"GBK", "GB18030"}),
    "GBK": frozenset({"GB2312", "GB18030"}),
    "GB18030": frozenset(),
}
"""By a charset's MIME name: other labels under which readers show its bytes rightly (code-pages.md 8.1)."""


def denotes(label: str, charset: CodePage) -> bool:
    """Whether a reader who believes `label` shows text in `charset` rightly."""
    wanted = charset.mime_name.upper()
    if not wanted:
        return False
    if label.upper() == wanted or label.upper() in _READ_ALSO_AS.get(wanted, ()):
        return True
    try:
        return lookup(label).mime_name.upper() == wanted
    except UnknownCodePage:
        return False
