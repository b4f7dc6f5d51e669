"""`python -m cssmtp.ezatmail.install DIRECTORY`: puts `ezatmail` and the names programs call it by into a directory.

Promises: the launcher names this interpreter and this installation by their absolute paths, so that nothing has to be searched
when it is started; `sendmail`, `mailq` and `newaliases` are links to it.
Never: replaces a file that is not from here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cssmtp.ezatmail.refusal import CANNOT_CREATE, OK, USAGE

NAMES = ("sendmail", "mailq", "newaliases")
SHEBANG_LIMIT = 127
"""Bytes of a first line that every Linux reads."""

LAUNCHER = """\
#!{python} -IS
# ezatmail, made by {module}; -I and -S leave out of Python's start what is not needed here.
import posix
import sys

sys.path.insert(0, {place!r})
from cssmtp.ezatmail.main import main

posix._exit(main())
"""
MARK = "# ezatmail, made by "


def launcher(python: str, place: str) -> str:
    """The text of a launcher for an interpreter and the directory that holds the package `cssmtp`; both absolute.

    Raises `ValueError` when no first line can be made of that interpreter's path.
    """
    text = LAUNCHER.format(python=python, place=place, module=__name__ if __name__ != "__main__" else "cssmtp.ezatmail.install")
    if any(character.isspace() for character in python) or len(text.partition("\n")[0].encode()) > SHEBANG_LIMIT:
        raise ValueError(
            f"the path {python} cannot stand in the first line of a script; install into a place with a short plain path"
        )
    return text


def install(directory: Path) -> list[Path]:
    """Writes launcher and links; returns their paths. Raises `OSError`, `ValueError` and `FileExistsError` for what is not
    ours."""
    text = launcher(sys.executable, str(Path(__file__).resolve().parents[2]))
    target = directory / "ezatmail"
    for path in (target, *(directory / name for name in NAMES)):
        if path.is_symlink():
            ours = path.readlink() == Path("ezatmail")
        else:
            ours = not path.exists() or (path.is_file() and MARK in path.read_text("latin-1")[:400])
        if not ours:
            raise FileExistsError(f"{path} is not from ezatmail; move it away first")
    building = directory / ".ezatmail.new"
    building.write_text(text)
    building.chmod(0o755)
    building.replace(target)
    made = [target]
    for name in NAMES:
        path = directory / name
        path.unlink(missing_ok=True)
        path.symlink_to("ezatmail")
        made.append(path)
    return made


def main(words: list[str]) -> int:
    """The command; returns the exit status."""
    if len(words) != 1 or words[0].startswith("-"):
        print("usage: python -m cssmtp.ezatmail.install DIRECTORY, like /usr/local/sbin", file=sys.stderr)
        return USAGE
    try:
        made = install(Path(words[0]))
    except (OSError, ValueError) as fault:
        print(f"ezatmail: {fault}", file=sys.stderr)
        return CANNOT_CREATE
    print("\n".join(map(str, made)))
    return OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
