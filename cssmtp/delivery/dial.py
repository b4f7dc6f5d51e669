"""Making a connection: TCP, greeting, EHLO or HELO, STARTTLS, AUTH. The only module that knows aiosmtplib.

Promises: what comes out is a transport that waits for MAIL FROM, with TLS if TLS was asked for; every failure is one of
`TargetUnusable` or `TlsRefused`, with the reason in words; a failed attempt leaves no open socket.
Never: goes on in clear when TLS was asked for, nor logs in without; starts TLS because a server offers it (mail-processing.md
11.1, PH66548); lets an exception of a library out.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn, cast

import aiosmtplib

from cssmtp.config.model import AuthMechanism, TargetServer, Timeout
from cssmtp.delivery.credentials import BadCredentials, choose_mechanism, read_credentials
from cssmtp.delivery.security import TlsFacts, tls_context, tls_facts, words
from cssmtp.delivery.target import Address
from cssmtp.model import Reply
from cssmtp.smtp.capabilities import PLAIN_SMTP, Capabilities, read_capabilities
from cssmtp.smtp.verdict import Ruling, Step, rule

GOODBYE_SECONDS = 2.0
"""How long a polite QUIT may take on a connection that is of no use."""


HIDDEN = b"***"
"""What a trace shows in place of a secret."""

Trace = Callable[[bytes, bool], object]
"""Told of each command (True) and each reply (False), lines ended by CR LF, without what may not be shown."""


class _Client(aiosmtplib.SMTP):
    """The library's client, which tells `trace` what it says and hears.

    While `hiding`, what is sent is a secret, and a reply may quote it: neither is shown.
    """

    def __init__(self, trace: Trace | None, **options: Any) -> None:
        super().__init__(**options)
        self.hiding = False
        self._trace = trace

    async def execute_command(self, *args: bytes, **options: Any) -> aiosmtplib.SMTPResponse:
        self.sent(*args)
        response = await super().execute_command(*args, **options)
        self.heard(response.code, response.message)
        return response

    def sent(self, *words: bytes) -> None:
        """A command, word by word."""
        if self._trace is not None:
            shown = words if not self.hiding else (*(words[:2] if words[:1] == (b"AUTH",) else ()), HIDDEN)
            self._trace(b" ".join(shown) + b"\r\n", True)

    def heard(self, code: int, message: str) -> None:
        """A reply; a code below 0 stands for none."""
        if self._trace is None or code < 0:
            return
        *before, last = [HIDDEN] if self.hiding else message.encode("utf-8", "replace").split(b"\n")
        self._trace(b"".join(b"%d-%s\r\n" % (code, line) for line in before) + b"%d %s\r\n" % (code, last), False)


class TargetUnusable(Exception):
    """The target cannot be used now: refused, timed out, 4xx, nonsense, or a fault of ours such as a missing CA file."""


class TlsRefused(Exception):
    """The server greets us but TLS, or logging in over it, cannot be had. `capabilities` are those of its EHLO in clear.

    `silent`: the handshake just ended or took too long, nobody said why. That may pass.
    """

    def __init__(self, reason: str, capabilities: Capabilities, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.capabilities = capabilities
        self.silent = silent


@dataclass(frozen=True, slots=True)
class Dialled:
    """A connection ready for mail. `tls` is None without TLS; `greeting` is how the server introduced itself.

    `hello_owed`: no EHLO was sent since the handshake. `login`: the mechanism by which we logged in, or "".
    """

    transport: asyncio.Transport
    capabilities: Capabilities
    greeting: str
    tls: TlsFacts | None = None
    hello_owed: bool = False
    login: str = ""

    @property
    def local(self) -> tuple[str, int]:
        """Our own address and port; ("", 0) when the transport cannot tell."""
        name = self.transport.get_extra_info("sockname")
        return (str(name[0]), int(name[1])) if isinstance(name, tuple) else ("", 0)


def _answer(step: Step, code: int, message: str) -> tuple[Ruling, str]:
    """A reply as the library gives it -> what follows from it, and the reply in words."""
    reply = Reply(code, "", (words(message),))
    said = f"{step.value} was answered with {reply}" if code > 0 else f"no SMTP reply to {step.value}: {reply.lines[0]}"
    return rule(step, reply), said


async def _greet(client: aiosmtplib.SMTP, seconds: float) -> Capabilities:
    """EHLO, or HELO for a server that refuses EHLO for good. Raises TargetUnusable, aiosmtplib errors."""
    try:
        response = await client.ehlo(timeout=seconds)
    except aiosmtplib.SMTPHeloError as error:
        ruling, said = _answer(Step.EHLO, error.code, error.message)
        if ruling is not Ruling.TRY_HELO:
            raise TargetUnusable(said) from error
        try:
            await client.helo(timeout=seconds)
        except aiosmtplib.SMTPHeloError as second:
            raise TargetUnusable(f"{said}; HELO with {second.code} {words(second.message)}") from second
        return PLAIN_SMTP
    return read_capabilities(response.message.split("\n")[1:])


def _in_handshake(error: aiosmtplib.SMTPException) -> bool:
    """Whether the connection ended after the 220 to STARTTLS. The library tells by its wording only.

    An end before the 220 is an unexpected EOF, a reset that is given as the cause, or a timeout of reading.
    """
    return "upgrading transport" in str(error) or (str(error) == "Connection lost" and error.__cause__ is None)


async def _start_tls(client: _Client, address: Address, capabilities: Capabilities, seconds: float) -> None:
    """STARTTLS and the handshake. Raises TlsRefused, TargetUnusable, aiosmtplib errors for a lost connection."""
    if not capabilities.starttls:
        raise TlsRefused("STARTTLS is not offered", capabilities)
    try:
        context = await asyncio.to_thread(tls_context, address.server)
    except (OSError, ssl.SSLError) as error:
        raise TargetUnusable(f"TLS cannot be set up: {error}") from error
    client.sent(b"STARTTLS")
    try:
        response = await client.starttls(server_hostname=address.name, tls_context=context, timeout=seconds)
        client.heard(response.code, response.message)
    except aiosmtplib.SMTPResponseException as error:
        client.heard(error.code, error.message)
        ruling, said = _answer(Step.STARTTLS, error.code, error.message)
        if ruling is Ruling.NOT_CAPABLE:
            raise TlsRefused(said, capabilities) from error
        raise TargetUnusable(said) from error
    except (ssl.SSLError, ssl.CertificateError) as error:
        raise TlsRefused(f"TLS handshake: {words(str(error))}", capabilities) from error
    except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError) as error:
        if not _in_handshake(error):
            raise
        raise TlsRefused(f"TLS handshake: {words(str(error))}", capabilities, silent=True) from error


async def _log_in(client: _Client, server: TargetServer, capabilities: Capabilities, seconds: float) -> str:
    """AUTH as the configuration wants it; returns the mechanism used.

    Raises TlsRefused when the server offers no mechanism that fits, TargetUnusable when it refuses us or our credentials cannot
    be read (that is for the operator to mend, so mail waits), aiosmtplib errors for a lost connection. No error holds a secret.
    """
    try:
        credentials = await asyncio.to_thread(read_credentials, server.auth_file)
    except BadCredentials as error:
        raise TargetUnusable(str(error)) from None
    mechanism = choose_mechanism(capabilities.auth, server.auth_mechanism, credentials)
    if mechanism is None:
        offered = " ".join(capabilities.auth) or "nothing"
        ours = "token" if credentials.token else "password"
        clear = replace(capabilities, starttls=True)  # inside TLS it is not offered again
        raise TlsRefused(f"AUTH with our {ours} is not offered, but {offered}", clear)
    logins = {
        AuthMechanism.XOAUTH2: client.auth_xoauth2,
        AuthMechanism.PLAIN: client.auth_plain,
        AuthMechanism.LOGIN: client.auth_login,
    }
    client.hiding = True
    try:
        await logins[mechanism](credentials.user, credentials.secret, timeout=seconds)
    except aiosmtplib.SMTPResponseException as error:
        _, said = _answer(Step.AUTH, error.code, credentials.redact(error.message))
        raise TargetUnusable(f"{said} ({mechanism.value}, user {credentials.user})") from None
    finally:
        client.hiding = False
    return mechanism.value


async def dial(
    address: Address, timeout: Timeout, *, hello: str, tls: bool, tls_ehlo: bool, trace: Trace | None = None
) -> Dialled:
    """Connect to `address` and make it ready for mail.

    `hello` is our name for EHLO; `tls` asks for TLS, and with it for logging in where AuthFile is set; `tls_ehlo` whether EHLO is
    sent again after the handshake; `trace` is told of the dialogue. Raises TargetUnusable or TlsRefused.
    """
    hello_again = tls_ehlo or bool(address.server.auth_file)  # a server offers AUTH only then
    login = ""
    client = _Client(trace, hostname=address.ip, port=address.port, local_hostname=hello, start_tls=False, use_tls=False)
    usable = False
    try:
        greeting = await client.connect(timeout=timeout.initial_message)
        client.heard(greeting.code, greeting.message)
        capabilities = await _greet(client, timeout.any_command)
        if tls:
            await _start_tls(client, address, capabilities, timeout.any_command)
            if hello_again:
                capabilities = await _greet(client, timeout.any_command)
            if address.server.auth_file:
                login = await _log_in(client, address.server, capabilities, timeout.any_command)
        dialled = _ready(client, capabilities, words(greeting.message), tls=tls, hello_again=hello_again, login=login)
        usable = True
        return dialled
    except aiosmtplib.SMTPException as error:
        if isinstance(error, aiosmtplib.SMTPConnectResponseError):
            client.heard(error.code, error.message)
        _unusable(error)
    except OSError as error:
        raise TargetUnusable(words(str(error)) or type(error).__name__) from error
    except asyncio.CancelledError:
        client.close()  # whoever cancels is in a hurry: no QUIT
        raise
    finally:
        if not usable:
            await _hang_up(client)


def _unusable(error: aiosmtplib.SMTPException) -> NoReturn:
    """The one place where the library's exceptions become ours."""
    if isinstance(error, aiosmtplib.SMTPConnectResponseError):
        raise TargetUnusable(_answer(Step.GREETING, error.code, error.message)[1]) from error
    if isinstance(error, aiosmtplib.SMTPResponseException):
        raise TargetUnusable(f"{error.code} {words(error.message)}") from error
    # The library says whom it could not reach, which everybody knows; the system says why.
    cause = error.__cause__
    why = os.strerror(cause.errno) if isinstance(cause, OSError) and cause.errno else ""
    raise TargetUnusable(words(why or str(error)) or type(error).__name__) from error


def _ready(
    client: aiosmtplib.SMTP, capabilities: Capabilities, greeting: str, *, tls: bool, hello_again: bool = False, login: str = ""
) -> Dialled:
    """Take the transport out of the library's hands."""
    transport = cast(asyncio.Transport | None, client.transport)  # no isinstance: that of uvloop is no subclass
    if transport is None or transport.is_closing():
        raise TargetUnusable("the server closed the connection after greeting us")
    info = transport.get_extra_info("ssl_object")
    if tls != (info is not None):
        raise TargetUnusable("the connection is not as secure as it was asked to be")
    facts = tls_facts(info) if info is not None else None
    return Dialled(transport, capabilities, greeting, facts, hello_owed=tls and not hello_again, login=login)


async def _hang_up(client: aiosmtplib.SMTP) -> None:
    """End a connection that is of no use, politely where possible."""
    if client.is_connected:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=GOODBYE_SECONDS)
    client.close()
