"""What is final, per mail and recipient: the seam behind which the checkpoint stands.

Promises: `then` of `record` runs on the event loop once the outcome is as durable as this ledger makes it; nothing is
reported, and no spool file is disposed of, before. Never: knows SMTP.

`MemoryLedger` is CSSMTP without a CHKPOINT data set: it forgets everything with the process, so a partly processed spool file is
processed again from its start (mail-processing.md 17).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from cssmtp.model import MailId


class Ledger(Protocol):
    """The checkpoint as the engine sees it."""

    def settled(self, mail: MailId) -> frozenset[int]:
        """Positions (from 0) in the deck's recipients that were final before this start."""
        ...

    def record(self, mail: MailId, positions: Iterable[int], then: Callable[[], None]) -> None:
        """These recipients are final now; call `then` once that is durable."""
        ...

    def forget(self, file: str) -> None:
        """The spool file is about to be disposed of: nothing of it is needed again."""
        ...


NOTHING_SETTLED: frozenset[int] = frozenset()


class MemoryLedger:
    """No checkpoint: every outcome counts at once and is gone with the process."""

    def settled(self, mail: MailId) -> frozenset[int]:
        return NOTHING_SETTLED

    def record(self, mail: MailId, positions: Iterable[int], then: Callable[[], None]) -> None:
        then()

    def forget(self, file: str) -> None:
        """Nothing is kept, so there is nothing to forget."""
