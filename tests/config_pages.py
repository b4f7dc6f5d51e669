"""Code pages for tests of the configuration: a handful of names, and the standard library's page 037 for decoding."""

from __future__ import annotations

from cssmtp.errors import UnknownCodePage

ROLES = {
    "IBM-037": {"translate"},
    "IBM-1047": {"translate"},
    "IBM-273": {"translate"},
    "IBM-930": {"mbtranslate"},
    "IBM-939": {"mbtranslate"},
    "IBM-281": {"translate"},
    "IBM-931": {"mbtranslate"},
    "IBM-1370": {"mbcharset"},
    "IBM-948": {"mbcharset"},
    "IBM-850": {"charset"},
    "ISO8859-1": {"charset"},
    "IBM-1252": {"charset"},
    "UTF-8": {"charset", "mbcharset"},
    "IBM-943": {"mbcharset"},
    "IBM-950": {"mbcharset"},
}
APPROXIMATE = {"IBM-281", "IBM-931", "IBM-1370"}
UNLABELLED = {"IBM-948", "IBM-850"}
NEAR = {"IBM-1O47": ("IBM-1047",)}


class FakePages:
    """Knows the names of `ROLES` in any letter case; every page decodes as 037 with X'15' as the newline."""

    def lookup(self, name: str, role: str) -> str:
        if role in ROLES.get(name.upper(), set()):
            return name.upper()
        raise UnknownCodePage(name, NEAR.get(name.upper(), ()))

    def exact(self, name: str) -> bool:
        return name not in APPROXIMATE

    def label(self, name: str) -> str:
        return "" if name in UNLABELLED else name.lower()

    def text(self, page: str, data: bytes) -> str:
        return data.decode("cp037").replace("\x85", "\n")
