"""docs/ezbmcopy.md and docs/compat/ezbmcopy.md say what the program does."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from ezbmcopy.cli import build_parser
from ezbmcopy.duplicate import INCOMPLETE, INTERNAL, NO_SPOOL, NORMAL, WRONG_INPUT

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "ezbmcopy.md").read_text(encoding="utf-8")
DECISIONS = (PROJECT / "docs" / "compat" / "ezbmcopy.md").read_text(encoding="utf-8")
PLACES = re.findall(r"\| `((?:ezbmcopy|cssmtp)\.[\w.]+)` \|", DECISIONS)


def test_every_option_is_documented_and_there_is_no_other() -> None:
    known = set(re.findall(r"--[a-z-]+", build_parser().format_help())) - {"--help"}
    table = PAGE.partition("| option |")[2].partition("\n\n")[0]
    assert set(re.findall(r"--[a-z-]+", re.sub(r"\| ---.*", "", table))) == known


def test_the_return_codes_are_those_of_the_program() -> None:
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)]
    assert codes == [NORMAL, INCOMPLETE, WRONG_INPUT, NO_SPOOL, INTERNAL]


def test_every_decision_names_a_place() -> None:
    rows = [line for line in DECISIONS.splitlines() if line.startswith("|")][2:]
    assert len(PLACES) == len(rows) > 20


@pytest.mark.parametrize("place", sorted(set(PLACES)))
def test_the_place_of_a_decision_exists(place: str) -> None:
    module, _, name = place.rpartition(".")
    assert hasattr(importlib.import_module(module), name)
