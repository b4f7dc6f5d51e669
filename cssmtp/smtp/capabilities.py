"""What a server can do, read from its answer to EHLO.

Promises: a keyword we do not know, or a parameter we do not understand, changes nothing.
Never: decides what to use; that is `session` and the choice of a target.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One server's extensions.

    `esmtp` is False for a server that knows only HELO (mail-processing.md 10, "S" against "E"). `size` is the limit of RFC 1870
    in bytes: None when SIZE is not offered, 0 when it is offered without a limit. `auth` are mechanism names in capitals,
    `keywords` all keywords in capitals, in the server's order.
    """

    esmtp: bool = False
    size: int | None = None
    pipelining: bool = False
    starttls: bool = False
    eightbitmime: bool = False
    chunking: bool = False
    auth: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()

    @property
    def size_limit(self) -> int:
        """Largest message the server announced, in bytes; 0 = none announced."""
        return self.size or 0


PLAIN_SMTP = Capabilities()
"""A server that answered to HELO only."""

SIZE_CEILING = 10**18
"""A SIZE beyond this is nonsense (RFC 1870 section 4 allows 20 digits) and read as "no limit"."""


def _size(parameter: str) -> int:
    """The number after SIZE; 0 (no limit known) when it is missing or unreadable."""
    if not parameter.isascii() or not parameter.isdigit() or len(parameter) > 20:
        return 0
    number = int(parameter)
    return number if number <= SIZE_CEILING else 0


def read_capabilities(lines: Iterable[str]) -> Capabilities:
    """Lines of an EHLO reply after the first (which only greets), without codes -> Capabilities (RFC 5321 4.1.1.1).

    Keywords are matched without regard to case; "AUTH=PLAIN LOGIN", an old form, counts as AUTH.
    """
    size: int | None = None
    auth: list[str] = []
    keywords: dict[str, None] = {}
    for line in lines:
        words = line.upper().replace("AUTH=", "AUTH ", 1).split()
        if not words:
            continue
        keyword = words[0]
        keywords[keyword] = None
        if keyword == "SIZE":
            size = _size(words[1] if len(words) > 1 else "")
        elif keyword == "AUTH":
            auth += [word for word in words[1:] if word not in auth]
    return Capabilities(
        esmtp=True,
        size=size,
        pipelining="PIPELINING" in keywords,
        starttls="STARTTLS" in keywords,
        eightbitmime="8BITMIME" in keywords,
        chunking="CHUNKING" in keywords,
        auth=tuple(auth),
        keywords=tuple(keywords),
    )
