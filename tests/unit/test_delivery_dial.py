"""cssmtp.delivery.dial: borders that a real server reaches only by accident; the rest is in the tests of courier and TLS."""

from __future__ import annotations

import asyncio
import ssl
from types import SimpleNamespace
from typing import Any, cast

import aiosmtplib
import pytest

from cssmtp.config.model import Timeout
from cssmtp.delivery.dial import TargetUnusable, _ready, dial
from cssmtp.delivery.security import tls_facts
from cssmtp.delivery.target import Address
from cssmtp.observe.events import InternalError, TargetDown
from cssmtp.smtp.capabilities import PLAIN_SMTP
from tests.delivering import TestParcel, office, target
from tests.misbehaving import MisbehavingServer


def client(*, closing: bool = False, ssl_object: object = None, transport: bool = True) -> aiosmtplib.SMTP:
    made = SimpleNamespace(is_closing=lambda: closing, get_extra_info=lambda _: ssl_object)
    return cast(aiosmtplib.SMTP, SimpleNamespace(transport=made if transport else None))


@pytest.mark.parametrize("gone", [{"closing": True}, {"transport": False}])
def test_a_connection_that_is_gone_already_is_not_handed_over(gone: dict[str, Any]) -> None:
    with pytest.raises(TargetUnusable, match="closed the connection"):
        _ready(client(**gone), PLAIN_SMTP, "", tls=False)


@pytest.mark.parametrize(("tls", "ssl_object"), [(True, None), (False, object())])
def test_a_connection_that_is_not_as_secure_as_asked_is_not_handed_over(tls: bool, ssl_object: object) -> None:
    with pytest.raises(TargetUnusable, match="not as secure"):
        _ready(client(ssl_object=ssl_object), PLAIN_SMTP, "", tls=tls)


@pytest.mark.parametrize(
    ("certificate", "name"),
    [
        (None, ""),
        ({}, ""),
        ({"subject": ((("organizationName", "x"),), (("commonName", "mail.test"),))}, "mail.test"),
        ({"subject": (), "subjectAltName": (("DNS", "alt.test"),)}, "alt.test"),
        ({"subject": ((("commonName", "a\x1b[31mb\n"),),)}, "a?[31mb?"),
        ({"subject": ((("organizationName", "x"),),)}, "x"),
    ],
)
def test_the_name_of_a_certificate(certificate: dict[str, Any] | None, name: str) -> None:
    connection = SimpleNamespace(
        cipher=lambda: None, version=lambda: None, getpeercert=lambda binary_form=False: None if binary_form else certificate
    )
    facts = tls_facts(cast(ssl.SSLObject, connection))
    assert (facts.subject, facts.protocol, facts.bits, facts.fingerprint) == (name, "TLS", 0, "")


async def test_nobody_listens() -> None:
    async with MisbehavingServer() as server:
        port = server.port
    address = Address("127.0.0.1", port, 1, "127.0.0.1", target(port))
    with pytest.raises(TargetUnusable, match=r"^Connection refused$"):
        await dial(address, Timeout(), hello="me.test", tls=False, tls_ehlo=False)


async def test_a_fault_of_our_own_while_dialling_is_told_and_fails_no_mail() -> None:
    async with MisbehavingServer() as server, office(target(server.port), hello="g\u00e4teway") as here:
        parcel = TestParcel()
        here.courier.submit(parcel)
        await here.until(lambda: bool(here.of(TargetDown)))
        assert here.of(InternalError)
        assert parcel not in here.outcomes


async def test_giving_up_a_dial_leaves_no_socket() -> None:
    async with MisbehavingServer({"ehlo": "hang"}) as server:
        address = Address("127.0.0.1", server.port, 1, "127.0.0.1", target(server.port))
        task = asyncio.create_task(dial(address, Timeout(), hello="me.test", tls=False, tls_ehlo=False))
        await server.hanging.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            while server.dialogues[0].open:
                await asyncio.sleep(0)
