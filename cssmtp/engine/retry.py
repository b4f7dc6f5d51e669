"""When to try again: the schedules of long and extended retry as pure functions.

Promises: the answer depends on its arguments only. Never: knows a clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cssmtp.config.model import ExtendedRetry, RetryLimit
from cssmtp.model import Outcome, Verdict

RETRY_EXHAUSTED = "retry limit reached; last answer: "
AGE_REACHED = "extended retry age reached; last answer: "
FLUSHED = "extended retry ended by the operator; last answer: "
"""Why a mail that is given up is undeliverable."""

LINGER_MINUTES = 1
"""Pause between tries of a mail that stays in long retry although it has no Interval: extended retry cannot take it."""

BYPASSED_MINUTES = 30
"""Pause between tries of what waits in the mail directory while Interval 0 lets nothing new in."""


def long_retry_delay(policy: RetryLimit, retries: int) -> float | None:
    """Seconds to wait before the next retry, or None when long retry is exhausted.

    `retries` is how many retries the mail has had (0 after the first attempt). Count 0 or Interval 0 means no long
    retry at all (mail-processing.md 12.1).
    """
    if policy.interval_minutes == 0 or retries >= policy.count:
        return None
    return policy.interval_minutes * 60.0


def given_up(outcome: Outcome, why: str) -> Outcome:
    """What an outcome is once nothing is tried any more: what was to be tried again is undeliverable, for `why` and its last
    reason (mail-processing.md 12.3)."""
    if outcome.verdict is not Verdict.RETRY:
        return outcome
    return Outcome(Verdict.UNDELIVERABLE, why + outcome.reason, outcome.target)


def lingering_delay(policy: RetryLimit) -> float:
    """Seconds to the next try of a mail whose long retry is exhausted while the mail directory cannot take it."""
    return (policy.interval_minutes or LINGER_MINUTES) * 60.0


def parks(policy: ExtendedRetry | None) -> bool:
    """Whether mail may enter extended retry: there is a statement, and its Interval is not 0 (mail-processing.md 12.2)."""
    return policy is not None and policy.interval_minutes != 0


def extended_interval(policy: ExtendedRetry) -> float:
    """Seconds between two tries of a mail in extended retry."""
    return (policy.interval_minutes or BYPASSED_MINUTES) * 60.0


def extended_wait(policy: ExtendedRetry, due: datetime, now: datetime) -> float:
    """Seconds from `now` to `due`, both aware: never negative, and never longer than one interval, although clocks jump."""
    return min(max((due - now).total_seconds(), 0.0), extended_interval(policy))


def expired(policy: ExtendedRetry, first: datetime, now: datetime) -> bool:
    """Whether a mail first seen at `first` has reached Age. Age 0 never comes."""
    return policy.age_days != 0 and now - first >= timedelta(days=policy.age_days)
