"""One connection that carries mail: moves bytes between a transport and a `ClientSession`, and watches the clock.

Promises: the next mail is pulled in the very callback in which there is room for it, with no task and no future per mail; one
timer per connection however many mails pass; the connection ends when the oldest unanswered step is older than its Timeout
parameter; once a final dot is sent, only the server or that timer ends the wait for its answer.
Never: holds more of a large mail than one block and what the transport has not sent; leaves a mail without an answer to the
courier.

TCP_NODELAY is set by asyncio and uvloop on every TCP transport; without it each mail would wait 40 ms for a delayed
acknowledgement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from cssmtp.config.model import TargetServer, Timeout
from cssmtp.delivery.dial import Dialled
from cssmtp.delivery.target import Target
from cssmtp.errors import UnsendableMail
from cssmtp.mail.compose import unstuffed
from cssmtp.model import Outcome, Verdict
from cssmtp.smtp.exchange import (
    Broken,
    Closing,
    Ended,
    Learned,
    Lesson,
    Send,
    SendBody,
    SessionEvent,
    Transaction,
    UnsendableAddress,
)
from cssmtp.smtp.session import ClientSession
from cssmtp.smtp.verdict import Failure, FailureKind, Step

NEVER = float("inf")

READ_SIZE = 16 * 1024
"""Bytes taken from the transport at once. Replies are short; a protocol without a buffer of its own is given 256 KiB for each."""


class EightBit(NamedTuple):
    """A text that is announced as 8-bit MIME (RFC 6152): it has a label, and lines that are not ASCII."""

    text: bytes | Iterable[bytes]


class Parcel(Protocol):
    """A mail as the courier sees it. The engine implements it.

    `recipients` are those still to be tried, `size` is in octets, `tls_required` what the deck asked for (Secure is the
    target's affair).
    """

    @property
    def recipients(self) -> tuple[str, ...]: ...

    @property
    def reverse_path(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def tls_required(self) -> bool: ...

    def wire(self, server: TargetServer, /, *, eight_bit: bool) -> bytes | Iterable[bytes] | EightBit:
        """The whole message for this target, dots stuffed, with the final dot.

        An iterable is for large mails: its blocks are pulled one by one in a worker thread. `eight_bit`: the server offers
        8BITMIME, so an `EightBit` may be given. Raises UnsendableMail when this target cannot get it.
        """
        ...


class Feeder(Protocol):
    """What a link asks of the courier and tells it. All are called on the event loop."""

    def next_for(self, link: Link) -> Parcel | None:
        """The next parcel this link may send, or None."""
        ...

    def finished(self, link: Link, parcel: Parcel, outcomes: tuple[Outcome, ...], untried: bool) -> None:
        """A parcel has its outcomes. `untried`: the server ended the connection before its body was begun."""
        ...

    def became_idle(self, link: Link) -> None:
        """Nothing is under way and there was no next parcel."""
        ...

    def closed(self, link: Link, reason: str) -> None:
        """The connection is gone; nothing more will come from this link."""
        ...

    def dialogue(self, link: Link, data: bytes, *, sent: bool) -> None:
        """Lines of the dialogue, when `Link.traced`."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the sending of a large mail as a task, and keep it alive."""
        ...


def seconds_for(timeout: Timeout) -> dict[Step, float]:
    """The Timeout parameter of each step that a link waits for (configuration.md 8)."""
    return {
        Step.MAIL: timeout.mail_command,
        Step.RCPT: timeout.rcpt_command,
        Step.DATA: timeout.data_command,
        Step.BDAT: timeout.data_term,
        Step.BLOCK: timeout.data_block,
        Step.TERM: timeout.data_term,
        Step.RSET: timeout.any_command,
        Step.QUIT: timeout.any_command,
    }


def chunk_of(text: bytes) -> bytes:
    """A whole message in wire form -> what BDAT sends of it: dots unstuffed, no final dot (RFC 3030 section 2)."""
    body = text[:-3]
    return unstuffed(body) if b"\r\n." in body or body[:1] == b"." else body


class _Load:
    """A parcel on this link, with its text."""

    __slots__ = ("parcel", "text")

    def __init__(self, parcel: Parcel, text: bytes | Iterator[bytes]) -> None:
        self.parcel = parcel
        self.text = text


class Link(asyncio.BufferedProtocol):
    """Drives one connection. Create it, `take_over` the transport, `pull` when there may be work, `finish` to end politely."""

    def __init__(
        self, dialled: Dialled, target: Target, feeder: Feeder, timeout: Timeout, key: int, *, traced: bool = False
    ) -> None:
        self.target = target
        self.key = key
        self.tls = dialled.tls is not None
        self.traced = traced
        self.size_limit = 0  # octets, 0 = none; the courier's
        self.opened = 0.0  # when, by the courier's clock
        self.mails = 0  # that got their final answer
        self.delivered = 0  # of which at least one recipient was
        self.octets = 0
        self.began = 0
        self.retiring = False  # begins no further mail
        self._server = target.address.server
        self._feeder = feeder
        self._transport = dialled.transport
        self._session = ClientSession(
            dialled.capabilities,
            target.address.ip,
            hello_owed=dialled.hello_owed,
            chunking=self._server.chunking and target.bdat,
            depth=self._server.pipeline_depth,
        )
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds_for(timeout)
        self._idle_seconds = float(timeout.connect_idle or timeout.any_command)
        self._tick = min(*self._seconds.values(), self._idle_seconds)
        self._since = 0.0  # when we began to wait for what is awaited now
        self._timer: asyncio.TimerHandle | None = None
        self._answered = 0  # of the session, when `_since` was set
        self._restarted = True  # what is awaited has changed without an answer
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._out: list[bytes] = []
        self._room = asyncio.Event()  # the transport takes more
        self._room.set()
        self._reason = ""
        self._busy = False  # inside `_run`: what follows from a call back into us is done by it
        self._again = False  # `pull` was called inside `_run`
        self._closed = False

    def __repr__(self) -> str:
        step = self._session.waiting_for
        doing = "closed" if self._closed else f"waits for {step.value}" if step else "idle"
        return f"<Link {self.key} to {self.target.address.ip} {'TLS' if self.tls else 'clear'} {self.mails} mails {doing}>"

    # for the courier

    def take_over(self) -> None:
        """Become the transport's protocol and look for work."""
        self._transport.set_protocol(self)
        self._since = self._loop.time()
        self._check_clock()
        self.pull()

    @property
    def unanswered(self) -> int:
        """Texts sent and not answered: so many mails may be delivered twice if the connection ends now."""
        return self._session.unanswered

    @property
    def proven(self) -> bool:
        """Whether an untried mail may go on another connection at once.

        It may when this one has brought us further: a mail got its answer, or we know how the next one has to be made.
        """
        return self.mails > 0 or self._session.lesson is not None

    def pull(self) -> None:
        """Look for work now."""
        self._again = True
        self._run([])

    def retire(self, reason: str) -> None:
        """Begin nothing after the mail that is begun next."""
        self.retiring = True
        self._reason = self._reason or reason

    def finish(self, reason: str) -> None:
        """Begin nothing more; QUIT as soon as what is under way has its answers."""
        self.retire(reason)
        self._run([])

    def abort(self, failure: Failure) -> None:
        """Give the connection up; open mails end with `failure`."""
        if not self._closed:
            self._run(self._session.lost(failure))
            self._hang_up(failure.text)

    # from the transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._buffer[:nbytes])
        if self.traced:
            self._feeder.dialogue(self, data, sent=False)
        if not self._closed:
            self._run(self._session.receive(data))

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed:
            text = f"connection lost: {exc}" if exc else "the server closed the connection"
            self._reason = self._reason or text
            self._run(self._session.lost(Failure(FailureKind.LOST, text)))
            self._end()

    def pause_writing(self) -> None:
        self._room.clear()
        if self._session.waiting_for is Step.BLOCK:
            self._since = self._loop.time()

    def resume_writing(self) -> None:
        self._room.set()
        self._since = self._loop.time()

    # what goes on

    def _run(self, events: list[SessionEvent]) -> None:
        """Do what follows from `events`, begin what can be begun, write everything in one go, set the clock."""
        for event in events:
            if type(event) is Ended:  # the usual ones first, and without a pattern
                self._ended(event)
            elif type(event) is SendBody:
                self._send_body(event.transaction)
            else:
                self._seldom(event)
        if self._busy or self._closed:
            return
        self._busy = True
        self._begin()
        while self._again and not self._closed:
            self._begin()
        self._busy = False
        self._flush()
        answered = self._session.answered
        if self._restarted or answered != self._answered:
            self._restarted = False
            self._answered = answered
            self._since = self._loop.time()

    def _seldom(self, event: SessionEvent) -> None:
        match event:
            case Send(data):
                self._command(data)
            case Closing(reply):
                self._hang_up(str(reply), politely=True)
            case Broken(failure):
                self._hang_up(failure.text)
            case Learned(lesson, reply):
                self._hang_up(f"{lesson.value}: {reply}", politely=lesson is Lesson.HELLO)

    def _begin(self) -> None:
        """Begin mails as far as the session allows; go idle or QUIT when there is nothing more to do."""
        session = self._session
        limit = self._server.max_msg_sent
        self._again = False
        while session.can_begin and not self.retiring and not self._closed:
            parcel = self._feeder.next_for(self)
            if parcel is None:
                break
            self._begin_parcel(parcel)
            if limit and self.began >= limit:
                self.retire("MaxMsgSent")
        if session.idle and not session.over:
            self._restarted = True
            if not self.retiring:
                self._feeder.became_idle(self)
            if self.retiring:  # perhaps since that call
                self._command(session.quit())

    def _begin_parcel(self, parcel: Parcel) -> None:
        """Compose the mail and begin its transaction. What cannot be composed or addressed ends here, unsent."""
        session = self._session
        chunk = b""
        if session.idle:
            self._restarted = True
        try:
            text = parcel.wire(self._server, eight_bit=session.capabilities.eightbitmime)
            announced = isinstance(text, EightBit)
            if isinstance(text, EightBit):
                text = text.text
            if not isinstance(text, bytes):
                load = _Load(parcel, iter(text))
            elif session.chunking:
                chunk = chunk_of(text)
                load = _Load(parcel, text if not chunk else b"")
            else:
                load = _Load(parcel, text)
            transaction = Transaction(parcel.reverse_path, parcel.recipients, parcel.size, load, announced)
            commands = session.begin(transaction, len(chunk))
        except (UnsendableAddress, UnsendableMail) as error:
            self._refuse(parcel, Verdict.UNDELIVERABLE, str(error))
        except Exception as error:  # of the parcel, which is foreign to us: one mail fails, not the connection
            self._refuse(parcel, Verdict.RETRY, f"the mail cannot be read: {error}")
        else:
            self.began += 1
            self._command(commands)
            if chunk:
                self._out.append(chunk)

    def _refuse(self, parcel: Parcel, verdict: Verdict, reason: str) -> None:
        self._feeder.finished(self, parcel, (Outcome(verdict, reason),) * len(parcel.recipients), False)

    def _ended(self, event: Ended) -> None:
        load = event.transaction.key
        assert isinstance(load, _Load)
        if not event.untried:
            self.mails += 1
            self.delivered += any(outcome.verdict is Verdict.DELIVERED for outcome in event.outcomes)
        self._feeder.finished(self, load.parcel, event.outcomes, event.untried)

    def _send_body(self, transaction: Transaction) -> None:
        load = transaction.key
        assert isinstance(load, _Load)
        text = load.text
        if isinstance(text, bytes):
            self._out.append(text)
            self._session.body_sent()
        else:
            self._feeder.spawn(self._send_stream(text))

    async def _send_stream(self, blocks: Iterator[bytes]) -> None:
        """Send a large mail block by block, the next one being made while the last one drains.

        One block is looked ahead, to know the last one when it is written: its answer may come before anything else does.
        """
        try:
            block = await self._pull_block(blocks)
            if block is None:
                raise EOFError("it has no text")
            following = await self._pull_block(blocks)
            while not self._closed:
                self.octets += len(block)
                self._transport.write(block)
                if following is None:
                    self._session.body_sent()
                    break
                self._since = self._loop.time()
                block, following = following, await self._pull_block(blocks)
                await self._room.wait()
        except Exception as error:  # of the parcel; the text cannot be ended properly any more, so the connection has to go
            self.abort(Failure(FailureKind.LOCAL, f"the mail cannot be read: {error}"))
        finally:
            close = getattr(blocks, "close", None)
            if close is not None:
                await asyncio.to_thread(close)
        if not self._closed:
            self._restarted = True
            self._run([])

    async def _pull_block(self, blocks: Iterator[bytes]) -> bytes | None:
        return await asyncio.to_thread(next, blocks, None)

    def _command(self, data: bytes) -> None:
        self._out.append(data)
        if self.traced:
            self._feeder.dialogue(self, data, sent=True)

    def _flush(self) -> None:
        if not self._out:
            return
        data = b"".join(self._out)
        self._out.clear()
        self.octets += len(data)
        self._transport.write(data)

    # the clock

    def _deadline(self) -> float:
        """When the wait for what is awaited ends.

        The DataBlock timer runs while the transport is full. Our own slowness in making blocks is nobody's timeout.
        """
        step = self._session.waiting_for
        if step is Step.BLOCK and self._room.is_set():
            return NEVER
        return self._since + (self._idle_seconds if step is None else self._seconds[step])

    def _check_clock(self) -> None:
        """Runs at least once per shortest timer, so that it misses no deadline that came to be in between."""
        now = self._loop.time()
        if now >= self._deadline():
            self._expire()
        if not self._closed:
            self._timer = self._loop.call_at(min(self._deadline(), now + self._tick), self._check_clock)

    def _expire(self) -> None:
        step = self._session.waiting_for
        if step is None:
            self.finish("idle")
            return
        seconds = self._seconds[step]
        self.abort(Failure(FailureKind.TIMEOUT, f"no answer within {seconds:g} seconds"))

    # the end

    def _hang_up(self, reason: str, *, politely: bool = False) -> None:
        """Close from our side. What the server has still to say does not matter any more; neither, but politely, what we have."""
        self._reason = self._reason or reason
        self._out.clear()
        if politely and self._room.is_set():
            self._transport.close()
        else:
            self._transport.abort()
        self._end()

    def _end(self) -> None:
        self._closed = True
        if self._session.lesson is not None:
            self.target.learn(self._session.lesson)
        self._room.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._feeder.closed(self, self._reason)
