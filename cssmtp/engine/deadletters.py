"""Dead letters: what is left when neither a mail nor the notice about it could be delivered.

Promises: a dead letter is one file, whole and durable or not there at all, that no other program's file is overwritten by.
Never: decides whether there shall be one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def store_dead_letter(directory: Path, name: str, blocks: Iterable[bytes]) -> Path:
    """Write `blocks` to `directory`/`name` and return the path; the directory is made when missing.

    When the name is taken (two dead letters in one microsecond) a number is appended. Raises OSError; nothing is left
    behind then.
    """
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    scratch = directory / f".{name}.{os.urandom(8).hex()}.tmp"
    try:
        with open(scratch, "xb") as stream:
            for block in blocks:
                stream.write(block)
            stream.flush()
            os.fsync(stream.fileno())
        final = _publish(scratch, directory, name)
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink()
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return final


def _publish(scratch: Path, directory: Path, name: str) -> Path:
    number = 0
    while True:
        final = directory / (name if not number else f"{name}.{number}")
        try:
            # A link, not a rename: it fails when the name exists, so nothing is ever overwritten.
            os.link(scratch, final)
        except FileExistsError:
            number += 1
            continue
        return final
