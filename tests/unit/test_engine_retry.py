"""The schedules of long and extended retry."""

from datetime import UTC, datetime, timedelta

import pytest

from cssmtp.config.model import ExtendedRetry, RetryLimit
from cssmtp.engine.retry import expired, extended_interval, extended_wait, lingering_delay, long_retry_delay, parks

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "retries", "delay"),
    [
        (RetryLimit(), 0, 60.0),
        (RetryLimit(), 4, 60.0),
        (RetryLimit(), 5, None),
        (RetryLimit(0, 1), 0, None),
        (RetryLimit(5, 0), 0, None),
        (RetryLimit(120, 60), 119, 3600.0),
    ],
)
def test_long_retry(policy: RetryLimit, retries: int, delay: float | None) -> None:
    assert long_retry_delay(policy, retries) == delay


def test_lingering_keeps_the_interval_and_has_one_where_there_is_none() -> None:
    assert lingering_delay(RetryLimit(0, 7)) == 420.0
    assert lingering_delay(RetryLimit(5, 0)) == 60.0


def test_extended_retry_is_on_with_a_statement_and_an_interval() -> None:
    assert parks(ExtendedRetry())
    assert not parks(ExtendedRetry(interval_minutes=0))
    assert not parks(None)


def test_interval_of_what_waits() -> None:
    assert extended_interval(ExtendedRetry(interval_minutes=7)) == 420.0
    assert extended_interval(ExtendedRetry(interval_minutes=0)) == 1800.0


@pytest.mark.parametrize(
    ("ahead", "wait"), [(timedelta(minutes=5), 300.0), (timedelta(days=99), 1800.0), (-timedelta(days=99), 0.0)]
)
def test_wait_is_between_nothing_and_one_interval_whatever_the_clock_did(ahead: timedelta, wait: float) -> None:
    assert extended_wait(ExtendedRetry(), NOW + ahead, NOW) == wait


@pytest.mark.parametrize(
    ("age", "since", "over"),
    [
        (5, timedelta(days=5), True),
        (5, timedelta(days=5) - timedelta(seconds=1), False),
        (5, -timedelta(days=9), False),
        (0, timedelta(days=9999), False),
    ],
)
def test_age(age: int, since: timedelta, over: bool) -> None:
    assert expired(ExtendedRetry(age_days=age), NOW - since, NOW) is over
