"""Targets while mail flows: refresh by the operator, look-ups that change, fail-over, limits (mail-processing.md 10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from cssmtp.config.model import AddressKind, Configuration, Timeout
from cssmtp.delivery.resolve import Unanswered
from cssmtp.delivery.target import Address
from cssmtp.observe.events import ConnectionClosed, ConnectionOpened, ResolutionFailed, TargetDown, TargetIgnored, TargetUp
from tests.delivering import PATIENT, TINY, Names, Office, TestParcel, office, parcels, target
from tests.misbehaving import MisbehavingServer

QUICK_RETRY = Timeout(connect_retry=TINY)


def addresses(here: Office) -> list[tuple[str, int]]:
    return [(target.address, target.port) for target in here.courier.snapshot()]


async def turns(condition: Callable[[], bool]) -> None:
    """Let the loop turn until `condition` holds, for what makes no event."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def test_refresh_addresses_asks_the_names_again_and_mail_goes_to_the_new_address() -> None:
    """MODIFY REFRESHIPLIST."""
    names = Names({"a.test": ["127.0.0.1"]})
    async with MisbehavingServer() as old, MisbehavingServer() as idle:
        await idle.vanish()
        await idle.listen(old.port, "127.0.0.2")
        timeout = Timeout(connect_idle=60)
        async with office(target(old.port, "a.test", AddressKind.NAME), names=names, timeout=timeout) as here:
            await here.deliver(TestParcel())
            names.hosts["a.test"] = ["127.0.0.2"]
            here.courier.refresh_addresses()
            here.courier.refresh_addresses()
            await turns(lambda: [line.address for line in here.courier.snapshot()] == ["127.0.0.2"])
            await here.until(lambda: bool(here.of(ConnectionClosed)))  # a former target keeps no idle connection
            await here.deliver(TestParcel())
            assert (len(old.accepted), len(idle.accepted)) == (1, 1)


async def test_a_mail_under_way_to_a_former_target_ends_there() -> None:
    names = Names({"a.test": ["127.0.0.1"]})
    async with MisbehavingServer() as server, office(target(server.port, "a.test", AddressKind.NAME), names=names) as here:
        slow = TestParcel(reverse_path="dot-wait@x.test")
        here.courier.submit(slow)
        await server.took_a_mail.wait()
        names.hosts["a.test"] = ["127.0.0.3"]
        here.courier.refresh_addresses()
        await turns(lambda: [line.address for line in here.courier.snapshot()] == ["127.0.0.3"])
        server.release.set()
        await here.until(lambda: bool(here.of(ConnectionClosed)))
        assert here.words(slow)[0].startswith("delivered")


async def test_a_name_server_that_fails_takes_no_target_away() -> None:
    names = Names({"a.test": ["127.0.0.1"]})
    async with MisbehavingServer() as server, office(target(server.port, "a.test", AddressKind.NAME), names=names) as here:
        del names.hosts["a.test"]
        here.courier.refresh_addresses()
        await here.until(lambda: bool(here.of(ResolutionFailed)))
        (words,) = await here.deliver(TestParcel())
        assert words[0].startswith("delivered")
        here.courier.refresh_addresses()  # instead of the look-up that waits for ConnectRetry
        await here.until(lambda: len(here.of(ResolutionFailed)) == 2)


@pytest.mark.parametrize("kind", [AddressKind.NAME, AddressKind.MX])
async def test_a_block_that_changes_while_its_name_gives_no_answer_keeps_its_address_and_gets_the_new_values(
    kind: AddressKind,
) -> None:
    names = Names({"a.test": ["127.0.0.1"]}, {"a.test": [(1, "a.test.")]})
    async with (
        MisbehavingServer() as old,
        MisbehavingServer() as new,
        office(target(old.port, "a.test", kind), names=names) as here,
    ):
        await here.deliver(TestParcel())
        del names.hosts["a.test"], names.domains["a.test"]
        other, changed = target(1, "127.0.0.9"), target(new.port, "a.test", kind, charset="UTF-8", tls_server_name="b.test")
        here.courier.reconfigure(Configuration((changed, other), timeout=PATIENT))
        await here.until(lambda: bool(here.of(ResolutionFailed)))
        assert addresses(here) == [("127.0.0.1", new.port), ("127.0.0.9", 1)]
        (words,) = await here.deliver(TestParcel())
        assert words[0].startswith("delivered")
        assert (len(old.accepted), len(new.accepted)) == (1, 1)
        here.courier.reconfigure(Configuration((other,), timeout=PATIENT))
        await here.until(lambda: addresses(here) == [("127.0.0.9", 1)])


def test_what_is_kept_of_an_address_whose_name_gives_no_answer() -> None:
    before = Address("192.0.2.1", 25, 2, "mx.a.test", target(25, "a.test", AddressKind.MX), "TARGETMX a.test")
    block = target(587, "a.test", AddressKind.MX, secure=True)
    kept = Unanswered(block, block.addresses[0], 1).kept(before)
    assert kept == Address("192.0.2.1", 587, 2, "mx.a.test", block, "TARGETMX a.test")
    named = replace(block, tls_server_name="b.test")
    kept = Unanswered(named, named.addresses[0], 1).kept(before)
    assert kept is not None
    assert kept.name == "b.test"
    kept = Unanswered(block, block.addresses[0], 1).kept(kept)
    assert kept is not None
    assert kept.name == "a.test"  # which host it was is not known any more
    block = target(25, "a.test", AddressKind.NAME)
    assert Unanswered(block, block.addresses[0], 1).kept(before) is None


async def test_stop_while_names_are_looked_up() -> None:
    class Slow(Names):
        async def addresses(self, name: str) -> list[str]:
            if self.hosts:
                return await super().addresses(name)
            await asyncio.Event().wait()
            return []

    names = Slow({"a.test": ["127.0.0.1"]})
    async with MisbehavingServer() as server, office(target(server.port, "a.test", AddressKind.NAME), names=names) as here:
        names.hosts = {}
        here.courier.refresh_addresses()
        await asyncio.sleep(0)


async def test_refresh_targets_learns_what_a_target_can_do_now() -> None:
    """MODIFY REFRESHTARGETS: a limit that fell is known before a mail meets it."""
    async with MisbehavingServer(extensions=["SIZE 5000", "PIPELINING"]) as server, office(target(server.port)) as here:
        await here.deliver(TestParcel(size=1000))
        server.extensions = ["SIZE 500"]
        here.courier.refresh_targets()
        await turns(lambda: here.courier.snapshot()[0].capabilities.size == 500)
        (words,) = await here.deliver(TestParcel(size=1000))
        assert words[0].startswith("undeliverable")


async def test_refresh_targets_with_all_connections_busy_examines_when_one_has_ended() -> None:
    async with MisbehavingServer() as server, office(target(server.port, connect_limit=1)) as here:
        slow = TestParcel(reverse_path="dot-wait@x.test")
        here.courier.submit(slow)
        await server.took_a_mail.wait()
        server.extensions = ["SIZE 500", "PIPELINING"]
        here.courier.refresh_targets()
        server.release.set()
        await turns(lambda: here.courier.snapshot()[0].capabilities.size == 500)
        assert server.most_open == 1
        assert here.words(slow)[0].startswith("delivered")


async def test_refresh_targets_tries_a_target_that_is_down_at_once() -> None:
    server = MisbehavingServer()
    await server.listen()
    port = server.port
    await server.vanish()
    async with office(target(port)) as here:
        parcel = TestParcel()
        here.courier.submit(parcel)
        await here.until(lambda: bool(here.of(TargetDown)))
        await server.listen(port)
        async with server:
            here.courier.refresh_targets()
            await here.until(lambda: parcel in here.outcomes)
            assert here.of(TargetUp)
            await here.courier.stop(5)


async def test_fail_over_while_mail_flows_and_recovery() -> None:
    """Nothing is lost, nothing delivered twice, when the preferred target dies in the middle and comes back."""
    first, second = MisbehavingServer(), MisbehavingServer()
    await first.listen()
    await second.listen(first.port, "127.0.0.2")
    targets = (target(first.port), target(first.port, "127.0.0.2"))
    async with first, second, office(*targets, timeout=QUICK_RETRY) as here:
        every = parcels(300)
        for parcel in every:
            here.courier.submit(parcel)
        await here.until(lambda: len(here.outcomes) > 50)
        await first.vanish()
        await here.until(lambda: len(here.outcomes) == 300)
        delivered = {parcel for parcel in every if here.words(parcel)[0].startswith("delivered")}
        heard = [mail.recipients[0] for server in (first, second) for mail in server.accepted]
        assert len(heard) == len(set(heard))
        assert {parcel.recipients[0] for parcel in delivered} <= set(heard)
        retried = [here.words(parcel)[0] for parcel in every if parcel not in delivered]
        assert len(retried) <= 5  # only what had a mail under way
        assert all(words.startswith("retry") for words in retried)
        assert second.accepted
        await first.listen(first.port)
        await here.until(lambda: len(here.of(TargetUp)) >= 3)
        count = len(second.accepted)
        await here.deliver(*parcels(10))
        assert len(second.accepted) == count
        await here.courier.stop(5)


async def test_a_421_at_every_step_costs_one_connection_and_no_mail() -> None:
    for step in ("mail", "rcpt", "data", "dot"):
        async with MisbehavingServer() as server, office(target(server.port, connect_limit=1)) as here:
            bad = TestParcel(reverse_path=f"{step}-421@x.test")
            words = await here.deliver(*parcels(3), bad, *parcels(3))
            assert [word[0].split()[0] for word in words] == ["delivered"] * 3 + ["retry"] + ["delivered"] * 3
            assert "421" in words[3][0]


async def test_connections_grow_up_to_connect_limit_and_no_further() -> None:
    async with MisbehavingServer({"dot": "wait"}) as server, office(target(server.port, connect_limit=3)) as here:
        every = parcels(12)
        for parcel in every:
            here.courier.submit(parcel)
        await here.until(lambda: len(here.of(ConnectionOpened)) == 3)
        server.release.set()
        await here.until(lambda: len(here.outcomes) == 12)
        assert server.most_open == 3


async def test_what_a_target_can_do_is_learned_anew_with_each_connection() -> None:
    one = {"max_msg_sent": 1, "connect_limit": 1}
    async with MisbehavingServer() as server, office(target(server.port, **one)) as here:
        await here.deliver(TestParcel(size=1000))
        server.extensions = ["SIZE 500"]
        await here.deliver(TestParcel(size=10))
        (words,) = await here.deliver(TestParcel(size=1000))
        assert words[0].startswith("undeliverable")


async def test_mx_records_of_different_preference_fail_over_in_their_order() -> None:
    names = Names({"a.test": ["127.0.0.1"], "b.test": ["127.0.0.2"]}, {"corp.test": [(20, "b.test."), (10, "a.test.")]})
    first, second = MisbehavingServer(), MisbehavingServer()
    await first.listen()
    await second.listen(first.port, "127.0.0.2")
    one = target(first.port, "corp.test", AddressKind.MX)
    async with first, second, office(one, names=names) as here:
        await here.deliver(*parcels(3))
        assert (len(first.accepted), len(second.accepted)) == (3, 0)
        await first.vanish()
        await here.until(lambda: bool(here.of(ConnectionClosed)))
        await here.deliver(*parcels(3))
        assert len(second.accepted) == 3
        await here.courier.stop(5)


async def test_ipv6_and_ipv4_and_the_rule_of_four_addresses() -> None:
    names = Names({"many.test": ["::1", "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"]})
    server = MisbehavingServer()
    await server.listen(0, "::1")
    async with server, office(target(server.port, "many.test", AddressKind.NAME, connect_limit=1), names=names) as here:
        assert [event.address for event in here.of(TargetIgnored)] == ["127.0.0.4"]
        assert len(here.courier.snapshot()) == 4
        (words,) = await here.deliver(TestParcel())
        assert words[0].startswith("delivered")
        assert here.of(ConnectionOpened)[0].address == "::1"
