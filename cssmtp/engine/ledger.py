"""What is final, per mail and recipient: the seam behind which the checkpoint stands.

Promises: `then` of `record` runs on the event loop, once, when the outcome is as durable as this ledger makes it; nothing is
reported, and no spool file is disposed of, before. What `open_file` gives is everything recorded of the file before.
Never: knows SMTP; decides what an outcome means.

`MemoryLedger` is CSSMTP without a CHKPOINT data set: it forgets everything with the process, so a partly processed spool file
is processed again from its start (mail-processing.md 17).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from cssmtp.model import Outcome

Numbers: TypeAlias = "array[int]"
"""Mail numbers, 4 octets each (type code `NUMBER_CODE`)."""

NUMBER_CODE = "I"


@dataclass(frozen=True, slots=True)
class MailState:
    """What is final of a mail that was not simply delivered to everyone.

    `outcomes` has one entry per recipient of the deck, None for those still open. Verdict RETRY is final here: that recipient
    went into extended retry. `closed`: what follows from the outcomes (notice or dead letter) is done as well.
    """

    outcomes: tuple[Outcome | None, ...]
    closed: bool = False

    @property
    def settled(self) -> bool:
        """Whether no recipient is open."""
        return None not in self.outcomes

    def settled_outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes there are: all of them once `settled`."""
        return tuple(outcome for outcome in self.outcomes if outcome is not None)


class History:
    """What was recorded of one spool file: mails delivered to everyone, and the states of others.

    Small whatever the file: one bit for each delivered mail.
    """

    __slots__ = ("_delivered", "_states")

    def __init__(self, delivered: Iterable[Numbers], states: Mapping[int, MailState]) -> None:
        self._delivered = bytearray()
        self._states = states
        for numbers in delivered:
            if numbers:
                short = (max(numbers) >> 3) + 1 - len(self._delivered)
                self._delivered.extend(bytes(max(0, short)))
            for number in numbers:
                self._delivered[number >> 3] |= 1 << (number & 7)

    def delivered(self, number: int) -> bool:
        """Whether this mail reached all its recipients."""
        place = number >> 3
        return place < len(self._delivered) and bool(self._delivered[place] & (1 << (number & 7)))

    def state(self, number: int) -> MailState | None:
        """What is known of any other mail; None: nothing."""
        return self._states.get(number)


Then = Callable[[], object]


class Ledger(Protocol):
    """The checkpoint as the engine sees it. Everything is called on the event loop."""

    @property
    def lasting(self) -> bool:
        """Whether what is recorded outlives the process, so that work may wait for the next start."""
        ...

    async def open_file(self, file: str) -> History | None:
        """What was recorded of a spool file that is about to be read; None: nothing."""
        ...

    def record(self, file: str, mail: int, state: MailState | None, then: Then) -> None:
        """Mail number `mail` (1 to 2**32 - 1) of `file` has this state, None: delivered to everyone; call `then` when that
        is durable. A later state of the same mail replaces an earlier one."""
        ...

    def forget(self, file: str) -> None:
        """The spool file has been disposed of: nothing of it is needed again."""
        ...

    async def flush(self) -> None:
        """Return when everything recorded so far has been tried to be made durable, and its `then`s have run."""
        ...


class MemoryLedger:
    """No checkpoint: every outcome counts at once and is gone with the process."""

    lasting = False

    async def open_file(self, file: str) -> History | None:
        return None

    def record(self, file: str, mail: int, state: MailState | None, then: Then) -> None:
        then()

    def forget(self, file: str) -> None:
        """Nothing is kept, so there is nothing to forget."""

    async def flush(self) -> None:
        """Nothing is ever outstanding."""
