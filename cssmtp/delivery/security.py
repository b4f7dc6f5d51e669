"""TLS to a target: how it is set up, and the facts of a connection that has it.

Promises: TLS 1.2 or newer, certificate and name checked; facts are text for people and auditors, printable ASCII.
Never: relaxes a check; reads a file on the event loop (call `tls_context` in a thread).
"""

from __future__ import annotations

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

    `bits` are secret bits of the cipher, 0 = unknown; `subject` and `issuer` common names, `fingerprint` SHA-256 of the server's
    certificate in hexadecimal, `expires` its end as OpenSSL writes it ("Nov 22 16:00:00 2027 GMT"); "" = unknown.
    """

    protocol: str
    cipher: str = ""
    bits: int = 0
    subject: str = ""
    issuer: str = ""
    fingerprint: str = ""
    expires: str = ""


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
    subject, issuer = certificate.get("subject"), certificate.get("issuer")
    alternative = next((words(str(value)) for _, value in certificate.get("subjectAltName", ())), "")
    return TlsFacts(
        protocol=connection.version() or "TLS",
        cipher=cipher,
        bits=bits or 0,
        subject=_name(subject, "commonName") or alternative or _name(subject, "organizationName"),
        issuer=_name(issuer, "commonName") or _name(issuer, "organizationName"),
        fingerprint=hashlib.sha256(encoded).hexdigest() if encoded else "",
        expires=words(str(certificate.get("notAfter", ""))),
    )
