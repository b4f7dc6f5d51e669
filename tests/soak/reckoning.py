"""What became of every recipient: the books of a soak.

Each recipient has a story: the moments at which the server took its mail, took a notice about it, or a dead letter named it.
A well-formed recipient whose story is empty, and who is not queued, is lost. A second moment is a duplicate, and is allowed only
where nobody could know of the first: its answer was lost with its connection, or the gateway was killed before it was recorded.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tests.erratic import ORIGINAL, RECIPIENT, TEXT_KEPT, Taken
from tests.soak.load import RECIPIENTS, Mail

WINDOW = 2.0
"""Seconds before a kill in which an outcome may be unrecorded. Our own part is milliseconds; the machine is shared."""

SENT = re.compile(r"^\S+ BMG0401I (\w+)/\S+ (\d+) ", re.MULTILINE)
"""The log's lines of mails that reached everybody. They come after the record, so no later life may repeat such a mail."""

FAULT = re.compile(r"^.*(?:InternalError|internal error|Traceback).*$", re.MULTILINE)


@dataclass(slots=True)
class Moment:
    """Something final happened to a recipient: delivered, notice, letter.

    `taken` is None for letters. `killed` is the number of the kill in whose window it lies (0: none), `before` how many
    seconds before it, `recorded` when a kill
    found it in the log (0: never).
    """

    when: float
    kind: str
    taken: Taken | None
    killed: int = 0
    before: float = 0.0
    recorded: float = 0.0


@dataclass
class Verdicts:
    """Where the recipients ended. `window`: seconds before a kill of the oldest mail that it repeated."""

    ends: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    repeated: Counter[str] = field(default_factory=Counter)
    by_kill: Counter[int] = field(default_factory=Counter)
    window: float = 0.0
    wrong: list[str] = field(default_factory=list)


class Books:
    """Fed with what the server took, with kills and with the log; asked once at the end."""

    def __init__(self) -> None:
        self.owed: dict[str, Mail] = {}
        self.kills = 0
        self._stories: dict[str, list[Moment]] = {}
        self._recorded: set[tuple[str, int]] = set()
        self._recent: list[Moment] = []
        self._strange: list[str] = []
        self._read = 0

    def owe(self, mails: Iterable[Mail]) -> None:
        for mail in mails:
            for recipient in mail.recipients:
                self.owed[recipient] = mail

    def took(self, all_taken: Iterable[Taken]) -> None:
        """The server accepted these mails."""
        for taken in all_taken:
            if taken.failed or (not taken.sender and not any(name.endswith(RECIPIENTS) for name in taken.recipients)):
                names, kind = taken.failed, "notice"
            else:
                names, kind = taken.recipients, "delivered"
                self._check(taken)
            for name in names:
                if name in self.owed:
                    self._add(name, Moment(taken.when, kind, taken))

    def _check(self, taken: Taken) -> None:
        mail = self.owed.get(taken.recipients[0])
        if mail is None or mail.sender != taken.sender or f"{mail.job}.{mail.number}" != taken.subject:
            self._strange.append(f"a mail that nobody sent: {taken}")
        elif taken.size < 66 * mail.lines:
            self._strange.append(f"a mail was cut off: {taken}")

    def _add(self, name: str, moment: Moment) -> None:
        self._stories.setdefault(name, []).append(moment)
        if moment.kind != "letter":
            self._recent.append(moment)

    def read_log(self, log: Path) -> None:
        """What the log says since the last time. Only whole lines count."""
        if not log.exists():
            return
        with open(log, "rb") as stream:
            stream.seek(self._read)
            data = stream.read()
        data = data[: data.rfind(b"\n") + 1]
        self._read += len(data)
        text = data.decode("utf-8", "replace")
        self._strange += FAULT.findall(text)
        self._recorded.update((job, int(number)) for job, number in SENT.findall(text))

    def killed(self, when: float) -> None:
        """The gateway died at `when`; `took` and `read_log` are up to date."""
        self.kills += 1
        for moment in self._recent:
            assert moment.taken is not None
            if self._sent(moment):
                moment.recorded = when
            elif 0 <= when - moment.when < WINDOW:
                moment.killed = self.kills
                moment.before = when - moment.when
        self._recent.clear()

    def _sent(self, moment: Moment) -> bool:
        if moment.kind != "delivered" or moment.taken is None:
            return False  # a notice is told before it is recorded
        mail = self.owed[next(name for name in moment.taken.recipients if name in self.owed)]
        return (mail.job, mail.number) in self._recorded

    def prune(self, now: float) -> None:
        """Forget what no kill can concern any more."""
        self._recent = [moment for moment in self._recent if now - moment.when < WINDOW]

    def letters(self, directory: Path, begin: float, deaths: list[float]) -> int:
        """Read the dead letters. `begin` turns the times of files into those of the server; returns how many there are."""
        count = 0
        for path in directory.glob("[!.]*"):
            count += 1
            with open(path, "rb") as stream:
                head = stream.read(TEXT_KEPT).partition(ORIGINAL)[0]
            when = path.stat().st_mtime - begin
            number = next((number for number, death in enumerate(deaths, 1) if 0 <= death - when < WINDOW), 0)
            for name in RECIPIENT.findall(head):
                if name.decode("latin-1") in self.owed:
                    self._add(name.decode("latin-1"), Moment(when, "letter", None, number))
        return count

    def verdicts(self, queued: set[str]) -> Verdicts:
        """Reckon. `queued` are the recipients that still wait in the mail directory or a spool file."""
        verdicts = Verdicts(wrong=self._strange)
        for name in self.owed:
            story = sorted(self._stories.get(name, ()), key=lambda moment: moment.when)
            if story:
                verdicts.ends[story[0].kind] += 1
            elif name in queued:
                verdicts.ends["queued"] += 1
            else:
                verdicts.lost.append(name)
            for earlier, later in pairwise(story):
                self._repeated(verdicts, name, earlier, later)
            if story and name in queued and not self._excused(story[-1]):
                verdicts.wrong.append(f"{name}: {story[-1].kind}, and queued")
        return verdicts

    def _repeated(self, verdicts: Verdicts, name: str, earlier: Moment, later: Moment) -> None:
        recorded = 0 < earlier.recorded < later.when
        if earlier.killed:
            verdicts.repeated["the gateway was killed"] += 1
            verdicts.by_kill[earlier.killed] += 1
            verdicts.window = max(verdicts.window, earlier.before)
        elif earlier.taken is not None and earlier.taken.open and not recorded:
            verdicts.repeated["its connection was lost"] += 1
        else:
            verdicts.wrong.append(f"{name}: {earlier.kind} at {earlier.when:.3f}, {later.kind} at {later.when:.3f}")

    @staticmethod
    def _excused(moment: Moment) -> bool:
        return bool(moment.killed) or (moment.taken is not None and moment.taken.open)


def queued_in(directory: Path) -> set[str]:
    """The recipients that wait in a mail directory."""
    waiting = set()
    for path in directory.glob("cf*"):
        content = json.loads(path.read_bytes())
        names = content["envelope"]["recipients"]
        waiting |= {name for name, outcome in zip(names, content["outcomes"], strict=True) if outcome[0] == "retry"}
    return waiting
