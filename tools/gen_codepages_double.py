"""The double-byte part of the generator: host halves and multi-byte targets, packed as differences.

Promises: a table is a list of 65,536 units, one per two-byte code: a code point of the Basic Multilingual Plane, `UNDEFINED`, or
0xD800 + n for the n-th of the texts that need more than one unit. Every unit is stored as the difference to a guess: what a
related table has at that code, else the unit before it.
Never: decides what a code means; that is the witnesses' affair.
"""

from __future__ import annotations

from collections.abc import Callable

from tools import codepage_witnesses as witnesses

UNDEFINED = 0xFFFF
FIRST_LONG = 0xD800

HOST_DOUBLE = {
    "JAPAN": ("ibm-939_P120-1999", ""),
    "JAPAN-2004": ("ibm-1399_P110-2003", "JAPAN"),
    "KOREA": ("ibm-933_P110-1995", ""),
    "KOREA-FULL": ("ibm-1364_P110-2007", "KOREA"),
    "CHINA": ("ibm-935_P110-1999", ""),
    "CHINA-FULL": ("ibm-1388_P103-2001", "CHINA"),
    "TAIWAN": ("ibm-937_P110-1999", ""),
    "TAIWAN-EURO": ("ibm-1371_P100-1999", "TAIWAN"),
}
"""Double-byte half -> (libicu's converter, the table it is told by)."""

TARGETS = {
    "IBM-943": ("ibm-943_P15A-2003", ""),
    "IBM-942": ("ibm-942_P12A-1999", "IBM-943"),
    "IBM-eucJP": ("ibm-954_P101-2007", ""),
    "IBM-33722": ("ibm-33722_P120-1999", "IBM-eucJP"),
    "IBM-970": ("ibm-970_P110_P110-2006_U2", ""),
    "IBM-1363": ("ibm-1363_P110-1997", "IBM-970"),
    "IBM-949": ("ibm-949_P110-1999", "IBM-1363"),
    "IBM-1383": ("ibm-1383_P110-1999", ""),
    "IBM-1386": ("ibm-1386_P100-2001", "IBM-1383"),
    "IBM-1381": ("", "IBM-1383"),
    "IBM-950": ("ibm-950_P110-1999", ""),
    "IBM-1370": ("ibm-1373_P100-2002", "IBM-950"),
    "IBM-964": ("ibm-964_P110-1999", ""),
    "IBM-948": ("", ""),
}
"""Multi-byte target -> (libicu's converter, the table it is told by); those without a converter come from OpenJDK."""

JAVA_MISTAKES = {"x-IBM1381": "\u7ac2"}
"""Characters that OpenJDK writes as something else: this ideograph as a middle dot."""

Encoder = dict[str, bytes]


def units(texts: dict[int, str]) -> tuple[list[int], list[str]]:
    """Code -> text as a list of units, and the texts that need more than one."""
    table, long = [UNDEFINED] * 65536, []
    for code, text in sorted(texts.items()):
        if len(text) == 1 and ord(text) < 0x10000:
            table[code] = ord(text)
        else:
            table[code] = FIRST_LONG + len(long)
            long.append(text)
    return table, long


def packed_units(table: list[int], base: list[int]) -> bytes:
    """The low bytes of the differences of all units, then the high bytes."""
    last, differences = 0, []
    for unit, guess in zip(table, base, strict=True):
        expected = last if guess == UNDEFINED else guess
        differences.append((unit - expected) & 0xFFFF if unit != UNDEFINED or guess != UNDEFINED else 0x8000)
        last = unit if unit != UNDEFINED else last
    return bytes(value & 0xFF for value in differences) + bytes(value >> 8 for value in differences)


def icu_target(converter: str) -> tuple[Encoder, Callable[[bytes], str | None]]:
    """What libicu writes for every character, and how it reads it back."""
    return witnesses.icu_encoder(converter, witnesses.characters()), witnesses.Icu(converter).decode


def java_target(name: str) -> tuple[Encoder, Callable[[bytes], str | None]]:
    """The same from OpenJDK, for pages that libicu lacks."""
    table = witnesses.java_tables([name])[name]
    codes = {code.to_bytes(1 if code < 256 else 2, "big"): text for code, text in table.items()}
    encoder = witnesses.java_encoder(name)
    for mistaken in JAVA_MISTAKES.get(name, ""):
        del encoder[mistaken]
    return encoder, codes.get


def split_target(
    encoder: Encoder, decode: Callable[[bytes], str | None]
) -> tuple[dict[int, str], dict[bytes, dict[int, str]], Encoder]:
    """An encoder as its single bytes, its two-byte codes by what precedes them, and what is written but not read back."""
    singles: dict[int, str] = {}
    planes: dict[bytes, dict[int, str]] = {b"": {}}
    one_way: Encoder = {}
    for text, data in encoder.items():
        if decode(data) != text:
            one_way[text] = data
        elif len(data) == 1:
            singles[data[0]] = text
        else:
            planes.setdefault(data[:-2], {})[int.from_bytes(data[-2:], "big")] = text
    return singles, planes, one_way


class DoubleTables:
    """All double-byte tables, read in order, each packed against those before it."""

    def __init__(self) -> None:
        self._planes: dict[str, dict[bytes, list[int]]] = {}

    def add(self, name: str, base: str, planes: dict[bytes, dict[int, str]]) -> bytes:
        """The file of one table: a line of `prefix=base+long texts` items, then the packed planes in that order."""
        head, body = [], []
        own: dict[bytes, list[int]] = {}
        for prefix, texts in sorted(planes.items()):
            table, long = units(texts)
            guess = self._planes[base].get(prefix) if base else None
            head.append("+".join([f"{prefix.hex()}={base if guess else ''}", *(text.encode("utf-8").hex() for text in long)]))
            body.append(packed_units(table, guess or [UNDEFINED] * 65536))
            own[prefix] = table
        self._planes[name] = own
        return " ".join(head).encode("ascii") + b"\n" + b"".join(body)
