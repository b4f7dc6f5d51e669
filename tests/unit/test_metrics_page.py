"""Metrics: their names, their values, the HTTP server."""

import asyncio
import importlib.util
import math
from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cssmtp.observe import exposition
from cssmtp.observe.bus import Bus
from cssmtp.observe.events import CharacterLoss, DeadLetterStored, Event, MailDiscarded, MailRejected, MailRetry, MetricsFailed
from cssmtp.observe.exposition import Exposition, exposed
from cssmtp.observe.metrics import METRICS, Scrape, samples
from cssmtp.observe.readings import ExtendedReading, Readings, TargetReading
from cssmtp.observe.tally import Histogram, Tally, reply_class
from tests.smfkit import DELIVERED, FILE, REFUSED, mail, sums

READINGS = Readings(
    tasks=2,
    waiting=7,
    long_retry=3,
    oldest_seconds=12.5,
    targets=(
        TargetReading("192.0.2.1", 25, "up", 4),
        TargetReading("192.0.2.2", 25, "down", 0),
        TargetReading("192.0.2.3", 25, "unknown", 0),
    ),
)
SPOOL = {"ready": 5, "held": 1}


def full() -> Tally:
    tally = sums()
    for event in (
        CharacterLoss(FILE, 1, "ISO8859-1", 9),
        DeadLetterStored(FILE, 1, "/x", "y"),
        MailRejected(FILE, 2, "552"),
        MailDiscarded(FILE, 3, mail(DELIVERED).envelope, 10),
        MailRetry(FILE, 4, 1, 60.0, 2, "451 4.3.0 later"),
    ):
        tally.handle(event)
    return tally


async def page(tally: Tally, readings: Readings = READINGS, spool: Mapping[str, int] = SPOOL) -> dict[str, float]:
    """Sample name with its labels -> value."""
    _, text = await Exposition(tally, lambda: readings, lambda: spool).page()
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for one in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


async def test_sums_and_gauges() -> None:
    found = await page(full())
    assert found["cssmtp_mails_total{result=sent}"] == 1
    assert found["cssmtp_mails_total{result=partly}"] == 1
    assert found["cssmtp_mails_total{result=discarded}"] == 1
    assert found["cssmtp_recipients_total{result=failed}"] == 2
    assert found["cssmtp_answers_total{reply_class=2}"] == 2
    assert found["cssmtp_answers_total{reply_class=4}"] == 2
    assert found["cssmtp_answers_total{reply_class=5}"] == 2
    assert found["cssmtp_substituted_characters_total"] == 9
    assert found["cssmtp_spool_files_total{disposition=hold}"] == 1
    assert found["cssmtp_dead_letters_total{result=stored}"] == 1
    assert found["cssmtp_spool_depth{state=ready}"] == 5
    assert found["cssmtp_retry_mails{queue=long}"] == 3
    assert found["cssmtp_oldest_mail_seconds"] == 12.5
    assert found["cssmtp_target_up{address=192.0.2.1,port=25}"] == 1
    assert found["cssmtp_target_up{address=192.0.2.2,port=25}"] == 0
    assert found["cssmtp_connections_opened_total{address=192.0.2.1,port=25,tls=yes}"] == 1


async def test_what_does_not_exist_is_not_shown_as_zero() -> None:
    found = await page(Tally(), Readings(targets=READINGS.targets), {})
    assert not [name for name in found if name.startswith(("cssmtp_checkpoint", "cssmtp_spool_depth"))]
    assert "cssmtp_target_up{address=192.0.2.3,port=25}" not in found
    assert found["cssmtp_mails_total{result=sent}"] == 0
    assert not [name for name in found if "extended" in name]
    with_extended = await page(Tally(), Readings(extended=ExtendedReading(2, 5, 1)))
    assert with_extended["cssmtp_retry_mails{queue=extended}"] == 2
    assert with_extended["cssmtp_extended_retries_total"] == 5
    assert with_extended["cssmtp_extended_retries_expired_total"] == 1
    with_ledger = await page(Tally(), Readings(commits=4))
    assert with_ledger["cssmtp_checkpoint_commits_total"] == 4


async def test_histograms_add_up() -> None:
    found = await page(full())
    assert found["cssmtp_mail_seconds_count"] == 3
    assert found["cssmtp_mail_seconds_sum"] == 4.5
    assert found["cssmtp_mail_seconds_bucket{le=1.0}"] == 0
    assert found["cssmtp_mail_seconds_bucket{le=5.0}"] == 3
    assert found["cssmtp_mail_seconds_bucket{le=+Inf}"] == 3


async def test_every_sample_is_in_the_table_and_every_name_of_it_can_be_exported() -> None:
    found = await page(full(), Readings(targets=READINGS.targets, commits=1, extended=ExtendedReading(2, 5, 1)))
    bare = {name.partition("{")[0] for name in found}
    expected = set()
    for metric in METRICS:
        ends = ("_bucket", "_count", "_sum") if metric.type == "histogram" else ("",)
        expected |= {metric.name + end for end in ends}
    assert bare == expected


def test_a_scrape_has_the_labels_of_the_table() -> None:
    for metric, values in samples(Scrape("1", full(), READINGS, SPOOL)):
        assert all(len(labels) == len(metric.labels) and not math.isnan(value) for labels, value in values)


@pytest.mark.parametrize(
    ("reason", "kind"), [("250 ok", "2"), ("451 x", "4"), ("550", "5"), ("timeout", "none"), ("5 no", "none"), ("", "none")]
)
def test_classes_of_replies(reason: str, kind: str) -> None:
    assert reply_class(reason) == kind


def test_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.1, 2.0, 2.1):
        histogram.add(value)
    assert histogram.buckets == [2, 2, 1]


# --- the server


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /metrics HTTP/1.1", b"200 OK"),
        (b"GET /metrics?x=1 HTTP/1.1", b"200 OK"),
        (b"HEAD /metrics HTTP/1.1", b"200 OK"),
        (b"GET / HTTP/1.1", b"404 Not Found"),
        (b"POST /metrics HTTP/1.1", b"405 Method Not Allowed"),
        (b"\0\xff", b"405 Method Not Allowed"),
    ],
)
async def test_requests(request_line: bytes, status: bytes) -> None:
    server = Exposition(sums(), lambda: READINGS, lambda: SPOOL)
    port = await server.start("127.0.0.1", 0)
    answer = await ask(port, request_line + b"\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert (body == b"") is request_line.startswith(b"HEAD")
    assert b"Connection: close" in head
    await server.stop()


async def test_a_silent_client_and_one_that_says_too_much_get_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "CLIENT_SECONDS", 0.05)
    server = Exposition(sums(), lambda: READINGS, lambda: SPOOL)
    port = await server.start("127.0.0.1", 0)
    assert await ask(port, b"GET /metr") == b""
    assert await ask(port, b"x" * 20_000) == b""
    await server.stop()


async def test_a_client_that_hangs_does_not_hold_the_end_up() -> None:
    server = Exposition(sums(), lambda: READINGS, lambda: SPOOL)
    port = await server.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await ask(port, b"GET / HTTP/1.1\r\n\r\n")
    await server.stop()
    assert await reader.read() == b""
    writer.close()


async def test_a_spool_that_cannot_be_counted_leaves_the_rest() -> None:
    def broken() -> Mapping[str, int]:
        raise OSError("gone")

    _, text = await Exposition(sums(), lambda: READINGS, broken).page()
    assert b"cssmtp_mails_total" in text
    assert b"cssmtp_spool_depth" not in text


class Told:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def wants(self, kind: type[Event], variant: str) -> bool:
        return kind is MetricsFailed

    def handle(self, event: Event) -> None:
        self.events.append(event)


async def test_an_address_that_is_taken_and_a_missing_library_are_told_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    bus, told = Bus(), Told()
    bus.subscribe(told)
    server = Exposition(sums(), lambda: READINGS, lambda: SPOOL)
    port = await server.start("127.0.0.1", 0)
    async with exposed(f"127.0.0.1:{port}", bus, lambda: READINGS, lambda: SPOOL):
        pass
    await server.stop()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    async with exposed("127.0.0.1:1", bus, lambda: READINGS, lambda: SPOOL):
        pass
    reasons = [event.reason for event in told.events if isinstance(event, MetricsFailed)]
    assert len(reasons) == 2
    assert "extra: metrics" in reasons[1]
    assert REFUSED.reason
