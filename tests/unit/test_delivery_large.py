"""Large mails: streamed block by block, memory flat, stalled writes timed; and a well-behaved peer."""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
from collections.abc import Iterator

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from cssmtp.config.model import Timeout
from tests.delivering import TINY, TestParcel, office, parcels, target
from tests.misbehaving import MisbehavingServer

LINE = b"0123456789" * 7 + b"\r\n"
BLOCK = LINE * 3640  # about 256 KiB


def blocks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield BLOCK
    yield b".\r\n"


async def test_a_50_mb_mail_is_streamed_with_flat_memory() -> None:
    count = 50_000_000 // len(BLOCK)
    expected = hashlib.sha256()
    for _ in range(count):
        expected.update(BLOCK)
    async with MisbehavingServer() as server, office(target(server.port)) as here:
        await here.deliver(TestParcel())
        tracemalloc.start()
        try:
            (words,) = await here.deliver(TestParcel(text=lambda: blocks(count), size=count * len(BLOCK)))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert words[0].startswith("delivered")
        assert peak < 8_000_000
        mail = server.accepted[1]
        assert mail.size == count * len(BLOCK)
        assert mail.digest == expected.hexdigest()


async def test_a_server_that_reads_slowly_makes_us_wait_not_grow() -> None:
    count = 200  # 50 MB, more than any socket buffer
    pulled = 0

    def counted() -> Iterator[bytes]:
        nonlocal pulled
        for block in blocks(count):
            pulled += 1
            yield block

    timeout = Timeout(data_block=30)
    async with MisbehavingServer({"body": "wait"}) as server, office(target(server.port), timeout=timeout) as here:
        parcel = TestParcel(text=counted, size=1)
        here.courier.submit(parcel)
        await server.hanging.wait()
        (link,) = here.courier._links()
        while link._room.is_set():
            await asyncio.sleep(0)
        before = pulled
        for _ in range(100):
            await asyncio.sleep(0)
        assert pulled <= before + 1
        assert pulled < count // 2
        server.release.set()
        await here.until(lambda: parcel in here.outcomes)
        assert here.words(parcel)[0].startswith("delivered")
        assert server.accepted[0].size == count * len(BLOCK)


async def test_small_mails_and_large_ones_take_turns_on_one_connection() -> None:
    async with MisbehavingServer() as server, office(target(server.port, connect_limit=1)) as here:
        every = [mail for small in parcels(5) for mail in (small, TestParcel(text=lambda: blocks(3)))]
        assert all(words[0].startswith("delivered") for words in await here.deliver(*every))
        assert len(server.accepted) == 10
        assert len(server.dialogues) == 1


async def test_data_block_timer_ends_a_write_that_stalls() -> None:
    timeout = Timeout(data_block=TINY, connect_retry=30)
    async with MisbehavingServer({"body": "stall"}) as server, office(target(server.port), timeout=timeout) as here:
        (words,) = await here.deliver(TestParcel(text=lambda: blocks(400), size=1))
        assert words == [f"retry no answer within {TINY} seconds (at mail data)"]


async def test_a_server_that_answers_in_the_middle_of_the_text() -> None:
    async with MisbehavingServer({"body": "early"}) as server, office(target(server.port)) as here:
        (words,) = await here.deliver(TestParcel(text=lambda: blocks(100), size=1))
        assert words[0].startswith(("undeliverable 552", "retry connection lost"))
        assert not server.accepted


async def test_a_server_that_lies_about_size_refuses_at_the_dot() -> None:
    liar = MisbehavingServer({"dot": "552"}, extensions=["SIZE 100000000", "PIPELINING"])
    async with liar as server, office(target(server.port)) as here:
        (words,) = await here.deliver(TestParcel(text=lambda: blocks(2)))
        assert words == ["undeliverable 552 5.0.0 As you wish"]


async def test_a_stream_without_any_block_is_our_fault_and_sends_no_mail() -> None:
    async with MisbehavingServer() as server, office(target(server.port)) as here:
        (words,) = await here.deliver(TestParcel(text=lambda: iter(())))
        assert words == ["retry the mail cannot be read: it has no text (at mail data)"]
        assert not server.accepted


async def test_stop_in_the_middle_of_a_large_mail_is_a_retry() -> None:
    async with MisbehavingServer({"body": "stall"}) as server, office(target(server.port), grace=0) as here:
        parcel = TestParcel(text=lambda: blocks(400))
        here.courier.submit(parcel)
        await server.hanging.wait()
    assert here.words(parcel) == ["retry the gateway is stopping (at mail data)"]


class Keeper:
    def __init__(self) -> None:
        self.mails: list[tuple[str | None, list[str], bytes]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        return "250 2.0.0 Taken"


@pytest.mark.parametrize("dots", [b".\r\n", b"..dot at the very first byte\r\n\r\n..\r\nend\r\n.\r\n"])
async def test_aiosmtpd_takes_our_mail_as_it_was_written(dots: bytes) -> None:
    keeper = Keeper()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(keeper, hostname="peer.test", loop=loop), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with office(target(port)) as here:
            (words,) = await here.deliver(TestParcel(("bob@x.test", "carol@x.test"), text=dots))
            assert words == ["delivered 250 2.0.0 Taken"] * 2
    (mail,) = keeper.mails
    assert mail[:2] == ("alice@example.test", ["bob@x.test", "carol@x.test"])
    assert mail[2] == dots.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.").removeprefix(b".")
