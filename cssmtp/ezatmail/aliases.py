"""The aliases file (ezatmail.md 3.13): `name: address, address`, continued lines, `:include:`, `owner-` aliases.

Promises: expansion ends, whatever loops there are, and gives each address once; what is not supported is refused with file and
line.
Never: runs a `|command`, writes to a `/path`, reads another file than those named by `:include:` with an absolute path.
"""

import os
from collections.abc import Callable

from cssmtp.ezatmail.addresses import AddressError, addresses, is_local, is_qualified, qualified
from cssmtp.ezatmail.refusal import CONFIGURATION, DATA_ERROR, OK, Refusal, printable

INCLUDE = ":include:"
CATCH_ALL = "*"
"""An entry of this name takes every local name that has none of its own (DMA's extension)."""


class Alias:
    """One entry: where it stands, and its targets as written."""

    __slots__ = ("file", "line", "targets")

    def __init__(self, file: str, line: int, targets: list[str]) -> None:
        self.file = file
        self.line = line
        self.targets = targets

    def refused(self, text: str) -> Refusal:
        return Refusal(CONFIGURATION, f"aliases {printable(self.file)}, line {self.line}: {text}")


class Aliases:
    """All entries by their names in lower case, and what is wrong in the files, one line each; `missing` are files that do not
    exist."""

    __slots__ = ("entries", "missing", "problems")

    def __init__(self) -> None:
        self.entries: dict[str, Alias] = {}
        self.problems: list[str] = []
        self.missing: list[str] = []


def load(files: tuple[str, ...]) -> Aliases:
    """The aliases in some files; a file that does not exist is an empty one (an old sendmail.cf names its default whether it
    exists or not). Raises `Refusal` (78) for one that cannot be read; wrong lines are told in `problems`."""
    aliases = Aliases()
    for path in files:
        try:
            with open(path.encode("latin-1"), "rb") as stream:
                text = stream.read().decode("latin-1")
        except FileNotFoundError:
            aliases.missing.append(path)
            continue
        except (OSError, ValueError) as fault:
            reason = os.strerror(fault.errno or 0) if isinstance(fault, OSError) else "no path"
            raise Refusal(CONFIGURATION, f"aliases {printable(path)}: {reason}") from None
        _parse(aliases, path, text)
    return aliases


def _parse(aliases: Aliases, path: str, text: str) -> None:
    for number, line in _logical_lines(text):
        name, colon, value = _cut(line)
        name = name.strip().lower()
        if name.startswith('"') and name.endswith('"') and len(name) > 1:
            name = name[1:-1]
        problem = ""
        targets: list[str] = []
        if not colon:
            problem = "there is no colon after the name"
        elif name != CATCH_ALL and not is_local(name):
            problem = f"{printable(name)!r} is no local name"
        elif name in aliases.entries:
            problem = f"{name} is defined twice; the first definition counts"
        else:
            targets = split_targets(value)
            problem = _wrong_target(targets)
        if problem:
            aliases.problems.append(f"{printable(path)}, line {number}: {problem}")
        else:
            aliases.entries[name] = Alias(path, number, targets)


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines with their numbers, continued ones joined: by a blank in front or a backslash before the line end."""
    found: list[tuple[int, str]] = []
    joined = False
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        continues = line.endswith("\\")
        piece = line[:-1] if continues else line
        if joined or (line[:1] in (" ", "\t") and line.strip() and found):
            first, begun = found[-1]
            found[-1] = (first, begun + " " + piece.strip())
        elif line.strip() and not line.startswith("#"):
            found.append((number, piece))
        else:
            continues = False
        joined = continues
    return found


def _cut(line: str) -> tuple[str, str, str]:
    """Name, colon and targets of a line; a colon inside quotes is part of the name."""
    if line.startswith('"'):
        end = line.find('"', 1) + 1
        rest = line[end:].lstrip()
        return line[:end], rest[:1] if rest.startswith(":") else "", rest[1:]
    return line.partition(":")


def split_targets(value: str) -> list[str]:
    """The targets in a right-hand side: separated by commas, quotes protecting them (`"|prog a, b"`)."""
    targets = [""]
    quote = angle = False
    characters = iter(value)
    for character in characters:
        if character == "\\":
            targets[-1] += character + next(characters, "")
            continue
        quote ^= character == '"'
        angle = not quote and (character == "<" or (angle and character != ">"))
        if character == "," and not quote and not angle:
            targets.append("")
        else:
            targets[-1] += character
    return [target.strip() for target in targets if target.strip()]


def _bare(target: str) -> str:
    """A target without the quotes around all of it."""
    return target[1:-1] if len(target) > 1 and target[0] == target[-1] == '"' else target


def _wrong_target(targets: list[str]) -> str:
    """What is wrong with the first target that is no target at all, "" when all are."""
    for target in targets:
        if _bare(target).startswith(("|", "/", INCLUDE)):
            continue
        try:
            addresses(target)
        except AddressError as fault:
            return str(fault)
    return ""


def unsupported(target: str) -> str:
    """Why a target cannot be used here, "" when it can."""
    bare = _bare(target)
    if bare.startswith("|"):
        return f"{printable(bare)!r} would run a command, which is not supported; nothing is ever executed"
    if bare.startswith("/"):
        return f"{printable(bare)!r} would write to a file, which is not supported"
    if bare.startswith(INCLUDE) and not bare.removeprefix(INCLUDE).strip().startswith("/"):
        return f"{printable(bare)!r} names no absolute path"
    return ""


def expanded(sender: str, recipients: list[str], aliases: Aliases, domain: str) -> list[tuple[str, str]]:
    """Recipients after aliasing, each with its envelope sender. Raises `Refusal` (78) for a target that cannot be used."""
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    waiting = [(sender, recipient) for recipient in reversed(recipients)]
    while waiting:
        who, address = waiting.pop()
        name = address.lower()
        entry = (
            None if is_qualified(address) or address.startswith("\\") else aliases.entries.get(name) or aliases.entries.get("*")
        )
        if entry is None:
            found.append((who, address))
        elif name not in seen:
            seen.add(name)
            who = _owner(name, aliases, domain) or who
            waiting += [(who, target) for target in reversed(_members(name, entry))]
    return found


def _members(name: str, entry: Alias) -> list[str]:
    """The addresses an entry stands for; its own name among them stays as it is, unaliased."""
    members: list[str] = []
    for target in entry.targets:
        problem = unsupported(target)
        if problem:
            raise entry.refused(problem)
        bare = _bare(target)
        texts = _included(bare.removeprefix(INCLUDE).strip(), entry) if bare.startswith(INCLUDE) else [target]
        for text in texts:
            try:
                members += addresses(text)
            except AddressError as fault:
                raise entry.refused(str(fault)) from None
    return ["\\" + member if member.lower() == name else member for member in members]


def _included(path: str, entry: Alias) -> list[str]:
    """The lists of addresses in an included file, one per line; `#` begins a comment line."""
    try:
        with open(path.encode("latin-1"), "rb") as stream:
            lines = stream.read().decode("latin-1").split("\n")
    except (OSError, ValueError) as fault:
        reason = os.strerror(fault.errno or 0) if isinstance(fault, OSError) else "no path"
        raise entry.refused(f"{printable(path)}: {reason}") from None
    targets = [target for line in lines if not line.startswith("#") for target in split_targets(line)]
    for target in targets:
        if _bare(target).startswith(("|", "/", INCLUDE)):
            raise entry.refused(f"{printable(path)} holds {printable(target)!r}; only addresses may be included")
    return targets


def _owner(name: str, aliases: Aliases, domain: str) -> str:
    """The envelope sender for what an alias expands to: `owner-name`'s single address, or `owner-name` itself; "" without one."""
    owner = aliases.entries.get("owner-" + name)
    if owner is None or name.startswith("owner-"):
        return ""
    if len(owner.targets) == 1 and not _bare(owner.targets[0]).startswith(("|", "/", INCLUDE)):
        single = addresses(owner.targets[0])
        if len(single) == 1:
            return qualified(single[0], domain)
    return qualified("owner-" + name, domain)


def check(files: tuple[str, ...]) -> tuple[int, list[str], list[str]]:
    """For `newaliases`: number of entries, what is wrong, and what will be refused when it is used. Raises `Refusal` (78)."""
    aliases = load(files)
    refused = [
        f"{printable(entry.file)}, line {entry.line}: {problem}"
        for entry in aliases.entries.values()
        for target in entry.targets
        if (problem := unsupported(target))
    ]
    missing = [f"{printable(path)}: there is no such file" for path in aliases.missing]
    return len(aliases.entries), aliases.problems, missing + refused


def report(files: tuple[str, ...], say: Callable[[int, str], None]) -> int:
    """`newaliases`: prints the number of entries, and what is wrong; 65 when a line cannot be understood. Raises `Refusal`
    (78)."""
    count, problems, remarks = check(files)
    say(2, "".join([f"{problem}\n" for problem in problems + remarks]))
    say(1, f"{', '.join(map(printable, files)) or 'no aliases file is configured'}: {count} aliases\n")
    return DATA_ERROR if problems else OK
