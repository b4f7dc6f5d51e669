"""AUTH: only over TLS, with secrets that nobody else may read and that appear nowhere."""

from __future__ import annotations

import base64
import os
import ssl
from pathlib import Path

import pytest
import trustme

from cssmtp.config.model import AuthMechanism, Timeout
from cssmtp.delivery.credentials import BadCredentials, Credentials, choose_mechanism, parse_credentials, read_credentials
from cssmtp.observe.events import ConnectionOpened, Dialogue, TargetDown
from tests.delivering import TINY, TestParcel, office, parcels, target
from tests.misbehaving import MisbehavingServer

PASSWORD = "s3cr3t w\u00f6rd "
FILE = f"# for the relay\n\nuser batch@example.test\npassword {PASSWORD}\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="module")
def good(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def secret_file(path: Path, text: str = FILE, mode: int = 0o600) -> str:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


# the file


def test_a_file_gives_user_and_password_with_every_blank_of_it() -> None:
    assert parse_credentials(FILE.encode()) == Credentials("batch@example.test", PASSWORD)
    assert parse_credentials(b"user a\r\ntoken ya29.x\r\n") == Credentials("a", "ya29.x", token=True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"user a\npassword \xff\n", "not UTF-8"),
        (b"usr a\n", "line 1 begins with none of"),
        (b"user a\nuser b\npassword x\n", "line 2 has a second user"),
        (b"user a\npassword\n", "line 2 has no password"),
        (b"user a\npassword x\0y\n", "control character"),
        (b"password x\n", "no user"),
        (b"user a\n", "either a password or a token"),
        (b"user a\npassword x\ntoken y\n", "either a password or a token"),
        (b"", "no user"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_without_its_words(text: bytes, why: str) -> None:
    with pytest.raises(BadCredentials, match=why) as caught:
        parse_credentials(text)
    assert "x" not in str(caught.value).replace("text", "")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(BadCredentials, match=f"mode {mode:04o}.*use mode 0600"):
        read_credentials(secret_file(tmp_path / "auth", mode=mode))


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_ours_that_nobody_else_may_use_is_read(tmp_path: Path, mode: int) -> None:
    assert read_credentials(secret_file(tmp_path / "auth", mode=mode)).secret == PASSWORD


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = secret_file(tmp_path / "auth")
    owner = os.stat(path).st_uid
    if owner == 0:
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(BadCredentials, match="belongs to user"):
        read_credentials(path)


def test_what_is_no_file_or_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(BadCredentials, match="not a file"):
        read_credentials(str(tmp_path / "pipe"))
    with pytest.raises(BadCredentials, match="No such file"):
        read_credentials(str(tmp_path / "missing"))


def test_a_credential_of_systemd(tmp_path: Path) -> None:
    secret_file(tmp_path / "relay", mode=0o440)  # systemd looks after the rights
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_credentials("credential:relay", environ.get).secret == PASSWORD
    with pytest.raises(BadCredentials, match="CREDENTIALS_DIRECTORY is not set"):
        read_credentials("credential:relay", {}.get)
    with pytest.raises(BadCredentials, match="No such file"):
        read_credentials("credential:other", environ.get)


# the mechanism

WITH_PASSWORD = Credentials("a", "x")
WITH_TOKEN = Credentials("a", "x", token=True)


@pytest.mark.parametrize(
    ("offered", "wanted", "credentials", "chosen"),
    [
        ("LOGIN PLAIN XOAUTH2", AuthMechanism.AUTO, WITH_PASSWORD, AuthMechanism.PLAIN),
        ("LOGIN CRAM-MD5", AuthMechanism.AUTO, WITH_PASSWORD, AuthMechanism.LOGIN),
        ("LOGIN PLAIN XOAUTH2", AuthMechanism.AUTO, WITH_TOKEN, AuthMechanism.XOAUTH2),
        ("LOGIN PLAIN", AuthMechanism.LOGIN, WITH_PASSWORD, AuthMechanism.LOGIN),
        ("LOGIN", AuthMechanism.PLAIN, WITH_PASSWORD, None),
        ("LOGIN PLAIN", AuthMechanism.AUTO, WITH_TOKEN, None),
        ("XOAUTH2", AuthMechanism.XOAUTH2, WITH_PASSWORD, None),
        ("", AuthMechanism.AUTO, WITH_PASSWORD, None),
    ],
)
def test_the_choice_of_a_mechanism(
    offered: str, wanted: AuthMechanism, credentials: Credentials, chosen: AuthMechanism | None
) -> None:
    assert choose_mechanism(tuple(offered.split()), wanted, credentials) is chosen


def test_a_secret_is_in_no_repr_and_can_be_taken_out_of_a_text() -> None:
    credentials = Credentials("joe", PASSWORD)
    assert PASSWORD not in repr(credentials)
    plain = base64.b64encode(f"\0joe\0{PASSWORD}".encode()).decode()
    login = base64.b64encode(PASSWORD.encode()).decode()
    assert credentials.redact(f"no {plain} {login} {PASSWORD}!") == "no *** *** ***!"


# the login


def encodings(user: str) -> list[str]:
    """The secret as AUTH sends it, whatever the mechanism."""
    texts = (PASSWORD, f"\0{user}\0{PASSWORD}", f"user={user}\1auth=Bearer {PASSWORD}\1\1", user)
    return [PASSWORD.strip(), *(base64.b64encode(text.encode()).decode() for text in texts)]


@pytest.mark.parametrize(("mechanisms", "used"), [("PLAIN LOGIN", "PLAIN"), ("LOGIN", "LOGIN"), ("LOGIN XOAUTH2", "XOAUTH2")])
async def test_we_log_in_over_tls_and_deliver(
    good: ssl.SSLContext, ca_file: str, tmp_path: Path, mechanisms: str, used: str
) -> None:
    text = FILE.replace("password", "token") if used == "XOAUTH2" else FILE
    one = {"tls_ca_file": ca_file, "secure": True, "auth_file": secret_file(tmp_path / "auth", text)}
    passwords = {"batch@example.test": PASSWORD}
    async with (
        MisbehavingServer(tls=good, insists_on_hello=True, passwords=passwords, mechanisms=mechanisms) as server,
        office(target(server.port, **one), traced=lambda: True) as here,
    ):
        words = await here.deliver(*parcels(3))
        assert all(word[0].startswith("delivered") for word in words)
        assert set(server.logins) == {(used, "batch@example.test")}
        assert {event.login for event in here.of(ConnectionOpened)} == {used}
        assert not any(PASSWORD.strip() in repr(event) for event in here.events)
        lines = [event.text for event in here.of(Dialogue)]
        assert lines[:2] == ["220 misbehaving.example ESMTP", "EHLO gateway.example.test"]
        assert [line for line in lines if line.startswith(("STARTTLS", "AUTH"))][:2] == ["STARTTLS", f"AUTH {used} ***"]
        assert "235 ***" in lines
        shown = lines[: next(place for place, line in enumerate(lines) if line.startswith("MAIL"))]
        assert not any(secret in line for line in shown for secret in encodings("batch@example.test"))


async def test_nobody_logs_in_without_tls(good: ssl.SSLContext, ca_file: str, tmp_path: Path) -> None:
    """PH66548: AUTH is no reason for TLS. The file is not even looked at for a clear connection."""
    one = {"tls_ca_file": ca_file, "auth_file": str(tmp_path / "missing")}
    async with MisbehavingServer(tls=good, passwords={"a": "b"}) as server, office(target(server.port, **one)) as here:
        (words,) = await here.deliver(TestParcel())
        assert words[0].startswith("delivered")
        assert not any(command.startswith(("AUTH", "STARTTLS")) for command in server.dialogues[0].commands)
        assert here.of(ConnectionOpened)[0].login == ""


@pytest.mark.parametrize("answer", ["", "454", "421", "close", "hang", "garbage"])
@pytest.mark.parametrize("mechanism", list(AuthMechanism)[1:])
async def test_a_login_that_fails_makes_the_target_unusable_and_no_mail_ends(
    good: ssl.SSLContext, ca_file: str, tmp_path: Path, answer: str, mechanism: AuthMechanism
) -> None:
    text = FILE.replace("password", "token") if mechanism is AuthMechanism.XOAUTH2 else FILE
    one = {"tls_ca_file": ca_file, "secure": True, "auth_file": secret_file(tmp_path / "auth", text)}
    timeout = Timeout(any_command=TINY * 2, connect_retry=30)
    async with (
        MisbehavingServer({"auth": answer}, tls=good, passwords={"batch@example.test": "another"}) as server,
        office(target(server.port, auth_mechanism=mechanism, **one), timeout=timeout, traced=lambda: True) as here,
    ):
        parcel = TestParcel()
        here.courier.submit(parcel)
        await here.until(lambda: bool(here.of(TargetDown)))
        (down,) = here.of(TargetDown)
        if answer in ("", "454", "421"):
            assert f"AUTH was answered with {answer or '535'}" in down.reason
            assert mechanism.value in down.reason
        encoded = base64.b64encode(PASSWORD.encode()).decode()
        assert PASSWORD.strip() not in down.reason
        assert encoded not in down.reason
        said = [event.text for event in here.of(Dialogue)]
        assert f"AUTH {mechanism.value} ***" in said
        assert not any(secret in line for line in said for secret in encodings("batch@example.test"))
        assert parcel not in here.outcomes
        assert not server.accepted


async def test_a_server_without_a_mechanism_for_us_is_not_capable(good: ssl.SSLContext, ca_file: str, tmp_path: Path) -> None:
    one = {"tls_ca_file": ca_file, "secure": True, "auth_file": secret_file(tmp_path / "auth")}
    for mechanisms in ("", "XOAUTH2"):
        async with (
            MisbehavingServer(tls=good, passwords={"a": "b"}, mechanisms=mechanisms) as server,
            office(target(server.port, **one)) as here,
        ):
            (words,) = await here.deliver(TestParcel())
            assert words[0].startswith("undeliverable")
            assert "AUTH with our password is not offered" in words[0]


async def test_credentials_that_cannot_be_read_make_the_target_unusable_until_they_can(
    good: ssl.SSLContext, ca_file: str, tmp_path: Path
) -> None:
    one = {"tls_ca_file": ca_file, "secure": True, "auth_file": secret_file(tmp_path / "auth", mode=0o644)}
    async with (
        MisbehavingServer(tls=good, passwords={"batch@example.test": PASSWORD}) as server,
        office(target(server.port, **one), timeout=Timeout(connect_retry=TINY)) as here,
    ):
        parcel = TestParcel()
        here.courier.submit(parcel)
        await here.until(lambda: bool(here.of(TargetDown)))
        assert "mode 0644" in here.of(TargetDown)[0].reason
        (tmp_path / "auth").chmod(0o600)
        await here.until(lambda: parcel in here.outcomes)
        assert here.words(parcel)[0].startswith("delivered")


async def test_the_facts_of_tls_are_told_for_auditors(good: ssl.SSLContext, ca_file: str) -> None:
    async with MisbehavingServer(tls=good) as server, office(target(server.port, tls_ca_file=ca_file)) as here:
        await here.deliver(TestParcel(tls_required=True))
        (opened,) = here.of(ConnectionOpened)
        assert opened.tls_protocol in ("TLSv1.2", "TLSv1.3")
        assert opened.tls_cipher
        assert opened.tls_bits >= 128
        assert opened.tls_subject
        assert "trustme" in opened.tls_issuer
        assert len(opened.tls_fingerprint) == 64
        assert opened.tls_serial
        assert opened.tls_expires > 1_700_000_000
