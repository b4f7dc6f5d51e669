"""Making a connection: TCP, greeting, EHLO or HELO, STARTTLS. The only module that knows aiosmtplib.

Promises: what comes out is a transport that waits for MAIL FROM, with TLS if TLS was asked for; every failure is one of
`TargetUnusable` or `TlsRefused`, with the reason in words; a failed attempt leaves no open socket.
Never: goes on in clear when TLS was asked for; starts TLS because a server offers it (mail-processing.md 11.1, PH66548);
lets an exception of a library out.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import aiosmtplib

from cssmtp.config.model import TargetServer, Timeout
from cssmtp.delivery.target import Address
from cssmtp.model import Reply
from cssmtp.smtp.capabilities import PLAIN_SMTP, Capabilities, read_capabilities
from cssmtp.smtp.replies import printable
from cssmtp.smtp.verdict import Ruling, Step, rule

GOODBYE_SECONDS = 2.0
"""How long a polite QUIT may take on a connection that is of no use."""


class TargetUnusable(Exception):
    """The target cannot be used now: refused, timed out, 4xx, nonsense, or a fault of ours such as a missing CA file."""


class TlsRefused(Exception):
    """The server greets us but TLS cannot be had. `capabilities` are those of its EHLO in clear."""

    def __init__(self, reason: str, capabilities: Capabilities) -> None:
        super().__init__(reason)
        self.capabilities = capabilities


@dataclass(frozen=True, slots=True)
class Dialled:
    """A connection ready for mail. The TLS fields are "" without TLS; `greeting` is how the server introduced itself.

    `tls_bits` is the key length of the cipher; `tls_expires` in seconds since 1970, 0 = not known.
    """

    transport: asyncio.Transport
    capabilities: Capabilities
    greeting: str
    tls_protocol: str = ""
    tls_cipher: str = ""
    tls_subject: str = ""
    tls_bits: int = 0
    tls_issuer: str = ""
    tls_serial: str = ""
    tls_expires: int = 0

    @property
    def tls(self) -> bool:
        return bool(self.tls_protocol)

    @property
    def local(self) -> tuple[str, int]:
        """Our own address and port; ("", 0) when the transport cannot tell."""
        name = self.transport.get_extra_info("sockname")
        return (str(name[0]), int(name[1])) if isinstance(name, tuple) else ("", 0)


def tls_context(server: TargetServer) -> ssl.SSLContext:
    """TLS as configured for a target: 1.2 or newer, certificate and name checked, against its CA file or the system's CAs.

    Raises OSError or ssl.SSLError when a PEM file cannot be used. Reads files: call it in a thread.
    """
    context = ssl.create_default_context(cafile=server.tls_ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if server.tls_cert_file:
        context.load_cert_chain(server.tls_cert_file, server.tls_key_file or None)
    return context


def _words(text: str) -> str:
    return " ".join(printable(text.encode("utf-8", "replace")).split())[:300]


def _subject(certificate: dict[str, Any] | None) -> str:
    """Common name of the server's certificate, or its first alternative name, or ""."""
    if not certificate:
        return ""
    names = [value for rdn in certificate.get("subject", ()) for kind, value in rdn if kind == "commonName"]
    names += [value for _, value in certificate.get("subjectAltName", ())]
    return _words(str(names[0])) if names else ""


def _issuer(certificate: dict[str, Any]) -> str:
    """The issuer's names, from the most general to the common name."""
    return _words(", ".join(str(value) for rdn in certificate.get("issuer", ()) for _, value in rdn))


def _expires(certificate: dict[str, Any]) -> int:
    """The end of validity in seconds since 1970, 0 when there is none that can be read."""
    with contextlib.suppress(KeyError, ValueError):
        return int(ssl.cert_time_to_seconds(certificate["notAfter"]))
    return 0


def _answer(step: Step, code: int, message: str) -> tuple[Ruling, str]:
    """A reply as the library gives it -> what follows from it, and the reply in words."""
    reply = Reply(code, "", (_words(message),))
    return rule(
        step, reply
    ), f"{step.value} was answered with {reply}" if code > 0 else f"no SMTP reply to {step.value}: {reply.lines[0]}"


async def _greet(client: aiosmtplib.SMTP, seconds: float) -> Capabilities:
    """EHLO, or HELO for a server that refuses EHLO for good. Raises TargetUnusable, aiosmtplib errors."""
    try:
        response = await client.ehlo(timeout=seconds)
    except aiosmtplib.SMTPHeloError as error:
        ruling, words = _answer(Step.EHLO, error.code, error.message)
        if ruling is not Ruling.TRY_HELO:
            raise TargetUnusable(words) from error
        try:
            await client.helo(timeout=seconds)
        except aiosmtplib.SMTPHeloError as second:
            raise TargetUnusable(f"{words}; HELO with {second.code} {_words(second.message)}") from second
        return PLAIN_SMTP
    return read_capabilities(response.message.split("\n")[1:])


async def _start_tls(client: aiosmtplib.SMTP, address: Address, capabilities: Capabilities, seconds: float) -> None:
    """STARTTLS and the handshake. Raises TlsRefused, TargetUnusable, aiosmtplib errors for a lost connection."""
    if not capabilities.starttls:
        raise TlsRefused("STARTTLS is not offered", capabilities)
    try:
        context = await asyncio.to_thread(tls_context, address.server)
    except (OSError, ssl.SSLError) as error:
        raise TargetUnusable(f"TLS cannot be set up: {error}") from error
    try:
        await client.starttls(server_hostname=address.name, tls_context=context, timeout=seconds)
    except aiosmtplib.SMTPResponseException as error:
        ruling, words = _answer(Step.STARTTLS, error.code, error.message)
        if ruling is Ruling.NOT_CAPABLE:
            raise TlsRefused(words, capabilities) from error
        raise TargetUnusable(words) from error
    except (ssl.SSLError, ssl.CertificateError) as error:
        raise TlsRefused(f"TLS handshake: {_words(str(error))}", capabilities) from error


async def dial(address: Address, timeout: Timeout, *, hello: str, tls: bool, tls_ehlo: bool) -> Dialled:
    """Connect to `address` and make it ready for mail.

    `hello` is our name for EHLO; `tls` asks for TLS; `tls_ehlo` is Options TLSEhlo. Raises TargetUnusable or TlsRefused.
    """
    client = aiosmtplib.SMTP(hostname=address.ip, port=address.port, local_hostname=hello, start_tls=False, use_tls=False)
    usable = False
    try:
        greeting = await client.connect(timeout=timeout.initial_message)
        capabilities = await _greet(client, timeout.any_command)
        if tls:
            await _start_tls(client, address, capabilities, timeout.any_command)
            if tls_ehlo:
                capabilities = await _greet(client, timeout.any_command)
        dialled = _ready(client, capabilities, _words(greeting.message), tls)
        usable = True
        return dialled
    except aiosmtplib.SMTPException as error:
        _unusable(error)
    except OSError as error:
        raise TargetUnusable(_words(str(error)) or type(error).__name__) from error
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
        raise TargetUnusable(f"{error.code} {_words(error.message)}") from error
    raise TargetUnusable(_words(str(error)) or type(error).__name__) from error


def _ready(client: aiosmtplib.SMTP, capabilities: Capabilities, greeting: str, tls: bool) -> Dialled:
    """Take the transport out of the library's hands."""
    transport = cast(asyncio.Transport | None, client.transport)  # no isinstance: that of uvloop is no subclass
    if transport is None or transport.is_closing():
        raise TargetUnusable("the server closed the connection after greeting us")
    info = transport.get_extra_info("ssl_object")
    if tls != (info is not None):
        raise TargetUnusable("the connection is not as secure as it was asked to be")
    if info is None:
        return Dialled(transport, capabilities, greeting)
    cipher = info.cipher()
    certificate = info.getpeercert() or {}
    return Dialled(
        transport,
        capabilities,
        greeting,
        tls_protocol=info.version() or "TLS",
        tls_cipher=cipher[0] if cipher else "",
        tls_subject=_subject(certificate),
        tls_bits=cipher[2] if cipher else 0,
        tls_issuer=_issuer(certificate),
        tls_serial=str(certificate.get("serialNumber", "")),
        tls_expires=_expires(certificate),
    )


async def _hang_up(client: aiosmtplib.SMTP) -> None:
    """End a connection that is of no use, politely where possible."""
    if client.is_connected:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=GOODBYE_SECONDS)
    client.close()
