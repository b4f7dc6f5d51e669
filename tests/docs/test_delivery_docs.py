"""docs/compat/delivery.md names things that exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "compat" / "delivery.md"
NAMES = sorted(set(re.findall(r"`((?:smtp|delivery)\.[a-zA-Z_.]+)`", PAGE.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("name", NAMES)
def test_the_place_of_a_decision_exists(name: str) -> None:
    package, module, *path = name.split(".")
    found: object = importlib.import_module(f"cssmtp.{package}.{module}")
    for part in path:
        found = getattr(found, part)


def test_there_are_decisions() -> None:
    assert len(NAMES) > 15
