"""When to try again: the schedule of long retry as a pure function.

Promises: the answer depends on its arguments only. Never: knows a clock.
"""

from __future__ import annotations

from cssmtp.config.model import RetryLimit


def long_retry_delay(policy: RetryLimit, retries: int) -> float | None:
    """Seconds to wait before the next retry, or None when long retry is exhausted.

    `retries` is how many retries the mail has had (0 after the first attempt). Count 0 or Interval 0 means no long
    retry at all (mail-processing.md 12.1).
    """
    if policy.interval_minutes == 0 or retries >= policy.count:
        return None
    return policy.interval_minutes * 60.0
