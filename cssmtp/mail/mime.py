"""Opt-in MIME: labels for mail that has none, and encoded words for header text (code-pages.md 8.2, RFC 2045, RFC 2047).

Promises: the MIME fields written are ASCII, name the charset as readers know it, and tell the truth about the body: 7bit, 8bit
where the server takes it, else base64. A writer's own MIME header stays as it is, unless labels are forced; even then only
that of plain text that is not encoded is changed.
Never: writes an IBM name; touches the parts of a multipart mail, or text that the writer has encoded.
"""

from __future__ import annotations

import binascii
import enum
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cssmtp.codepage.conversion import without_controls
from cssmtp.codepage.registry import CodePage
from cssmtp.codepage.transcode import SourceText, Target
from cssmtp.config.model import MimeLabel
from cssmtp.mail.encodedword import STRUCTURED_FIELDS, Charset, encode_field
from cssmtp.mail.labels import denotes

MIME_FIELDS = ("mime-version", "content-type", "content-transfer-encoding")

BASE64_SOURCE = 57
"""Octets that make a base64 line of 76 columns (RFC 2045 6.8)."""

_CHARSET = re.compile(r'(charset[ \t\r\n]*=[ \t\r\n]*)("[^"]*"|[^"; \t\r\n()]+)', re.IGNORECASE)
_PLAIN_TRANSFERS = frozenset({"", "7bit", "8bit", "binary"})


class Transfer(enum.Enum):
    """How the body goes: values of Content-Transfer-Encoding."""

    SEVEN_BIT = "7bit"
    EIGHT_BIT = "8bit"
    BASE64 = "base64"


def seven_bit(page: CodePage) -> bool:
    """Whether any text in a charset is seven-bit."""
    return page.kind == "ISO2022" or page.name == "US-ASCII"


def transfer(page: CodePage, body: bytes | None, *, eight_bit: bool, too_long: bool) -> Transfer:
    """How a body goes out. `body` is its wire form, None when it is large and not looked at.

    `eight_bit`: the server offers 8BITMIME; `too_long`: it has lines that only base64 can carry.
    """
    if too_long:
        return Transfer.BASE64
    if seven_bit(page) or (body is not None and body.isascii()):
        return Transfer.SEVEN_BIT
    return Transfer.EIGHT_BIT if eight_bit else Transfer.BASE64


def base64_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """A body as base64 wire lines of at most 76 columns; no line of them begins with a period."""
    rest = b""
    for block in blocks:
        rest += block
        whole = len(rest) - len(rest) % BASE64_SOURCE
        yield _encoded(rest[:whole])
        rest = rest[whole:]
    yield _encoded(rest)


def _encoded(data: bytes) -> bytes:
    lines = (binascii.b2a_base64(data[at : at + BASE64_SOURCE], newline=False) for at in range(0, len(data), BASE64_SOURCE))
    return b"".join([line + b"\r\n" for line in lines])


@dataclass(frozen=True, slots=True)
class Field:
    """A header field of the writer: its name in small letters ("" when it has none), its text with its folds as CRLF and a blank,
    and its bytes as canonical lines.
    """

    name: str
    text: str
    raw: bytes

    @property
    def value(self) -> str:
        """Unfolded, with the blank after the colon."""
        return self.text.partition(":")[2].replace("\r\n", "")


def fields(header: bytes, source: SourceText) -> list[Field]:
    """The fields of a header given as canonical lines."""
    lines = header.split(source.newline)[:-1]
    grouped: list[tuple[list[str], list[bytes]]] = []
    for line in lines:
        text = without_controls(source.text(line).replace("\n", " "))[0]
        if grouped and text.startswith((" ", "\t")):
            grouped[-1][0].append(text)
            grouped[-1][1].append(line)
        else:
            grouped.append(([text], [line]))
    return [
        Field(
            texts[0].partition(":")[0].strip(" \t").lower(), "\r\n".join(texts), b"".join([line + source.newline for line in raw])
        )
        for texts, raw in grouped
    ]


@dataclass(frozen=True, slots=True)
class Mime:
    """What is done for one charset. `page` has a label; `target` writes its text."""

    page: CodePage
    target: Target
    label: MimeLabel
    encode_headers: bool

    def ours(self, found: list[Field]) -> bool:
        """Whether the label and the encoding of the body are ours to choose."""
        if self.label is MimeLabel.NO:
            return False
        mime = {field.name: field.value.strip().lower() for field in reversed(found) if field.name in MIME_FIELDS}
        if not mime:
            return True
        text = mime.get("content-type", "text/plain").startswith("text/")
        return self.label is MimeLabel.FORCE and text and mime.get("content-transfer-encoding", "") in _PLAIN_TRANSFERS

    def header(self, found: list[Field], converted: Callable[[bytes], bytes], way: Transfer | None) -> bytes:
        """The writer's header on the wire. `converted` converts canonical lines; `way` is how the body goes when that is ours."""
        out = [self._field(field, converted) for field in found if way is None or field.name not in MIME_FIELDS]
        if way is not None:
            types = [field for field in found if field.name == "content-type"]
            out += [b"MIME-Version: 1.0\r\n", self._content_type(types[0].text if types else "").encode("ascii", "replace")]
            out.append(f"Content-Transfer-Encoding: {way.value}\r\n".encode("ascii"))
        return b"".join(out)

    def _field(self, field: Field, converted: Callable[[bytes], bytes]) -> bytes:
        wire = converted(field.raw)  # also when it is not used: it counts what is lost
        kept = field.name in STRUCTURED_FIELDS or field.name.startswith(".")
        if not self.encode_headers or field.text.isascii() or kept:
            return wire
        charset = Charset(self.page.label, lambda text: self.target.encode(text)[0], self.page.kind != "SBCS")
        lines = encode_field(field.text.partition(":")[0], field.value, charset)
        return b"".join([self.target.encode(line)[0] + b"\r\n" for line in lines])

    def _content_type(self, given: str) -> str:
        """The Content-Type field; the writer's, with its charset put right, where there is one."""
        name = self.page.label
        if not given:
            return f"Content-Type: text/plain; charset={name}\r\n"
        label = _CHARSET.search(given)
        if label is None:
            return f"{given.rstrip(' ;')}; charset={name}\r\n"
        if denotes(label[2].strip('"'), self.page):
            return f"{given}\r\n"
        return f"{given[: label.start(2)]}{name}{given[label.end(2) :]}\r\n"
