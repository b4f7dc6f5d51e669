"""Write `tools/samples/characters.py`: the bytes of the characters that the decks of `world` use, as the iconv command has them.

    python -m tools.freeze_characters

Promises: the same bytes every time with the same C library; the gateway's tables are not asked, so that the decks are a witness.
Never: needed to build the samples (they read what is written here).
"""

from __future__ import annotations

import string
import textwrap
from collections import defaultdict
from pathlib import Path

from tools.codepage_witnesses import iconv_double, iconv_graphics
from tools.samples.world import DOUBLE_BYTE, listings

FILE = Path(__file__).parent / "samples" / "characters.py"
HEAD = '''"""Bytes of characters in the pages of `world`, taken from glibc's iconv by `python -m tools.freeze_characters`.

Each item is a character and its bytes in hex: two digits in single-byte state, four between shift-out and shift-in. The blank is
left out: it is X'40' everywhere.
"""

from __future__ import annotations

BYTES = {
'''


def used() -> dict[str, set[str]]:
    """Page -> the characters that its decks use, and printable ASCII."""
    found: dict[str, set[str]] = defaultdict(set)
    for listing in listings():
        found[listing.page] |= {*string.ascii_letters, *string.digits, *".,:;<>()-/@?"}
        found[listing.page] |= set("".join([listing.subject, *listing.lines])) - {" "}
    return found


def frozen(page: str, characters: set[str]) -> list[str]:
    """The items of one page. Raises KeyError for a character that it lacks."""
    name = page.replace("-", "")
    codes = {text: f"{byte:02X}" for byte, text in reversed(iconv_graphics(name).items())}
    if page in DOUBLE_BYTE:
        codes = {text: f"{code:04X}" for code, text in reversed(iconv_double(name).items())} | codes
    return [f"{character}{codes[character]}" for character in sorted(characters)]


def main() -> None:
    text = HEAD
    for page, characters in sorted(used().items()):
        lines = textwrap.wrap(" ".join(frozen(page, characters)), 80, break_long_words=False, break_on_hyphens=False)
        text += f'    "{page}": (\n' + "".join(f"        {line + ' '!r}\n" for line in lines) + "    ),\n"
    FILE.write_text(text + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
