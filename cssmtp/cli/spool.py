"""`cssmtp spool`: make a spool, put files into it, see them and manage them as in JES.

Promises: safe beside a running gateway: an entry that it works on is left alone, every change is one rename; exit status 0 done,
1 some of what was asked could not be done (each told on standard error), 2 nothing could: usage, or the spool itself.
Never: does work itself; each group of actions has its module with `declare(actions)` and functions of (arguments) -> exit status.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from cssmtp.cli import spoolimport, spooloperate, spoolput, spoolview

EXPLANATION = """\
Every action but init works on the spool of --spool DIR (default: /var/spool/cssmtp). ID is an entry's id as 'list' shows it, its
beginning, or a job id, as long as it means one entry only.

The exit status is 0 when everything was done, 1 when some of it could not be done, 2 when the command line is wrong or the
spool cannot be used.

examples:
  cssmtp spool init /var/spool/cssmtp --writer CSSMTP --group mail
  cssmtp spool put payrun.deck --writer CSSMTP --priority 200
  cssmtp spool put --layout zowe output/ --dry-run
  cssmtp spool list --state held
  cssmtp spool show JOB04711
  cssmtp spool release JOB04711
  cssmtp spool output JOB04711 --framing lf -o payrun.txt
  cssmtp spool import-print --connect 127.0.0.1:1403 --follow
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    parser.epilog = EXPLANATION
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def declare(name: str, text: str, work: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        action = actions.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog="exit status: 0 done, 1 some of it could not be done, 2 wrong command line or unusable spool",
        )
        action.set_defaults(work=work)
        return action

    for module in (spooloperate, spoolput, spoolview, spoolimport):
        module.declare(declare)


def run(arguments: argparse.Namespace) -> int:
    """Do it; the answer is the exit status."""
    work: Callable[[argparse.Namespace], int] = arguments.work
    return work(arguments)
