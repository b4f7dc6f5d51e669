"""Postfix's smtp-sink on loopback, and what it dumps.

Promises: ends with the test; `mails` gives back what came over the wire.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.gateways import ReceivedMail

SINK = shutil.which("smtp-sink", path="/usr/sbin:/usr/libexec/postfix:/usr/lib/postfix/sbin:/usr/bin")
DUMP = re.compile(
    rb"X-Client-Addr: .*\nX-Client-Proto: .*\nX-Helo-Args: (?P<hello>.*)\nX-Mail-Args: <(?P<sender>.*)>\n"
    rb"(?P<recipients>(?:X-Rcpt-Args: <.*>\n)+)Received: .*\n\t.*\n\t.*\n(?P<content>(?s:.*))\n"
)
"""A file of smtp-sink: lines ended by LF, header fields of its own in front, a line of its own at the end."""


@dataclass(frozen=True, slots=True)
class Sink:
    """A running smtp-sink."""

    port: int
    directory: Path

    def mails(self) -> list[ReceivedMail]:
        found = []
        for path in self.directory.iterdir():
            dump = DUMP.fullmatch(path.read_bytes())
            assert dump is not None, path.read_bytes()[:1000]
            assert dump["hello"] == b"gateway.example.test"
            recipients = [line.removeprefix("X-Rcpt-Args: <")[:-1] for line in dump["recipients"].decode("ascii").splitlines()]
            content = dump["content"].replace(b"\n", b"\r\n")
            found.append(ReceivedMail(dump["sender"].decode("ascii"), tuple(recipients), content, tls=False))
        return found


@contextmanager
def smtp_sink(*options: str, dump: bool = True) -> Iterator[Sink]:
    assert SINK is not None, "Postfix's smtp-sink is needed (Debian: apt-get install postfix)"
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = int(reserved.getsockname()[1])
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        directory.chmod(0o777)
        who = ["-u", "nobody"] if os.geteuid() == 0 else []
        dumps = ["-d", f"{directory}/%M."] if dump else []
        command = [SINK, *who, *options, *dumps, f"127.0.0.1:{port}", "100"]
        process = subprocess.Popen(command, cwd=scratch, stderr=subprocess.PIPE)
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield Sink(port, directory)
        finally:
            process.terminate()
            process.communicate()
