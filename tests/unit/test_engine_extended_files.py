"""Names and control files of the mail directory."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.engine.extended_files import BadControl, Control, control_from, control_text, pair_id, pairs
from cssmtp.model import BadRecipient, BodySpan, DeckMail, Envelope, HeaderFacts, Outcome, Verdict
from cssmtp.observe.events import SpoolFile

WHEN = datetime(2026, 11, 22, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=-5)))
TEXTS = st.text(max_size=20)


def control(**more: Any) -> Control:
    envelope = Envelope("mvsa", "a@example.org", ("b@example.net", "c@example.net"), (BadRecipient("<x", 3, "501"),), True)
    values: dict[str, Any] = {
        "file": SpoolFile("f1", "CSSMTP", "PAYRUN", "JOB01234", 102, "PAYUSER", "NOTIFY", "MVSA", "name"),
        "mail": DeckMail(7, envelope, BodySpan(0, 0, 0), HeaderFacts(3, False, True, False, "utf-8"), 1234, 0, 0),
        "added": "Received: x\r\n",
        "page": "IBM-1047",
        "outcomes": (Outcome(Verdict.RETRY, "451 x", "192.0.2.1"), Outcome(Verdict.UNDELIVERABLE, "550", "")),
        "told": (1,),
        "tries": 4,
        "first": WHEN,
        "due": WHEN + timedelta(minutes=30),
    }
    return Control(**(values | more))


def test_a_control_survives_its_text() -> None:
    assert control_from(control_text(control())) == control()


@given(TEXTS, TEXTS, st.lists(st.tuples(st.sampled_from(Verdict), TEXTS, TEXTS), min_size=2, max_size=2), st.integers(0, 99))
@settings(max_examples=100)
def test_so_it_does_whatever_is_in_it(name: str, page: str, outcomes: list[tuple[Verdict, str, str]], tries: int) -> None:
    made = control(file=SpoolFile(name, name), page=page, outcomes=tuple(Outcome(*one) for one in outcomes), tries=tries)
    assert control_from(control_text(made)) == made


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_whatever_stands_in_a_control_file_is_a_control_or_a_reason(data: bytes) -> None:
    with pytest.raises(BadControl):
        control_from(data)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(leaf for key, each in inner for leaf in _leaves(each, (*path, key)))]


def understood(content: Any) -> bool:
    """Whether it is a control; if not, there is a reason and no other exception."""
    try:
        return isinstance(control_from(json.dumps(content).encode()), Control)
    except BadControl as bad:
        return not str(bad)


@pytest.mark.parametrize("wrong", [None, [], {}, -1.5, "\udc80\u20ac"])
def test_no_wrong_value_anywhere_is_a_traceback(wrong: object) -> None:
    whole = json.loads(control_text(control()))
    assert understood(whole)
    refused = 0
    for path in _leaves(whole)[1:]:
        changed = json.loads(json.dumps(whole))
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = wrong
        refused += not understood(changed)
        del holder[path[-1]]
        refused += not understood(changed)
    assert refused > 20


def test_times_without_a_zone_are_refused() -> None:
    content = json.loads(control_text(control()))
    content["due"] = "2026-11-22T12:00:00"
    with pytest.raises(BadControl, match="without a zone"):
        control_from(json.dumps(content).encode())


def test_answers_go_to_those_who_were_open() -> None:
    sent = Outcome(Verdict.DELIVERED, "250", "")
    later = WHEN + timedelta(hours=9)
    made = control().answered([sent], later)
    assert made.outcomes == (sent, control().outcomes[1])
    assert (made.tries, made.due, made.open) == (5, later, ())
    assert control().open == (0,)


def test_giving_up_keeps_what_is_final() -> None:
    made = control().given_up("too old: ")
    assert made.outcomes == (Outcome(Verdict.UNDELIVERABLE, "too old: 451 x", "192.0.2.1"), control().outcomes[1])


def test_names_are_paired() -> None:
    names = ["cfa.1", "dfa.1", "cfb.1", "dfc.1", "CFd.1", "DFd.1", "dfe.1.new", ".lock", "other", "cf", "df\n"]
    ids, alone = pairs(names)
    assert ids == ["a.1"]
    assert set(alone) == {"cfb.1", "dfc.1"}
    assert all(alone.values())


def test_the_id_of_a_pair_is_always_the_same() -> None:
    assert pair_id("20261122T120000000000Z.JOB00001.D0000101.abcdef01", 17).endswith(".abcdef01.17")
