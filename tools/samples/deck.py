"""A deck in the making: records, and beside each record what the gateway must make of it.

Promises: the author of a deck *states* what is expected (which record is wrong and with what reply, which recipients are bad,
what the server gets); this module only counts records and mails and does the bookkeeping. It is no second gateway: it never
reads a deck.
Never: imports the gateway.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.samples.framings import FRAMINGS
from tools.samples.pages import encode, is_ebcdic, on_the_wire

TOO_MANY = "501 5.5.4 JES Syntax error. Too many args after '{}' command"
TOO_FEW = "501 5.5.4 JES Syntax error. Too few args after '{}' command"
INVALID_PATH = "501 5.5.4 JES Syntax error. Invalid path after '{}' command"
SEQUENCE = "503 5.5.1 JES Bad sequence of commands, '{}'"
UNKNOWN = "500 5.5.1 JES Unknown command, '{}'"
COMMAND_TOO_LONG = "500 5.2.5 JES Command line too long"
TEXT_TOO_LONG = "500 5.2.5 JES Text line too long"
MESSAGE_SIZE = "552 5.3.4 JES Message size exceeds limit"
JOB_SIZE = "552 5.3.4 JES Job size exceeds limit"
UNREADABLE = "554 5.6.0 JES Spool file cannot be read"
LIMIT = "Exceeded maximum errors({}) allowed"
ERROR_LIMIT = 5
MAX_RECIPIENTS = 2000

Json = dict[str, object]
Text = Sequence[str | bytes]


@dataclass(frozen=True)
class Bad:
    """A recipient that is no path: `text` is what the deck has after `RCPT TO:`."""

    text: str


@dataclass(frozen=True)
class Job:
    """Who wrote the deck: the attributes of the sidecar."""

    jobname: str
    jobid: str
    dsid: int = 102
    owner: str = "PRODCTL"
    notify: str = "OPER1"


@dataclass
class Deck:
    """One sample. `job` None: no sidecar. `declared` False: the sidecar does not name the framing. `writer` is ours."""

    name: str
    about: str
    job: Job | None
    page: str = "IBM-1047"
    framing: str = "fixed"
    lrecl: int = 80
    declared: bool = True
    configuration: Json = field(default_factory=dict)
    extra: Json = field(default_factory=dict)
    records: list[bytes] = field(default_factory=list)
    mails: list[Json] = field(default_factory=list)
    errors: list[Json] = field(default_factory=list)
    hello: str = ""
    tls: bool = False
    begun: int = 0
    current: int = 0
    last_record: int | None = None
    cut: int = 0
    unreadable: bool = False

    @property
    def charset(self) -> str:
        target = self.configuration.get("TargetServer", {})
        assert isinstance(target, dict)
        return str(target.get("MBCharset") or target.get("Charset", "ISO8859-1"))

    # -- records ---------------------------------------------------------------------------------------------------------

    def put(self, *records: str | bytes) -> None:
        """Write records; text is encoded in the deck's page, bytes stand as they are."""
        for record in records:
            self.records.append(record if isinstance(record, bytes) else encode(record, self.page))

    def fault(self, reply: str, *, counted: bool = True, record: int | None = -1) -> None:
        """Expect `reply` for the record just written (or `record`; None: the specification leaves it open)."""
        number = len(self.records) if record == -1 else record
        self.errors.append({"record": number, "mail": self.current, "reply": reply, "counted": counted})

    def wrong(self, record: str | bytes, reply: str) -> None:
        """Write one record and expect a counted error for it."""
        self.put(record)
        self.fault(reply)

    def limit(self) -> None:
        """The error just expected was one too many: nothing after it is looked at."""
        self.fault(LIMIT.format(ERROR_LIMIT), counted=False)
        self.last_record = len(self.records)

    # -- commands --------------------------------------------------------------------------------------------------------

    def helo(self, domain: str, verb: str = "HELO") -> None:
        self.put(f"{verb} {domain}")
        self.hello, self.tls, self.current = domain, False, 0

    def starttls(self) -> None:
        self.put("STARTTLS")
        self.tls = True

    def sender(self, address: str, *, written: str | bytes = "") -> Json:
        """MAIL FROM, accepted: a mail begins and takes the next number."""
        self.put(written or f"MAIL FROM:<{address}>")
        self.begun += 1
        self.current = self.begun
        return {"number": self.begun, "verdict": "", "hello": self.hello, "tls": self.tls, "mail_from": address} | {
            "recipients": [],
            "bad_recipients": [],
        }

    def recipient(self, mail: Json, recipient: str | Bad, *, written: str | bytes = "") -> None:
        """RCPT TO. A good one after the 2000th is ignored; a bad one is an error that does not count."""
        good, bad = mail["recipients"], mail["bad_recipients"]
        assert isinstance(good, list)
        assert isinstance(bad, list)
        if isinstance(recipient, Bad):
            self.put(f"RCPT TO:{recipient.text}")
            bad.append(recipient.text)
            self.fault(INVALID_PATH.format("RCPT"), counted=False)
            return
        self.put(written or f"RCPT TO:<{recipient}>")
        if len(good) < MAX_RECIPIENTS:
            good.append(recipient)

    def forget(self) -> None:
        """RSET: the mail begun is no more."""
        self.put("RSET")
        self.current = 0

    def end(self, mail: Json, received: Sequence[str], *, rejected: bool = False) -> None:
        """The end of the data is reached: state what becomes of the mail and what the server gets."""
        deliverable = bool(mail["recipients"]) and not rejected
        mail["verdict"] = "rejected" if rejected else "deliverable" if deliverable else "undeliverable"
        mail["generated"] = ["Received", *self._missing(received)] if deliverable else []
        mail["eml"] = [on_the_wire(line, self.charset) for line in received] if deliverable else []
        self.mails.append(mail)
        self.current = 0

    @staticmethod
    def _missing(received: Sequence[str]) -> list[str]:
        header = [line.lower() for line in received[: list(received).index("")]]
        return [name for name in ("Date", "Message-ID") if not any(line.startswith(f"{name.lower()}:") for line in header)]

    def mail(
        self,
        sender: str,
        recipients: Sequence[str | Bad],
        text: Sequence[str],
        *,
        written: Text | None = None,
        terminated: bool = True,
    ) -> None:
        """A whole mail. `text` is what the server must get; `written` are the records, where they differ from the text with its
        leading periods doubled."""
        mail = self.sender(sender)
        for recipient in recipients:
            self.recipient(mail, recipient)
        self.put("DATA")
        self.put(*([f".{line}" if line.startswith(".") else line for line in text] if written is None else written))
        if terminated:
            self.put(".")
        self.end(mail, text)

    def quit(self) -> None:
        """QUIT: records that follow are not looked at."""
        self.put("QUIT")
        self.last_record = len(self.records)

    # -- results ---------------------------------------------------------------------------------------------------------

    def data(self) -> bytes:
        whole = FRAMINGS[self.framing](self.records, self.lrecl)
        return whole[: len(whole) - self.cut]

    def sidecar(self) -> Json | None:
        if self.job is None:
            return None
        attributes: Json = {"version": 1, "writer": "CSSMTP", "class": "A", "jobname": self.job.jobname, "jobid": self.job.jobid}
        attributes |= {"dsid": self.job.dsid, "stepname": "MAIL", "ddname": "SYSUT2"}
        attributes |= {"owner": self.job.owner, "notify": self.job.notify}
        if self.framing == "fixed":
            attributes |= {"recfm": "FB", "lrecl": self.lrecl}
        elif self.framing == "rdw":
            attributes |= {"recfm": "VB", "lrecl": self.lrecl}
        if self.declared:
            attributes["framing"] = self.framing
        if self.page != "IBM-1047":
            attributes["encoding"] = self.page if is_ebcdic(self.page) else self.page.lower()
        return attributes | self.extra

    def expectation(self) -> Json:
        """The content of the .expect file; its shape is described in tools/make_samples.py."""
        notices = [
            {"mail": mail["number"], "to": mail["mail_from"], "recipients": mail["bad_recipients"]}
            for mail in self.mails
            if mail["bad_recipients"] and mail["verdict"] != "rejected"
        ]
        bad = bool(self.errors)
        return {
            "about": self.about,
            "framing": self.framing,
            "code_page": self.page,
            "records": 0 if self.unreadable else len(self.records),
            "last_record": 0 if self.unreadable else self.last_record or len(self.records),
            "configuration": self.configuration,
            "origin": f"{self.job.jobname}.{self.job.jobid}.{self.job.dsid}" if self.job else None,
            "mails": self.mails,
            "errors": self.errors,
            "counted_errors": sum(1 for error in self.errors if error["counted"]),
            "error_limit_reached": any(str(error["reply"]).startswith("Exceeded") for error in self.errors),
            "disposition": "hold" if bad else "delete",
            "notices": [notice for notice in notices if notice["to"]],
            "dead_letters": [notice["mail"] for notice in notices if not notice["to"]],
        }


def dump(value: Json) -> str:
    """JSON with one line per key, and one per entry of a list: mails and errors can be read and compared by line."""
    lines = []
    for key, entry in value.items():
        if isinstance(entry, list) and entry:
            inside = ",\n".join(f"  {json.dumps(item)}" for item in entry)
            lines.append(f" {json.dumps(key)}: [\n{inside}\n ]")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(entry)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
