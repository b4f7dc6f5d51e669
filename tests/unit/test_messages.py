import dataclasses
import inspect
import re

import pytest

from cssmtp import messages
from cssmtp.messages import BY_KEY, EZD_MEANINGS, MESSAGES, REPLIES, Level, plain
from cssmtp.observe import events, wording

KINDS = [
    kind for _, kind in inspect.getmembers(events, inspect.isclass) if issubclass(kind, events.Event) and kind is not events.Event
]


def test_ids_are_unique_and_well_formed() -> None:
    ids = [message.id for message in MESSAGES]
    assert len(set(ids)) == len(ids)
    for message in MESSAGES:
        assert re.fullmatch(r"(BMG|EZD)\d{4}[IWE]", message.id)


def test_ezd_ids_stand_only_for_what_ibm_documents() -> None:
    assert {message.id: message.key for message in MESSAGES if message.id.startswith("EZD")} == {
        "EZD1841I": "TestModeWithoutReport",
        "EZD1856I": "ResourceHigh.tasks",
        "EZD1857I": "ResourceRelieved.tasks",
        "EZD1858I": "ResourceHigh.storage",
        "EZD1859I": "ResourceRelieved.storage",
    }
    emitted = {message.id for message in (*MESSAGES, *REPLIES) if message.id.startswith("EZD")}
    assert emitted <= set(EZD_MEANINGS)


def test_ids_of_answers_are_nobody_elses() -> None:
    assert not {reply.id for reply in REPLIES} & {message.id for message in MESSAGES}


def test_type_code_agrees_with_the_level() -> None:
    for message in MESSAGES:
        if message.id.startswith("BMG"):
            expected = {Level.ERROR: "E", Level.WARNING: "W"}.get(message.level, "I")
            assert message.type_code == expected, message


def test_every_level_is_exactly_one_bit_of_log_level() -> None:
    for message in MESSAGES:
        assert message.level in list(Level)


def test_every_event_and_variant_has_a_message_and_no_message_lacks_an_event() -> None:
    keys = {wording.key(kind, variant) for kind in KINDS for variant in kind.VARIANTS}
    assert keys == set(BY_KEY)
    assert len(BY_KEY) == len(MESSAGES)


def test_the_two_messages_about_the_log_have_ids_of_their_own() -> None:
    assert messages.LOG_BROKEN.split()[0] not in {message.id for message in MESSAGES}
    assert messages.LOG_MENDED.split()[0] not in {message.id for message in MESSAGES}


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("Grüße €", 0, "Grüße €"),
        ("a\\b", 0, "a\\b"),
        ("a\r\n\tb\x00\x7f", 0, "a\\x0d\\x0a\\x09b\\x00\\x7f"),
        ("\u2028\u202e\ud800\U000e0001", 0, "\\u2028\\u202e\\ud800\\U000e0001"),
        ("abcdefgh", 8, "abcdefgh"),
        ("abcdefghi", 8, "abcde..."),
        ("€€€", 8, "€..."),
        ("€€", 8, "€€"),
        ("\n\n\n", 8, "\\x0a\\..."),
        ("", 8, ""),
    ],
)
def test_plain_shows_unprintable_characters_escaped_and_cuts_by_octets(text: str, limit: int, shown: str) -> None:
    assert plain(text, limit) == shown


def test_every_insert_is_something_its_event_has() -> None:
    for kind in KINDS:
        known = set(dir(kind)) | {field.name for field in dataclasses.fields(kind)}
        if "file" in known:
            known |= {field.name for field in dataclasses.fields(events.SpoolFile)}
        if "counts" in known:
            known |= {field.name for field in dataclasses.fields(events.Counts)}
        for variant in kind.VARIANTS:
            assert set(BY_KEY[wording.key(kind, variant)].inserts) <= known, kind


def test_an_insert_nobody_has_is_an_error_of_ours() -> None:
    with pytest.raises(AttributeError, match="Debug has nothing for insert colour"):
        wording.value_of(events.Debug("x", "y"), "colour")
