"""`cssmtp codepage FILE...`: which code pages files may be in.

Promises: one answer per file, for people or as JSON; exit status 0 when every file could be read, 1 otherwise.
Never: changes a file; takes part in delivery.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from cssmtp.codepage import advisor, registry

_FAMILIES = {
    "ebcdic": "EBCDIC, single-byte",
    "ebcdic-mixed": "EBCDIC, mixed single- and double-byte",
    "ascii": "plain ASCII",
    "utf-8": "UTF-8",
    "other": "neither EBCDIC nor UTF-8",
}
_DIFFERENCES_SHOWN = 12
_SAMPLE_LINES = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="spool file or deck to look at")
    parser.add_argument("--json", action="store_true", help="answer as JSON, one object per file in a list")


def run(arguments: argparse.Namespace) -> int:
    """Look at each file and print what it may be in. Returns the exit status."""
    answers, failed = [], False
    for name in arguments.files:
        try:
            with Path(name).open("rb") as file:
                data = file.read(advisor.SAMPLE)
        except OSError as error:
            print(f"{name}: {error.strerror}", file=sys.stderr)
            failed = True
            continue
        advice = advisor.advise(data)
        looks_like = _looks_like(data) if advice.family == "other" else ""
        if arguments.json:
            answers.append({"file": name, **asdict(advice), "looks_like": looks_like})
        else:
            print("\n".join([f"{name}: {_FAMILIES[advice.family]}", *_shown(advice, looks_like)]))
    if arguments.json:
        print(json.dumps(answers, ensure_ascii=True, indent=2))
    return int(failed)


def _shown(advice: advisor.Advice, looks_like: str) -> list[str]:
    """The lines about one file, after its name."""
    lines = [f"  looks like {looks_like}"] if looks_like else []
    for number, found in enumerate(advice.classes, 1):
        lines.append(f"  {number}. {', '.join(map(_named, found.pages))}")
        written = [line.strip() for line in found.sample.splitlines() if line.strip()]
        lines += [f"       {line[:100]}" for line in written[:_SAMPLE_LINES]]
    if advice.differences:
        lines.append(
            "  where they differ: byte, times, " + ", ".join(str(number) for number in range(1, len(advice.classes) + 1))
        )
        for difference in advice.differences[:_DIFFERENCES_SHOWN]:
            characters = "  ".join(character if character.isprintable() else " " for character in difference.characters)
            lines.append(f"     X'{difference.code}' {difference.count:>6}  {characters}")
    return lines


def _named(name: str) -> str:
    """A page's name, with a word about it when its table is not IBM's for certain."""
    return name if registry.lookup(name).exact else f"{name} (approximate)"


def _looks_like(data: bytes) -> str:
    """What charset-normalizer takes a file for that is not EBCDIC, "" when it has no opinion."""
    import charset_normalizer  # loaded only for this: it takes longer than all the rest

    best = charset_normalizer.from_bytes(data).best()
    return "" if best is None else best.encoding
