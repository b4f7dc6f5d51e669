"""`cssmtp status`: whether the gateway works, for people and monitoring programs.

Promises: exit status 0 all is well, 1 warning, 2 critical (not running, or no target server can be reached), 3 nobody knows.
Never: changes anything.
"""

from __future__ import annotations

import argparse
import json

from cssmtp.cli.modify import add_place, place
from cssmtp.console.client import NotRunning, Unreachable, ask
from cssmtp.console.health import Finding, Health, examine, summary, worst

ANSWER_SECONDS = 10.0
"""A monitoring program does not wait for ever."""

EXPLANATION = """\
exit status: 0 all is well; 1 warning: suspended, a target server down, tasks nearly exhausted by long retry;
2 critical: not running, or no target server can be reached; 3 unknown: it may not be asked or does not answer.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.epilog = EXPLANATION
    parser.add_argument("--json", action="store_true", help="everything the gateway knows of itself, as a JSON object")
    add_place(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do it; the answer is the exit status."""
    data = {}
    try:
        data = json.loads(ask(place(arguments), "SNAPSHOT", as_json=True, seconds=ANSWER_SECONDS).text)
        findings = examine(data)
    except NotRunning as error:
        findings = [Finding(Health.CRITICAL, str(error))]
    except (Unreachable, ValueError, KeyError) as error:
        findings = [Finding(Health.UNKNOWN, str(error))]
    health = worst(findings)
    if arguments.json:
        told = [{"health": finding.health.name, "text": finding.text} for finding in findings]
        print(json.dumps({"health": health.name, "findings": told, **data}, ensure_ascii=False))
        return health
    print(health.name, "-", summary(data) if data else findings[0].text)
    for finding in findings if data else ():
        print(f"  {finding.health.name}: {finding.text}")
    return health
