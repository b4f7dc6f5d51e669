"""The closed list of code pages and all the ways their names are written.

Promises: a name in any documented spelling gives its page; anything else is `UnknownCodePage` with near names. A configured
name never reaches Python's codec registry. The rows are data/pages.csv.
Never: reads conversion tables.
"""

from __future__ import annotations

import csv
import difflib
import functools
import io
import pkgutil
import re
from dataclasses import dataclass
from typing import Literal

from cssmtp.errors import UnknownCodePage

Kind = Literal["SBCS", "MBCS", "ISO2022"]


@dataclass(frozen=True, slots=True)
class CodePage:
    """One code page (code-pages.md 1 and 8.1, code-pages.csv).

    `name` is how we write it, `ccsid` IBM's number. `roles` are among "translate" (pages of spool files), "charset" and
    "mbcharset" (pages of a target). `mime_name` labels its text in a mail, "" when there is no such name. `exact` is False when
    no public source has IBM's table: such a page is used only when the site allows it. `single` and `double` name its tables,
    "" for none.
    """

    name: str
    ccsid: int
    kind: Kind
    roles: frozenset[str]
    mime_name: str
    exact: bool
    aliases: tuple[str, ...]
    single: str
    double: str
    remark: str

    @property
    def host(self) -> bool:
        """Whether it is an EBCDIC page."""
        return "translate" in self.roles

    @property
    def label(self) -> str:
        """The charset label for a mail, "" when readers know none. IANA's names that begin with IBM are among those."""
        return "" if self.mime_name.startswith("IBM") else self.mime_name


def _page(row: dict[str, str]) -> CodePage:
    kind = row["kind"]
    assert kind in ("SBCS", "MBCS", "ISO2022")
    return CodePage(
        name=row["name"],
        ccsid=int(row["ccsid"]),
        kind=kind,  # type: ignore[arg-type]  # narrowed by the assertion, which mypy does not see through
        roles=frozenset(row["roles"].split()),
        mime_name=row["mime"],
        exact=row["exact"] == "yes",
        aliases=tuple(row["aliases"].split()),
        single=row["single"],
        double=row["double"],
        remark=row["remark"],
    )


@functools.cache
def pages() -> tuple[CodePage, ...]:
    """Every page, in the order of the list."""
    data = pkgutil.get_data("cssmtp.codepage", "data/pages.csv")
    assert data is not None
    return tuple(map(_page, csv.DictReader(io.StringIO(data.decode("ascii")))))


def _key(name: str) -> str:
    """One spelling for all: capitals, no separators, IBM pages as their bare number without leading zeros."""
    plain = re.sub(r"[-_ ]", "", name).upper()
    number = re.fullmatch(r"(?:IBM|CP)?0*([0-9]{1,5})", plain, re.ASCII)
    return number[1] if number else plain


@functools.cache
def _index() -> dict[str, CodePage]:
    index: dict[str, CodePage] = {}
    for page in pages():
        for name in (page.name, *page.aliases):
            index.setdefault(_key(name), page)
    return index


def lookup(name: str) -> CodePage:
    """The page of that name: `IBM-037`, `IBM037`, `037`, `37`, `00037`, `ISO8859-1`, `ISO-8859-1`, `windows-1252`, in any case.

    The numbers of IBM's list for the configuration file (4133 and so on) give the page of their number modulo 4096
    (code-pages.md 1.2). Raises UnknownCodePage.
    """
    page = _index().get(_key(name))
    if page is None:
        raise UnknownCodePage(name[:40], _near(name))
    return page


def _near(name: str) -> tuple[str, ...]:
    """Up to three registered names that look like this one."""
    by_key = {key: page.name for key, page in _index().items()}
    keys = difflib.get_close_matches(_key(name[:40]), by_key, n=3, cutoff=0.6)
    return tuple(dict.fromkeys(by_key[key] for key in keys))


def names(role: str) -> tuple[str, ...]:
    """The names of the pages that have a role ("translate", "charset", "mbcharset"), in the order of the list."""
    return tuple(page.name for page in pages() if role in page.roles)
