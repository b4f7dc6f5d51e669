"""The displays of what runs: IPLIST, LOGLEVEL, SPOOLSTATUS, TARGETS (operator-commands.md 4 and 12).

Promises: pure, one snapshot in, one `Listing` out; text and JSON are made of the same fields. The labels `GLOBAL INFORMATION`,
`CURRENT RETRY`, `EXTENDED RETRY` and `CURRENT` are IBM's and stay to the letter; all other layout is ours: one field a line,
label in capitals, colon, value; a title first and `n RECORDS DISPLAYED` last.
Never: asks anything that runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cssmtp import messages
from cssmtp.messages import Level, Title, plain
from cssmtp.observe.readings import ExtendedReading
from cssmtp.observe.snapshot import Snapshot, TargetStatus, TaskStatus

LABEL = 19
"""Width of a label and its indentation."""

VALUE_LIMIT = 256
"""Octets of a value that are shown; servers may say more."""

ABSENT = "NONE"
UNKNOWN = "UNKNOWN"

Value = str | int | datetime | None


@dataclass(frozen=True, slots=True)
class Field:
    """A label and its value; a time is shown to the second, one that is not there as `absent`."""

    label: str
    value: Value
    absent: str = ABSENT

    @property
    def text(self) -> str:
        match self.value:
            case None | "":
                return self.absent
            case datetime():
                return self.value.isoformat(timespec="seconds")
            case _:
                return plain(str(self.value), VALUE_LIMIT)

    @property
    def key(self) -> str:
        """The name of the field in JSON."""
        return re.sub(r"[^a-z0-9]+", "_", self.label.lower())

    @property
    def plain_value(self) -> str | int | None:
        return self.value.isoformat() if isinstance(self.value, datetime) else self.value


@dataclass(frozen=True, slots=True)
class Section:
    """Fields that belong together, with a heading or, as records of a list have none, without."""

    fields: tuple[Field, ...]
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A display: general sections, then records of one kind."""

    title: Title
    sections: tuple[Section, ...] = ()
    records: tuple[Section, ...] = ()
    counted: bool = True

    def lines(self) -> list[str]:
        """The display for people."""
        found = [f"{self.title.id} {self.title.text}"]
        for section in self.sections:
            found += [f"  {section.heading}"] if section.heading else []
            found += [_line(field, 4 if section.heading else 2) for field in section.fields]
        for record in self.records:
            found += [_line(field, 4 if place else 2) for place, field in enumerate(record.fields)]
        if self.counted:
            found.append(f"{len(self.records)} RECORDS DISPLAYED")
        return found

    def to_json(self) -> dict[str, Any]:
        """The same for programs: each heading an object, the records a list."""
        found: dict[str, Any] = {"id": self.title.id}
        for section in self.sections:
            fields = {field.key: field.plain_value for field in section.fields}
            if section.heading:
                found[section.heading.lower().replace(" ", "_")] = fields
            else:
                found |= fields
        if self.counted:
            found["records"] = [{field.key: field.plain_value for field in record.fields} for record in self.records]
        return found


def _line(field: Field, indent: int) -> str:
    return f"{' ' * indent}{field.label:<{LABEL + 4 - indent}}: {field.text}"


def ip_list(snapshot: Snapshot) -> Listing:
    """DISPLAY,IPLIST: every address in use, with its preference."""
    return Listing(
        messages.IPLIST_TITLE,
        records=tuple(
            Section(
                (
                    Field("PREFERENCE", target.preference),
                    Field("IP ADDRESS", target.address),
                    Field("PORT", target.port),
                    Field("SOURCE", target.source),
                )
            )
            for target in snapshot.targets
        ),
    )


def log_level(snapshot: Snapshot) -> Listing:
    """DISPLAY,LOGLEVEL: the level in force and the names of its bits."""
    names = " ".join(level.name for level in Level if level & snapshot.log_level and level.name)
    fields = (Field("LOGLEVEL", snapshot.log_level), Field("ACTIVE", names))
    return Listing(messages.LOGLEVEL_TITLE, (Section(fields),), counted=False)


def spool_status(snapshot: Snapshot) -> Listing:
    """DISPLAY,SPOOLSTATUS,SUMMARY: one entry per task that processes a spool file."""
    return Listing(messages.SPOOLSTATUS_TITLE, records=tuple(Section(_summary(task)) for task in snapshot.tasks))


def spool_detail(snapshot: Snapshot, tkid: int | None = None) -> Listing | None:
    """DISPLAY,SPOOLSTATUS,DETAIL: all tasks that are not idle, or that with `tkid`; None when there is no such task."""
    tasks = [task for task in snapshot.tasks if tkid is None or task.tkid == tkid]
    if tkid is not None and not tasks:
        return None
    return Listing(messages.SPOOLDETAIL_TITLE, records=tuple(Section(_summary(task) + _detail(task)) for task in tasks))


def _summary(task: TaskStatus) -> tuple[Field, ...]:
    return (
        Field("TKID", task.tkid),
        Field("TYPE", task.pool),
        Field("STATE", task.state.value),
        Field("JOBNAME", task.file.jobname),
        Field("JOBID", task.file.jobid),
        Field("PENDING", task.pending),
        Field("LONG RETRY", task.retrying),
    )


def _detail(task: TaskStatus) -> tuple[Field, ...]:
    return (
        Field("OWNER", task.file.owner),
        Field("ORIGIN NODE", task.file.node),
        Field("DATA SET NUMBER", task.file.dsid),
        Field("SPOOL FILE", task.file.id),
        Field("RECORDS READ", task.records),
        Field("MAIL READ", task.read),
        Field("MAIL SENT", task.sent),
        Field("MAIL FAILED", task.failed),
        Field("OLDEST RETRY", task.oldest_retry),
    )


def targets(snapshot: Snapshot, address: str = "") -> Listing | None:
    """DISPLAY,TARGETS: the sums, then each server, or only that with `address`; None when there is none such."""
    chosen = [target for target in snapshot.targets if not address or target.address.lower() == address]
    if address and not chosen:
        return None
    return Listing(messages.TARGETS_TITLE, tuple(_sums(snapshot)), tuple(Section(_target(target)) for target in chosen))


def _sums(snapshot: Snapshot) -> Iterable[Section]:
    yield Section(
        (
            Field("TARGETS", len(snapshot.targets)),
            Field("ACTIVE CONNECTIONS", snapshot.connections),
            Field("CURRENT RETRY", snapshot.retrying),
            Field("WAITING", snapshot.waiting),
            Field("TOTAL SENT", snapshot.sent),
            Field("TOTAL FAILED", snapshot.failed),
        ),
        "GLOBAL INFORMATION",
    )
    state = Field("STATE", "INACTIVE" if snapshot.extended is None else "ACTIVE")
    extended = snapshot.extended or ExtendedReading()
    fields = (Field("CURRENT", extended.current), Field("TOTAL", extended.total), Field("EXPIRED", extended.expired), state)
    yield Section(fields, "EXTENDED RETRY")


def _target(target: TargetStatus) -> tuple[Field, ...]:
    tls = "REQUIRED" if target.secure else "OFFERED" if target.tls else "NO" if target.protocol else ""
    return (
        Field("IP ADDRESS", target.address),
        Field("PORT", target.port),
        Field("STATE", target.state),
        Field("REASON", target.reason),
        Field("TYPE", target.protocol, UNKNOWN),
        Field("SIZE", target.size or None, "NO LIMIT KNOWN"),
        Field("TLS", tls, UNKNOWN),
        Field("CONNECTIONS", target.connections),
        Field("SENT", target.sent),
        Field("LAST REPLY", target.last_reply),
    )
