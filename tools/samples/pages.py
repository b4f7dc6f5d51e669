"""EBCDIC for the samples, from the standard library's codecs and the printed variant table.

Promises: an independent witness. Nothing here comes from the gateway's own tables: pages that the standard library has are
taken from it, others are IBM-037 with the changed positions written out (code-pages.md 2.4), those of `world` single
characters from the C library (see `characters`).
Never: imports the gateway; encodes a line end (records have none; decks that want one put the byte itself).
"""

from __future__ import annotations

from itertools import groupby

from tools.samples.characters import BYTES

STANDARD = {"IBM-037": "cp037", "IBM-273": "cp273", "IBM-500": "cp500", "IBM-1140": "cp1140"}
TEXT = {"ASCII": "ascii", "UTF-8": "utf-8"}
CHARSETS = {
    "ISO8859-1": "iso8859-1",
    "ISO8859-15": "iso8859-15",
    "ISO8859-7": "iso8859-7",
    "ISO8859-8": "iso8859-8",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "windows-1252": "cp1252",
    "windows-1254": "cp1254",
    "UTF-8": "utf-8",
    "IBM-5054": "iso2022_jp",
    "IBM-943": "shift_jis",
    "IBM-949": "cp949",
    "IBM-970": "euc_kr",
    "IBM-1381": "gb2312",
    "IBM-5488": "gb18030",
    "IBM-950": "cp950",
}
BRIDGES = {"IBM-943": {"—": "―"}}
"""Characters that IBM's table writes with the bytes that the standard library has for another one (code-pages.md 3 and 5.4)."""

# Where a page differs from IBM-037: position in hex, and the character that stands there. Each patch is a closed permutation.
PATCHES = {
    "IBM-1047": "5F^ AD[ B0¬ BAÝ BB¨ BD]",
    "IBM-277": "47} 4A# 4F! 5A¤ 5BÅ 5F^ 67$ 6Aø 70¦ 7BÆ 7CØ 80@ 9C{ 9E[ 9F] A1ü B0¢ BA¬ BB| C0æ D0å DC~",
    "IBM-1143": "43{ 47} 4A§ 4F! 51` 5A€ 5BÅ 5F^ 63# 67$ 6Aö 71\\ 79é 7BÄ 7CÖ 9F] A1ü B0¢ B5[ BA¬ BB| C0ä CC¦ D0å DC~ E0É EC@",
}


def is_ebcdic(page: str) -> bool:
    """Whether records in `page` are EBCDIC (and padded with X'40')."""
    return page not in TEXT


def table(page: str) -> dict[str, int]:
    """Character -> byte of one EBCDIC page; all 256 positions are different characters."""
    if page in STANDARD:
        characters = list(bytes(range(256)).decode(STANDARD[page]))
    else:
        characters = list(bytes(range(256)).decode("cp037"))
        for patch in PATCHES[page].split():
            characters[int(patch[:2], 16)] = patch[2]
    if len(set(characters)) != 256:
        raise ValueError(f"{page} is not a permutation")
    return {character: position for position, character in enumerate(characters)}


def encode(text: str, page: str) -> bytes:
    """One record's text in `page`. Raises KeyError or UnicodeEncodeError for a character the page does not have."""
    if page in TEXT:
        return text.encode(TEXT[page])
    if page in STANDARD or page in PATCHES:
        positions = table(page)
        return bytes(positions[character] for character in text)
    return _shifted(text, {" ": b"\x40"} | {item[0]: bytes.fromhex(item[1:]) for item in BYTES[page].split(" ") if item})


def _shifted(text: str, found: dict[str, bytes]) -> bytes:
    """Text with shift-out and shift-in around what has two bytes."""
    runs = [(wide, b"".join(run)) for wide, run in groupby((found[character] for character in text), lambda data: len(data) == 2)]
    return b"".join(b"\x0e" + run + b"\x0f" if wide else run for wide, run in runs)


def on_the_wire(text: str, charset: str) -> str:
    """The bytes of `text` in the target's charset, as a string of the characters U+0000 to U+00FF."""
    bridged = text.translate(str.maketrans(BRIDGES.get(charset, {})))
    return bridged.encode(CHARSETS[charset]).decode("iso8859-1")
