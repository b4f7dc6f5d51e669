"""What the actions of `cssmtp spool` share: the spool they work on, entries by what people call them, attributes by option.

Promises: a spool that is none, an id that means nothing or two things, and a value that an attribute cannot have are a
`UsageError`.
Never: changes anything.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from cssmtp.clock import SystemClock
from cssmtp.config.model import System
from cssmtp.errors import UsageError
from cssmtp.messages import plain
from cssmtp.spool.attributes import Attributes, from_json, keys
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.names import node_name
from cssmtp.spool.owner import this_host
from cssmtp.spool.store import SpoolEntry

SHOWN = 300
"""Characters of a name or reason that are shown."""
NOT_BY_OPTION = frozenset(
    {"version", "bytes", "records", "created", "token", "dsname", "hold", "hold_reason", "output", "userdata"}
)
"""Keys that come from the data or from the spool, or have an action of their own."""


class Declare(Protocol):
    """Makes the parser of one action: name, help text, function."""

    def __call__(self, name: str, text: str, work: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser: ...


def add_spool(parser: argparse.ArgumentParser) -> None:
    """The option that says which spool."""
    parser.add_argument("--spool", metavar="DIR", default=System().spool, help="the spool directory (default: %(default)s)")


def add_attributes(parser: argparse.ArgumentParser, allowed: Callable[[str], bool] = lambda key: True) -> None:
    """An option for each attribute that people may set."""
    group = parser.add_argument_group("attributes (as the keys of a sidecar)")
    for key, want in keys().items():
        if key in NOT_BY_OPTION or not allowed(key):
            continue
        option = "--" + key.replace("_", "-").replace(".", "-")
        if want == "true or false":
            group.add_argument(option, dest=f"attribute:{key}", action=argparse.BooleanOptionalAction, help=want)
        else:
            group.add_argument(option, dest=f"attribute:{key}", metavar="VALUE", help=want)
    if allowed("output"):
        group.add_argument(
            "--output", dest="attribute:output", metavar="KEY=VALUE", action="append", help="a keyword of the OUTPUT statement"
        )


def attributes_of(arguments: argparse.Namespace, defaults: Attributes) -> Attributes:
    """`defaults` changed by the options of `add_attributes`. Raises `UsageError` for a value that an attribute cannot have."""
    tree: dict[str, Any] = {}
    for name, value in vars(arguments).items():
        if not name.startswith("attribute:") or value is None:
            continue
        key = name.removeprefix("attribute:")
        if key == "output":
            value = {**defaults.output, **dict(word.partition("=")[::2] for word in value)}
        elif isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value) and keys()[key].startswith("a number"):
            value = int(value)
        outer, _, inner = key.partition(".")
        if inner:
            tree.setdefault(outer, {})[inner] = value
        else:
            tree[key] = value
    attributes, problems = from_json(json.dumps(tree).encode(), defaults)
    if problems:
        raise UsageError("; ".join(problem.replace('key "', 'attribute "') for problem in problems))
    return attributes


@contextmanager
def spool_at(directory: str) -> Iterator[DirectorySpool]:
    """The spool in a directory. Raises `UsageError` when there is none."""
    if not (Path(directory) / "ready").is_dir():
        raise UsageError(f"{plain(directory, SHOWN)} is no spool; make one with 'cssmtp spool init', or name it with --spool")
    spool = DirectorySpool(Path(directory), clock=SystemClock(), node=node_name(this_host()))
    try:
        yield spool
    finally:
        spool.close()


def entry_of(spool: DirectorySpool, word: str) -> SpoolEntry:
    """The one entry that `word` means: an id, its beginning, or a job id."""
    found = [entry for entry in spool.entries() if entry.id == word]
    found = found or [entry for entry in spool.entries() if entry.id.startswith(word) or entry.attributes.jobid == word.upper()]
    if not found:
        raise UsageError(f"there is no entry '{plain(word, SHOWN)}'; see 'cssmtp spool list'")
    if len(found) > 1:
        some = ", ".join(entry.id for entry in found[:4])
        raise UsageError(
            f"{plain(word, SHOWN)} means {len(found)} entries ({some}{', ...' if len(found) > 4 else ''}); name one by its id"
        )
    return found[0]


def tell(action: str, what: str, problem: str) -> None:
    """One thing that could not be done, on standard error."""
    print(f"cssmtp spool {action}: {plain(what, SHOWN)}: {problem}", file=sys.stderr)


@contextmanager
def progress(text: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on a terminal for more than one thing; call what is given once for each."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda: bar.advance(task)
