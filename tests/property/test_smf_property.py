"""SMF records of any content come back; bytes of any kind never raise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.model import BadRecipient, Envelope, Outcome, Verdict
from cssmtp.observe.events import MailEnded
from cssmtp.observe.smf import Damage, Found, Record, decode, encode, frame, records
from cssmtp.observe.smf_fields import Layout
from cssmtp.observe.smf_format import TEXT_LIMIT, Entry, Field, Format
from cssmtp.observe.smf_layouts import GROUPS, IDENTIFICATION, KINDS, SECTIONS, Subtype
from cssmtp.observe.smf_mail import MailRecords, Wire
from cssmtp.observe.smf_view import Filter, csv_row, row, to_object
from tests.smfkit import FILE, ORIGIN, RECORDS

LATIN = st.characters(max_codepoint=0xFF)
_LAYOUTS = {kind.name: kind.layout for kind in KINDS}


def value(one: Field) -> st.SearchStrategy[object]:
    match one.format:
        case Format.BINARY | Format.TIME:
            return st.integers(0, (1 << 8 * one.length) - 1)
        case Format.TEXT:
            return st.text(LATIN, max_size=one.length).filter(lambda text: text == text.rstrip("\0 "))
        case Format.DATE:
            return st.none() | st.dates(date(1900, 1, 1), date(2899, 12, 31))
        case Format.STAMP:
            moments = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30))
            return st.none() | moments.map(lambda moment: moment.replace(tzinfo=UTC))
        case Format.SWITCH:
            return st.booleans()
        case _:
            return st.text(LATIN, max_size=60)


def entry(layout: Layout) -> st.SearchStrategy[Entry]:
    held = [one for one in layout.fields if one.format not in (Format.ZEROS, Format.BLANKS)]
    return st.fixed_dictionaries({one.name: value(one) for one in held})  # type: ignore[return-value]


def any_record(subtype: Subtype) -> st.SearchStrategy[Record]:
    sections = [st.just(()) if layout is None else st.lists(entry(layout), max_size=1).map(tuple) for layout in SECTIONS[subtype]]
    first, *others = GROUPS[subtype]
    groups = {first: st.tuples(entry(_LAYOUTS[first]))}
    groups |= {name: st.lists(entry(_LAYOUTS[name]), max_size=3).map(tuple) for name in others}
    moments = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1))
    return st.builds(
        Record,
        st.just(subtype),
        moments.map(lambda moment: moment.replace(microsecond=moment.microsecond // 10_000 * 10_000)),
        st.sampled_from(["", "SYS1", "A"]),
        entry(IDENTIFICATION),
        st.tuples(*sections),
        st.fixed_dictionaries(groups),
    )


@settings(max_examples=150, deadline=None)
@given(found=st.sampled_from(list(Subtype)).flatmap(any_record))
def test_any_record_comes_back_and_can_be_shown(found: Record) -> None:
    assert decode(encode(found)) == found
    to_object(found)
    csv_row(found)
    row(found)
    Filter(failures=True, unencrypted=True).takes(found)


TEXTS = st.text(max_size=40) | st.sampled_from(["", "x" * 5000, "192.0.2.1", "250 2.0.0 Ok"])
OUTCOMES = st.builds(Outcome, st.sampled_from(list(Verdict)), TEXTS, TEXTS)
BAD = st.builds(BadRecipient, TEXTS, st.integers(1, 10**12), TEXTS)
MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@st.composite
def mails(draw: st.DrawFn) -> MailEnded:
    outcomes = tuple(draw(st.lists(OUTCOMES, max_size=4)))
    envelope = Envelope("x", draw(TEXTS), tuple(draw(TEXTS) for _ in outcomes), tuple(draw(st.lists(BAD, max_size=2))))
    envelope = replace(envelope, tls_required=draw(st.booleans()))
    number = st.integers(-1, 10**12)
    return MailEnded(FILE, draw(number), envelope, draw(number), outcomes, draw(number), draw(st.floats(0, 10**7)))


@settings(max_examples=150, deadline=None)
@given(event=mails(), now=MOMENTS, wires=st.dictionaries(TEXTS, st.builds(Wire, st.booleans(), TEXTS), max_size=2))
def test_the_quick_way_to_a_mail_makes_the_same_record(event: MailEnded, now: datetime, wires: dict[str, Wire]) -> None:
    data = MailRecords(ORIGIN).ended(event, wires, now)
    found = decode(data)
    assert found is not None
    assert encode(found) == data
    values = found.first("mail")
    assert (values["result"], values["ended"]) == (event.result.value, now)
    assert (values["recipients"], values["delivered"]) == (event.recipients, event.delivered)
    assert values["reason"] == shown(event.reason)
    assert len(found.own["recipients"]) == event.recipients


def shown(text: str) -> str:
    return text.encode("latin-1", "replace").decode("latin-1")[:TEXT_LIMIT]


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_records_or_damage(data: bytes) -> None:
    for found in records(data):
        assert isinstance(found, Found | Damage)
        assert 0 <= found.offset < len(data)


OWNERSHIP = (4, 5, 22, 23)
"""Where a framed record says whose it is: flags, type, subtype."""


@settings(max_examples=200, deadline=None)
@given(subtype=st.sampled_from(list(Subtype)), place=st.integers(0), change=st.integers(1, 255), cut=st.integers(0, 60))
def test_a_changed_byte_never_hides_the_record_behind(subtype: Subtype, place: int, change: int, cut: int) -> None:
    data = bytearray(frame(encode(RECORDS[subtype])))
    place %= len(data)
    if place in OWNERSHIP:
        cut = 0  # it is somebody else's record then, and its length is all that is known of it
    data[place] ^= change
    behind = frame(encode(RECORDS[Subtype.SPOOL]))
    found = list(records(bytes(data[: len(data) - cut]) + behind))
    assert isinstance(found[-1], Found)
    assert found[-1].record == RECORDS[Subtype.SPOOL]
