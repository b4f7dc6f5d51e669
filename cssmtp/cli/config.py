"""`cssmtp config`: is this configuration file right, and what does it come to?

Promises: diagnostics to stderr; the configuration in effect to stdout, laid out as the operator's display or, with --as-file,
as a file that can be used; exit status 0 fine, 1 warnings with --strict, 2 errors.
Never: changes anything.
"""

from __future__ import annotations

import argparse
import os
import sys

from cssmtp.config.explain import explain
from cssmtp.config.load import load
from cssmtp.config.write import write
from cssmtp.console.display import configuration_display
from cssmtp.errors import UsageError

SUMMARY = "check a configuration file and print what is in effect"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.add_argument("-c", "--config", metavar="FILE", help="the configuration file")
    parser.add_argument("--as-file", action="store_true", help="print what is in effect as a configuration file that can be used")
    parser.add_argument("--strict", action="store_true", help="also warn of extensions; warnings give exit status 1")
    parser.add_argument(
        "--explain", nargs="?", const="", metavar="STATEMENT", help="describe all statements, or one statement or parameter"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do it; the answer is the exit status. Raises `errors.UsageError` when there is nothing to do or an unknown keyword."""
    if arguments.explain is not None:
        sys.stdout.write(explain(arguments.explain))
        return 0
    if not arguments.config:
        raise UsageError("cssmtp config needs -c FILE, or --explain")
    loaded = load(arguments.config, environ=os.environ, strict=arguments.strict)
    for diagnostic in loaded.diagnostics:
        print(diagnostic, file=sys.stderr)
    if loaded.configuration is None:
        return 2
    if arguments.as_file:
        sys.stdout.write(write(loaded.configuration))
    else:
        print(configuration_display(loaded.configuration, os.path.abspath(arguments.config)).rstrip("\n"))
    return 1 if arguments.strict and loaded.diagnostics else 0
