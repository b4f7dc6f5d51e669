"""`cssmtp modify`, the console form, and `cssmtp status`: exit status and output."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from cssmtp.cli import main
from cssmtp.cli.modify import understood
from cssmtp.cli.run import _again, commanded
from cssmtp.config.load import Loaded
from cssmtp.config.model import Configuration, System
from cssmtp.console.channel import SocketTaken
from cssmtp.errors import UsageError
from cssmtp.observe.events import ControlUnavailable, Event
from tests.operating import running

NOWHERE = {"TargetIp": "127.0.0.1", "ConnectPort": 9}


async def typed(*words: str) -> int:
    return await asyncio.to_thread(main, words)


async def test_what_is_done_answers_0_what_is_refused_1_what_is_no_command_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = str(tmp_path / "spool")
    async with running(tmp_path, {}, NOWHERE):
        assert await typed("modify", "D,TAR", "--spool", spool) == 0
        assert capsys.readouterr().out.startswith("BMG0855I")
        assert await typed("modify", "CSSMTP", "d,tar", "--spool", spool, "--json") == 0
        assert json.loads(capsys.readouterr().out)["id"] == "BMG0855I"
        assert await typed("modify", "OTHER", "D,TAR", "--socket", f"{spool}/control") == 1
        assert "this gateway is CSSMTP" in capsys.readouterr().err
        assert await typed("modify", "D,TAR,ADDR=192.0.2.9", "--spool", spool, "--json") == 1
        assert json.loads(capsys.readouterr().out)["ok"] is False
        assert await typed("modify", "D,NOTHING", "--spool", spool) == 2
        assert "CONFIG, IPLIST" in capsys.readouterr().err
        assert await typed("modify", "D,TAR", "REFRESH", "now", "--spool", spool) == 2


async def test_the_form_that_people_type_on_a_console(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, {}, NOWHERE):
        monkeypatch.setenv("CSSMTP_SOCKET", str(tmp_path / "spool" / "control"))
        assert await typed("F CSSMTP,D,TAR") == 0
        assert capsys.readouterr().out.startswith("BMG0855I")
        assert await typed(" modify cssmtp,display,loglevel ") == 0
        assert capsys.readouterr().out.startswith("BMG0852I")
        assert await typed("X CSSMTP") == 2
        assert await typed("P CSSMTP") == 0
        assert "stopping" in capsys.readouterr().out


def test_nobody_there_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["modify", "D,TAR", "--spool", str(tmp_path)]) == 2
    assert "no gateway is running here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["F CSSMTP,D,TAR"], ("MODIFY", "CSSMTP", "D,TAR")),
        (["stop cssmtp"], ("STOP", "CSSMTP", "")),
        (["refresh"], ("MODIFY", "-", "refresh")),
        (["cssmtp", "SUS,D"], ("MODIFY", "CSSMTP", "SUS,D")),
    ],
)
def test_what_is_meant(words: list[str], meant: tuple[str, str, str]) -> None:
    assert understood(words) == meant


@pytest.mark.parametrize("words", [["F CSSMTP,D , TAR"], ["F CSSMTP"], ["D" * 2000], ["A", "B", "C"], [""]])
def test_what_is_no_command_need_not_be_asked(words: list[str]) -> None:
    with pytest.raises(UsageError):
        understood(words)


async def test_status_tells_monitoring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = str(tmp_path / "spool")
    assert main(["status", "--spool", spool]) == 2
    assert capsys.readouterr().out.startswith("CRITICAL - no gateway is running")
    async with running(tmp_path, {}, NOWHERE) as here:
        assert await typed("status", "--spool", spool) == 0
        assert capsys.readouterr().out.startswith("OK - CSSMTP active, targets 1 of 1")
        await here.say("SUSPEND")
        assert await typed("status", "--spool", spool) == 1
        assert "WARNING: processing is SUSPENDED IMMEDIATE" in capsys.readouterr().out
        assert await typed("status", "--spool", spool, "--json") == 1
        data = json.loads(capsys.readouterr().out)
        assert (data["health"], data["activity"]) == ("WARNING", "SUSPENDED IMMEDIATE")


async def test_status_is_3_when_nobody_can_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"0 9\nnonsense\n")
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "control"):
        assert await typed("status", "--spool", str(tmp_path)) == 3
    assert capsys.readouterr().out.startswith("UNKNOWN")


async def test_a_socket_that_cannot_be_had_stops_the_start_only_when_somebody_asked_for_it(tmp_path: Path) -> None:
    async with running(tmp_path, {}, NOWHERE) as here:
        told: list[Event] = []
        spool = str(tmp_path / "spool")
        async with commanded(here.operator, System(spool=spool), told.append):
            (event,) = told
            assert isinstance(event, ControlUnavailable)
            assert "served by another process" in event.reason
        with pytest.raises(SocketTaken):
            async with commanded(here.operator, System(socket=f"{spool}/control"), told.append):
                raise AssertionError
        assert (await here.say("D,LOG")).status == 0


def test_a_configuration_read_again_keeps_the_names_of_the_start() -> None:
    running_one = Configuration((), system=System(host_name="gw", domain="example.test", node_name="GW"))
    loaded = Loaded(Configuration((), system=System(domain="other.test")), ())
    again = _again(lambda: loaded, running_one).configuration
    assert again is not None
    assert (again.system.host_name, again.system.domain, again.system.node_name) == ("gw", "other.test", "GW")
    wrong = Loaded(None, ())
    assert _again(lambda: wrong, running_one) is wrong
