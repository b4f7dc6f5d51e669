"""`cssmtp check`: what would CSSMTP do with these spool files? Offline: no server, no spool, nothing is changed.

Promises: every file gets its answer, whatever the others are; exit status 0 nothing to report, 1 some file has errors,
2 usage or a file that could not be read (the others are still done).
Never: sends or writes anything but its answer.
"""

from __future__ import annotations

import argparse
import errno
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cssmtp.codepage.advisor import clearly_better
from cssmtp.codepage.registry import lookup
from cssmtp.config.load import require
from cssmtp.config.model import AddressKind, Configuration, TargetAddress, TargetServer
from cssmtp.engine.assess import assess
from cssmtp.errors import UnreadableData, UsageError
from cssmtp.observe.assessment import Assessment, show
from cssmtp.spool.attributes import Attributes, from_json
from cssmtp.spool.dropzone import SIDECAR_LIMIT
from cssmtp.spool.framing import blocks, detect

SIDECAR = ".json"
NOT_DECKS = (SIDECAR, ".expect", ".md")
"""Files of a directory that are not looked at: sidecars, and what lies beside the sample decks."""

HINT_BYTES = 8192
"""So much of a file is looked at for the hint about its page."""

EXPLANATION = """\
Each PATH is a spool file as any system hands it over, or a directory of such files. Attributes (framing, record length, code
page, job name) are taken from a sidecar PATH.json where there is one; without, the framing is detected.

Without -c the defaults of a configuration file apply. The exit status is 0 when there is nothing to report, 1 when some
file has errors, 2 when a file could not be read or the command line is wrong.

examples:
  cssmtp check payrun.deck
  cssmtp check --translate IBM-273 --format json decks/ | jq 'select(.disposition == "hold") | .file'
"""


class _Progress:
    """Says on a terminal which file is being read, so that long work does not look like a hang."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._shown = total > 1 and sys.stderr.isatty()

    def at(self, number: int, path: Path) -> None:
        if self._shown:
            name = "".join(character if character.isprintable() else "?" for character in path.name)[:60]
            print(f"\r\033[K{number} of {self._total}: {name}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.epilog = EXPLANATION
    parser.add_argument("paths", metavar="PATH", nargs="+", help="spool file, or directory of spool files")
    parser.add_argument("-c", "--config", metavar="FILE", help="configuration file whose rules apply")
    parser.add_argument("--translate", metavar="PAGE", help="code page of the files instead of the configuration's Translate")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="tables for people, or one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Do it; the answer is the exit status."""
    configuration = rules_of(arguments)
    paths, unreadable = _files(arguments.paths)
    progress = _Progress(len(paths))
    errors = False
    kept: list[Assessment] = []
    hints: list[str] = []
    for number, path in enumerate(paths, 1):
        progress.at(number, path)
        try:
            assessment, problems = _assess(path, configuration)
        except OSError as error:
            progress.end()
            print(f"cssmtp check: {path}: {error.strerror or error}", file=sys.stderr)
            unreadable = True
            continue
        for problem in problems:
            progress.end()
            print(f"cssmtp check: {path}{SIDECAR}: {problem}", file=sys.stderr)
        errors = errors or bool(problems) or not assessment.clean
        if arguments.format == "json":
            progress.end()
            print(assessment.to_json())
        else:
            kept.append(assessment)
            hints += _hint(path, assessment, configuration)
    progress.end()
    if kept:
        show(kept, sys.stdout)
    for hint in hints:
        print(hint)
    return 2 if unreadable else int(errors)


def rules_of(arguments: argparse.Namespace) -> Configuration:
    """The configuration that -c names, else one of defaults; --translate over its code page."""
    if arguments.config:
        configuration = require(arguments.config, environ=os.environ)
    else:
        nowhere = TargetServer((TargetAddress(AddressKind.IP, "127.0.0.1"),))
        configuration = Configuration(targets=(nowhere,))
    if not arguments.translate:
        return configuration
    page = lookup(arguments.translate)
    if "translate" not in page.roles:
        raise UsageError(f"{page.name} is no code page of spool files; 'cssmtp config --explain Translate' lists those")
    return replace(configuration, translate=page.name, mbcs=page.kind == "MBCS")


def _files(words: list[str]) -> tuple[list[Path], bool]:
    """The files to look at in a stable order, and whether one of the words names nothing."""
    files: list[Path] = []
    missing = False
    for word in words:
        path = Path(word)
        try:
            files += _below(path) if stat.S_ISDIR(os.stat(word).st_mode) else [path]
        except OSError as error:
            reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
            print(f"cssmtp check: {word}: {reason}", file=sys.stderr)
            missing = True
    return files, missing


def _below(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.suffix not in NOT_DECKS:
            yield path


def _assess(path: Path, configuration: Configuration) -> tuple[Assessment, list[str]]:
    """What would become of a file, and the problems of its sidecar (the gateway would not take it with any)."""
    # Not to wait for a writer: a FIFO is opened at once, and refused.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is no plain file")
        attributes, problems = _attributes(path, status.st_size)
        return assess(str(path), stream, status.st_size, attributes, configuration), problems


def _hint(path: Path, assessment: Assessment, configuration: Configuration) -> list[str]:
    """A line when an EBCDIC file looks as if it were in another page than it was read in. Advice: it changes no verdict.

    Where another character stands for the at sign there is no telling.
    """
    page = assessment.code_page
    if not page or "translate" not in lookup(page).roles or configuration.options.at_sign != "@":
        return []
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        attributes, _ = _attributes(path, size)
        try:
            block = next(blocks(stream, detect(stream, size, attributes)), None)
        except UnreadableData:
            return []
    other = clearly_better(b"\x15".join(block.records)[:HINT_BYTES], page) if block is not None else ""
    shown = "".join(character if character.isprintable() else "?" for character in str(path))
    return [f"hint: {shown} was read in {page} and looks more like {other}; see cssmtp codepage"] if other else []


def _attributes(path: Path, size: int) -> tuple[Attributes, list[str]]:
    """The sidecar's attributes; where it cannot be used the defaults stand, as the data may still be readable."""
    defaults = Attributes(jobname=path.stem.upper()[:8], bytes=size)
    sidecar = path.with_name(path.name + SIDECAR)
    if not sidecar.is_file():
        return defaults, []
    with sidecar.open("rb") as stream:
        attributes, problems = from_json(stream.read(SIDECAR_LIMIT), defaults)
    if attributes.bytes != size:
        problems.append(f'key "bytes" says {attributes.bytes}, the file has {size}')
    return attributes, problems
