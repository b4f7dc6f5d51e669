"""`-bs`: a small SMTP server on standard input and output, as Symfony, SwiftMailer and Laravel use it (ezatmail.md 3.4, 6.6).

Promises: RFC 5321 for one client that sits on the same machine; each accepted DATA is one spool file, safely stored before the
250; lines end in LF or CRLF; what ends before its final dot leaves nothing. Commands may be pipelined.
Never: relays anything that the command line would refuse; believes HELO.
"""

import os
import time

from cssmtp.ezatmail.addresses import AddressError, checked
from cssmtp.ezatmail.caller import Caller
from cssmtp.ezatmail.drop import write_all
from cssmtp.ezatmail.envelope import envelopes
from cssmtp.ezatmail.message import BLOCK, canonical, lone_dot, split
from cssmtp.ezatmail.options import Options
from cssmtp.ezatmail.refusal import DATA_ERROR, OK, TEMPORARY, USAGE, Refusal
from cssmtp.ezatmail.settings import Settings
from cssmtp.ezatmail.submission import spool

COMMAND_LIMIT = 2048
"""Bytes of the longest command line; RFC 5321 asks for 512."""
RECIPIENT_LIMIT = 10_000
"""Recipients of one transaction; the deck splits them into mails of 2,000."""


class _Closed(Exception):
    """The client has gone: its end of the input has come, or nobody reads our answers."""


class _Input:
    """Lines and messages out of a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting = bytearray()

    def _more(self) -> None:
        try:
            chunk = os.read(self._descriptor, BLOCK)
        except OSError as fault:
            raise Refusal(DATA_ERROR, f"standard input cannot be read: {os.strerror(fault.errno or 0)}") from None
        if not chunk:
            raise _Closed
        self._waiting += chunk

    def line(self) -> bytes | None:
        """The next command line without its end; None when it was too long."""
        kept = True
        while (end := self._waiting.find(b"\n")) < 0:
            if len(self._waiting) > COMMAND_LIMIT:
                kept = False
                self._waiting.clear()
            self._more()
        line = bytes(self._waiting[:end]).rstrip(b"\r")
        del self._waiting[: end + 1]
        return line if kept and len(line) <= COMMAND_LIMIT else None

    def message(self, limit: int) -> bytes | None:
        """The lines up to the final dot, transparency undone, ended by LF; None when they are more than `limit` bytes (0:
        never)."""
        data = self._waiting
        data[:0] = b"\n"
        looked, dropped = 0, False
        while True:
            looked, ended = lone_dot(data, looked)
            if limit and looked > limit:
                del data[1 : max(looked, 1)]
                looked, dropped = 0, True
            if ended:
                break
            self._more()
        text = bytes(data[1 : max(looked, 1)])
        del data[: data.index(b"\n", max(looked, 1)) + 1]
        if dropped:
            return None
        lines = canonical(text, ignore_dots=True)
        return (b"\n" + lines).replace(b"\n.", b"\n")[1:] if lines else b""


class _Session:
    """One dialogue. `sender` is None outside of a transaction."""

    def __init__(self, settings: Settings, caller: Caller, options: Options) -> None:
        self._settings = settings
        self._caller = caller
        self._options = options
        self.sender: str | None = None
        self.recipients: list[str] = []

    def answer(self, line: bytes) -> str:
        """The reply to any command but DATA, EHLO and QUIT."""
        text = line.decode("latin-1")
        verb, _, argument = text.partition(" ")
        match verb.upper():
            case "HELO":
                self.reset()
                return f"250 {self._settings.host}" if argument.strip() else "501 5.5.4 HELO needs a domain"
            case "MAIL":
                return self._mail(argument)
            case "RCPT":
                return self._rcpt(argument)
            case "RSET":
                self.reset()
                return "250 2.0.0 Ok"
            case "NOOP":
                return "250 2.0.0 Ok"
            case "VRFY":
                return "252 2.0.0 Send some mail, we will try" if argument.strip() else "501 5.5.4 VRFY needs an address"
            case "HELP":
                return "214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"
        return "500 5.5.2 Unknown command"

    def hello(self) -> str:
        """The reply to EHLO."""
        self.reset()
        return f"250-{self._settings.host}\r\n250-PIPELINING\r\n250-SIZE {self._settings.max_size}\r\n250 8BITMIME"

    def reset(self) -> None:
        self.sender = None
        self.recipients.clear()

    def _mail(self, argument: str) -> str:
        if self.sender is not None:
            return "503 5.5.1 The sender is known already"
        try:
            path, parameters = _path(argument, "FROM:")
            sender = checked(path) if path else ""
        except AddressError as fault:
            return f"501 5.1.7 {fault}"
        for parameter in parameters:
            name, _, value = parameter.upper().partition("=")
            if name == "SIZE" and value.isdigit():
                if 0 < self._settings.max_size < int(value):
                    return f"552 5.3.4 The limit is {self._settings.max_size} bytes"
            elif name != "BODY" or value not in ("7BIT", "8BITMIME"):
                return f"555 5.5.4 Unsupported parameter {name}" if name.isalnum() else "501 5.5.4 Bad parameter"
        self.sender = _completed(sender, self._settings.domain)
        return "250 2.1.0 Ok"

    def _rcpt(self, argument: str) -> str:
        if self.sender is None:
            return "503 5.5.1 MAIL comes first"
        try:
            path, parameters = _path(argument, "TO:")
            recipient = checked(path)
        except AddressError as fault:
            return f"501 5.1.3 {fault}"
        if parameters:
            return "555 5.5.4 Unsupported parameters"
        if len(self.recipients) >= RECIPIENT_LIMIT:
            return "452 4.5.3 Too many recipients"
        self.recipients.append(recipient)
        return "250 2.1.5 Ok"

    def store(self, text: bytes) -> str:
        """The reply to the final dot."""
        sender = self.sender or ""
        try:
            groups = envelopes(
                sender,
                self.recipients,
                self._settings,
                alias_file=self._options.alias_file,
                skip_aliases=self._options.skip_aliases,
            )
            if not groups:
                return "554 5.1.1 The aliases lead to nobody"
            name = spool(split(text), sender, groups, b"", self._caller, self._settings, time.time())
        except Refusal as refusal:
            return f"{_REPLIES.get(refusal.exit_code, '451 4.3.0')} {refusal.show()}"
        return f"250 2.0.0 Ok: queued as {name}"


_REPLIES = {DATA_ERROR: "554 5.6.0", USAGE: "553 5.1.3", TEMPORARY: "452 4.3.1"}
"""Replies for exit statuses; all others are faults of ours, and worth another try."""


def _completed(sender: str, domain: str) -> str:
    return sender if not sender or "@" in sender else f"{sender}@{domain}"


def _path(argument: str, word: str) -> tuple[str, list[str]]:
    """The address between the angle brackets and the parameters after them. Raises `AddressError`."""
    text = argument.strip()
    if text[: len(word)].upper() != word:
        raise AddressError(f"{word[:-1]} and a path are missing")
    text = text[len(word) :].lstrip()
    quoted = False
    for at, character in enumerate(text):
        quoted ^= character == '"' and text[at - 1] != "\\"
        if character == ">" and not quoted:
            return text[1:at], text[at + 1 :].split()
    raise AddressError("the path is not in angle brackets")


def serve(descriptor: int, settings: Settings, caller: Caller, options: Options) -> int:
    """Talks until QUIT or the end of the input; returns the exit status."""
    session = _Session(settings, caller, options)
    source = _Input(descriptor)
    try:
        _reply(f"220 {settings.host} ESMTP ezatmail")
        while True:
            line = source.line()
            verb = (line or b"").strip()[:4].upper()
            if line is None:
                _reply("500 5.5.2 Line too long")
            elif verb == b"QUIT":
                _reply("221 2.0.0 Bye")
                return OK
            elif verb == b"EHLO":
                _reply(session.hello() if line[4:].strip() else "501 5.5.4 EHLO needs a domain")
            elif verb == b"DATA" and not line[4:].strip():
                _data(session, source, settings)
            else:
                _reply(session.answer(line.strip()))
    except _Closed:
        return OK


def _data(session: _Session, source: _Input, settings: Settings) -> None:
    if session.sender is None or not session.recipients:
        _reply("503 5.5.1 RCPT comes first")
        return
    _reply("354 End data with a line that is a single dot")
    text = source.message(settings.max_size)
    if text is None:
        _reply(f"552 5.3.4 The limit is {settings.max_size} bytes")
    else:
        _reply(session.store(text))
    session.reset()


def _reply(text: str) -> None:
    try:
        write_all(1, text.encode("ascii", "replace") + b"\r\n")
    except OSError:
        raise _Closed from None
