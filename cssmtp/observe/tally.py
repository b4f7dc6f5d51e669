"""Sums over events: the numbers behind SMF subtype 52 and the metrics.

Promises: `handle` only adds; it costs a few additions per mail and never fails.
Never: knows the time, forgets (whoever wants sums of an interval takes a new Tally).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from cssmtp.model import Verdict
from cssmtp.observe.events import (
    CharacterLoss,
    ConnectionClosed,
    ConnectionOpened,
    DeadLetterDropped,
    DeadLetterFailed,
    DeadLetterStored,
    Event,
    MailDiscarded,
    MailEnded,
    MailRejected,
    MailResult,
    MailRetry,
    NoticeSent,
    SpoolFault,
    SpoolFileEnded,
    TargetDown,
)

MAIL_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)
"""Bounds of the histogram of how long mails take: fast ones by the tenth of a second, retried ones by the hour."""

CONNECTION_SECONDS = (0.1, 1.0, 10.0, 60.0, 300.0, 1800.0, 7200.0)

NO_REPLY = "none"
"""The class of an outcome that no server's reply caused."""


# Looked up once, as they are needed for every mail.
_DELIVERED = Verdict.DELIVERED
_SENT, _PARTLY, _UNDELIVERABLE = MailResult.SENT.value, MailResult.PARTLY.value, MailResult.UNDELIVERABLE.value


def reply_class(reason: str) -> str:
    """ "2", "4" or "5" for a reason that is an SMTP reply, else NO_REPLY."""
    return reason[0] if reason[:1] in ("2", "4", "5") and reason[1:3].isdecimal() else NO_REPLY


class Histogram:
    """Observations by size: `buckets[i]` is how many were at most `bounds[i]` and more than the bound before; the last, more."""

    __slots__ = ("bounds", "buckets", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.total += value


class TargetSums:
    """Sums of one target server: connections, times it went down, and what its closed connections came to."""

    __slots__ = ("closed", "failures", "mails", "octets", "opened", "opened_tls")

    def __init__(self) -> None:
        self.opened = self.opened_tls = self.closed = self.failures = self.mails = self.octets = 0


class Tally:
    """All sums since it was made."""

    def __init__(self) -> None:
        self.mails: Counter[str] = Counter()  # by sent, partly, undeliverable, rejected, discarded
        self.files: Counter[str] = Counter()  # by disposition
        self.answers: Counter[str] = Counter()  # last answers per recipient, by class of reply
        self.targets: defaultdict[tuple[str, int], TargetSums] = defaultdict(TargetSums)
        self.mail_seconds = Histogram(MAIL_SECONDS)
        self.connection_seconds = Histogram(CONNECTION_SECONDS)
        self.files_bad = self.faults = 0
        self.delivered = self.failed = self.octets = self.retries = 0
        self.notices = self.substitutions = 0
        self.letters: Counter[str] = Counter()  # by stored, deleted, failed
        self._lock = threading.Lock()
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            MailEnded: self._mail_ended,
            MailDiscarded: self._mail_discarded,
            MailRejected: self._mail_rejected,
            MailRetry: self._mail_retry,
            SpoolFileEnded: self._file_ended,
            SpoolFault: self._fault,
            CharacterLoss: self._loss,
            NoticeSent: self._notice,
            DeadLetterStored: self._letter_stored,
            DeadLetterDropped: self._letter_deleted,
            DeadLetterFailed: self._letter_failed,
            ConnectionOpened: self._opened,
            ConnectionClosed: self._closed,
            TargetDown: self._down,
        }

    def wants(self, kind: type[Event], variant: str) -> bool:
        return kind in self._handlers

    def handle(self, event: Event) -> None:
        self._handlers[type(event)](event)

    # mails

    def _mail_ended(self, event: MailEnded) -> None:
        outcomes = event.outcomes
        good = 0
        for outcome in outcomes:
            good += outcome.verdict is _DELIVERED
            self.answers[reply_class(outcome.reason)] += 1
        bad = len(outcomes) - good + len(event.envelope.bad_recipients)
        self.delivered += good
        self.failed += bad
        self.octets += event.size
        self.mails[(_PARTLY if bad else _SENT) if good else _UNDELIVERABLE] += 1
        self.mail_seconds.add(event.seconds)

    def _mail_discarded(self, event: MailDiscarded) -> None:
        self.mails["discarded"] += 1
        self.octets += event.size

    def _mail_rejected(self, event: MailRejected) -> None:
        self.mails["rejected"] += 1

    def _mail_retry(self, event: MailRetry) -> None:
        self.retries += 1
        self.answers[reply_class(event.reason)] += event.recipients

    # spool files

    def _file_ended(self, event: SpoolFileEnded) -> None:
        self.files[event.disposition.value] += 1
        self.files_bad += event.variant == "bad"

    def _fault(self, event: SpoolFault) -> None:
        self.faults += 1

    def _loss(self, event: CharacterLoss) -> None:
        with self._lock:  # large mails are composed in threads
            self.substitutions += event.count

    # afterwards

    def _notice(self, event: NoticeSent) -> None:
        self.notices += 1

    def _letter_stored(self, event: DeadLetterStored) -> None:
        self.letters["stored"] += 1

    def _letter_deleted(self, event: DeadLetterDropped) -> None:
        self.letters["deleted"] += 1

    def _letter_failed(self, event: DeadLetterFailed) -> None:
        self.letters["failed"] += 1

    # target servers

    def _opened(self, event: ConnectionOpened) -> None:
        sums = self.targets[event.address, event.port]
        sums.opened += 1
        sums.opened_tls += bool(event.tls_protocol)

    def _closed(self, event: ConnectionClosed) -> None:
        sums = self.targets[event.address, event.port]
        sums.closed += 1
        sums.mails += event.mails
        sums.octets += event.octets
        self.connection_seconds.add(event.seconds)

    def _down(self, event: TargetDown) -> None:
        self.targets[event.address, event.port].failures += 1
