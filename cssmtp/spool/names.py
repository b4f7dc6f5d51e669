"""Names on the spool: writers, jobs, job ids, entry ids.

Promises: whatever bytes a user's file name holds, the names made here are plain ASCII that is safe in paths and headers.
Never: touches files, clocks or randomness.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

RESERVED_WRITERS = frozenset({"INTRDR", "STDWTR", "NJERDR"})
"""Writer names that JES keeps for itself (jes-spool.md 2)."""

_NAME = re.compile(r"[A-Z0-9$#@]{1,8}", re.ASCII)
_JOB_ID = re.compile(r"(?:JOB|STC|TSU)[0-9]{5}|[JST][0-9]{7}", re.ASCII)


def is_name(text: str) -> bool:
    """True for 1 to 8 characters of A-Z, 0-9, $, # and @ (upper case only)."""
    return _NAME.fullmatch(text) is not None


def is_job_id(text: str) -> bool:
    """True for the forms of jes-spool.md 1: JOBnnnnn, Jnnnnnnn and the same for STC and TSU."""
    return _JOB_ID.fullmatch(text) is not None


def writer_name(text: str) -> str:
    """The writer name folded to upper case. Raises `ValueError` saying what is wrong and what to do."""
    name = text.upper()
    if not is_name(name):
        raise ValueError(f"{text!r} is no writer name; use 1 to 8 characters of A-Z, 0-9, $, # and @")
    if name in RESERVED_WRITERS:
        raise ValueError(f"{name} is a writer name reserved by JES; use another one")
    return name


def job_name(file_name: bytes) -> str:
    """A job name made from a file name: its stem in upper case, other characters dropped, at most 8; else "SPOOLED"."""
    stem = file_name.rsplit(b".", 1)[0] if b"." in file_name[1:] else file_name
    text = stem.decode("ascii", "ignore").upper()
    return re.sub(r"[^A-Z0-9$#@]", "", text)[:8] or "SPOOLED"


def node_name(host: str) -> str:
    """A node name made of a host name: its first label in capitals, at most 8 characters, without what a name cannot hold."""
    return re.sub(r"[^A-Z0-9$#@]", "", host.partition(".")[0].upper())[:8] or "LOCAL"


def one_line(text: str) -> str:
    """A reason as it is kept with an entry: one printable line of at most 1000 characters."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:1000]


def assigned_job_id(number: int) -> str:
    """The job id given to data that came without one: J9nnnnnn; `number` counts on for ever, the id wraps after a million."""
    return f"J9{number % 1_000_000:06d}"


def entry_id(now: datetime, job_id: str, dsid: int, random: bytes) -> str:
    """`<UTC time>.<job id>.<Dnnnnnnn>.<random>`: sorts by age, and is unique although clocks go back and job ids repeat."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}.{job_id}.D{dsid:07d}.{random.hex()}"
