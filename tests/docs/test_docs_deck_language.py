"""docs/deck-language.md and docs/compat/bsmtp.md against the program."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from cssmtp.bsmtp.faults import Finding
from tests.decks import faults, mails, run

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "deck-language.md").read_text()
ROWS = [row for row in (DOCS / "compat" / "bsmtp.md").read_text().split("\n") if row.startswith("| ") and "`" in row]
BEFORE = {"MAIL": "HELO mvsa\n", "RCPT": "HELO mvsa\nMAIL FROM:<a@example.org>\n"}


def test_the_deck_of_the_page_is_good() -> None:
    deck = PAGE.split("```")[1]
    (mail,) = run(deck)
    assert [mail] == mails([mail])
    assert mails([mail])[0].envelope.recipients == ("first@example.net", "second@example.net")


@pytest.mark.parametrize("finding", Finding)
def test_every_text_of_the_catalogue_is_on_the_page(finding: Finding) -> None:
    pattern = re.escape(finding.reply).replace(re.escape("{verb}"), "[A-Z:]+")
    assert re.search(pattern, PAGE)


def rejected() -> list[tuple[str, str, bool]]:
    rows = PAGE[PAGE.index("| the deck has |") :].split("\n\n")[0].split("\n")[2:]
    found = []
    for row in rows:
        _, deck, report, counted, _ = row.split("|")
        texts = re.findall(r"`([^`]+)`", report)
        if texts and "where a command is due" not in deck and "Bad sequence" not in report:
            found += [(line, texts[0], counted.strip() == "yes") for line in re.findall(r"`([^`]+)`", deck)]
    return found


@pytest.mark.parametrize(("line", "text", "counted"), rejected())
def test_the_rejected_lines_of_the_page(line: str, text: str, counted: bool) -> None:
    verb = line.split()[0]
    (fault,) = faults(run(BEFORE.get(verb, "") + line))
    assert fault.reply == re.sub("'[A-Z]+'", f"'{verb}'", text)
    assert fault.counted is counted


@pytest.mark.parametrize("row", ROWS)
def test_every_decision_has_its_name_in_the_code(row: str) -> None:
    names = re.findall(r"`((?:bsmtp|mail)\.[A-Za-z_.]+)`", row.split("|")[3])
    assert names
    for name in names:
        package, module, *path = name.split(".")
        found: object = importlib.import_module(f"cssmtp.{package}.{module}")
        for part in path:
            found = getattr(found, part)
