"""Credentials for AUTH: read from a file that nobody else may read, or from what systemd hands over.

Promises: what is wrong is told without a word of what the file says; the secret is in no `repr` and can be taken out of any
text with `redact`.
Never: keeps a secret longer than a login takes; reads a file that others may read.

A file has a line `user NAME`, and `password TEXT` or `token TEXT` (an OAuth2 access token, for XOAUTH2). It is UTF-8; empty
lines and lines that begin with # are ignored; everything after the first blank counts, blanks included.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cssmtp.config.model import AuthMechanism
from cssmtp.config.values import CREDENTIAL

DIRECTORY_VARIABLE = "CREDENTIALS_DIRECTORY"
"""Where systemd puts the credentials of a service (systemd.exec, LoadCredential=). It checks who may read them."""

FILE_LIMIT = 64 * 1024
"""Largest file read, in bytes: tokens are long, but not so long."""

MASK = "***"

MECHANISMS = (AuthMechanism.XOAUTH2, AuthMechanism.PLAIN, AuthMechanism.LOGIN)
"""In which order mechanisms are chosen when AuthMechanism is Auto: of those offered, the first that the credentials fit."""

_KEYS = ("user", "password", "token")


class BadCredentials(Exception):
    """The credentials cannot be used. The text says why, without a secret."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to a server: `secret` is a password, or an access token when `token` is True."""

    user: str
    secret: str = field(repr=False)
    token: bool = False

    def fits(self, mechanism: AuthMechanism) -> bool:
        """XOAUTH2 takes a token, the others a password."""
        return self.token == (mechanism is AuthMechanism.XOAUTH2)

    def redact(self, text: str) -> str:
        """`text` without the secret, plain or as it went over the wire. For what a server says, which may repeat anything."""
        user, secret = self.user.encode(), self.secret.encode()
        sent = (secret, b"\0%s\0%s" % (user, secret), b"user=%s\1auth=Bearer %s\1\1" % (user, secret))
        for form in (self.secret, *(base64.b64encode(form).decode() for form in sent)):
            text = text.replace(form, MASK)
        return text


def choose_mechanism(offered: tuple[str, ...], wanted: AuthMechanism, credentials: Credentials) -> AuthMechanism | None:
    """The mechanism to use of those `offered` (names in capitals), or None. `wanted` is AuthMechanism of the configuration."""
    candidates = MECHANISMS if wanted is AuthMechanism.AUTO else (wanted,)
    return next((one for one in candidates if one.value in offered and credentials.fits(one)), None)


def parse_credentials(data: bytes) -> Credentials:
    """Read the text of a file. Raises BadCredentials, which names lines and keys only."""
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BadCredentials("it is not UTF-8") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        key, _, value = line.partition(" ")
        if key not in _KEYS:
            raise BadCredentials(f"line {number} begins with none of: {', '.join(_KEYS)}")
        if key in found:
            raise BadCredentials(f"line {number} has a second {key}")
        if not value or any(character < " " for character in value):
            raise BadCredentials(f"line {number} has no {key}, or one with a control character")
        found[key] = value
    if "user" not in found:
        raise BadCredentials("it has no user")
    if ("password" in found) == ("token" in found):
        raise BadCredentials("it must have either a password or a token")
    return Credentials(found["user"], found.get("password") or found["token"], token="token" in found)


def read_credentials(source: str, environ: Callable[[str], str | None] = os.environ.get) -> Credentials:
    """Credentials from AuthFile. Blocks for the length of a file access. Raises BadCredentials.

    A file must be ours or root's, and nobody else may have any right to it.
    """
    try:
        if not source.startswith(CREDENTIAL):
            return parse_credentials(_read_private(source))
        directory = environ(DIRECTORY_VARIABLE)
        if not directory:
            raise BadCredentials(f"{DIRECTORY_VARIABLE} is not set: systemd hands over no credentials")
        with open(Path(directory) / source.removeprefix(CREDENTIAL), "rb") as stream:
            return parse_credentials(stream.read(FILE_LIMIT))
    except BadCredentials as error:
        raise BadCredentials(f"AuthFile {source} cannot be used: {error}") from None
    except OSError as error:
        raise BadCredentials(f"AuthFile {source} cannot be read: {error.strerror}") from None


def _read_private(path: str) -> bytes:
    """The bytes of a regular file that only its owner, we or root, may use. The open file is judged, not its name."""
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise BadCredentials("it is not a file")
        if status.st_uid not in (os.geteuid(), 0):
            raise BadCredentials(f"it belongs to user {status.st_uid}; it must be ours or root's")
        if status.st_mode & 0o077:
            raise BadCredentials(
                f"others than its owner have rights to it (mode {stat.S_IMODE(status.st_mode):04o}); use mode 0600"
            )
        return stream.read(FILE_LIMIT)
