"""A mail with more recipients than a server takes at once: the rest goes in a transaction of its own, at once.

Promises: each round was preceded by one in which somebody was delivered, so there is an end; the outcomes of all rounds are put
together in the order of the recipients.
Never: repeats a recipient that has an answer of its own.

RFC 5321 4.5.3.1.8 and 4.5.3.1.10: a server takes at least 100 recipients and answers 452 to those that are too many. Without this
each hundred of a large mail would cost a long retry, and five of them are all there are.
"""

from __future__ import annotations

from collections.abc import Iterable

from cssmtp.config.model import TargetServer
from cssmtp.delivery.link import EightBit, Parcel
from cssmtp.model import Outcome, Verdict

TOO_MANY = "452 4.5.3 "
"""How a server with enhanced status codes says it (RFC 3463)."""

RECIPIENTS_MINIMUM = 100
"""So many are taken by any server; a plain 452 after as many is taken to mean "too many"."""


class Remainder:
    """The part of a parcel that a server put off for being too many. A Parcel itself."""

    __slots__ = ("outcomes", "parcel", "places", "recipients")

    def __init__(self, parcel: Parcel, outcomes: tuple[Outcome, ...], places: tuple[int, ...]) -> None:
        self.parcel = parcel
        self.outcomes = outcomes
        self.places = places
        self.recipients = tuple(parcel.recipients[place] for place in places)

    @property
    def reverse_path(self) -> str:
        return self.parcel.reverse_path

    @property
    def size(self) -> int:
        return self.parcel.size

    @property
    def tls_required(self) -> bool:
        return self.parcel.tls_required

    def wire(self, server: TargetServer, /, *, eight_bit: bool) -> bytes | Iterable[bytes] | EightBit:
        return self.parcel.wire(server, eight_bit=eight_bit)

    def merged(self, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        """The outcomes of the whole parcel, given those of this part."""
        whole = list(self.outcomes)
        for place, outcome in zip(self.places, outcomes, strict=True):
            whole[place] = outcome
        return tuple(whole)


def remainder(parcel: Parcel, outcomes: tuple[Outcome, ...]) -> Remainder | None:
    """What is left to send at once after `outcomes`, or None: the ordinary case, decided without looking at every recipient."""
    if len(outcomes) == 1:
        return None
    delivered = sum(outcome.verdict is Verdict.DELIVERED for outcome in outcomes)
    if delivered in (0, len(outcomes)):
        return None
    said = "452 " if delivered >= RECIPIENTS_MINIMUM else TOO_MANY
    places = tuple(
        place for place, outcome in enumerate(outcomes) if outcome.verdict is Verdict.RETRY and outcome.reason.startswith(said)
    )
    return Remainder(parcel, outcomes, places) if places else None


def whole(parcel: Parcel, outcomes: tuple[Outcome, ...]) -> tuple[Parcel, tuple[Outcome, ...]]:
    """The parcel as it was submitted, with the outcomes of all its rounds."""
    while isinstance(parcel, Remainder):
        outcomes = parcel.merged(outcomes)
        parcel = parcel.parcel
    return parcel, outcomes
