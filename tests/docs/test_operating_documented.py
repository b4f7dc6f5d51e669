"""docs/operating.md is what a running daemon says, and docs/user-exit.md what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from cssmtp.console.grammar import GRAMMAR, Misunderstood, parse
from cssmtp.engine.exits import Action, Code
from tools.make_operating_docs import PAGE, page

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"```\n\$ cssmtp (?P<command>.+)\n(?P<output>(?:.*\n)*?)```\n")


def outline(text: str) -> list[tuple[str, list[str]]]:
    """Each command with the shape of its answer: numbers and spacing do not count, nor the rows of moving tables."""
    found = []
    for match in BLOCK.finditer(text):
        lines = match["output"].splitlines()
        if match["command"].startswith("top"):
            lines = [line for line in lines if not re.search(r"\d|─", line)]
        shapes = [re.sub(r"\s+", " ", re.sub(r"[\d,]+", "0", line)).strip() for line in lines]
        found.append((match["command"], shapes))
    return found


def test_the_page_is_what_the_daemon_says() -> None:
    assert outline(PAGE.read_text(encoding="utf-8")) == outline(page())


def test_every_command_is_on_the_page() -> None:
    commands = [command for command, _ in outline(PAGE.read_text(encoding="utf-8"))]
    verbs = {command.split()[1].split(",")[0].upper() for command in commands if command.startswith("modify ")}
    for operand in GRAMMAR:
        assert any(operand.names(verb) for verb in verbs), operand.word
    operands = [command.split()[1] for command in commands if command.startswith("modify ")]
    assert sum(isinstance(parse(each), Misunderstood) for each in operands) == 3  # the examples of what is no command


def test_the_user_exit_page_has_the_numbers_of_the_code() -> None:
    text = (DOCS / "user-exit.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.MULTILINE))
    assert rows == {str(one.value): one.name for kind in (Action, Code) for one in kind} | _shared(rows)


def _shared(rows: dict[str, str]) -> dict[str, str]:
    """Numbers that are an action and a code both stand twice; the last one counts."""
    return {number: rows[number] for number in ("4", "8")}


def test_the_decisions_stand_where_the_page_says() -> None:
    text = (DOCS / "compat" / "operator.md").read_text(encoding="utf-8")
    places = re.findall(r"`((?:console|engine|observe|cli|config|delivery)\.[\w.]+)`", text)
    assert places
    for place in places:
        module, _, name = place.rpartition(".")
        source = (DOCS.parent / "cssmtp" / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert re.search(rf"^\s*(?:async )?(?:def|class) {name}\b|^\s*{name}\b.*=", source, re.MULTILINE), place
