"""The `ezbmcopy` command: each file of one writer is copied to one or two others, so that two mailers can run side by side.

Promises: return codes as a job step has them: 0 all copied, 4 something was held or not taken, 8 the deck or an option is wrong,
12 the spool cannot be used, 16 a fault of this program. SIGTERM and SIGINT end the run after the file in work.
Never: copies anything when the deck has an error.
"""

from __future__ import annotations

import argparse
import itertools
import os
import pwd
import re
import select
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from cssmtp.clock import SystemClock
from cssmtp.errors import SpoolError
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.names import node_name
from ezbmcopy.cards import DECK_LIMIT, Problem, without_consequences
from ezbmcopy.deck import read_deck
from ezbmcopy.duplicate import INTERNAL, NO_SPOOL, NORMAL, WRONG_INPUT, Copier, run
from ezbmcopy.plan import DEFAULT_WRITER, Identity, Plan, plan_of_deck, plan_of_options
from ezbmcopy.report import Report, counted

EPILOG = """\
DECK is the JCL of the procedure: EXEC PGM=EZBMCOPY,PARM='WRITER=name', one or two OUTPUT statements, and the DD SYSUT2 that
refers to them. Without PARM the writer is SMTPD. Files are selected by writer or by destination when they are not held.

return codes:
  0   all files were copied
  4   something was held, was not taken from the drop zone, or had to wait for the spool
  8   the deck or an option is wrong; nothing was copied
  12  the spool cannot be used
  16  a fault of this program

examples:
  ezbmcopy conf/ezbmcopy.jcl --check                            is the deck right, what would it do?
  ezbmcopy conf/ezbmcopy.jcl --spool /var/spool/cssmtp          as a daemon, until SIGTERM or SIGINT
  ezbmcopy --writer SMTPD --out SMTPD1 --out CSSMTP,CLASS=B,FORMS=MAIL --spool ./spool --until-idle
"""
FIRST_DATA_SET = 101
"""The number of the first data set that a step writes itself, as JES2 counts."""


class _Parser(argparse.ArgumentParser):
    """Ends with our return code for a wrong option."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(WRONG_INPUT, f"{self.prog}: {message}\n")


class StopSignal:
    """Remembers that SIGTERM or SIGINT came, and wakes whoever waits."""

    def __init__(self) -> None:
        self._came = False
        self._read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = True

    def __call__(self) -> bool:
        return self._came

    def pause(self, seconds: float) -> None:
        """Waits, but not longer than until the signal."""
        select.select([self._read], [], [], seconds)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = _Parser(
        prog="ezbmcopy",
        description="Copy each spool file of one writer to one or two others.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("deck", metavar="DECK", nargs="?", help="the JCL deck; - reads it from standard input")
    parser.add_argument("--parm", metavar="TEXT", help="use this instead of the deck's PARM: 'WRITER=name'")
    parser.add_argument("--writer", metavar="NAME", help="without a deck: the writer whose files are copied (default: SMTPD)")
    parser.add_argument(
        "--out",
        metavar="WRITER[,KEY=VALUE...]",
        action="append",
        default=[],
        help="without a deck: where a copy goes, with keywords of OUTPUT; once or twice",
    )
    parser.add_argument("--spool", metavar="DIR", help="the spool directory; made when it is missing")
    parser.add_argument("--node", metavar="NAME", help="our node name for files that name none (default: from the host name)")
    parser.add_argument("--own-identity", action="store_true", help="give copies EZBMCOPY's job name, job id and owner")
    parser.add_argument("--until-idle", action="store_true", help="end when nothing is selectable")
    parser.add_argument("--check", action="store_true", help="read the deck, show what it would do, copy nothing")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own) and return the return code."""
    arguments = build_parser().parse_args(argv)
    report = Report(sys.stdout, SystemClock())
    try:
        plan = _plan(arguments, report)
        if plan is None:
            return WRONG_INPUT
        if not arguments.check:
            return _copy(arguments, plan, report)
        report.plan(plan)
        return NORMAL
    except SpoolError as fault:
        report.failed(fault.show())
        report.line(f"EZBMCOPY ended: nothing was copied; return code {NO_SPOOL}")
        return NO_SPOOL
    except Exception:
        traceback.print_exc()
        return INTERNAL


def _plan(arguments: argparse.Namespace, report: Report) -> Plan | None:
    """The plan that the arguments ask for; None when something is wrong, which has been told."""
    refused = _refusal(arguments)
    plan, problems = None, [Problem(0, refused)]
    if not refused and arguments.deck:
        try:
            data = _read(arguments.deck)
        except OSError as fault:
            problems = [Problem(0, f"the deck {arguments.deck} cannot be read: {os.strerror(fault.errno or 0)}")]
        else:
            deck, problems = read_deck(data)
            plan, more = plan_of_deck(deck, arguments.parm)
            problems = without_consequences(problems + more)
    elif not refused:
        plan, faults = plan_of_options(arguments.writer or DEFAULT_WRITER, arguments.out)
        problems = [Problem(0, fault) for fault in faults]
    wrong = sum(not problem.warning for problem in problems)
    if problems:
        report.line(
            f"EZBMCOPY {arguments.deck or 'options'}: {counted(wrong, 'error')}, {counted(len(problems) - wrong, 'warning')}"
        )
        report.problems(problems)
    if wrong:
        report.line(f"EZBMCOPY ended: nothing was copied; return code {WRONG_INPUT}")
    return None if wrong else plan


def _refusal(arguments: argparse.Namespace) -> str:
    """What is wrong with the arguments taken together, "" for nothing."""
    if arguments.deck and (arguments.writer or arguments.out):
        return "a deck and --writer or --out exclude each other; give one of them"
    if not arguments.deck and not arguments.out:
        return "there is nothing to do; give a deck, or --out"
    if not arguments.deck and arguments.parm is not None:
        return "--parm goes with a deck; give --writer NAME instead"
    if not arguments.check and not arguments.spool:
        return "no spool is named; give --spool DIR"
    return ""


def _read(name: str) -> bytes:
    """The first bytes of the deck, enough to see when it is too large."""
    if name == "-":
        return sys.stdin.buffer.read(DECK_LIMIT + 1)
    with open(name, "rb") as stream:
        return stream.read(DECK_LIMIT + 1)


def _copy(arguments: argparse.Namespace, plan: Plan, report: Report) -> int:
    """The run itself. Whoever has seen its first line may stop it."""
    stop = StopSignal()
    report.plan(plan)
    spool = DirectorySpool(Path(arguments.spool), clock=SystemClock(), node=node_name(arguments.node or os.uname().nodename))
    try:
        spool.initialise(plan.source)
        identity = own_identity(plan) if arguments.own_identity else None
        copier = Copier(spool, plan, report, identity=identity, stopping=stop)
        return run(copier, until_idle=arguments.until_idle, pause=stop.pause)
    finally:
        spool.close()


def own_identity(plan: Plan) -> Callable[[], Identity]:
    """EZBMCOPY's own job, with a data set number of its own for each file. Both copies of a file are one data set to JES."""
    numbers = itertools.count(FIRST_DATA_SET)
    try:
        owner = pwd.getpwuid(os.geteuid()).pw_name.upper()[:8]
    except KeyError:
        owner = ""
    if re.fullmatch(r"[!-~]{1,8}", owner) is None:
        owner = f"UID{os.geteuid()}"
    job_id = f"STC{os.getpid() % 100_000:05d}"
    return lambda: Identity(plan.job, job_id, owner, plan.step, next(numbers))
