"""Postfix as a relay: an instance of its own, with its own configuration and queue, between smtp-source and the server.

Promises: loopback only; the instance is stopped at the end. CPU time is that of all its processes, smtp-source not included. It
gets favourable settings: 20 connections in, up to 20 out, no in_flow_delay, no name service.
Never: touches the Postfix of the machine. Needs root, as every Postfix does.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import machine
from tests.bench.errand import Errand, Run
from tests.bench.sinks import wait_for

SESSIONS = 20
"""Connections with which smtp-source fills it; more mails in one disk sync than with four."""

LIMIT_SECONDS = 300.0
POLL_SECONDS = 0.01

MAIN = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file_prefixes = {home}
maillog_file = {home}/log
myhostname = relay.example.org
mydestination =
local_transport = error:no local mail
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtputf8_enable = no
smtpd_peername_lookup = no
relayhost = [127.0.0.1]:{server}
message_size_limit = 0
mailbox_size_limit = 0
in_flow_delay = 0
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup   unix n - n 60 1 pickup
cleanup  unix n - n - 0 cleanup
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
verify   unix - - n - 1 verify
flush    unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp     unix - - n - - smtp
showq    unix n - n - - showq
error    unix - - n - - error
retry    unix - - n - - error
anvil    unix - - n - 1 anvil
scache   unix - - n - 1 scache
postlog  unix-dgram n - n - 1 postlogd
"""

QUEUE_MANAGER = "qmgr     unix n - n 300 1 qmgr\n"
"""Left out, mails stay in the incoming queue until it is there."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A running Postfix."""

    home: Path
    port: int
    master: int

    def fill(self, errand: Errand) -> None:
        """Give it the mails of an errand."""
        program = machine.program("smtp-source")
        assert program is not None
        options = ["-d", "-s", str(SESSIONS), "-l", str(errand.octets), "-m", str(errand.mails), "-r", str(errand.recipients)]
        addresses = ["-f", "batch@example.org", "-t", "user@example.net"]
        subprocess.run([program, *options, *addresses, f"127.0.0.1:{self.port}"], check=True, stdout=subprocess.DEVNULL)

    def release(self) -> None:
        """Start its queue manager."""
        with (self.home / "etc" / "master.cf").open("a") as stream:
            stream.write(QUEUE_MANAGER)
        os.kill(self.master, signal.SIGHUP)

    def drain(self) -> None:
        """Return when its queue is empty. Raises RuntimeError when mail was deferred, or is still there after minutes."""
        deadline = time.monotonic() + LIMIT_SECONDS
        queue = self.home / "queue"
        # In the order in which a mail goes, so that none can pass from a part not yet seen to one seen.
        while any(_holds(queue / part) for part in ("maildrop", "incoming", "active")):
            if time.monotonic() > deadline:
                raise RuntimeError("Postfix does not get rid of its queue")
            time.sleep(POLL_SECONDS)
        if any(path.is_file() for path in (queue / "deferred").rglob("*")):
            raise RuntimeError(f"Postfix deferred mail:\n{(self.home / 'log').read_text()[-2000:]}")

    def cpu(self) -> float:
        """CPU seconds of all its processes so far."""
        return machine.cpu_of_family(self.master)


def _holds(directory: Path) -> bool:
    with os.scandir(directory) as entries:
        return any(entry.is_file() for entry in entries)


@contextmanager
def relay(server: int, *, held: bool) -> Iterator[Relay]:
    """A Postfix that relays to a port of loopback; `held`: not before `release`."""
    postfix = machine.program("postfix")
    assert postfix is not None
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        home.chmod(0o755)
        port = machine.free_port()
        for part in ("etc", "queue", "data"):
            (home / part).mkdir()
        shutil.chown(home / "data", "postfix")
        (home / "etc" / "main.cf").write_text(MAIN.format(home=home, server=server))
        (home / "etc" / "master.cf").write_text(MASTER.format(port=port) + ("" if held else QUEUE_MANAGER))
        command = [postfix, "-c", str(home / "etc")]
        started = subprocess.run([*command, "start"], capture_output=True, text=True, check=False)
        if started.returncode != 0:
            raise RuntimeError(f"Postfix does not start:\n{started.stdout}{started.stderr}")
        try:
            wait_for(port)
            yield Relay(home, port, int((home / "queue" / "pid" / "master.pid").read_text()))
        finally:
            subprocess.run([*command, "stop"], capture_output=True, check=False)


def run_from_queue(errand: Errand) -> Run:
    """From its incoming queue, filled beforehand, to the server: from the start of the queue manager until the queue is empty."""
    with relay(errand.port, held=True) as instance:
        instance.fill(errand)
        os.sync()
        before = instance.cpu()
        begun = time.perf_counter()
        instance.release()
        instance.drain()
        return Run(errand.mails, time.perf_counter() - begun, instance.cpu() - before)


def run_end_to_end(errand: Errand) -> Run:
    """smtp-source into it, until its queue is empty: as our daemon, from the mails' source to the server, on disk in between."""
    with relay(errand.port, held=False) as instance:
        before = instance.cpu()
        begun = time.perf_counter()
        instance.fill(errand)
        instance.drain()
        return Run(errand.mails, time.perf_counter() - begun, instance.cpu() - before)
