"""docs/compat/ledger.md and docs/reliability.md against the code."""

import importlib
import re
from pathlib import Path

from cssmtp import messages
from cssmtp.engine.checkpoint import GATHER_SECONDS
from tests.system.test_system_kill import KILLS

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "compat" / "ledger.md").read_text(encoding="utf-8")
RELIABILITY = (DOCS / "reliability.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| what", "| ---"))]


def test_every_decision_stands_where_the_page_says() -> None:
    assert len(ROWS) > 30
    for row in ROWS:
        assert len(row) == 4, row
        name = row[2].strip("`")
        package, module, *path = name.split(".")
        thing = importlib.import_module(f"cssmtp.{package}.{module}")
        for part in path:
            fields = getattr(thing, "__dataclass_fields__", {})
            thing = fields[part] if part in fields else getattr(thing, part)


def test_messages_named_are_there() -> None:
    known = {message.id for message in messages.MESSAGES}
    assert set(re.findall(r"BMG\d{4}[IWE]", PAGE + RELIABILITY)) <= known


def test_figures_are_those_of_the_code() -> None:
    assert f"at most {GATHER_SECONDS * 1000:.0f} ms" in RELIABILITY
    assert f"kills the daemon {KILLS} times" in RELIABILITY
