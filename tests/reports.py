"""Reading an error report back: what it lists, as the objects of `cssmtp check --format json`."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

_PLACE = re.compile(r"Record (\d+)(?:  Mail (\d+))?|Mail (\d+)|Spool file")
_FAILED = re.compile(r"Mail (\d+)  Recipient <(.*)>")


def listed(report: str) -> list[tuple[int, int, str]]:
    """(record, mail, reply) of every error in the report, in its order. A reply that ends the file has record -1."""
    head, body, _sums = report.removesuffix("\n").split("\n\n")
    assert head.startswith("CSSMTP error report")
    found: list[tuple[int, int, str]] = []
    place: tuple[int, int] | None = None
    for line in body.splitlines():
        if match := _PLACE.fullmatch(line):
            place = (int(match[1] or 0), int(match[2] or match[3] or 0))
            found.append((*place, ""))
        elif _FAILED.fullmatch(line):
            place = None
        elif line.startswith("  "):
            if place is not None:
                found[-1] = (*place, line[2:])  # the last line of an error is its reply
        else:
            found.append((-1, 0, line))
    return found


def failed_recipients(report: str) -> list[tuple[int, str, str]]:
    """(mail, recipient, reason) of every recipient that a server or the gateway refused."""
    lines = report.splitlines()
    matches = [(_FAILED.fullmatch(line), reason) for line, reason in pairwise(lines)]
    return [(int(match[1]), match[2], reason.strip()) for match, reason in matches if match]


def as_listed(errors: list[dict[str, Any]], limit_reply: str = "Exceeded maximum errors") -> list[tuple[int, int, str]]:
    """The errors of a check result in the form and order of `listed`: the limit comes last and without a place."""
    plain = [(error["record"], error["mail"], error["reply"]) for error in errors]
    limits = [(-1, 0, reply) for _, _, reply in plain if reply.startswith(limit_reply)]
    return [error for error in plain if not error[2].startswith(limit_reply)] + limits
