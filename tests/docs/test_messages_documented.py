"""docs/messages.md against the catalogue, both ways."""

import re
from pathlib import Path

from cssmtp import messages

PAGE = (Path(__file__).parents[2] / "docs" / "messages.md").read_text(encoding="utf-8")
ENTRIES = {
    match["id"]: match
    for match in re.finditer(
        r"^### (?P<id>\w+)\n\n`(?P<text>.+)`\n\n(?P<where>.+)\n\n"
        r"- \*\*Cause:\*\* .+\n- \*\*System:\*\* .+\n- \*\*What to do:\*\* .+$",
        PAGE,
        re.MULTILINE,
    )
}


def test_every_message_is_documented_with_text_level_and_console() -> None:
    for message in messages.MESSAGES:
        entry = ENTRIES[message.id]
        assert entry["text"] == message.template
        assert entry["where"] == f"Level {int(message.level)}{', console' if message.console else ''}."


def test_the_messages_about_the_log_are_documented() -> None:
    for text in (messages.LOG_BROKEN, messages.LOG_MENDED):
        identifier, template = text.split(" ", 1)
        assert ENTRIES[identifier]["text"] == template
        assert ENTRIES[identifier]["where"] == "Standard error only."


def test_the_answers_to_commands_are_documented() -> None:
    for reply in messages.REPLIES:
        assert ENTRIES[reply.id]["text"] == reply.text
        assert ENTRIES[reply.id]["where"] == "Answer to a command."


def test_nothing_is_documented_that_does_not_exist() -> None:
    emitted = {message.id for message in messages.MESSAGES} | {messages.LOG_BROKEN.split()[0], messages.LOG_MENDED.split()[0]}
    emitted |= {reply.id for reply in messages.REPLIES}
    assert set(ENTRIES) == set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)) == emitted


def test_every_id_mentioned_anywhere_on_the_page_is_known() -> None:
    assert set(re.findall(r"\b(?:BMG|EZD)\d{4}[A-Z]\b", PAGE)) <= set(ENTRIES) | set(messages.EZD_MEANINGS)
