"""From TargetIp, TargetName and TargetMx to at most four addresses (mail-processing.md 10, configuration.md 3).

Promises: order of preference, no address twice, never more than `MAX_ADDRESSES`; whatever is left out is named.
Never: looks up anything of a recipient.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver

from cssmtp.config.model import AddressKind, TargetAddress, TargetServer
from cssmtp.delivery.target import Address
from cssmtp.observe.events import Event, Ignored, ResolutionFailed, TargetIgnored

MAX_ADDRESSES = 4
"""How many configured values, and after resolution how many addresses, are used."""


class LookupFailed(Exception):
    """A name gave no answer; the text says why."""


class Resolver(Protocol):
    """The two questions that are asked of names."""

    async def addresses(self, name: str) -> list[str]:
        """IPv4 and IPv6 literals of a host, in the order to use. Raises LookupFailed."""
        ...

    async def exchangers(self, domain: str) -> list[tuple[int, str]]:
        """(preference, host) of the MX records of a domain, [] when it has none. Raises LookupFailed."""
        ...


class SystemResolver:
    """Hosts by the system (so /etc/hosts counts), MX records by dnspython."""

    async def addresses(self, name: str) -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else ""
            raise LookupFailed(f"{name}: {why or error}") from error
        return [str(sockaddr[0]) for *_, sockaddr in found]

    async def exchangers(self, domain: str) -> list[tuple[int, str]]:
        try:
            answer = await dns.asyncresolver.resolve(domain, "MX")
        except dns.resolver.NoAnswer:
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise LookupFailed(f"MX of {domain}: {error}") from error
        return [(int(record.preference), str(record.exchange)) for record in answer]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A value of the configuration that gave no answer: its block, the value, and its place in the configuration from 1."""

    server: TargetServer
    value: TargetAddress
    place: int

    def kept(self, address: Address) -> Address | None:
        """An address of an earlier look-up as it stays in force now; None when it is not of this value.

        The block may be another by a REFRESH: what it says holds for the addresses that were known before.
        """
        if address.source != source_of(self.value):
            return None
        name = address.name
        if self.server.tls_server_name or address.server.tls_server_name:
            name = self.server.tls_server_name or self.value.value
        preference = address.preference if self.value.kind is AddressKind.MX else self.place
        return replace(address, port=self.server.connect_port, preference=preference, name=name, server=self.server)


def source_of(value: TargetAddress) -> str:
    """A configured value as people are told of it."""
    return f"{value.kind.value.upper()} {value.value}"


@dataclass(frozen=True, slots=True)
class Resolution:
    """`addresses` in order of preference; `remarks` are events to publish; `failed` are the values that gave no answer."""

    addresses: tuple[Address, ...]
    remarks: tuple[Event, ...]
    failed: tuple[Unanswered, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every name gave an answer."""
        return not self.failed


def has_ipv6() -> bool:
    """Whether this machine can use IPv6 at all."""
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def _hosts(value: TargetAddress, resolver: Resolver) -> list[tuple[int, str, list[str]]]:
    """One configured value -> (MX preference or 0, host name, its addresses), lower preference first. Raises LookupFailed.

    A domain without MX records is its own mail server; "." says that it has none (RFC 5321 section 5.1, RFC 7505).
    """
    match value.kind:
        case AddressKind.IP:
            return [(0, value.value, [value.value])]
        case AddressKind.NAME:
            return [(0, value.value, await resolver.addresses(value.value))]
        case AddressKind.MX:
            records = await resolver.exchangers(value.value) or [(0, value.value)]
            hosts: list[tuple[int, str, list[str]]] = []
            failure: LookupFailed | None = None
            for preference, host in sorted(records):
                name = host.rstrip(".")
                try:
                    if name:
                        hosts.append((preference, name, await resolver.addresses(name)))
                except LookupFailed as error:  # one dead exchanger does not take the others with it
                    failure = error
            if not hosts:
                raise failure or LookupFailed(f"{value.value} takes no mail")
            return hosts


async def resolve(servers: Sequence[TargetServer], resolver: Resolver, *, ipv6: bool) -> Resolution:
    """Resolve all targets. `ipv6` tells whether the machine can use IPv6. Raises nothing of a look-up: failures are remarks.

    Preference is the MX preference for TargetMx, else the place of the value in the configuration from 1; addresses of one
    name are equal.
    """
    remarks: list[Event] = []
    failed: list[Unanswered] = []
    values = [(server, value) for server in servers for value in server.addresses]
    remarks += [TargetIgnored(value.value, value.value, Ignored.SURPLUS) for _, value in values[MAX_ADDRESSES:]]
    found: list[Address] = []
    for place, (server, value) in enumerate(values[:MAX_ADDRESSES], start=1):
        try:
            hosts = await _hosts(value, resolver)
        except LookupFailed as error:
            remarks.append(ResolutionFailed(value.value, str(error)))
            failed.append(Unanswered(server, value, place))
            continue
        for mx_preference, host, literals in hosts:
            preference = mx_preference if value.kind is AddressKind.MX else place
            name = server.tls_server_name or host
            for literal in dict.fromkeys(literals):
                address = Address(literal, server.connect_port, preference, name, server, source_of(value))
                _admit(address, value.value, found, remarks, ipv6)
    found.sort(key=lambda address: address.preference)
    remarks += [TargetIgnored(address.name, address.ip, Ignored.SURPLUS) for address in found[MAX_ADDRESSES:]]
    return Resolution(tuple(found[:MAX_ADDRESSES]), tuple(remarks), tuple(failed))


def _admit(address: Address, configured: str, found: list[Address], remarks: list[Event], ipv6: bool) -> None:
    """Add `address` to `found` unless the machine cannot use it or it is there already: the first stays."""
    if not ipv6 and ipaddress.ip_address(address.ip.partition("%")[0]).version == 6:
        remarks.append(TargetIgnored(configured, address.ip, Ignored.IPV6))
    elif any(address.ip == other.ip for other in found):
        remarks.append(TargetIgnored(configured, address.ip, Ignored.DUPLICATE))
    else:
        found.append(address)
