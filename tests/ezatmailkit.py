"""What tests of ezatmail need: a spool of their own, a way to call the command, and what the gateway reads out of the drop
directory.

Promises: nothing outside of the directory given is touched; the command is called in this process (`call`) or as a real one
(`run`).
Never: looks at the deck with anything but the gateway's own reader.
"""

from __future__ import annotations

import email
import email.message
import email.policy
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cssmtp.clock import SystemClock
from cssmtp.codepage.transcode import transcoder
from cssmtp.config.model import Configuration
from cssmtp.engine.reading import DeckReader
from cssmtp.ezatmail import main as program
from cssmtp.model import DeckMail
from cssmtp.spool.attributes import Attributes, from_json
from cssmtp.spool.directory import DirectorySpool

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = """#!{python} -IS
import posix
import sys

sys.path.insert(0, {root!r})
from cssmtp.ezatmail.main import main

posix._exit(main())
"""
BASE = "Djmvsa.example.com\nDMexample.com\n"


@dataclass(frozen=True, slots=True)
class Result:
    """How a call ended: exit status, standard output, standard error."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True, slots=True)
class Spooled:
    """One mail in a spool file: what the gateway would send, and to whom. `text` has CRLF line ends and no transparency."""

    sender: str
    recipients: tuple[str, ...]
    tls: bool
    text: bytes
    attributes: Attributes

    @property
    def lines(self) -> list[bytes]:
        return self.text.split(b"\r\n")

    @property
    def header(self) -> bytes:
        return self.text.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.text.partition(b"\r\n\r\n")[2]

    @property
    def message(self) -> email.message.EmailMessage:
        return email.message_from_bytes(self.text, policy=email.policy.default)

    @property
    def content(self) -> str:
        """The text that a reader sees, with LF line ends; for a message that is one part."""
        message = email.message_from_bytes(self.text, policy=email.policy.compat32)
        data = message.get_payload(decode=True)
        assert isinstance(data, bytes)
        charset = message.get_content_charset("us-ascii")
        return data.decode("latin-1" if charset == "unknown-8bit" else charset).replace("\r\n", "\n")


class Bridge:
    """A spool, a configuration and a launcher in one directory."""

    def __init__(self, directory: Path, statements: str = "", charset: str = "ISO8859-1") -> None:
        self.directory = directory
        self.charset = charset
        self.spool = directory / "spool"
        DirectorySpool(self.spool, clock=SystemClock(), node="LOCAL").initialise("CSSMTP")
        self.drop = self.spool / "drop" / "CSSMTP"
        self.drop.chmod(0o3733)
        self.conf = directory / "ezatmail.conf"
        self.conf.write_text(f"D{{spool}}{self.spool}\n{BASE}{statements}")
        self.bin = directory / "bin"
        self.bin.mkdir()
        launcher = self.bin / "ezatmail"
        launcher.write_text(LAUNCHER.format(python=sys.executable, root=str(ROOT)))
        launcher.chmod(0o755)
        for name in ("sendmail", "mailq", "newaliases"):
            (self.bin / name).symlink_to("ezatmail")

    @property
    def environment(self) -> dict[str, str]:
        """The environment for programs that shall call us."""
        path = f"{self.bin}:{os.environ['PATH']}"
        return {"PATH": path, "EZATMAIL_CONF": str(self.conf), "HOME": str(self.directory), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def run(self, *words: str | bytes, stdin: bytes = b"", name: str = "sendmail") -> Result:
        """Starts the command as a process."""
        done = subprocess.run(
            [str(self.bin / name), *words], input=stdin, capture_output=True, env=self.environment, timeout=60, check=False
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def call(self, *words: str, stdin: bytes = b"", name: str = "sendmail") -> Result:
        """Calls the command in this process, with descriptors 0, 1 and 2 of its own."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            given.write(stdin)
            given.seek(0)
            saved = [os.dup(number) for number in range(3)]
            arguments, sys.argv = sys.argv, [f"/usr/sbin/{name}", "-C", str(self.conf), *words]
            try:
                for number, stream in enumerate((given, output, errors)):
                    os.dup2(stream.fileno(), number)
                status = program.main()
            finally:
                sys.argv = arguments
                for number, descriptor in enumerate(saved):
                    os.dup2(descriptor, number)
                    os.close(descriptor)
            output.seek(0)
            errors.seek(0)
            return Result(status, output.read().decode(), errors.read().decode())

    def files(self) -> list[Path]:
        """The spool files in the drop directory, oldest first."""
        names = [path for path in self.drop.iterdir() if not path.name.endswith(".json")]
        return sorted(names, key=lambda path: (path.stat().st_mtime_ns, path.name))

    def clear(self) -> None:
        for path in self.drop.iterdir():
            path.unlink()

    def mails(self) -> list[Spooled]:
        """Every mail in the drop directory as the gateway reads it. A fault in a deck fails the test."""
        return [mail for path in self.files() for mail in self._read(path)]

    def mail(self) -> Spooled:
        """The only mail."""
        (mail,) = self.mails()
        return mail

    def _read(self, path: Path) -> list[Spooled]:
        attributes, problems = from_json(Path(f"{path}.json").read_bytes(), Attributes(bytes=-1))
        assert not problems, problems
        assert attributes.bytes == path.stat().st_size
        found: list[Spooled] = []
        with path.open("rb") as stream:
            reader = DeckReader(stream, path.stat().st_size, attributes, Configuration(()))
            while (findings := reader.next_slice()) is not None:
                for finding in findings:
                    assert isinstance(finding, DeckMail), finding
                    found.append(self._spooled(finding, reader, path, attributes))
        return found

    def _spooled(self, mail: DeckMail, reader: DeckReader, path: Path, attributes: Attributes) -> Spooled:
        body = mail.body
        if not isinstance(body, bytes):
            with path.open("rb") as stream:
                body = b"".join(reader.body_blocks(body, stream))
        wire = transcoder(reader.page, self.charset).lines(body)
        text = (b"\r\n" + wire).replace(b"\r\n.", b"\r\n")[2:]
        envelope = mail.envelope
        assert not envelope.bad_recipients, envelope.bad_recipients
        return Spooled(envelope.reverse_path, envelope.recipients, envelope.tls_required, text, attributes)
