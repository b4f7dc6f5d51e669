"""What stands in the mail directory of extended retry: names, and the content of a control file.

Promises: pure; whatever bytes a control file has, `control_from` gives a `Control` or a reason in one line.
Never: touches a file or a clock.

A mail is a pair: `cf<id>` (JSON: envelope, outcomes, times, where it came from) and `df<id>` (the body's stuffed lines in the
code page of the spool file, so that Charset is applied when the target is known). A pair exists when its cf does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, TypeVar

from cssmtp.engine.retry import given_up
from cssmtp.model import BadRecipient, BodySpan, DeckMail, Envelope, HeaderFacts, Outcome, Verdict
from cssmtp.observe.events import SpoolFile

VERSION = 1

CONTROL, DATA = "cf", "df"
"""What the two names of a pair begin with; in capitals when the pair was set aside (mail-processing.md 12.2)."""

NO_DATA = "its data file is missing"
NO_CONTROL = "its control file is missing: somebody or something else removed it"

_ID = re.compile(r"[A-Za-z0-9._$#@-]{1,200}")
_PAIR = re.compile(rf"({CONTROL}|{DATA})({_ID.pattern})")
UNFINISHED = ".new"
"""Ends the name of a file that is being written."""
FINISHED = ".done"
"""Ends the name of a control file whose mail is done with, while the pair is removed."""


class BadControl(Exception):
    """A control file that cannot be understood. Its text says why."""


@dataclass(frozen=True, slots=True)
class Control:
    """Everything about a waiting mail but its body.

    `mail.body` is a `BodySpan` without meaning: the body is the data file. `added` is the added header as wire lines, `page` the
    code page of the data file. Recipients whose outcome has verdict RETRY are open; those in `told` failed before the mail came
    here, and their notice is the spool file's affair. `tries` counts attempts, `first` is when the mail came here, `due` when
    it is tried next; both aware.
    """

    file: SpoolFile
    mail: DeckMail
    added: str
    page: str
    outcomes: tuple[Outcome, ...]
    told: tuple[int, ...]
    tries: int
    first: datetime
    due: datetime

    @property
    def open(self) -> tuple[int, ...]:
        """Positions of the recipients that are still to be tried."""
        return tuple(place for place, one in enumerate(self.outcomes) if one.verdict is Verdict.RETRY)

    @property
    def accepted(self) -> tuple[Outcome, ...]:
        """The outcomes as the spool file has to see them: who fails here was handed over, and is no affair of the file's."""
        return tuple(
            replace(one, verdict=Verdict.RETRY) if one.verdict is Verdict.UNDELIVERABLE and place not in self.told else one
            for place, one in enumerate(self.outcomes)
        )

    def given_up(self, why: str) -> Control:
        """With everything open undeliverable, for `why` and the last answer."""
        return replace(self, outcomes=tuple(given_up(one, why) for one in self.outcomes))

    def answered(self, outcomes: Iterable[Outcome], due: datetime) -> Control:
        """After one more attempt: `outcomes` of the open recipients in order, and when the next is due."""
        latest = list(self.outcomes)
        for place, outcome in zip(self.open, outcomes, strict=True):
            latest[place] = outcome
        return replace(self, outcomes=tuple(latest), tries=self.tries + 1, due=due)


def pair_id(file: str, mail: int) -> str:
    """The id of a mail's pair: the same each time, so that a mail cannot come in twice."""
    return f"{file}.{mail}"


def mail_of(id: str) -> tuple[str, int]:
    """The reverse of `pair_id`: spool file and mail number; number 0 when the name is none that we have made."""
    file, _, number = id.rpartition(".")
    return file, int(number) if number.isascii() and number.isdigit() and len(number) <= 10 else 0


def pairs(names: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """What the names in a mail directory say: ids of whole pairs in order, and names that lack their other half with the reason.

    Names that are none of ours are passed over.
    """
    ids: dict[str, set[str]] = {CONTROL: set(), DATA: set()}
    for name in names:
        match = _PAIR.fullmatch(name)
        if match and not name.endswith((UNFINISHED, FINISHED)):
            ids[match[1]].add(match[2])
    controls, data = ids[CONTROL], ids[DATA]
    alone = {CONTROL + id: NO_DATA for id in controls - data} | {DATA + id: NO_CONTROL for id in data - controls}
    return sorted(controls & data), alone


def control_text(control: Control) -> bytes:
    """The content of a control file: JSON in ASCII."""
    mail = control.mail
    content = {
        "version": VERSION,
        "file": asdict(control.file),
        "mail": mail.number,
        "envelope": asdict(mail.envelope),
        "header": asdict(mail.header),
        "size": mail.size,
        "added": control.added,
        "page": control.page,
        "outcomes": [[one.verdict.value, one.reason, one.target] for one in control.outcomes],
        "told": control.told,
        "tries": control.tries,
        "first": control.first.isoformat(),
        "due": control.due.isoformat(),
    }
    return json.dumps(content, indent=1).encode("ascii") + b"\n"


def control_from(data: bytes) -> Control:
    """The reverse of `control_text`. Raises `BadControl`."""
    try:
        content = json.loads(data)
        if content["version"] != VERSION:
            raise BadControl(f"its version is {content['version']!r}, this gateway knows {VERSION}")
        control = _control(content)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BadControl(f"its control file cannot be understood: {type(error).__name__}: {error}") from error
    if len(control.outcomes) != len(control.mail.envelope.recipients):
        raise BadControl("its control file has another number of outcomes than of recipients")
    if control.first.tzinfo is None or control.due.tzinfo is None:
        raise BadControl("its control file has times without a zone")
    return control


def _control(content: dict[str, Any]) -> Control:
    envelope = content["envelope"]
    return Control(
        file=_typed(SpoolFile, content["file"]),
        mail=DeckMail(
            number=int(content["mail"]),
            envelope=Envelope(
                hello=str(envelope["hello"]),
                reverse_path=str(envelope["reverse_path"]),
                recipients=tuple(str(each) for each in envelope["recipients"]),
                bad_recipients=tuple(_typed(BadRecipient, each) for each in envelope["bad_recipients"]),
                tls_required=_flag(envelope["tls_required"]),
            ),
            body=BodySpan(0, 0, 0),
            header=_typed(HeaderFacts, content["header"]),
            size=int(content["size"]),
            record=0,
            data_record=0,
        ),
        added=_wire_text(content["added"]),
        page=str(content["page"]),
        outcomes=tuple(Outcome(Verdict(verdict), str(reason), str(target)) for verdict, reason, target in content["outcomes"]),
        told=tuple(int(place) for place in content["told"]),
        tries=int(content["tries"]),
        first=datetime.fromisoformat(content["first"]),
        due=datetime.fromisoformat(content["due"]),
    )


_Kind = TypeVar("_Kind", SpoolFile, BadRecipient, HeaderFacts)

_TYPES: dict[str, type] = {"str": str, "int": int, "bool": bool}


def _typed(kind: type[_Kind], values: dict[str, Any]) -> _Kind:
    """A flat value whose fields have the types they are declared with."""
    for field in fields(kind):
        value = values.get(field.name, field.default)
        if type(value) is not _TYPES[str(field.type)]:
            raise TypeError(f"{field.name} is {value!r}")
    return kind(**values)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _wire_text(text: str) -> str:
    text.encode("ascii")
    return text
