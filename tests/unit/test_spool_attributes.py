"""Attributes and names on the spool (jes-spool.md 1, 2, 11)."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.spool.attributes import Attributes, from_json, keys, to_json
from cssmtp.spool.names import assigned_job_id, entry_id, is_job_id, is_name, job_name, writer_name

DEFAULTS = Attributes(writer="CSSMTP", jobname="DECK", owner="IBMUSER")


def problem(**values: object) -> str:
    attributes, problems = from_json(json.dumps(values).encode(), DEFAULTS)
    assert attributes == DEFAULTS
    assert len(problems) == 1
    return problems[0]


def test_missing_keys_get_the_defaults() -> None:
    assert from_json(b"{}", DEFAULTS) == (DEFAULTS, [])


def test_the_defaults_of_version_1() -> None:
    a = Attributes()
    assert (a.version, a.sysout_class, a.forms, a.outdisp, a.hold, a.priority, a.copies) == (
        1,
        "A",
        "STD",
        "WRITE",
        "none",
        128,
        1,
    )
    assert (a.framing, a.encoding) == ("auto", "auto")


def test_every_key_is_read_and_names_are_folded() -> None:
    data = {
        "version": 1, "writer": "mail1", "dest": {"node": "n1", "user": "u1"}, "class": "b", "forms": "std", "outdisp": "keep",
        "hold": "user", "hold_reason": "wait", "priority": 255, "copies": 2, "group": "g", "owner": "ann", "origin_node": "n2",
        "seclabel": "s", "jobname": "j", "jobid": "job00001",
        "correlator": "c c", "procstep": "p", "stepname": "s1", "ddname": "d",
        "dsid": 101, "dsname": "N.U.J.JOB00001.D0000101.?", "created": "2026-01-31T08:00:00Z", "recfm": "vba", "lrecl": 137,
        "records": 3, "bytes": 240, "framing": "rdw", "encoding": "IBM-1047", "userdata": ["x"], "output": {"NAME": "y"},
        "notify": "N1.ANN", "token": "t", "sequence_numbers": True,
    }  # fmt: skip
    attributes, problems = from_json(json.dumps(data).encode(), Attributes())
    assert problems == []
    assert (attributes.writer, attributes.dest_node, attributes.dest_user, attributes.outdisp) == ("MAIL1", "N1", "U1", "KEEP")
    assert (attributes.jobid, attributes.recfm, attributes.userdata, attributes.output) == (
        "JOB00001",
        "VBA",
        ("x",),
        {"NAME": "y"},
    )
    unchanged = [f.name for f in fields(Attributes) if getattr(attributes, f.name) == f.default]
    assert unchanged == ["version", "forms"]


def test_unknown_keys_are_kept() -> None:
    attributes, problems = from_json(b'{"color": ["red"]}', DEFAULTS)
    assert (attributes.extra, problems) == ({"color": ["red"]}, [])
    assert json.loads(to_json(attributes))["color"] == ["red"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b'{"priority": NaN}', "is not JSON (NaN is no JSON)"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"priority": ' + b"9" * 5000 + b"}", "is not JSON"),
        (b'{"x": 1e999}', "is not JSON (1e999 is too large)"),
        (b'{"x": ' + b"[" * 201 + b"]" * 201 + b"}", "more than 200 brackets"),
        (b"[1]", "is not a JSON object"),
        (b'{"dest": "N1"}', 'key "dest" is not an object'),
        (b'{"dest": {"usr": "N1"}}', 'key "dest" is not an object'),
    ],
)
def test_what_is_no_object_is_one_problem_and_the_defaults_stand(data: bytes, words: str) -> None:
    attributes, problems = from_json(data, DEFAULTS)
    assert attributes == DEFAULTS
    assert len(problems) == 1
    assert words in problems[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2), ("priority", 256), ("priority", -1), ("priority", True), ("priority", "1"), ("priority", 1.5),
        ("copies", 0), ("class", "AB"), ("class", "?"), ("outdisp", "KILL"), ("hold", "maybe"), ("framing", "vb"), ("recfm", "X"),
        ("lrecl", 40000), ("jobid", "JOB1"), ("jobname", "NINECHARS"),
        ("created", "yesterday"), ("created", "2026-01-31T08:00:00"), ("bytes", -1), ("owner", "two words"),
        ("owner", "n\n"), ("encoding", ""), ("userdata", "x"), ("userdata", [1]), ("output", []),
        ("hold_reason", "a\nb"), ("writer", None), ("dsid", 0), ("writer", "NJERDR"), ("jobname", "ÄÖ"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_key_and_remedy_and_the_default_stands(key: str, value: object) -> None:
    text = problem(**{key: value})
    assert text.startswith(f'key "{key}" has the value ')
    assert text.endswith(", or leave the key out")


@pytest.mark.parametrize("name", ["INTRDR", "STDWTR", "NJERDR", "njerdr"])
def test_reserved_writer_names_are_refused(name: str) -> None:
    assert "not INTRDR, NJERDR, STDWTR" in problem(writer=name)
    with pytest.raises(ValueError, match="reserved by JES"):
        writer_name(name)


@pytest.mark.parametrize("name", ["", "NINECHARS", "A.B", "Ä", "A B", "../X", "A\n"])
def test_what_is_no_writer_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 8 characters"):
        writer_name(name)


def test_writer_names_in_lower_case_are_folded() -> None:
    assert writer_name("css$#@1") == "CSS$#@1"


def test_a_long_value_is_cut_in_the_problem() -> None:
    assert len(problem(jobname="x" * 5000)) < 200


WORDS = st.text(alphabet="aZ09$-\n\u00fc\ud800", max_size=9)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-10, 300), WORDS, st.sampled_from([1.5, float("nan"), float("inf")]))
JSON_VALUES = st.one_of(LEAVES, st.lists(LEAVES, max_size=3), st.dictionaries(WORDS, LEAVES, max_size=3))


@settings(max_examples=200)
@given(tree=st.dictionaries(st.sampled_from([*keys(), "dest", "other", "extra", "sysout_class"]), JSON_VALUES, max_size=6))
def test_any_object_is_read_and_what_was_read_is_written_and_read_back(tree: dict[str, object]) -> None:
    attributes, _ = from_json(json.dumps(tree).encode(), DEFAULTS)
    again, problems = from_json(to_json(attributes), Attributes())
    assert (again, problems) == (attributes, [])


@settings(max_examples=100)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_read(data: bytes) -> None:
    attributes, problems = from_json(data, DEFAULTS)
    assert attributes == DEFAULTS or not problems


# Names


@pytest.mark.parametrize(
    ("file_name", "job"),
    [
        (b"nightly.txt", "NIGHTLY"),
        (b"month-end report.deck", "MONTHEND"),
        (b"a.b.c", "AB"),
        (b"plain", "PLAIN"),
        (b"\xff\xfe\n", "SPOOLED"),
        (b".hidden", "HIDDEN"),
        ("Grüße.txt".encode(), "GRE"),
        (b"$x#@", "$X#@"),
    ],
)
def test_the_job_name_is_made_from_the_stem_of_the_file_name(file_name: bytes, job: str) -> None:
    assert job_name(file_name) == job


@settings(max_examples=100)
@given(file_name=st.binary(max_size=40))
def test_every_file_name_gives_a_job_name(file_name: bytes) -> None:
    assert is_name(job_name(file_name))


def test_assigned_job_ids_begin_with_j9_and_wrap() -> None:
    assert [assigned_job_id(n) for n in (1, 999_999, 1_000_001)] == ["J9000001", "J9999999", "J9000001"]
    assert is_job_id(assigned_job_id(5))


def test_entry_ids_sort_by_age_whatever_the_zone() -> None:
    now = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
    first = entry_id(now, "JOB00001", 2, b"\x01\x02")
    second = entry_id((now + timedelta(microseconds=1)).astimezone(timezone(timedelta(hours=-5))), "JOB00001", 2, b"\x00\x00")
    assert first == "20260131T080000000000Z.JOB00001.D0000002.0102"
    assert first < second
