"""Path rules: what the directories of other systems say about a SYSOUT file (jes-spool.md 10).

Promises: a path is matched against the rules of one layout; what is a usable name becomes an attribute, the rest is left out; the
system's own files (job log, JCL) are told apart from output.
Never: touches files; trusts a path further than its names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from cssmtp.spool.attributes import Attributes
from cssmtp.spool.names import is_job_id, is_name, job_name

_JOB_ID = r"(?P<jobid>(?:JOB|STC|TSU)\d{5}|[JST]\d{7})"
_MOMENT = r"(?P<year>\d{4})\.S(?P<date>\d{4})\.S(?P<time>\d{6})"

_RULES: dict[str, tuple[str, ...]] = {
    # Zowe CLI: <job id>/[procstep/]<step>/<DD>.txt, a second one of that name DD(1).txt. Zowe SDK: <job>/<job id>/<step>/<DD>.
    "zowe": (
        rf"(?:(?P<jobname>[^/]+)/)?{_JOB_ID}/(?:(?P<procstep>[^/]+)/)?(?P<stepname>[^/]+)/(?P<ddname>[^/.(]+)"
        r"(?:\((?P<copy>\d+)\))?(?:\.[^/]*)?",
        rf"(?:(?P<jobname>[^/]+)/)?{_JOB_ID}/(?P<own>jcl\.txt)",
    ),
    "microfocus": (rf"(?:.*/)?(?:Y|MFE){_MOMENT}\.(?P<jobid>J\d{{7}})\.D(?P<dsid>\d{{5}})\.(?P<ddname>[^/.]+)(?:\.[^/]*)?",),
    "openframe": (
        rf"{_JOB_ID}/(?P<own>INPJCL|JESMSG|JESJCL|SYSMSG|CATPROC|CONVJCL)",
        rf"{_JOB_ID}/(?P<ddname>[^/.]+)(?:\.[^/]*)?",
    ),
    # TuxJES: a directory per job number; the CICS side writes <token>.<pid>.<usec>.<n>.
    "tuxjes": (
        r"(?:.*/)?(?P<jobname>[^/.]+)\.\d+\.\d+\.\d+",
        r"(?P<jobid>(?:JOB|STC|TSU)\d{5}|[JST]?\d{1,8})/(?:[^/]+/)*(?P<ddname>[^/.]+)(?:\.[^/]*)?",
    ),
    "plain": (r".*",),
}
LAYOUTS = tuple(_RULES)
OWN_FILES = frozenset({"JESMSGLG", "JESJCL", "JESYSMSG", "JESJCLIN"})
"""DD names of JES itself: no output of a program (jes-spool.md 1)."""

_COMPILED = {
    layout: tuple(re.compile(rule, re.ASCII | re.DOTALL | re.IGNORECASE) for rule in rules) for layout, rules in _RULES.items()
}


@dataclass(frozen=True, slots=True)
class Placed:
    """What a path says. `skip` is why the file is no output to take, "" when it is."""

    attributes: Attributes
    skip: str = ""


def from_job(path: bytes) -> bytes:
    """The part of a path from the last directory on that is named like a job id; without one, the file's own name."""
    parts = path.split(b"/")
    jobs = [index for index, part in enumerate(parts[:-1]) if is_job(part.decode("ascii", "replace"))]
    return b"/".join(parts[jobs[-1] :] if jobs else parts[-1:])


def is_job(name: str) -> bool:
    """True when a directory of that name may be one of a job: a job id, or a number as in TuxJES."""
    return is_job_id(name.upper()) or (name.isascii() and name.isdigit() and len(name) <= 8)


def place(layout: str, path: bytes, defaults: Attributes, zone: tzinfo) -> Placed:
    """What the path of a file (relative to the tree, parts separated by `/`) says in a layout of `LAYOUTS`.

    A tree is the directory that holds those of the jobs. `zone` is that of dates in names. The job name falls back to the file's
    own name.
    """
    text = path.decode("utf-8", "surrogateescape")
    named = replace(defaults, jobname=defaults.jobname or job_name(path.rpartition(b"/")[2]))
    for rule in _COMPILED[layout]:
        found = rule.fullmatch(text)
        if found is None:
            continue
        groups = {key: value.upper() for key, value in found.groupdict().items() if value}
        if "OWN" in map(str.upper, groups) or groups.get("ddname") in OWN_FILES:
            return Placed(named, "is a file of the job entry system itself, no output")
        return Placed(replace(named, **_usable(groups, zone)))
    return Placed(named, f"its path does not have the form of layout {layout}")


def _usable(groups: dict[str, str], zone: tzinfo) -> dict[str, Any]:
    """The attributes in the groups of a match that hold what such an attribute may hold."""
    values: dict[str, Any] = {
        key: groups[key] for key in ("jobname", "procstep", "stepname", "ddname") if is_name(groups.get(key, ""))
    }
    job = groups.get("jobid", "")
    if job.isdigit():
        job = f"J{int(job) % 10_000_000:07d}"
    if is_job_id(job):
        values["jobid"] = job
    if int(groups.get("dsid", 0)):
        values["dsid"] = int(groups["dsid"])
    elif "copy" in groups:
        values["dsid"] = int(groups["copy"]) % 9_999_999 + 1
    if "year" in groups:
        try:
            moment = datetime.strptime(groups["year"] + groups["date"] + groups["time"], "%Y%m%d%H%M%S")
            values["created"] = moment.replace(tzinfo=zone).isoformat()
        except ValueError:
            pass
    return values
