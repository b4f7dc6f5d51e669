"""Spool files for the soak of the gateway, and what is owed to each recipient in them.

Promises: every recipient, sender and subject of a soak is unique and tells its file and mail: `s0000012.3.1@rcpt.example`.
Never: makes a mail without a well-formed recipient.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from pathlib import Path

MOST_MAILS = 30
MOST_RECIPIENTS = 3
BAD_RECIPIENTS = 3
"""In a file at most: more syntax errors would end it (JESSyntaxErrLimit)."""
LARGE_LINES = 1200
"""Lines of a mail that is not kept in memory: more than 64 KiB."""
RECIPIENTS, SENDERS = "rcpt.example", "sender.example"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of a file: its place, what the end of its text is, and whom it is for."""

    job: str
    number: int
    sender: str
    recipients: tuple[str, ...]
    lines: int
    bad_recipient: bool

    def deck(self) -> str:
        """Its lines of the BSMTP deck."""
        line = f"{self.job} {self.number} ".ljust(64, "=")
        return "".join(
            f"{each}\n"
            for each in (
                f"MAIL FROM:<{self.sender}>",
                *(f"RCPT TO:<{name}>" for name in self.recipients),
                *(["RCPT TO:<nobody>"] if self.bad_recipient else []),
                "DATA",
                f"Subject: {self.job}.{self.number}",
                "",
                *[line] * self.lines,
                "..",
                ".",
            )
        )


class Load:
    """Drops files into the drop zone `zone`, one after the other."""

    def __init__(self, zone: Path, chance: random.Random) -> None:
        self.files = 0
        self.mails = 0
        self.recipients = 0
        self._zone = zone
        self._random = chance

    def drop(self, most: int = MOST_MAILS) -> list[Mail]:
        """A new file of 1 to `most` mails."""
        self.files += 1
        job = f"S{self.files:07d}"
        bad = BAD_RECIPIENTS
        mails = []
        for number in range(1, self._random.randint(1, most) + 1):
            token = f"{job.lower()}.{number}"
            recipients = tuple(
                f"{token}.{place}@{RECIPIENTS}" for place in range(1, self._random.randint(1, MOST_RECIPIENTS) + 1)
            )
            wrong = bad > 0 and self._random.random() < 0.03
            bad -= wrong
            sender = "" if self._random.random() < 0.1 else f"{token}@{SENDERS}"
            lines = LARGE_LINES if self._random.random() < 0.02 else self._random.randint(1, 20)
            mails.append(Mail(job, number, sender, recipients, lines, wrong))
        self.mails += len(mails)
        self.recipients += sum(len(mail.recipients) for mail in mails)
        self._place(job, "HELO soak\n" + "".join(mail.deck() for mail in mails) + "QUIT\n")
        return mails

    def _place(self, job: str, deck: str) -> None:
        sidecar = json.dumps({"jobname": job, "jobid": f"JOB{self.files % 100_000:05d}", "bytes": len(deck)})
        for name, content in ((f"{job}.json", sidecar), (job, deck)):
            building = self._zone / f".{name}"
            building.write_text(content, encoding="ascii")
            os.rename(building, self._zone / name)
