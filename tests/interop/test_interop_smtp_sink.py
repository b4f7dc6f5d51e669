"""Postfix's smtp-sink as a second, independent server: what it dumps must be what the samples expect."""

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

import pytest

from tests import samples
from tests.gateways import ReceivedMail, Spool, run_until_idle, write_configuration
from tests.samples import Sample

SINK = shutil.which("smtp-sink", path="/usr/sbin:/usr/libexec/postfix:/usr/lib/postfix/sbin:/usr/bin")
NEEDS_TLS = {"starttls"}
"""smtp-sink has no TLS."""
EXPANDED = {"paths"}
"""Quoted local parts: smtp-sink notes them without quotes."""

HEADER = re.compile(rb"X-Client-Addr: .*\nX-Client-Proto: .*\nX-Helo-Args: (.*)\nX-Mail-Args: <(.*?)>(.*)\n((?:X-Rcpt-Args: <.*>.*\n)+)")
RECIPIENT = re.compile(rb"X-Rcpt-Args: <(.*)>")


@dataclass(frozen=True, slots=True)
class Sink:
    port: int
    directory: Path

    def mails(self) -> list[ReceivedMail]:
        """What was dumped. smtp-sink ends lines with LF and puts headers of its own first."""
        found = []
        for path in sorted(self.directory.iterdir()):
            text = path.read_bytes()
            head = HEADER.search(text)
            assert head is not None, text[:500]
            _received, _, content = text[head.end() :].partition(b"\n") if False else (b"", b"", text[head.end() :])
            recipients = tuple(name.decode("ascii") for name in RECIPIENT.findall(head[4]))
            found.append(ReceivedMail(head[2].decode("ascii"), recipients, content, tls=False))
        return found


@contextmanager
def smtp_sink(*options: str) -> Iterator[Sink]:
    assert SINK is not None, "Postfix's smtp-sink is needed (Debian: apt-get install postfix)"
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = int(reserved.getsockname()[1])
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        directory.chmod(0o777)
        who = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [SINK, *who, *options, "-d", f"{directory}/%H%M%S.", f"127.0.0.1:{port}", "100"]
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


def test_dump(tmp_path: Path) -> None:
    with smtp_sink() as sink:
        spool = Spool(tmp_path / "spool")
        for sample in samples.load_all():
            if sample.name in ("one-mail", "dots", "null-sender"):
                spool.drop_sample(sample)
        run_until_idle(spool, write_configuration(tmp_path, {"TargetIp": "127.0.0.1", "ConnectPort": sink.port}))
        for path in sorted(sink.directory.iterdir()):
            print(path.name, path.read_bytes())
