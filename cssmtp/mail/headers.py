"""The header fields that the gateway adds: Received always, Date and Message-ID when the writer has none.

Promises: ASCII wire lines ended by CRLF, folded at FOLD_AT columns where there is a place to fold, never over 998. What comes
from a deck or a job enters only through `_name` and `_host`, which know no blank, control character or line end.
Never: looks at the time itself; changes with the language of the process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from cssmtp.config.model import Header
from cssmtp.model import DeckMail

FOLD_AT = 78
NAME_LIMIT = 64
"""Characters of a job name, job id or user that enter a header; real ones have 8."""
HOST_LIMIT = 255
UNDELIVERABLE_MARK = "U"
"""Ends the sequence number of the id of a notice, and of the file name of its dead letter (mail-processing.md 13.3)."""

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9$#_-]")
_UNSAFE_IN_HOST = re.compile(r"[^A-Za-z0-9.:_\[\]-]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the mails of one spool file come from, and who we are.

    `jobname`, `jobid`, `dsid`, `owner` and `notify` are the spool file's attributes; `host_name` and `domain` our own name
    ("" = none); `writer` our external writer name, `cssmtp_job` our job name.
    """

    jobname: str
    jobid: str
    dsid: int
    owner: str
    host_name: str
    domain: str
    writer: str
    cssmtp_job: str
    notify: str = ""

    @property
    def host(self) -> str:
        """Our full name as it stands in headers, "localhost" when nothing is known."""
        name, domain = _host(self.host_name), _host(self.domain)
        if name and domain and not name.lower().endswith("." + domain.lower()):
            return f"{name}.{domain}"
        return name or domain or "localhost"


def _name(text: str) -> str:
    """`text` reduced to characters of a word that may stand in a Message-ID; each other one becomes a hyphen."""
    return _UNSAFE_IN_NAME.sub("-", text[:NAME_LIMIT])


def _host(text: str) -> str:
    """`text` reduced to characters of a domain or address literal; each other one becomes a hyphen."""
    return _UNSAFE_IN_HOST.sub("-", text[:HOST_LIMIT])


def date_text(now: datetime) -> str:
    """An RFC 5322 3.3 date with numeric zone; `now` is aware, a naive one counts as UTC (mail-processing.md 7.3)."""
    zone = now.strftime("%z")[:5] or "+0000"
    return f"{DAYS[now.weekday()]}, {now.day:02} {MONTHS[now.month - 1]} {now:%Y %H:%M:%S} {zone}"


class HeaderMaker:
    """Makes the added header of all mails of one spool file; what is the same for all is made once."""

    __slots__ = (
        "_after_number",
        "_at_host",
        "_by",
        "_date_line",
        "_for",
        "_hello",
        "_id_begin",
        "_jes",
        "_moment",
        "_received",
        "_user_part",
        "_wants_date",
    )

    def __init__(self, origin: Origin, header: Header) -> None:
        host = origin.host
        names = [_name(name) for name in (origin.jobname, origin.jobid) if name]
        self._user_part = "".join(name + "." for name in names) if header.user_info else ""
        self._jes = f"{origin.dsid}."
        self._at_host = f"@{host}>\r\n"
        self._by = f"by {host} (CSSMTP {_name(origin.writer)})\r\n with BSMTP id {self._user_part}{self._jes}"
        users = [origin.owner, origin.notify] if header.user_info else [origin.cssmtp_job]
        self._for = f"\r\n for {','.join(_name(user) for user in users if user) or 'unknown'};\r\n "
        self._wants_date = header.date
        self._moment = datetime.min
        self._after_number = self._date_line = self._id_begin = ""
        self._hello: str | None = None
        self._received = ""

    def make(self, mail: DeckMail, now: datetime) -> bytes:
        """The header to add to `mail` at `now` (aware): Received, then Date and Message-ID as needed."""
        facts = mail.header
        return self.lines(
            mail.envelope.hello,
            str(mail.number),
            now,
            date=self._wants_date and not facts.has_date,
            message_id=not facts.has_message_id,
        )

    def lines(self, hello: str, sequence: str, now: datetime, *, date: bool, message_id: bool) -> bytes:
        """As `make`, for a message of any kind. `sequence` is the mail's number, with a mark for messages of our own."""
        if now is not self._moment:
            self._begin_moment(now)
        if hello != self._hello:
            self._greeted(hello)
        text = f"{self._received}{sequence}{self._after_number}"
        if date:
            text += self._date_line
        if message_id:
            unique = f"{self._id_begin}{sequence}{self._at_host}"
            text += ("Message-ID: " if len(unique) <= FOLD_AT - 10 else "Message-ID:\r\n ") + unique
        return text.encode("ascii")

    def _greeted(self, hello: str) -> None:
        """Another HELO than that of the mail before: decks have few."""
        begin = f"Received: from {_host(hello) or 'unknown'}"
        space = " " if len(begin) + self._by.index("\r") < FOLD_AT else "\r\n "
        self._hello = hello
        self._received = f"{begin}{space}{self._by}"

    def _begin_moment(self, now: datetime) -> None:
        """Another time than that of the mail before: those of a slice have one."""
        date = date_text(now)
        self._moment = now
        self._after_number = f"{self._for}{date}\r\n"
        self._date_line = f"Date: {date}\r\n"
        self._id_begin = f"<{self._user_part}{now:%Y%m%d.%H%M%S}.{now.microsecond:06}.{self._jes}"


def added_header(origin: Origin, mail: DeckMail, header: Header, now: datetime) -> bytes:
    """The added header of one mail; `HeaderMaker` is for many."""
    return HeaderMaker(origin, header).make(mail, now)
