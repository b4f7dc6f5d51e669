"""The `cssmtp` command: one module per subcommand, imported only when it is asked for.

Promises: a person gets one clear line and exit status 2 for any mistake in what was asked; never a traceback.
Never: does work itself; a subcommand's module has `add_arguments(parser)` and `run(arguments) -> exit status`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from cssmtp import __version__
from cssmtp.errors import CssmtpError

COMMANDS: dict[str, str] = {
    "run": "deliver: the daemon in the foreground",
    "check": "say offline what would happen to each spool file",
    "config": "validate a configuration and show what is in effect",
    "spool": "put files into the spool, see them and manage them",
    "smf": "read SMF 119 records: table, JSON, CSV, sums",
    "codepage": "say which code pages a deck may be in",
    "modify": "command a running gateway: displays, REFRESH, SUSPEND, ...",
    "status": "say whether the gateway works, with an exit status for monitoring",
    "top": "watch a running gateway",
    "demo": "see it work: sample decks to a real SMTP server on loopback",
}

EPILOG = """\
examples:
  cssmtp demo                                   see it work, nothing to set up
  cssmtp config -c cssmtp.conf                  is my configuration right?
  cssmtp check -c cssmtp.conf deck1 deck2       what would CSSMTP reject, where and why?
  cssmtp run -c cssmtp.conf --spool /var/spool/cssmtp
                                                files dropped into /var/spool/cssmtp/drop/<writer>/ are delivered
  cssmtp modify 'DISPLAY,TARGETS'               what do the target servers do?
  cssmtp 'F CSSMTP,D,TAR'                       the same as it is typed on a console; 'P CSSMTP' stops

'cssmtp COMMAND --help' tells more about one command.
"""


def build_parser(selected: str | None) -> argparse.ArgumentParser:
    """The command line. Only the subcommand `selected` gets its arguments, so that only its module is imported."""
    parser = argparse.ArgumentParser(
        prog="cssmtp",
        description="An open mail gateway for mainframe batch mail: SMTP command decks on a spool become mail.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cssmtp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        sub = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == selected:
            importlib.import_module(f"cssmtp.cli.{name}").add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own) and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] not in COMMANDS and " " in words[0].strip():
        words.insert(0, "modify")  # what people type on a console: cssmtp 'F CSSMTP,D,TAR'
    selected = next((word for word in words if word in COMMANDS), None)
    arguments = build_parser(selected).parse_args(words)
    command = importlib.import_module(f"cssmtp.cli.{arguments.command}")
    try:
        status: int = command.run(arguments)
        sys.stdout.flush()
    except CssmtpError as error:
        print(f"cssmtp {arguments.command}: {error.show()}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output went away (`cssmtp check ... | head`): nothing is wrong.
        _discard_output()
        return 0
    except OSError as error:
        _discard_output()
        about = f"{error.filename}: " if error.filename else ""
        print(f"cssmtp {arguments.command}: {about}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def _discard_output() -> None:
    """Nobody can take our output any more, and the interpreter must not complain about what is left of it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
