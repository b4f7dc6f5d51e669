"""The language of a deck: lines in, mails and faults out (the state machine of mail-processing.md 5.2).

Promises: events in deck order; the same events however the file is cut into blocks; a rejected command changes nothing;
memory stays flat whatever the size of a mail (a large body becomes a `BodySpan`).
Never: raises for anything a deck holds, reads files, looks at the time, changes a byte of an address.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from cssmtp.bsmtp.body import TEXT_LIMIT, ends_data, octets, record_text, stuffed_lines, truncated
from cssmtp.bsmtp.commands import Command, first_verb, parse
from cssmtp.bsmtp.faults import ACCEPTED, DATA_ACCEPTED, Finding, fault, limit_fault, printable
from cssmtp.bsmtp.headerscan import HEADER_LIMIT, scan
from cssmtp.codepage.transcode import SourceText
from cssmtp.config.model import Configuration
from cssmtp.model import BadRecipient, BodySpan, DeckMail, Envelope, Fault
from cssmtp.spool.lines import Alphabet, Lines, trim_nulls

COMMAND_LIMIT = 510
RECIPIENT_LIMIT = 2000
PARSED_LIMIT = 1024
"""Command lines remembered with what they mean; decks repeat themselves."""

NULL_TRUNCATED_VERBS = frozenset({"EHLO", "HELO", "RCPT", "MAIL", "DATA", "STARTTLS"})
"""The command records that NullTrnc is about (mail-processing.md 3)."""

CRLF_LENGTH = 2
LINE_SHOWN = 1024
"""Bytes of an offending line that are decoded for people."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about decks.

    `error_limit` 0 = none. `message_limit` and `job_limit` are bytes, 0 = none. A body of more than `inline_limit` bytes
    becomes a `BodySpan`.
    """

    error_limit: int = 5
    null_truncation: bool = False
    data_line_truncation: bool = False
    at_sign: str = "@"
    message_limit: int = 0
    job_limit: int = 0
    inline_limit: int = 65536

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> Rules:
        """The rules of a configuration; its sizes are thousands of bytes."""
        return cls(
            error_limit=configuration.jes_syntax_error_limit,
            null_truncation=configuration.options.null_truncation,
            data_line_truncation=configuration.options.data_line_truncation,
            at_sign=configuration.options.at_sign,
            message_limit=configuration.jes_msg_size * 1000,
            job_limit=configuration.jes_job_size * 1000,
        )

    def too_many_errors(self, count: int) -> bool:
        """Does error number `count` stop the file? (mail-processing.md 8.2)"""
        return 0 < self.error_limit < count


@dataclass(frozen=True, slots=True)
class Rejected:
    """Mail `number` will not be sent; `reply` is the text of the fault that says why. Follows that fault."""

    number: int
    envelope: Envelope
    reply: str


Event = DeckMail | Rejected | Fault


class Opinion(enum.Enum):
    """What a user exit thinks of what it was shown (mail-processing.md 15)."""

    GO_ON = "go on"
    REJECT_MAIL = "reject the mail in progress"
    REJECT_FILE = "reject the spool file"


END_OF_DATA = "."

Gate = Callable[[str, str, int], Opinion]
"""Asked about every command that is known and well formed, and about the end of each mail's data, before it is done: the verb
(`END_OF_DATA` for that), the text as written, the record number."""

Observer = Callable[[int, str, str], None]
"""Told of every command as it is done: record number, the line for people, the reply."""


class _BodyInWork:
    """A body while it is read: where it began, how much there is, and its text as long as that is small."""

    __slots__ = ("chunks", "end", "first", "offset", "refused", "size", "skip", "spilled", "stuffed")

    def __init__(self, offset: int, skip: int, first: int) -> None:
        self.offset = offset
        self.skip = skip
        self.first = first
        self.end = first
        self.size = 0
        self.stuffed = 0
        self.spilled = False
        self.refused = ""
        self.chunks: list[bytes] = []

    def add(self, text: bytes, size: int, inline_limit: int) -> None:
        """Add stuffed lines of `size` octets. What does not fit inline is kept only as far as the header may reach."""
        if not self.spilled or self.stuffed <= HEADER_LIMIT:
            self.chunks.append(text)
        self.size += size
        self.stuffed += len(text)
        if self.stuffed > inline_limit:
            self.spilled = True
            if self.stuffed > HEADER_LIMIT:
                self.chunks = [b"".join(self.chunks)[: HEADER_LIMIT + 1]]


class Interpreter:
    """One spool file's interpreter.

    `mails` counts the mails begun, `counted_errors` the errors that count to JESSyntaxErrLimit; `limit_reached` tells that
    they were too many; `ended` that nothing of what follows is looked at (QUIT, a limit, `finish`). `observer`, if there is
    one, is told of every command and of the end of each mail's data; `gate` may reject mails and the file.
    """

    def __init__(
        self,
        rules: Rules,
        source: SourceText,
        alphabet: Alphabet,
        observer: Observer | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.mails = 0
        self.counted_errors = 0
        self.limit_reached = False
        self.ended = False
        self._rules = rules
        self._source = source
        self._alphabet = alphabet
        self._observer = observer
        self._gate = gate
        self._unwanted = ""  # the reply that rejected the mail in progress
        self._events: list[Event] = []
        self._parsed: dict[bytes, Command] = {}
        self._job_size = 0
        self._hello = ""
        self._extended = False
        self._tls = False
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._bad: list[BadRecipient] = []
        self._mail_record = 0
        self._data_due = False
        self._body: _BodyInWork | None = None
        self._handlers: dict[str, Callable[[Command, bytes, int], None]] = {
            "": self._empty,
            "HELO": self._helo,
            "EHLO": self._helo,
            "STARTTLS": self._starttls,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "QUIT": self._quit,
        }

    def feed(self, lines: Lines) -> list[Event]:
        """Take the next lines of the file; out come the mails, rejections and faults that they complete."""
        self._events = []
        if self.ended:
            return self._events
        first, count = lines.first, len(lines.lines)
        starts: Sequence[int] = range(first, first + count + 1)
        if lines.spans is not None:
            starts = list(accumulate(lines.spans, initial=first))
        stop = self._within_job_limit(lines.lines)
        at = 0
        while at < stop and not self.ended:
            if self._body is not None:
                at = self._read_data(self._body, lines, starts, at, stop)
                continue
            line, record = lines.lines[at], starts[at]
            command = self._parsed.get(line) or self._understand(line)
            if command.finding is None:
                if self._gate is None or not command.verb:
                    self._handlers[command.verb](command, line, record)
                else:
                    self._ask(self._gate, command, line, record)
            else:
                self._malformed(command, command.finding, line, record)
            if self._observer is not None:
                self._observe(self._observer, command, line, record)
            at += 1
            if self._data_due:
                self._data_due = False
                self._body = _BodyInWork(lines.offset, starts[at] - first, starts[at])
                self._body.refused = self._unwanted
        if stop < count and not self.ended:
            self._stop(Finding.JOB_TOO_LARGE, starts[stop])
        return self._events

    def finish(self) -> list[Event]:
        """End of the file: the end of data and QUIT are implied (mail-processing.md 5.2)."""
        self._events = []
        if self._body is not None:
            self._complete(self._body)
        self.ended = True
        return self._events

    # Commands

    def _observe(self, observer: Observer, command: Command, line: bytes, record: int) -> None:
        if not (command.verb or command.finding):
            return
        reply = ACCEPTED.get(command.verb, "")
        for event in reversed(self._events):
            if isinstance(event, Fault):
                if event.record != record:
                    break
                reply = event.reply
        observer(record, printable(self._source.text(line[:LINE_SHOWN])), reply)

    def _ask(self, gate: Gate, command: Command, line: bytes, record: int) -> None:
        """Do a command unless the exit rejects the file; a rejected mail goes on to its end, where it is thrown away."""
        opinion = gate(command.verb, self._source.text(line), record)
        if opinion is Opinion.REJECT_FILE:
            self._stop(Finding.FILE_UNWANTED, record)
            return
        self._handlers[command.verb](command, line, record)
        if opinion is Opinion.REJECT_MAIL and self._sender is not None and not self._unwanted:
            self._unwanted = self._fault(Finding.MAIL_UNWANTED, line, record)

    def _ask_at_end(self, gate: Gate, body: _BodyInWork) -> None:
        """The exit's last word about a mail."""
        opinion = gate(END_OF_DATA, END_OF_DATA, body.end)
        if opinion is Opinion.REJECT_FILE:
            self._stop(Finding.FILE_UNWANTED, body.end)
        elif opinion is Opinion.REJECT_MAIL:
            body.refused = self._fault(Finding.MAIL_UNWANTED, b"", body.end)

    def _malformed(self, command: Command, finding: Finding, line: bytes, record: int) -> None:
        if command.verb == "RCPT":
            self._bad_recipient(finding, command.argument, line, record)
        else:
            self._fault(finding, line, record, command.verb)

    def _understand(self, line: bytes) -> Command:
        """Length check and parse; what has a sane length is remembered."""
        text = self._source.text(line)
        if len(line) > COMMAND_LIMIT and not (
            self._rules.null_truncation
            and first_verb(text) in NULL_TRUNCATED_VERBS
            and len(trim_nulls(line, self._alphabet)) <= COMMAND_LIMIT
        ):
            return Command("", finding=Finding.COMMAND_TOO_LONG)
        if self._rules.at_sign != "@":
            text = text.replace(self._rules.at_sign, "@")
        command = parse(text)
        if len(self._parsed) >= PARSED_LIMIT:
            self._parsed.clear()
        if len(line) <= COMMAND_LIMIT:
            self._parsed[line] = command
        return command

    def _empty(self, command: Command, line: bytes, record: int) -> None:
        """An empty line where a command is due means nothing (mail-processing.md 8.3)."""

    def _helo(self, command: Command, line: bytes, record: int) -> None:
        self._forget_mail()
        self._hello = command.argument
        self._extended = command.verb == "EHLO"
        self._tls = False

    def _starttls(self, command: Command, line: bytes, record: int) -> None:
        if not self._extended or self._sender is not None:
            self._fault(Finding.BAD_SEQUENCE, line, record, command.verb)
        else:
            self._tls = True

    def _mail(self, command: Command, line: bytes, record: int) -> None:
        if not self._hello or self._sender is not None:
            self._fault(Finding.BAD_SEQUENCE, line, record, command.verb)
            return
        self.mails += 1
        self._sender = command.argument
        self._mail_record = record

    def _rcpt(self, command: Command, line: bytes, record: int) -> None:
        if self._sender is None:
            self._fault(Finding.BAD_SEQUENCE, line, record, command.verb)
        elif not self._recipients_full():
            self._recipients.append(command.argument)

    def _bad_recipient(self, finding: Finding, argument: str, line: bytes, record: int) -> None:
        """A RCPT that is no valid path: undeliverable, but no error of the file (mail-processing.md 5.5)."""
        if self._recipients_full():
            return
        reply = self._fault(finding, line, record, "RCPT")
        if self._sender is not None:
            self._bad.append(BadRecipient(printable(argument), record, reply))

    def _recipients_full(self) -> bool:
        """RCPT number 2001 and all after it are ignored without a word (mail-processing.md 4)."""
        return len(self._recipients) + len(self._bad) >= RECIPIENT_LIMIT

    def _data(self, command: Command, line: bytes, record: int) -> None:
        """With bad recipients only, the data is read all the same: the notice needs it (mail-processing.md 5.5)."""
        if self._sender is None or not (self._recipients or self._bad):
            self._fault(Finding.BAD_SEQUENCE, line, record, command.verb)
        else:
            self._data_due = True

    def _rset(self, command: Command, line: bytes, record: int) -> None:
        self._forget_mail()

    def _quit(self, command: Command, line: bytes, record: int) -> None:
        self._forget_mail()
        self.ended = True

    # Data

    def _read_data(self, body: _BodyInWork, lines: Lines, starts: Sequence[int], at: int, stop: int) -> int:
        """Take lines from index `at` into the body, up to its end or `stop`; the index of the first line not used."""
        end = self._end_of_data(lines, at, stop)
        if not body.refused and end > at:
            self._take(body, lines, starts, at, end)
        if self.ended:
            return stop
        body.end = starts[end]
        if end == stop:
            return stop
        self._complete(body)
        return end + 1

    def _end_of_data(self, lines: Lines, at: int, stop: int) -> int:
        alphabet = self._alphabet
        if lines.text is None:
            return next((index for index in range(at, stop) if ends_data(lines.lines[index], alphabet)), stop)
        try:
            return lines.lines.index(alphabet.period, at, stop)
        except ValueError:
            return stop

    def _take(self, body: _BodyInWork, lines: Lines, starts: Sequence[int], at: int, end: int) -> None:
        """Take the records `at` to `end` whole, or those before the first that the rules refuse."""
        chunk = lines.lines[at:end]
        finding: Finding | None = None
        if max(map(len, chunk)) > TEXT_LIMIT:
            if self._rules.data_line_truncation:
                chunk = truncated(chunk, self._alphabet)
            else:
                finding = Finding.TEXT_TOO_LONG
                chunk = chunk[: next(index for index, line in enumerate(chunk) if len(line) > TEXT_LIMIT)]
        text, size = stuffed_lines(chunk, self._alphabet, clean=lines.text is not None)
        limit = self._rules.message_limit
        if limit and body.size + size > limit:
            finding = Finding.MESSAGE_TOO_LARGE
            chunk = chunk[: self._fitting(chunk, limit - body.size)]
        if finding is None:
            body.add(text, size, self._rules.inline_limit)
            return
        refused = at + len(chunk)
        body.chunks.clear()
        body.refused = self._fault(finding, lines.lines[refused], starts[refused])

    def _fitting(self, chunk: list[bytes], room: int) -> int:
        """How many records of `chunk`, from its beginning, have at most `room` octets together."""
        alphabet = self._alphabet
        sizes = accumulate(octets(record_text(line, alphabet), alphabet) for line in chunk)
        return sum(1 for size in sizes if size <= room)

    def _complete(self, body: _BodyInWork) -> None:
        """The data has ended: hand the mail on, or tell that it is rejected."""
        if self._gate is not None and not body.refused:
            self._ask_at_end(self._gate, body)
            if self.ended:
                return
        self._body = None
        if self._observer is not None:
            self._observer(body.end, END_OF_DATA, body.refused or DATA_ACCEPTED)
        envelope = self._envelope()
        if body.refused:
            self._events.append(Rejected(self.mails, envelope, body.refused))
        else:
            text = b"".join(body.chunks)
            span = BodySpan(body.offset, body.skip, body.end - body.first) if body.spilled else text
            header = scan(text, self._source)
            self._events.append(DeckMail(self.mails, envelope, span, header, body.size, self._mail_record, body.first))
        self._forget_mail()

    def _envelope(self) -> Envelope:
        return Envelope(self._hello, self._sender or "", tuple(self._recipients), tuple(self._bad), self._tls)

    def _forget_mail(self) -> None:
        self._sender = None
        self._unwanted = ""
        self._recipients.clear()
        self._bad.clear()

    # Faults and limits

    def _fault(self, finding: Finding, line: bytes, record: int, verb: str = "") -> str:
        """Report a finding, count it, end the file when it is one too many; returns the reply text."""
        mail = 0 if self._sender is None else self.mails
        found = fault(finding, record=record, mail=mail, line=self._source.text(line[:LINE_SHOWN]), verb=verb)
        self._events.append(found)
        if found.counted:
            self.counted_errors += 1
            if self._rules.too_many_errors(self.counted_errors):
                self.limit_reached = True
                self._end_early(limit_fault(self._rules.error_limit, record=record, mail=mail))
        return found.reply

    def _stop(self, finding: Finding, record: int) -> None:
        """End the file for a finding about the file as a whole."""
        mail = 0 if self._sender is None else self.mails
        self._end_early(fault(finding, record=record, mail=mail, line=""))

    def _end_early(self, reason: Fault) -> None:
        """Nothing after this is processed, and the mail in work is lost (mail-processing.md 8.1)."""
        self._events.append(reason)
        if self._sender is not None:
            self._events.append(Rejected(self.mails, self._envelope(), reason.reply))
        self._body = None
        self._forget_mail()
        self.ended = True

    def _within_job_limit(self, lines: list[bytes]) -> int:
        """How many of `lines` the file may still have; sizes are lines plus CRLF (mail-processing.md 8.4)."""
        limit = self._rules.job_limit
        if not limit:
            return len(lines)
        sizes = list(accumulate((len(line) + CRLF_LENGTH for line in lines), initial=self._job_size))
        self._job_size = sizes[-1]
        return min(len(lines), bisect_right(sizes, limit) - 1)
