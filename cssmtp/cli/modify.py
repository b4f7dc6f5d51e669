"""`cssmtp modify`: a command to a running gateway, and what people type on a console: `cssmtp 'F CSSMTP,D,TAR'`.

Promises: exit status 0 done, 1 refused by the gateway, 2 not understood or nobody there.
Never: does anything itself.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cssmtp.config.model import System
from cssmtp.console.channel import socket_path
from cssmtp.console.client import ask
from cssmtp.console.grammar import ConsoleLine, Misunderstood, Verb, parse, parse_console
from cssmtp.errors import UsageError

SOCKET_VARIABLE = "CSSMTP_SOCKET"
"""Environment variable with the path of the control socket, where neither --socket nor --spool is given."""

ANYBODY = "-"

EXPLANATION = f"""\
commands (capitals are the shortest form; letter case does not matter):
  Display,CONFig | IPlist | LOGlevel | TARgets[,ADDR=ip]
  Display,SPoolstatus[,Summary | ,Detail[,ALL | ,TKID=tkid]]
  FLUSHRetry,AGE=days | TKID=tkid        LOGlevel,LEVEL=0-255
  REFRESH | REFRESHIPlist | REFRESHTargets
  SUSpend[,Immediate | ,Delay] | RESume  USERexit,LEVEL=NONE | VERSION2 | VERSION3 | VERSION4

The socket is --socket, else control in --spool, else ${SOCKET_VARIABLE}, else control in {System().spool}.
Exit status: 0 done, 1 refused by the gateway, 2 not understood or no gateway there.

examples:
  cssmtp modify DISPLAY,TARGETS
  cssmtp modify CSSMTP D,SP,D,TKID=4 --json
  cssmtp 'F CSSMTP,D,TAR'
  cssmtp 'P CSSMTP'
"""


def add_place(parser: argparse.ArgumentParser) -> None:
    """The options that say which gateway is meant."""
    parser.add_argument("--socket", metavar="PATH", help="the control socket")
    parser.add_argument("--spool", metavar="DIR", help="the spool directory of the gateway")


def place(arguments: argparse.Namespace) -> Path:
    """The control socket that is meant."""
    configured = arguments.socket or ("" if arguments.spool else os.environ.get(SOCKET_VARIABLE, ""))
    return socket_path(configured, arguments.spool or System().spool)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.epilog = EXPLANATION
    parser.usage = "cssmtp modify [PROC] COMMAND [--socket PATH] [--spool DIR] [--json]"
    parser.add_argument(
        "words", metavar="[PROC] COMMAND", nargs="+", help="the operands of MODIFY, with commas and without blanks"
    )
    parser.add_argument("--json", action="store_true", help="the answer as a JSON object")
    add_place(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do it; the answer is the exit status."""
    verb, procedure, operands = understood(arguments.words)
    answer = ask(place(arguments), verb, procedure, operands, as_json=arguments.json)
    print(answer.text, end="", file=sys.stderr if answer.status and not arguments.json else sys.stdout)
    return answer.status


def understood(words: list[str]) -> tuple[str, str, str]:
    """Verb, procedure and operands of what was typed. Raises UsageError: a gateway need not be asked what is no command."""
    if len(words) == 1 and " " in words[0].strip() and "," not in words[0].split()[0]:
        line = parse_console(words[0])
        if isinstance(line, ConsoleLine):
            _, _, operands = words[0].partition(",")
            return ("STOP" if line.command.verb is Verb.STOP else "MODIFY"), line.procedure, operands.strip()
        raise UsageError(line.text)
    if len(words) > 2:
        raise UsageError("a command has no blanks: operands are separated by commas")
    command = parse(words[-1])
    if isinstance(command, Misunderstood):
        raise UsageError(command.text)
    return "MODIFY", words[0].upper() if len(words) == 2 else ANYBODY, words[-1]
