"""Targets that misbehave, against the whole gateway in this process: nothing is lost or doubled, everything else goes on."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import trustme

from cssmtp.clock import SystemClock
from cssmtp.config.load import require
from cssmtp.config.model import Configuration, Timeout
from cssmtp.engine.service import serve
from cssmtp.errors import SpoolError
from cssmtp.observe.bus import Bus
from cssmtp.observe.events import Event, InternalError, SpoolUnusable, TargetDown
from cssmtp.spool.directory import DirectorySpool
from tests.gateways import Spool, write_configuration
from tests.misbehaving import MisbehavingServer
from tests.reports import failed_recipients

QUICK = Timeout(
    any_command=1, connect_idle=0, connect_retry=60, data_block=1, data_command=1, data_term=1, initial_message=1,
    mail_command=1, rcpt_command=1,
)  # fmt: skip


def ascii_deck(*mails: tuple[str, str], hello: str = "HELO mvsa", text: str = "hello") -> bytes:
    lines = [hello, *(["STARTTLS"] if hello.startswith("EHLO") else [])]
    for sender, recipient in mails:
        lines += [f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA", "Subject: x", "", text, "."]
    return "".join(f"{line}\n" for line in [*lines, "QUIT"]).encode()


@dataclass
class Keeper:
    """A sink that keeps everything."""

    events: list[Event] = field(default_factory=list)

    def wants(self, kind: type[Event], variant: str) -> bool:
        return True

    def handle(self, event: Event) -> None:
        self.events.append(event)


@dataclass
class Gate:
    """A spool and a configuration; `run` is the gateway until idle, with seconds where the product has minutes."""

    scratch: Path
    spool: Spool
    keeper: Keeper = field(default_factory=Keeper)

    def configuration(self, *targets: dict[str, Any], **more: Any) -> Configuration:
        path = write_configuration(self.scratch, targets[0], {"RetryLimit": {"Count": 0, "Interval": 0}, **more})
        first = require(path, environ={})
        others = [require(write_configuration(self.scratch, target), environ={}).targets[0] for target in targets[1:]]
        system = replace(first.system, spool=str(self.spool.root))
        return replace(first, targets=(*first.targets, *others), timeout=QUICK, system=system)

    async def run(self, configuration: Configuration, seconds: float = 20) -> int:
        bus = Bus()
        bus.subscribe(self.keeper)
        with serve(configuration, bus, SystemClock(), until_idle=True) as gateway:
            async with asyncio.timeout(seconds):
                return await gateway.run()

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.keeper.events if isinstance(event, kind)]


def made_gate(scratch: Path) -> Gate:
    scratch.mkdir(exist_ok=True)
    return Gate(scratch, Spool(scratch / "spool"))


async def together(one: Callable[[str], Awaitable[list[str]]], names: Iterable[str]) -> list[str]:
    """What `one` finds wrong with each name; all at once, as each waits more than it works."""
    return list(chain.from_iterable(await asyncio.gather(*map(one, names))))


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = made_gate(tmp_path)
    yield made
    assert made.told(InternalError) == []


def target(server: MisbehavingServer, **more: Any) -> dict[str, Any]:
    return {"TargetIp": "127.0.0.1", "ConnectPort": server.port, **more}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


UNUSABLE = {
    "refuses-service": {"greeting": "554"},
    "refuses-for-now": {"greeting": "421"},
    "says-nothing": {"greeting": "hang"},
    "closes-at-once": {"greeting": "close"},
    "resets": {"greeting": "reset"},
    "talks-nonsense": {"greeting": "garbage"},
    "never-stops-talking": {"greeting": "huge"},
    "closes-at-EHLO": {"ehlo": "close"},
    "answers-EHLO-with-nonsense": {"ehlo": "garbage"},
    "answers-EHLO-with-10-MB": {"ehlo": "huge"},
    "refuses-EHLO-and-HELO": {"ehlo": "550", "helo": "550"},
}


async def test_a_target_that_cannot_be_used_fails_nothing_and_the_file_waits(tmp_path: Path) -> None:
    async def one(name: str) -> list[str]:
        gate = made_gate(tmp_path / name)
        gate.spool.drop("JOB1", ascii_deck(("a@b.example", "c@d.example")))
        async with MisbehavingServer(UNUSABLE[name]) as server:
            status = await gate.run(gate.configuration(target(server)))
        downs = gate.told(TargetDown)
        facts = {
            "status 1": status == 1,
            "waits": [entry.state for entry in gate.spool.entries()] == ["ready"],
            "nothing reported": (gate.spool.reports(), gate.spool.letters(), server.accepted) == ({}, {}, []),
            "a reason told": bool(downs) and all(event.reason for event in downs),
            "no fault of ours": gate.told(InternalError) == [],
        }
        return [f"{name}: {fact}" for fact, true in facts.items() if not true]

    assert await together(one, UNUSABLE) == []


class OtherAddress(MisbehavingServer):
    """A server on another loopback address: two targets may not have one address."""

    async def listen(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.2", port)
        self.port = self._server.sockets[0].getsockname()[1]


async def test_mail_goes_to_the_next_target_when_the_first_cannot_be_used(tmp_path: Path) -> None:
    senders = [f"a{number}@b.example" for number in range(20)]

    async def one(name: str) -> list[str]:
        gate = made_gate(tmp_path / name)
        gate.spool.drop("JOB1", ascii_deck(*[(sender, "c@d.example") for sender in senders]))
        async with MisbehavingServer(UNUSABLE[name]) as bad, OtherAddress() as good:
            status = await gate.run(gate.configuration(target(bad), target(good, TargetIp="127.0.0.2")))
        facts = {
            "all sent": (status, gate.spool.entries(), bad.accepted) == (0, [], []),
            "once each": sorted(mail.sender for mail in good.accepted) == sorted(senders),
            "no fault of ours": gate.told(InternalError) == [],
        }
        return [f"{name}: {fact}" for fact, true in facts.items() if not true]

    assert await together(one, UNUSABLE) == []


async def test_nobody_listens(gate: Gate) -> None:
    gate.spool.drop("JOB1", ascii_deck(("a@b.example", "c@d.example")))
    assert await gate.run(gate.configuration({"TargetIp": "127.0.0.1", "ConnectPort": free_port()})) == 1
    assert [entry.state for entry in gate.spool.entries()] == ["ready"]


async def test_a_name_that_does_not_resolve(gate: Gate) -> None:
    gate.spool.drop("JOB1", ascii_deck(("a@b.example", "c@d.example")))
    assert await gate.run(gate.configuration({"TargetName": "nowhere.invalid"})) == 1
    assert [entry.state for entry in gate.spool.entries()] == ["ready"]


async def test_more_mail_than_fits_and_no_target_ends_until_idle_as_well(gate: Gate) -> None:
    """The reader waits for room that nobody will make."""
    gate.spool.drop("JOB1", ascii_deck(*[("a@b.example", "c@d.example")] * 9000))
    assert await gate.run(gate.configuration({"TargetIp": "127.0.0.1", "ConnectPort": free_port()})) == 1
    assert [entry.state for entry in gate.spool.entries()] == ["ready"]


# --- faults in the middle of the dialogue

STEPS = {
    "mail-550": "550", "mail-451": "451", "mail-hang": "no answer within 1 seconds", "mail-close": "", "mail-garbage": "",
    "mail-huge": "", "rcpt-550": "550", "rcpt-451": "451", "rcpt-hang": "no answer within 1 seconds", "rcpt-mismatch": "",
    "data-554": "554", "data-421": "421", "data-hang": "no answer within 1 seconds", "data-huge": "", "dot-550": "550",
    "dot-451": "451", "dot-drop": "", "dot-hang": "no answer within 1 seconds", "dot-garbage": "", "dot-reset": "",
}  # fmt: skip


@pytest.mark.parametrize("pipelining", [True, False])
async def test_a_fault_in_one_mail_is_the_affair_of_that_mail(pipelining: bool, gate: Gate) -> None:
    """Each faulty mail stands between good ones; its notice is taken. A mail is never taken twice unless its answer was lost."""
    good = [f"good{number}@b.example" for number in range(4)]
    for index, fault in enumerate(STEPS):
        mails = [(sender, f"{index}@d.example") for sender in good]
        faulty = [(f"{fault}@b.example", f"faulty{index}@d.example")]
        gate.spool.drop(f"JOB{index}", ascii_deck(*mails[:2], *faulty, *mails[2:]))
    extensions = ("PIPELINING", "ENHANCEDSTATUSCODES") if pipelining else ()
    async with MisbehavingServer(extensions=extensions) as server:
        # RetryLimit 0: what follows a faulty mail on its connection must not become a failure of its own.
        status = await gate.run(gate.configuration(target(server, ConnectLimit=25)), 60)
    assert status == 1
    taken = Counter((mail.sender, mail.recipients) for mail in server.accepted)
    wanted = {(sender, (f"{index}@d.example",)) for index in range(len(STEPS)) for sender in good}
    held, reports = gate.spool.held(), gate.spool.reports()
    assert {key: reports[f"JOB{key[1][0].partition('@')[0]}"] for key in wanted if taken[key] != 1} == {}
    for index, (fault, reason) in enumerate(STEPS.items()):
        failed = failed_recipients(reports[f"JOB{index}"])
        assert [(mail, recipient) for mail, recipient, _ in failed] == [(3, f"faulty{index}@d.example")], fault
        assert reason in failed[0][2], fault
        assert f"JOB{index}" in held
        notice = taken["", (f"{fault}@b.example",)]
        dead = sum(name.startswith(f"JOB{index}.") for name in gate.spool.letters())
        assert notice + dead == 1, fault


async def test_the_answer_to_the_final_dot_was_lost_so_the_mail_counts_as_not_delivered(gate: Gate) -> None:
    gate.spool.drop("JOB1", ascii_deck(("dot-take@b.example", "c@d.example")))
    async with MisbehavingServer() as server:
        assert await gate.run(gate.configuration(target(server))) == 1
    assert [mail.recipients for mail in server.accepted if mail.sender] == [("c@d.example",)]
    assert failed_recipients(gate.spool.reports()["JOB1"])[0][:2] == (1, "c@d.example")


# --- TLS


def server_context(name: str) -> tuple[ssl.SSLContext, trustme.CA]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context, authority


@pytest.mark.parametrize("how", ["other name", "other authority", "none offered", "refused", "refused for now", "no handshake"])
async def test_mail_that_needs_tls_is_never_sent_in_clear(how: str, gate: Gate) -> None:
    name = "wrong.example.test" if how == "other name" else "mail.example.test"
    context, authority = server_context(name)
    if how == "other authority":
        authority = trustme.CA()
    ca_file = gate.scratch / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    gate.spool.drop("SECRET", ascii_deck(("a@b.example", "secret@d.example"), hello="EHLO mvsa"))
    faults = {"refused": {"starttls": "501"}, "refused for now": {"starttls": "454"}, "no handshake": {"starttls": "garbage"}}
    offered = None if how in ("none offered", "no handshake") else context
    extensions = ("STARTTLS",) if how == "no handshake" else ()
    async with MisbehavingServer(faults.get(how), tls=offered, extensions=extensions) as server:
        more = {"TlsCaFile": ca_file, "TlsServerName": "mail.example.test"}
        status = await gate.run(gate.configuration(target(server, **more)))
    assert (status, server.accepted) == (1, [])
    assert not any(command.startswith("MAIL") for dialogue in server.dialogues for command in dialogue.commands)
    assert {entry.state for entry in gate.spool.entries()} <= {"held", "ready"}
    if how not in ("refused for now", "no handshake"):
        assert failed_recipients(gate.spool.reports()["SECRET"])[0][1] == "secret@d.example"


async def test_secure_sends_everything_over_tls(gate: Gate) -> None:
    context, authority = server_context("mail.example.test")
    ca_file = gate.scratch / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    gate.spool.drop("JOB1", ascii_deck(("a@b.example", "c@d.example")))
    async with MisbehavingServer(tls=context) as server:
        more = {"TlsCaFile": ca_file, "TlsServerName": "mail.example.test", "Secure": "YES"}
        assert await gate.run(gate.configuration(target(server, **more))) == 0
    assert [mail.tls for mail in server.accepted] == [True]


async def test_tls_is_not_used_because_it_is_offered(gate: Gate) -> None:
    """PH66548."""
    context, _ = server_context("mail.example.test")
    gate.spool.drop("JOB1", ascii_deck(("a@b.example", "c@d.example")))
    async with MisbehavingServer(tls=context, extensions=("AUTH PLAIN LOGIN",)) as server:
        assert await gate.run(gate.configuration(target(server))) == 0
    assert [mail.tls for mail in server.accepted] == [False]


# --- the spool in the middle of a run


async def test_an_entry_that_cannot_be_claimed_does_not_end_the_gateway(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = DirectorySpool.claim
    refused: list[str] = []

    def sometimes(self: DirectorySpool, entry: Any) -> Any:
        if not refused:
            refused.append(entry.id)
            raise SpoolError("no space left on the spool")
        return claim(self, entry)

    monkeypatch.setattr(DirectorySpool, "claim", sometimes)
    gate.spool.drop("JOB1", ascii_deck(("a@b.example", "c@d.example")))
    gate.spool.drop("JOB2", ascii_deck(("a@b.example", "c@d.example")))
    async with MisbehavingServer() as server:
        await gate.run(gate.configuration(target(server)))
    assert len(gate.told(SpoolUnusable)) == 1
    assert len(server.accepted) >= 1
