"""The user exit: somebody's own program that may reject mails and spool files (mail-processing.md 15).

Promises: the exit is called in the thread that reads, with frozen values; whatever it raises or answers, and however long it
takes, costs only its own spool file time. A call that does not come back is told while it lasts: the file waits, because nobody
knows what the exit would have said of its mail, and everything else goes on; loading an exit has an end. Codes: 0 go on, 4 accept
and do not call until the next mail, 8 reject the spool file, 12 reject the mail in progress; everything else counts as 0.
Never: calls it for a command that is unknown or malformed.

Which number is which action in IBM's interface is not known. `Action` is our own numbering, in the documented range and with
the codes that carry a command where IBM has them (3 to 15, and 19 and 20 from VERSION3 on); see docs/user-exit.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import importlib.util
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from cssmtp.bsmtp.interpreter import END_OF_DATA, Opinion
from cssmtp.clock import Clock
from cssmtp.config.model import Configuration, UserExitLevel
from cssmtp.engine.foreign import in_own_thread
from cssmtp.observe.bus import Publish
from cssmtp.observe.events import SpoolFile, UserExitFailed, UserExitLoaded, UserExitMissing, UserExitSlow, UserExitStuck

GROUP = "cssmtp.exits"
"""Group of entry points where exits are found."""

FUNCTION = "user_exit"
"""Name of the function in a UserExitFile."""

JES_CONNECTION = 257
"""Connection id of everything that comes from JES."""

SLOW_SECONDS = 1.0
"""A call that takes longer is told when it is over."""

STUCK_SECONDS = 30.0
"""A call that has not come back by then is told while it lasts. Ours: mail-processing.md 15 knows no limit."""

LOAD_SECONDS = 20.0
"""How long an exit may take to be loaded and initialised. Shorter than whoever issued a command waits for the answer."""

TERMINATE_SECONDS = 2.0
"""How long anybody waits for what the exit does at its end."""


class Action(enum.IntEnum):
    """Why the exit is called. Our own numbering, see the module."""

    INITIALIZE = 1
    HELO = 3
    MAIL = 4
    RCPT = 5
    DATA = 6
    RSET = 7
    QUIT = 8
    END_OF_DATA = 16
    TERMINATE = 18
    EHLO = 19
    STARTTLS = 20


LAST_ACTION = {UserExitLevel.VERSION2: 18, UserExitLevel.VERSION3: 20, UserExitLevel.VERSION4: 20}
"""VERSION2 knows the commands of RFC 821 only: it is not called for EHLO and STARTTLS."""

ACTIONS = {END_OF_DATA: Action.END_OF_DATA, **{action.name: action for action in Action if 3 <= action <= 15 or action > 18}}


class Code(enum.IntEnum):
    """What the exit may answer."""

    AGAIN = 0
    ACCEPT = 4
    REJECT_FILE = 8
    REJECT_MAIL = 12


@dataclass(frozen=True, slots=True)
class Job:
    """Whose spool file it is (VERSION4 only)."""

    jobname: str
    jobid: str
    owner: str


@dataclass(frozen=True, slots=True)
class Call:
    """What the exit is given. `command` is the command as written, "" where there is none; `job` is None below VERSION4."""

    version: int
    action: Action
    command: str = ""
    record: int = 0
    connection: int = JES_CONNECTION
    job: Job | None = None


class UserExit(Protocol):
    """The program. It may keep what it likes between calls; several spool files may call it at once, from several threads."""

    def __call__(self, call: Call, /) -> Any: ...


class ExitError(Exception):
    """There is no exit that can be used; the text says why."""


def find(configuration: Configuration) -> tuple[str, UserExit]:
    """The exit that the configuration asks for, and its name. Raises ExitError.

    UserExitFile first; else the entry point named like the level in small letters, else the only one there is.
    """
    path = configuration.system.user_exit_file
    if path:
        return path, _from_file(Path(path))
    found = {point.name: point for point in entry_points(group=GROUP)}
    level = configuration.user_exit.value.lower()
    point = found.get(level) or (next(iter(found.values())) if len(found) == 1 else None)
    if point is None:
        there = ", ".join(sorted(found)) or "nothing"
        raise ExitError(f"UserExitFile is not written, and no entry point {level} is in group {GROUP}: there is {there}")
    try:
        loaded = point.load()
    except Exception as error:
        raise ExitError(f"entry point {point.name}: {type(error).__name__}: {error}") from error
    return point.name, _callable(loaded, f"entry point {point.name}")


def _from_file(path: Path) -> UserExit:
    specification = importlib.util.spec_from_file_location("cssmtp_user_exit", path)
    if specification is None or specification.loader is None:
        raise ExitError(f"{path} is no Python file; its name ends in .py")
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ExitError(f"{path}: {type(error).__name__}: {error}") from error
    if not hasattr(module, FUNCTION):
        raise ExitError(f"{path} has no function {FUNCTION}")
    return _callable(getattr(module, FUNCTION), f"{FUNCTION} of {path}")


def _callable(found: Any, what: str) -> UserExit:
    if not callable(found):
        raise ExitError(f"{what} cannot be called")
    program: UserExit = found
    return program


class Exits:
    """Has the exit that the configuration asks for ready, one `gate` for each spool file. Loading runs the exit's own code."""

    def __init__(self, publish: Publish, clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        self._wanted: tuple[UserExitLevel, str] = (UserExitLevel.NONE, "")
        self._program: UserExit | None = None
        self._level = UserExitLevel.NONE
        self._sessions: weakref.WeakSet[Session] = weakref.WeakSet()

    async def settle(self, configuration: Configuration) -> None:
        """Use the exit that the configuration asks for, if it is another than before. Raises ExitError and changes nothing."""
        wanted = (configuration.user_exit, configuration.system.user_exit_file)
        if wanted == self._wanted:
            return
        level = configuration.user_exit
        name, program = "", None
        if level is not UserExitLevel.NONE:
            try:
                async with asyncio.timeout(LOAD_SECONDS):
                    name, program = await in_own_thread(self._load, configuration)
            except TimeoutError:
                raise ExitError(f"it was not loaded and initialised within {LOAD_SECONDS:.0f} seconds") from None
        await self.terminate()
        self._wanted, self._level, self._program = wanted, level, program
        if program is not None:
            self._publish(UserExitLoaded(name, level.value))

    def _load(self, configuration: Configuration) -> tuple[str, UserExit]:
        name, program = find(configuration)
        self._session(program, configuration.user_exit, SpoolFile("")).call(Action.INITIALIZE)
        return name, program

    async def settle_or_tell(self, configuration: Configuration) -> None:
        """As `settle`; when there is no such exit it is told, and decks are taken without one."""
        try:
            await self.settle(configuration)
        except ExitError as error:
            await self.terminate()
            self._wanted = (UserExitLevel.NONE, "")
            self._publish(UserExitMissing(configuration.user_exit.value, str(error)))

    async def terminate(self) -> None:
        """The exit is not called any more, but for the files that have begun with it."""
        program, self._program = self._program, None
        if program is not None:
            session = self._session(program, self._level, SpoolFile(""))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TERMINATE_SECONDS):
                    await in_own_thread(session.call, Action.TERMINATE)

    def gate(self, file: SpoolFile) -> Session | None:
        """What the interpreter of a spool file asks; None when there is no exit."""
        return self._session(self._program, self._level, file) if self._program is not None else None

    def beat(self) -> None:
        """Tell of calls that do not come back. To be called about once a second."""
        for session in list(self._sessions):
            session.look()

    def _session(self, program: UserExit, level: UserExitLevel, file: SpoolFile) -> Session:
        session = Session(program, level, file, self._publish, self._clock.monotonic)
        self._sessions.add(session)
        return session


class Session:
    """One spool file as the exit sees it. To be called by one thread at a time; is the interpreter's `Gate`."""

    def __init__(
        self, program: UserExit, level: UserExitLevel, file: SpoolFile, publish: Publish, monotonic: Callable[[], float]
    ) -> None:
        self._program = program
        self._version = int(level.value.removeprefix("VERSION"))
        self._last = LAST_ACTION[level]
        self._file = file
        self._job = Job(file.jobname, file.jobid, file.owner) if level is UserExitLevel.VERSION4 else None
        self._publish = publish
        self._monotonic = monotonic
        self._accepted = False
        self._told_failed = False
        self._told_slow = False
        self._told_stuck = False
        self._calling: tuple[float, Action] | None = None  # since when, and why

    def __call__(self, verb: str, text: str, record: int) -> Opinion:
        action = ACTIONS[verb]
        if action is Action.MAIL:
            self._accepted = False
        if self._accepted or action > self._last:
            return Opinion.GO_ON
        code = self.call(action, "" if action is Action.END_OF_DATA else text, record)
        self._accepted = code == Code.ACCEPT
        return _opinion(code)

    def call(self, action: Action, command: str = "", record: int = 0) -> int:
        """Call the program, whatever it does; what is none of the four codes is 0."""
        began = self._monotonic()
        self._calling = began, action
        try:
            answer = self._program(Call(self._version, action, command, record, JES_CONNECTION, self._job))
            code = 0 if answer is None else int(answer)
        except (Exception, SystemExit) as error:
            code = 0
            if not self._told_failed:
                self._told_failed = True
                self._publish(UserExitFailed(self._file, f"{action.name}: {type(error).__name__}: {error}"))
        self._calling = None
        seconds = self._monotonic() - began
        if seconds > SLOW_SECONDS and not self._told_slow:
            self._told_slow = True
            self._publish(UserExitSlow(self._file, seconds))
        return code

    def look(self) -> None:
        """Tell, once for each spool file, of a call that does not come back. For another thread than that of the calls."""
        calling = self._calling
        if calling is None or self._told_stuck:
            return
        since, action = calling
        seconds = self._monotonic() - since
        if seconds > STUCK_SECONDS:
            self._told_stuck = True
            self._publish(UserExitStuck(self._file, action.name, seconds))


def _opinion(code: int) -> Opinion:
    match code:
        case Code.REJECT_FILE:
            return Opinion.REJECT_FILE
        case Code.REJECT_MAIL:
            return Opinion.REJECT_MAIL
        case _:
            return Opinion.GO_ON
