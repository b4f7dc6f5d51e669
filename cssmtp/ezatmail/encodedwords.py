"""Header fields that a deck cannot hold as they are: 8-bit text, control characters, lines over the limit.

Promises: no character is lost: text becomes encoded words (RFC 2047), parameters become extended values (RFC 2231), long lines
are folded at blanks. What has no such form, like an 8-bit address, is a `Refusal` (65) that names the field.
Never: changes a field that fits; breaks a word; encodes inside an address.
"""

import binascii

from cssmtp.ezatmail.page import Page
from cssmtp.ezatmail.refusal import DATA_ERROR, Refusal

ADDRESS_FIELDS = frozenset(
    b"from sender reply-to to cc apparently-to errors-to disposition-notification-to resent-from resent-sender resent-to"
    b" resent-cc resent-reply-to mail-followup-to mail-reply-to".split()
)
PARAMETER_FIELDS = frozenset((b"content-type", b"content-disposition"))
MACHINE_FIELDS = frozenset(
    b"message-id in-reply-to references date received mime-version content-transfer-encoding content-id resent-date"
    b" resent-message-id return-path".split()
)
"""Fields whose grammar has no place for text; 8-bit bytes in them are refused."""

UNKNOWN_CHARSET = "unknown-8bit"
"""The label of bytes in an unknown charset (RFC 1428); they arrive as they are."""

WORD_LIMIT = 75
FOLD_AT = 76
_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")
_BLANKS = " \t"


def safe_field(name: bytes, field: bytes, page: Page) -> bytes:
    """The field in a form that the page holds, lines joined with LF. `name` is in lower case."""
    field = b"\n".join([line.rstrip(b" ") for line in field.split(b"\n")])
    if page.holds(field + b"\n"):
        return field
    if field.translate(None, page.plain + b"\n"):
        if name in MACHINE_FIELDS:
            raise _refused(name, "has characters outside printable ASCII")
        if name in ADDRESS_FIELDS:
            field = _Addresses(field, page).encoded()
        elif name in PARAMETER_FIELDS:
            field = _parameters(field, page)
        else:
            field = _unstructured(field, page)
    field = folded(field)
    if not page.holds(field + b"\n"):
        raise _refused(name, "has a word that is too long for a line of 998 characters, or text that cannot be encoded")
    return field


def _refused(name: bytes, what: str) -> Refusal:
    return Refusal(DATA_ERROR, f"header field {name.decode('ascii')} {what}; nothing was sent")


def charset_of(text: bytes) -> str:
    """How to label bytes: "us-ascii", "utf-8" when they are that, else `UNKNOWN_CHARSET`."""
    if text.isascii():
        return "us-ascii"
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return UNKNOWN_CHARSET
    return "utf-8"


def encoded_words(text: bytes) -> bytes:
    """`text` as encoded words of at most 75 characters, one to a line, each holding whole characters."""
    charset = charset_of(text)
    room = WORD_LIMIT - len(charset) - len("=??q??=")
    special = sum(byte not in _SAFE for byte in text)
    base64 = special * 2 > len(text)
    pieces: list[bytes] = []
    begun = b""
    for character in _characters(text, charset):
        longer = begun + character
        if _length(longer, base64=base64) > room:
            pieces.append(begun)
            longer = character
        begun = longer
    pieces.append(begun)
    kind = b"b" if base64 else b"q"
    return b"\n ".join(b"=?%s?%s?%s?=" % (charset.encode("ascii"), kind, _word(piece, base64=base64)) for piece in pieces)


def _characters(text: bytes, charset: str) -> list[bytes]:
    if charset == "utf-8":
        return [character.encode("utf-8") for character in text.decode("utf-8")]
    return [text[at : at + 1] for at in range(len(text))]


def _length(piece: bytes, *, base64: bool) -> int:
    return (len(piece) + 2) // 3 * 4 if base64 else sum(1 if byte in _SAFE or byte == 0x20 else 3 for byte in piece)


def _word(piece: bytes, *, base64: bool) -> bytes:
    if base64:
        return binascii.b2a_base64(piece, newline=False)
    return b"".join(b"_" if byte == 0x20 else b"%c" % byte if byte in _SAFE else b"=%02X" % byte for byte in piece)


def _is_plain(text: str, page: Page) -> bool:
    return not text.encode("latin-1").translate(None, page.plain)


def _encode_run(name: str, text: str, page: Page) -> str:
    """`name` and `text`; the words of it from the first to the last that is not plain are encoded words, on a line of their own
    when the first line would become too long.

    Blanks between two encoded words are not shown by readers; so beside one that was there before, the blank goes into ours.
    """
    words = text.split(" ")
    wrong = [index for index, word in enumerate(words) if not _is_plain(word, page)]
    first, last = wrong[0], wrong[-1] + 1
    middle = " ".join(words[first:last])
    if first and words[first - 1].endswith("?="):
        middle = " " + middle
    if last < len(words) and words[last].startswith("=?"):
        middle += " "
    encoded = encoded_words(middle.encode("latin-1")).decode("latin-1")
    before = " ".join([name, *words[:first]])
    fold = "\n " if len(before) + 1 + len(encoded.partition("\n")[0]) > FOLD_AT else " "
    return before + fold + " ".join([encoded, *words[last:]])


def _unfolded(field: bytes) -> tuple[str, str]:
    """Name with colon, and the value in one line with its leading blanks."""
    name, _, value = field.decode("latin-1").partition(":")
    return name + ":", value.replace("\n", "")


def _unstructured(field: bytes, page: Page) -> bytes:
    name, value = _unfolded(field)
    return _encode_run(name, value.lstrip(_BLANKS), page).encode("latin-1")


class _Addresses:
    """An address field with 8-bit names. Only words, quoted strings and comments are encoded."""

    def __init__(self, field: bytes, page: Page) -> None:
        self._name, self._text = _unfolded(field)
        self._page = page
        self._at = 0
        self._after_word = False

    def encoded(self) -> bytes:
        pieces = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == '"':
                pieces.append(self._quoted())
            elif character == "(":
                pieces.append(self._comment())
            elif character == "<":
                pieces.append(self._address())
            elif character in ",:;":
                pieces.append(character)
                self._after_word = False
                self._at += 1
            else:
                pieces.append(self._phrase())
        return (self._name + "".join(pieces)).encode("latin-1")

    def _closing(self, end: str) -> str:
        """The text from here to the closing character; to the end of the field when that is missing."""
        at = self._at + 1
        depth = 1
        while at < len(self._text):
            character = self._text[at]
            depth += (character == "(" and end == ")") - (character == end)
            at += 2 if character == "\\" else 1
            if depth == 0:
                break
        piece = self._text[self._at : at]
        self._at = at
        return piece

    def _words(self, text: str) -> str:
        """`text` as encoded words, with the blank that readers would not show after another one."""
        blank = " " if self._after_word else ""
        self._after_word = True
        return encoded_words((blank + text).encode("latin-1")).decode("latin-1")

    def _quoted(self) -> str:
        piece = self._closing('"')
        if not _is_plain(piece, self._page):
            return self._words(_unescaped(piece[1:].removesuffix('"')))
        self._after_word = False
        return piece

    def _comment(self) -> str:
        piece = self._closing(")")
        if _is_plain(piece, self._page):
            return piece
        self._after_word = False
        encoded = f"({self._words(_unescaped(piece[1:].removesuffix(')')))})"
        self._after_word = False
        return encoded

    def _address(self) -> str:
        piece = self._closing(">")
        self._after_word = False
        if not _is_plain(piece, self._page):
            raise self._refused()
        return piece

    def _phrase(self) -> str:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in '"(<,:;':
            self._at += 1
        piece = self._text[start : self._at]
        core = piece.strip(_BLANKS)
        if not core:
            return piece
        if _is_plain(piece, self._page):
            self._after_word = core.endswith("?=")
            return piece
        if "@" in core:
            raise self._refused()
        lead = piece[: len(piece) - len(piece.lstrip(_BLANKS))]
        trail = piece[len(piece.rstrip(_BLANKS)) :]
        return lead + self._words(core) + trail

    def _refused(self) -> Refusal:
        return _refused(self._name[:-1].lower().encode("latin-1"), "has an address outside ASCII")


def _unescaped(text: str) -> str:
    pieces = []
    characters = iter(text)
    for character in characters:
        pieces.append(next(characters, "") if character == "\\" else character)
    return "".join(pieces)


def _parameters(field: bytes, page: Page) -> bytes:
    """A Content- field whose parameters have 8-bit values: `name*=charset''%C3%BC` (RFC 2231 4)."""
    name, value = _unfolded(field)
    first, *rest = split_parameters(value)
    pieces = [first]
    for parameter in rest:
        if _is_plain(parameter, page):
            pieces.append(parameter)
            continue
        key, _, text = parameter.partition("=")
        text = text.strip(_BLANKS)
        data = (_unescaped(text[1:].removesuffix('"')) if text.startswith('"') else text).encode("latin-1")
        shown = "".join(chr(byte) if chr(byte).isalnum() and byte < 0x80 else f"%{byte:02X}" for byte in data)
        pieces.append(f"\n {key.strip(_BLANKS)}*={charset_of(data)}''{shown}")
    joined = ";".join(pieces).encode("latin-1")
    return name.encode("latin-1") + joined


def split_parameters(value: str) -> list[str]:
    """A value cut at the semicolons outside quoted strings."""
    pieces = [""]
    quoted = escaped = False
    for character in value:
        if character == ";" and not quoted:
            pieces.append("")
            continue
        quoted ^= character == '"' and not escaped
        escaped = quoted and character == "\\" and not escaped
        pieces[-1] += character
    return pieces


def folded(field: bytes) -> bytes:
    """The field with its lines of more than 998 characters folded before blanks, so that no word is broken."""
    lines = []
    for line in field.split(b"\n"):
        while len(line) > 998:
            at = _fold_place(line)
            if at < 0:
                break
            lines.append(line[:at])
            line = line[at:]
        lines.append(line)
    return b"\n".join(lines)


def _fold_place(line: bytes) -> int:
    """The blank before which a long line is folded: the last within 76 characters, else the first after; -1 without one.
    There is text before it and after it."""
    start = len(line) - len(line.lstrip(b" \t"))
    best = -1
    for at in range(start + 1, len(line) - 1):
        if line[at] in b" \t" and line[at - 1] not in b" \t" and line[at + 1] not in b" \t":
            if at > FOLD_AT and best >= 0:
                break
            best = at
            if at > FOLD_AT:
                break
    return best
