"""TLS to a target: how it is set up, and the facts of a connection that has it.

Promises: TLS 1.2 or newer, certificate and name checked; facts are text for people and auditors, printable ASCII.
Never: relaxes a check; reads a file on the event loop (call `tls_context` in a thread).
"""

from __future__ import annotations

import contextlib
import hashlib
import ssl
from dataclasses import dataclass
from typing import Any

from cssmtp.config.model import TargetServer
from cssmtp.smtp.replies import printable

FACT_LIMIT = 300
"""Longest text kept of a certificate's name, in characters."""


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What a connection's TLS is.

    `bits` is the key length of the cipher; the other facts are those of the server's certificate: `fingerprint` its SHA-256 in
    hexadecimal, `expires` in seconds since 1970. "" and 0 = not known.
    """

    protocol: str
    cipher: str = ""
    bits: int = 0
    subject: str = ""
    issuer: str = ""
    serial: str = ""
    fingerprint: str = ""
    expires: int = 0


def tls_context(server: TargetServer) -> ssl.SSLContext:
    """TLS as configured for a target: 1.2 or newer, certificate and name checked, against its CA file or the system's CAs.

    Raises OSError or ssl.SSLError when a PEM file cannot be used. Reads files.
    """
    context = ssl.create_default_context(cafile=server.tls_ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if server.tls_cert_file:
        context.load_cert_chain(server.tls_cert_file, server.tls_key_file or None)
    return context


def words(text: str) -> str:
    """Foreign text on one line of printable ASCII, cut to FACT_LIMIT."""
    return " ".join(printable(text.encode("utf-8", "replace")).split())[:FACT_LIMIT]


def _name(names: Any, kind: str) -> str:
    """One attribute of a subject or issuer as `getpeercert` gives it, or ""."""
    return next((words(str(value)) for rdn in names or () for key, value in rdn if key == kind), "")


def tls_facts(connection: ssl.SSLObject) -> TlsFacts:
    """The facts of a connection after its handshake."""
    cipher, _, bits = connection.cipher() or ("", "", 0)
    certificate: dict[str, Any] = connection.getpeercert() or {}
    encoded = connection.getpeercert(binary_form=True)
    subject = certificate.get("subject")
    alternative = next((words(str(value)) for _, value in certificate.get("subjectAltName", ())), "")
    return TlsFacts(
        protocol=connection.version() or "TLS",
        cipher=cipher,
        bits=bits or 0,
        subject=_name(subject, "commonName") or alternative or _name(subject, "organizationName"),
        issuer=words(", ".join(str(value) for rdn in certificate.get("issuer", ()) for _, value in rdn)),
        serial=words(str(certificate.get("serialNumber", ""))),
        fingerprint=hashlib.sha256(encoded).hexdigest() if encoded else "",
        expires=_expires(certificate),
    )


def _expires(certificate: dict[str, Any]) -> int:
    """The end of validity in seconds since 1970, 0 when there is none that can be read."""
    with contextlib.suppress(KeyError, ValueError):
        return int(ssl.cert_time_to_seconds(certificate["notAfter"]))
    return 0
