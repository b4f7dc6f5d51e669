"""The user exit: codes 0, 4, 8, 12 in VERSION2 to 4, and exits that fail (mail-processing.md 15)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cssmtp.bsmtp.interpreter import Interpreter, Rejected, Rules
from cssmtp.clock import SystemClock
from cssmtp.config.model import Configuration, System, UserExitLevel
from cssmtp.engine import exits
from cssmtp.engine.exits import Action, Call, ExitError, Exits, Session
from cssmtp.model import DeckMail, Fault, FaultKind
from cssmtp.observe.events import (
    Event,
    SpoolFile,
    SpoolFileEnded,
    UserExitFailed,
    UserExitLoaded,
    UserExitMissing,
    UserExitSlow,
    UserExitStuck,
)
from cssmtp.spool.lines import EBCDIC
from tests.decks import PAGE, assembled, ebcdic
from tests.misbehaving import MisbehavingServer
from tests.operating import running

FILE = SpoolFile("S1", jobname="PAYRUN", jobid="JOB00007", owner="OPS")
MAIL_REPLY = "554 5.7.1 JES Mail rejected by user exit"
FILE_REPLY = "554 5.7.1 JES Spool file rejected by user exit"
EXAMPLE = Path(__file__).parents[2] / "conf" / "exit_reject_unwanted.py"

DECK = """
EHLO mvsa
STARTTLS
NOOP
MAIL FROM:<one@example.test>
RCPT TO:<a@example.test>
rcpt to:<b@example.test>
RCPT TO:<bad
DATA
text
.
MAIL FROM:<two@example.test>
RCPT TO:<c@example.test>
DATA
text
.
QUIT
"""


class Program:
    """An exit that notes its calls and answers by action or command."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.answers = answers or {}
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> Any:
        self.calls.append(call)
        answer = self.answers.get(call.command, self.answers.get(call.action.name, 0))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def seen(self) -> list[str]:
        return [call.command or call.action.name for call in self.calls]


class Ticks:
    """A clock that goes on by `step` each time it is asked."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def through(
    program: Program,
    level: UserExitLevel = UserExitLevel.VERSION4,
    text: str = DECK,
    step: float = 0.0,
    cuts: tuple[int, ...] = (),
) -> tuple[list[DeckMail | Rejected | Fault], list[Event]]:
    told: list[Event] = []
    session = Session(program, level, FILE, told.append, Ticks(step))
    interpreter = Interpreter(Rules(), PAGE, EBCDIC, gate=session)
    found = [event for lines in assembled(ebcdic(text), cuts) for event in interpreter.feed(lines)]
    return found + interpreter.finish(), told


def senders(found: list[DeckMail | Rejected | Fault]) -> list[str]:
    return [event.envelope.reverse_path.partition("@")[0] for event in found if isinstance(event, DeckMail)]


def replies(found: list[DeckMail | Rejected | Fault]) -> list[str]:
    return [event.reply for event in found if isinstance(event, Fault) and event.kind is FaultKind.EXIT]


def test_version_4_is_called_for_every_known_command_as_written_with_the_job() -> None:
    program = Program()
    found, told = through(program)
    assert program.seen == [
        "EHLO mvsa",
        "STARTTLS",
        "MAIL FROM:<one@example.test>",
        "RCPT TO:<a@example.test>",
        "rcpt to:<b@example.test>",
        "DATA",
        "END_OF_DATA",
        "MAIL FROM:<two@example.test>",
        "RCPT TO:<c@example.test>",
        "DATA",
        "END_OF_DATA",
        "QUIT",
    ]
    assert all(call.connection == 257 and call.version == 4 for call in program.calls)
    job = program.calls[0].job
    assert job is not None
    assert (job.jobname, job.jobid, job.owner) == ("PAYRUN", "JOB00007", "OPS")
    assert (senders(found), replies(found), told) == (["one", "two"], [], [])


def test_version_3_has_no_job_and_version_2_no_commands_beyond_rfc_821() -> None:
    three, two = Program(), Program()
    through(three, UserExitLevel.VERSION3)
    through(two, UserExitLevel.VERSION2)
    assert all(call.job is None for call in three.calls + two.calls)
    assert three.seen[:2] == ["EHLO mvsa", "STARTTLS"]
    assert two.seen == three.seen[2:]
    assert max(call.action for call in two.calls) <= 18 < max(call.action for call in three.calls) <= 20


def test_code_4_accepts_until_the_next_mail_begins() -> None:
    program = Program({"RCPT TO:<a@example.test>": 4})
    found, _ = through(program)
    assert program.seen[2:5] == ["MAIL FROM:<one@example.test>", "RCPT TO:<a@example.test>", "MAIL FROM:<two@example.test>"]
    assert senders(found) == ["one", "two"]


@pytest.mark.parametrize(
    "where", ["MAIL FROM:<one@example.test>", "RCPT TO:<a@example.test>", "rcpt to:<b@example.test>", "DATA", "END_OF_DATA"]
)
@pytest.mark.parametrize("cuts", [(), (60, 120, 200, 260)])
def test_code_12_rejects_the_mail_in_progress_and_no_other(where: str, cuts: tuple[int, ...]) -> None:
    first = True

    def once(call: Call) -> int:
        nonlocal first
        hit = first and where in (call.command, call.action.name)
        first = first and not hit
        return 12 if hit else 0

    found, _ = through(once, cuts=cuts)  # type: ignore[arg-type]
    assert senders(found) == ["two"]
    assert replies(found) == [MAIL_REPLY]
    (rejected,) = [event for event in found if isinstance(event, Rejected)]
    assert (rejected.number, rejected.reply) == (1, MAIL_REPLY)


def test_code_12_without_a_mail_in_progress_rejects_nothing() -> None:
    found, _ = through(Program({"EHLO": 12, "QUIT": 12}))
    assert (senders(found), replies(found)) == (["one", "two"], [])


@pytest.mark.parametrize(
    ("where", "before"),
    [
        ("EHLO", []),
        ("MAIL FROM:<two@example.test>", ["one"]),
        ("RCPT TO:<c@example.test>", ["one"]),
        ("QUIT", ["one", "two"]),
    ],
)
def test_code_8_rejects_the_spool_file_and_mails_already_accepted_are_processed(where: str, before: list[str]) -> None:
    found, _ = through(Program({where: 8}))
    assert senders(found) == before
    assert replies(found) == [FILE_REPLY]


def test_code_8_at_the_end_of_data_rejects_that_mail_and_the_rest() -> None:
    found, _ = through(Program({"END_OF_DATA": 8}))
    assert senders(found) == []
    assert replies(found) == [FILE_REPLY]
    assert [event.number for event in found if isinstance(event, Rejected)] == [1]


@pytest.mark.parametrize("code", [1, 16, -8, True, None, 12.0])
def test_any_other_value_counts_as_0(code: Any) -> None:
    found, told = through(Program({"MAIL": code}))
    assert senders(found) == (["one", "two"] if code != 12 else [])
    assert told == []


def test_rset_forgets_the_rejection() -> None:
    text = "HELO a\nMAIL FROM:<x@y.z>\nRSET\nMAIL FROM:<one@y.z>\nRCPT TO:<a@b.c>\nDATA\nt\n.\n"
    found, _ = through(Program({"MAIL FROM:<x@y.z>": 12}), text=text)
    assert senders(found) == ["one"]


@pytest.mark.parametrize("answer", [ValueError("boom"), SystemExit(1), "twelve", object()])
def test_an_exit_that_fails_is_told_once_and_counts_as_0(answer: Any) -> None:
    found, told = through(Program({"MAIL": answer, "RCPT": answer}))
    assert senders(found) == ["one", "two"]
    (event,) = told
    assert isinstance(event, UserExitFailed)
    assert event.reason.startswith("MAIL: ")


def test_a_slow_exit_is_told_once_with_its_time() -> None:
    _, told = through(Program(), step=2.5)
    (event,) = told
    assert isinstance(event, UserExitSlow)
    assert event.seconds == 2.5


class Stuck:
    """An exit that does not come back from commands with "hang" in them until it may."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.hanging = 0
        self.ended = False

    def __call__(self, call: Call) -> int:
        self.ended |= call.action is Action.TERMINATE
        if "hang" in call.command:
            self.hanging += 1
            assert self.may_go.wait(60)
        return 0


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    """The exit that is installed, and at which nobody looks for longer than an instant."""
    program = Stuck()
    point = SimpleNamespace(name="version4", load=lambda: program)
    monkeypatch.setattr(exits, "entry_points", lambda group: [point])
    monkeypatch.setattr(exits, "STUCK_SECONDS", 0.0)
    yield program
    program.may_go.set()


HANGING = b"HELO hang\nMAIL FROM:<late@y.test>\nRCPT TO:<good@example.test>\nDATA\nt\n.\nQUIT\n"
QUICK = HANGING.replace(b"hang", b"a").replace(b"late", b"quick")


async def test_an_exit_that_never_returns_costs_its_own_files_and_is_told_once_while_it_lasts(
    tmp_path: Path, stuck: Stuck
) -> None:
    files = 12  # more than the threads that all others share on a small machine
    async with MisbehavingServer() as server:
        target = {"TargetIp": "127.0.0.1", "ConnectPort": server.port}
        async with running(tmp_path, {"UserExit": "Version4"}, target) as here:
            for number in range(files):
                here.drop(f"H{number}", HANGING)
            await here.until(lambda: stuck.hanging == files)
            here.gateway._exits.beat()
            here.gateway._exits.beat()
            told = here.told(UserExitStuck)
            assert len({event.file.id for event in told}) == len(told) == files
            assert {event.action for event in told} == {"HELO"}
            here.drop("Q", QUICK)
            await here.until(lambda: here.told(SpoolFileEnded))
            assert [mail.sender for mail in server.accepted] == ["quick@y.test"]
            assert (await here.say("USEREXIT,LEVEL=NONE")).status == 0
            here.drop("R", HANGING.replace(b"late", b"without"))
            await here.until(lambda: len(here.told(SpoolFileEnded)) == 2)
            stuck.may_go.set()
            await here.until(lambda: len(here.told(SpoolFileEnded)) == files + 2)
            assert len(here.told(UserExitStuck)) == files
        assert sorted(mail.sender for mail in server.accepted) == ["late@y.test"] * files + ["quick@y.test", "without@y.test"]


@pytest.mark.parametrize("test_mode", ["Yes", "No"])
async def test_a_stop_does_not_wait_for_an_exit_and_gives_its_file_back(tmp_path: Path, stuck: Stuck, test_mode: str) -> None:
    async with MisbehavingServer() as server:
        target = {"TargetIp": "127.0.0.1", "ConnectPort": server.port}
        statements = {"UserExit": "Version4", "Options": {"TestMode": test_mode}}
        async with running(tmp_path, statements, target) as here:
            here.drop("H", HANGING)
            await here.until(lambda: stuck.hanging)
        assert stuck.ended
        assert server.accepted == []
        assert len(list((tmp_path / "spool" / "ready").glob("*/*"))) == 1


async def test_an_exit_that_hangs_while_it_is_loaded_is_no_exit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go = threading.Event()
    point = SimpleNamespace(name="version4", load=lambda: may_go.wait(60))
    monkeypatch.setattr(exits, "entry_points", lambda group: [point])
    monkeypatch.setattr(exits, "LOAD_SECONDS", 0.0)
    told: list[Event] = []
    library = Exits(told.append, SystemClock())
    try:
        with pytest.raises(ExitError, match="not loaded and initialised within"):
            await library.settle(configured(UserExitLevel.VERSION4))
        assert library.gate(FILE) is None
        await library.settle_or_tell(configured(UserExitLevel.VERSION4))
        assert [type(event) for event in told] == [UserExitMissing]
    finally:
        may_go.set()


async def test_an_exit_that_hangs_at_its_end_keeps_nobody(monkeypatch: pytest.MonkeyPatch, stuck: Stuck) -> None:
    monkeypatch.setattr(exits, "TERMINATE_SECONDS", 0.0)
    library = Exits([].append, SystemClock())
    await library.settle(configured(UserExitLevel.VERSION4))
    monkeypatch.setattr(Stuck, "__call__", lambda self, call: self.may_go.wait(60))
    await library.settle(configured(UserExitLevel.NONE))
    assert library.gate(FILE) is None


def configured(level: UserExitLevel, file: str = "") -> Configuration:
    return Configuration((), user_exit=level, system=System(user_exit_file=file))


async def test_the_file_is_loaded_initialised_and_terminated(tmp_path: Path) -> None:
    path = tmp_path / "exit.py"
    path.write_text("calls = []\ndef user_exit(call):\n    calls.append(call.action.name)\n    user_exit.calls = calls\n")
    told: list[Event] = []
    library = Exits(told.append, SystemClock())
    assert library.gate(FILE) is None
    await library.settle(configured(UserExitLevel.VERSION3, str(path)))
    gate = library.gate(FILE)
    assert gate is not None
    await library.settle(configured(UserExitLevel.VERSION3, str(path)))
    await library.settle(configured(UserExitLevel.NONE, str(path)))
    assert library.gate(FILE) is None
    assert gate._program.calls == ["INITIALIZE", "TERMINATE"]  # type: ignore[attr-defined]
    assert [type(event) for event in told] == [UserExitLoaded]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1", "has no function user_exit"),
        ("user_exit = 1", "cannot be called"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit", "SystemExit"),
        ("def user_exit(", "SyntaxError"),
        (None, "FileNotFoundError"),
    ],
)
async def test_a_file_that_cannot_be_used_changes_nothing(tmp_path: Path, text: str | None, why: str) -> None:
    path = tmp_path / "exit.py"
    if text is not None:
        path.write_text(text)
    told: list[Event] = []
    library = Exits(told.append, SystemClock())
    with pytest.raises(ExitError, match=why):
        await library.settle(configured(UserExitLevel.VERSION2, str(path)))
    assert told == []
    await library.settle_or_tell(configured(UserExitLevel.VERSION2, str(path)))
    assert [type(event) for event in told] == [UserExitMissing]
    with pytest.raises(ExitError, match="no Python file"):
        exits.find(configured(UserExitLevel.VERSION2, "/etc/exit.txt"))


def test_an_exit_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("version3", "tests.unit.exit_program:user_exit", "cssmtp.exits")]
    monkeypatch.setattr(exits, "entry_points", lambda group: points)
    assert exits.find(configured(UserExitLevel.VERSION3))[0] == "version3"
    assert exits.find(configured(UserExitLevel.VERSION2))[0] == "version3"  # the only one there is
    points.append(EntryPoint("other", "no.such:thing", "cssmtp.exits"))
    with pytest.raises(ExitError, match="there is other, version3"):
        exits.find(configured(UserExitLevel.VERSION2))
    del points[0]
    with pytest.raises(ExitError, match="ModuleNotFoundError"):
        exits.find(configured(UserExitLevel.VERSION2))


async def test_the_example_rejects_unwanted_mail_in_a_running_gateway(tmp_path: Path) -> None:
    text = (
        b"HELO a\nMAIL FROM:<x@y.test>\nRCPT TO:<good@example.test>\nDATA\nt\n.\n"
        b"MAIL FROM:<x@y.test>\nRCPT TO:<bad@mail.Example.INVALID>\nDATA\nt\n.\nQUIT\n"
    )
    system = {"HostName": "gateway", "Domain": "example.test", "Spool": tmp_path / "spool", "UserExitFile": EXAMPLE}
    async with MisbehavingServer() as server:
        target = {"TargetIp": "127.0.0.1", "ConnectPort": server.port}
        async with running(tmp_path, {"UserExit": "Version4", "System": system}, target) as here:
            assert len(here.told(UserExitLoaded)) == 1
            here.drop("A", text)
            await here.until(lambda: here.told(SpoolFileEnded))
            counts = here.told(SpoolFileEnded)[0].counts
            assert (counts.sent, counts.rejected) == (1, 1)
            assert (await here.say("USEREXIT,LEVEL=NONE")).status == 0
            here.drop("B", text)
            await here.until(lambda: len(here.told(SpoolFileEnded)) == 2)
            assert here.told(SpoolFileEnded)[1].counts.sent == 2
        assert len(server.accepted) == 3


def test_the_numbers_of_actions_are_in_the_documented_ranges() -> None:
    with_command = {action for action in Action if 3 <= action <= 15 or action in (19, 20)}
    assert {action.name for action in with_command} == {"HELO", "MAIL", "RCPT", "DATA", "RSET", "QUIT", "EHLO", "STARTTLS"}
    assert Action.INITIALIZE == 1
