"""RFC 2047 encoded words for header text that is not ASCII.

Promises: each encoded word is printable ASCII, at most 75 characters, and decodable by itself (whole characters; a charset with
shift states begins and ends in ASCII in every word); each line that holds one has at most 76; a decoder gets back the text
that went in.
Never: encodes an address, or anything inside angle brackets; touches text that is ASCII already.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

WORD_LIMIT = 75
LINE_LIMIT = 76
"""RFC 2047 section 2."""

ADDRESS_FIELDS = frozenset(
    f"{prefix}{name}" for prefix in ("", "resent-") for name in ("from", "to", "cc", "bcc", "sender", "reply-to")
)
"""Fields whose display names and comments may be encoded, and nothing else (RFC 2047 section 5)."""

STRUCTURED_FIELDS = frozenset(
    {
        "received",
        "date",
        "resent-date",
        "message-id",
        "resent-message-id",
        "in-reply-to",
        "references",
        "return-path",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "content-disposition",
        "content-id",
    }
)
"""Fields in which an encoded word has no place; they stay as written."""

_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = tuple("_" if byte == 0x20 else chr(byte) if byte in _Q_PLAIN else f"={byte:02X}" for byte in range(256))
_BLANKS = re.compile(r"([ \t]+)")
_TOKEN = re.compile(
    r"""
      (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<comment>\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\))
    | (?P<angle><[^<>]*>)
    | (?P<special>[,:;])
    | (?P<blank>[ \t]+)
    | (?P<atom>[^ \t",:;()<>]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Charset:
    """A charset as encoded words need it: `name` its MIME name, `encode` text to bytes, `multi_byte` prefers the B encoding."""

    name: str
    encode: Callable[[str], bytes]
    multi_byte: bool


def encode_field(name: str, value: str, charset: Charset) -> list[str]:
    """The lines of a header field, without line ends.

    `name` is the field name, `value` its unfolded text after the colon (with the blank that follows it). ASCII values and
    structured fields come back as one line.
    """
    line = f"{name}:{value}"
    lowered = name.strip().lower()
    if value.isascii() or lowered in STRUCTURED_FIELDS:
        return [line]
    if lowered in ADDRESS_FIELDS:
        pieces = list(_address_pieces(value, charset))
    else:
        pieces = list(_text_pieces(value, charset, len(name) + 1))
    return _folded(f"{name}:", pieces)


# --- encoded words


def encoded_words(text: str, charset: Charset, used: int = 0) -> list[str]:
    """`text` as one or more encoded words; the first one has to fit a line on which `used` columns are taken."""
    words: list[str] = []
    while text:
        room = min(WORD_LIMIT, LINE_LIMIT - used) if not words else WORD_LIMIT
        count = _fitting(text, charset, room) or _fitting(text, charset, WORD_LIMIT)
        words.append(_word(text[:count], charset))
        text = text[count:]
    return words


def _fitting(text: str, charset: Charset, room: int) -> int:
    """How many characters of `text` make an encoded word of at most `room` columns; more characters are never shorter."""
    low, high = 0, min(len(text), WORD_LIMIT)
    while low < high:
        middle = (low + high + 1) // 2
        if len(_word(text[:middle], charset)) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _word(text: str, charset: Charset) -> str:
    data = charset.encode(text)
    if charset.multi_byte or sum(byte >= 0x80 for byte in data) * 2 > len(data):
        return f"=?{charset.name}?B?{binascii.b2a_base64(data, newline=False).decode('ascii')}?="
    return f"=?{charset.name}?Q?{''.join(map(_Q.__getitem__, data))}?="


# --- pieces of a field: each begins with the blanks before it, so that folding in front of a piece changes nothing


class _Run:
    """Neighbouring words that are not ASCII. They are encoded together with the blanks between them, because decoders drop
    the blanks between encoded words; so do those next to an encoded word that the writer made himself.
    """

    def __init__(self, charset: Charset, used: int) -> None:
        self._charset = charset
        self._used = used  # columns taken in front of the very first piece
        self._text = ""
        self._lead = ""
        self._after_word = False

    @property
    def open(self) -> bool:
        return bool(self._text)

    def add(self, blank: str, word: str) -> None:
        """One more word. The first blank in front of a run stays outside, unless an encoded word stands before it."""
        if self._text:
            self._text += blank + word
        elif self._after_word:
            self._lead, self._text = " ", blank + word
        else:
            self._lead, self._text = blank[:1], blank[1:] + word

    def close(self, blank: str = "") -> Iterator[str]:
        """The run as pieces; `blank` belongs to it where nothing but an encoded word or nothing at all follows."""
        if self._text:
            words = encoded_words(self._text + blank, self._charset, self._used + len(self._lead))
            yield self._lead + words[0]
            for word in words[1:]:
                yield " " + word
            self._text = ""
            self._after_word = True
        self._used = 0

    def passed(self, *, encoded: bool) -> None:
        """A word that stays as it is was written after the run."""
        self._used = 0
        self._after_word = encoded


def _text_pieces(text: str, charset: Charset, used: int) -> Iterator[str]:
    """Unstructured text: words that are ASCII stay as they are."""
    run = _Run(charset, used)
    blank = ""
    for part in filter(None, _BLANKS.split(text)):
        if _BLANKS.fullmatch(part):
            blank = part
            continue
        if not part.isascii():
            run.add(blank, part)
        else:
            encoded = part.startswith("=?")
            joined = encoded and run.open
            yield from run.close(blank if joined else "")
            yield (" " if joined else blank) + part
            run.passed(encoded=encoded)
        blank = ""
    if run.open:
        yield from run.close(blank)
    elif blank:
        yield blank


def _address_pieces(text: str, charset: Charset) -> Iterator[str]:
    """A list of addresses: display names and comments are encoded, everything else stays as it is."""
    run = _Run(charset, LINE_LIMIT - WORD_LIMIT)
    tokens = [(found.lastgroup or "", found[0]) for found in _TOKEN.finditer(text)]
    blank = ""
    for number, (kind, token) in enumerate(tokens):
        if kind == "blank":
            blank = token
            continue
        of_address = (kind == "atom" and "@" in token) or (number + 1 < len(tokens) and tokens[number + 1][1].startswith("@"))
        if kind in ("quoted", "atom") and not token.isascii() and not of_address:
            run.add(blank, _QUOTED_PAIR.sub(r"\1", token[1:-1]) if kind == "quoted" else token)
        else:
            apart = " " if run.open and not blank and kind != "special" else blank
            yield from run.close()
            if kind == "comment" and not token.isascii():
                yield from _comment(apart, token, charset)
            else:
                yield apart + token
            run.passed(encoded=False)
        blank = ""
    yield from run.close()


def _comment(blank: str, token: str, charset: Charset) -> Iterator[str]:
    words = encoded_words(_QUOTED_PAIR.sub(r"\1", token[1:-1]), charset, LINE_LIMIT - WORD_LIMIT + 2)
    words[0] = f"{blank}({words[0]}"
    words[-1] += ")"
    yield words[0]
    for word in words[1:]:
        yield " " + word


def _folded(begin: str, pieces: list[str]) -> list[str]:
    """Pieces as lines of at most LINE_LIMIT columns, folded in front of pieces that begin with a blank."""
    lines = [begin]
    for piece in pieces:
        if (
            len(lines[-1]) + len(piece) > LINE_LIMIT
            and piece[:1] in (" ", "\t")
            and piece.strip(" \t")
            and lines[-1].strip(" \t")
        ):
            lines.append(piece)
        else:
            lines[-1] += piece
    return lines
