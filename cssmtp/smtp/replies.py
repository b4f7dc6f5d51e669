"""Replies of a server, parsed as the bytes come in.

Promises: each byte is looked at once, however the reply is cut into packets; what is kept is bounded by `REPLY_LIMIT`; text
is made printable ASCII here, so that nothing a server says can reach a terminal or a report as a control character.
Never: guesses. What is no reply is a `ProtocolError`, after which the parser must not be used again.
"""

from __future__ import annotations

from functools import lru_cache

from cssmtp.model import Reply

LINE_LIMIT = 64 * 1024
"""Longest line of a reply in bytes; RFC 5321 4.5.3.1.5 promises 512."""

REPLY_LIMIT = 128 * 1024
"""Longest reply in bytes, all its lines together."""

CACHED_LINE = 120
"""Lines up to this many bytes are remembered: nearly all replies of a server are the same few lines."""

PRINTABLE = bytes(byte if 0x20 <= byte < 0x7F else 0x20 if byte == 0x09 else 0x3F for byte in range(256))
"""What becomes of each byte of a reply's text: tab a blank, everything else that is not printable ASCII a "?"."""


class ProtocolError(Exception):
    """The server said something that is no SMTP reply. The text tells what, printable.

    `replies` are good ones that were complete before it in the same bytes: they still count.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.replies: list[Reply] = []


def printable(data: bytes) -> str:
    """Bytes of a server as printable ASCII text of the same length."""
    return data.translate(PRINTABLE).decode("ascii")


def _enhanced(text: str, code: int) -> str:
    """The enhanced status code (RFC 3463 section 2) at the start of `text`, or "" when there is none that fits the code."""
    if text[1:2] != "." or text[0] != str(code // 100):
        return ""
    word = text.partition(" ")[0]
    subject, _, detail = word[2:].partition(".")
    fits = subject.isdigit() and detail.isdigit() and len(subject) <= 3 and len(detail) <= 3
    return word if fits else ""


def _parse_line(line: bytes) -> tuple[int, bool, str, str]:
    """One line without its line end -> code, whether more lines follow, enhanced code or "", text without both.

    Raises ProtocolError when the line does not begin with a code from 200 to 599 followed by a blank, a hyphen or nothing.
    """
    digits = line[:3]
    mark = line[3:4]
    if len(digits) < 3 or not digits.isdigit() or not b"200" <= digits <= b"599" or mark not in (b" ", b"-", b""):
        raise ProtocolError(f"not an SMTP reply: {printable(line[:80])!r}")
    code = int(digits)
    text = printable(line[4:]).rstrip()
    enhanced = _enhanced(text, code)
    return code, mark == b"-", enhanced, text[len(enhanced) :].lstrip() if enhanced else text


def read_line(line: bytes) -> Reply:
    """The reply of one line, given without its line end. Raises ProtocolError as `ReplyParser.feed` does."""
    code, _, enhanced, text = _parse_line(line)
    return Reply(code, enhanced, (text,))


_remembered = lru_cache(maxsize=512)(_parse_line)


@lru_cache(maxsize=512)
def _single(line: bytes) -> Reply | None:
    """The reply that `line` is by itself, or None when it is the first of several."""
    code, more, enhanced, text = _parse_line(line)
    return None if more else Reply(code, enhanced, (text,))


class ReplyParser:
    """Incremental parser of RFC 5321 4.2 replies, single and multi-line. A bare LF ends a line as CRLF does."""

    __slots__ = ("_code", "_enhanced", "_lines", "_looked", "_rest", "_size")

    def __init__(self) -> None:
        self._rest = bytearray()  # the beginning of a line whose end has not come yet
        self._looked = 0  # how far `_rest` is known to hold no line end
        self._lines: list[str] = []  # earlier lines of an unfinished reply
        self._code = 0
        self._enhanced = ""
        self._size = 0  # bytes of the unfinished reply so far

    @property
    def partial(self) -> bool:
        """Whether a reply has begun and not ended."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """Take the next bytes from the server; return the replies they complete, in order.

        Raises ProtocolError for garbage, for lines of one reply with different codes, and for a line or reply that is too long.
        """
        if self._rest:
            self._rest += data
            if self._rest.find(b"\n", self._looked) < 0:
                self._looked = len(self._rest)
                self._check_length(self._looked)
                return []
            data = bytes(self._rest)
            self._rest.clear()
            self._looked = 0
        replies: list[Reply] = []
        try:
            self._lines_of(data, replies)
        except ProtocolError as error:
            error.replies = replies
            raise
        return replies

    def _lines_of(self, data: bytes, replies: list[Reply]) -> None:
        """Take the whole lines of `data`, add what they complete to `replies`, keep the rest."""
        lines = data.split(b"\n")
        rest = lines.pop()
        for line in lines:
            if line.endswith(b"\r"):
                line = line[:-1]
            reply = _single(line) if not self._lines and len(line) <= CACHED_LINE else None
            if reply is None:
                reply = self._take(line)
            if reply is not None:
                replies.append(reply)
        if rest:
            self._rest += rest
            self._looked = len(rest)
            self._check_length(self._looked)

    def _check_length(self, line: int) -> None:
        if line > LINE_LIMIT:
            raise ProtocolError(f"a reply line is longer than {LINE_LIMIT} bytes")

    def _take(self, line: bytes) -> Reply | None:
        """One line of a multi-line reply, or a long single one; returns the reply it ends, or None."""
        self._check_length(len(line))
        self._size += len(line)
        if self._size > REPLY_LIMIT:
            raise ProtocolError(f"a reply is longer than {REPLY_LIMIT} bytes")
        code, more, enhanced, text = _remembered(line) if len(line) <= CACHED_LINE else _parse_line(line)
        if self._lines and code != self._code:
            raise ProtocolError(f"lines of one reply have different codes: {self._code} and {code}")
        self._code = code
        self._enhanced = self._enhanced or enhanced
        self._lines.append(text)
        if more:
            return None
        reply = Reply(code, self._enhanced, tuple(self._lines))
        self._lines = []
        self._enhanced = ""
        self._size = 0
        return reply
