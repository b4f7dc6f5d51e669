"""The displays, word for word, and their JSON (operator-commands.md 4 and 12)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from cssmtp.config.model import AddressKind, Configuration, TargetAddress, TargetServer
from cssmtp.console import listings
from cssmtp.console.display import configuration_display, configuration_json
from cssmtp.console.handlers import as_data
from cssmtp.console.health import Health, examine, summary, worst
from cssmtp.console.listings import Listing
from cssmtp.console.reply import done, refused, shown
from cssmtp.observe.events import SpoolFile
from cssmtp.observe.readings import ExtendedReading
from cssmtp.observe.snapshot import Activity, PoolStatus, Remark, Snapshot, TargetStatus, TaskState, TaskStatus

GOLDEN = Path(__file__).parents[1] / "golden"
NOW = datetime(2026, 1, 31, 23, 59, 59, 123456, timezone(timedelta(hours=-5)))
FILE = SpoolFile("0000017", "CSSMTP", "PAYRUN", "JOB01234", 2, "OPS", "", "NODE1")
CONFIGURATION = Configuration(
    (TargetServer((TargetAddress(AddressKind.NAME, "mail.example.com"),)),),
    source="/etc/cssmtp/cssmtp.conf",
    mail_administrators=("a@example.com", "b@example.com"),
)

FULL = Snapshot(
    time=NOW,
    started=NOW - timedelta(hours=3),
    version="1",
    configuration=CONFIGURATION,
    ready=True,
    activity=Activity.SUSPENDED_DELAY,
    log_level=71,
    pools=(PoolStatus("WRITER", 16, 2, 1), PoolStatus("DEST", 16)),
    tasks=(
        TaskStatus(3, "WRITER", TaskState.ACTIVE, FILE, 1200, read=40, sent=30, failed=2, pending=8),
        TaskStatus(
            7,
            "WRITER",
            TaskState.LONG_RETRY,
            SpoolFile("0000018"),
            90,
            read=4,
            sent=1,
            retrying=3,
            oldest_retry=NOW - timedelta(minutes=7),
        ),
    ),
    targets=(
        TargetStatus(
            "192.0.2.25",
            25,
            1,
            "TARGETNAME mail.example.com",
            "UP",
            protocol="ESMTP",
            size=52428800,
            tls=True,
            connections=5,
            sent=31,
            last_reply="250 2.0.0 Ok\x1b[2J",
        ),
        TargetStatus("2001:db8::25", 25, 1, "TARGETNAME mail.example.com", "DOWN", reason="connection refused"),
        TargetStatus("192.0.2.26", 587, 2, "TARGETIP 192.0.2.26", "UP", protocol="SMTP", secure=True),
        TargetStatus("192.0.2.27", 25, 3, "TARGETIP 192.0.2.27", "UP", protocol="SMTP"),
    ),
    waiting=6,
    sent=31,
    failed=2,
    extended=ExtendedReading(12, 40, 3),
    remarks=(Remark(NOW, "BMG0602W", "target server is down"),),
)
EMPTY = replace(FULL, tasks=(), targets=(), extended=None, log_level=0)

DISPLAYS: dict[str, Callable[[Snapshot], Listing | None]] = {
    "iplist": listings.ip_list,
    "loglevel": listings.log_level,
    "spoolstatus": listings.spool_status,
    "spooldetail": listings.spool_detail,
    "targets": listings.targets,
}


@pytest.mark.parametrize("name", DISPLAYS)
@pytest.mark.parametrize(("which", "snapshot"), [("full", FULL), ("empty", EMPTY)])
def test_a_display_is_word_for_word_the_golden_one(name: str, which: str, snapshot: Snapshot) -> None:
    listing = DISPLAYS[name](snapshot)
    assert listing is not None
    data = json.dumps(listing.to_json(), indent=2)
    golden = (GOLDEN / f"operator_{name}_{which}.txt").read_text(encoding="utf-8")
    assert "\n".join(listing.lines()) + "\n" + data + "\n" == golden


def test_the_labels_that_ibm_documents_are_there_to_the_letter() -> None:
    listing = listings.targets(FULL)
    assert listing is not None
    lines = [line.split(":")[0].strip() for line in listing.lines()]
    block = lines.index("GLOBAL INFORMATION")
    extended = lines.index("EXTENDED RETRY")
    assert block < lines.index("CURRENT RETRY") < extended < lines.index("CURRENT")


def test_detail_and_targets_can_be_narrowed_to_one() -> None:
    one = listings.spool_detail(FULL, 7)
    assert one is not None
    assert one.lines()[-1] == "1 RECORDS DISPLAYED"
    assert listings.spool_detail(FULL, 8) is None
    target = listings.targets(FULL, "2001:db8::25")
    assert target is not None
    assert target.lines()[-1] == "1 RECORDS DISPLAYED"
    assert listings.targets(FULL, "192.0.2.99") is None


def test_nothing_of_a_server_gets_to_the_terminal_unescaped() -> None:
    listing = listings.targets(FULL)
    assert listing is not None
    assert "\x1b" not in "".join(listing.lines())


def test_the_configuration_display_tells_the_state_of_a_running_gateway() -> None:
    assert "  STATE              : ACTIVE\n" in configuration_display(CONFIGURATION, "/c", "ACTIVE")
    assert "STATE " not in configuration_display(CONFIGURATION, "/c")


def test_the_configuration_as_json_has_every_statement() -> None:
    found = configuration_json(CONFIGURATION, "/c", "ACTIVE")
    assert (found["id"], found["file"], found["state"]) == ("EZD1829I", "/c", "ACTIVE")
    statements = found["statements"]
    assert statements["MailAdministrator"] == ["a@example.com", "b@example.com"]
    assert statements["TargetServer"][0]["TargetName"] == "mail.example.com"
    assert (statements["ExtendedRetry"], statements["ReportMailFrom"], statements["Timeout"]["AnyCmd"]) == (None, None, "300")
    two = replace(CONFIGURATION.targets[0], addresses=CONFIGURATION.targets[0].addresses * 3)
    several = configuration_json(replace(CONFIGURATION, targets=(two,)), "/c", "ACTIVE")
    assert several["statements"]["TargetServer"][0]["TargetName"] == ["mail.example.com"] * 3


def test_replies_are_lines_and_objects() -> None:
    assert done("x\ny", "a", n=1).render(as_json=False) == "BMG0856I x\\x0ay\n  a\n"
    assert json.loads(done("x", n=1).render(as_json=True)) == {"ok": True, "id": "BMG0856I", "text": "x", "details": [], "n": 1}
    assert refused("CMD", "why", ["a\tb"]).render(as_json=False) == "BMG0857E CMD: why\n  a\\x09b\n"
    assert shown(listings.log_level(EMPTY)).render(as_json=False).endswith("ACTIVE               : NONE\n")


# health


def findings(**changes: object) -> list[tuple[str, str]]:
    data = as_data(replace(FULL, **{"activity": Activity.ACTIVE, "targets": FULL.targets[:1], **changes}))
    return [(finding.health.name, finding.text) for finding in examine(data)]


def test_all_is_well() -> None:
    assert findings() == []
    assert worst([]) is Health.OK


def test_what_monitoring_is_told() -> None:
    down = replace(FULL.targets[1])
    assert findings(ready=False) == [("WARNING", "initialization is not complete")]
    assert findings(activity=Activity.SUSPENDED_DELAY) == [("WARNING", "processing is SUSPENDED DELAY")]
    assert findings(targets=(FULL.targets[0], down)) == [
        ("WARNING", "target servers down: 2001:db8::25 port 25 (connection refused)")
    ]
    assert findings(targets=(down,))[0][0] == "CRITICAL"
    assert findings(pools=(PoolStatus("WRITER", 16, 13, 12),)) == []
    assert findings(pools=(PoolStatus("WRITER", 16, 13, 13),)) == [("WARNING", "13 of 16 WRITER tasks wait for long retry")]


def test_the_summary_has_the_numbers() -> None:
    assert summary(as_data(FULL)) == (
        "CSSMTP suspended delay, targets 3 of 4, tasks 2, waiting 6, long retry 3, extended retry 12, sent 31, failed 2"
    )
