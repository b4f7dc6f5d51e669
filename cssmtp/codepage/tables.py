"""The shipped tables: bytes to characters and, for target charsets, characters to bytes beyond the plain inverse.

Promises: each table is read when first asked for and kept. X'15' and X'25' stand here as in the sources of the tables (CDRA:
X'15' is U+0085, X'25' is U+000A); `newline_swapped` gives the convention of z/OS. Written by tools/gen_codepages.py.
Never: needs ICU, iconv or a compiler; opens anything but this package's own data.
"""

from __future__ import annotations

import functools
import pkgutil
import zlib

UNDEFINED = "\uffff"
"""Stands in a decode table for a byte that the page does not define."""


def _data(name: str) -> bytes:
    data = pkgutil.get_data("cssmtp.codepage", f"data/{name}")
    assert data is not None
    return data


@functools.cache
def _singles() -> dict[str, str]:
    names, _, planes = zlib.decompress(_data("single.bin")).partition(b"\n")
    keys = names.decode("ascii").split()
    half = 256 * len(keys)
    units = bytearray(2 * half)
    units[0::2], units[1::2] = planes[:half], planes[half:]
    text = units.decode("utf-16-le")
    return {key: text[256 * at : 256 * at + 256] for at, key in enumerate(keys)}


def single(name: str) -> str:
    """The 256 characters of a single-byte table, indexed by byte; `UNDEFINED` where there is none. Raises KeyError."""
    return _singles()[name]


@functools.cache
def _one_way() -> dict[str, str]:
    lines = zlib.decompress(_data("oneway.bin")).decode("ascii").splitlines()
    return dict(line.partition(" ")[::2] for line in lines)


def one_way(name: str) -> dict[str, bytes]:
    """Characters that a target writes but never reads back, with their bytes (code-pages.md 10: "fallback on")."""
    pairs = (item.split("=") for item in _one_way().get(name, "").split())
    return {chr(int(point, 16)): bytes.fromhex(code) for point, code in pairs}


@functools.cache
def encoder(name: str) -> dict[str, bytes]:
    """Character -> byte of a single-byte table, one-way mappings included; of two bytes for one character the lower one."""
    both_ways = {character: bytes([byte]) for byte, character in reversed(list(enumerate(single(name))))}
    both_ways.pop(UNDEFINED, None)
    return one_way(name) | both_ways


def newline_swapped(table: str) -> str:
    """An EBCDIC table in the convention of z/OS: X'15' is U+000A and X'25' is U+0085 (code-pages.md 2.3)."""
    return table[:0x15] + "\n" + table[0x16:0x25] + "\x85" + table[0x26:]
