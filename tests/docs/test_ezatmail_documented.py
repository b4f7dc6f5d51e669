"""docs/sendmail.md and docs/compat/ezatmail.md against the program."""

from __future__ import annotations

import importlib
import re

import pytest

from cssmtp.ezatmail import refusal, settings
from cssmtp.ezatmail.options import MODES, SWITCHES
from tests.ezatmailkit import ROOT

MANUAL = (ROOT / "docs" / "sendmail.md").read_text("utf-8")
DECISIONS = (ROOT / "docs" / "compat" / "ezatmail.md").read_text("utf-8")
SAMPLE = ROOT / "conf" / "ezatmail.conf"


@pytest.mark.parametrize("letter", sorted(SWITCHES))
def test_every_switch_is_documented(letter: str) -> None:
    assert re.search(rf"(?<![a-z0-9])-{letter}(?![A-Z])", MANUAL)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_documented(mode: str) -> None:
    assert f"`-b{mode}`" in MANUAL


@pytest.mark.parametrize("name", sorted(settings._MACROS))
def test_every_statement_is_documented_and_in_the_sample(name: str) -> None:
    written = f"D{{{name}}}" if len(name) > 1 else f"D{name}"
    assert f"| `{written}" in MANUAL
    assert re.search(rf"^#?{re.escape(written)}\S", SAMPLE.read_text("utf-8"), re.MULTILINE)


def test_every_exit_status_is_documented() -> None:
    statuses = {value for name, value in vars(refusal).items() if name.isupper() and isinstance(value, int)}
    assert {int(status) for status in re.findall(r"^\| (\d+) \|", MANUAL, re.MULTILINE)} == statuses


def test_the_sample_configuration_holds_the_defaults() -> None:
    sample = settings.parse(SAMPLE.read_bytes(), str(SAMPLE), "mvsa.example.com")
    bare = settings.parse(b"", "none", "mvsa.example.com")
    assert sample.describe() == bare.describe()
    uncommented = re.sub(rb"^#(?=[DO])", b"", SAMPLE.read_bytes(), flags=re.MULTILINE)
    assert settings.parse(uncommented, str(SAMPLE), "h").domain == "example.com"


def test_every_decision_names_something_that_exists() -> None:
    places = [
        place
        for row in DECISIONS.splitlines()
        if row.startswith("| ")
        for place in re.findall(r"`([^`]+)`", row.split(" | ")[-2])
    ]
    assert places
    module = None
    for place in places:
        if "." not in place and place.isupper():
            assert hasattr(module, place), place
            continue
        first, *rest = place.split(".")
        found = module = importlib.import_module(f"cssmtp.ezatmail.{first}")
        for name in rest:
            found = getattr(found, name)
