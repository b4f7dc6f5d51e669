"""docs/spool.md says what the code does."""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path

from cssmtp.cli import spool
from cssmtp.spool.attributes import FRAMINGS, keys
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.layouts import LAYOUTS
from cssmtp.spool.store import STATES
from tests.spoolkit import StoppedClock

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "spool.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_table_of_sidecar_keys_is_complete() -> None:
    listed = {name for row in table("Sidecar") for name in re.findall(r"`([a-z_]+)`", row[0])}
    assert listed == {key.split(".")[0] for key in keys()}


def test_the_table_of_framings_is_complete() -> None:
    listed = {name for row in table("How records are told apart") for name in re.findall(r"`([a-z0-9]+)`", row[0])}
    assert listed == set(FRAMINGS)


def test_the_tree_is_what_initialise_makes(tmp_path: Path) -> None:
    DirectorySpool(tmp_path, clock=StoppedClock(), node="N").initialise()
    tree = PAGE.split("```\n", 2)[1]
    assert all(f"{path.name}/" in tree for path in tmp_path.iterdir())
    assert all(f"  {state}/" in tree for state in STATES)


def test_the_table_of_actions_is_complete() -> None:
    parser = argparse.ArgumentParser()
    spool.add_arguments(parser)
    (actions,) = (action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    assert {name for row in table("`cssmtp spool`") for name in re.findall(r"`([a-z-]+)[` ]", row[0]) if "--" not in name} == set(
        actions
    ) | set(LAYOUTS)


def test_every_decision_names_something_that_exists() -> None:
    rows = [line.split("|")[3].strip() for line in (DOCS / "compat" / "spool.md").read_text().splitlines()[2:]]
    assert rows
    for where in rows:
        parts = where.split(".")
        module = importlib.import_module(f"cssmtp.{parts[0]}.{parts[1]}")
        found: object = module
        for part in parts[2:]:
            found = getattr(found, part)
