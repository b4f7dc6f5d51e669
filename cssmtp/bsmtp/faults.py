"""The catalogue of what can be wrong in a deck: one table of kind, reply text and whether it counts.

Promises: every reply text of the interpreter stands in this table and nowhere else; texts are literal where the product's
are known (mail-processing.md 8.3), the rest follow their family.
Never: decides when a finding applies; that is `commands` and `interpreter`.
"""

from __future__ import annotations

import enum

from cssmtp.model import Fault, FaultKind

PEOPLE_LINE = 256
"""Characters of an offending line that a fault keeps for people."""


class Finding(enum.Enum):
    """(kind, reply text with `{verb}`, counts to JESSyntaxErrLimit). Source: mail-processing.md 8.1 and 8.3."""

    TOO_MANY_ARGUMENTS = (FaultKind.SYNTAX, "501 5.5.4 JES Syntax error. Too many args after '{verb}' command", True)
    TOO_FEW_ARGUMENTS = (FaultKind.SYNTAX, "501 5.5.4 JES Syntax error. Too few args after '{verb}' command", True)
    INVALID_PATH = (FaultKind.SYNTAX, "501 5.5.4 JES Syntax error. Invalid path after '{verb}' command", True)
    INVALID_DOMAIN = (FaultKind.SYNTAX, "501 5.5.4 JES Syntax error. Invalid domain after '{verb}' command", True)
    UNKNOWN_COMMAND = (FaultKind.UNKNOWN_COMMAND, "500 5.5.1 JES Unknown command, '{verb}'", True)
    BAD_SEQUENCE = (FaultKind.SEQUENCE, "503 5.5.1 JES Bad sequence of commands, '{verb}'", True)
    COMMAND_TOO_LONG = (FaultKind.LINE_TOO_LONG, "500 5.2.5 JES Command line too long", True)
    TEXT_TOO_LONG = (FaultKind.LINE_TOO_LONG, "500 5.2.5 JES Text line too long", True)
    MESSAGE_TOO_LARGE = (FaultKind.SIZE, "552 5.3.4 JES Message size exceeds limit", False)
    JOB_TOO_LARGE = (FaultKind.SIZE, "552 5.3.4 JES Job size exceeds limit", False)
    MAIL_UNWANTED = (FaultKind.EXIT, "554 5.7.1 JES Mail rejected by user exit", False)
    FILE_UNWANTED = (FaultKind.EXIT, "554 5.7.1 JES Spool file rejected by user exit", False)

    def __init__(self, kind: FaultKind, reply: str, counted: bool) -> None:
        self.kind = kind
        self.reply = reply
        self.counted = counted


ACCEPTED = {
    "HELO": "250 JES OK",
    "EHLO": "250 JES OK",
    "STARTTLS": "220 2.0.0 JES Ready to start TLS",
    "MAIL": "250 2.1.0 JES OK",
    "RCPT": "250 2.1.5 JES OK",
    "DATA": "354 JES Start mail input",
    "RSET": "250 2.0.0 JES OK",
    "QUIT": "221 2.0.0 JES Closing",
}
DATA_ACCEPTED = "250 2.0.0 JES OK"
"""Replies to commands without an error, which only the log at level 16 shows. Ours: IBM's texts for them are not known."""


def printable(text: str) -> str:
    """`text` fit for a report: every character that does not print becomes "?", at most PEOPLE_LINE characters."""
    text = text[:PEOPLE_LINE]
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def fault(finding: Finding, *, record: int, mail: int, line: str, verb: str = "") -> Fault:
    """The `Fault` for a finding at `record` (1-based) in mail `mail` (0: none).

    `line` is the decoded text, `verb` the verb (or, for an unknown command, the first word) that the reply quotes. A syntax
    error of RCPT is an undeliverable recipient and does not count (mail-processing.md 5.5).
    """
    kind, counted = finding.kind, finding.counted
    if verb == "RCPT" and kind is FaultKind.SYNTAX:
        kind, counted = FaultKind.RECIPIENT, False
    return Fault(kind, record, mail, printable(line), finding.reply.replace("{verb}", printable(verb)), counted)


def limit_fault(limit: int, *, record: int, mail: int) -> Fault:
    """The extra line of the report when error number `limit` + 1 has stopped the file (mail-processing.md 8.2)."""
    return Fault(FaultKind.LIMIT, record, mail, "", f"Exceeded maximum errors({limit}) allowed", False)
