"""Which target a mail may go to (mail-processing.md 10 and 11.1). Pure.

Promises: the best preference that can take the mail; a mail that needs TLS is never given to a connection without; a mail is
called undeliverable only when every target has answered recently and none is capable.
Never: waits, connects or changes a target.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from cssmtp.delivery.target import Target, TargetState
from cssmtp.smtp.capabilities import Capabilities


@dataclass(frozen=True, slots=True)
class Need:
    """What a mail needs: `tls` from its deck, `size` in octets."""

    tls: bool
    size: int


class Fitness(enum.Enum):
    """Whether one target can take a mail."""

    CAPABLE = "capable"
    UNKNOWN = "unknown"  # it must be asked first
    DOWN = "down"  # it could, or might; it cannot be reached now
    INCAPABLE = "incapable"


@dataclass(frozen=True, slots=True)
class Use:
    """Send by one of these, all of equal preference."""

    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """A target that could take it, or might, is down: backpressure."""


@dataclass(frozen=True, slots=True)
class Nobody:
    """No target is capable; `reason` says why, target by target."""

    reason: str


Choice = Use | Wait | Nobody


def size_limit(target: Target, capabilities: Capabilities) -> int:
    """Largest mail in octets for this server, 0 = no limit known: SIZE of an ESMTP server, else MessageSize."""
    return capabilities.size_limit if capabilities.esmtp else target.address.server.message_size


def obstacle(need: Need, target: Target) -> str:
    """Why the target cannot take the mail, by what is known of it; "" when nothing is in the way."""
    capabilities = target.capabilities
    if capabilities is None:
        return ""
    if need.tls or target.address.server.secure:
        if not capabilities.starttls:
            return "TLS is required and not offered"
        if target.tls_refusal:
            return f"TLS is required and failed: {target.tls_refusal}"
    limit = size_limit(target, capabilities)
    if limit and need.size > limit:
        return f"the mail has {need.size} octets, the server takes {limit}"
    return ""


def fitness(need: Need, target: Target, now: float, trust: float) -> Fitness:
    """Judge one target. A "no" that was learned more than `trust` seconds before `now` has to be asked again."""
    if target.state is TargetState.DOWN:
        return Fitness.DOWN
    if target.capabilities is None:
        return Fitness.UNKNOWN
    if not obstacle(need, target):
        return Fitness.CAPABLE
    if target.tls_in_doubt and (need.tls or target.address.server.secure):
        return Fitness.DOWN
    heard = max(target.learned, target.tls_refused) if target.tls_refusal else target.learned
    return Fitness.INCAPABLE if now - heard <= trust else Fitness.UNKNOWN


def choose(need: Need, targets: Sequence[Target], now: float, trust: float) -> Choice:
    """The targets of the best preference that can take the mail or must be asked; else whether to wait."""
    usable: list[Target] = []
    waiting = not targets
    for target in targets:
        match fitness(need, target, now, trust):
            case Fitness.CAPABLE | Fitness.UNKNOWN:
                usable.append(target)
            case Fitness.DOWN:
                waiting = True
            case Fitness.INCAPABLE:
                pass
    if usable:
        best = min(target.address.preference for target in usable)
        return Use(tuple(target for target in usable if target.address.preference == best))
    if waiting:
        return Wait()
    return Nobody("; ".join(dict.fromkeys(f"{target.address.ip}: {obstacle(need, target)}" for target in targets)))
