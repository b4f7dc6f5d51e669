"""Code pages for tests of the configuration: a handful of names, and the standard library's page 037 for decoding."""

from __future__ import annotations

from cssmtp.errors import UnknownCodePage

ROLES = {
    "IBM-037": {"translate"},
    "IBM-1047": {"translate"},
    "IBM-273": {"translate"},
    "IBM-930": {"mbtranslate"},
    "IBM-939": {"mbtranslate"},
    "ISO8859-1": {"charset"},
    "IBM-1252": {"charset"},
    "UTF-8": {"charset", "mbcharset"},
    "IBM-943": {"mbcharset"},
    "IBM-950": {"mbcharset"},
}
NEAR = {"IBM-1O47": ("IBM-1047",)}


class FakePages:
    """Knows the names of `ROLES` in any letter case; every page decodes as 037 with X'15' as the newline."""

    def lookup(self, name: str, role: str) -> str:
        if role in ROLES.get(name.upper(), set()):
            return name.upper()
        raise UnknownCodePage(name, NEAR.get(name.upper(), ()))

    def text(self, page: str, data: bytes) -> str:
        return data.decode("cp037").replace("\x85", "\n")
