"""The copying itself: selects files of one writer, makes the copies of each, lets the original go (ezbmcopy.md 2.2, 5, 7).

Promises: each copy is made exactly once, whatever ends this process and whenever; the argument is in `cssmtp.spool.duplication`.
A file that was begun is finished as it was begun, also by a run with another deck. A failure of the spool loses no original.
Never: looks into the data; sleeps by itself (waiting is given as a function).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cssmtp.errors import SpoolError, UnreadableData
from cssmtp.spool.directory import DirectoryClaim, DirectorySpool
from cssmtp.spool.duplication import publish, stage
from ezbmcopy.plan import Identity, Plan, copy_attributes
from ezbmcopy.report import Report, Totals

BATCH = 10_000
"""Files selected at a time."""
POLL_SECONDS = 1.0
"""How often an idle daemon looks at the spool."""
LONGEST_PAUSE = 60.0
"""Seconds between two tries when the spool fails; the first pause is `POLL_SECONDS`, each next one twice as long."""

NORMAL, INCOMPLETE, WRONG_INPUT, NO_SPOOL, INTERNAL = 0, 4, 8, 12, 16
"""Return codes (ezbmcopy.md 7): all copied; something was held, not taken or late; deck or option wrong; the spool cannot be
used; a fault of this program."""


class Copier:
    """Copies by one plan. `identity` makes EZBMCOPY's own identity for each file; None keeps the submitter's. `stopping` is asked
    before each file."""

    def __init__(
        self,
        spool: DirectorySpool,
        plan: Plan,
        report: Report,
        *,
        identity: Callable[[], Identity] | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.spool = spool
        self.report = report
        self.stopping = stopping
        self.totals = Totals()
        self._plan = plan
        self._identity = identity
        self._begun: deque[DirectoryClaim] = deque()
        self._withheld: deque[DirectoryClaim] = deque()
        self._resumed: set[str] = set()

    def cycle(self) -> int:
        """Copies what can be selected now; returns how many files were dealt with. Raises `SpoolError`; call it again later."""
        self.spool.recover(poison=False)
        for admission in self.spool.admit(self._plan.source):
            if admission.problem:
                self.totals.refused += 1
                self.report.refused(admission.name, admission.problem)
        worked = 0
        while self._begun and not self.stopping():
            self._copy(self._begun[0])
            worked += 1
        for entry in self.spool.select(self._plan.source, BATCH):
            if self.stopping():
                break
            claim = self.spool.claim(entry)
            if claim is not None:
                self._begun.append(claim)
                self._copy(claim)
                worked += 1
        return worked

    def finish(self) -> None:
        """Publishes what was kept back until the end, and gives back what could not be copied. Raises `SpoolError`."""
        while self._withheld:
            if self._withheld[0].path.is_dir():
                self._attempt(self._publish, self._withheld[0])
            self._withheld.popleft()
        while self._begun:
            if self._begun[0].path.is_dir():
                self._begun[0].release()
            self._begun.popleft()

    def _copy(self, claim: DirectoryClaim) -> None:
        """Copies one file. It stays in `_begun` when the spool fails on the way; after the last step its directory is gone."""
        if claim.path.is_dir() and self._attempt(self._stage, claim):
            if self._plan.at_end:
                self._withheld.append(claim)
            else:
                self._attempt(self._publish, claim)
        self._begun.remove(claim)

    def _attempt(self, step: Callable[[DirectoryClaim], None], claim: DirectoryClaim) -> bool:
        """Does one step for a file; holds the file and returns False when its data cannot be read."""
        try:
            step(claim)
        except UnreadableData as fault:
            reason = f"EZBMCOPY could not copy it: {fault}; look at it, then release or purge it"
            claim.hold(reason)
            self.totals.held += 1
            self.report.held(claim.attributes, reason)
            return False
        return True

    def _stage(self, claim: DirectoryClaim) -> None:
        if claim.tries:
            claim.note(b"copying")
        identity = self._identity() if self._identity else None
        wanted = [copy for copy in self._plan.copies if copy.outdisp != "PURGE"]
        if not stage(claim, [copy_attributes(claim.attributes, copy, identity) for copy in wanted]):
            self._resumed.add(claim.id)

    def _publish(self, claim: DirectoryClaim) -> None:
        size, number = claim.size, 0
        for _ in publish(claim):
            number += 1
            self.totals.copies += 1
        self.totals.files += 1
        self.totals.bytes += size
        resumed = claim.id in self._resumed
        self._resumed.discard(claim.id)
        self.report.copied(claim.attributes, size, self._plan, resumed=number if resumed else None)


def run(copier: Copier, *, until_idle: bool, pause: Callable[[float], None]) -> int:
    """Copies until told to stop, or until nothing is selectable; returns the return code.

    `pause(seconds)` waits and may come back early. As a daemon a failing spool is told once and tried again; with `until_idle`
    it ends the run.
    """
    told, wait = "", POLL_SECONDS
    while not copier.stopping():
        try:
            worked = copier.cycle()
        except SpoolError as fault:
            told = _tell(copier, fault, told)
            if until_idle:
                break
            pause(wait)
            wait = min(2 * wait, LONGEST_PAUSE)
            continue
        told, wait = "", POLL_SECONDS
        if worked:
            continue
        if until_idle and not copier.spool.settling():
            break
        pause(POLL_SECONDS)
    try:
        copier.finish()
    except SpoolError as fault:
        told = _tell(copier, fault, told)
    totals = copier.totals
    code = NO_SPOOL if told else INCOMPLETE if totals.held or totals.refused or totals.failures else NORMAL
    copier.report.ended(totals, code)
    return code


def _tell(copier: Copier, fault: SpoolError, told: str) -> str:
    """Reports a failure of the spool unless it is the one told last; returns it."""
    text = fault.show()
    if text != told:
        copier.totals.failures += 1
        copier.report.failed(text)
    return text
