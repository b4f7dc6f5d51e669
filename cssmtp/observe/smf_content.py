"""From events to SMF records: what stands in which field.

Promises: pure; every value comes from the event, from what is known of the gateway (`Origin`) or of a connection, or is
the documented "not known" of its field (smf119.md 6 to 9 and 11). Mails have a module of their own, `smf_mail`.
Never: keeps, writes, or decides whether a record is wanted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cssmtp.config.grammar import Parameter
from cssmtp.config.model import Configuration
from cssmtp.config.schema import SCHEMA
from cssmtp.config.write import blocks, spellings
from cssmtp.observe.events import (
    Cause,
    ConnectionClosed,
    ConnectionOpened,
    SpoolFile,
    SpoolFileEnded,
)
from cssmtp.observe.readings import ExtendedReading, Readings
from cssmtp.observe.smf import Record
from cssmtp.observe.smf_fields import hundredths
from cssmtp.observe.smf_format import Entry
from cssmtp.observe.smf_layouts import COMPONENT, REASON_EVENT, SECTIONS, Subtype
from cssmtp.observe.tally import Tally


@dataclass(frozen=True, slots=True)
class Origin:
    """What all records say about the gateway. `started` is aware local time; `process` the process id; `stack` of option -p."""

    system_name: str
    job: str
    user: str
    writer: str
    version: str
    started: datetime
    process: int = 0
    stack: str = ""


def _record(
    origin: Origin, subtype: Subtype, now: datetime, sections: tuple[Entry, ...], own: dict[str, tuple[Entry, ...]]
) -> Record:
    absent = len(SECTIONS[subtype]) - len(sections)
    moved = now.replace(microsecond=now.microsecond // 10_000 * 10_000, tzinfo=None)
    return Record(
        subtype,
        moved,
        origin.system_name[:4],
        identification(origin),
        (*((entry,) for entry in sections), *((),) * absent),
        own,
    )


@functools.lru_cache(maxsize=4)
def identification(origin: Origin) -> Entry:
    """The identification section of all records."""
    return {
        "SMF119TI_SysName": origin.system_name,
        "SMF119TI_SysplexName": "",
        "SMF119TI_Stack": origin.stack,
        "SMF119TI_ReleaseID": "",
        "SMF119TI_Comp": COMPONENT,
        "SMF119TI_ASName": origin.job,
        "SMF119TI_UserID": origin.user.upper(),
        "SMF119TI_ASID2": origin.process & 0xFFFF,
        "SMF119TI_Reason": REASON_EVENT,
    }


@functools.lru_cache(maxsize=4)
def common(origin: Origin) -> Entry:
    """The common information section of all records."""
    return {
        "SMF119ML_CI_JOB": origin.job,
        "SMF119ML_CI_Entry": hundredths(origin.started),
        "SMF119ML_CI_EDate": origin.started.date(),
        "SMF119ML_CI_USEID": "",
        "SMF119ML_CI_EXTWRT": origin.writer,
        "SMF119ML_CI_Jes": "",
    }


def spool_identification(file: SpoolFile) -> Entry:
    """The spool identification section."""
    digits = "".join(character for character in file.jobid if character in "0123456789")
    return {
        "SMF119ML_SI_Job": file.jobname,
        "SMF119ML_SI_Entry": 0,
        "SMF119ML_SI_EDate": None,
        "SMF119ML_SI_USEID": "",
        "SMF119ML_SI_JobId": file.jobid,
        "SMF119ML_SI_SYS": "",
        "SMF119ML_SI_XEQ": file.node,
        "SMF119ML_SI_CRER": file.owner,
        "SMF119ML_SI_TKID": file.tkid,
        "SMF119ML_SI_Jnum": int(digits) if digits else 0,
        "SMF119ML_SI_Dsky": 0,
        "SMF119ML_SI_Dsnm": file.dsid,
    }


def settings(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Every statement and parameter in effect with its value, as in a configuration file; those that repeat are numbered."""
    for row in SCHEMA.statements:
        value = getattr(configuration, row.field)
        if isinstance(row, Parameter):
            for number, text in enumerate(spellings(row, value), 1):
                yield (f"{row.name}[{number}]" if row.repeatable else row.name), text
            continue
        for number, block in enumerate(blocks(row, value), 1):
            name = f"{row.name}[{number}]" if row.repeatable else row.name
            yield from _parameters(name, block)


def _parameters(statement: str, block: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen: dict[str, int] = {}
    for parameter, text in block:
        seen[parameter] = number = seen.get(parameter, 0) + 1
        yield f"{statement}.{parameter}" + (f"[{number}]" if number > 1 else ""), text


def config_record(origin: Origin, configuration: Configuration, cause: Cause, now: datetime) -> Record:
    """Subtype 48: a configuration came into effect at `now`."""
    own: dict[str, tuple[Entry, ...]] = {
        "configuration": (
            {
                "since": now.astimezone(UTC),
                "cause": cause.value.upper(),
                "test_mode": configuration.options.test_mode,
                "mbcs": configuration.mbcs,
                "log_level": configuration.log_level,
                "targets": len(configuration.targets),
                "user_exit": configuration.user_exit.value,
                "version": origin.version,
                "source": configuration.source,
            },
        ),
        "settings": tuple({"name": name, "value": value} for name, value in settings(configuration)),
    }
    return _record(origin, Subtype.CONFIG, now, (common(origin),), own)


def connect_record(origin: Origin, opened: ConnectionOpened, closed: ConnectionClosed, now: datetime) -> Record:
    """Subtype 49: the connection that began with `opened` has ended."""
    ended = now.astimezone(UTC)
    entry: Entry = {
        "opened": ended - timedelta(seconds=closed.seconds),
        "closed": ended,
        "key": closed.key,
        "local_port": opened.local_port,
        "port": closed.port,
        "esmtp": opened.esmtp,
        "secure": opened.secure,
        "encrypted": bool(opened.tls_protocol),
        "tls_bits": opened.tls_bits,
        "tls_expires": datetime.fromtimestamp(opened.tls_expires, UTC) if opened.tls_expires else None,
        "tls_protocol": opened.tls_protocol,
        "mails": closed.mails,
        "delivered": closed.delivered,
        "octets": closed.octets,
        "local": opened.local,
        "address": closed.address,
        "server": opened.server,
        "tls_cipher": opened.tls_cipher,
        "tls_subject": opened.tls_subject,
        "tls_issuer": opened.tls_issuer,
        "tls_serial": opened.tls_serial,
        "reason": closed.reason,
    }
    return _record(origin, Subtype.CONNECT, now, (common(origin),), {"connection": (entry,)})


def spool_record(origin: Origin, event: SpoolFileEnded, begun: datetime | None, now: datetime) -> Record:
    """Subtype 51: a spool file, taken at `begun`, has been disposed of."""
    counts, file = event.counts, event.file
    entry: Entry = {
        "begun": begun.astimezone(UTC) if begun else None,
        "ended": now.astimezone(UTC),
        "records": counts.records,
        "octets": counts.octets,
        "mails": counts.mails,
        "sent": counts.sent,
        "undeliverable": counts.undeliverable,
        "rejected": counts.rejected,
        "discarded": counts.discarded,
        "errors": counts.errors,
        "faults": event.faults,
        "disposition": event.disposition.value,
        "spool_id": file.id,
        "writer": file.writer,
        "name": file.name,
    }
    own: dict[str, tuple[Entry, ...]] = {"spool_file": (entry,)}
    if counts.parked:
        own["parked"] = ({"extended": counts.parked},)
    return _record(origin, Subtype.SPOOL, now, (common(origin), spool_identification(file)), own)


NO_EXTENDED_RETRY = ExtendedReading()


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of statistics: since when, whether the gateway ends with it, what the gauges saw, memory in bytes.

    `before` is extended retry at its beginning.
    """

    begun: datetime
    final: bool
    readings: Readings
    long_retry_peak: int
    storage: int
    extended_peak: int = 0
    before: ExtendedReading = NO_EXTENDED_RETRY


def stats_record(origin: Origin, sums: Tally, interval: Interval, now: datetime) -> Record:
    """Subtype 52: the statistics of an interval that ends at `now`."""
    readings = interval.readings
    entry: Entry = {
        "begun": interval.begun.astimezone(UTC),
        "ended": now.astimezone(UTC),
        "final": interval.final,
        "files_deleted": sums.files["delete"],
        "files_kept": sums.files["keep"],
        "files_held": sums.files["hold"],
        "files_bad": sums.files_bad,
        "mails_sent": sums.mails["sent"],
        "mails_partly": sums.mails["partly"],
        "mails_undeliverable": sums.mails["undeliverable"],
        "mails_rejected": sums.mails["rejected"],
        "mails_discarded": sums.mails["discarded"],
        "octets": sums.octets,
        "recipients_delivered": sums.delivered,
        "recipients_failed": sums.failed,
        "long_retries": sums.retries,
        "notices": sums.notices,
        "dead_letters": sums.letters["stored"],
        "substitutions": sums.substitutions,
        "waiting": readings.waiting,
        "long_retry": readings.long_retry,
        "long_retry_peak": interval.long_retry_peak,
        "tasks": readings.tasks,
        "oldest": int(readings.oldest_seconds),
        "storage": interval.storage,
    }
    targets: tuple[Entry, ...] = tuple(
        {
            "port": port,
            "opened": target.opened,
            "closed": target.closed,
            "failures": target.failures,
            "mails": target.mails,
            "octets": target.octets,
            "address": address,
        }
        for (address, port), target in sorted(sums.targets.items())
    )
    answers: tuple[Entry, ...] = tuple({"reply_class": name, "count": count} for name, count in sorted(sums.answers.items()))
    own: dict[str, tuple[Entry, ...]] = {"statistics": (entry,), "targets": targets, "answers": answers}
    if (extended := readings.extended) is not None:
        came, expired = extended.total - interval.before.total, extended.expired - interval.before.expired
        own["extended"] = ({"current": extended.current, "peak": interval.extended_peak, "came": came, "expired": expired},)
    return _record(origin, Subtype.STATS, now, (common(origin),), own)
