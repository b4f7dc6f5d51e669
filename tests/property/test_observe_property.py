"""Whatever text an event carries, a line stays one printable, bounded line."""

import dataclasses
import inspect
import io
import json
import typing
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.messages import plain
from cssmtp.model import Fault, FaultKind
from cssmtp.observe import events, wording
from cssmtp.observe.console import Console
from cssmtp.observe.entry import Entry, json_line, text_line
from cssmtp.observe.facts import Counts, Disposition, Event, SpoolFile
from cssmtp.observe.report import LINE_LIMIT, FailedRecipient, error_report

NOW = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
KINDS = [kind for _, kind in inspect.getmembers(events, inspect.isclass) if issubclass(kind, Event) and kind is not Event]

HOSTILE = st.text(
    st.one_of(st.characters(), st.sampled_from("\r\n\x00\x1b\x85\u2028\u2029\u202e\ud800{}[]<> \\")), max_size=40
) | st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=3), st.integers(1, 3000))


def instances(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Events of one class with hostile text in every field that holds text, however deep."""
    return strategy(kind)


def strategy(kind: object) -> st.SearchStrategy[typing.Any]:
    if kind is str:
        return HOSTILE
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{field.name: strategy(hints[field.name]) for field in dataclasses.fields(kind) if field.init})
    if typing.get_origin(kind) is tuple:
        return st.lists(strategy(typing.get_args(kind)[0]), max_size=3).map(tuple)
    return st.from_type(kind)


@settings(max_examples=200, deadline=None)
@given(event=st.sampled_from(KINDS).flatmap(instances))
def test_any_event_makes_one_printable_bounded_line(event: Event) -> None:
    told = wording.tell(event, wording.message_of(event))
    text = Entry(event, told, NOW, text_line).line
    assert text.isprintable()
    assert len(text.encode()) < 12_000
    columns = text.split(" ")
    assert columns[1] == told.message.id
    assert columns[2:6] == [told.task, told.job, told.mail, told.target]
    assert told.message is wording.message_for(type(event), event.variant)


@settings(max_examples=200, deadline=None)
@given(event=st.sampled_from(KINDS).flatmap(instances))
def test_any_event_makes_one_json_object_on_one_line(event: Event) -> None:
    message = wording.message_of(event)
    text = Entry(event, wording.tell(event, message), NOW, json_line).line
    assert text.isascii()
    assert text.isprintable()
    found = json.loads(text)
    assert found["id"] == message.id
    assert found["time"] == "2026-01-31T23:59:59.000+00:00"
    assert set(found.get("values", {})) == set(message.inserts)


@settings(max_examples=100, deadline=None)
@given(event=st.sampled_from(KINDS).flatmap(instances))
def test_any_event_makes_at_most_one_console_line(event: Event) -> None:
    stream = io.StringIO()
    Console(stream).handle(event)
    text = stream.getvalue()
    assert text == "" or (text.endswith("\n") and text[:-1].isprintable())


@settings(max_examples=200)
@given(text=HOSTILE, limit=st.integers(3, 100))
def test_plain_is_printable_bounded_and_leaves_printable_text_alone(text: str, limit: int) -> None:
    assert plain(text).isprintable()
    assert len(plain(text, limit).encode()) <= limit
    assert plain(plain(text)) == plain(text)


FAULTS = st.builds(Fault, st.sampled_from(FaultKind), st.integers(0), st.integers(0), HOSTILE, HOSTILE, st.booleans())


@settings(max_examples=100, deadline=None)
@given(
    faults=st.lists(FAULTS, max_size=5),
    failed=st.lists(st.builds(FailedRecipient, st.integers(1), HOSTILE, HOSTILE), max_size=3),
    file=strategy(SpoolFile),
    host=HOSTILE,
)
def test_any_report_is_plain_lines_and_only_ours_begin_at_the_margin(
    faults: list[Fault], failed: list[FailedRecipient], file: SpoolFile, host: str
) -> None:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    text = error_report(file, faults, failed, Counts(), Disposition.HOLD, host=host, job="CSSMTP", now=now)
    lines = text[:-1].split("\n")
    assert text.isascii() or text.encode().decode() == text
    assert all(one.isprintable() and len(one.encode()) <= LINE_LIMIT for one in lines)
    limits = [fault for fault in faults if fault.kind is FaultKind.LIMIT]
    shown = sum(2 + bool(fault.line) for fault in faults if fault.kind is not FaultKind.LIMIT)
    assert len(lines) == 6 + shown + 2 * len(failed) + len(limits) + 2
