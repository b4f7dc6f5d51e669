"""The roster: which targets are in use, and what is remembered of those that were.

Promises: a target that stays keeps its state, its connections and its name over any number of look-ups; while a name gives no
answer it is asked again every ConnectRetry seconds, and what it said last stays in force.
Never: opens a connection or moves a parcel; `changed` tells the courier to do so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from cssmtp.config.model import TargetServer
from cssmtp.delivery.post import Post
from cssmtp.delivery.resolve import MAX_ADDRESSES, Resolver, resolve
from cssmtp.delivery.target import Address, Target
from cssmtp.observe.events import Event


def identity(address: Address) -> tuple[str, int, str, TargetServer]:
    """What makes an address the same target as before, wherever it stands in the order."""
    return address.ip, address.port, address.name, address.server


class Roster:
    """`posts` are the targets in use, in order of preference; `complete` whether every name gave an answer."""

    def __init__(
        self,
        servers: Sequence[TargetServer],
        resolver: Resolver,
        *,
        ipv6: bool,
        retry_seconds: float,
        publish: Callable[[Event], None],
        changed: Callable[[], None],
    ) -> None:
        self.posts: list[Post] = []
        self.complete = False
        self._known: dict[Target, Post] = {}  # also former targets, as long as a connection to them is open
        self._servers = servers
        self._resolver = resolver
        self._ipv6 = ipv6
        self._retry_seconds = retry_seconds
        self._publish = publish
        self._changed = changed
        self._again: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def of(self, target: Target) -> Post:
        """The post of a target that is or was in use."""
        return self._known[target]

    def every(self) -> Iterator[Post]:
        """All posts, also of former targets."""
        return iter(self._known.values())

    def forget(self, post: Post) -> None:
        """A former target lost a connection: it is forgotten with the last one."""
        if post.former and not post.connections:
            self._known.pop(post.target, None)

    async def look_up(self) -> None:
        """Turn the names into addresses. Raises nothing of a network.

        An address keeps its post when its host, port and block of the configuration are those of before. The addresses of a name
        that gives no answer now stay, under what its block says now: a name server that fails takes no target away.
        """
        resolution = await resolve(self._servers, self._resolver, ipv6=self._ipv6)
        if self._stopped:
            return
        for remark in resolution.remarks:
            self._publish(remark)
        known = {identity(post.target.address): post for post in self._known.values()}
        addresses = {address.ip: address for address in resolution.addresses}
        for unanswered in resolution.failed:
            for kept in (unanswered.kept(post.target.address) for post in self.posts):
                if kept is not None:
                    addresses.setdefault(kept.ip, kept)
        chosen = sorted(addresses.values(), key=lambda address: address.preference)[:MAX_ADDRESSES]
        self.posts = [known.get(identity(address)) or Post(Target(address)) for address in chosen]
        for post, address in zip(self.posts, chosen, strict=True):
            post.target.address = address  # its place in the order may be another
        for post in list(self._known.values()):
            post.former = post not in self.posts
            self.forget(post)
        self._known |= {post.target: post for post in self.posts}
        self.complete = resolution.complete
        if not resolution.complete:
            self._again = asyncio.get_running_loop().call_later(self._retry_seconds, self.refresh)
        self._changed()

    def refresh(self) -> None:
        """Look up again, soon. Asking twice while a look-up runs asks once."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if not self._stopped and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self.look_up())

    def reconfigure(self, servers: Sequence[TargetServer], retry_seconds: float) -> None:
        """Other targets from now on, which are looked up at once; a look-up of the old ones that still runs is given up."""
        self._servers = servers
        self._retry_seconds = retry_seconds
        if self._task is not None and not self._task.done():
            self._task.cancel()
            self._task = None
        self.refresh()

    async def stop(self) -> None:
        """Look nothing up any more."""
        self._stopped = True
        if self._again is not None:
            self._again.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
