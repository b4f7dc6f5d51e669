"""The control socket and its client: what goes wrong between them (operator-commands.md 1; bad input)."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest

from cssmtp.console.channel import CLIENTS, LINE_LIMIT, Channel, SocketTaken
from cssmtp.console.client import Answer, NotRunning, Unreachable, ask
from cssmtp.console.reply import Reply, done


class Desk:
    """Answers every request, one at a time, and notes who came when."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []
        self.inside = 0
        self.most = 0
        self.go = asyncio.Event()
        self.go.set()

    async def obey(self, verb: str, procedure: str, operands: str, user: str) -> Reply:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self.go.wait()
        self.seen.append((verb, procedure, operands))
        self.inside -= 1
        return done(f"{operands} for {user}") if operands != "NO" else Reply(False, ("no",))


async def asked(path: Path, operands: str = "D,TAR", **more: object) -> Answer:
    return await asyncio.to_thread(ask, path, "MODIFY", "-", operands, **more)


async def test_a_request_gets_its_answer_and_status(tmp_path: Path) -> None:
    desk = Desk()
    async with Channel(tmp_path / "control", desk.obey):
        answer = await asked(tmp_path / "control")
        assert (answer.status, "D,TAR for" in answer.text) == (0, True)
        assert await asked(tmp_path / "control", "NO") == Answer(1, "no\n")
        assert '"ok": false' in (await asked(tmp_path / "control", "NO", as_json=True)).text
    assert desk.seen[0] == ("MODIFY", "-", "D,TAR")


async def test_the_socket_is_for_owner_and_group_and_goes_with_the_gateway(tmp_path: Path) -> None:
    path = tmp_path / "control"
    before = os.umask(0)
    try:
        async with Channel(path, Desk().obey):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
    finally:
        os.umask(before)
    assert not path.exists()
    with pytest.raises(NotRunning, match="there is no"):
        await asked(path)


async def test_a_path_longer_than_a_socket_name_may_be_works(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    async with Channel(directory / "control", Desk().obey):
        assert (await asked(directory / "control")).status == 0


async def test_a_socket_that_a_dead_process_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NotRunning, match="nobody serves"):
        await asked(path)
    async with Channel(path, Desk().obey):
        assert (await asked(path)).status == 0


async def test_a_socket_that_is_served_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with Channel(path, Desk().obey):
        with pytest.raises(SocketTaken, match="served by another process"):
            await Channel(path, Desk().obey).__aenter__()
        assert (await asked(path)).status == 0


async def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control"
    path.write_text("precious")
    with pytest.raises(SocketTaken, match="no socket"):
        await Channel(path, Desk().obey).__aenter__()
    assert path.read_text() == "precious"
    with pytest.raises(SocketTaken, match="No such file"):
        await Channel(tmp_path / "missing" / "control", Desk().obey).__aenter__()


async def test_a_channel_that_ends_does_not_remove_a_successors_socket(tmp_path: Path) -> None:
    path = tmp_path / "control"
    first = Channel(path, Desk().obey)
    await first.__aenter__()
    path.unlink()
    async with Channel(path, Desk().obey):
        await first.__aexit__(None, None, None)
        assert (await asked(path)).status == 0


async def test_a_client_that_says_nothing_is_let_go_and_hinders_nobody(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with Channel(path, Desk().obey, silence_seconds=0.05):
        reader, writer = await asyncio.open_unix_connection(str(path))
        assert (await asked(path)).status == 0
        assert await reader.read() == b""
        writer.close()


async def test_clients_that_say_nothing_do_not_keep_others_out(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with Channel(path, Desk().obey) as channel:
        silent = []
        for number in range(CLIENTS + 3):
            _, writer = await asyncio.open_unix_connection(path)
            silent.append(writer)
            while len(channel._clients) < min(CLIENTS, number + 1):
                await asyncio.sleep(0)
        assert (await asked(path)).status == 0
        assert len(channel._silent) <= CLIENTS
        for writer in silent:
            writer.close()


async def test_when_all_clients_wait_for_answers_a_further_one_has_to_go(tmp_path: Path) -> None:
    path, desk = tmp_path / "control", Desk()
    desk.go.clear()
    async with Channel(path, desk.obey) as channel:
        asking = [asyncio.create_task(asyncio.to_thread(ask, path, "MODIFY", "-", "D,TAR")) for _ in range(2)]
        waiting = []
        for _ in range(CLIENTS - 2):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(b"MODIFY TEXT - D,TAR\n")
            waiting.append(writer)
        while len(channel._clients) < CLIENTS or channel._silent:
            await asyncio.sleep(0)
        with pytest.raises(Unreachable):
            await asked(path)
        desk.go.set()
        assert [answer.status for answer in await asyncio.gather(*asking)] == [0, 0]
        for writer in waiting:
            writer.close()


@pytest.mark.parametrize("octets", [LINE_LIMIT + 1, 1_000_000])
async def test_a_megabyte_of_operand_is_refused(tmp_path: Path, octets: int) -> None:
    desk = Desk()
    async with Channel(tmp_path / "control", desk.obey):
        answer = await asked(tmp_path / "control", "D" * octets)
    assert answer.status == 1
    assert "longer than" in answer.text
    assert desk.seen == []


async def test_a_client_that_goes_away_hinders_nobody(tmp_path: Path) -> None:
    path = tmp_path / "control"
    desk = Desk()
    async with Channel(path, desk.obey):
        for said in (b"", b"MODIFY", b"MODIFY TEXT - D,TAR\n"):
            _, writer = await asyncio.open_unix_connection(str(path))
            writer.write(said)
            writer.close()
        assert (await asked(path)).status == 0


async def test_two_commands_at_once_are_obeyed_one_after_the_other(tmp_path: Path) -> None:
    desk = Desk()
    desk.go.clear()
    async with Channel(tmp_path / "control", desk.obey), asyncio.TaskGroup() as group:
        several = [group.create_task(asked(tmp_path / "control", f"D{number}")) for number in range(6)]
        while not desk.inside:
            await asyncio.sleep(0)
        desk.go.set()
        answers = await asyncio.gather(*several)
    assert [answer.status for answer in answers] == [0] * 6
    assert (desk.most, len(desk.seen)) == (1, 6)


@pytest.mark.parametrize("said", [b"", b"0\n", b"nonsense\n", b"0 100\nshort", b"0 99999999999\n"])
async def test_an_answer_that_is_cut_short_is_none(tmp_path: Path, said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(said)
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "control"):
        with pytest.raises(Unreachable, match="went away"):
            await asked(tmp_path / "control")


async def test_a_gateway_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    desk = Desk()
    desk.go.clear()
    async with Channel(tmp_path / "control", desk.obey):
        with pytest.raises(Unreachable, match="does not answer"):
            await asked(tmp_path / "control", seconds=0.05)
        desk.go.set()


def test_permission_denied_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(Unreachable, match="may not command"):
        ask(tmp_path / "control", "MODIFY")
