"""cssmtp.delivery.courier with real connections: who gets which mail, and what becomes of it."""

from __future__ import annotations

import asyncio

import pytest

from cssmtp.config.model import AddressKind, TargetAddress, TargetServer, Timeout
from cssmtp.delivery.target import TargetState
from cssmtp.model import Outcome
from cssmtp.observe.events import (
    ConnectionClosed,
    ConnectionOpened,
    Dialogue,
    InternalError,
    ResolutionFailed,
    TargetDown,
    TargetIgnored,
    TargetUp,
)
from tests.delivering import TEXT, TINY, Names, TestParcel, office, parcels, target
from tests.misbehaving import MisbehavingServer

QUICK_RETRY = Timeout(connect_retry=TINY)


async def test_a_mail_is_delivered_and_its_outcome_is_the_literal_reply() -> None:
    async with MisbehavingServer() as server, office(target(server.port)) as here:
        parcel = TestParcel(("bob@example.test", "carol@example.test"))
        assert await here.deliver(parcel) == [["delivered 250 2.0.0 Ok: queued as 1"] * 2]
        (mail,) = server.accepted
        assert (mail.sender, mail.recipients) == ("alice@example.test", ("bob@example.test", "carol@example.test"))
        assert mail.text == TEXT.removesuffix(b".\r\n")
        assert here.outcomes[parcel][0][0].target == "127.0.0.1"
        assert server.dialogues[0].commands[0] == "EHLO gateway.example.test"
    assert server.dialogues[0].commands[-1] == "QUIT"
    assert "RSET" not in server.dialogues[0].commands
    (opened,), (closed,), (up,) = here.of(ConnectionOpened), here.of(ConnectionClosed), here.of(TargetUp)
    assert (opened.server, opened.tls_protocol, opened.esmtp) == ("misbehaving.example ESMTP", "", True)
    assert (closed.mails, closed.key) == (1, opened.key)
    assert up.capabilities == ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES")


@pytest.mark.parametrize("extensions", [("PIPELINING", "SIZE 100000"), ("SIZE",), ()])
async def test_many_mails_over_several_connections(extensions: tuple[str, ...]) -> None:
    async with MisbehavingServer(extensions=extensions) as server, office(target(server.port, connect_limit=3)) as here:
        every = parcels(300)
        assert all(words[0].startswith("delivered") for words in await here.deliver(*every))
        assert sorted(mail.recipients[0] for mail in server.accepted) == sorted(parcel.recipients[0] for parcel in every)
        assert server.most_open == 3
        sized = any(" SIZE=" in command for command in server.dialogues[0].commands)
        assert sized == any(word.startswith("SIZE") for word in extensions)


async def test_a_single_mail_opens_a_single_connection_and_the_next_uses_it() -> None:
    async with MisbehavingServer() as server, office(target(server.port)) as here:
        for parcel in parcels(5):
            await here.deliver(parcel)
        assert len(server.dialogues) == 1


@pytest.mark.parametrize("action", ["slow", "split", "multiline"])
@pytest.mark.parametrize("step", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
async def test_replies_slow_split_or_long_are_replies(step: str, action: str) -> None:
    async with MisbehavingServer({step: action}) as server, office(target(server.port)) as here:
        every = parcels(2)
        assert all(words[0].startswith("delivered 250") for words in await here.deliver(*every))
        assert len(server.accepted) == 2


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "stepwise"])
@pytest.mark.parametrize("code", ["451", "550", "421"])
@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
async def test_every_reply_class_at_every_step_of_a_mail(step: str, code: str, extensions: tuple[str, ...]) -> None:
    async with MisbehavingServer(extensions=extensions) as server, office(target(server.port, connect_limit=1)) as here:
        bad = TestParcel(reverse_path=f"{step}-{code}@example.test")
        good = TestParcel()
        (words, good_words) = await here.deliver(bad, good)
        verdict = "undeliverable" if code == "550" else "retry"
        assert words == [f"{verdict} {code} {code[0]}.0.0 As you wish"]
        assert good_words[0].startswith(("delivered 250", "retry 421") if code == "421" else "delivered 250")


@pytest.mark.parametrize("action", ["close", "reset", "garbage", "mismatch", "huge"])
@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
async def test_a_connection_that_fails_under_a_mail_means_retry(step: str, action: str) -> None:
    async with MisbehavingServer() as server, office(target(server.port, connect_limit=1)) as here:
        (words,) = await here.deliver(TestParcel(reverse_path=f"{step}-{action}@example.test"))
        assert words[0].startswith("retry ")
        assert len(words[0]) < 400
        (after,) = await here.deliver(TestParcel())
        assert after[0].startswith("delivered")


@pytest.mark.parametrize(("action", "taken"), [("drop", 0), ("take", 1)])
async def test_dropped_after_the_dot_is_a_retry_whether_it_was_taken_or_not(action: str, taken: int) -> None:
    async with MisbehavingServer() as server, office(target(server.port)) as here:
        (words,) = await here.deliver(TestParcel(reverse_path=f"dot-{action}@example.test"))
        assert words == ["retry answer to the final dot unknown: the server closed the connection (at end of data)"]
        assert len(server.accepted) == taken


@pytest.mark.parametrize(
    ("step", "timer"),
    [("mail", "mail_command"), ("rcpt", "rcpt_command"), ("data", "data_command"), ("dot", "data_term")],
)
async def test_each_timeout_parameter_ends_the_wait_at_its_step(step: str, timer: str) -> None:
    timeout = Timeout(**{timer: TINY}, connect_retry=30)
    async with MisbehavingServer() as server, office(target(server.port), timeout=timeout) as here:
        (words,) = await here.deliver(TestParcel(reverse_path=f"{step}-hang@example.test"))
        unknown = "answer to the final dot unknown: " if step == "dot" else ""
        assert words[0].startswith(f"retry {unknown}no answer within {TINY} seconds (at ")
        (after,) = await here.deliver(TestParcel())
        assert after[0].startswith("delivered")


async def test_mixed_recipients() -> None:
    async with MisbehavingServer() as server, office(target(server.port)) as here:
        parcel = TestParcel(("ok@x.test", "rcpt-550@x.test", "rcpt-450@x.test", "fine@x.test"))
        (words,) = await here.deliver(parcel)
        assert [word.partition(" ")[0] for word in words] == ["delivered", "undeliverable", "retry", "delivered"]
        assert server.accepted[0].recipients == ("ok@x.test", "fine@x.test")


async def test_all_recipients_refused_but_354_sends_a_lone_dot_and_no_mail() -> None:
    async with MisbehavingServer() as server, office(target(server.port, connect_limit=1)) as here:
        (words,) = await here.deliver(TestParcel(("rcpt-550@x.test",), reverse_path="data-354@x.test"))
        assert words == ["undeliverable 550 5.0.0 As you wish"]
        (after,) = await here.deliver(TestParcel())
        assert after[0].startswith("delivered")
        assert len(server.accepted) == 1
        assert len(server.dialogues) == 1


async def test_after_421_in_mid_way_the_next_mail_goes_on_another_connection() -> None:
    """A server that takes only so many mails per connection costs nobody a retry."""
    async with MisbehavingServer(mails_per_connection=10) as server, office(target(server.port, connect_limit=1)) as here:
        every = parcels(35)
        assert all(words[0].startswith("delivered") for words in await here.deliver(*every))
        assert len(server.accepted) == 35
        assert len(server.dialogues) == 4


async def test_a_server_that_dies_between_mails_and_returns() -> None:
    server = MisbehavingServer()
    async with server, office(target(server.port, connect_limit=1), timeout=QUICK_RETRY) as here:
        await here.deliver(TestParcel())
        port = server.port
        await server.vanish()
        await here.until(lambda: bool(here.of(ConnectionClosed)))
        waiting = TestParcel()
        here.courier.submit(waiting)
        await here.until(lambda: bool(here.of(TargetDown)))
        assert waiting not in here.outcomes
        assert here.courier.waiting == 1
        assert here.courier.all_down
        await server.listen(port)
        await here.until(lambda: waiting in here.outcomes)
        assert here.words(waiting)[0].startswith("delivered")
        assert len(here.of(TargetUp)) == 2


UNUSABLE = [
    *({"greeting": action} for action in ("554", "421", "garbage", "huge", "close", "hang")),
    *({"ehlo": action} for action in ("451", "421", "hang", "garbage", "huge", "close", "reset")),
    {"ehlo": "502", "helo": "550"},
]


@pytest.mark.parametrize("fault", UNUSABLE, ids=["-".join(fault.popitem()) for fault in map(dict, UNUSABLE)])
async def test_a_target_that_cannot_be_used_fails_nothing(fault: dict[str, str]) -> None:
    timeout = Timeout(initial_message=TINY, any_command=TINY, connect_retry=30)
    async with MisbehavingServer(fault) as server, office(target(server.port), timeout=timeout) as here:
        parcel = TestParcel()
        here.courier.submit(parcel)
        await here.until(lambda: bool(here.of(TargetDown)))
        (down,) = here.of(TargetDown)
        assert down.reason
        assert down.reason.isprintable()
        assert len(down.reason) < 400
        assert down.retry_seconds == 30
        assert parcel not in here.outcomes
        (line,) = here.courier.snapshot()
        assert (line.state, line.reason, line.connections) == (TargetState.DOWN, down.reason, 0)
    assert here.words(parcel) == ["retry the gateway is stopping"]


async def test_ehlo_refused_falls_back_to_helo() -> None:
    async with MisbehavingServer({"ehlo": "502"}) as server, office(target(server.port)) as here:
        (words,) = await here.deliver(TestParcel())
        assert words[0].startswith("delivered")
        assert server.dialogues[0].commands[:2] == ["EHLO gateway.example.test", "HELO gateway.example.test"]
        assert here.of(ConnectionOpened)[0].protocol == "SMTP"


async def test_size_limit_of_a_plain_server_is_message_size_and_of_esmtp_its_own() -> None:
    async with (
        MisbehavingServer({"ehlo": "502"}) as plain,
        MisbehavingServer(extensions=["SIZE 500", "PIPELINING"]) as esmtp,
        MisbehavingServer(extensions=["SIZE", "PIPELINING"]) as boundless,
    ):
        for server, message_size, size, expected in [
            (plain, 1000, 1000, "delivered"),
            (plain, 1000, 1001, "undeliverable no target server is capable"),
            (esmtp, 1000, 501, "undeliverable no target server is capable"),
            (esmtp, 100, 500, "delivered"),
            (boundless, 100, 10**9, "delivered"),
        ]:
            async with office(target(server.port, message_size=message_size)) as here:
                (words,) = await here.deliver(TestParcel(size=size))
                assert words[0].startswith(expected)


async def test_a_large_mail_goes_to_the_target_that_can_take_it() -> None:
    async with (
        MisbehavingServer(extensions=["SIZE 500", "PIPELINING"]) as small,
        MisbehavingServer(extensions=["SIZE 5000", "PIPELINING"]) as large,
        office(target(small.port), target(large.port, "127.0.0.2")) as here,
    ):
        await large.vanish()
        await large.listen(large.port, "127.0.0.2")
        words = await here.deliver(TestParcel(size=400), TestParcel(size=600), TestParcel(size=6000), TestParcel(size=100))
        assert [word[0].partition(" ")[0] for word in words] == ["delivered", "delivered", "undeliverable", "delivered"]
        assert len(small.accepted) == 2
        assert len(large.accepted) == 1
        assert "6000 octets" in words[2][0]


async def test_max_msg_sent_ends_a_connection_with_quit() -> None:
    async with MisbehavingServer() as server, office(target(server.port, connect_limit=1, max_msg_sent=4)) as here:
        await here.deliver(*parcels(10))
        assert len(server.accepted) == 10
        assert [sum(command == "DATA" for command in dialogue.commands) for dialogue in server.dialogues] == [4, 4, 2]
        assert server.dialogues[0].commands[-1] == "QUIT"
        assert here.of(ConnectionClosed)[0].reason == "MaxMsgSent"


async def test_connection_is_closed_at_the_end_of_a_file_with_connect_idle_0() -> None:
    """PI38893."""
    async with MisbehavingServer() as server, office(target(server.port)) as here:
        await here.deliver(TestParcel())
        assert not here.of(ConnectionClosed)
        here.courier.file_ended()
        await here.until(lambda: bool(here.of(ConnectionClosed)))
        assert here.of(ConnectionClosed)[0].reason == "end of the spool file"
        assert server.dialogues[0].commands[-1] == "QUIT"


async def test_end_of_file_told_while_the_last_mail_is_under_way_closes_after_it() -> None:
    async with MisbehavingServer() as server, office(target(server.port)) as here:
        here.courier.submit(TestParcel())
        here.courier.file_ended()
        await here.until(lambda: bool(here.of(ConnectionClosed)))
        assert len(server.accepted) == 1


async def test_connect_idle_keeps_the_connection_for_the_next_file() -> None:
    """PI38893."""
    timeout = Timeout(connect_idle=TINY)
    async with MisbehavingServer() as server, office(target(server.port), timeout=timeout) as here:
        await here.deliver(TestParcel())
        here.courier.file_ended()
        await here.deliver(TestParcel())
        here.courier.file_ended()
        assert len(server.dialogues) == 1
        await here.until(lambda: bool(here.of(ConnectionClosed)))
        assert here.of(ConnectionClosed)[0].reason == "idle"
        assert server.dialogues[0].commands[-1] == "QUIT"


async def test_fail_over_to_the_second_target_and_back() -> None:
    server = MisbehavingServer()
    async with server:
        second = await asyncio.start_server(lambda r, w: server._serve(r, w), "127.0.0.2", server.port)
        port = server.port
        async with second, office(target(port), target(port, "127.0.0.2"), timeout=QUICK_RETRY) as here:
            await here.deliver(*parcels(3))
            assert {event.address for event in here.of(ConnectionOpened)} == {"127.0.0.1"}
            assert server._server is not None
            server._server.close()
            for task in list(server._tasks):
                task.cancel()
            await here.until(lambda: bool(here.of(ConnectionClosed)))
            words = await here.deliver(*parcels(3))
            assert all(word[0].startswith("delivered") for word in words)
            assert here.of(ConnectionOpened)[-1].address == "127.0.0.2"
            assert [event.address for event in here.of(TargetDown)] == ["127.0.0.1"]
            await server.listen(port)
            await here.until(lambda: len(here.of(TargetUp)) == 3)
            await here.deliver(TestParcel())
            assert here.of(ConnectionOpened)[-1].address == "127.0.0.1"
            await server.vanish()


async def test_equal_preferences_share_the_work() -> None:
    async with MisbehavingServer() as server:
        second = await asyncio.start_server(lambda r, w: server._serve(r, w), "127.0.0.2", server.port)
        names = Names({"mx.test": ["127.0.0.1", "127.0.0.2"]})
        async with second, office(target(server.port, "mx.test", AddressKind.NAME), names=names) as here:
            for parcel in parcels(10):
                await here.deliver(parcel)
            await here.deliver(*parcels(40))
            assert {line.address: line.mails > 10 for line in here.courier.snapshot()} == {"127.0.0.1": True, "127.0.0.2": True}


async def test_one_connection_too_many_does_not_take_the_target_down() -> None:
    class Narrow(MisbehavingServer):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if sum(dialogue.open for dialogue in self.dialogues) >= 2:
                writer.write(b"421 4.7.0 too many connections\r\n")
                writer.close()
                return
            await super()._serve(reader, writer)

    async with Narrow() as server, office(target(server.port, connect_limit=5)) as here:
        assert all(words[0].startswith("delivered") for words in await here.deliver(*parcels(200)))
        assert not here.of(TargetDown)


async def test_names_that_cannot_be_resolved_are_tried_again_and_fail_nothing() -> None:
    names = Names()
    async with MisbehavingServer() as server:
        one = target(server.port, "gate.test", AddressKind.NAME)
        async with office(one, names=names, timeout=QUICK_RETRY) as here:
            parcel = TestParcel()
            here.courier.submit(parcel)
            assert here.of(ResolutionFailed)
            assert parcel not in here.outcomes
            names.hosts["gate.test"] = ["127.0.0.1"]
            await here.until(lambda: parcel in here.outcomes)
            assert here.words(parcel)[0].startswith("delivered")


async def test_surplus_targets_are_reported() -> None:
    servers = TargetServer(tuple(TargetAddress(AddressKind.IP, f"127.0.0.{number}") for number in range(1, 7)), connect_port=9)
    async with office(servers) as here:
        assert [event.address for event in here.of(TargetIgnored)] == ["127.0.0.5", "127.0.0.6"]
        assert len(here.courier.snapshot()) == 4


async def test_hungry_is_called_when_little_waits() -> None:
    async with MisbehavingServer() as server, office(target(server.port, connect_limit=1), low_water=5) as here:
        await here.deliver(*parcels(20))
        assert here.hungry >= 2


async def test_a_parcel_that_cannot_be_read_is_retried_and_hurts_nobody() -> None:
    def broken() -> bytes:
        raise OSError("disk on fire")

    def broken_in_the_middle() -> object:
        yield b"Subject: x\r\n\r\n"
        raise OSError("disk on fire")

    async with MisbehavingServer() as server, office(target(server.port, connect_limit=1)) as here:
        words = await here.deliver(TestParcel(text=broken), TestParcel(text=broken_in_the_middle), TestParcel())
        assert words[0] == ["retry the mail cannot be read: disk on fire"]
        assert words[1] == ["retry the mail cannot be read: disk on fire (at mail data)"]
        assert words[2][0].startswith("delivered")
        assert len(server.accepted) == 1


async def test_an_address_that_cannot_be_sent_is_undeliverable_without_a_word_to_the_server() -> None:
    async with MisbehavingServer() as server, office(target(server.port)) as here:
        (words,) = await here.deliver(TestParcel(("a@x\r\nDATA",)))
        assert words[0].startswith("undeliverable address ")
        assert server.dialogues[0].commands == ["EHLO gateway.example.test"]


async def test_dialogue_is_told_when_somebody_wants_it_without_the_text() -> None:
    async with MisbehavingServer() as server, office(target(server.port), traced=lambda: True) as here:
        await here.deliver(TestParcel())
        lines = [event.text for event in here.of(Dialogue)]
        assert lines[:3] == ["220 misbehaving.example ESMTP", "EHLO gateway.example.test", "250-misbehaving.example"]
        assert "250 ENHANCEDSTATUSCODES" in lines
        assert "MAIL FROM:<alice@example.test>" in lines
        assert "250 2.0.0 Ok: queued as 1" in lines
        assert not any("Hello" in line for line in lines)


async def test_stop_waits_for_the_answer_to_a_final_dot_beyond_its_grace() -> None:
    """After the point of no return nothing cancels."""
    release = asyncio.Event()

    async with MisbehavingServer({"dot": "wait"}, release=release) as server, office(target(server.port)) as here:
        parcel = TestParcel()
        here.courier.submit(parcel)
        await server.took_a_mail.wait()
        assert "clear 0 mails waits for end of data" in repr(here.courier._links())
        stopping = asyncio.create_task(here.courier.stop(0.0))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not stopping.done()
        assert parcel not in here.outcomes
        release.set()
        await stopping
    assert here.words(parcel)[0].startswith("delivered")


async def test_stop_gives_up_what_has_no_final_dot_after_its_grace() -> None:
    async with MisbehavingServer() as server, office(target(server.port), grace=TINY) as here:
        parcel = TestParcel(reverse_path="rcpt-hang@x.test")
        here.courier.submit(parcel)
        await server.hanging.wait()
    assert here.words(parcel)[0].startswith("retry the gateway is stopping")


async def test_submit_after_stop_is_a_retry() -> None:
    async with MisbehavingServer() as server, office(target(server.port)) as here:
        await here.courier.stop(1)
        parcel = TestParcel()
        here.courier.submit(parcel)
        assert here.words(parcel) == ["retry the gateway is stopping"]


async def test_a_fault_of_the_engine_costs_no_other_mail_its_answer() -> None:
    async with MisbehavingServer() as server, office(target(server.port, connect_limit=1)) as here:
        told = here.ended
        calls = 0

        def failing(parcel: TestParcel, outcomes: tuple[Outcome, ...]) -> None:
            nonlocal calls
            calls += 1
            told(parcel, outcomes)
            raise RuntimeError("engine")

        here.ended = failing  # type: ignore[method-assign]
        assert all(words[0].startswith("delivered") for words in await here.deliver(*parcels(5)))
        assert calls == 5
        assert len(server.dialogues) == 1
        assert [event.text for event in here.of(InternalError)] == ["RuntimeError: engine"] * 5


@pytest.mark.parametrize("extensions", [("PIPELINING", "CHUNKING"), ("PIPELINING",)])
async def test_a_mail_submitted_while_another_awaits_its_answer_goes_behind_it_when_no_other_connection_can_be_had(
    extensions: tuple[str, ...],
) -> None:
    async with (
        MisbehavingServer(extensions=extensions) as server,
        office(target(server.port, connect_limit=1, pipeline_depth=4)) as here,
    ):
        await here.deliver(TestParcel())
        here.courier.submit(TestParcel(reverse_path="dot-wait@x.test"))
        await server.hanging.wait()
        late = TestParcel(reverse_path="late@x.test")
        here.courier.submit(late)
        assert here.courier.waiting == 0
        server.release.set()
        await here.until(lambda: late in here.outcomes)
        assert here.words(late)[0].startswith("delivered")
        assert len(server.dialogues) == 1


async def test_a_fault_of_ours_while_a_connection_is_taken_over_is_told_and_leaves_none_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with MisbehavingServer() as server, office(target(server.port), timeout=QUICK_RETRY) as here:
        with monkeypatch.context() as patch:
            patch.setattr("cssmtp.delivery.courier.Link", None)
            parcel = TestParcel()
            here.courier.submit(parcel)
            await here.until(lambda: bool(here.of(InternalError)))
        assert [each.where for each in here.of(InternalError)] == ["delivery.courier"]
        await here.until(lambda: parcel in here.outcomes)
        assert here.words(parcel)[0].startswith("delivered")


async def test_a_limit_that_rose_since_the_connection_was_opened() -> None:
    """SIZE is what the server said last, on whatever connection."""
    async with MisbehavingServer(extensions=["SIZE 500", "PIPELINING"]) as server, office(target(server.port)) as here:
        first = TestParcel(reverse_path="dot-wait@x.test")
        here.courier.submit(first)
        await server.took_a_mail.wait()
        server.extensions = ["SIZE 5000", "PIPELINING"]
        await here.deliver(TestParcel())
        server.release.set()
        await here.until(lambda: first in here.outcomes)
        both = await here.deliver(TestParcel(size=1000), TestParcel(size=1000))
        assert all(words[0].startswith("delivered") for words in both)
        (too_large,) = await here.deliver(TestParcel(size=6000))
        assert too_large[0].startswith("undeliverable")


async def test_addresses_that_change_while_a_name_is_unresolved() -> None:
    """A repeated look-up keeps what is known of an address and lets go of one that is gone."""
    names = Names({"a.test": ["127.0.0.1"]})
    async with MisbehavingServer() as server:
        one, two = (target(server.port, name, AddressKind.NAME) for name in ("a.test", "b.test"))
        async with office(one, two, names=names, timeout=QUICK_RETRY) as here:
            await here.deliver(TestParcel())
            await server.vanish()
            await server.listen(server.port, "127.0.0.2")
            names.hosts = {"a.test": ["127.0.0.2"], "b.test": ["127.0.0.2"]}
            await here.until(lambda: [line.address for line in here.courier.snapshot()] == ["127.0.0.2"])
            (words,) = await here.deliver(TestParcel())
            assert words[0].startswith("delivered")
            assert here.of(ConnectionOpened)[-1].address == "127.0.0.2"
            assert any(event.address == "127.0.0.2" for event in here.of(TargetIgnored))


async def test_a_large_mail_waits_for_the_target_that_is_down_but_may_take_it() -> None:
    small = MisbehavingServer(extensions=["SIZE 500", "PIPELINING"])
    await small.listen()
    async with small, office(target(small.port), target(small.port, "127.0.0.2"), timeout=QUICK_RETRY) as here:
        large = TestParcel(size=1000)
        here.courier.submit(large)
        await here.until(lambda: bool(here.of(TargetDown)))
        assert large not in here.outcomes
        assert here.courier.waiting == 1
        second = MisbehavingServer()
        await second.listen(small.port, "127.0.0.2")
        await here.until(lambda: large in here.outcomes)
        assert here.words(large)[0].startswith("delivered")
        assert len(second.accepted) == 1
        await here.courier.stop(5)
        await second.vanish()
