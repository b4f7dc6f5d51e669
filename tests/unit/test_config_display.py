"""EZD1829I: the configuration display (product-slides.md 2.2, operator-commands.md 4 and 12)."""

from __future__ import annotations

from pathlib import Path

from cssmtp.config.load import require
from cssmtp.config.model import Configuration, Report, ReportTo, TargetServer
from cssmtp.config.schema import SCHEMA
from cssmtp.console.display import configuration_display
from tests.config_pages import FakePages

ROOT = Path(__file__).parents[2]
OPTIONS = """
  OPTIONS:
  NULLTRUNC          : NO            DATALINETRUNC    : NO
  TESTMODE:          : NO
"""


def test_display_is_the_golden_file() -> None:
    configuration = require(ROOT / "tests" / "golden" / "display_config.conf", environ={}, pages=FakePages())
    golden = (ROOT / "tests" / "golden" / "display_config.txt").read_text(encoding="utf-8")
    assert configuration_display(configuration, "/U/USER1/CSSMTP/CSSMTP.CONF") == golden


def test_display_has_the_literal_lines_of_the_presentation() -> None:
    text = configuration_display(Configuration((), report=Report(ReportTo.SYSOUT, "A")), "/U/USER1/CSSMTP/CSSMTP.CONF")
    assert text.startswith("EZD1829I CSSMTP CONFIGURATION:\n  CONFIGFILENAME      : /U/USER1/CSSMTP/CSSMTP.CONF\n")
    assert "\n  BADSPOOLDISP       : HOLD          REPORT          : SYSOUT\n" in text
    assert OPTIONS in text


def test_display_has_every_statement() -> None:
    text = configuration_display(Configuration((TargetServer(()),)), "c")
    for row in SCHEMA.statements:
        assert row.name.upper() in text
    assert "  EXTENDEDRETRY      : INACTIVE\n" in text
    assert "  MAILADMINISTRATOR  : NONE" in text


def test_long_values_stand_alone() -> None:
    configuration = Configuration((), mail_administrators=("ops@mail.example.com", "a@x.org"))
    lines = configuration_display(configuration, "c").splitlines()
    assert "  MAILADMINISTRATOR  : ops@mail.example.com" in lines
