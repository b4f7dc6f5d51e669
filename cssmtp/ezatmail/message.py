"""The message on standard input: reading it, header and body, and what is done to the header (ezatmail.md 3.7, 3.8, 6.2).

Promises: nothing is decided before the end of the input has been seen; lines end in LF here, the last one too; only the
header fields named in 6.2 are added or removed, all others stay byte for byte.
Never: interprets a body; raises for bytes of any kind, only for a failing or too large input.
"""

import posix
import time

from cssmtp.ezatmail.refusal import DATA_ERROR, USAGE, Refusal

BLOCK = 1 << 16

REMOVED = (b"bcc", b"resent-bcc", b"return-path")
"""Fields that never leave: who got a blind copy, and what only a final delivery may write."""

RECIPIENT_FIELDS = (b"to", b"cc", b"bcc", b"apparently-to")
RESENT_RECIPIENT_FIELDS = (b"resent-to", b"resent-cc", b"resent-bcc")
UNDISCLOSED = b"To: undisclosed-recipients:;"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAME_BYTES = bytes(byte for byte in range(0x21, 0x7F) if byte != 0x3A)
_FOLD_AT = 76


class Message:
    """A message: `fields` are (name in lower case, the whole field with its folded lines, without the last line end), `body` are
    lines ended by LF."""

    __slots__ = ("body", "fields")

    def __init__(self, fields: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.fields = fields
        self.body = body

    def has(self, *names: bytes) -> bool:
        """Whether there is a field with one of the names (lower case)."""
        return any(name in names for name, _ in self.fields)

    def values(self, *names: bytes) -> list[str]:
        """The unfolded values of all fields with one of the names, decoded as ISO 8859-1."""
        return [value_of(field) for name, field in self.fields if name in names]

    def header(self) -> bytes:
        """The fields as lines ended by LF."""
        return b"".join(field + b"\n" for _, field in self.fields)


def value_of(field: bytes) -> str:
    """What follows the colon of a field, folded lines made one, decoded as ISO 8859-1."""
    return field.partition(b":")[2].replace(b"\n", b"").decode("latin-1").strip(" \t")


def read_input(descriptor: int, *, ignore_dots: bool, limit: int) -> bytes:
    """All of the input up to its end, or up to a line with a single period unless `ignore_dots`, in lines ended by LF.

    Line ends lose their carriage returns, a first line `From ` is dropped, of two leading periods one goes unless `ignore_dots`
    (the rules of sendmail, ezatmail.md 3.8). Raises `Refusal` (65) when reading fails or more than `limit` bytes (0: any
    number) come.
    """
    data = bytearray(b"\n")
    size = 0
    looked = 0
    while True:
        try:
            chunk = posix.read(descriptor, BLOCK)
        except OSError as fault:
            raise Refusal(
                DATA_ERROR, f"the message cannot be read from standard input: {posix.strerror(fault.errno or 0)}"
            ) from None
        if not chunk:
            break
        size += len(chunk)
        if limit and size > limit:
            continue
        data += chunk
        if not ignore_dots:
            looked, ended = lone_dot(data, looked)
            if ended:
                del data[looked:]
                break
    if limit and size > limit:
        raise Refusal(DATA_ERROR, f"the message is larger than MaxMessageSize, {limit} bytes")
    return canonical(bytes(data[1:]), ignore_dots=ignore_dots)


def lone_dot(data: bytearray, start: int) -> tuple[int, bool]:
    """Looks for a complete line with a single period from `start` on: where the text before it ends, and whether there is one.
    Without one, where to go on looking when more has come."""
    while (at := data.find(b"\n.", start)) >= 0:
        end = at + 2
        while data[end : end + 1] == b"\r":
            end += 1
        if end == len(data):
            return at, False
        if data[end] == 0x0A:
            return at + 1, True
        start = at + 2
    return max(start, len(data) - 1), False


def _lines(data: bytes) -> bytes:
    """`data` with all line ends as LF: carriage returns before it are dropped, however many."""
    data = data.replace(b"\r\n", b"\n")
    if b"\r\n" in data:
        data = b"\n".join([line.rstrip(b"\r") for line in data.split(b"\n")])
    return data


def canonical(data: bytes, *, ignore_dots: bool) -> bytes:
    """`data`, the whole input, in lines ended by LF; see `read_input`."""
    data = _lines(data)
    if data.endswith(b"\r"):
        data = data.rstrip(b"\r")
    if data and not data.endswith(b"\n"):
        data += b"\n"
    if not ignore_dots:
        if data.endswith(b"\n.\n") or data == b".\n":
            data = data[:-2]
        if b".." in data:
            data = (b"\n" + data).replace(b"\n..", b"\n.")[1:]
    if data.startswith(b"From "):
        data = data[data.find(b"\n") + 1 :]
    return data


def split(text: bytes) -> Message:
    """Header and body of a message in lines ended by LF.

    The header ends at the first empty line, which belongs to neither, or before the first line that is no header line. When the
    first line is none, all is body. Folded lines of blanks only are dropped: the gateway would take them for the end of the
    header.
    """
    fields: list[tuple[bytes, bytes]] = []
    at = 0
    while at < len(text):
        end = text.find(b"\n", at)
        line = text[at:end]
        if line[:1] in (b" ", b"\t") and fields:
            if line.strip(b" \t"):
                name, field = fields[-1]
                fields[-1] = (name, field + b"\n" + line)
        else:
            name = field_name(line)
            if not name:
                break
            fields.append((name.lower(), name + line[line.index(b":") :]))
        at = end + 1
    if text[at : at + 1] == b"\n":
        at += 1
    return Message(fields, text[at:])


def field_name(line: bytes) -> bytes:
    """The name of the header field that begins with `line`, b"" when it is no field. Blanks before the colon are allowed."""
    name, colon, _ = line.partition(b":")
    name = name.rstrip(b" \t")
    return name if colon and name and not name.translate(None, _NAME_BYTES) else b""


def header_recipients(message: Message) -> list[str]:
    """The values of the fields that name recipients for `-t`: those of Resent- fields alone when there are any (3.6)."""
    if any(name.startswith(b"resent-") for name, _ in message.fields):
        return message.values(*RESENT_RECIPIENT_FIELDS)
    return message.values(*RECIPIENT_FIELDS)


def complete(message: Message, *, sender: bytes, recipients: list[str], now: float) -> None:
    """Removes and adds header fields (ezatmail.md 6.2, step 6). `sender` is the value of a From field, `now` seconds since 1970.

    A message without any header gets Date, From and To; one with a header gets From when it is missing and an empty group when
    nobody is named in it any more. Date and Message-ID are otherwise the gateway's affair.
    """
    bare = not message.fields
    message.fields = [each for each in message.fields if each[0] not in REMOVED]
    if bare:
        message.fields = [
            (b"date", b"Date: " + date(now)),
            (b"from", b"From: " + sender),
            (b"to", address_field("To", recipients)),
        ]
        return
    if not message.has(b"from"):
        message.fields.append((b"from", b"From: " + sender))
    if not message.has(b"to", b"cc"):
        message.fields.append((b"to", UNDISCLOSED))


def address_field(name: str, addresses: list[str]) -> bytes:
    """A field with addresses, folded between them; ASCII."""
    lines = [name + ":"]
    for index, address in enumerate(addresses):
        word = " " + address + ("," if index < len(addresses) - 1 else "")
        if len(lines[-1]) + len(word) > _FOLD_AT and len(lines[-1]) > len(name) + 1:
            lines.append(word)
        else:
            lines[-1] += word
    return "\n".join(lines).encode("ascii")


def date(now: float) -> bytes:
    """The time `now` as RFC 5322 3.3 says, in local time with its numeric zone."""
    local = time.localtime(now)
    zone = local.tm_gmtoff // 60
    sign = "-" if zone < 0 else "+"
    hours, minutes = divmod(abs(zone), 60)
    return (
        f"{_DAYS[local.tm_wday]}, {local.tm_mday} {_MONTHS[local.tm_mon - 1]} {local.tm_year}"
        f" {local.tm_hour:02}:{local.tm_min:02}:{local.tm_sec:02} {sign}{hours:02}{minutes:02}"
    ).encode("ascii")


def needs_recipients(recipients: list[str] | list[tuple[str, list[str]]], *, from_headers: bool) -> None:
    """Raises `Refusal` (64) when there is nobody to send to."""
    if not recipients:
        where = "in the header (-t)" if from_headers else "on the command line; name some or use -t"
        raise Refusal(USAGE, f"no recipients {where}")
