"""What a second EHLO inside TLS says about a target (RFC 3207 section 4.2)."""

from __future__ import annotations

from cssmtp.config.model import AddressKind, TargetAddress, TargetServer
from cssmtp.delivery.choice import Need, Use, choose
from cssmtp.delivery.target import Address, Target
from cssmtp.smtp.capabilities import read_capabilities


def test_a_server_that_does_not_offer_starttls_inside_tls_can_still_do_it() -> None:
    server = TargetServer((TargetAddress(AddressKind.IP, "192.0.2.1"),))
    target = Target(Address("192.0.2.1", 25, 1, "mail.example.test", server))
    target.up(read_capabilities(["STARTTLS", "SIZE 1000"]), 0.0, tls=False)
    target.up(read_capabilities(["SIZE 2000"]), 1.0, tls=True)
    assert choose(Need(tls=True, size=1500), [target], 2.0, 120.0) == Use((target,))
