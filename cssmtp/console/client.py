"""The other end of the control socket: asks a running gateway and waits for its answer.

Promises: an answer that is cut short is no answer; waiting has an end.
Never: understands commands; the gateway does.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from cssmtp.console.channel import reachable
from cssmtp.errors import CssmtpError

ANSWER_SECONDS = 60.0
"""How long to wait for an answer: REFRESH reads a file, and other commands may be before us."""

ANSWER_LIMIT = 64 * 1024 * 1024


class Unreachable(CssmtpError):
    """Nobody answers at the control socket; exit status 2."""


class NotRunning(Unreachable):
    """There is no gateway, as opposed to one that we may not ask or that does not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway said: 0 done, 1 refused, and its text."""

    status: int
    text: str


def ask(path: Path, verb: str, procedure: str = "-", operands: str = "", *, as_json: bool = False, seconds: float = 0) -> Answer:
    """Send one request to the gateway at `path`. Raises Unreachable. `seconds` 0 = `ANSWER_SECONDS`."""
    request = f"{verb} {'JSON' if as_json else 'TEXT'} {procedure} {operands}".rstrip().replace("\n", " ") + "\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(seconds or ANSWER_SECONDS)
            _connect(line, path)
            line.sendall(request.encode("utf-8", "replace"))
            return _answer(line, path)
    except FileNotFoundError:
        raise NotRunning(f"no gateway is running here: there is no {path}") from None
    except ConnectionRefusedError:
        raise NotRunning(f"no gateway is running here: nobody serves {path}") from None
    except PermissionError:
        raise Unreachable(f"{path}: this user may not command the gateway") from None
    except TimeoutError:
        raise Unreachable(f"{path}: the gateway does not answer") from None
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror or error}") from error


def _connect(line: socket.socket, path: Path) -> None:
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        line.connect(reachable(directory, path.name))
    finally:
        os.close(directory)


def _answer(line: socket.socket, path: Path) -> Answer:
    with line.makefile("rb") as stream:
        head = stream.readline(64).split()
        if len(head) != 2 or not all(word.isdigit() for word in head) or int(head[1]) > ANSWER_LIMIT:
            raise Unreachable(f"{path}: the gateway went away without an answer")
        body = stream.read(int(head[1]))
    if len(body) != int(head[1]):
        raise Unreachable(f"{path}: the gateway went away in the middle of its answer")
    return Answer(int(head[0]), body.decode("utf-8", "replace"))
