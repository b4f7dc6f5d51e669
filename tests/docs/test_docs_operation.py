"""docs/smf.md, docs/service.md, docs/compat/smf.md, the dashboard and the unit against the program."""

import importlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cssmtp.cli import build_parser
from cssmtp.observe.metrics import METRICS
from tools.smf_tables import BEGIN, END, tables

ROOT = Path(__file__).parents[2]
SERVICE = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
SMF = (ROOT / "docs" / "smf.md").read_text(encoding="utf-8")
UNIT = (ROOT / "conf" / "cssmtp.service").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads((ROOT / "conf" / "grafana-dashboard.json").read_text(encoding="utf-8"))

ROW = r"^\| `(?P<name>\w+)` \| (?P<type>\w+) \| (?P<labels>.+?) \| (?P<text>.+) \|$"


def queries() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_the_tables_of_smf_md_are_those_of_the_code() -> None:
    assert SMF.partition(BEGIN)[2].partition(END)[0].strip() == tables().strip()


def test_the_commands_of_smf_md_are_understood() -> None:
    parser = build_parser("smf")
    commands = re.findall(r"^(?:\$ )?cssmtp (smf \S.*?)(?:  .*| \|.*)?$", SMF, re.MULTILINE)
    assert len(commands) >= 9
    for words in commands:
        parser.parse_args(words.split())


def test_every_metric_is_documented_and_nothing_else() -> None:
    rows = {
        match["name"]: (match["type"], match["labels"], match["text"])
        for match in re.finditer(
            r"^\| `(?P<name>\w+)` \| (?P<type>\w+) \| (?P<labels>.+?) \| (?P<text>.+) \|$", SERVICE, re.MULTILINE
        )
    }
    assert rows == {one.name: (one.type, ", ".join(one.labels) or "-", one.text) for one in METRICS}


def test_the_dashboard_asks_only_for_metrics_and_labels_that_exist() -> None:
    known = {one.name: set(one.labels) for one in METRICS if one.type != "histogram"}
    for one in METRICS:
        if one.type == "histogram":
            known |= {one.name + end: {"le", *one.labels} for end in ("_bucket", "_sum", "_count")}
    for query in queries():
        names = set(re.findall(r"\bcssmtp_\w+", query))
        assert names
        assert names <= set(known), query
        labels = {label for name in names for label in known[name]} | {"job"}
        grouped = re.findall(r"by \(([^)]*)\)", query)
        used = {label.strip() for group in grouped for label in group.split(",")}
        used |= set(re.findall(r"[{,](\w+)=", query))
        assert used <= labels, query
        assert query.count("(") == query.count(")")


def test_the_dashboard_shows_every_metric() -> None:
    asked = " ".join([*queries(), *(one["query"] for one in DASHBOARD["templating"]["list"])])
    hidden = {one.name for one in METRICS if one.name not in asked}
    assert hidden <= {"cssmtp_recipients_total", "cssmtp_connections_closed_total", "cssmtp_connection_seconds"}


def test_the_alarms_of_service_md_ask_for_metrics_that_exist() -> None:
    assert set(re.findall(r"\bcssmtp_\w+", SERVICE)) <= {one.name for one in METRICS}


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["w"])
        for y in range(place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_unit_starts_a_command_that_exists_and_speaks_its_protocol() -> None:
    settings = dict(re.findall(r"^(\w+)=(.*)$", UNIT, re.MULTILINE))
    words = settings["ExecStart"].split()
    build_parser("run").parse_args(words[1:])
    assert settings["Type"] == "notify"
    assert int(settings["WatchdogSec"]) >= 10
    assert int(settings["TimeoutStopSec"]) > 600
    assert "AF_UNIX" in settings["RestrictAddressFamilies"]
    assert settings["RestartPreventExitStatus"] == "2"


def test_the_unit_is_one_for_systemd(tmp_path: Path) -> None:
    """Where systemd is at hand, it is asked; the program of the unit need not be installed."""
    program = shutil.which("systemd-analyze")
    if program is None:
        assert UNIT.count("[Service]") == UNIT.count("[Unit]") == UNIT.count("[Install]") == 1
        return
    copy = tmp_path / "cssmtp.service"
    copy.write_text(UNIT.replace("/usr/bin/cssmtp", "/bin/true"), encoding="utf-8")
    done = subprocess.run([program, "verify", str(copy)], capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert str(copy) not in done.stderr, done.stderr
    assert "cssmtp.service:" not in done.stderr


@pytest.mark.parametrize(
    "place", sorted(set(re.findall(r"\| `([a-z_]+(?:\.[A-Za-z_]+)+)`", (ROOT / "docs/compat/smf.md").read_text())))
)
def test_the_decisions_stand_where_the_page_says(place: str) -> None:
    parts = place.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module("cssmtp." + ".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            found = getattr(found, name)
        return
    pytest.fail(f"there is no {place}")
