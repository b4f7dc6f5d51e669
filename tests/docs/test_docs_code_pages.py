"""docs/code-pages.md and docs/compat/codepage.md name what exists."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

from cssmtp.codepage.registry import lookup, pages
from cssmtp.config.codepage_rows import CODE_PAGES
from cssmtp.messages import MESSAGES

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "code-pages.md").read_text(encoding="utf-8")
DECISIONS = (DOCS / "compat" / "codepage.md").read_text(encoding="utf-8")
HERE = {path.stem for path in (DOCS.parent / "cssmtp" / "codepage").glob("*.py")}


def test_every_option_is_explained() -> None:
    for row in CODE_PAGES.parameters:
        line = next(line for line in PAGE.splitlines() if line.startswith(f"| `{row.name}` |"))
        values = {word.capitalize() for word in re.split(r", | or ", row.kind.allowed)}
        assert values == set(re.findall(r"`(\w+)`", line.split("|")[2]))


def test_the_approximate_pages_are_named() -> None:
    section = PAGE.split("## Approximate pages")[1].split("\n## ")[0]
    named = set(re.findall(r"\b\d{3,4}\b", section.split(".")[0]))
    assert named == {str(page.ccsid) for page in pages() if not page.exact}


def test_the_charsets_without_a_label_are_named() -> None:
    section = PAGE.split("## MIME")[1].split("\n## ")[0]
    named = set(re.findall(r"IBM-\d+", section))
    assert named == {page.name for page in pages() if page.roles & {"charset", "mbcharset"} and not page.label}
    assert lookup("IBM-948").label == ""


def test_the_messages_named_exist() -> None:
    assert set(re.findall(r"BMG\d{4}[IWE]", PAGE)) <= {message.id for message in MESSAGES}


def test_the_list_of_decisions_names_code_that_exists() -> None:
    rows = [line for line in DECISIONS.splitlines() if line.startswith("| ")][2:]
    named = [name for row in rows for name in re.findall(r"`([\w./]+)`", row.split("|")[3])]
    assert len(named) > 40
    for name in named:
        if name.startswith(("data/", "tools/")):
            path, _, constant = name.removesuffix(".csv").partition(".")
            found = DOCS.parent / (f"{path}.py" if constant else f"cssmtp/codepage/{name}")
            assert found.exists(), name
            assert not constant or constant in found.read_text(encoding="utf-8"), name
        else:
            package = "codepage." if name.partition(".")[0] in HERE or name[0].isupper() else ""
            pkgutil.resolve_name(f"cssmtp.{package}{name.replace('Transcoder.', 'conversion.Transcoder.', 1)}")
