"""The kinds of values that statements take, each with its rule, its description and its spelling.

Promises: `parse` turns the words after a keyword into the model's value or raises `BadValue` that says what is
wrong, what is allowed and how to repair it; `show` gives the spelling that `parse` takes back.
Never: compares statements with one another (that is `rules`), looks outside its arguments.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cssmtp.config.diagnostic import did_you_mean, quoted
from cssmtp.config.model import Report, ReportTo
from cssmtp.errors import UnknownCodePage

RESERVED_WRITERS = ("INTRDR", "STDWTR", "NJERDR")
FORBIDDEN_AT_SIGNS = ".-<>:{}#"
"""Besides ASCII letters and digits. `{ } #` are our addition: the file's own syntax takes them."""

DEFAULT_SYSOUT_CLASS = "A"
"""For `Report Sysout` without a class."""

MAX_USERID = 64
MAX_HOST = 255
MAX_PATH = 512
CREDENTIAL = "credential:"
"""How a value says that it names a credential of systemd."""

MAX_LABEL = 63
MAX_PORT = 65535

_USERID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
_MVS_NAME = re.compile(r"[A-Z0-9$#@]{1,8}")
_DIGITS = re.compile(r"[0-9]+")
_GROUPED = re.compile(r"[0-9]{1,3}( [0-9]{3})+")


class BadValue(Exception):
    """Words that are not a value of the kind. `at` is the index of the word to point at."""

    def __init__(self, text: str, remedy: str = "", at: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy
        self.at = at


class CodePageCheck(Protocol):
    """What is asked about code page names."""

    def lookup(self, name: str, role: str) -> str:
        """The canonical name of a page fit for `role` ("translate", "mbtranslate", "charset", "mbcharset").

        Raises `errors.UnknownCodePage` for a name that is not known or a page that does not fit the role.
        """
        ...

    def exact(self, name: str) -> bool:
        """Whether the table of a page, by its canonical name, is IBM's for certain."""
        ...

    def label(self, name: str) -> str:
        """What text of a page, by its canonical name, is called in a mail; "" when readers know no name for it."""
        ...


class Kind(Protocol):
    """A kind of value."""

    @property
    def allowed(self) -> str:
        """What may be written, as a noun phrase."""
        ...

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> object:
        """The model's value. Raises `BadValue`."""
        ...

    def show(self, value: object) -> str:
        """How the value is written in a file."""
        ...


def one_word(words: Sequence[str], allowed: str) -> str:
    """The only word of a value. Raises `BadValue` for none or several."""
    if not words:
        raise BadValue(f"the value is missing; allowed: {allowed}")
    if len(words) > 1:
        if words[0] in {"=", ":"}:
            raise BadValue(f"{quoted(words[0])} is one word too many; allowed: {allowed}", f"remove the {words[0]}")
        if _GROUPED.fullmatch(" ".join(words)):
            remedy = f"write {''.join(words)}"
        else:
            remedy = "remove it; a comment begins with # after a blank"
        raise BadValue(f"{quoted(words[1])} is one word too many; allowed: {allowed}", remedy, at=1)
    return words[0]


def _unquoted(word: str) -> str:
    """A remedy for values in quotes, else ""."""
    return "remove the quotes" if word[:1] in {'"', "'"} else ""


@dataclass(frozen=True, slots=True)
class Integer:
    """Plain decimal digits within a range; `unit` is a noun in the plural or ""."""

    low: int
    high: int
    unit: str = ""

    @property
    def allowed(self) -> str:
        return f"a number from {self.low} to {self.high}" + (f" ({self.unit})" if self.unit else "")

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> int:
        word = one_word(words, self.allowed)
        if not _DIGITS.fullmatch(word):
            raise BadValue(f"{quoted(word)} is not a number; allowed: {self.allowed}", self._repair(word))
        number = int(word)
        if not self.low <= number <= self.high:
            raise BadValue(f"{quoted(word)} is out of range; allowed: {self.allowed}")
        return number

    def show(self, value: object) -> str:
        return str(value)

    @staticmethod
    def _repair(word: str) -> str:
        digits, _, comment = word.partition("#")
        if comment and _DIGITS.fullmatch(digits):
            return "write a blank before the # of a comment"
        plain = re.sub("[.,'_]", "", word)
        if plain != word and _DIGITS.fullmatch(plain):
            return f"write {plain}"
        return "write plain decimal digits"


@dataclass(frozen=True, slots=True)
class YesNo:
    """Yes or No."""

    allowed: str = "Yes or No"

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> bool:
        word = one_word(words, self.allowed)
        if word.lower() not in {"yes", "no"}:
            switch = {"on": "Yes", "true": "Yes", "1": "Yes", "y": "Yes", "off": "No", "false": "No", "0": "No", "n": "No"}
            meant = switch.get(word.lower())
            remedy = f"write {meant}" if meant else did_you_mean(word, ("Yes", "No"))
            raise BadValue(f"{quoted(word)} is not a value; allowed: {self.allowed}", remedy)
        return word.lower() == "yes"

    def show(self, value: object) -> str:
        return "Yes" if value else "No"


@dataclass(frozen=True, slots=True)
class Choice:
    """One member of an enum, written as its value with a capital first letter."""

    members: type[enum.Enum]

    @property
    def allowed(self) -> str:
        *most, last = (self.show(member) for member in self.members)
        return f"{', '.join(most)} or {last}"

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> enum.Enum:
        word = one_word(words, self.allowed)
        for member in self.members:
            if word.upper() == member.value:
                return member
        remedy = did_you_mean(word, (self.show(member) for member in self.members))
        raise BadValue(f"{quoted(word)} is not a value; allowed: {self.allowed}", remedy)

    def show(self, value: object) -> str:
        return str(self.members(value).value).capitalize()


@dataclass(frozen=True, slots=True)
class ReportDestination:
    """None, Admin, or Sysout with an optional class (configuration.md 6)."""

    allowed: str = "None, Admin, or Sysout with a class (one of A-Z, 0-9, *)"

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> Report:
        if not words:
            raise BadValue(f"the value is missing; allowed: {self.allowed}")
        names = [member.value.capitalize() for member in ReportTo]
        if words[0].capitalize() not in names:
            raise BadValue(f"{quoted(words[0])} is not a value; allowed: {self.allowed}", did_you_mean(words[0], names))
        to = ReportTo(words[0].upper())
        if to is not ReportTo.SYSOUT:
            one_word(words, self.allowed)
            return Report(to)
        letter = one_word(words[1:], self.allowed).upper() if len(words) > 2 else "".join(words[1:]).upper()
        if letter and not re.fullmatch(r"[A-Z0-9*]", letter):
            raise BadValue(f"{quoted(words[1])} is not a SYSOUT class; allowed: one of A-Z, 0-9, *", at=1)
        return Report(to, letter or DEFAULT_SYSOUT_CLASS)

    def show(self, value: object) -> str:
        assert isinstance(value, Report)
        return f"{value.to.value.capitalize()} {value.sysout_class}".rstrip()


@dataclass(frozen=True, slots=True)
class MvsName:
    """A name of 1-8 letters, digits, `$ # @`, in upper case. `job` forbids a digit in front; `reserved` are taken."""

    job: bool = False
    reserved: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        text = "1 to 8 letters, digits, $, # or @"
        if self.job:
            text += ", not a digit in front"
        return text + (f", but not {', '.join(self.reserved)}" if self.reserved else "")

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> str:
        word = one_word(words, self.allowed).upper()
        if word in self.reserved:
            raise BadValue(f"{quoted(word)} is reserved; allowed: {self.allowed}", "choose another name")
        if not _MVS_NAME.fullmatch(word) or (self.job and word[0].isdigit()):
            remedy = f"it has {len(word)} characters" if len(word) > 8 else _unquoted(word)
            raise BadValue(f"{quoted(word)} is not a name; allowed: {self.allowed}", remedy)
        return word

    def show(self, value: object) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class AbsolutePath:
    """A path from the root, 1-512 characters; case matters."""

    noun: str = "directory"

    @property
    def allowed(self) -> str:
        return f"an absolute {self.noun} of 1 to {MAX_PATH} characters, beginning with /"

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> str:
        word = one_word(words, self.allowed)
        if not word.startswith("/"):
            remedy = _unquoted(word) or ("write the home directory in full" if word.startswith("~") else "write the whole path")
            raise BadValue(f"{quoted(word)} does not begin with /; allowed: {self.allowed}", remedy)
        if len(word) > MAX_PATH:
            raise BadValue(f"{quoted(word)} has {len(word)} characters; allowed: {self.allowed}")
        if not word.isprintable():
            raise BadValue(f"{quoted(word)} holds a control character; allowed: {self.allowed}")
        return word

    def show(self, value: object) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class CredentialSource:
    """Where a secret is: a file, or a credential that systemd hands over (extension)."""

    @property
    def allowed(self) -> str:
        return f"an absolute file of 1 to {MAX_PATH} characters, or {CREDENTIAL}NAME for a credential of systemd"

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> str:
        word = one_word(words, self.allowed)
        if not word.startswith(CREDENTIAL):
            return AbsolutePath("file").parse(words, pages)
        name = word.removeprefix(CREDENTIAL)
        if not name.isascii() or not name.isprintable() or "/" in name or name in ("", ".", "..") or len(name) > MAX_HOST:
            raise BadValue(f"{quoted(name)} is not a name of a credential; allowed: {self.allowed}")
        return word

    def show(self, value: object) -> str:
        return str(value)


LOG_WORDS = ("SYSLOG", "JOURNAL")
"""Places of the log that are no file."""


@dataclass(frozen=True, slots=True)
class LogPlace:
    """A file, or one of `LOG_WORDS` in any letter case."""

    allowed: str = f"SYSLOG, JOURNAL, or {AbsolutePath('file').allowed}"

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> str:
        word = one_word(words, self.allowed)
        if word.upper() in LOG_WORDS:
            return word.upper()
        if "/" not in word and (near := did_you_mean(word, LOG_WORDS)):
            raise BadValue(f"{quoted(word)} is not a place for the log; allowed: {self.allowed}", near)
        return AbsolutePath("file").parse(words, pages)

    def show(self, value: object) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class NetworkAddress:
    """An address of this machine and a port, to listen on; kept as HOST:PORT or [HOST]:PORT, HOST in its shortest form."""

    allowed: str = "an IP address and a port from 1 to 65535, as 127.0.0.1:9119 or [::1]:9119"

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> str:
        word = one_word(words, self.allowed)
        host, colon, port = word.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not colon or not _is_address(bare) or (":" in bare and bare == host):
            remedy = "write 127.0.0.1 for localhost" if host == "localhost" else ""
            raise BadValue(f"{quoted(word)} is not an address with a port; allowed: {self.allowed}", remedy)
        if not _DIGITS.fullmatch(port) or not 1 <= int(port) <= MAX_PORT:
            raise BadValue(f"{quoted(port)} is not a port; allowed: {self.allowed}")
        address = str(ipaddress.ip_address(bare))
        return f"[{address}]:{int(port)}" if ":" in address else f"{address}:{int(port)}"

    def show(self, value: object) -> str:
        return str(value)


def host_problem(name: str) -> tuple[str, str] | None:
    """What is wrong with a host or domain name, as (text, remedy); None when nothing is. A period at the end is allowed."""
    if not name.isascii():
        return f"the host name {quoted(name)} is not ASCII", "write it in its xn-- form"
    if not 1 <= len(name) <= MAX_HOST:
        return f"the host name {quoted(name)} has {len(name)} characters; 1 to {MAX_HOST} are allowed", ""
    for label in name.removesuffix(".").split("."):
        if not label:
            return f"a part of the host name {quoted(name)} is empty", "one period stands between two parts"
        if not _LABEL.fullmatch(label) or len(label) > MAX_LABEL:
            allowed = f"1 to {MAX_LABEL} letters, digits, _ or inner hyphens"
            return f"{quoted(label)} in {quoted(name)} is not a part of a host name; allowed: {allowed}", _unquoted(name)
    return None


@dataclass(frozen=True, slots=True)
class HostName:
    """A host or domain name as in DNS."""

    allowed: str = f"a host name of 1 to {MAX_HOST} characters"
    for_address: str = ""
    """The parameter to use for an IP address, in a remedy."""

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> str:
        word = one_word(words, self.allowed)
        if self.for_address and _is_address(word):
            raise BadValue(f"{quoted(word)} is an IP address; allowed: {self.allowed}", f"use {self.for_address} for an address")
        problem = host_problem(word)
        if problem is not None:
            raise BadValue(*problem)
        return word

    def show(self, value: object) -> str:
        return str(value)


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class IpAddress:
    """An IPv4 or IPv6 literal that a connection can be made to; kept in its shortest spelling: equal ones compare equal."""

    allowed: str = "an IPv4 address (192.0.2.25) or an IPv6 address (2001:db8::25)"

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> str:
        word = one_word(words, self.allowed)
        try:
            address = ipaddress.ip_address(word)
        except ValueError:
            raise BadValue(f"{quoted(word)} is not an IP address; allowed: {self.allowed}", self._repair(word)) from None
        if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
            raise BadValue(f"{quoted(word)} is not the address of one server; allowed: {self.allowed}")
        return str(address)

    def show(self, value: object) -> str:
        return str(value)

    @staticmethod
    def _repair(word: str) -> str:
        bare = word.strip("[]")
        if bare != word and _is_address(bare):
            return f"write {bare} without brackets"
        address, _, port = word.rpartition(":")
        if _DIGITS.fullmatch(port) and _is_address(address.strip("[]")):
            return f"write {address.strip('[]')}, and ConnectPort {port} on a line of its own"
        octets = word.split(".")
        if len(octets) == 4 and all(_DIGITS.fullmatch(octet) for octet in octets):
            return "each of the four numbers is 0 to 255, without leading zeros"
        return "use TargetName for a host name" if host_problem(word) is None else ""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """`userid@host.domain` (configuration.md 6); letter case matters."""

    allowed: str = f"userid@host.domain, userid of 1 to {MAX_USERID} and host.domain of 1 to {MAX_HOST} characters"

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> str:
        word = one_word(words, self.allowed)
        userid, at, host = word.rpartition("@")
        if not at:
            raise BadValue(f"{quoted(word)} has no @; allowed: {self.allowed}")
        if word.startswith("<") or word.endswith(">"):
            raise BadValue(f"{quoted(word)} is not a mailbox; allowed: {self.allowed}", "remove the < and >")
        if not 1 <= len(userid) <= MAX_USERID:
            raise BadValue(f"the userid of {quoted(word)} has {len(userid)} characters; allowed: {self.allowed}")
        if not _USERID.fullmatch(userid):
            raise BadValue(
                f"the userid {quoted(userid)} is not allowed; allowed: ASCII letters, digits, symbols and inner periods"
            )
        problem = host_problem(host)
        if problem is not None:
            raise BadValue(*problem)
        return word

    def show(self, value: object) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Symbol:
    """The AtSign: one character that can stand for @ in an address (configuration.md 9)."""

    allowed: str = f"one symbol, not an ASCII letter or digit and none of {' '.join(FORBIDDEN_AT_SIGNS)}"

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> str:
        word = one_word(words, self.allowed)
        if len(word) != 1:
            raise BadValue(f"{quoted(word)} has {len(word)} characters; allowed: {self.allowed}", _unquoted(word))
        if word in FORBIDDEN_AT_SIGNS or (word.isascii() and word.isalnum()):
            raise BadValue(f"{quoted(word)} cannot stand for @; allowed: {self.allowed}")
        return word

    def show(self, value: object) -> str:
        return str(value)


CODE_PAGE_ROLES = {
    "translate": "a single-byte EBCDIC code page (spool side)",
    "mbtranslate": "a multi-byte EBCDIC code page (spool side)",
    "charset": "a code page for mail text (target side)",
    "mbcharset": "a multi-byte code page for mail text (target side)",
}
"""The roles of code pages, and what each is."""


@dataclass(frozen=True, slots=True)
class CodePageName:
    """A name of the code page registry, fit for one of `roles`; kept in its canonical spelling."""

    roles: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return " or ".join(CODE_PAGE_ROLES[role] for role in self.roles)

    def parse(self, words: Sequence[str], pages: CodePageCheck) -> str:
        word = one_word(words, self.allowed)
        refusal = UnknownCodePage(word)
        for role in self.roles:
            try:
                return pages.lookup(word, role)
            except UnknownCodePage as unknown:
                refusal = unknown if unknown.near else refusal
        for role, what in CODE_PAGE_ROLES.items():
            if role not in self.roles and fits(pages, word, role):
                raise BadValue(f"{quoted(word)} is {what}; allowed: {self.allowed}")
        remedy = f"did you mean {' or '.join(refusal.near[:3])}?" if refusal.near else ""
        raise BadValue(f"the code page {quoted(word)} is not known; allowed: {self.allowed}", remedy)

    def show(self, value: object) -> str:
        return str(value)


def fits(pages: CodePageCheck, name: str, role: str) -> bool:
    """Is the page known and fit for the role?"""
    try:
        pages.lookup(name, role)
    except UnknownCodePage:
        return False
    return True
