"""Metrics: sums and gauges as Prometheus has them, and THE table of their names.

Promises: every name stands in METRICS; counters only grow; a gauge whose source does not exist is left out, never shown as 0.
Never: imports prometheus_client unless `families` is called, counts anything itself (that is `tally`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from cssmtp.observe.readings import Readings
from cssmtp.observe.tally import Histogram, Tally

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

RESULTS = ("sent", "partly", "undeliverable", "rejected", "discarded")
DISPOSITIONS = ("delete", "keep", "hold")
LETTERS = ("stored", "deleted", "failed")
CLASSES = ("2", "4", "5", "none")
"""Values of labels that are exported from the start, so that a rate over the first of a kind is right."""


@dataclass(frozen=True, slots=True)
class Name:
    """One metric: name, type (counter, gauge, histogram), what it tells, names of its labels."""

    name: str
    type: str
    text: str
    labels: tuple[str, ...] = ()


METRICS = (
    Name("cssmtp_build_info", "gauge", "Version of the gateway; always 1.", ("version",)),
    Name("cssmtp_mails_total", "counter", "Mails that ended, by result.", ("result",)),
    Name("cssmtp_mail_octets_total", "counter", "Size of the mails that ended, in bytes."),
    Name("cssmtp_mail_seconds", "histogram", "Time from reading a mail to its end."),
    Name("cssmtp_recipients_total", "counter", "Recipients that ended, by whether they were delivered.", ("result",)),
    Name("cssmtp_answers_total", "counter", "Last answers per recipient and attempt, by class of reply.", ("reply_class",)),
    Name("cssmtp_long_retries_total", "counter", "Times a mail went to long retry."),
    Name("cssmtp_spool_files_total", "counter", "Spool files that ended, by what became of them.", ("disposition",)),
    Name("cssmtp_spool_files_bad_total", "counter", "Bad spool files among those that ended."),
    Name("cssmtp_spool_faults_total", "counter", "Errors found in spool files."),
    Name("cssmtp_notices_total", "counter", "Undeliverable notices that were accepted."),
    Name("cssmtp_dead_letters_total", "counter", "Dead letters, by what became of them.", ("result",)),
    Name("cssmtp_substituted_characters_total", "counter", "Characters that the target's Charset lacked."),
    Name("cssmtp_connections_opened_total", "counter", "Connections made ready for mail.", ("address", "port", "tls")),
    Name("cssmtp_connections_closed_total", "counter", "Connections that ended.", ("address", "port")),
    Name("cssmtp_connection_mails_total", "counter", "Mails answered on connections that ended.", ("address", "port")),
    Name("cssmtp_connection_octets_total", "counter", "Bytes sent on connections that ended.", ("address", "port")),
    Name("cssmtp_connection_seconds", "histogram", "How long connections lasted."),
    Name("cssmtp_target_failures_total", "counter", "Times a target server became unusable.", ("address", "port")),
    Name("cssmtp_target_up", "gauge", "1 when the target server can be used, 0 when not.", ("address", "port")),
    Name("cssmtp_target_connections", "gauge", "Open connections to the target server.", ("address", "port")),
    Name("cssmtp_spool_depth", "gauge", "Spool files by state.", ("state",)),
    Name("cssmtp_spool_tasks", "gauge", "Spool files being worked on."),
    Name("cssmtp_mails_waiting", "gauge", "Mails that wait for a connection."),
    Name("cssmtp_retry_mails", "gauge", "Mails that wait for another try, by queue.", ("queue",)),
    Name("cssmtp_extended_retries_total", "counter", "Mails that went into extended retry; absent without one."),
    Name("cssmtp_extended_retries_expired_total", "counter", "Of which some recipients never got it: Age reached, or flushed."),
    Name("cssmtp_oldest_mail_seconds", "gauge", "How long ago the oldest mail still in work was read; 0 = there is none."),
    Name("cssmtp_checkpoint_commits_total", "counter", "Commits of the checkpoint; absent without a checkpoint."),
)
"""Every metric that can be exported."""

_BY_NAME = {metric.name: metric for metric in METRICS}

Sample = tuple[tuple[str, ...], float]
"""Values of the labels in their order, and the value."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one scrape shows. `spool` counts spool files by state; empty when that cannot be read."""

    version: str
    sums: Tally
    readings: Readings
    spool: Mapping[str, int]


def samples(scrape: Scrape) -> Iterator[tuple[Name, list[Sample]]]:
    """The values of all metrics but the histograms. A metric without samples is left out."""
    found: dict[str, list[Sample]] = {
        "cssmtp_build_info": [((scrape.version,), 1)],
        **_sums(scrape.sums),
        **_targets(scrape.sums),
        **_gauges(scrape.readings, scrape.spool),
    }
    for metric in METRICS:
        if found.get(metric.name):
            yield metric, found[metric.name]


def _sums(sums: Tally) -> dict[str, list[Sample]]:
    return {
        "cssmtp_mails_total": _labelled(sums.mails, RESULTS),
        "cssmtp_mail_octets_total": [((), sums.octets)],
        "cssmtp_recipients_total": [(("delivered",), sums.delivered), (("failed",), sums.failed)],
        "cssmtp_answers_total": _labelled(sums.answers, CLASSES),
        "cssmtp_long_retries_total": [((), sums.retries)],
        "cssmtp_spool_files_total": _labelled(sums.files, DISPOSITIONS),
        "cssmtp_spool_files_bad_total": [((), sums.files_bad)],
        "cssmtp_spool_faults_total": [((), sums.faults)],
        "cssmtp_notices_total": [((), sums.notices)],
        "cssmtp_dead_letters_total": _labelled(sums.letters, LETTERS),
        "cssmtp_substituted_characters_total": [((), sums.substitutions)],
    }


def _labelled(counts: Mapping[str, int], names: Iterable[str]) -> list[Sample]:
    return [((name,), counts.get(name, 0)) for name in names]


def _targets(sums: Tally) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for (address, port), target in sorted(sums.targets.items()):
        place = (address, str(port))
        opened = found.setdefault("cssmtp_connections_opened_total", [])
        opened += [((*place, "no"), target.opened - target.opened_tls), ((*place, "yes"), target.opened_tls)]
        for name, value in (
            ("cssmtp_connections_closed_total", target.closed),
            ("cssmtp_connection_mails_total", target.mails),
            ("cssmtp_connection_octets_total", target.octets),
            ("cssmtp_target_failures_total", target.failures),
        ):
            found.setdefault(name, []).append((place, value))
    return found


def _gauges(readings: Readings, spool: Mapping[str, int]) -> dict[str, list[Sample]]:
    known = [target for target in readings.targets if target.state != "unknown"]
    found: dict[str, list[Sample]] = {
        "cssmtp_target_up": [((one.address, str(one.port)), one.state == "up") for one in known],
        "cssmtp_target_connections": [((one.address, str(one.port)), one.connections) for one in readings.targets],
        "cssmtp_spool_depth": [((state,), number) for state, number in sorted(spool.items())],
        "cssmtp_spool_tasks": [((), readings.tasks)],
        "cssmtp_mails_waiting": [((), readings.waiting)],
        "cssmtp_retry_mails": [(("long",), readings.long_retry)],
        "cssmtp_oldest_mail_seconds": [((), readings.oldest_seconds)],
    }
    if (extended := readings.extended) is not None:
        found["cssmtp_retry_mails"].append((("extended",), extended.current))
        found["cssmtp_extended_retries_total"] = [((), extended.total)]
        found["cssmtp_extended_retries_expired_total"] = [((), extended.expired)]
    if readings.commits is not None:
        found["cssmtp_checkpoint_commits_total"] = [((), readings.commits)]
    return found


def families(scrape: Scrape) -> Iterator[Metric]:
    """The metrics as prometheus_client takes them. Raises ImportError without the `metrics` extra."""
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    for metric, values in samples(scrape):
        make = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
        family = make(metric.name, metric.text, labels=metric.labels)
        for labels, value in values:
            family.add_metric(labels, value)
        yield family
    for name, histogram in (
        ("cssmtp_mail_seconds", scrape.sums.mail_seconds),
        ("cssmtp_connection_seconds", scrape.sums.connection_seconds),
    ):
        metric = _BY_NAME[name]
        yield HistogramMetricFamily(name, metric.text, buckets=_buckets(histogram), sum_value=histogram.total)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in histogram.bounds), "+Inf"]
    return list(zip(bounds, (float(count) for count in accumulate(histogram.buckets)), strict=True))
