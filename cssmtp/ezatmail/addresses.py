"""Addresses: what stands in a recipient argument or an address header, and which of them the gateway can deliver to.

Promises: groups, comments, quoted strings, source routes, folded text and domain literals are read as RFC 5322 3.4 says; an
address that comes out is safe inside `<...>` of a deck command: ASCII, no blanks outside quotes, no angle brackets outside
quotes, no control characters.
Never: changes an address; accepts one that the gateway's interpreter would not (bsmtp.commands).
"""

from cssmtp.ezatmail.refusal import printable
from cssmtp.ezatmail.settings import is_domain

LOCAL_LIMIT = 64
PATH_LIMIT = 255

ATOM = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+/=?^_`{|}~-")
_LITERAL = frozenset(map(chr, range(0x21, 0x7F))) - frozenset("[\\]")
_SPECIAL = frozenset('"(<,:;[')


class AddressError(ValueError):
    """A text that is no list of addresses; the message says what is wrong with it."""


def addresses(text: str) -> list[str]:
    """The addresses in one header value or argument, as `local@domain`, or `local` without a domain, in order.

    A leading backslash (no aliasing) stays. Empty entries and empty groups give nothing. Raises `AddressError`.
    """
    if _SPECIAL.isdisjoint(text):
        bare = text.strip()
        return [checked(bare)] if bare else []
    scanner = _Scanner(text)
    scanner.run()
    return [checked(found) for found in scanner.found]


def one_address(text: str) -> str:
    """The single address in `text`, or "" for the null address (`<>` or nothing). Raises `AddressError`."""
    if text.strip() in ("", "<>"):
        return ""
    found = addresses(text)
    if len(found) != 1:
        raise AddressError(f"{printable(text)!r} is not one address")
    return found[0]


def checked(address: str) -> str:
    """`address` itself, its source route dropped (mail-processing.md 5.6), when it is one. Raises `AddressError`."""
    bare = _without_route(address)
    local, at, domain = bare.rpartition("@")
    if not at or (local.startswith('"') and not local.endswith('"')):
        local, domain = bare, ""
    name = local.removeprefix("\\")
    if not is_local(name) or (at and domain and not (is_domain(domain) or _is_literal(domain))) or (local != bare and not domain):
        raise AddressError(f"{printable(address)!r} is no address{_hint(address)}")
    if len(name) > LOCAL_LIMIT or len(bare) > PATH_LIMIT:
        raise AddressError(
            f"address {printable(address)!r} is too long: at most {LOCAL_LIMIT} characters before the @, {PATH_LIMIT} in all"
        )
    return bare


def _hint(address: str) -> str:
    if not address.isascii():
        return "; internationalised addresses cannot be sent"
    if " " in address:
        return "; addresses are separated by commas"
    return ""


def _without_route(address: str) -> str:
    if not address.startswith("@"):
        return address
    route, colon, rest = address.partition(":")
    if not colon or not all(hop.startswith("@") and is_domain(hop[1:]) for hop in route.split(",")):
        raise AddressError(f"{printable(address)!r} is no address")
    return rest


def is_local(text: str) -> bool:
    """Whether `text` is the part before an @: atoms with dots between them, or a quoted string (RFC 5321 4.1.2)."""
    if text.startswith('"'):
        return len(text) >= 2 and _is_quoted(text)
    return all(atom and ATOM.issuperset(atom) for atom in text.split("."))


def _is_quoted(text: str) -> bool:
    """Whether the whole of `text`, which begins with a quote, is one quoted string of printable ASCII."""
    at = 1
    while at < len(text) and " " <= text[at] <= "~":
        if text[at] == '"':
            return at == len(text) - 1
        at += 2 if text[at] == "\\" else 1
        if at > len(text) or not " " <= text[at - 1] <= "~":
            return False
    return False


def _is_literal(text: str) -> bool:
    return len(text) > 2 and text[0] == "[" and text[-1] == "]" and len(text) <= 255 and _LITERAL.issuperset(text[1:-1])


def qualified(address: str, domain: str) -> str:
    """`address` with `@domain` when it has none, without the backslash that prevents aliasing.

    Raises `AddressError` when that makes it too long.
    """
    bare = address.removeprefix("\\")
    whole = bare if is_qualified(bare) else f"{bare}@{domain}"
    if len(whole) > PATH_LIMIT:
        raise AddressError(f"address {printable(whole)!r} is longer than {PATH_LIMIT} characters")
    return whole


def is_qualified(address: str) -> bool:
    """Whether a checked address has a domain."""
    return "@" in address and not address.endswith('"')


def key(address: str) -> str:
    """What is equal for equal addresses: the domain's case does not count, the local part's does."""
    local, at, domain = address.rpartition("@")
    return local + at + domain.lower()


class _Scanner:
    """Cuts a list of addresses at its commas. `found` are the addresses without names, comments and angle brackets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: list[str] = []
        self._plain: list[str] = []
        self._angle: str | None = None
        self._in_group = False

    def run(self) -> None:
        text = self.text
        while self.at < len(text):
            character = text[self.at]
            match character:
                case '"':
                    self._add(self._until('"'))
                case "(":
                    self._skip_comment()
                case "<":
                    self._take_angle()
                case "[":
                    self._add(self._until("]"))
                case ",":
                    self._end_address()
                case ":":
                    self._begin_group()
                case ";":
                    self._end_group()
                case _:
                    self._add(character)
        self._end_address()

    def _fail(self, what: str) -> AddressError:
        return AddressError(f"{what} in {printable(self.text.strip())!r}")

    def _add(self, piece: str) -> None:
        if self._angle is not None and piece.strip():
            raise self._fail("text after > ")
        self._plain.append(piece)
        self.at += len(piece)

    def _until(self, end: str) -> str:
        """The text from here to the closing character, a backslash protecting the next one."""
        at = self.at + 1
        while at < len(self.text) and self.text[at] != end:
            at += 2 if self.text[at] == "\\" else 1
        if at >= len(self.text):
            raise self._fail(f"a missing {end}")
        return self.text[self.at : at + 1]

    def _skip_comment(self) -> None:
        depth = 0
        while self.at < len(self.text):
            character = self.text[self.at]
            depth += (character == "(") - (character == ")")
            self.at += 2 if character == "\\" else 1
            if depth == 0:
                return
        raise self._fail("a missing )")

    def _take_angle(self) -> None:
        if self._angle is not None:
            raise self._fail("two < for one address")
        start = self.at = self.at + 1
        while self.at < len(self.text) and self.text[self.at] != ">":
            self.at += len(self._until('"')) if self.text[self.at] == '"' else 1
        if self.at >= len(self.text):
            raise self._fail("a missing >")
        self._angle = self.text[start : self.at].strip()
        self.at += 1

    def _end_address(self) -> None:
        self.at += 1
        address = "".join(self._plain).strip() if self._angle is None else self._angle
        if address or self._angle is not None:
            self.found.append(address)
        self._plain.clear()
        self._angle = None

    def _begin_group(self) -> None:
        if self._in_group or self._angle is not None or not "".join(self._plain).strip():
            raise self._fail("a : that begins no group")
        self._plain.clear()
        self._in_group = True
        self.at += 1

    def _end_group(self) -> None:
        if not self._in_group:
            raise self._fail("a ; that ends no group (addresses are separated by commas)")
        self._end_address()
        self._in_group = False
