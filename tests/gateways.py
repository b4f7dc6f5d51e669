"""The whole gateway for tests: an SMTP server to send to, the daemon as a process of its own, and a look at its spool.

Promises: loopback only; every server, process and scratch directory ends with its test.
Never: looks into the gateway's objects; what is seen is what a user sees: files, mail, exit status, output.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.samples import Sample, configuration_text

ROOT = Path(__file__).resolve().parent.parent
WRITER = "CSSMTP"
PATIENCE = 60
"""Seconds after which a daemon that should have become idle counts as hanging."""


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """What a server took: the envelope, the text without dot-stuffing, whether it came over TLS."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    tls: bool


@dataclass
class MailServer:
    """A real SMTP server (aiosmtpd) in a thread of its own."""

    port: int
    ca_file: Path
    mails: list[ReceivedMail] = field(default_factory=list)

    @property
    def target(self) -> dict[str, Any]:
        """TargetServer parameters that reach this server."""
        return {
            "TargetIp": "127.0.0.1",
            "ConnectPort": self.port,
            "TlsCaFile": self.ca_file,
            "TlsServerName": "mail.example.test",
        }

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        sender = (envelope.mail_from or "").replace("<>", "")  # aiosmtpd's way to write the null reverse-path
        self.mails.append(ReceivedMail(sender, tuple(envelope.rcpt_tos), content, session.ssl is not None))
        return "250 2.0.0 Ok"


class _Controller(Controller):
    def factory(self) -> SMTP:
        return SMTP(self.handler, **self.SMTP_kwargs)


@contextmanager
def mail_server(scratch: Path, *, starttls: bool = True, name: str = "mail.example.test") -> Iterator[MailServer]:
    """An accepting server on loopback. Its certificate is for `name`, by a CA whose certificate is `ca_file`."""
    ca = trustme.CA()
    ca_file = scratch / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    server = MailServer(0, ca_file)
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        server.port = reserved.getsockname()[1]
    tls = {"tls_context": context} if starttls else {}
    controller = _Controller(
        server, hostname="127.0.0.1", port=server.port, server_hostname="mail.example.test", data_size_limit=0, **tls
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@dataclass(frozen=True, slots=True)
class Held:
    """An entry of the spool: its attributes, and the reason when it is in `bad`."""

    id: str
    state: str
    attributes: Mapping[str, Any]
    reason: str

    @property
    def jobname(self) -> str:
        return str(self.attributes["jobname"])


class Spool:
    """A spool directory as its user sees it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.drop_zone = root / "drop" / WRITER
        self.drop_zone.mkdir(parents=True)
        self.dead_letters = root.parent / "deadletters"

    def drop(self, name: str, data: bytes | Path, sidecar: Mapping[str, Any] | bytes | None = None) -> None:
        """A careful writer's way: sidecar first, both renamed into place; old enough to be complete without sidecar too."""
        if sidecar is not None:
            self._place(f"{name}.json", sidecar if isinstance(sidecar, bytes) else json.dumps(sidecar).encode())
        if isinstance(data, Path):
            os.rename(data, self.drop_zone / name)
            os.utime(self.drop_zone / name, (1_000_000_000, 1_000_000_000))
        else:
            self._place(name, data)

    def _place(self, name: str, data: bytes) -> None:
        building = self.drop_zone / f".{name}"
        building.write_bytes(data)
        os.utime(building, (1_000_000_000, 1_000_000_000))
        building.rename(self.drop_zone / name)

    def drop_sample(self, sample: Sample) -> None:
        self.drop(sample.name, sample.path.read_bytes(), sample.attributes if sample.sidecar else None)

    def entries(self) -> list[Held]:
        """What is left of the spool files, in every state."""
        places = [path for state in ("held", "busy", "done", "bad") for path in (self.root / state).glob("*")]
        places += (self.root / "ready").glob("*/*")
        return [_held(path) for path in places]

    def held(self) -> dict[str, Held]:
        """Job name -> held entry."""
        return {entry.jobname: entry for entry in self.entries() if entry.state == "held"}

    def reports(self) -> dict[str, str]:
        """Job name -> error report."""
        found = {}
        for path in self.root.glob("reports/*.txt"):
            found[json.loads(path.with_suffix(".json").read_bytes())["jobname"]] = path.read_text(encoding="utf-8")
        return found

    def letters(self) -> dict[str, bytes]:
        """Dead letters: file name -> content."""
        return {path.name: path.read_bytes() for path in self.dead_letters.glob("*")}


def _held(path: Path) -> Held:
    state = path.parent.name if path.parent.name in ("held", "busy", "done", "bad") else "ready"
    reason = path / "reason"
    text = reason.read_text(encoding="utf-8") if reason.exists() else ""
    return Held(path.name.partition("@")[0], state, json.loads((path / "attrs.json").read_bytes()), text)


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended: exit status, what it printed, and the most memory it had, in bytes."""

    status: int
    output: str
    errors: str
    peak_memory: int

    @property
    def traceback(self) -> bool:
        return "Traceback" in self.errors or "InternalError" in self.errors or "Traceback" in self.output


_MEASURED = """
import os, re, runpy, sys
sys.argv[:1] = ["cssmtp"]
try:
    runpy.run_module("cssmtp", run_name="__main__", alter_sys=True)
finally:
    with open("/proc/self/status") as status, open(int(os.environ["MEASURED"]), "w", closefd=False) as answer:
        print(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1], file=answer)
"""
"""`python -m cssmtp`, and at its end the most memory it had (what the system tells of a child counts its parent in)."""


def command(*words: str | Path, limit: int = 0) -> Finished:
    """Run `cssmtp` with these words as a process; `limit` bounds its address space in bytes (0 = not)."""

    with tempfile.TemporaryFile() as measured:
        descriptor = measured.fileno()

        def bound() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

        try:
            process = subprocess.run(
                [sys.executable, "-c", _MEASURED, *map(str, words)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE,
                preexec_fn=bound if limit else None,
                pass_fds=(descriptor,),
                encoding="utf-8",
                env={**os.environ, "PYTHONWARNINGS": "default", "PYTHONUTF8": "1", "MEASURED": str(descriptor)},
                check=False,
            )
        except subprocess.TimeoutExpired as hanging:
            raise AssertionError(f"cssmtp {words} hangs; it said:\n{(hanging.stderr or b'')[-3000:]!r}") from None
        measured.seek(0)
        return Finished(process.returncode, process.stdout, process.stderr, int(measured.read()) * 1024)


def write_configuration(scratch: Path, target: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Path:
    """A configuration file for tests: reports to SYSOUT, dead letters beside the spool, names that never change."""
    statements: dict[str, Any] = {
        "Report": "SYSOUT",
        "Undeliverable": {"DeadLetterDirectory": scratch / "deadletters"},
        "System": {"HostName": "gateway", "Domain": "example.test", "NodeName": "TEST", "JobName": "CSSMTP"},
        "LogLevel": 255,
    }
    for statement, value in (overrides or {}).items():
        given = statements.get(statement)
        statements[statement] = {**given, **value} if isinstance(given, dict) and isinstance(value, Mapping) else value
    path = scratch / "cssmtp.conf"
    path.write_text(configuration_text(statements, target), encoding="utf-8")
    return path


def run_until_idle(spool: Spool, configuration: Path, *more: str, limit: int = 0) -> Finished:
    """The real daemon until the spool is empty."""
    return command("run", "-c", configuration, "--spool", spool.root, "--until-idle", *more, limit=limit)


def check(paths: Iterable[Path], *more: str | Path, limit: int = 0) -> tuple[Finished, dict[str, dict[str, Any]]]:
    """`cssmtp check --format json`: how it ended, and the result objects by file name."""
    finished = command("check", "--format", "json", *more, *paths, limit=limit)
    results = [json.loads(line) for line in finished.output.splitlines()]
    return finished, {Path(result["file"]).name: result for result in results}
