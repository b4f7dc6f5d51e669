"""`-bp` and `mailq`: the caller's mail that has not left yet (ezatmail.md 6.6).

Promises: lists what the caller may see: his own files, for the administrator those of everybody; says so when a part of the
spool cannot be read by him, rather than that it is empty.
Never: opens a mail; changes anything.
"""

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cssmtp.ezatmail.caller import Caller
from cssmtp.ezatmail.refusal import NO_PERMISSION, OK, UNAVAILABLE, Refusal, printable
from cssmtp.ezatmail.settings import Settings
from cssmtp.spool.attributes import Attributes, from_json

STATES = {"ready": "waiting", "busy": "being sent", "held": "held"}
"""The directories of the spool with mail in them, and what to call it."""

_HEADING = f"{'-Spool file-':<58} {'-Size-':>9} {'-Arrived-':<20} {'-Owner-':<9} -State-\n"


def show(settings: Settings, caller: Caller, say: Callable[[int, str], None]) -> int:
    """Prints the list. Raises `Refusal`: 69 when there is no spool, 77 when nothing of it can be read."""
    root = _path(settings.spool)
    if not root.is_dir():
        raise Refusal(UNAVAILABLE, f"{printable(settings.spool)}: the spool is not there; is the statement D{{spool}} right?")
    administrator = caller.uid in (0, root.stat().st_uid)
    closed: list[str] = []
    lines = _dropped(_path(settings.drop), caller, administrator, closed)
    for state, word in STATES.items():
        lines += _entries(root / state, word, settings.writer, None if administrator else caller.name.upper(), closed)
    if closed and not lines:
        raise Refusal(NO_PERMISSION, f"only the spool's administrator can see the queue; {', '.join(closed)} cannot be read")
    if closed:
        say(2, f"not shown, because it cannot be read: {', '.join(closed)}\n")
    say(1, _HEADING + "".join(lines) if lines else "Mail queue is empty\n")
    return OK


def _path(text: str) -> Path:
    return Path(os.fsdecode(text.encode("latin-1")))


def _line(name: str, size: int, arrived: str, owner: str, state: str) -> str:
    return f"{printable(name):<58} {size:>9} {arrived:<20} {printable(owner):<9} {state}\n"


def _names(directory: Path, closed: list[str]) -> list[str]:
    try:
        return sorted(name for name in os.listdir(directory) if not name.startswith("."))
    except FileNotFoundError:
        return []
    except PermissionError:
        closed.append(printable(str(directory)))
        return []


def _dropped(directory: Path, caller: Caller, administrator: bool, closed: list[str]) -> list[str]:
    """Files that the gateway has not taken yet."""
    lines = []
    for name in _names(directory, closed):
        try:
            status = (directory / name).lstat()
        except OSError:
            continue
        if name.endswith((".json", ".tmp")) or not stat.S_ISREG(status.st_mode):
            continue
        if administrator or status.st_uid == caller.uid:
            arrived = datetime.fromtimestamp(status.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            owner = caller.name if status.st_uid == caller.uid else str(status.st_uid)
            lines.append(_line(name, status.st_size, arrived, owner, "dropped"))
    return lines


def _entries(directory: Path, word: str, writer: str, owner: str | None, closed: list[str]) -> list[str]:
    """Spool files in one state, those of `owner` or (None) of everybody; `ready` has a level of priorities in between."""
    lines = []
    for name in _names(directory, closed):
        inside = [directory / name]
        if directory.name == "ready":
            inside = [directory / name / each for each in _names(directory / name, closed)]
        for path in inside:
            try:
                attributes, problems = from_json((path / "attrs.json").read_bytes(), Attributes())
            except OSError:
                continue
            if not problems and attributes.writer == writer and owner in (None, attributes.owner.upper()):
                identity = path.name.rpartition("@")[0] or path.name
                lines.append(_line(identity, attributes.bytes, attributes.created[:19] + "Z", attributes.owner, word))
    return lines
