"""TLS as mail-processing.md 11.1 has it: required, or not used at all."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
import trustme

from cssmtp.config.model import AddressKind, Options, TargetServer, Timeout
from cssmtp.delivery.target import SILENT_HANDSHAKES
from cssmtp.observe.events import ConnectionClosed, ConnectionOpened, TargetDown, TargetUp
from tests.delivering import TINY, Names, TestParcel, office, parcels, target
from tests.misbehaving import MisbehavingServer

QUICK_RETRY = Timeout(connect_retry=TINY)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def good(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority, "127.0.0.1", "mail.example.test")


async def test_a_mail_that_needs_tls_gets_it_and_others_stay_clear(good: ssl.SSLContext, ca_file: str) -> None:
    """STARTTLS in the spool file, Secure NO: TLS for that mail only. Nothing starts TLS because a server offers it (PH66548)."""
    async with MisbehavingServer(tls=good) as server, office(target(server.port, tls_ca_file=ca_file)) as here:
        every = [*parcels(6), *parcels(6, tls_required=True)]
        assert all(words[0].startswith("delivered") for words in await here.deliver(*every))
        secret = sum(mail.tls for mail in server.accepted)
        assert (secret, len(server.accepted)) == (6, 12)
        opened = {bool(event.tls_protocol) for event in here.of(ConnectionOpened)}
        assert opened == {True, False}
        secure = next(event for event in here.of(ConnectionOpened) if event.tls_protocol)
        assert secure.tls_protocol in ("TLSv1.2", "TLSv1.3")
        assert secure.tls_cipher


async def test_auth_offered_before_tls_starts_no_tls(good: ssl.SSLContext) -> None:
    """PH61015 / PH66548."""
    async with (
        MisbehavingServer(tls=good, extensions=["PIPELINING", "AUTH PLAIN LOGIN"]) as server,
        office(target(server.port)) as here,
    ):
        (words,) = await here.deliver(TestParcel())
        assert words[0].startswith("delivered")
        assert "STARTTLS" not in server.dialogues[0].commands


async def test_secure_yes_means_tls_for_every_mail(good: ssl.SSLContext, ca_file: str) -> None:
    one = {"secure": True, "tls_ca_file": ca_file}
    async with MisbehavingServer(tls=good) as server, office(target(server.port, **one)) as here:
        every = [*parcels(5), *parcels(5, tls_required=True)]
        assert all(words[0].startswith("delivered") for words in await here.deliver(*every))
        assert all(mail.tls for mail in server.accepted)


@pytest.mark.parametrize("secure", [False, True])
async def test_tls_required_and_not_offered_fails_and_is_never_sent_in_clear(secure: bool) -> None:
    async with MisbehavingServer() as server, office(target(server.port, secure=secure)) as here:
        (words,) = await here.deliver(TestParcel(tls_required=not secure))
        assert words == ["undeliverable no target server is capable of this mail: 127.0.0.1: TLS is required and not offered"]
        assert not any(command.startswith("MAIL") for dialogue in server.dialogues for command in dialogue.commands)
        if not secure:
            (clear,) = await here.deliver(TestParcel())
            assert clear[0].startswith("delivered")
        assert not here.of(TargetDown)


@pytest.mark.parametrize("answer", ["454", "502"])
async def test_starttls_refused_means_not_capable(good: ssl.SSLContext, ca_file: str, answer: str) -> None:
    async with (
        MisbehavingServer({"starttls": answer}, tls=good) as server,
        office(target(server.port, tls_ca_file=ca_file)) as here,
    ):
        (words,) = await here.deliver(TestParcel(tls_required=True))
        assert words[0].startswith("undeliverable ")
        assert f"STARTTLS was answered with {answer}" in words[0]
        assert not server.accepted
        assert server.dialogues[0].commands[-1] == "QUIT"


@pytest.mark.parametrize("what", ["close", "hang", "421"])
async def test_starttls_without_answer_means_target_down(good: ssl.SSLContext, ca_file: str, what: str) -> None:
    timeout = Timeout(any_command=TINY, connect_retry=30)
    one = {"tls_ca_file": ca_file}
    async with (
        MisbehavingServer({"starttls": what}, tls=good) as server,
        office(target(server.port, **one), timeout=timeout) as here,
    ):
        parcel = TestParcel(tls_required=True)
        here.courier.submit(parcel)
        await here.until(lambda: bool(here.of(TargetDown)))
        assert parcel not in here.outcomes


async def test_a_certificate_of_an_unknown_authority_is_refused(good: ssl.SSLContext) -> None:
    async with MisbehavingServer(tls=good) as server, office(target(server.port)) as here:
        (words,) = await here.deliver(TestParcel(tls_required=True))
        assert words[0].startswith("undeliverable ")
        assert "certificate verify failed" in words[0]
        assert not server.accepted


async def test_a_certificate_for_another_name_is_refused(authority: trustme.CA, ca_file: str) -> None:
    wrong = server_context(authority, "other.example.test")
    async with MisbehavingServer(tls=wrong) as server, office(target(server.port, tls_ca_file=ca_file)) as here:
        (words,) = await here.deliver(TestParcel(tls_required=True))
        assert words[0].startswith("undeliverable ")
        assert not server.accepted


async def test_the_name_checked_is_tls_server_name_else_target_name(authority: trustme.CA, ca_file: str) -> None:
    named = server_context(authority, "mail.example.test")
    names = Names({"mail.example.test": ["127.0.0.1"], "alias.test": ["127.0.0.1"]})
    async with MisbehavingServer(tls=named) as server:
        for name, checked in (("mail.example.test", ""), ("alias.test", "mail.example.test")):
            one = target(server.port, name, AddressKind.NAME, tls_ca_file=ca_file, tls_server_name=checked)
            async with office(one, names=names) as here:
                (words,) = await here.deliver(TestParcel(tls_required=True))
                assert words[0].startswith("delivered")


async def test_tls_older_than_1_2_is_refused(authority: trustme.CA, ca_file: str) -> None:
    old = server_context(authority, "127.0.0.1")
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    one = {"tls_ca_file": ca_file}
    async with MisbehavingServer(tls=old) as server, office(target(server.port, **one), timeout=QUICK_RETRY) as here:
        (words,) = await here.deliver(TestParcel(tls_required=True))
        assert words[0].startswith("undeliverable")
        assert "TLS handshake" in words[0]
        assert not here.of(ConnectionOpened)
        assert not server.accepted


@pytest.mark.parametrize("how", ["end", "mute"])
async def test_a_handshake_that_ends_without_a_word_hurts_no_clear_mail_and_mail_with_tls_waits(
    good: ssl.SSLContext, ca_file: str, how: str
) -> None:
    one = {"tls_ca_file": ca_file, "connect_limit": 2}
    timeout = Timeout(connect_retry=TINY, any_command=TINY)
    async with (
        MisbehavingServer({"starttls": how}, tls=good) as server,
        office(target(server.port, **one), timeout=timeout) as here,
    ):
        secret = TestParcel(tls_required=True)
        here.courier.submit(secret)
        await here.until(lambda: bool(here.of(TargetUp)))
        (words,) = await here.deliver(TestParcel())
        assert words[0].startswith("delivered")
        assert not here.of(TargetDown)
        assert secret not in here.outcomes
        server.faults = {}
        await here.until(lambda: secret in here.outcomes)
        assert here.words(secret)[0].startswith("delivered")


async def test_three_handshakes_without_a_word_mean_not_capable_of_tls(good: ssl.SSLContext, ca_file: str) -> None:
    one = {"tls_ca_file": ca_file, "secure": True}
    async with (
        MisbehavingServer({"starttls": "end"}, tls=good) as server,
        office(target(server.port, **one), timeout=QUICK_RETRY) as here,
    ):
        (words,) = await here.deliver(TestParcel())
        assert words[0].startswith("undeliverable")
        assert "TLS handshake" in words[0]
        assert len(server.dialogues) == SILENT_HANDSHAKES


async def test_an_expired_certificate_is_refused(authority: trustme.CA, ca_file: str) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)).configure_cert(old)
    async with MisbehavingServer(tls=old) as server, office(target(server.port, tls_ca_file=ca_file)) as here:
        (words,) = await here.deliver(TestParcel(tls_required=True))
        assert words[0].startswith("undeliverable")
        assert "expired" in words[0]
        assert not server.accepted


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_used(authority: trustme.CA, ca_file: str, version: ssl.TLSVersion) -> None:
    only = server_context(authority, "127.0.0.1")
    only.minimum_version = only.maximum_version = version
    async with MisbehavingServer(tls=only) as server, office(target(server.port, tls_ca_file=ca_file)) as here:
        (words,) = await here.deliver(TestParcel(tls_required=True))
        assert words[0].startswith("delivered")
        (opened,) = here.of(ConnectionOpened)
        assert opened.tls_protocol == version.name.replace("_", ".")


@pytest.mark.parametrize(("tls_ehlo", "count"), [(False, 1), (True, 2)])
async def test_ehlo_is_repeated_after_the_handshake_only_with_tlsehlo(
    good: ssl.SSLContext, ca_file: str, tls_ehlo: bool, count: int
) -> None:
    one = {"tls_ca_file": ca_file}
    options = Options(tls_ehlo=tls_ehlo)
    async with MisbehavingServer(tls=good) as server, office(target(server.port, **one), options=options) as here:
        (words,) = await here.deliver(TestParcel(tls_required=True))
        assert words[0].startswith("delivered")
        assert sum(command.startswith("EHLO") for command in server.dialogues[0].commands) == count


async def test_a_server_that_insists_on_ehlo_after_tls_gets_it_and_no_mail_ends(good: ssl.SSLContext, ca_file: str) -> None:
    """RFC 3207 4.2 against TLSEhlo No: the 503 to the first MAIL FROM is no word about the mail."""
    one = {"tls_ca_file": ca_file, "connect_limit": 1}
    async with MisbehavingServer(tls=good, insists_on_hello=True) as server, office(target(server.port, **one)) as here:
        every = parcels(5, tls_required=True)
        assert all(words[0].startswith("delivered") for words in await here.deliver(*every))
        hellos = [sum(command.startswith("EHLO") for command in dialogue.commands) for dialogue in server.dialogues]
        assert hellos == [1, 2]  # the target remembers: no third connection
        closed = here.of(ConnectionClosed)
        assert [event.mails for event in closed[:1]] == [0]
        await here.deliver(*parcels(1, tls_required=True))
        assert not here.of(TargetDown)


async def test_a_503_to_mail_after_ehlo_is_about_the_mail(good: ssl.SSLContext, ca_file: str) -> None:
    one = {"tls_ca_file": ca_file}
    faults = {"mail": "503"}
    options = Options(tls_ehlo=True)
    async with MisbehavingServer(faults, tls=good) as server, office(target(server.port, **one), options=options) as here:
        (words,) = await here.deliver(TestParcel(tls_required=True))
        assert words[0].startswith("undeliverable 503")
    faults = {"mail": "503"}
    async with MisbehavingServer(faults, tls=good) as server, office(target(server.port, **one)) as here:
        (words,) = await here.deliver(TestParcel(tls_required=True))
        assert words[0].startswith("undeliverable 503")
        assert len(server.dialogues) == 2  # once more with EHLO, not for ever


async def test_a_client_certificate_is_shown(authority: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    strict = server_context(authority, "127.0.0.1")
    strict.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(strict)
    mine = authority.issue_cert("gateway.example.test")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in mine.cert_chain_pems))
    mine.private_key_pem.write_to_path(str(key))
    one = {"tls_ca_file": ca_file, "tls_cert_file": str(chain), "tls_key_file": str(key)}
    async with MisbehavingServer(tls=strict) as server, office(target(server.port, **one)) as here:
        (words,) = await here.deliver(TestParcel(tls_required=True))
        assert words[0].startswith("delivered")


async def test_a_ca_file_that_cannot_be_read_is_our_fault_and_fails_no_mail(good: ssl.SSLContext, tmp_path: Path) -> None:
    one = {"tls_ca_file": str(tmp_path / "missing.pem")}
    async with MisbehavingServer(tls=good) as server, office(target(server.port, **one)) as here:
        parcel = TestParcel(tls_required=True)
        here.courier.submit(parcel)
        await here.until(lambda: bool(here.of(TargetDown)))
        assert "TLS cannot be set up" in here.of(TargetDown)[0].reason
        assert parcel not in here.outcomes


async def test_tls_that_failed_once_is_tried_again_later(good: ssl.SSLContext, ca_file: str) -> None:
    faults = {"starttls": "454"}
    one = {"tls_ca_file": ca_file}
    async with MisbehavingServer(faults, tls=good) as server, office(target(server.port, **one), timeout=QUICK_RETRY) as here:
        (words,) = await here.deliver(TestParcel(tls_required=True))
        assert words[0].startswith("undeliverable")
        faults.clear()
        attempts = 0
        while not words[0].startswith("delivered"):
            attempts += 1
            (words,) = await here.deliver(TestParcel(tls_required=True))
            await here.deliver(TestParcel())
        assert attempts > 1


async def test_both_kinds_get_their_turn_on_one_allowed_connection(good: ssl.SSLContext, ca_file: str) -> None:
    one = {"tls_ca_file": ca_file, "connect_limit": 1}
    async with MisbehavingServer(tls=good) as server, office(target(server.port, **one)) as here:
        every = [*parcels(250), *parcels(150, tls_required=True)]
        assert all(words[0].startswith("delivered") for words in await here.deliver(*every))
        assert server.most_open <= 2  # one that says QUIT may overlap with the next
        assert sum(mail.tls for mail in server.accepted) == 150
        kinds = [bool(event.tls_protocol) for event in here.of(ConnectionOpened)]
        assert len(kinds) >= 4


async def test_a_target_without_tls_is_passed_over_for_one_with(good: ssl.SSLContext, ca_file: str) -> None:
    async with MisbehavingServer() as plain, MisbehavingServer(tls=good) as secure:
        names = Names({"plain.test": ["127.0.0.1"]})
        servers: list[TargetServer] = [
            target(plain.port, "plain.test", AddressKind.NAME),
            target(secure.port, "localhost.test", AddressKind.NAME, tls_ca_file=ca_file, tls_server_name="127.0.0.1"),
        ]
        names.hosts["localhost.test"] = ["127.0.0.2"]
        await secure.vanish()
        await secure.listen(secure.port, "127.0.0.2")
        async with office(*servers, names=names) as here:
            words = await here.deliver(TestParcel(), TestParcel(tls_required=True))
            assert [word[0].partition(" ")[0] for word in words] == ["delivered", "delivered"]
            assert (len(plain.accepted), len(secure.accepted)) == (1, 1)
            assert secure.accepted[0].tls
