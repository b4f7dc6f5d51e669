"""The attributes of one spool file, and their form in `attrs.json` and in a sidecar (jes-spool.md 2 and 11).

Promises: `from_json` never fails, whatever the bytes: what cannot be used is told as a problem that names key and remedy, and the
default stands. Unknown keys are kept. `from_json(to_json(a))` is `a`.
Never: touches files; decides who may set what (that is `dropzone`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cssmtp.spool.names import RESERVED_WRITERS, is_job_id, is_name

OUTDISPS = ("WRITE", "HOLD", "KEEP", "LEAVE", "PURGE")
MOST_BRACKETS = 200
"""Lists and objects in one sidecar: far more than anybody needs, and no depth that a parser minds."""
UNSELECTED = 'nobody would select it: key "writer" and the user of "dest" are both empty; write one of them'
"""The problem of attributes with which a spool file would lie in the spool for ever."""
FRAMINGS = ("auto", "fixed", "rdw", "bdw", "len4", "len2", "nl15", "lf25", "crlf", "lf", "netdata")


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a selector can see of one spool file. "" and 0 mean "not known" where the default says so.

    `created` is RFC 3339 text, `lrecl`, `records` and `bytes` are counts, `recfm` is F, FB, V, VB or U with A or M. `framing` and
    `encoding` say "auto" when the data has to tell. `extra` holds keys that are not ours.
    """

    version: int = 1
    writer: str = ""
    dest_node: str = ""
    dest_user: str = ""
    sysout_class: str = "A"
    forms: str = "STD"
    outdisp: str = "WRITE"
    hold: str = "none"
    hold_reason: str = ""
    priority: int = 128
    copies: int = 1
    group: str = ""
    owner: str = ""
    origin_node: str = ""
    seclabel: str = ""
    jobname: str = ""
    jobid: str = ""
    correlator: str = ""
    procstep: str = ""
    stepname: str = ""
    ddname: str = ""
    dsid: int = 1
    dsname: str = ""
    created: str = ""
    recfm: str = ""
    lrecl: int = 0
    records: int = 0
    bytes: int = 0
    framing: str = "auto"
    encoding: str = "auto"
    sequence_numbers: bool = False
    userdata: tuple[str, ...] = ()
    output: dict[str, Any] = field(default_factory=dict)
    notify: str = ""
    token: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Rule:
    """How one key is read: `accept` gives the value to keep or raises `ValueError`, `want` says what is wanted."""

    field: str
    want: str
    accept: Callable[[Any], Any]


def _refuse() -> ValueError:
    return ValueError("refused")


def _number(low: int, high: int) -> Callable[[Any], Any]:
    def accept(value: Any) -> Any:
        if type(value) is not int or not low <= value <= high:
            raise _refuse()
        return value

    return accept


def _upper(test: Callable[[str], bool]) -> Callable[[Any], Any]:
    def accept(value: Any) -> Any:
        if not isinstance(value, str) or not test(value.upper()):
            raise _refuse()
        return value.upper()

    return accept


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _text(pattern: str) -> Callable[[Any], Any]:
    compiled = re.compile(pattern, re.ASCII)

    def accept(value: Any) -> Any:
        if not isinstance(value, str) or compiled.fullmatch(value) is None:
            raise _refuse()
        return value

    return accept


def _moment(value: Any) -> Any:
    if not isinstance(value, str) or (value and datetime.fromisoformat(value).tzinfo is None):
        raise _refuse()
    return value


def _strings(value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _refuse()
    return tuple(value)


def _flag(value: Any) -> Any:
    if not isinstance(value, bool):
        raise _refuse()
    return value


def _mapping(value: Any) -> Any:
    if not isinstance(value, dict):
        raise _refuse()
    return value


def _one_of(*values: str) -> Callable[[Any], Any]:
    return _text("|".join(values))


_NAME = ("1 to 8 characters of A-Z, 0-9, $, # and @", _upper(lambda text: text == "" or is_name(text)))
_PLAIN = "printable ASCII without blanks, at most {} characters"
_COUNT = ("a number from 0", _number(0, 2**63 - 1))

_RULES: dict[str, _Rule] = {
    "version": _Rule("version", "1", _number(1, 1)),
    "writer": _Rule("writer", f"{_NAME[0]}, not {', '.join(sorted(RESERVED_WRITERS))}",
                    _upper(lambda text: text == "" or (is_name(text) and text not in RESERVED_WRITERS))),
    "dest.node": _Rule("dest_node", *_NAME),
    "dest.user": _Rule("dest_user", *_NAME),
    "class": _Rule("sysout_class", "one character of A-Z and 0-9", _upper(_matches(r"[A-Z0-9]"))),
    "forms": _Rule("forms", *_NAME),
    "outdisp": _Rule("outdisp", f"one of {', '.join(OUTDISPS)}", _upper(lambda text: text in OUTDISPS)),
    "hold": _Rule("hold", "one of none, user, system", _one_of("none", "user", "system")),
    "hold_reason": _Rule("hold_reason", "text of one line, at most 1000 characters", _text(r"[^\x00-\x1f\x7f]{0,1000}")),
    "priority": _Rule("priority", "a number from 0 to 255", _number(0, 255)),
    "copies": _Rule("copies", "a number from 1 to 255", _number(1, 255)),
    "group": _Rule("group", *_NAME),
    "owner": _Rule("owner", _PLAIN.format(32), _text(r"[!-~]{0,32}")),
    "origin_node": _Rule("origin_node", *_NAME),
    "seclabel": _Rule("seclabel", *_NAME),
    "jobname": _Rule("jobname", *_NAME),
    "jobid": _Rule("jobid", "JOB, STC or TSU with 5 digits, or J, S or T with 7 digits",
                   _upper(lambda text: text == "" or is_job_id(text))),
    "correlator": _Rule("correlator", "printable ASCII, at most 64 characters", _text(r"[ -~]{0,64}")),
    "procstep": _Rule("procstep", *_NAME),
    "stepname": _Rule("stepname", *_NAME),
    "ddname": _Rule("ddname", *_NAME),
    "dsid": _Rule("dsid", "a number from 1 to 9999999", _number(1, 9_999_999)),
    "dsname": _Rule("dsname", _PLAIN.format(64), _text(r"[!-~]{0,64}")),
    "created": _Rule("created", "date and time with zone as in RFC 3339, like 2026-01-31T08:00:00Z", _moment),
    "recfm": _Rule("recfm", "F, FB, V, VB or U, with A or M", _upper(_matches(r"(?:(?:[FV]B?S?|U)[AM]?)?"))),
    "lrecl": _Rule("lrecl", "a number from 0 to 32760", _number(0, 32_760)),
    "records": _Rule("records", *_COUNT),
    "bytes": _Rule("bytes", *_COUNT),
    "framing": _Rule("framing", f"one of {', '.join(FRAMINGS)}", _one_of(*FRAMINGS)),
    "encoding": _Rule("encoding", "auto, ascii, utf-8 or the name of an EBCDIC code page", _text(r"[A-Za-z0-9._:-]{1,32}")),
    "sequence_numbers": _Rule("sequence_numbers", "true or false", _flag),
    "userdata": _Rule("userdata", "a list of strings", _strings),
    "output": _Rule("output", "an object", _mapping),
    "notify": _Rule("notify", _PLAIN.format(64), _text(r"[!-~]{0,64}")),
    "token": _Rule("token", _PLAIN.format(80), _text(r"[!-~]{0,80}")),
}  # fmt: skip
"""Every key of version 1; `dest.node` and `dest.user` stand inside the object `dest`."""


def from_json(data: bytes, defaults: Attributes) -> tuple[Attributes, list[str]]:
    """Reads a sidecar or `attrs.json` (UTF-8 JSON, one object). Gives the attributes, with `defaults` where a key is
    missing or unusable, and the problems found: one line each, naming the key and what to write instead."""
    try:
        if data.count(b"[") + data.count(b"{") > MOST_BRACKETS:
            raise ValueError(f"more than {MOST_BRACKETS} brackets and braces")
        text = data.decode("utf-8").removeprefix("\ufeff")
        tree = json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_once_each)
    except ValueError as fault:
        return defaults, [f"it is not JSON ({fault}); write one JSON object in UTF-8"]
    if not isinstance(tree, dict):
        return defaults, ["it is not a JSON object; write keys and values in braces"]
    values: dict[str, Any] = {}
    extra = dict(defaults.extra)
    problems: list[str] = []
    dest = tree.pop("dest", {})
    if not isinstance(dest, dict) or not dest.keys() <= {"node", "user"}:
        problems.append('key "dest" is not an object with "node" and "user"; write {"user": "NAME"} or leave the key out')
        dest = {}
    for key, value in [*tree.items(), *((f"dest.{key}", value) for key, value in dest.items())]:
        rule = _RULES.get(key)
        if rule is None:
            extra[key] = value
            continue
        try:
            values[rule.field] = rule.accept(value)
        except ValueError:
            problems.append(f'key "{key}" has the value {_shown(value)}; write {rule.want}, or leave the key out')
    return replace(defaults, extra=extra, **values), problems


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) < len(pairs):
        twice = next(key for key in tree if sum(key == each for each, _ in pairs) > 1)
        raise ValueError(f"key {_shown(twice)} stands there twice")
    return tree


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text} is too large")
    return number


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def to_json(attributes: Attributes) -> bytes:
    """The attributes as UTF-8 JSON text that `from_json` reads back; every key is written."""
    tree: dict[str, Any] = {}
    dest: dict[str, Any] = {}
    for key, rule in _RULES.items():
        value = getattr(attributes, rule.field)
        if key.startswith("dest."):
            dest[key.removeprefix("dest.")] = value
            tree["dest"] = dest
        else:
            tree[key] = value
    return (json.dumps({**tree, **attributes.extra}, indent=1) + "\n").encode()


def keys() -> Mapping[str, str]:
    """Every key and what it takes, in the words of the problems; the documentation's table is checked against it."""
    return {key: rule.want for key, rule in _RULES.items()}
