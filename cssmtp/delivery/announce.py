"""What delivery tells about targets and connections, as events.

Promises: one function per event, made from what the courier has in hand; text of servers is printable ASCII.
Never: decides whether something is worth telling.
"""

from __future__ import annotations

from collections.abc import Iterator

from cssmtp.delivery.dial import Dialled
from cssmtp.delivery.link import Link
from cssmtp.delivery.security import TlsFacts
from cssmtp.delivery.target import Address, Target
from cssmtp.observe.events import ConnectionClosed, ConnectionOpened, Dialogue, Direction, TargetDown, TargetUp
from cssmtp.smtp.capabilities import Capabilities
from cssmtp.smtp.replies import printable


def target_up(target: Target, capabilities: Capabilities) -> TargetUp:
    """A server has greeted us that had not before, or not lately."""
    return TargetUp(target.address.ip, target.address.port, capabilities.keywords)


def target_down(target: Target, retry_seconds: float) -> TargetDown:
    """A target became unusable; it is tried again after `retry_seconds`."""
    return TargetDown(target.address.ip, target.address.port, target.reason, int(retry_seconds))


def connection_opened(link: Link, dialled: Dialled) -> ConnectionOpened:
    """A connection is ready for mail; with the facts of its TLS, for auditors."""
    address = link.target.address
    tls = dialled.tls or TlsFacts("")
    return ConnectionOpened(
        address.ip,
        address.port,
        link.key,
        esmtp=dialled.capabilities.esmtp,
        server=dialled.greeting,
        tls_protocol=tls.protocol,
        tls_cipher=tls.cipher,
        tls_subject=tls.subject,
        tls_bits=tls.bits,
        tls_issuer=tls.issuer,
        tls_serial=tls.serial,
        tls_expires=tls.expires,
        secure=address.server.secure,
        local=dialled.local[0],
        local_port=dialled.local[1],
        tls_fingerprint=tls.fingerprint,
        login=dialled.login,
    )


def connection_closed(link: Link, reason: str, seconds: float) -> ConnectionClosed:
    """A connection that lasted `seconds` has ended."""
    address = link.target.address
    return ConnectionClosed(
        address.ip, address.port, link.key, link.mails, reason, link.octets, seconds, delivered=link.delivered
    )


def dialogue(address: Address, data: bytes, *, sent: bool) -> Iterator[Dialogue]:
    """The lines of `data`, one event each."""
    direction = Direction.SENT if sent else Direction.RECEIVED
    for line in data.splitlines():
        yield Dialogue(address.ip, address.port, direction, printable(line))
