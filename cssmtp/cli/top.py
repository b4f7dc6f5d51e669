"""`cssmtp top`: watch a running gateway on a terminal.

Promises: nothing scrolls away; q and control-C end it; a gateway that ends and comes back is shown again. The terminal is left
as it was found.
Never: changes anything.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import select
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live

from cssmtp.cli.modify import add_place, place
from cssmtp.console.client import Unreachable, ask
from cssmtp.console.dashboard import Data, absent, frame

ANSWER_SECONDS = 5.0

EXPLANATION = """\
keys: q ends it.

examples:
  cssmtp top --spool /var/spool/cssmtp
  cssmtp top --once            one frame, for a file or a ticket
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.epilog = EXPLANATION
    parser.add_argument("--once", action="store_true", help="print one frame and end")
    parser.add_argument("--every", metavar="SECONDS", type=float, default=1.0, help="seconds between frames (default 1)")
    add_place(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do it; the answer is the exit status: 2 when --once finds no gateway."""
    path = place(arguments)
    if arguments.once:
        Console().print(frame(fetch(path), None))
        return 0
    with contextlib.suppress(KeyboardInterrupt), keys() as key, Live(screen=True, auto_refresh=False) as live:
        data: Data | None = None
        while True:
            picture, data = look(path, data)
            live.update(picture, refresh=True)
            if key(max(0.1, arguments.every)) in ("q", "Q"):
                break
    return 0


def look(path: Path, before: Data | None) -> tuple[RenderableType, Data | None]:
    """The next frame, and the snapshot it shows, None when nobody answers."""
    try:
        data = fetch(path)
    except Unreachable as error:
        return absent(str(error)), None
    return frame(data, before), data


def fetch(path: Path) -> Data:
    """The gateway's snapshot. Raises Unreachable."""
    try:
        data: Data = json.loads(ask(path, "SNAPSHOT", as_json=True, seconds=ANSWER_SECONDS).text)
    except ValueError as error:
        raise Unreachable(f"{path}: what answers is no gateway") from error
    return data


class Keys:
    """Keys as they are pressed, without Enter, where standard input is a terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, seconds: float) -> str:
        """The next key within so many seconds, "" when there was none."""
        ready, _, _ = select.select([self._descriptor] if self._descriptor >= 0 else [], [], [], seconds)
        return sys.stdin.read(1) if ready else ""


@contextlib.contextmanager
def keys() -> Iterator[Keys]:
    """Take keys one by one; the terminal is set back at the end."""
    if not sys.stdin.isatty():
        yield Keys(-1)
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield Keys(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
