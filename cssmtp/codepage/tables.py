"""The shipped tables: bytes to characters and, for target charsets, characters to bytes beyond the plain inverse.

Promises: each table is read when first asked for and kept. X'15' and X'25' stand here as in the sources of the tables (CDRA:
X'15' is U+0085, X'25' is U+000A); `newline_swapped` gives the convention of z/OS. Written by tools/gen_codepages.py.
Never: needs ICU, iconv or a compiler; opens anything but this package's own data.
"""

from __future__ import annotations

import functools
import pkgutil
import zlib
from dataclasses import dataclass

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
    """Characters whose bytes are not the plain inverse of the table: mostly those that a target writes but never reads back."""
    pairs = (item.split("=") for item in _one_way().get(name, "").split())
    return {chr(int(point, 16)): bytes.fromhex(code) for point, code in pairs}


@functools.cache
def encoder(name: str) -> dict[str, bytes]:
    """Character -> byte of a single-byte table, one-way mappings included; of two bytes the lower one unless these say
    otherwise.
    """
    both_ways = {character: bytes([byte]) for byte, character in reversed(list(enumerate(single(name))))}
    both_ways.pop(UNDEFINED, None)
    return both_ways | one_way(name)


def newline_swapped(table: str) -> str:
    """An EBCDIC table in the convention of z/OS: X'15' is U+000A and X'25' is U+0085 (code-pages.md 2.3)."""
    return table[:0x15] + "\n" + table[0x16:0x25] + "\x85" + table[0x26:]


_FIRST_LONG = 0xD800
_NOTHING = 0x8000
_UNDEFINED_UNIT = 0xFFFF


@dataclass(frozen=True, slots=True)
class _Plane:
    units: list[int]
    long: list[str]


@functools.cache
def _planes(name: str) -> dict[bytes, _Plane]:
    """The planes of a double-byte file by the bytes that precede their two-byte codes (tools/gen_codepages_double.py)."""
    head, _, body = zlib.decompress(_data(f"{name}.bin")).partition(b"\n")
    planes: dict[bytes, _Plane] = {}
    for at, item in enumerate(head.decode("ascii").split()):
        kin, *long = item.split("+")
        prefix, base = kin.split("=")
        guess = _planes(base)[bytes.fromhex(prefix)].units if base else None
        units = _unpacked(body[at * 0x20000 : (at + 1) * 0x20000], guess)
        planes[bytes.fromhex(prefix)] = _Plane(units, [bytes.fromhex(text).decode("utf-8") for text in long])
    return planes


def _unpacked(packed: bytes, base: list[int] | None) -> list[int]:
    """Units from their differences to the base's unit at the same code or, where there is none, to the last defined unit."""
    units = [_UNDEFINED_UNIT] * 0x10000
    last = 0
    for code, (low, high) in enumerate(zip(packed[:0x10000], packed[0x10000:], strict=True)):
        guess = base[code] if base else _UNDEFINED_UNIT
        difference = high << 8 | low
        if difference == _NOTHING and guess == _UNDEFINED_UNIT:
            continue
        unit = difference + (last if guess == _UNDEFINED_UNIT else guess) & 0xFFFF
        units[code] = unit
        if unit != _UNDEFINED_UNIT:
            last = unit
    return units


def _texts(plane: _Plane) -> list[str]:
    text = [*map(chr, range(_FIRST_LONG)), *plane.long]
    text += map(chr, range(len(text), 0x10000))
    return list(map(text.__getitem__, plane.units))


@functools.cache
def double(name: str) -> list[str]:
    """The texts of a host double-byte table by code (first byte times 256 plus second); `UNDEFINED` where there is none."""
    return _texts(_planes(name)[b""])


@functools.cache
def multi_byte_encoder(name: str) -> dict[str, bytes]:
    """Character -> bytes of a multi-byte target, one-way mappings included."""
    found = dict(encoder(name))
    for prefix, plane in _planes(name).items():
        pairs = ((text, code) for code, text in enumerate(_texts(plane)) if text != UNDEFINED)
        found |= {text: prefix + code.to_bytes(2, "big") for text, code in pairs}
    return found
