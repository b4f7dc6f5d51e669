"""The dialler: makes connections to targets and watches those that are down.

Promises: what comes of each dial is told to the courier once, when the target's state is up to date; a target that is down is
tried every ConnectRetry seconds, with mail waiting or not; the news of a target are published.
Never: decides when a connection is wanted, nor who gets which mail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from cssmtp.clock import Clock
from cssmtp.config.model import Options, Timeout
from cssmtp.delivery import announce
from cssmtp.delivery.dial import Dialled, TargetUnusable, TlsRefused, dial
from cssmtp.delivery.post import Post
from cssmtp.delivery.target import Address, TargetState
from cssmtp.observe.events import Event, InternalError
from cssmtp.smtp.capabilities import Capabilities


class Caller(Protocol):
    """Who wants connections: the courier. All are called on the event loop."""

    def connected(self, post: Post, dialled: Dialled, now: float, *, news: bool) -> None:
        """A connection is ready. `news`: the target can do something that was not known before."""
        ...

    def rearrange(self) -> None:
        """Something changed in what targets can do: think again about who gets what."""
        ...

    def look_again(self) -> None:
        """A further connection may be possible now."""
        ...

    def probe_kind(self, post: Post) -> bool:
        """Whether to look with TLS if a target is back."""
        ...


class Dialler:
    """Dials, one task for each connection that is being made."""

    def __init__(
        self,
        timeout: Timeout,
        options: Options,
        clock: Clock,
        publish: Callable[[Event], None],
        hello: str,
        caller: Caller,
        traced: Callable[[], bool],
    ) -> None:
        """`hello` is our name for EHLO; `traced` tells whether anybody wants `Dialogue` events."""
        self._traced = traced
        self._timeout = timeout
        self._tls_ehlo = options.tls_ehlo
        self._clock = clock
        self._publish = publish
        self._hello = hello
        self._caller = caller
        self._dials: set[asyncio.Task[None]] = set()
        self._probes: set[Post] = set()
        self._stopped = False

    def reconfigure(self, timeout: Timeout, options: Options) -> None:
        """Other values for connections that are begun from now on."""
        self._timeout = timeout
        self._tls_ehlo = options.tls_ehlo

    def open(self, post: Post, tls: bool) -> None:
        """Begin to make a connection, one at a time for each kind: the next is asked for when this one is busy."""
        kind = tls or post.secure
        if not post.dialling[kind] and post.target.state is not TargetState.DOWN:
            self._begin(post, kind)

    def examine(self, post: Post) -> None:
        """Connect now, whatever is known of the target, unless it has all the connections it may have."""
        self._unprobe(post)
        if not post.dialling[True] + post.dialling[False] and not post.full:
            self._begin(post, self._caller.probe_kind(post))

    def stop(self) -> None:
        """Give up all dials; `closed` waits for their end."""
        self._stopped = True
        for post in list(self._probes):
            self._unprobe(post)
        for task in self._dials:
            task.cancel()

    async def closed(self) -> None:
        await asyncio.gather(*self._dials, return_exceptions=True)

    def _begin(self, post: Post, kind: bool) -> None:
        if self._stopped:
            return
        post.dialling[kind] += 1
        task = asyncio.get_running_loop().create_task(self._dial(post, kind))
        self._dials.add(task)  # the loop itself keeps no hold on it
        task.add_done_callback(self._dials.discard)

    async def _dial(self, post: Post, tls: bool) -> None:
        target = post.target
        try:
            result: Dialled | Exception = await dial(
                target.address,
                self._timeout,
                hello=self._hello,
                tls=tls,
                tls_ehlo=self._tls_ehlo or target.tls_hello,
                trace=partial(self._dialogue, target.address) if self._traced() else None,
            )
        except (TargetUnusable, TlsRefused) as error:
            result = error
        except Exception as error:  # a fault of ours must not end delivery for ever
            self._publish(InternalError("delivery.dial", f"{type(error).__name__}: {error}"))
            result = error
        finally:
            post.dialling[tls] -= 1
        now = self._clock.monotonic()
        match result:
            case Dialled():
                news = bool(target.tls_refusal)
                self._hand_over(
                    post, result, now, self._greeted(post, result.capabilities, now, tls=result.tls is not None) or news
                )
            case TlsRefused():
                self._greeted(post, result.capabilities, now, tls=False)
                target.refuse_tls(str(result), now, silent=result.silent)
                if target.tls_in_doubt:
                    self._probe_later(post)
                self._caller.rearrange()
            case _:
                self._failed(post, str(result), now)

    def _dialogue(self, address: Address, data: bytes, sent: bool) -> None:
        for event in announce.dialogue(address, data, sent=sent):
            self._publish(event)

    def _hand_over(self, post: Post, dialled: Dialled, now: float, news: bool) -> None:
        """A fault of ours on the way must leave no open connection that nobody knows of, and must be told."""
        try:
            self._caller.connected(post, dialled, now, news=news)
        except Exception as error:
            self._publish(InternalError("delivery.courier", f"{type(error).__name__}: {error}"))
            dialled.transport.abort()
            self._probe_later(post)

    def _greeted(self, post: Post, capabilities: Capabilities, now: float, *, tls: bool) -> bool:
        known = post.target.capabilities
        if post.target.up(capabilities, now, tls=tls):
            self._publish(announce.target_up(post.target, capabilities))
            return True
        return post.target.capabilities != known

    def _failed(self, post: Post, reason: str, now: float) -> None:
        """No connection could be made. A target with other connections open is not down, it has enough of them."""
        if self._stopped:
            return
        self._probe_later(post)
        if post.links:
            post.crowded = True
            return
        pause = self._timeout.connect_retry
        if post.target.down(reason, now + pause):
            self._publish(announce.target_down(post.target, pause))
        self._caller.rearrange()

    # monitoring

    def _probe_later(self, post: Post) -> None:
        self._unprobe(post)
        self._probes.add(post)
        post.probe = asyncio.get_running_loop().call_later(self._timeout.connect_retry, self._try_again, post)

    def _unprobe(self, post: Post) -> None:
        self._probes.discard(post)
        if post.probe is not None:
            post.probe.cancel()
            post.probe = None

    def _try_again(self, post: Post) -> None:
        """ConnectRetry is over: see whether the target is back, with mail waiting or not."""
        self._unprobe(post)
        post.crowded = False
        if post.former:
            return
        if post.target.tls_in_doubt:
            self._begin(post, True)
        elif post.target.state is TargetState.DOWN:
            self._begin(post, self._caller.probe_kind(post))
        else:
            self._caller.look_again()
