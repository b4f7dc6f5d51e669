"""SMF records of any content come back; bytes of any kind never raise."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.observe.smf import Damage, Found, Record, decode, encode, frame, records
from cssmtp.observe.smf_fields import Entry, Field, Format, Layout
from cssmtp.observe.smf_layouts import GROUPS, IDENTIFICATION, KINDS, SECTIONS, Subtype
from cssmtp.observe.smf_view import Filter, csv_row, row, to_object
from tests.smfkit import RECORDS

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
