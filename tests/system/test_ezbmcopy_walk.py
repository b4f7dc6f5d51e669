"""The migration of product-slides.md 2.3, as docs/ezbmcopy.md tells it and as daemons: all of it real."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests import samples

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "ezbmcopy.md").read_text(encoding="utf-8")
WALK = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE.partition("## The migration walk\n")[2], re.DOTALL))
SAMPLES = {sample.name: sample for sample in samples.load_all()}
IN_THE_WALK = re.search(r"^for deck in (.*)$", WALK, re.MULTILINE)
DECKS = [SAMPLES[name] for name in (IN_THE_WALK[1].split() if IN_THE_WALK else ())]
LIMIT = 60.0


@dataclass(slots=True)
class Mailbox:
    """An aiosmtpd handler that keeps what comes."""

    mails: list[tuple[str, tuple[str, ...], bytes]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        sender = (envelope.mail_from or "").removeprefix("<").removesuffix(">")
        self.mails.append((sender, tuple(envelope.rcpt_tos), envelope.content))
        return "250 kept"


@pytest.fixture
def server() -> Iterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port: int = reserved.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, decode_data=False, data_size_limit=0)
    controller.start()
    try:
        yield mailbox, port
    finally:
        controller.stop()


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A directory with the two commands as an installation would have them."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("cssmtp", "ezbmcopy"):
        script = directory / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {name} "$@"\n')
        script.chmod(0o755)
    return directory


def differences(mailbox: Mailbox, decks: list[samples.Sample]) -> list[str]:
    """How the mail that arrived differs from what these decks must give: each mail once, and one notice for each of theirs."""
    left = list(mailbox.mails)
    problems = []
    for deck in decks:
        for expected in deck.sent():
            for mail in left:
                if mail[:2] == (expected.mail_from, expected.recipients) and not samples.matches(expected, mail[2]):
                    left.remove(mail)
                    break
            else:
                problems.append(f"{deck.name} mail {expected.number} did not arrive")
        for notice in deck.notices:
            fits = [mail for mail in left if mail[:2] == ("", (notice.to,))]
            problems += [] if len(fits) == 1 else [f"{deck.name}: {len(fits)} notices"]
            left = [mail for mail in left if mail not in fits]
    return problems + [f"surplus mail: {mail[:2]}" for mail in left]


def test_the_walk_of_the_documentation(tmp_path: Path, server: tuple[Mailbox, int], commands: Path) -> None:
    mailbox, port = server
    walk = tmp_path / "walk"
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", WALK],
        cwd=PROJECT,
        env={**os.environ, "PATH": path, "PORT": str(port), "RELAY": "127.0.0.1", "WALK": str(walk)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(DECKS) > 3
    assert differences(mailbox, DECKS) == [], "production mail is delivered once"
    bad = [deck for deck in DECKS if deck.disposition == "hold"]
    reports = done.stdout.partition("production: return code 1")[2]
    for deck in bad:
        assert f"job {deck.attributes['jobname']} " in reports, "the test report names what would fail"
        for error in deck.errors:
            assert error.reply in reports
    for deck in [deck for deck in DECKS if deck not in bad]:
        assert f"job {deck.attributes['jobname']} " not in reports
    assert reports.count("CSSMTP error report") == len(bad)
    spool = walk / "spool"
    assert len(list((spool / "held").iterdir())) == 2 * len(bad), "held by production and by the test"
    assert [*(spool / "ready").glob("*/*"), *(spool / "busy").iterdir(), *(spool / "bad").iterdir()] == []


@contextmanager
def daemon(*words: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, ended by SIGTERM; its end must be orderly."""
    command = [sys.executable, "-m", *map(str, words)]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=LIMIT)[0]
        assert process.returncode == 0, output
    finally:
        process.kill()
        process.communicate()


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_three_daemons_on_one_spool_deliver_once_and_check_once(tmp_path: Path, server: tuple[Mailbox, int]) -> None:
    mailbox, port = server
    spool = tmp_path / "spool"
    target: dict[str, Any] = {"TargetIp": "127.0.0.1", "ConnectPort": port}
    letters = {"Undeliverable": {"DeadLetterDirectory": str(tmp_path / "letters")}}
    production, trial = tmp_path / "smtpd1.conf", tmp_path / "cssmtp.conf"
    production.write_text(samples.configuration_text({"ExtWrtName": "SMTPD1", "Report": "Sysout A", **letters}, target))
    options = {"ExtWrtName": "CSSMTP", "Report": "Sysout A", "Options": {"TestMode": "YES"}, **letters}
    trial.write_text(samples.configuration_text(options, target))
    decks = [SAMPLES[name] for name in ("one-mail", "page-500", "own-headers", "second-helo")]
    sent = sum(len(deck.sent()) for deck in decks)
    drop = spool / "drop" / "SMTPD"
    drop.mkdir(parents=True)
    with ExitStack() as stack:
        stack.enter_context(daemon("cssmtp", "run", "-c", production, "--spool", spool, "--log", tmp_path / "production.log"))
        stack.enter_context(daemon("cssmtp", "run", "-c", trial, "--spool", spool, "--log", tmp_path / "trial.log"))
        stack.enter_context(daemon("ezbmcopy", "conf/ezbmcopy.jcl", "--spool", spool))
        for deck in decks:
            sidecar = re.sub(rb'"writer": *"[^"]*"', b'"writer": "SMTPD"', deck.sidecar.read_bytes()) if deck.sidecar else b"{}"
            (drop / f"{deck.name}.json").write_bytes(sidecar)
            (drop / f".{deck.name}").write_bytes(deck.path.read_bytes())
            (drop / f".{deck.name}").rename(drop / deck.name)

        def judged() -> int:
            log = tmp_path / "trial.log"
            return log.read_text().count("disposition delete") if log.exists() else 0

        until(lambda: len(mailbox.mails) >= sent and judged() == len(decks), "all mail delivered and judged")
    assert differences(mailbox, decks) == []
    assert list(spool.glob("ready/*/*")) == []
    assert [path for state in ("held", "busy", "done", "bad", "reports") for path in (spool / state).iterdir()] == []
