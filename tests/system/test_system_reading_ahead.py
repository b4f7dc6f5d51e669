"""The daemon with the process that reads ahead: used for a large file, survived when it dies, gone when the daemon ends."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from cssmtp.engine.reading_ahead import AHEAD_OCTETS
from tests.gateways import Spool, write_configuration
from tests.misbehaving import MisbehavingServer
from tests.system.test_system_stop import daemon, until

MAILS = 2_600
"""More than the queue holds, so that the file is not read to its end while the server still answers nothing."""


def large_deck() -> bytes:
    text = ("text " * 18 + "\n") * 10
    mails = "".join(f"MAIL FROM:<{number}@b.example>\nRCPT TO:<c@d.example>\nDATA\n\n{text}.\n" for number in range(MAILS))
    return f"HELO mvsa\n{mails}QUIT\n".encode()


def children(pid: int) -> list[int]:
    """Of all threads: a child belongs to the one that began it."""
    return [int(child) for thread in Path(f"/proc/{pid}/task").iterdir() for child in (thread / "children").read_text().split()]


@pytest.mark.parametrize("killed", [False, True])
async def test_a_large_file_is_delivered_once_whether_or_not_the_reading_process_lives(killed: bool, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    async with MisbehavingServer({}) as server:
        configuration = write_configuration(tmp_path, {"TargetIp": "127.0.0.1", "ConnectPort": server.port}, {"LogLevel": 7})
        process = await daemon(spool, configuration)
        await until(lambda: (spool.root / "control").exists())
        data = large_deck()
        assert len(data) > AHEAD_OCTETS
        spool.drop("JOB1", data)
        await until(lambda: server.accepted)
        (reading,) = children(process.pid)
        if killed:
            os.kill(reading, signal.SIGKILL)
        await until(lambda: len(server.accepted) >= MAILS)
        await until(lambda: not spool.entries())
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0
        assert (b"reading ahead" in errors, b"Traceback" in errors) == (killed, False)
        assert sorted(mail.sender for mail in server.accepted) == sorted(f"{number}@b.example" for number in range(MAILS))
        assert not Path(f"/proc/{reading}").exists()
