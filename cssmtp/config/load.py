"""The only reader of configuration files: bytes of a file -> text -> `build`.

Promises: whatever the file is (missing, a directory, binary, EBCDIC, huge) the answer is diagnostics, never a traceback.
Never: writes; decides anything about statements.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cssmtp.config.build import build
from cssmtp.config.diagnostic import Diagnostic, Findings, Severity, quoted
from cssmtp.config.grammar import Block, Parameter
from cssmtp.config.model import Configuration
from cssmtp.config.schema import SCHEMA
from cssmtp.config.values import AbsolutePath, CodePageCheck
from cssmtp.errors import ConfigurationError, UnknownCodePage

MAX_FILE_BYTES = 1 << 20
"""A configuration is a page or two; more than this is another file."""

CODEPAGE_VARIABLE = "CSSMTP_CODEPAGE_CONFIG"
RECORD_BYTES = 80
"""An EBCDIC file without line ends is cut into card images of this length."""

_ROLES = {
    "translate": ("translate", frozenset({"SBCS"})),
    "mbtranslate": ("translate", frozenset({"MBCS"})),
    "charset": ("charset", None),
    "mbcharset": ("mbcharset", None),
}
"""Our roles in the registry's terms: its role, and the kinds of page that fit (None = any)."""


class CodePages(CodePageCheck, Protocol):
    """Code pages as `load` needs them: names, and the decoding of the file itself."""

    def text(self, page: str, data: bytes) -> str:
        """Decode; newline bytes become "\\n", what cannot be decoded U+FFFD. Never raises for a page that `lookup` knows."""
        ...


class Registry:
    """The code pages of `cssmtp.codepage`."""

    def lookup(self, name: str, role: str) -> str:
        from cssmtp.codepage import registry

        wanted, kinds = _ROLES[role]
        page = registry.lookup(name)
        if wanted not in page.roles or (kinds is not None and page.kind not in kinds):
            raise UnknownCodePage(name)
        return page.name

    def exact(self, name: str) -> bool:
        from cssmtp.codepage import registry

        return registry.lookup(name).exact

    def label(self, name: str) -> str:
        from cssmtp.codepage import registry

        return registry.lookup(name).label

    def text(self, page: str, data: bytes) -> str:
        from cssmtp.codepage import transcode

        return transcode.source_text(page).text(data)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file: a configuration, unless a diagnostic is an error; the diagnostics in file order."""

    configuration: Configuration | None
    diagnostics: tuple[Diagnostic, ...]


class _Unreadable(Exception):
    """The file cannot be text of ours. Arguments: text, remedy."""


def load(
    path: str | os.PathLike[str],
    *,
    environ: Mapping[str, str],
    overrides: Mapping[str, str | None] | None = None,
    strict: bool = False,
    pages: CodePages | None = None,
) -> Loaded:
    """Read and understand a configuration file.

    `environ` gives CSSMTP_CODEPAGE_CONFIG; `overrides` are texts from the command line by field name (see
    `build.with_overrides`; relative paths count from the current directory, None = not given); `strict` warns of extensions;
    `pages` replaces the registry, for tests. Raises nothing for any content of the file.
    """
    pages = pages or Registry()
    file = _printable(os.fspath(path))
    try:
        text = _text(_bytes(Path(path)), environ.get(CODEPAGE_VARIABLE, "").strip(), pages)
    except _Unreadable as unreadable:
        findings = Findings(file)
        findings.error(0, 0, *unreadable.args)
        return Loaded(None, findings.diagnostics())
    return Loaded(*build(text, file=file, pages=pages, overrides=_absolute(overrides or {}), strict=strict))


def require(
    path: str | os.PathLike[str],
    *,
    environ: Mapping[str, str],
    overrides: Mapping[str, str | None] | None = None,
    strict: bool = False,
    pages: CodePages | None = None,
) -> Configuration:
    """As `load`, for callers that cannot go on without. Raises `errors.ConfigurationError` with every diagnostic as a line."""
    loaded = load(path, environ=environ, overrides=overrides, strict=strict, pages=pages)
    if loaded.configuration is None:
        raise ConfigurationError([str(diagnostic) for diagnostic in loaded.diagnostics])
    return loaded.configuration


def warnings(loaded: Loaded) -> list[str]:
    """The warnings of a load as lines, for console and log."""
    return [str(diagnostic) for diagnostic in loaded.diagnostics if diagnostic.severity is Severity.WARNING]


def _printable(path: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in path)


def _absolute(overrides: Mapping[str, str | None]) -> dict[str, str | None]:
    paths = {
        row.field
        for statement in SCHEMA.statements
        for row in (statement.parameters if isinstance(statement, Block) else (statement,))
        if isinstance(row, Parameter) and isinstance(row.kind, AbsolutePath)
    }
    return {name: os.path.abspath(text) if text and name in paths else text for name, text in overrides.items()}


def _bytes(path: Path) -> bytes:
    """The bytes of the file, at most `MAX_FILE_BYTES`."""
    try:
        # Not to wait for the other end of a FIFO: what is no plain file is refused.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise _Unreadable("this is no plain file", "give the path of a file")
            data = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise _Unreadable("the file does not exist", "give its path with -c") from None
    except IsADirectoryError:
        raise _Unreadable("this is a directory", "give the path of a file in it") from None
    except PermissionError:
        raise _Unreadable("the file may not be read", "give this user read permission") from None
    except (OSError, ValueError) as trouble:
        raise _Unreadable(f"the file cannot be read: {getattr(trouble, 'strerror', None) or trouble}") from None
    if len(data) > MAX_FILE_BYTES:
        raise _Unreadable(f"the file has more than {MAX_FILE_BYTES} bytes", "this is not a configuration file")
    return data


def _text(data: bytes, page: str, pages: CodePages) -> str:
    """Decode the file: UTF-8, or the EBCDIC page that CSSMTP_CODEPAGE_CONFIG names."""
    if page and page.upper() not in {"UTF-8", "UTF8", "ASCII", "US-ASCII"}:
        return _ebcdic(data, page, pages)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _Unreadable("the file is UTF-16", "save it as UTF-8")
    if b"\n" not in data and _speaks(data, "cp037"):
        remedy = f"set {CODEPAGE_VARIABLE}, for example to IBM-1047, or convert the file to UTF-8"
        raise _Unreadable(f"the file is EBCDIC, but {CODEPAGE_VARIABLE} is not set", remedy)
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise _Unreadable(f"line {line} holds a NUL byte", "this is not a text file")
    return data.decode("utf-8", "surrogateescape")


def _ebcdic(data: bytes, page: str, pages: CodePages) -> str:
    try:
        name = pages.lookup(page, "translate")
    except UnknownCodePage as unknown:
        near = (
            f"did you mean {' or '.join(unknown.near[:3])}?"
            if unknown.near
            else "name a single-byte EBCDIC page, such as IBM-1047"
        )
        raise _Unreadable(
            f"{CODEPAGE_VARIABLE} names {quoted(page)}, which is not a single-byte EBCDIC code page", near
        ) from None
    if b"\n" in data and _speaks(data, "ascii"):
        remedy = f"unset {CODEPAGE_VARIABLE}, or convert the file"
        raise _Unreadable(f"the file is ASCII or UTF-8, but {CODEPAGE_VARIABLE} says {page}", remedy)
    if data.translate(None, b"\x15\x25") == data and len(data) % RECORD_BYTES == 0:
        records = (data[at : at + RECORD_BYTES] for at in range(0, len(data), RECORD_BYTES))
        return "\n".join(pages.text(name, record).rstrip(" ") for record in records)
    return pages.text(name, data).replace("\x85", "\n")


def _speaks(data: bytes, codec: str) -> bool:
    """Does the file, decoded so, hold a statement keyword as a word? Letters and digits are alike in all EBCDIC pages."""
    found = re.split(r"\s+", data.decode(codec, "replace").lower())
    return any(SCHEMA.is_statement(word) for word in found)
