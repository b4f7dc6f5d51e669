"""Cutting decks out of what a printer or punch has put out: one stream for all jobs (jes-spool.md 10, Hercules).

Promises: bytes in, in pieces of any size; decks out, each with the place in the stream behind it and with what the separator page
before it says. The same decks whatever the pieces are. Memory is bounded by LONGEST_DECK.
Never: reads files or sockets; judges a deck.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from itertools import zip_longest

LONGEST_DECK = 64 * 1024 * 1024
"""Bytes of one deck; what is longer is handed out in part and marked so."""
LONGEST_LINE = 1024 * 1024
LONGEST_PAGE = 5_000
"""Lines of a page that are looked at before it counts as no separator page."""
SEPARATOR = (
    r"\*{4}[A-Z0-9] +(?:START|CONT|END) +(?P<kind>JOB|STC|TSU) +(?P<number>\d{1,7}) +(?P<jobname>[A-Z0-9$#@]{1,8})(?: .*)?"
)
"""A line of a JES2 separator page, as MVS 3.8 prints it. Ours: read off pages, not documented."""

_PARTS = re.compile(rb"(\f|\r+)")
_GREETING = re.compile(r"\s*(?:HELO|EHLO)(?:\s|$)", re.IGNORECASE)
_QUIT = re.compile(r"\s*QUIT\s*$", re.IGNORECASE)
_DATA = re.compile(r"\s*DATA\s*$", re.IGNORECASE)


class Cut(enum.Enum):
    """Where decks begin and end: from HELO to QUIT (separator pages end one too), or all between two separator pages."""

    HELO = "helo"
    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class Job:
    """What a separator page says; "" when it does not."""

    jobname: str = ""
    jobid: str = ""


@dataclass(frozen=True, slots=True)
class Deck:
    """A deck: its data, the job of the separator page before it, the offset in the stream behind it. `problem`: why it may not
    be whole, "" when it is."""

    data: bytes
    job: Job
    end: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """How the stream is written: text lines, or with `width` cards of that many bytes without line ends; `ebcdic` or ASCII."""

    width: int = 0
    ebcdic: bool = False


class PrintStream:
    """Takes a stream and gives its decks. `separator` is a regular expression for a line of a separator page, with the groups
    jobname, and jobid or kind and number, where it can tell them. `offset` is where in the stream the first piece begins."""

    def __init__(self, form: Form, cut: Cut = Cut.HELO, separator: str = SEPARATOR, offset: int = 0) -> None:
        self._form = form
        self._cut = cut
        self._separator = re.compile(separator)
        self._rest = b""
        self._offset = offset
        self._job = Job()
        self._lines: list[bytes] = []
        self._size = 0
        self._page: list[bytes] = []
        self._page_separates = False
        self._in_data = False
        self._decks: list[Deck] = []

    def feed(self, data: bytes) -> list[Deck]:
        """The decks that end in these bytes."""
        buffer = self._rest + data
        width = self._form.width
        if width:
            lines = [buffer[at : at + width] for at in range(0, len(buffer) - width + 1, width)]
        else:
            lines = [line + b"\n" for line in buffer.split(b"\n")[:-1]]
        self._rest = buffer[sum(map(len, lines)) :]
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._offset += len(line)
            self._printed(line)
        return self._taken()

    def finish(self, problem: str = "") -> list[Deck]:
        """The stream has ended: the deck at hand, if any. `problem` is why it ended, when that was not meant.

        A deck that ends inside its data is not whole, however the stream ended.
        """
        if self._rest:
            self._offset += len(self._rest)
            self._printed(self._rest)
            self._rest = b""
        if self._cut is Cut.PAGES:
            self._end_page()
        if self._lines:
            self._end_deck(problem or ("the stream ended inside the data of a mail" if self._in_data else ""))
        return self._taken()

    def _taken(self) -> list[Deck]:
        decks, self._decks = self._decks, []
        return decks

    def _printed(self, line: bytes) -> None:
        """One line of the stream: a form feed begins a page, what is printed over a line is a line of its own."""
        if self._form.width:
            self._end_page()
            return self._line(line)
        parts = _PARTS.split(line.rstrip(b"\r\n"))
        empty = not any(parts[::2])
        for text, sign in zip_longest(parts[::2], parts[1::2], fillvalue=b""):
            if text:
                self._line(text)
            if sign == b"\f":
                self._end_page()
        if empty:
            self._line(b"")
        return None

    def _line(self, line: bytes) -> None:
        text = line.decode("cp037" if self._form.ebcdic else "latin-1").rstrip()
        if self._cut is Cut.PAGES:
            self._paged(line, text)
        else:
            self._spoken(line, text)

    def _spoken(self, line: bytes, text: str) -> None:
        """Cut.HELO: commands tell where a deck begins and ends."""
        separates = self._separator.fullmatch(text)
        if separates:
            if self._lines:
                self._end_deck("")
            self._job = _job(separates)
            return
        if not self._lines and not _GREETING.match(text):
            return
        self._add(line)
        if self._in_data:
            self._in_data = text != "."
        elif _QUIT.match(text):
            self._end_deck("")
        else:
            self._in_data = _DATA.match(text) is not None

    def _paged(self, line: bytes, text: str) -> None:
        """Cut.PAGES: a page with a separator line on it ends the deck; everything on other pages is deck."""
        separates = self._separator.fullmatch(text)
        if separates:
            if not self._page_separates and self._lines:
                self._end_deck("")
            self._page, self._page_separates = [], True
            self._job = _job(separates)
        elif not self._page_separates:
            self._page.append(line)
            if len(self._page) > LONGEST_PAGE:
                self._end_page()

    def _end_page(self) -> None:
        for line in self._page:
            self._add(line)
        self._page, self._page_separates = [], False

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size > LONGEST_DECK:
            self._end_deck(f"the deck is longer than {LONGEST_DECK} bytes; this is a part of it")

    def _end_deck(self, problem: str) -> None:
        data = b"".join(self._lines) if self._form.width else b"".join(line + b"\n" for line in self._lines)
        if data.strip(b"\x40 \n" if self._form.ebcdic else b" \n"):
            self._decks.append(Deck(data, self._job, self._offset, problem))
        self._lines, self._size, self._in_data = [], 0, False


def _job(found: re.Match[str]) -> Job:
    groups = {key: value or "" for key, value in found.groupdict().items()}
    job_id = groups.get("jobid", "")
    number = groups.get("number", "")
    if not job_id and number.isdigit():
        kind = groups.get("kind", "") or "JOB"
        job_id = f"{kind[:3]}{int(number):05d}" if int(number) < 100_000 else f"{kind[0]}{int(number):07d}"
    return Job(groups.get("jobname", ""), job_id)
