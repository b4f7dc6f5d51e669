"""Everybody who can be asked to send: our daemon and its peers.

Promises: each runs the same errand against the same server; nobody is charged the start of an interpreter or of a daemon;
`missing` says why one cannot.
Never: pins one sender to a core and not the other.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial

from tests.bench import machine
from tests.bench.daemon import run_daemon
from tests.bench.errand import Errand, Run, run
from tests.bench.relay import run_end_to_end, run_from_queue

OURS = "cssmtp"
WITHOUT_CHECKPOINT = "cssmtp without checkpoint"
SMTP_SOURCE = "smtp-source"
SMTPLIB = "smtplib"
AIOSMTPLIB = "aiosmtplib"
MSMTP = "msmtp"
POSTFIX_QUEUE = "Postfix from its queue"
POSTFIX = "Postfix end to end"


def run_smtp_source(errand: Errand) -> Run:
    """Postfix's load generator, in C; it makes the mails up and keeps nothing on disk."""
    program = machine.program("smtp-source")
    assert program is not None
    figures = {"-s": errand.connections, "-l": errand.octets, "-m": errand.mails, "-r": errand.recipients}
    options = [word for option, value in figures.items() for word in (option, str(value))]
    return run([program, "-d", *options, f"127.0.0.1:{errand.port}"], errand)


def run_client(name: str, errand: Errand) -> Run:
    """One of `tests.bench.clients`; it says itself how long it took, the start of Python left out."""
    figures = (errand.port, errand.mails, errand.octets, errand.recipients, errand.connections)
    run([sys.executable, "-m", "tests.bench.clients", name, *map(str, figures)], errand)
    took = json.loads((errand.scratch / "output").read_text())
    return Run(errand.mails, took["seconds"], took["cpu"])


SENDERS: dict[str, Callable[[Errand], Run]] = {
    OURS: run_daemon,
    WITHOUT_CHECKPOINT: partial(run_daemon, checkpoint=False),
    SMTP_SOURCE: run_smtp_source,
    SMTPLIB: partial(run_client, SMTPLIB),
    AIOSMTPLIB: partial(run_client, AIOSMTPLIB),
    MSMTP: partial(run_client, MSMTP),
    POSTFIX_QUEUE: run_from_queue,
    POSTFIX: run_end_to_end,
}


def missing(sender: str) -> str:
    """Why a sender cannot run on this machine; empty when it can."""
    match sender:
        case "smtp-source" | "msmtp":
            return "" if machine.program(sender) else f"{sender} is not installed"
        case "Postfix from its queue" | "Postfix end to end":
            if machine.program("postfix") is None or machine.program("smtp-source") is None:
                return "Postfix is not installed"
            return "" if os.geteuid() == 0 else "a Postfix of its own needs root"
        case _:
            return ""
