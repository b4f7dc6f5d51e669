"""SMF records as people and programs read them: rows, objects, filters, sums.

Promises: pure; works on records of CSSMTP itself as well, with what their known sections have (smf119.md 4 to 9).
Never: reads files, prints.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from fnmatch import fnmatchcase

from cssmtp.observe.smf import Record
from cssmtp.observe.smf_format import Entry, Format, Value
from cssmtp.observe.smf_layouts import GROUPS, KINDS, SECTIONS, SPOOL_IDENTIFICATION, Subtype

FAILED = frozenset({"partly", "undeliverable", "rejected"})
"""Results of a mail that somebody has to look at."""

_LAYOUTS = {kind.name: kind.layout for kind in KINDS}


def plain_value(value: Value) -> object:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def main(record: Record) -> Entry:
    """The values of the first group of our area."""
    return record.first(GROUPS[record.subtype][0])


def spool_identification(record: Record) -> Entry:
    """The spool identification section, {} when the record has none."""
    for layout, section in zip(SECTIONS[record.subtype], record.sections, strict=False):
        if layout is SPOOL_IDENTIFICATION and section and not isinstance(section[0], bytes):
            return section[0]
    return {}


def to_object(record: Record) -> dict[str, object]:
    """Everything the record says, for JSON. Sections without a known layout are in hexadecimal."""
    sections: dict[str, object] = {}
    layouts = [*SECTIONS[record.subtype], *[None] * len(record.sections)]
    for number, (section, layout) in enumerate(zip(record.sections, layouts, strict=False), 1):
        for entry in section:
            known = layout is not None and not isinstance(entry, bytes)
            name = layout.name if known and layout is not None else f"section {number}"
            sections[name] = entry.hex() if isinstance(entry, bytes) else _plain(entry)
    return {
        "time": record.moved.isoformat(timespec="milliseconds"),
        "subtype": int(record.subtype),
        "name": record.subtype.name,
        "system": record.system_id,
        "version": record.version,
        "identification": _plain(record.identification),
        "sections": sections,
        **{name: _group(record, name, entries) for name, entries in record.own.items()},
    }


def _plain(entry: Entry) -> dict[str, object]:
    return {name: plain_value(value) for name, value in entry.items()}


def _group(record: Record, name: str, entries: tuple[Entry, ...]) -> object:
    """The first group of a record has one entry, settings are pairs, the rest are lists."""
    if name == GROUPS[record.subtype][0]:
        return _plain(record.first(name))
    if name == "settings":
        return {str(entry["name"]): entry["value"] for entry in entries}
    return [_plain(entry) for entry in entries]


# --- flat rows


@dataclass(frozen=True, slots=True)
class Row:
    """A record in one line: what all have in common, and in words what it says."""

    time: str
    name: str
    job: str
    job_id: str
    owner: str
    mail: str
    target: str
    result: str
    encrypted: str
    octets: str
    text: str


def row(record: Record) -> Row:
    """The line of a record. What does not apply is ""."""
    values, spool = main(record), spool_identification(record)

    def shown(name: str) -> str:
        value = values.get(name, "")
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)

    return Row(
        time=record.moved.isoformat(sep=" ", timespec="milliseconds")[:-1],
        name=record.subtype.name,
        job=str(spool.get("SMF119ML_SI_Job", "")),
        job_id=str(spool.get("SMF119ML_SI_JobId", "")),
        owner=str(spool.get("SMF119ML_SI_CRER", "")),
        mail=shown("number"),
        target=shown("target") or shown("address"),
        result=shown("result") or shown("disposition") or shown("cause").lower(),
        encrypted=shown("encrypted") if values.get("delivered", 1) else "",
        octets=shown("octets"),
        text=_words(record.subtype, values) if values else "no area of ours",
    )


def _words(subtype: Subtype, values: Entry) -> str:
    match subtype:
        case Subtype.CONFIG:
            test_mode = "on" if values["test_mode"] else "off"
            return f"{values['source']}, test mode {test_mode}, log level {values['log_level']}, targets {values['targets']}"
        case Subtype.CONNECT:
            security = f"{values['tls_protocol']} {values['tls_cipher']}" if values["encrypted"] else "no TLS"
            return f"port {values['port']}, mails {values['mails']}, {security}: {values['reason']}"
        case Subtype.MAIL:
            return f"<{values['sender']}>, delivered {values['delivered']} of {values['recipients']}: {values['reason']}"
        case Subtype.SPOOL:
            return (
                f"mails {values['mails']}, sent {values['sent']}, undeliverable {values['undeliverable']}, "
                f"rejected {values['rejected']}, discarded {values['discarded']}, errors {values['errors']}"
            )
        case Subtype.STATS:
            return (
                f"sent {values['mails_sent']}, partly {values['mails_partly']}, undeliverable {values['mails_undeliverable']}, "
                f"waiting {values['waiting']}, long retry {values['long_retry']}"
            )


CSV_COMMON = ("time", "subtype", "job", "job_id", "owner", "tkid")


def csv_columns(subtypes: frozenset[Subtype]) -> tuple[str, ...]:
    """The columns of records of these subtypes: common ones, then the fields of each subtype's first group."""
    names = dict.fromkeys(CSV_COMMON)
    for subtype in sorted(subtypes):
        fields = _LAYOUTS[GROUPS[subtype][0]].fields
        names |= dict.fromkeys(one.name for one in fields if one.format is not Format.ZEROS)
    return tuple(names)


def csv_row(record: Record) -> dict[str, object]:
    """The values of a record by column."""
    spool = spool_identification(record)
    return {
        "time": record.moved.isoformat(timespec="milliseconds"),
        "subtype": int(record.subtype),
        "job": spool.get("SMF119ML_SI_Job", ""),
        "job_id": spool.get("SMF119ML_SI_JobId", ""),
        "owner": spool.get("SMF119ML_SI_CRER", ""),
        "tkid": spool.get("SMF119ML_SI_TKID", ""),
        **_plain(main(record)),
    }


# --- filters


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are asked for. `job` and `owner` are patterns in capitals with * and ?, "" = any."""

    subtypes: frozenset[Subtype] = frozenset(Subtype)
    job: str = ""
    owner: str = ""
    since: datetime | None = None
    unencrypted: bool = False
    failures: bool = False

    def takes(self, record: Record) -> bool:
        """Whether the record is among them."""
        if record.subtype not in self.subtypes or (self.since is not None and record.moved < self.since):
            return False
        spool = spool_identification(record)
        for pattern, name in ((self.job, "SMF119ML_SI_Job"), (self.owner, "SMF119ML_SI_CRER")):
            if pattern and not (spool and fnmatchcase(str(spool[name]), pattern)):
                return False
        return (not self.unencrypted or went_unencrypted(record)) and (not self.failures or failed(record))


def went_unencrypted(record: Record) -> bool:
    """A mail that reached somebody without TLS, or a connection without TLS."""
    values = main(record)
    match record.subtype:
        case Subtype.MAIL:
            return bool(values.get("delivered")) and not values["encrypted"]
        case Subtype.CONNECT:
            return bool(values) and not values["encrypted"]
        case _:
            return False


def failed(record: Record) -> bool:
    """A mail that did not reach everybody, or a bad spool file."""
    values = main(record)
    if record.subtype is Subtype.MAIL:
        return values.get("result") in FAILED
    if record.subtype is Subtype.SPOOL:
        return any(values.get(name) for name in ("undeliverable", "rejected", "errors", "faults"))
    return False


# --- sums


class By(enum.Enum):
    """What sums are made over."""

    JOB = "job"
    OWNER = "owner"
    TARGET = "target"
    RESULT = "result"


@dataclass(slots=True)
class Sums:
    """The mails of one job, owner, target or result."""

    key: str
    mails: int = 0
    sent: int = 0
    partly: int = 0
    undeliverable: int = 0
    rejected: int = 0
    discarded: int = 0
    recipients: int = 0
    delivered: int = 0
    unencrypted: int = 0
    octets: int = 0


@dataclass(slots=True)
class Summary:
    """Adds MAIL records up; for jobs and owners SPOOL records as well, which serve when there are no MAIL records."""

    by: By
    mails: dict[str, Sums] = field(default_factory=dict)
    files: dict[str, Sums] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Add a record; those of other subtypes are passed over."""
        match record.subtype:
            case Subtype.MAIL:
                self._mail(record, main(record))
            case Subtype.SPOOL if self.by in (By.JOB, By.OWNER):
                self._file(record, main(record))

    @property
    def from_files(self) -> bool:
        """Whether the sums are those of SPOOL records."""
        return not self.mails and bool(self.files)

    def rows(self) -> Iterator[Sums]:
        """The sums, most mails first."""
        chosen = self.files if self.from_files else self.mails
        return iter(sorted(chosen.values(), key=lambda sums: (-sums.mails, sums.key)))

    def _key(self, record: Record, values: Entry) -> str:
        spool = spool_identification(record)
        match self.by:
            case By.JOB:
                return str(spool.get("SMF119ML_SI_Job", ""))
            case By.OWNER:
                return str(spool.get("SMF119ML_SI_CRER", ""))
            case By.TARGET:
                return str(values.get("target", ""))
            case By.RESULT:
                return str(values.get("result", ""))

    def _mail(self, record: Record, values: Entry) -> None:
        key = self._key(record, values)
        sums = self.mails.setdefault(key, Sums(key))
        sums.mails += 1
        result = str(values.get("result", ""))
        if result in ("sent", "partly", "undeliverable", "rejected", "discarded"):
            setattr(sums, result, getattr(sums, result) + 1)
        for name in ("recipients", "delivered", "octets"):
            setattr(sums, name, getattr(sums, name) + _count(values, name))
        sums.unencrypted += went_unencrypted(record)

    def _file(self, record: Record, values: Entry) -> None:
        key = self._key(record, values)
        sums = self.files.setdefault(key, Sums(key))
        for name in ("mails", "sent", "undeliverable", "rejected", "discarded", "octets"):
            setattr(sums, name, getattr(sums, name) + _count(values, name))


def _count(values: Entry, name: str) -> int:
    value = values.get(name, 0)
    return value if isinstance(value, int) else 0
