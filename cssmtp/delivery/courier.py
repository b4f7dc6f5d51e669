"""The courier: all targets, all connections, and the mails that wait for them.

Promises: each parcel submitted is answered by exactly one call of `ended`, with one Outcome per recipient; a target that is
down fails nothing, its parcels wait or go elsewhere; the best preference that can be used gets the mail, equal ones share it;
a mail that needs TLS never rides a connection without, and a mail that does not need it rides a TLS one only where Secure asks.
Never: blocks in `submit`; more than ConnectLimit connections to an address; more than one dial per waiting parcel.

All of it runs on one event loop. `ended` and `hungry` are called from inside callbacks of that loop and may call `submit`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from cssmtp.clock import Clock
from cssmtp.config.model import Configuration, Timeout
from cssmtp.delivery import announce
from cssmtp.delivery.choice import Choice, Need, Nobody, Use, Wait, choose, size_limit
from cssmtp.delivery.dial import Dialled
from cssmtp.delivery.dialler import Dialler
from cssmtp.delivery.link import Link, Parcel
from cssmtp.delivery.post import Post
from cssmtp.delivery.remainder import remainder, whole
from cssmtp.delivery.resolve import Resolver, SystemResolver, has_ipv6
from cssmtp.delivery.roster import Roster
from cssmtp.delivery.target import TargetSnapshot, TargetState
from cssmtp.model import Outcome, Verdict
from cssmtp.observe.events import Event, InternalError
from cssmtp.smtp.verdict import Failure, FailureKind

LOW_WATER = 100
"""`hungry` is called when fewer parcels than this wait."""

FAIR_SHARE = 100
"""Mails after which a connection gives way when mail of the other kind (TLS or clear) waits and no further one may be opened."""

STOPPING = "the gateway is stopping"
FILE_ENDED = "end of the spool file"
NOT_PREFERRED = "another target is preferred"
EXAMINED = "the target is examined again"
RECONFIGURED = "the configuration has changed"


class Courier:
    """See the module. `ended(parcel, outcomes)` and `hungry()` are called on the loop."""

    def __init__(
        self,
        configuration: Configuration,
        clock: Clock,
        publish: Callable[[Event], None],
        ended: Callable[[Parcel, tuple[Outcome, ...]], None],
        hungry: Callable[[], None],
        *,
        hello: str = "localhost",
        resolver: Resolver | None = None,
        ipv6: bool | None = None,
        low_water: int = LOW_WATER,
        traced: Callable[[], bool] = lambda: False,
    ) -> None:
        """`hello` is our own name for EHLO; `traced` tells whether anybody wants `Dialogue` events; the others are for tests."""
        self._timeout: Timeout = configuration.timeout
        self._clock = clock
        self._publish = publish
        self._ended = ended
        self._hungry = hungry
        self._low_water = low_water
        self._traced = traced
        self._roster = Roster(
            configuration.targets,
            resolver or SystemResolver(),
            ipv6=has_ipv6() if ipv6 is None else ipv6,
            retry_seconds=self._timeout.connect_retry,
            publish=publish,
            changed=self.rearrange,
        )
        self._dialler = Dialler(self._timeout, configuration.options, clock, publish, hello, self, traced)
        self._queues: dict[bool, deque[Parcel]] = {False: deque(), True: deque()}
        self._tiers: dict[bool, tuple[Post, ...]] = {False: (), True: ()}  # who gets the common queues now
        self._saturated = {False: False, True: False}  # nothing can be opened for this queue until something changes
        self._parked: deque[Parcel] = deque()  # too large for the usual targets, waiting for one that is down
        self._idle: dict[Link, None] = {}  # longest idle first
        self._spare: dict[Link, None] = {}  # found no mail to begin while others are under way (some may have, since)
        self._keys = itertools.count(1)
        self._streams: set[asyncio.Task[None]] = set()
        self._file_ended = False
        self._held_back = False
        self._stopping = False
        self._changed = asyncio.Event()

    # for the engine

    @property
    def waiting(self) -> int:
        """Parcels submitted and not yet on a connection."""
        reserved = sum(len(post.reserved[False]) + len(post.reserved[True]) for post in self._roster.every())
        return len(self._queues[False]) + len(self._queues[True]) + len(self._parked) + reserved

    @property
    def all_down(self) -> bool:
        """Whether every target is known to be out of reach now (true also when no name could be resolved)."""
        return all(post.target.state is TargetState.DOWN for post in self._roster.posts)

    async def start(self) -> None:
        """Resolve the targets. Connections are made when there is mail. Raises nothing of a network."""
        await self._roster.look_up()

    def submit(self, parcel: Parcel) -> None:
        """Take a parcel. Returns at once; `ended` may be called from inside when no target can take it."""
        if self._stopping:
            self._end(parcel, Verdict.RETRY, STOPPING)
            return
        self._file_ended = False
        tls = parcel.tls_required
        self._queues[tls].append(parcel)
        if self._idle or self._spare or not self._saturated[tls]:
            self._dispatch(tls)

    def file_ended(self) -> None:
        """The last mail of a spool file is done: with ConnectIdle 0, connections without work are closed (PI38893).

        Also the moment to think again about targets that were not capable a while ago.
        """
        self._forget_tiers()
        if self._timeout.connect_idle:
            return
        self._file_ended = True
        for link in list(self._idle):
            self._dismiss(link, FILE_ENDED)

    def hold_back(self, held: bool) -> None:
        """While held, no mail is begun; those under way get their answers. Returns at once."""
        self._held_back = held
        if not held:
            self._dispatch_all()

    def snapshot(self) -> list[TargetSnapshot]:
        """The targets in order of preference, for displays."""
        return [post.snapshot() for post in self._roster.posts]

    def refresh_addresses(self) -> None:
        """Turn TargetName and TargetMx into addresses again (MODIFY REFRESHIPLIST). Returns at once."""
        self._roster.refresh()

    def refresh_targets(self) -> None:
        """Learn anew what the targets can do, also of those that are down (MODIFY REFRESHTARGETS). Returns at once.

        Each gets a new connection; the old ones end after the mail under way.
        """
        for post in self._roster.posts:
            post.target.forget()
            self._replace_links(post, EXAMINED)
            post.crowded = False
            post.unexamined = post.full
            self._dialler.examine(post)
        self._forget_tiers()

    def reconfigure(self, configuration: Configuration) -> None:
        """Work by another configuration from now on (MODIFY REFRESH). Returns at once; no parcel is lost or sent twice.

        Targets that stay keep their connections; those of the others end after the mail under way, and what waits goes elsewhere.
        Other Timeout values replace all connections in that way, as a wait that has begun must not become shorter.
        """
        if configuration.timeout != self._timeout:
            self._timeout = configuration.timeout
            for post in list(self._roster.every()):
                self._replace_links(post, RECONFIGURED)
        self._dialler.reconfigure(configuration.timeout, configuration.options)
        self._roster.reconfigure(configuration.targets, configuration.timeout.connect_retry)

    def _replace_links(self, post: Post, reason: str) -> None:
        """End the connections of a target, those in use after the mail under way."""
        for link in list(post.links):
            if link in self._idle:
                self._dismiss(link, reason)
            else:
                link.retire(reason)

    async def stop(self, grace: float) -> None:
        """Begin nothing more, let mails under way end within `grace` seconds, close. Parcels that wait end as RETRY.

        A connection whose final dot is unanswered is waited for until its own timer ends, however long that is.
        """
        self._stopping = True
        self._dialler.stop()
        await self._roster.stop()
        for link in self._links():
            self._dismiss(link, STOPPING)
        for parcel in self._drain():
            self._end(parcel, Verdict.RETRY, STOPPING)
        deadline = self._clock.monotonic() + grace
        while self._links():
            self._changed.clear()
            left = deadline - self._clock.monotonic()
            if left <= 0:
                for link in self._links():
                    if not link.unanswered:
                        link.abort(Failure(FailureKind.LOCAL, STOPPING))
            if self._links():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left if left > 0 else None):
                        await self._changed.wait()
        await self._dialler.closed()
        await asyncio.gather(*self._streams, return_exceptions=True)

    # for the links

    def next_for(self, link: Link) -> Parcel | None:
        """The next parcel for this link: what is reserved for its target, else the common queue if that is its turn."""
        if self._held_back:
            self._spare[link] = None
            return None
        post = self._roster.of(link.target)
        kinds = (link.tls,) if not post.secure else sorted((True, False), key=lambda tls: -len(self._queues[tls]))
        for tls in kinds:
            reserved = post.reserved[tls]
            queue = self._queues[tls]
            while reserved or (queue and post in (self._tiers[tls] or self._tier(tls))):
                parcel = (reserved or queue).popleft()
                if link.size_limit and parcel.size > link.size_limit and not self._limit_rose(link, parcel):
                    self._place(parcel)
                    continue
                if len(queue) == self._low_water - 1:
                    self._want_more()
                if link.began % FAIR_SHARE == FAIR_SHARE - 1:
                    self._give_way(post, link)
                return parcel
        self._spare[link] = None
        return None

    def finished(self, link: Link, parcel: Parcel, outcomes: tuple[Outcome, ...], untried: bool) -> None:
        """A parcel is answered, or goes on at once.

        A connection that ends after other mail got its answer on it has ended because of that, not of the mail nobody looked
        at: this one goes on another connection. Each such turn costs another mail a try, so it has an end. So do recipients
        that were too many at once. What a connection taught us is heeded by the next one, so that has an end too.
        """
        link.target.last_reply = outcomes[-1].reason
        again = parcel if untried and link.proven else remainder(parcel, outcomes)
        if again is None or self._stopping:
            self._answer(parcel, outcomes)
        else:
            self._queues[parcel.tls_required].appendleft(again)

    def became_idle(self, link: Link) -> None:
        """A link without work: it waits, or goes when nothing more is to be expected for it."""
        self._spare.pop(link, None)
        post = self._roster.of(link.target)
        if self._stopping or self._file_ended:
            link.finish(STOPPING if self._stopping else FILE_ENDED)
        elif post.former or not any(post in self._tier(tls) for tls in self._kinds(link)):
            link.finish(NOT_PREFERRED)
        else:
            self._idle[link] = None
            if self.waiting:  # not for this link, but mail of the other kind may need its place
                self._dispatch_all()
        if not self.waiting:
            self._want_more()

    def closed(self, link: Link, reason: str) -> None:
        """A connection is gone."""
        post = self._roster.of(link.target)
        post.links.discard(link)
        post.mails += link.mails
        if not post.links:
            post.crowded = False
        self._roster.forget(post)
        self._idle.pop(link, None)
        self._spare.pop(link, None)
        self._publish(announce.connection_closed(link, reason, self._clock.monotonic() - link.opened))
        self._changed.set()
        if post.unexamined:
            post.unexamined = False
            self._dialler.examine(post)
        self._dispatch_all(first=not link.tls)  # if it gave way, then to the other kind

    def dialogue(self, link: Link, data: bytes, *, sent: bool) -> None:
        """Publish the lines of `data`, without what may not be shown."""
        for event in announce.dialogue(link.target.address, data, sent=sent):
            self._publish(event)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the sending of a large mail; `stop` waits for its end."""
        task = asyncio.get_running_loop().create_task(work)
        self._streams.add(task)  # the loop itself keeps no hold on it
        task.add_done_callback(self._streams.discard)

    # who gets what

    def _kinds(self, link: Link) -> tuple[bool, ...]:
        """The kinds of mail a link may carry: clear mail rides TLS only where Secure asks for TLS anyway."""
        return (True, False) if link.target.address.server.secure else (link.tls,)

    def _choose(self, need: Need) -> Choice:
        """The rules of `choice`, with what we know now. While a name is unresolved, nobody can say that nobody is capable."""
        targets = [post.target for post in self._roster.posts]
        choice = choose(need, targets, self._clock.monotonic(), self._timeout.connect_retry)
        return Wait() if isinstance(choice, Nobody) and not self._roster.complete else choice

    def _tier(self, tls: bool) -> tuple[Post, ...]:
        """Who gets the common queue of this kind. Ends the parcels of the queue when nobody is capable."""
        if self._tiers[tls]:
            return self._tiers[tls]
        choice = self._choose(Need(tls, 0))
        match choice:
            case Use(targets):
                self._tiers[tls] = tuple(self._roster.of(target) for target in targets)
            case Wait():
                pass
            case Nobody(reason):
                queue = self._queues[tls]
                while queue:
                    self._end(queue.popleft(), Verdict.UNDELIVERABLE, f"no target server is capable of this mail: {reason}")
        return self._tiers[tls]

    def _place(self, parcel: Parcel) -> None:
        """A parcel that does not fit everywhere: reserve it for a target that can take it."""
        choice = self._choose(Need(parcel.tls_required, parcel.size))
        match choice:
            case Use(targets):
                post = min((self._roster.of(target) for target in targets), key=lambda post: post.connections)
                post.reserved[parcel.tls_required].append(parcel)
                self._serve(post, parcel.tls_required)
            case Wait():
                self._parked.append(parcel)
            case Nobody(reason):
                self._end(parcel, Verdict.UNDELIVERABLE, f"no target server is capable of this mail: {reason}")

    def _limit_rose(self, link: Link, parcel: Parcel) -> bool:
        """Whether a parcel too large for what the server said on this connection fits by what it said on a later one."""
        target = link.target
        if target.capabilities is not None:
            link.size_limit = size_limit(target, target.capabilities)
        if not link.size_limit or parcel.size <= link.size_limit:
            return True
        target.learned = self._clock.monotonic()  # an open connection is the server's word of today
        return False

    def _forget_tiers(self) -> None:
        self._tiers = {False: (), True: ()}

    def _dispatch_all(self, *, first: bool = True) -> None:
        """Look for connections for everything that waits, for mail with TLS `first` or for clear mail."""
        if self._held_back:  # the end of that looks again
            return
        self._saturated = {False: False, True: False}
        for tls in (first, not first):
            self._dispatch(tls)
            for post in self._roster.posts:
                if post.reserved[tls]:
                    self._serve(post, tls)

    def _dispatch(self, tls: bool) -> None:
        """Wake idle connections for the common queue of this kind; when all are busy, open one more where allowed."""
        queue = self._queues[tls]
        if not queue or self._stopping or self._held_back:
            return
        tier = self._tier(tls)
        for link in [link for link in self._idle if tls in self._kinds(link) and self._roster.of(link.target) in tier]:
            if not queue:
                return
            self._wake(link)
        if not queue:
            return
        fresh = [post for post in tier if not post.serving(tls)]  # equal targets share: each gets its first connection
        for post in fresh or sorted(tier, key=lambda post: post.connections):
            if not post.full:
                self._dialler.open(post, tls)
                if not fresh:
                    return
            elif fresh:
                self._make_room(post, tls)
        self._saturated[tls] = bool(tier)
        if all(post.full for post in tier):
            self._fill(tls, tier)

    def _fill(self, tls: bool, tier: tuple[Post, ...]) -> None:
        """No further connection can be had: begin mails behind those under way, where PipelineDepth leaves room."""
        queue = self._queues[tls]
        for link in [link for link in self._spare if tls in self._kinds(link) and self._roster.of(link.target) in tier]:
            if not queue:
                return
            self._spare.pop(link, None)
            link.pull()

    def _serve(self, post: Post, tls: bool) -> None:
        """See to it that what is reserved for a target gets a connection."""
        for link in [link for link in self._idle if link.target is post.target and tls in self._kinds(link)]:
            self._wake(link)
            return
        if not post.full:
            self._dialler.open(post, tls)
        elif not post.serving(tls):
            self._make_room(post, tls)

    def _wake(self, link: Link) -> None:
        del self._idle[link]
        link.pull()

    def _dismiss(self, link: Link, reason: str) -> None:
        self._idle.pop(link, None)
        link.finish(reason)

    def _make_room(self, post: Post, tls: bool) -> None:
        """All connections allowed carry mail of the other kind: let an idle one go. A busy one goes by `_give_way`."""
        for link in post.links:
            if link in self._idle:
                self._dismiss(link, "its place is needed")
                return

    def _give_way(self, post: Post, link: Link) -> None:
        """After its fair share, a connection makes room for mail of the other kind that cannot get one."""
        other = not link.tls
        waits = post.reserved[other] or (self._queues[other] and post in self._tier(other))
        if waits and not post.secure and post.full and not post.serving(other):
            link.retire("its place is needed")

    # for the dialler and the roster

    def connected(self, post: Post, dialled: Dialled, now: float, *, news: bool) -> None:
        """A connection is ready: it looks for work by itself."""
        target = post.target
        link = Link(dialled, target, self, self._timeout, next(self._keys), traced=self._traced())
        link.size_limit = size_limit(target, dialled.capabilities)
        link.opened = now
        post.links.add(link)
        self._publish(announce.connection_opened(link, dialled))
        if news:
            self._forget_tiers()
        link.take_over()
        if self._stopping or (link in self._idle and not self.waiting):
            self._dismiss(link, STOPPING if self._stopping else "nothing to send")
        if news:
            self.rearrange()  # only now: what this connection took needs no further one
        else:
            self._dispatch_all()

    def rearrange(self) -> None:
        """Something is known that was not: think again about who gets what."""
        self._forget_tiers()
        for link in [link for link in self._idle if self._roster.of(link.target).former]:
            self._dismiss(link, NOT_PREFERRED)
        for parcel in list(self._drain_special()):
            self._place(parcel)
        self._dispatch_all()

    def look_again(self) -> None:
        """A further connection may be possible."""
        self._dispatch_all()

    def probe_kind(self, post: Post) -> bool:
        """A target is probed in clear, unless only mail with TLS waits."""
        return post.secure or (bool(self._queues[True]) and not self._queues[False])

    # small things

    def _links(self) -> list[Link]:
        return [link for post in self._roster.every() for link in post.links]

    def _drain(self) -> Iterator[Parcel]:
        """Take out everything that waits."""
        yield from self._drain_special()
        for queue in self._queues.values():
            while queue:
                yield queue.popleft()

    def _drain_special(self) -> Iterator[Parcel]:
        """Take out what waits for a certain target."""
        while self._parked:
            yield self._parked.popleft()
        for post in self._roster.every():
            for reserved in post.reserved.values():
                while reserved:
                    yield reserved.popleft()

    def _end(self, parcel: Parcel, verdict: Verdict, reason: str) -> None:
        self._answer(parcel, (Outcome(verdict, reason),) * len(parcel.recipients))

    def _answer(self, parcel: Parcel, outcomes: tuple[Outcome, ...]) -> None:
        """Tell the engine. A fault in it must not cost the other mails of the connection their answers."""
        try:
            self._ended(*whole(parcel, outcomes))
        except Exception as error:
            self._contained(error)

    def _want_more(self) -> None:
        try:
            self._hungry()
        except Exception as error:  # as in `_answer`
            self._contained(error)

    def _contained(self, error: Exception) -> None:
        self._publish(InternalError("delivery.courier", f"{type(error).__name__}: {error}"))
