"""One command line of a deck: verb and argument, or what is wrong with it.

Promises: a pure function of the decoded text; the mailbox of a path comes out exactly as it stood between the angle
brackets, without its source route.
Never: knows the order of commands, lengths in bytes, code pages or records.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cssmtp.bsmtp.faults import Finding

WHITESPACE = " \n\r\t\0\x85"
"""The six whitespace bytes 40 15 0D 05 00 25 as characters; 15 and 25 are LF or NEL (mail-processing.md 3.1)."""

PATH_LIMIT = 255
DOMAIN_LIMIT = 255
LOCAL_PART_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Command:
    """A parsed command line.

    `verb` is in upper case; "" for an empty line; the first word as written for an unknown command. `argument` is the
    domain of HELO and EHLO, the mailbox of MAIL and RCPT ("" for the null reverse-path), for a malformed line the rest as
    written. `finding` is None when all is well.
    """

    verb: str
    argument: str = ""
    finding: Finding | None = None


EMPTY = Command("")

_PATH_VERBS = frozenset({"MAIL", "RCPT"})
_DOMAIN_VERBS = frozenset({"HELO", "EHLO"})
_BARE_VERBS = frozenset({"STARTTLS", "DATA", "RSET", "QUIT"})

_WS = "[ \\n\\r\\t\\0\\x85]"
_WORDS = re.compile(f"([^ \\n\\r\\t\\0\\x85]++){_WS}*+(.*)", re.DOTALL)
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++"
_LOCAL = rf'(?:{_ATOM}(?:\.{_ATOM})*+|"(?:[ !#-\[\]-~]|\\[ -~])*+")'
_LABEL = r"[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*+|\[[!-Z^-~]++\])"
_PATH = rf"<((?:@{_DOMAIN}(?:,@{_DOMAIN})*+:)?(({_LOCAL})@({_DOMAIN})))>"
_LEAD = f"(?i:MAIL{_WS}++FROM|RCPT{_WS}++TO){_WS}*+:{_WS}*+"
_PATH_COMMAND = re.compile(f"{_WS}*+{_LEAD}(?:{_PATH}|<>){_WS}*+", re.ASCII)
_PATH_LEAD = re.compile(f"{_LEAD}(.*)", re.ASCII | re.DOTALL)
_PATH_AND_MORE = re.compile(f"(?:{_PATH}|<>){_WS}", re.ASCII)


def parse(text: str) -> Command:
    """Parse one decoded command line of any length.

    Verbs in any case; arguments and their number as mail-processing.md 5.3 to 5.9 say; paths by RFC 2821 4.1.2.
    """
    path = _PATH_COMMAND.fullmatch(text)
    if path and _fits(path):
        verb = "MAIL" if text.lstrip(WHITESPACE)[0] in "Mm" else "RCPT"
        if path[2] or verb == "MAIL":
            return Command(verb, path[2] or "")
    text = text.strip(WHITESPACE)
    words = _WORDS.match(text)
    if words is None:
        return EMPTY
    word, rest = words.groups()
    verb = word.upper() if word.isascii() else word
    if verb in _PATH_VERBS:
        return _path_fault(verb, text, rest)
    if verb in _DOMAIN_VERBS:
        return _domain_command(verb, rest)
    if verb in _BARE_VERBS:
        return Command(verb, rest, Finding.TOO_MANY_ARGUMENTS) if rest else Command(verb)
    return Command(word, rest, Finding.UNKNOWN_COMMAND)


def first_verb(text: str) -> str:
    """The first word of `text` in upper case, "" when there is none."""
    words = _WORDS.match(text.strip(WHITESPACE))
    return words[1].upper() if words else ""


def _fits(path: re.Match[str]) -> bool:
    """Are the parts of a matched path within their limits (mail-processing.md 4)? The null path is."""
    return path[1] is None or (len(path[1]) <= PATH_LIMIT and len(path[3]) <= LOCAL_PART_LIMIT and len(path[4]) <= DOMAIN_LIMIT)


def _path_fault(verb: str, text: str, rest: str) -> Command:
    """What is wrong with a MAIL or RCPT that is not well formed; only MAIL may have the null path."""
    lead = _PATH_LEAD.match(text)
    if lead is None:
        return Command(verb, rest, Finding.INVALID_PATH if rest else Finding.TOO_FEW_ARGUMENTS)
    argument = lead[1]
    if not argument:
        return Command(verb, argument, Finding.TOO_FEW_ARGUMENTS)
    path = _PATH_AND_MORE.match(argument)
    if path and _fits(path) and (path[1] or verb == "MAIL"):
        return Command(verb, argument, Finding.TOO_MANY_ARGUMENTS)
    return Command(verb, argument, Finding.INVALID_PATH)


def _domain_command(verb: str, rest: str) -> Command:
    """HELO and EHLO: exactly one word. Any word is taken for a domain, as the product's own sample has none with a dot."""
    if not rest:
        return Command(verb, rest, Finding.TOO_FEW_ARGUMENTS)
    if any(character in WHITESPACE for character in rest):
        return Command(verb, rest, Finding.TOO_MANY_ARGUMENTS)
    if len(rest) > DOMAIN_LIMIT:
        return Command(verb, rest, Finding.INVALID_DOMAIN)
    return Command(verb, rest)
