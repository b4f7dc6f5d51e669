"""Signals: an orderly stop ends what is under way, gives back what is not finished, and loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateways import ROOT, Spool, write_configuration
from tests.misbehaving import MisbehavingServer


def deck(*senders: str) -> bytes:
    mails = "".join(f"MAIL FROM:<{sender}>\nRCPT TO:<c@d.example>\nDATA\nSubject: x\n\nhello\n.\n" for sender in senders)
    return f"HELO mvsa\n{mails}QUIT\n".encode()


async def daemon(spool: Spool, configuration: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cssmtp", "run", "-c", str(configuration), "--spool", str(spool.root)),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_file_in_work_goes_back_and_the_next_run_sends_it(number: signal.Signals, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    async with MisbehavingServer({"mail": "451"}) as server:
        configuration = write_configuration(tmp_path, {"TargetIp": "127.0.0.1", "ConnectPort": server.port})
        process = await daemon(spool, configuration)
        spool.drop("JOB1", deck("a@b.example"))
        await until(lambda: any("MAIL FROM:<a@b.example>" in dialogue.commands for dialogue in server.dialogues))
        process.send_signal(number)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, b"Traceback" in errors, server.accepted) == (0, False, [])
        assert [entry.state for entry in spool.entries()] == ["ready"]
        assert (spool.reports(), spool.letters()) == ({}, {})
        server.faults.clear()
        process = await daemon(spool, configuration)
        await until(lambda: server.accepted)
        await until(lambda: not spool.entries())
        process.send_signal(number)
        await asyncio.wait_for(process.communicate(), 20)
        assert [mail.sender for mail in server.accepted] == ["a@b.example"]


async def test_a_notice_cut_off_by_a_stop_becomes_a_dead_letter(tmp_path: Path) -> None:
    """A notice is tried once (mail-processing.md 13.1), and nothing may be lost; the file goes back for its other mail."""
    spool = Spool(tmp_path / "spool")
    async with MisbehavingServer() as server:
        more = {"RetryLimit": {"Count": 5, "Interval": 1}}
        configuration = write_configuration(tmp_path, {"TargetIp": "127.0.0.1", "ConnectPort": server.port}, more)
        process = await daemon(spool, configuration)
        spool.drop("JOB1", deck("mail-451@b.example", "mail-550+rcpt-hang@b.example"))
        notice = "RCPT TO:<mail-550+rcpt-hang@b.example>"
        await until(lambda: any(notice in dialogue.commands for dialogue in server.dialogues))
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        await server.vanish()
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert b"Traceback" not in errors
    assert [entry.state for entry in spool.entries()] == ["ready"]
    assert [name.split(".")[0] for name in spool.letters()] == ["JOB1"]


async def test_kill_and_start_again_takes_the_file_up_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    async with MisbehavingServer({"data": "hang"}) as server:
        configuration = write_configuration(tmp_path, {"TargetIp": "127.0.0.1", "ConnectPort": server.port})
        process = await daemon(spool, configuration)
        spool.drop("JOB1", deck("a@b.example"))
        await until(lambda: server.dialogues)
        await until(lambda: any(entry.state == "busy" for entry in spool.entries()))
        process.kill()
        await process.communicate()
        assert [entry.state for entry in spool.entries()] == ["busy"]
        server.faults.clear()
        process = await daemon(spool, configuration)
        await until(lambda: server.accepted)
        await until(lambda: not spool.entries())
        process.terminate()
        await asyncio.wait_for(process.communicate(), 20)
    assert [mail.sender for mail in server.accepted] == ["a@b.example"]
