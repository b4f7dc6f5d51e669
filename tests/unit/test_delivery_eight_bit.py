"""8BITMIME on the way out, and mail that one target cannot get."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from cssmtp.config.model import TargetServer
from cssmtp.errors import UnsendableMail
from cssmtp.smtp.capabilities import Capabilities
from cssmtp.smtp.session import ClientSession, Transaction
from tests.delivering import TestParcel, office, target
from tests.misbehaving import MisbehavingServer


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (Capabilities(esmtp=True, eightbitmime=True, size=0), b"MAIL FROM:<a@x> SIZE=1 BODY=8BITMIME\r\n"),
        (Capabilities(esmtp=True, size=0), b"MAIL FROM:<a@x> SIZE=1\r\n"),
        (Capabilities(), b"MAIL FROM:<a@x>\r\n"),
    ],
)
def test_rfc_6152_the_parameter_stands_only_where_the_server_offers_it(capabilities: Capabilities, expected: bytes) -> None:
    assert ClientSession(capabilities).begin(Transaction("a@x", ("b@x",), 1, eight_bit=True)) == expected


@pytest.mark.parametrize("offered", [True, False])
@pytest.mark.parametrize("labelled", [True, False])
async def test_8bitmime_is_announced_when_used_and_offered(offered: bool, labelled: bool) -> None:
    extensions = ("PIPELINING", "8BITMIME") if offered else ("PIPELINING",)
    async with MisbehavingServer(extensions=extensions) as server, office(target(server.port)) as here:
        text = "Subject: ä\r\n\r\nä\r\n.\r\n".encode("latin-1")
        await here.deliver(TestParcel(text=text, labelled=labelled))
        await here.deliver(TestParcel(text=lambda: iter([text]), labelled=labelled))
        commands = [command for command in server.dialogues[0].commands if command.startswith("MAIL")]
        assert len(commands) == 2
        assert all(command.endswith(" BODY=8BITMIME") == (offered and labelled) for command in commands)
        assert server.accepted[0].text == text.removesuffix(b".\r\n")


async def test_mail_that_a_target_cannot_get_is_undeliverable_and_the_next_goes_on() -> None:
    class Impossible(TestParcel):
        def wire(self, _server: TargetServer, *, eight_bit: bool) -> bytes | Iterable[bytes]:
            raise UnsendableMail("500 5.2.5 JES Text line too long")

    async with MisbehavingServer() as server, office(target(server.port)) as here:
        bad, good = await here.deliver(Impossible(), TestParcel())
        assert bad == ["undeliverable 500 5.2.5 JES Text line too long"]
        assert good[0].startswith("delivered")
        assert len(server.accepted) == 1
