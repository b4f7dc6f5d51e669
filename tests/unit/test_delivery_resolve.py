"""cssmtp.delivery.resolve: mail-processing.md 10 and configuration.md 3."""

from __future__ import annotations

import dns.asyncresolver
import dns.resolver
import pytest

from cssmtp.config.model import AddressKind, TargetAddress, TargetServer
from cssmtp.delivery.resolve import LookupFailed, Resolution, SystemResolver, has_ipv6, resolve
from cssmtp.observe.events import Ignored, ResolutionFailed, TargetIgnored
from tests.delivering import Names

IP, NAME, MX = AddressKind.IP, AddressKind.NAME, AddressKind.MX


def server(*values: tuple[AddressKind, str], **options: object) -> TargetServer:
    return TargetServer(tuple(TargetAddress(kind, value) for kind, value in values), **options)


def found(resolution: Resolution) -> list[tuple[int, str]]:
    return [(address.preference, address.ip) for address in resolution.addresses]


async def test_configuration_order_is_preference_order() -> None:
    names = Names({"b.test": ["192.0.2.7", "192.0.2.3"]})
    resolution = await resolve([server((IP, "192.0.2.9")), server((NAME, "b.test"), (IP, "192.0.2.1"))], names, ipv6=True)
    assert found(resolution) == [(1, "192.0.2.9"), (2, "192.0.2.7"), (2, "192.0.2.3"), (3, "192.0.2.1")]
    assert resolution.complete
    assert resolution.remarks == ()


async def test_mx_preference_lower_first_and_equal_ones_together() -> None:
    names = Names(
        {"one.test": ["192.0.2.1"], "two.test": ["192.0.2.2"], "three.test": ["192.0.2.3"]},
        {"corp.test": [(20, "three.test."), (10, "two.test."), (10, "one.test.")]},
    )
    resolution = await resolve([server((MX, "corp.test"))], names, ipv6=True)
    assert sorted(found(resolution)) == [(10, "192.0.2.1"), (10, "192.0.2.2"), (20, "192.0.2.3")]
    assert found(resolution)[2] == (20, "192.0.2.3")
    assert {address.name for address in resolution.addresses} == {"one.test", "two.test", "three.test"}


async def test_a_domain_without_mx_is_its_own_server() -> None:
    resolution = await resolve([server((MX, "corp.test"))], Names({"corp.test": ["192.0.2.1"]}, {"corp.test": []}), ipv6=True)
    assert found(resolution) == [(0, "192.0.2.1")]


async def test_null_mx_takes_no_mail() -> None:
    resolution = await resolve([server((MX, "corp.test"))], Names({}, {"corp.test": [(0, ".")]}), ipv6=True)
    assert resolution.addresses == ()
    assert not resolution.complete
    assert resolution.remarks == (ResolutionFailed("corp.test", "corp.test takes no mail"),)


async def test_one_dead_exchanger_does_not_take_the_others_with_it() -> None:
    names = Names({"two.test": ["192.0.2.2"]}, {"corp.test": [(10, "one.test"), (20, "two.test")]})
    resolution = await resolve([server((MX, "corp.test"))], names, ipv6=True)
    assert found(resolution) == [(20, "192.0.2.2")]


async def test_all_exchangers_dead_is_a_failure() -> None:
    resolution = await resolve([server((MX, "corp.test"))], Names({}, {"corp.test": [(10, "one.test")]}), ipv6=True)
    assert not resolution.complete
    assert resolution.remarks == (ResolutionFailed("corp.test", "one.test: unknown host"),)


async def test_only_the_first_four_values_are_used() -> None:
    servers = [server((IP, f"192.0.2.{number}")) for number in range(1, 7)]
    resolution = await resolve(servers, Names(), ipv6=True)
    assert [ip for _, ip in found(resolution)] == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]
    assert resolution.remarks == (
        TargetIgnored("192.0.2.5", "192.0.2.5", Ignored.SURPLUS),
        TargetIgnored("192.0.2.6", "192.0.2.6", Ignored.SURPLUS),
    )


async def test_only_the_first_four_resolved_addresses_are_used() -> None:
    names = Names({"many.test": [f"192.0.2.{number}" for number in range(1, 5)]})
    resolution = await resolve([server((IP, "192.0.2.100"), (NAME, "many.test"))], names, ipv6=True)
    assert len(resolution.addresses) == 4
    assert resolution.remarks == (TargetIgnored("many.test", "192.0.2.4", Ignored.SURPLUS),)


async def test_duplicate_addresses_are_dropped_with_a_remark_and_the_first_stays() -> None:
    names = Names({"a.test": ["192.0.2.1", "192.0.2.1"]})
    resolution = await resolve([server((IP, "192.0.2.1")), server((NAME, "a.test"))], names, ipv6=True)
    assert found(resolution) == [(1, "192.0.2.1")]
    assert resolution.remarks == (TargetIgnored("a.test", "192.0.2.1", Ignored.DUPLICATE),)


async def test_ipv6_is_ignored_on_an_ipv4_only_stack() -> None:
    names = Names({"a.test": ["2001:db8::1", "192.0.2.1"]})
    servers = [server((IP, "2001:db8::2")), server((NAME, "a.test"))]
    resolution = await resolve(servers, names, ipv6=False)
    assert [ip for _, ip in found(resolution)] == ["192.0.2.1"]
    assert resolution.remarks == (
        TargetIgnored("2001:db8::2", "2001:db8::2", Ignored.IPV6),
        TargetIgnored("a.test", "2001:db8::1", Ignored.IPV6),
    )
    both = await resolve(servers, names, ipv6=True)
    assert [ip for _, ip in found(both)] == ["2001:db8::2", "2001:db8::1", "192.0.2.1"]


async def test_a_name_that_fails_does_not_stop_the_others() -> None:
    resolution = await resolve([server((NAME, "gone.test")), server((IP, "192.0.2.1"))], Names(), ipv6=True)
    assert found(resolution) == [(2, "192.0.2.1")]
    assert not resolution.complete
    assert resolution.remarks == (ResolutionFailed("gone.test", "gone.test: unknown host"),)


async def test_the_name_to_check_is_tls_server_name_else_the_host() -> None:
    names = Names({"a.test": ["192.0.2.1"]})
    servers = [server((NAME, "a.test")), server((IP, "192.0.2.2")), server((IP, "192.0.2.3"), tls_server_name="mail.test")]
    resolution = await resolve(servers, names, ipv6=True)
    assert [address.name for address in resolution.addresses] == ["a.test", "192.0.2.2", "mail.test"]


async def test_the_system_knows_localhost_and_not_what_cannot_exist() -> None:
    resolver = SystemResolver()
    assert "127.0.0.1" in await resolver.addresses("localhost")
    for name in ("a" * 70 + ".test", "nothing.invalid."):
        with pytest.raises(LookupFailed):
            await resolver.addresses(name)


class Record:
    def __init__(self, preference: int, exchange: str) -> None:
        self.preference = preference
        self.exchange = exchange


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([Record(10, "mx.test."), Record(5, "other.test.")], [(10, "mx.test."), (5, "other.test.")]),
        (dns.resolver.NoAnswer(), []),
    ],
)
async def test_mx_records_by_dnspython(
    monkeypatch: pytest.MonkeyPatch, answer: list[Record] | Exception, expected: list[tuple[int, str]]
) -> None:
    asked: list[tuple[str, str]] = []

    async def answering(name: str, kind: str) -> list[Record]:
        asked.append((name, kind))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(dns.asyncresolver, "resolve", answering)
    assert await SystemResolver().exchangers("corp.test") == expected
    assert asked == [("corp.test", "MX")]


@pytest.mark.parametrize("error", [dns.resolver.NXDOMAIN(), dns.resolver.NoNameservers(), OSError("no network")])
async def test_a_failing_mx_lookup_is_told(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def failing(name: str, kind: str) -> list[Record]:
        raise error

    monkeypatch.setattr(dns.asyncresolver, "resolve", failing)
    with pytest.raises(LookupFailed, match=r"MX of corp\.test"):
        await SystemResolver().exchangers("corp.test")


class Stack:
    """A socket that can be bound, or not."""

    def __init__(self, error: OSError | None) -> None:
        self.error = error

    def __call__(self, *_: object) -> Stack:
        return self

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def bind(self, _address: tuple[str, int]) -> None:
        if self.error:
            raise self.error


@pytest.mark.parametrize(("error", "expected"), [(None, True), (OSError("cannot assign requested address"), False)])
def test_ipv6_is_there_when_its_loopback_can_be_bound(
    monkeypatch: pytest.MonkeyPatch, error: OSError | None, expected: bool
) -> None:
    monkeypatch.setattr("socket.has_ipv6", True)
    monkeypatch.setattr("socket.socket", Stack(error))
    assert has_ipv6() is expected


def test_whether_there_is_ipv6_depends_on_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.has_ipv6", False)
    assert not has_ipv6()
