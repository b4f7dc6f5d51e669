"""Bodies that a deck cannot hold as they are: 8-bit text, control characters, blanks at line ends, lines over the limit.

Promises: no character is lost. Plain text that the page and the gateway's Charset both have is written in the page, with a
label for what arrives; everything else becomes quoted-printable or base64, in the parts of a multipart message that need it and
nowhere else.
Never: changes a part that fits, or anything under a signature: that is a `Refusal` (65).
"""

import binascii

from cssmtp.ezatmail.encodedwords import charset_of, safe_field, split_parameters
from cssmtp.ezatmail.message import Message, split
from cssmtp.ezatmail.page import Page, written
from cssmtp.ezatmail.refusal import DATA_ERROR, Refusal, printable

DEPTH_LIMIT = 20
"""Parts inside parts inside parts; nobody sends more."""
BASE64_LINE = 57
"""Bytes that give a base64 line of 76 characters."""
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_QUOTED_SAFE = bytes(byte for byte in range(0x20, 0x7F) if byte != 0x3D) + b"\t\n"
_IDENTITY = ("", "7bit", "8bit", "binary")


def made_safe(message: Message, page: Page, charset: str) -> tuple[bytes, bytes]:
    """Header (ASCII lines that the page holds) and body (already in the page) of a message that does not fit as it is.

    `charset` is the gateway's Charset, "" when it is not known. Raises `Refusal` (65).
    """
    body: bytes | None = None
    if not page.holds(message.body):
        body = _in_the_page(message, page, charset) if charset else None
        if body is None:
            _recode(message, page, depth=0)
        _declare(message)
    _recode_header(message, page)
    return message.header(), page.encode(message.body) if body is None else body


def _in_the_page(message: Message, page: Page, charset: str) -> bytes | None:
    """The body written in the page, the header labelled; None when it has to be encoded."""
    kind, parameters = _content_type(message)
    label = parameters.get("charset", "")
    if _transfer_encoding(message) not in _IDENTITY or (kind != "text/plain" and not (label and kind.startswith("text/"))):
        return None
    try:
        found = written(message.body.decode(label or "utf-8"), page, charset)
    except (UnicodeError, LookupError):
        return None
    if found is None or (label and found[1].lower() != label.lower()):
        return None
    if not message.body.isascii():
        _label(message, found[1])
        _set_encoding(message, "8bit")
    return found[0]


def _content_type(message: Message) -> tuple[str, dict[str, str]]:
    """Type and subtype in lower case (text/plain without a field), and the parameters by their names in lower case."""
    values = message.values(b"content-type")
    if not values:
        return "text/plain", {}
    kind, *rest = split_parameters(values[0])
    parameters = {}
    for parameter in rest:
        name, _, value = parameter.partition("=")
        value = value.strip(" \t")
        if value.startswith('"'):
            value = value[1:].removesuffix('"').replace("\\", "")
        parameters[name.strip(" \t").lower()] = value
    return kind.strip(" \t").lower(), parameters


def _transfer_encoding(message: Message) -> str:
    values = message.values(b"content-transfer-encoding")
    return values[0].lower() if values else ""


def _set(message: Message, name: bytes, field: bytes) -> None:
    """Puts a field in the place of the first of that name, or at the end."""
    places = [index for index, (found, _) in enumerate(message.fields) if found == name]
    if places:
        message.fields[places[0]] = (name, field)
    else:
        message.fields.append((name, field))


def _set_encoding(message: Message, encoding: str) -> None:
    _set(message, b"content-transfer-encoding", b"Content-Transfer-Encoding: " + encoding.encode("ascii"))


def _label(message: Message, charset: str) -> None:
    """Says the charset of a text that says none."""
    fields = [field for name, field in message.fields if name == b"content-type"]
    if not fields:
        _set(message, b"content-type", b"Content-Type: text/plain; charset=" + charset.encode("ascii"))
    elif "charset" not in _content_type(message)[1]:
        _set(message, b"content-type", fields[0].rstrip(b"; \t") + b"; charset=" + charset.encode("ascii"))


def _declare(message: Message) -> None:
    """Says that the message is MIME."""
    if not message.has(b"mime-version"):
        message.fields.append((b"mime-version", b"MIME-Version: 1.0"))


def _recode_header(message: Message, page: Page) -> None:
    message.fields = [(name, safe_field(name, field, page)) for name, field in message.fields]


def _recode(message: Message, page: Page, *, depth: int) -> None:
    """Gives a message or part a body that the page holds. The body of a part (`depth` > 0) ends with the LF of the delimiter."""
    kind, parameters = _content_type(message)
    if depth > DEPTH_LIMIT:
        raise _refused(f"the message has parts in parts more than {DEPTH_LIMIT} deep")
    if kind == "multipart/signed":
        raise _refused(
            "a signed part holds 8-bit text, control characters, blanks at line ends or long lines; its signature would break"
        )
    if kind.startswith("multipart/"):
        _recode_parts(message, parameters.get("boundary", ""), page, depth)
    elif kind == "message/rfc822":
        inner = split(message.body)
        _recode_within(inner, page, depth)
        _declare(inner)
        message.body = inner.header() + b"\n" + inner.body
    else:
        _recode_leaf(message, kind, page, depth)
    if (kind.startswith("multipart/") or kind == "message/rfc822") and _transfer_encoding(message) in ("8bit", "binary"):
        _set_encoding(message, "7bit")
    message.fields = [each for each in message.fields if each[0] != b"content-length"]


def _refused(text: str) -> Refusal:
    return Refusal(DATA_ERROR, f"{text}; nothing was sent")


def _recode_within(inner: Message, page: Page, depth: int) -> None:
    """Does what is needed to a message or part inside another one."""
    if not page.holds(inner.body):
        _recode(inner, page, depth=depth + 1)
    _recode_header(inner, page)


def _recode_parts(message: Message, boundary: str, page: Page, depth: int) -> None:
    delimiter = b"--" + boundary.encode("latin-1")
    if not boundary:
        raise _refused("a multipart message without a boundary holds what needs encoding")
    pieces: list[list[bytes]] = [[]]
    marks: list[bytes] = []
    for line in message.body.removesuffix(b"\n").split(b"\n"):
        bare = line.rstrip(b" \t")
        if bare in (delimiter, delimiter + b"--") and not (marks and marks[-1] != delimiter):
            marks.append(bare)
            pieces.append([])
        else:
            pieces[-1].append(line)
    if not marks:
        raise _refused(f"a multipart message has no part: its boundary {printable(boundary)!r} does not occur")
    lines = _outside(pieces[0], page)
    for mark, piece in zip(marks, pieces[1:], strict=True):
        lines.append(mark)
        lines += [_safe_part(b"\n".join(piece) + b"\n", page, depth)] if mark == delimiter else _outside(piece, page)
    message.body = b"\n".join(lines) + b"\n"


def _outside(lines: list[bytes], page: Page) -> list[bytes]:
    """Preamble or epilogue: text for nobody, whose trailing blanks may go."""
    bare = [line.rstrip(b" ") for line in lines]
    if not page.holds(b"\n".join(bare) + b"\n"):
        raise _refused("the text before or after the parts of a multipart message cannot be encoded")
    return bare


def _safe_part(text: bytes, page: Page, depth: int) -> bytes:
    """One part, without the LF that belongs to the delimiter."""
    if not page.holds(text):
        part = split(text)
        _recode_within(part, page, depth)
        text = part.header() + b"\n" + part.body
    return text.removesuffix(b"\n")


def _recode_leaf(message: Message, kind: str, page: Page, depth: int) -> None:
    encoding = _transfer_encoding(message)
    text = message.body if depth == 0 else message.body.removesuffix(b"\n")
    if encoding == "base64":
        message.body = _rewrapped(text)
        return
    if encoding == "quoted-printable":
        text = b"\n".join([line.rstrip(b" \t") for line in text.split(b"\n")])
        if page.holds(text + b"\n"):
            message.body = text if depth == 0 else text + b"\n"
            return
        text = binascii.a2b_qp(text)
    elif encoding not in _IDENTITY:
        raise _refused(f"a part in transfer encoding {printable(encoding)} holds what needs another encoding")
    if kind.startswith("text/"):
        _label(message, charset_of(text))
    if _wants_base64(text, kind, page):
        message.body = _base64(text.replace(b"\n", b"\r\n"))
        _set_encoding(message, "base64")
    else:
        message.body = _quoted(text) + (b"" if depth == 0 else b"\n")
        _set_encoding(message, "quoted-printable")


def _wants_base64(text: bytes, kind: str, page: Page) -> bool:
    """Base64 for what is no text, for text that is mostly not ASCII, and when the page lacks a character of ASCII in the text."""
    special = len(text.translate(None, _QUOTED_SAFE))
    ascii_only = text.translate(None, bytes(range(0x80, 0x100)))
    missing = {*ascii_only} & {*range(0x20, 0x7F)} - {*page.plain}
    return not kind.startswith("text/") or special * 5 > len(text) or bool(missing)


def _quoted(text: bytes) -> bytes:
    """Quoted-printable (RFC 2045 6.7), line by line, so that carriage returns and blanks at line ends are encoded."""
    return b"\n".join([binascii.b2a_qp(line, istext=False) for line in text.split(b"\n")])


def _base64(data: bytes) -> bytes:
    return b"".join([binascii.b2a_base64(data[at : at + BASE64_LINE]) for at in range(0, len(data), BASE64_LINE)])


def _rewrapped(body: bytes) -> bytes:
    """Base64 text in lines of 76 characters; its line ends and blanks mean nothing."""
    text = body.translate(None, b" \t\r\n")
    if text.translate(None, _BASE64):
        raise _refused("a part that is said to be base64 is not")
    return b"".join([text[at : at + 76] + b"\n" for at in range(0, len(text), 76)])
