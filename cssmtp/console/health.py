"""Whether all is well, by a snapshot: for monitoring.

Promises: pure; the worst finding decides. Never: asks the gateway.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class Health(enum.IntEnum):
    """The exit statuses that monitoring programs know."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    health: Health
    text: str


def examine(data: dict[str, Any]) -> list[Finding]:
    """What is to be said about a gateway whose snapshot `data` is (see `handlers.as_data`); nothing when all is well."""
    findings = []
    if not data["ready"]:
        findings.append(Finding(Health.WARNING, "initialization is not complete"))
    if data["activity"] != "ACTIVE":
        findings.append(Finding(Health.WARNING, f"processing is {data['activity']}"))
    down = [target for target in data["targets"] if target["state"] == "DOWN"]
    if down and len(down) == len(data["targets"]):
        findings.append(Finding(Health.CRITICAL, "no target server can be reached: " + _reasons(down)))
    elif down:
        findings.append(Finding(Health.WARNING, "target servers down: " + _reasons(down)))
    for pool in data["pools"]:
        if pool["retrying"] * 4 > pool["tasks"] * 3:
            text = f"{pool['retrying']} of {pool['tasks']} {pool['name']} tasks wait for long retry"
            findings.append(Finding(Health.WARNING, text))
    return findings


def _reasons(targets: list[dict[str, Any]]) -> str:
    return "; ".join(f"{target['address']} port {target['port']} ({target['reason']})" for target in targets)


def worst(findings: list[Finding]) -> Health:
    """What the findings come to."""
    return max((finding.health for finding in findings), default=Health.OK)


def summary(data: dict[str, Any]) -> str:
    """The numbers that matter, in one line."""
    retrying = sum(task["retrying"] for task in data["tasks"])
    extended = data["extended"]["current"] if data["extended"] else 0
    up = sum(target["state"] != "DOWN" for target in data["targets"])
    return (
        f"{data['job']} {data['activity'].lower()}, targets {up} of {len(data['targets'])}, tasks {len(data['tasks'])}, "
        f"waiting {data['waiting']}, long retry {retrying}, extended retry {extended}, "
        f"sent {data['sent']}, failed {data['failed']}"
    )
