"""One line of the log before it is written: what it says, when, and in which form.

Promises: the forms are pure functions of an entry; neither can hold a line end, whatever an event carries.
Never: writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cssmtp.config.model import LogFormat
from cssmtp.messages import Level, plain
from cssmtp.observe.events import Event
from cssmtp.observe.wording import ABSENT, Told, value_text


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in words, at an aware local time."""

    event: Event
    told: Told
    moment: datetime
    form: Form

    @property
    def level(self) -> Level:
        return self.told.message.level

    @property
    def line(self) -> str:
        """The line as a file has it, without its end."""
        return self.form(self, self.moment.isoformat(timespec="milliseconds"))

    @property
    def unstamped(self) -> str:
        """The line for a log that adds the time itself."""
        return self.form(self, "")


Form = Callable[[Entry, str], str]
"""Makes the line of an entry; the time is "" where it is not wanted."""


def text_line(entry: Entry, time: str) -> str:
    """time id task job/job-id mail target text"""
    return f"{time} {columns(entry.told)}".lstrip()


def columns(told: Told) -> str:
    """A line without its time."""
    return f"{told.message.id} {told.task} {told.job} {told.mail} {told.target} {told.text}"


def json_line(entry: Entry, time: str) -> str:
    """One JSON object of ASCII. What does not apply is left out; "values" holds the inserts of the message by name."""
    told, event = entry.told, entry.event
    file = getattr(event, "file", None)
    mail = getattr(event, "mail", 0)
    fields: dict[str, object] = {
        "time": time,
        "id": told.message.id,
        "level": int(told.message.level),
        "event": told.message.key,
        "task": getattr(file, "tkid", 0),
        "job": plain(getattr(file, "jobname", "")),
        "job_id": plain(getattr(file, "jobid", "")),
        "owner": plain(getattr(file, "owner", "")),
        "spool_id": plain(getattr(file, "id", "")),
        "mail": mail if isinstance(mail, int) else 0,
        "target": "" if told.target == ABSENT else told.target,
        "text": told.text,
        "values": {name: value_text(event, name) for name in told.message.inserts},
    }
    return json.dumps({name: value for name, value in fields.items() if value not in ("", 0, {})})


FORMS: dict[LogFormat, Form] = {LogFormat.TEXT: text_line, LogFormat.JSON: json_line}
