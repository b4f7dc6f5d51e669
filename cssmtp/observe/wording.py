"""From an event to its words.

Promises: every event has a message of the catalogue; the text never holds a line break or any other character that is not
printable, whatever users, servers or the system put into the event, and is bounded in length. A value that an event lacks
is taken from its `file` or `counts`.
Never: writes, stamps, or decides who gets to see it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from cssmtp.messages import BY_KEY, Message, plain
from cssmtp.observe.events import Event

INSERT_LIMIT = 1000
"""Octets an insert may have in a line of log or console; servers and decks may send a lot more."""

COLUMN_LIMIT = 80
"""Octets of a column that stands before the text."""

ABSENT = "-"
"""Stands for a value that is not there, in columns and inserts."""

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Told:
    """An event in words: its message, the four columns that log lines have, and the text."""

    message: Message
    task: str
    job: str
    mail: str
    target: str
    text: str


def key(kind: type[Event], variant: str) -> str:
    """The key of an event's message in the catalogue."""
    return f"{kind.__name__}.{variant}" if variant else kind.__name__


def message_of(event: Event) -> Message:
    """The catalogue's row for an event."""
    return message_for(type(event), event.variant)


def message_for(kind: type[Event], variant: str) -> Message:
    """The catalogue's row for events of a class and variant."""
    return BY_KEY[key(kind, variant)]


def tell(event: Event, message: Message) -> Told:
    """Put an event into the words of `message`, which is the one `message_of` gave."""
    file = getattr(event, "file", None)
    job = ABSENT if file is None else f"{_column(file.jobname)}/{_column(file.jobid)}"
    address = getattr(event, "address", "")
    port = getattr(event, "port", 0)
    target = _column(f"{address}:{port}" if port and ":" not in address else f"[{address}]:{port}" if port else address)
    mail = getattr(event, "mail", 0)
    task = ABSENT if file is None or not file.tkid else str(file.tkid)
    return Told(message, task, job, str(mail) if mail else ABSENT, target, sentence(event, message))


def sentence(event: Event, message: Message) -> str:
    """The message's template with its inserts filled in."""
    return message.template.format_map({name: value_text(event, name) for name in message.inserts})


def value_text(event: Event, name: str) -> str:
    """The value of an insert as people see it: printable, bounded, ABSENT when it is empty."""
    return _insert(value_of(event, name))


def value_of(event: Event, name: str) -> object:
    """The value of an insert: the event's own, else that of its file, else of its counts. AttributeError when none has it."""
    for holder in (event, getattr(event, "file", None), getattr(event, "counts", None)):
        value = getattr(holder, name, _MISSING)
        if value is not _MISSING:
            return value
    raise AttributeError(f"{type(event).__name__} has nothing for insert {name}")


def _insert(value: object) -> str:
    match value:
        case int():
            return str(value)
        case enum.Enum():
            return str(value.value)
        case float():
            return f"{value:.1f}"
        case _:
            return plain(str(value), INSERT_LIMIT) or ABSENT


def _column(text: str) -> str:
    """A column is one word: what would end it is escaped."""
    return plain(text, COLUMN_LIMIT).replace(" ", "\\x20") or ABSENT
