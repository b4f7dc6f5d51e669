"""Finding the framing of a spool file (jes-spool.md 12).

Promises: a framing is accepted only when the whole file fits it; a declared framing is obeyed and checked against the data; what
fits nothing raises `UnreadableData` with the reason. The file is read in blocks, to its end only for a candidate whose
beginning fits.
Never: guesses; raises anything else, whatever the bytes are.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from cssmtp.errors import UnreadableData
from cssmtp.spool import netdata
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.lengths import LONGEST_RECORD, cut_len2, cut_len4, cut_rdw, landmarks_of
from cssmtp.spool.records import BLOCK_BYTES, Framing, FramingKind, blocks, delimiter, skim

HEAD_BYTES = 64 * 1024
TEXT_SHARE = 0.95
"""Share of bytes that must be printable for text (jes-spool.md 12.2)."""
LINE_BREAK_WITHIN = 2048
LONGEST_EBCDIC_LINE = 1024
EBCDIC_CONTROL_SHARE = 0.05
"""Above this share of control bytes, bytes between two X'15' are not taken for EBCDIC text."""
FIXED_LENGTHS = (80, 133, 121, 132, 137, 160, 200, 255, 256)
"""Record lengths tried for fixed records, in order; only the first is accepted without evidence (jes-spool.md 12.5)."""

_PRINTABLE = bytes([9, 10, 12, 13, *range(0x20, 0x7F)])
_SEVEN_BITS = bytes(range(0x80))
_EBCDIC_CONTROLS = bytes(byte for byte in range(0x40) if byte not in (0x05, 0x0D, 0x0E, 0x0F, 0x15, 0x25))
_LENGTH_KINDS = (FramingKind.BDW, FramingKind.RDW, FramingKind.LEN4, FramingKind.LEN2)
"""Framings with length fields, in the order of jes-spool.md 12.3."""
_FIELD_BYTES = {FramingKind.RDW: 4, FramingKind.BDW: 4, FramingKind.LEN4: 4, FramingKind.LEN2: 2, FramingKind.NETDATA: 2}
"""Bytes before the data of a record."""
_GREETINGS = ("HELO", "EHLO")
_VERBS = ("HELO", "EHLO", "MAIL", "RCPT", "DATA", "RSET", "QUIT", "STAR")


@dataclass(frozen=True, slots=True)
class _Data:
    """The file under test. `encoding` is the declared one: "ebcdic", "ascii", "utf-8" or "" (not declared)."""

    stream: BinaryIO
    size: int
    head: bytes
    attributes: Attributes
    encoding: str
    carriage: bool

    def pieces(self, length: int = BLOCK_BYTES) -> Iterator[bytes]:
        self.stream.seek(0)
        return iter(lambda: self.stream.read(length), b"")

    def framing(self, kind: FramingKind, sample: bytes, lrecl: int = 0) -> Framing:
        machine = self.attributes.recfm.endswith("M")
        sequence = self.attributes.sequence_numbers
        return Framing(kind, lrecl, self.encoding or encoding_of(sample), self.carriage, machine, sequence)

    def command(self, start: int, encoding: str) -> str:
        """The four characters at a record start, upper case, when they are a command's; else ""."""
        start += self.carriage
        return _verb(self.head[start : start + 4], encoding)


def detect(stream: BinaryIO, size: int, attributes: Attributes) -> Framing:
    """How to read the `size` bytes of `stream` (seekable; the position afterwards is undefined).

    A framing, encoding or record length in `attributes` is obeyed and checked; raises `UnreadableData`, with record number and
    byte offset where there is one, when the data contradicts it or when no framing fits. An empty file fits any framing.
    """
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    attributes = _with_format_of_netdata(attributes, head)
    carriage = attributes.recfm[-1:] in ("A", "M")
    data = _Data(stream, size, head, attributes, _declared_encoding(attributes.encoding), carriage)
    if attributes.framing != "auto":
        found = _declared(data, FramingKind(attributes.framing))
    elif size == 0:
        found = data.framing(FramingKind.FIXED, b"\x40", 80)
    else:
        found = next((framing for test in _TESTS if (framing := test(data)) is not None), None) or _nothing_fits(data)
    _check_encoding(data, found)
    return replace(found, landmarks=landmarks_of(stream)) if found.kind is FramingKind.BDW else found


def _with_format_of_netdata(attributes: Attributes, head: bytes) -> Attributes:
    """The attributes with the record format that NETDATA itself names, when they name none."""
    if attributes.framing in ("auto", "netdata") and netdata.begins(head) and not attributes.recfm:
        return replace(attributes, recfm=netdata.header(head).recfm)
    return attributes


def encoding_of(sample: bytes) -> str:
    """ "ebcdic" or "ascii", from the first record: HELO or EHLO in either, else more X'40' or more X'20'."""
    start = sample.lstrip(b"\x40 ")[:4]
    for encoding in ("ebcdic", "ascii"):
        if _verb(start, encoding) in _GREETINGS:
            return encoding
    return "ebcdic" if sample.count(b"\x40") >= sample.count(b" ") else "ascii"


def _verb(start: bytes, encoding: str) -> str:
    if encoding == "ebcdic":
        start = bytes(byte | 0x40 for byte in start)
    text = start.decode("cp037" if encoding == "ebcdic" else "ascii", "replace").upper()
    return text if text in _VERBS else ""


def _declared_encoding(name: str) -> str:
    match name.lower():
        case "auto":
            return ""
        case "ascii" | "us-ascii":
            return "ascii"
        case "utf-8" | "utf8":
            return "utf-8"
    return "ebcdic"


def _nothing_fits(data: _Data) -> Framing:
    start = data.head[:8].hex().upper()
    raise UnreadableData(
        f"no record format fits the {data.size} bytes, which begin with X'{start}': not text, no lengths that end at the end of "
        "the file, no newlines at most 1024 bytes apart, and not a multiple of 80 bytes; declare framing and lrecl in the sidecar"
        + _nearest(data)
    )


def _first_record(head: bytes, kind: FramingKind) -> bytes:
    """The first record by its length, b"" when there is none."""
    try:
        match kind:
            case FramingKind.BDW:
                found = cut_rdw(head[4:], 1, int, 1)
            case FramingKind.RDW:
                found = cut_rdw(head, 1, int, 1)
            case FramingKind.LEN4:
                found = cut_len4(head, 1, int, 1)
            case _:
                found = cut_len2(head, 1, int, 1)
    except UnreadableData:
        return b""
    return b"".join(found.records)


def _nearest(data: _Data) -> str:
    """Where a file that begins like a deck breaks off, in the words of its framing; "" when it begins like none."""
    for kind in _LENGTH_KINDS:
        if not _greets(data, _first_record(data.head, kind)):
            continue
        try:
            deque(blocks(data.stream, Framing(kind)), maxlen=0)
        except UnreadableData as fault:
            return f". As {kind.value}: {fault}"
    width = FIXED_LENGTHS[0]
    if any(data.command(0, encoding) in _GREETINGS and data.command(width, encoding) for encoding in ("ebcdic", "ascii")):
        count, rest = divmod(data.size, width)
        return f". As fixed, {width} bytes each: record {count + 1} at byte {count * width} has {rest} bytes"
    return ""


# The tests, in the order of jes-spool.md 12


def _netdata(data: _Data) -> Framing | None:
    """A file that begins as NETDATA is that, or is refused with what is wrong with it: nothing else begins so."""
    if not netdata.begins(data.head):
        return None
    netdata.header(data.head)
    first = skim(data.stream, Framing(FramingKind.NETDATA))
    return data.framing(FramingKind.NETDATA, first[data.carriage :])


def _ascii_text(data: _Data) -> Framing | None:
    head = data.head
    if data.encoding == "ebcdic":
        return None
    newline = head.find(b"\n")
    if not 0 <= newline < LINE_BREAK_WITHIN and (data.size > LINE_BREAK_WITHIN or _is_unbroken_record(data)):
        return None
    encoding = _text_encoding(iter([head])) and _text_encoding(data.pieces())
    if not encoding and (not data.encoding or b"\x00" in head):
        return None
    kind = FramingKind.CRLF if newline > 0 and head[newline - 1] == 0x0D else FramingKind.LF
    return replace(data.framing(kind, b""), encoding=data.encoding or encoding)


def _is_unbroken_record(data: _Data) -> bool:
    """True when a short file without line breaks is no line of text: EBCDIC, or ASCII cards run together."""
    return encoding_of(data.head) == "ebcdic" or _is_deck_of(data, FIXED_LENGTHS[0], "ascii")


def _text_encoding(pieces: Iterator[bytes]) -> str:
    """ "ascii", "utf-8", or "" when it is no text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    total = printable = high = 0
    valid = True
    for piece in pieces:
        if b"\x00" in piece:
            return ""
        total += len(piece)
        printable += len(piece) - len(piece.translate(None, _PRINTABLE))
        if valid and not (piece.isascii() and decoder.getstate()[0] == b""):
            high += len(piece.translate(None, _SEVEN_BITS))
            try:
                decoder.decode(piece)
            except UnicodeDecodeError:
                valid = False
    if printable + (high if valid else 0) <= TEXT_SHARE * total:
        return ""
    return "utf-8" if valid and high else "ascii"


def _length_fields(data: _Data) -> Framing | None:
    """The framing whose lengths end exactly at the end of the file. When two do, the one whose first record is a greeting."""
    if len(data.head) == HEAD_BYTES and not data.head.strip(b"\x00"):
        return None  # 16,384 empty records and counting: no length is worth following through gigabytes of zeros
    fits: list[Framing] = []
    for kind in _LENGTH_KINDS:
        try:
            if kind is FramingKind.LEN2 and not _greets(data, b"".join(cut_len2(data.head, -1, int, 1).records)):
                continue
            first = skim(data.stream, Framing(kind))
        except UnreadableData:
            continue
        if netdata.begins(first):
            raise UnreadableData(
                f"the data is NETDATA inside {kind.value} records; hand the file over as plain bytes, without lengths in between"
            )
        found = data.framing(kind, first[data.carriage :])
        if _greets(data, first):
            return found
        fits.append(found)
    return fits[0] if fits else None


def _greets(data: _Data, start: bytes) -> bool:
    """True when the first record that is not blank, from `start` on, begins with HELO or EHLO."""
    word = start.lstrip(b"\x00\x40 ")[data.carriage :][:4]
    return any(_verb(word, encoding) in _GREETINGS for encoding in ("ebcdic", "ascii"))


def _ebcdic_text(data: _Data) -> Framing | None:
    if data.encoding in ("ascii", "utf-8") or not _looks_ebcdic(data.head):
        return None
    fits = {kind: count for kind in (FramingKind.NL15, FramingKind.LF25) if (count := _line_ends(data, delimiter(kind)))}
    if not fits:
        return None
    return data.framing(max(fits, key=lambda kind: fits[kind]), b"\xc8\xc5\xd3\xd6")


def _looks_ebcdic(head: bytes) -> bool:
    if _verb(head.lstrip(b"\x40")[:4], "ebcdic") in _GREETINGS:
        return True
    controls = len(head) - len(head.translate(None, _EBCDIC_CONTROLS))
    return controls <= EBCDIC_CONTROL_SHARE * len(head)


def _line_ends(data: _Data, newline: bytes) -> int:
    """How many lines the byte ends, 0 when it is no delimiter here: lines get too long, or it is a sign in column 80."""
    if _starts_with_card(data, newline) or len(max(data.head.split(newline), key=len)) > LONGEST_EBCDIC_LINE:
        return 0
    total = in_column_80 = open_line = 0
    for piece in data.pieces(80 * (BLOCK_BYTES // 80)):
        lines = piece.split(newline)
        lines[0] = lines[0].rjust(open_line + len(lines[0]))
        if len(max(lines, key=len)) > LONGEST_EBCDIC_LINE:
            return 0
        open_line = len(lines[-1])
        total += len(lines) - 1
        in_column_80 += piece[79::80].count(newline)
    continuation = data.size % 80 == 0 and total == in_column_80 and total < data.size // 80
    return 0 if continuation else total


def _starts_with_card(data: _Data, newline: bytes) -> bool:
    """True when the file begins with a greeting padded to 80 bytes: then newlines further on stand inside fixed records."""
    card = data.head[:80]
    return data.size % 80 == 0 and newline not in card and card.endswith(b"\x40") and _verb(card[:4], "ebcdic") in _GREETINGS


def _fixed(data: _Data) -> Framing | None:
    known = data.attributes.lrecl
    if known and data.size % known == 0:
        return data.framing(FramingKind.FIXED, data.head, known)
    for width in FIXED_LENGTHS:
        for encoding in ("ebcdic", "ascii"):
            if data.encoding in ("", encoding) and data.size % width == 0 and _is_deck_of(data, width, encoding):
                return replace(data.framing(FramingKind.FIXED, b"", width), encoding=encoding)
    if data.size % FIXED_LENGTHS[0] == 0:
        return data.framing(FramingKind.FIXED, data.head, FIXED_LENGTHS[0])
    return None


def _is_deck_of(data: _Data, width: int, encoding: str) -> bool:
    """True when records of `width` bytes begin like a deck: a greeting, then another command."""
    return (
        data.size % width == 0
        and data.command(0, encoding) in _GREETINGS
        and (data.size == width or data.command(width, encoding) != "")
    )


def _blanks(data: _Data) -> Framing | None:
    """A file of nothing but blanks has no mail, whatever its framing: one blank line."""
    if data.head.strip(b"\x40") or any(piece.strip(b"\x40") for piece in data.pieces()):
        return None
    return data.framing(FramingKind.NL15, b"\x40")


_TESTS: tuple[Callable[[_Data], Framing | None], ...] = (_netdata, _ascii_text, _length_fields, _ebcdic_text, _fixed, _blanks)


# What is declared


def _declared(data: _Data, kind: FramingKind) -> Framing:
    is_ascii = kind in (FramingKind.LF, FramingKind.CRLF)
    if data.encoding and data.size and delimiter(kind) and is_ascii is (data.encoding == "ebcdic"):
        raise UnreadableData(f"framing {kind.value} and encoding {data.attributes.encoding} contradict each other")
    if kind is FramingKind.FIXED:
        return _declared_fixed(data)
    if delimiter(kind):
        return _declared_text(data, kind, is_ascii)
    if kind is FramingKind.NETDATA and data.size:
        if not netdata.begins(data.head):
            raise UnreadableData(
                f"framing netdata is declared, but the data begins with X'{data.head[:8].hex().upper()}', not INMR01"
            )
        netdata.header(data.head)
    first = b""
    limit = _longest_by_lrecl(data.attributes)
    for block in blocks(data.stream, Framing(kind)):
        first = first or next((record for record in block.records if record.strip(b"\x40 ")), b"")
        if len(max(block.records, key=len)) > limit:
            index, record = next((index, record) for index, record in enumerate(block.records) if len(record) > limit)
            where = f"record {block.first + index} at byte {block.position(index)}"
            raise UnreadableData(f"{where} has {len(record)} bytes, lrecl {data.attributes.lrecl} allows {limit}")
    return data.framing(kind, first[data.carriage :])


def _longest_by_lrecl(attributes: Attributes) -> int:
    """The longest record that LRECL allows: of V and VB it counts the 4 bytes of the RDW (jes-spool.md 8)."""
    if not attributes.lrecl:
        return 2 * LONGEST_RECORD
    return attributes.lrecl - 4 if attributes.recfm.startswith("V") else attributes.lrecl


def _declared_fixed(data: _Data) -> Framing:
    if data.attributes.recfm.startswith("V"):
        raise UnreadableData(
            f"framing fixed contradicts recfm {data.attributes.recfm}: records of that format have no fixed length"
        )
    width = data.attributes.lrecl
    if width:
        count, rest = divmod(data.size, width)
        if rest:
            raise UnreadableData(
                f"record {count + 1} at byte {count * width} has {rest} of {width} bytes: size and lrecl do not agree"
            )
        return data.framing(FramingKind.FIXED, data.head, width)
    found = _fixed(data)
    if found is None:
        raise UnreadableData(f"framing fixed is declared without lrecl, and {data.size} bytes are not a multiple of 80")
    return found


def _declared_text(data: _Data, kind: FramingKind, is_ascii: bool) -> Framing:
    newline = delimiter(kind)
    if newline not in data.head and data.size > LINE_BREAK_WITHIN:
        shown = newline.hex().upper()
        raise UnreadableData(f"framing {kind.value} is declared, but there is no X'{shown}' in the first {len(data.head)} bytes")
    if not is_ascii:
        return data.framing(kind, b"\xc8\xc5\xd3\xd6")
    if encoding_of(data.head) == "ebcdic" and newline not in data.head[:LINE_BREAK_WITHIN] and data.size:
        raise UnreadableData(f"framing {kind.value} is declared, but the data at byte 0 is EBCDIC")
    return replace(data.framing(kind, b""), encoding=data.encoding or _text_encoding(data.pieces()) or "ascii")


def _check_encoding(data: _Data, framing: Framing) -> None:
    """Raises `UnreadableData` when a declared encoding does not fit the data."""
    match data.encoding:
        case "ebcdic":
            if _verb(data.head[data.carriage :][:4], "ascii") in _GREETINGS:
                raise UnreadableData(f"encoding {data.attributes.encoding} is declared, but the data at byte 0 is ASCII")
        case "ascii":
            for offset, piece in _texts(data, framing):
                if not piece.isascii():
                    at = next(index for index, byte in enumerate(piece) if byte > 0x7F)
                    raise UnreadableData(f"encoding ascii is declared, but byte {offset + at} is X'{piece[at]:02X}'")
        case "utf-8":
            decoder = codecs.getincrementaldecoder("utf-8")()
            for offset, piece in _texts(data, framing):
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError as fault:
                    at = offset + fault.start
                    raise UnreadableData(f"encoding utf-8 is declared, but the data is no UTF-8 near byte {at}") from None


def _texts(data: _Data, framing: Framing) -> Iterator[tuple[int, bytes]]:
    """The bytes of the text with their offsets; of records with lengths, only the data."""
    if framing.kind in _FIELD_BYTES:
        for block in blocks(data.stream, replace(framing, carriage=False, sequence=False)):
            for index, record in enumerate(block.records):
                if not record.isascii():
                    yield block.position(index) + _FIELD_BYTES[framing.kind], record
        return
    offset = 0
    for piece in data.pieces():
        yield offset, piece
        offset += len(piece)
