"""From events to SMF records: what stands in which field.

Promises: pure; every value comes from the event, from what is known of the gateway (`Origin`) or of a connection (`Wire`), or is
the documented "not known" of its field (smf119.md 6 to 9 and 11).
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
from cssmtp.model import Verdict
from cssmtp.observe.events import (
    Cause,
    ConnectionClosed,
    ConnectionOpened,
    MailDiscarded,
    MailEnded,
    MailRejected,
    SpoolFile,
    SpoolFileEnded,
)
from cssmtp.observe.readings import Readings
from cssmtp.observe.smf import Record
from cssmtp.observe.smf_fields import Constant, Entry, hundredths
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


@dataclass(frozen=True, slots=True)
class Wire:
    """What is known of a target's latest connection: whether clear mail goes to it with TLS, and which TLS it speaks."""

    secure: bool = False
    tls_protocol: str = ""


UNKNOWN_WIRE = Wire()


def _record(
    origin: Origin, subtype: Subtype, now: datetime, sections: tuple[Entry, ...], own: dict[str, tuple[Entry, ...]]
) -> Record:
    absent = len(SECTIONS[subtype]) - len(sections)
    moved = now.replace(microsecond=now.microsecond // 10_000 * 10_000, tzinfo=None)
    return Record(
        subtype,
        moved,
        origin.system_name[:4],
        _identification(origin),
        (*((entry,) for entry in sections), *((),) * absent),
        own,
    )


@functools.lru_cache(maxsize=4)
def _identification(origin: Origin) -> Entry:
    return Constant(
        {
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
    )


@functools.lru_cache(maxsize=4)
def _common(origin: Origin) -> Entry:
    return Constant(
        {
            "SMF119ML_CI_JOB": origin.job,
            "SMF119ML_CI_Entry": hundredths(origin.started),
            "SMF119ML_CI_EDate": origin.started.date(),
            "SMF119ML_CI_USEID": "",
            "SMF119ML_CI_EXTWRT": origin.writer,
            "SMF119ML_CI_Jes": "",
        }
    )


@functools.lru_cache(maxsize=64)
def _spool_identification(file: SpoolFile) -> Entry:
    digits = "".join(character for character in file.jobid if character in "0123456789")
    return Constant(
        {
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
    )


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
    return _record(origin, Subtype.CONFIG, now, (_common(origin),), own)


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
    return _record(origin, Subtype.CONNECT, now, (_common(origin),), {"connection": (entry,)})


def mail_record(origin: Origin, event: MailEnded, wires: dict[str, Wire], now: datetime) -> Record:
    """Subtype 50: a mail has ended. `wires` knows the targets by address."""
    required = event.envelope.tls_required
    reached = [wires.get(one.target, UNKNOWN_WIRE) for one in event.outcomes if one.verdict is Verdict.DELIVERED]
    encrypted = bool(reached) and all(required or wire.secure for wire in reached)
    target = event.address
    recipients: list[Entry] = [
        {"verdict": outcome.verdict.value, "address": address, "target": outcome.target, "reason": outcome.reason}
        for address, outcome in zip(event.envelope.recipients, event.outcomes, strict=False)
    ]
    recipients += [
        {"verdict": Verdict.UNDELIVERABLE.value, "address": bad.text, "target": "", "reason": bad.reply}
        for bad in event.envelope.bad_recipients
    ]
    entry: Entry = {
        "number": event.mail,
        "octets": event.size,
        "tries": event.tries,
        "recipients": len(recipients),
        "delivered": event.delivered,
        "result": event.result.value,
        "tls_required": required,
        "encrypted": encrypted,
        "tls_protocol": wires.get(target, UNKNOWN_WIRE).tls_protocol if encrypted else "",
        "sender": event.envelope.reverse_path,
        "target": target,
        "reason": event.reason,
    }
    return _mail(origin, event.file, entry, recipients, event.seconds, now)


def discarded_record(origin: Origin, event: MailDiscarded, now: datetime) -> Record:
    """Subtype 50 of a mail that test mode discarded."""
    envelope = event.envelope
    entry: Entry = {
        "number": event.mail,
        "octets": event.size,
        "tries": 0,
        "recipients": len(envelope.recipients) + len(envelope.bad_recipients),
        "delivered": 0,
        "result": "discarded",
        "tls_required": envelope.tls_required,
        "encrypted": False,
        "tls_protocol": "",
        "sender": envelope.reverse_path,
        "target": "",
        "reason": "",
    }
    return _mail(origin, event.file, entry, [], 0.0, now)


def rejected_record(origin: Origin, event: MailRejected, now: datetime) -> Record:
    """Subtype 50 of a mail that was never sent for errors of the deck."""
    entry: Entry = dict.fromkeys(("octets", "tries", "recipients", "delivered"), 0)
    entry |= {"number": event.mail, "result": "rejected", "tls_required": False, "encrypted": False}
    entry |= {"tls_protocol": "", "sender": "", "target": "", "reason": event.reply}
    return _mail(origin, event.file, entry, [], 0.0, now)


def _mail(origin: Origin, file: SpoolFile, entry: Entry, recipients: list[Entry], seconds: float, now: datetime) -> Record:
    began = now - timedelta(seconds=seconds)
    entry |= {"read": began.astimezone(UTC), "ended": now.astimezone(UTC), "spool_id": file.id}
    identification: Entry = {"SMF119ML_MI_STime": hundredths(began)}
    sections = (_common(origin), _spool_identification(file), identification)
    return _record(origin, Subtype.MAIL, now, sections, {"mail": (entry,), "recipients": tuple(recipients)})


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
    return _record(origin, Subtype.SPOOL, now, (_common(origin), _spool_identification(file)), {"spool_file": (entry,)})


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of statistics: since when, whether the gateway ends with it, what the gauges saw, memory in bytes."""

    begun: datetime
    final: bool
    readings: Readings
    long_retry_peak: int
    storage: int


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
    own = {"statistics": (entry,), "targets": targets, "answers": answers}
    return _record(origin, Subtype.STATS, now, (_common(origin),), own)
