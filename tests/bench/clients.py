"""The peers that are libraries or one program per mail, as a program of their own that is timed like the others.

Run: python -m tests.bench.clients NAME PORT MAILS OCTETS RECIPIENTS CONNECTIONS, NAME one of smtplib (one connection, used for
all mails), aiosmtplib (that many connections, each used for all its mails; uvloop where it is installed) and msmtp (one process
per mail, that many at once). Writes a JSON object: `seconds` and `cpu` (seconds, ended children too) of sending alone.
"""

from __future__ import annotations

import asyncio
import json
import resource
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from aiosmtplib import SMTP

from tests.bench import machine
from tests.bench.errand import SENDER, message

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop


def send_smtplib(port: int, mails: int, octets: int, recipients: list[str], connections: int) -> None:
    assert connections == 1, "smtplib is measured with one connection"
    text = message(octets)
    with smtplib.SMTP("127.0.0.1", port, local_hostname="bench.example.org") as client:
        for _ in range(mails):
            client.sendmail(SENDER, recipients, text)


def send_aiosmtplib(port: int, mails: int, octets: int, recipients: list[str], connections: int) -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_send_all(port, mails, message(octets), recipients, connections))


async def _send_all(port: int, mails: int, text: bytes, recipients: list[str], connections: int) -> None:
    numbers = iter(range(mails))
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_send_some(port, numbers, text, recipients))


async def _send_some(port: int, numbers: Iterator[int], text: bytes, recipients: list[str]) -> None:
    client = SMTP(hostname="127.0.0.1", port=port, local_hostname="bench.example.org", use_tls=False, start_tls=False)
    async with client:
        for _ in numbers:
            await client.sendmail(SENDER, recipients, text)


def send_msmtp(port: int, mails: int, octets: int, recipients: list[str], connections: int) -> None:
    program = machine.program("msmtp")
    assert program is not None, "msmtp is not installed"
    options = ["--file=/dev/null", "--host=127.0.0.1", f"--port={port}", "--tls=off", "--auth=off", f"--from={SENDER}"]
    text = message(octets).replace(b"\r\n", b"\n")

    def send(_number: int) -> None:
        subprocess.run([program, *options, "--", *recipients], input=text, check=True)

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(send, range(mails)))


WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)

CLIENTS: dict[str, Callable[[int, int, int, list[str], int], None]] = {
    "smtplib": send_smtplib,
    "aiosmtplib": send_aiosmtplib,
    "msmtp": send_msmtp,
}


def cpu_seconds() -> float:
    """User and system time of this process and of its ended children."""
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, WHO))


def main(arguments: list[str]) -> None:
    name, *figures = arguments
    port, mails, octets, recipients, connections = map(int, figures)
    addresses = [f"user{each}@example.net" for each in range(recipients)]
    begun, cpu = time.perf_counter(), cpu_seconds()
    CLIENTS[name](port, mails, octets, addresses, connections)
    print(json.dumps({"seconds": time.perf_counter() - begun, "cpu": cpu_seconds() - cpu}))


if __name__ == "__main__":
    main(sys.argv[1:])
