"""A target with its connections: what the courier keeps per address.

Promises: counts and questions only. "Kind" is whether mail needs TLS; on a target with Secure all mail does.
Never: opens, closes or chooses.
"""

from __future__ import annotations

import asyncio
from collections import deque

from cssmtp.delivery.choice import size_limit
from cssmtp.delivery.link import Link, Parcel
from cssmtp.delivery.target import Target, TargetSnapshot


class Post:
    """One target with its connections and the parcels that only it can take. Clear mail and TLS mail are kept apart."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.links: set[Link] = set()
        self.dialling = {False: 0, True: 0}  # connections being made, by whether with TLS
        self.reserved: dict[bool, deque[Parcel]] = {False: deque(), True: deque()}
        self.mails = 0  # of closed connections
        self.crowded = False  # it refused one connection more than it has: no further one for a while
        self.former = False  # no target any more; its connections end when they have no work
        self.unexamined = False  # to be examined as soon as there is room for a connection
        self.probe: asyncio.TimerHandle | None = None

    @property
    def secure(self) -> bool:
        return self.target.address.server.secure

    @property
    def connections(self) -> int:
        return len(self.links) + self.dialling[False] + self.dialling[True]

    @property
    def full(self) -> bool:
        return self.crowded or self.connections >= self.target.address.server.connect_limit

    def serving(self, tls: bool) -> bool:
        """Whether a connection that may carry mail of this kind is open or being made."""
        kind = tls or self.secure
        return self.dialling[kind] > 0 or any(link.tls == kind and not link.retiring for link in self.links)

    def snapshot(self) -> TargetSnapshot:
        """What a display shows of it now."""
        target = self.target
        return TargetSnapshot(
            address=target.address.ip,
            port=target.address.port,
            preference=target.address.preference,
            state=target.state,
            reason=target.reason,
            capabilities=target.capabilities,
            connections=len(self.links),
            mails=self.mails + sum(link.mails for link in self.links),
            source=target.address.source,
            secure=self.secure,
            size_limit=0 if target.capabilities is None else size_limit(target, target.capabilities),
            last_reply=target.last_reply,
        )
