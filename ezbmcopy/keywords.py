"""What the parameters of OUTPUT and DD may say, and what is taken from them (ezbmcopy.md 4.5 to 4.8).

Promises: every parameter is checked against one rule; a value that cannot be used is a problem with its card and
what was expected.
Never: combines a DD with an OUTPUT statement; that is `plan`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from cssmtp.spool.attributes import OUTDISPS
from cssmtp.spool.names import RESERVED_WRITERS, is_name, writer_name
from ezbmcopy.cards import Problem
from ezbmcopy.operands import Items, Operand, Value, Word, words

DEFAULT_CLASS = "*"
"""Stands for "the MSGCLASS of the job" wherever a class is given."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where output goes; node "" is ours, user "" is nobody in particular: LOCAL is both."""

    node: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """An OUTPUT statement. None means that the parameter is not coded; `default` is DEFAULT=YES."""

    name: str = ""
    card: int = 0
    writer: str | None = None
    sysout_class: str | None = None
    dest: Destination | None = None
    forms: str | None = None
    outdisp: str | None = None
    copies: int | None = None
    group: str | None = None
    priority: int | None = None
    default: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry of OUTPUT= on a DD: *.name, *.step.name or *.step.procstep.name."""

    steps: tuple[str, ...]
    name: str
    card: int


@dataclass(frozen=True, slots=True)
class Dd:
    """A DD statement. `sysout_class` None: it is no sysout data set; "": the null class of SYSOUT=(,)."""

    name: str = ""
    card: int = 0
    sysout_class: str | None = None
    writer: str | None = None
    forms: str | None = None
    dest: Destination | None = None
    hold: bool | None = None
    copies: int | None = None
    at_end: bool = False
    references: tuple[Reference, ...] = field(default=())


class _Refused(Exception):
    """The value cannot be used; the text says what was expected."""


_Taken = dict[str, Any]
_Accept = Callable[[Value], _Taken]
_Warn = Callable[[str], None]

_PRINTING = """
ADDRESS AFPPARMS AFPSTATS BUILDING BURST CHARS CKPTLINE CKPTPAGE CKPTSEC COLORMAP COMPACT COMSETUP CONTROL DATACK DDNAME DEPT
DPAGELBL DUPLEX FCB FLASH FORMDEF FORMLEN FSSDATA INTRAY JESDS LINECT MAILBCC MAILCC MAILFILE MAILFROM MAILTO MERGE MODIFY
NAME NOTIFY OFFSETXB OFFSETXF OFFSETYB OFFSETYF OUTBIN OVERLAYB OVERLAYF OVFL PAGEDEF PIMSG PORTNO PRMODE PRTATTRS PRTERROR
PRTOPTNS PRTQUEUE REPLYTO RESFMT RETAINF RETAINS RETRYL RETRYT ROOM SYSAREA THRESHLD TITLE TRC UCS USERDATA USERLIB USERPATH
"""
_ALLOCATION = (
    "BLKSIZE BUFNO BURST CHARS DCB DSN DSNAME DSID FCB FLASH FREE LRECL MODIFY OUTLIM RECFM SEGMENT SPACE SUBSYS UCS UNIT"
)
_IGNORED_OUTPUT = frozenset(_PRINTING.split())
_IGNORED_DD = frozenset(_ALLOCATION.split())
_DD_FORMS = re.compile(r"[A-Z0-9$#@]{1,4}", re.ASCII)
_CLASS = re.compile(r"[A-Z0-9]", re.ASCII)
_NODE = r"[A-Z$#@][A-Z0-9$#@]{0,7}"
_NODE_NAME = re.compile(_NODE, re.ASCII)
_DOTTED = re.compile(rf"({_NODE})\.([A-Z0-9$#@]{{1,8}})", re.ASCII)
_NUMBERED = re.compile(r"(N[0-9]{1,5})(R[0-9]{1,5})?", re.ASCII)
_TIME = re.compile(r"\+?[0-9]{1,2}:[0-9]{2}|[0-9]+[KM]?|CMNDONLY", re.ASCII)
_REFERENCE = re.compile(rf"\*\.((?:{_NODE}\.){{0,2}})({_NODE})", re.ASCII)


def _one(value: Value, want: str) -> str:
    """The text of a value that must be a single one; (X) counts as X."""
    found = words(value)
    if len(found) != 1:
        raise _Refused(want)
    return found[0].text


def _writer(text: str) -> str:
    try:
        return writer_name(text)
    except ValueError as fault:
        raise _Refused(f"another writer name: {fault}") from None


def _name(value: Value) -> str:
    want = "1 to 8 characters of A-Z, 0-9, $, # and @"
    text = _one(value, want)
    if not is_name(text):
        raise _Refused(want)
    return text


def _number(value: Value, low: int, high: int) -> int:
    want = f"a number from {low} to {high}"
    text = _one(value, want)
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and low <= int(text) <= high):
        raise _Refused(want)
    return int(text)


def _copies_of_output(value: Value) -> int:
    """COPIES of an OUTPUT statement: 0 or what is no number counts as 1 (ezbmcopy.md 4.5)."""
    try:
        return max(1, _number(value, 0, 255))
    except _Refused:
        return 1


def _yes(value: Value) -> bool:
    text = _one(value, "YES or NO")
    if text not in ("YES", "Y", "NO", "N"):
        raise _Refused("YES or NO")
    return text in ("YES", "Y")


def _class(text: str) -> str:
    if text in ("*", "$"):
        return DEFAULT_CLASS
    if not _CLASS.fullmatch(text):
        raise _Refused("a class of A-Z or 0-9, or *")
    return text


def _outdisp(value: Value) -> str:
    """The disposition for a normal end; the one for an abnormal end is only checked."""
    want = f"one or two of {', '.join(OUTDISPS)}"
    found = [word.text for word in words(value)]
    if not 1 <= len(found) <= 2 or any(text and text not in OUTDISPS for text in found):
        raise _Refused(want)
    return found[0] or "WRITE"


def destination(value: Value, *, on_dd: bool) -> Destination:
    """A DEST value (ezbmcopy.md 4.8): a DD writes (node,user), an OUTPUT statement node.user.

    Remote work stations and special routings count as users; IP addresses are refused: no printer is served here. So are the
    names that JES keeps for itself, since a user stands for a writer.
    """
    want = "LOCAL, a name, Nn, Rn or " + ("(node,user)" if on_dd else "node.user")
    if isinstance(value, Items):
        pair = [word.text for word in words(value)]
        if not on_dd or len(pair) != 2 or not _NODE_NAME.fullmatch(pair[0]) or not _is_user(pair[1]):
            raise _Refused(want)
        return Destination(*pair)
    if value.text in ("LOCAL", "ANYLOCAL"):
        return Destination()
    if numbered := _NUMBERED.fullmatch(value.text):
        return Destination(numbered[1], numbered[2] or "")
    dotted = _DOTTED.fullmatch(value.text)
    if dotted and not on_dd and _is_user(dotted[2]):
        return Destination(dotted[1], dotted[2])
    if not _is_user(value.text):
        raise _Refused(want)
    return Destination(user=value.text)


def _is_user(text: str) -> bool:
    return is_name(text) and text not in RESERVED_WRITERS


def _sysout(value: Value) -> _Taken:
    """SYSOUT=class, (class,writer,forms) or (,); SYSOUT=, makes it no sysout data set at all."""
    if isinstance(value, Word):
        return {"sysout_class": _class(value.text)} if value.text else {"sysout_class": None}
    parts = [word.text for word in words(value)]
    if len(parts) > 3:
        raise _Refused("(class,writer,form)")
    taken: _Taken = {"sysout_class": _class(parts[0]) if parts[0] else ""}
    if len(parts) > 1 and parts[1]:
        taken["writer"] = _writer(parts[1])
    if len(parts) > 2 and parts[2]:
        if not _DD_FORMS.fullmatch(parts[2]):
            raise _Refused("a form name of 1 to 4 characters of A-Z, 0-9, $, # and @")
        taken["forms"] = parts[2]
    return taken


def _references(value: Value) -> tuple[Reference, ...]:
    want = "1 to 128 references of the form *.name, *.step.name or *.step.procstep.name, none left out"
    found = []
    for word in words(value):
        match = _REFERENCE.fullmatch(word.text)
        if match is None:
            raise _Refused(want)
        found.append(Reference(tuple(match[1].split(".")[:-1]), match[2], word.card))
    if not 1 <= len(found) <= 128:
        raise _Refused(want)
    return tuple(found)


def _spin(value: Value, warn: _Warn) -> bool:
    """True when the copies become visible at the end only (SPIN=NO). Times and counts spin at once, as UNALLOC does."""
    want = "UNALLOC, NO, or (UNALLOC,time)"
    found = [word.text for word in words(value)]
    if found == ["NO"]:
        return True
    if found == ["ALLOC"]:
        warn("SPIN=ALLOC is taken for SPIN=UNALLOC")
    elif len(found) == 2 and found[0] == "UNALLOC" and _TIME.fullmatch(found[1]):
        warn("copies become visible file by file, as with SPIN=UNALLOC")
    elif found != ["UNALLOC"]:
        raise _Refused(want)
    return False


_OUTPUT: dict[str, _Accept] = {
    "WRITER": lambda value: {"writer": _writer(_one(value, "one writer name"))},
    "CLASS": lambda value: {"sysout_class": _class(_one(value, "one class"))},
    "DEST": lambda value: {"dest": destination(value, on_dd=False)},
    "FORMS": lambda value: {"forms": _name(value)},
    "OUTDISP": lambda value: {"outdisp": _outdisp(value)},
    "COPIES": lambda value: {"copies": _copies_of_output(value)},
    "GROUPID": lambda value: {"group": _name(value)},
    "PRTY": lambda value: {"priority": _number(value, 0, 255)},
    "DEFAULT": lambda value: {"default": _yes(value)},
}
_DD: dict[str, _Accept] = {
    "SYSOUT": _sysout,
    "DEST": lambda value: {"dest": destination(value, on_dd=True)},
    "HOLD": lambda value: {"hold": _yes(value)},
    "COPIES": lambda value: {"copies": _number(value, 1, 255)},
    "OUTPUT": lambda value: {"references": _references(value)},
}


def read_output(name: str, card: int, found: list[Operand]) -> tuple[Output, list[Problem]]:
    """The OUTPUT statement with these operands, and what is wrong with them."""
    taken, problems = _read("OUTPUT", found, _OUTPUT, _IGNORED_OUTPUT)
    if not found:
        problems.append(Problem(card, "the OUTPUT statement says nothing; expected a parameter such as WRITER=name"))
    return replace(Output(name, card), **taken), problems


def read_sysout_dd(name: str, card: int, found: list[Operand]) -> tuple[Dd, list[Problem]]:
    """The DD statement that the copies are written to, and what is wrong with it."""
    warnings: list[Problem] = []
    accept = {**_DD, "SPIN": lambda value: {"at_end": _spin(value, lambda text: warnings.append(Problem(card, text, True)))}}
    taken, problems = _read("DD", found, accept, _IGNORED_DD)
    return replace(Dd(name, card), **taken), problems + warnings


def _read(what: str, found: list[Operand], accept: dict[str, _Accept], ignored: frozenset[str]) -> tuple[_Taken, list[Problem]]:
    """Puts operands through their rules; each keyword counts once."""
    taken: _Taken = {}
    problems = []
    seen: set[str] = set()
    for operand in found:
        key, card = operand.keyword, operand.card
        if not key:
            shown = _shown(operand.value)
            problems.append(Problem(card, f"{what} takes no positional parameter {shown}; expected KEYWORD=value"))
        elif key in seen:
            problems.append(Problem(card, f"{key} stands twice; expected it once"))
        elif key in accept:
            try:
                taken |= accept[key](operand.value)
            except _Refused as refused:
                problems.append(Problem(card, f"{key}={_shown(operand.value)} cannot be used; expected {refused}"))
        elif key not in ignored:
            problems.append(Problem(card, f"{what} has no parameter {key}; expected one of {', '.join(accept)}"))
        seen.add(key)
    return taken, problems


def _shown(value: Value) -> str:
    """A value as a person would write it, at most 40 characters."""
    text = value.text if isinstance(value, Word) else f"({','.join(word.text for word in words(value))})"
    return text if len(text) <= 40 else text[:37] + "..."
