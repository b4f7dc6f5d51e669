"""The sample decks for tests: what is in `spool_samples/`, and how to compare what the gateway did with what it must do.

Promises: `load_all` reads every `.expect` file (shape: tools/make_samples.py); `matches` is strict, byte for byte, about the text
of a mail and strict by pattern about the three header fields that the gateway adds (mail-processing.md 7).
Never: imports the gateway.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).resolve().parent.parent / "spool_samples"

SHARED_CONFIGURATION: dict[str, Any] = {
    "JESMsgSize": 64,
    "Options": {"AtSign": "§", "NullTrnc": "YES"},
    "TargetServer": {"Charset": "ISO8859-15"},
}
"""One configuration under which all samples with `Sample.shared` give their expected results together (used by the demo)."""


@dataclass(frozen=True, slots=True)
class ExpectedMail:
    """One mail of a sample. `id` is the id in generated headers, "" when it is not known beforehand."""

    number: int
    verdict: str
    hello: str
    tls: bool
    mail_from: str
    recipients: tuple[str, ...]
    bad_recipients: tuple[str, ...]
    generated: tuple[str, ...]
    eml: tuple[bytes, ...]
    id: str

    @property
    def content(self) -> bytes:
        """What follows the generated header fields, each line ended by CRLF."""
        return b"".join(line + b"\r\n" for line in self.eml)


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """One finding. `record` None: the specification leaves the record open; 0: the file, and `reply` is only its beginning."""

    record: int | None
    mail: int
    reply: str
    counted: bool


@dataclass(frozen=True, slots=True)
class Notice:
    mail: int
    to: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: its files and the content of its `.expect`."""

    name: str
    path: Path
    sidecar: Path | None
    about: str
    framing: str
    code_page: str
    records: int
    last_record: int
    configuration: Mapping[str, Any]
    mails: tuple[ExpectedMail, ...]
    errors: tuple[ExpectedError, ...]
    counted_errors: int
    error_limit_reached: bool
    disposition: str
    notices: tuple[Notice, ...]
    dead_letters: tuple[int, ...]

    @property
    def attributes(self) -> dict[str, Any]:
        """The sidecar's content; {} without one."""
        return json.loads(self.sidecar.read_bytes()) if self.sidecar else {}

    @property
    def readable(self) -> bool:
        """Whether the file has records at all: no error speaks of the file as a whole."""
        return all(error.record != 0 for error in self.errors)

    @property
    def shared(self) -> bool:
        """Whether the sample gives its results under SHARED_CONFIGURATION."""
        return _contains(SHARED_CONFIGURATION, self.configuration)

    def sent(self) -> list[ExpectedMail]:
        """The mails that go to the server."""
        return [mail for mail in self.mails if mail.verdict == "deliverable"]


def _contains(whole: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    return all(
        _contains(whole.get(key, {}), value) if isinstance(value, Mapping) else whole.get(key) == value
        for key, value in part.items()
    )


def load(expect: Path) -> Sample:
    """The sample of one `.expect` file. Raises KeyError or TypeError when the file has not the documented shape."""
    path = expect.with_name(expect.name.removesuffix(".expect"))
    sidecar = path.with_name(f"{path.name}.json")
    content = json.loads(expect.read_bytes())
    origin = content.pop("origin")
    content["mails"] = tuple(_mail(mail, origin) for mail in content["mails"])
    content["errors"] = tuple(ExpectedError(**error) for error in content["errors"])
    content["notices"] = tuple(Notice(n["mail"], n["to"], tuple(n["recipients"])) for n in content["notices"])
    content["dead_letters"] = tuple(content["dead_letters"])
    return Sample(name=path.name, path=path, sidecar=sidecar if sidecar.exists() else None, **content)


def _mail(mail: dict[str, Any], origin: str | None) -> ExpectedMail:
    lists = {key: tuple(mail[key]) for key in ("recipients", "bad_recipients", "generated")}
    eml = tuple(line.encode("iso8859-1") for line in mail["eml"])
    return ExpectedMail(**(mail | lists | {"eml": eml, "id": f"{origin}.{mail['number']}" if origin else ""}))


def load_all(directory: Path = DIRECTORY) -> list[Sample]:
    """Every sample, in the order of the names."""
    return [load(expect) for expect in sorted(directory.glob("*.expect"))]


def drop(sample: Sample, directory: Path) -> None:
    """Put a sample into a drop directory as a careful writer does: the sidecar first, and each file renamed into place."""
    for source in (sample.sidecar, sample.path):
        if source is not None:
            building = directory / f".{source.name}"
            building.write_bytes(source.read_bytes())
            building.rename(directory / source.name)


def configuration_text(overrides: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """A configuration file with these statements; `target` are the TargetServer parameters that `overrides` do not give."""
    statements = {**overrides, "TargetServer": {**target, **overrides.get("TargetServer", {})}}
    lines = []
    for keyword, value in statements.items():
        if isinstance(value, Mapping):
            lines += [keyword, "{", *(f"  {parameter} {word}" for parameter, word in value.items()), "}"]
        else:
            lines.append(f"{keyword} {value}")
    return "".join(f"{line}\n" for line in lines)


_DATE = (
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?:0?[1-9]|[12]\d|3[01]) (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}"
    r" (?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60) [+-](?:0\d|1[0-4])[0-5]\d"
)
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_JOB = r"[A-Z0-9$#@-]{1,8}"

# Unfolded forms of mail-processing.md 7.1 to 7.3, with UserInfo YES and NO.
_FORMS = {
    "Received": re.compile(
        rf"Received: from (?P<hello>\S+) by {_NAME} \(CSSMTP {_JOB}\) with BSMTP"
        rf" id (?P<id>(?:{_JOB}\.{_JOB}\.)?\d+\.\d+) for [^\s,;]+(?:,[^\s,;]+)?; {_DATE}"
    ),
    "Date": re.compile(rf"Date: {_DATE}"),
    "Message-ID": re.compile(
        rf"Message-ID: <(?P<job>(?:{_JOB}\.{_JOB}\.)?)\d{{8}}\.(?:[01]\d|2[0-3])[0-5]\d[0-5]\d\.\d{{6}}"
        rf"\.(?P<end>\d+\.\d+)@{_NAME}>"
    ),
}
_FIELD = re.compile(rb"[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")


def matches(mail: ExpectedMail, received: bytes) -> list[str]:
    """How `received` differs from what `mail` says it must be; [] when it does not.

    `received` is the content an SMTP server got: CRLF line ends, no dot-stuffing, no final period. The generated header
    fields are taken from the front, exactly those that are expected and in their order, and checked against their forms
    (mail-processing.md 7); all the rest must be equal to the byte.
    """
    problems = []
    if re.search(rb"(?<!\r)\n|\r(?!\n)", received):
        problems.append("a CR or LF stands alone")
    rest = received
    for name in mail.generated:
        field = _FIELD.match(rest)
        if field is None or not field[0].startswith(f"{name}:".encode("ascii")):
            return [*problems, f"{name} is missing; found {rest[:60]!r}"]
        rest = rest[field.end() :]
        problems += _field_problems(name, field[0], mail)
    return problems + _first_difference(mail.content, rest)


def _field_problems(name: str, field: bytes, mail: ExpectedMail) -> list[str]:
    text = re.sub(r"\r\n[ \t]+", " ", field.decode("iso8859-1")[:-2])
    form = _FORMS[name].fullmatch(text)
    if form is None:
        return [f"{name} has not its form: {text!r}"]
    problems = []
    if name == "Received" and form["hello"] != mail.hello:
        problems.append(f"Received is from {form['hello']}, expected {mail.hello}")
    found = form["id"] if name == "Received" else form["job"] + form["end"] if name == "Message-ID" else ""
    if found and mail.id and found not in (mail.id, ".".join(mail.id.split(".")[2:])):
        problems.append(f"{name} has id {found}, expected {mail.id}")
    return problems


def _first_difference(expected: bytes, found: bytes) -> list[str]:
    """The first line in which two texts differ, as a list of at most one sentence."""
    if expected == found:
        return []
    ours, theirs = expected.split(b"\r\n"), found.split(b"\r\n")
    for number, (line, other) in enumerate(zip(ours, theirs, strict=False), 1):
        if line != other:
            return [f"line {number}: expected {line!r}, found {other!r}"]
    return [f"{len(ours)} lines expected, {len(theirs)} found"]


def result_differences(sample: Sample, result: Mapping[str, Any]) -> list[str]:
    """How the result object of one file (`cssmtp check --format json`) differs from the sample. Keys compared: mails, errors,
    counted_errors, error_limit_reached, disposition; framing and code page are compared by name without regard to case."""
    problems = []
    for key in ("counted_errors", "error_limit_reached", "disposition"):
        if result[key] != getattr(sample, key):
            problems.append(f"{key}: expected {getattr(sample, key)!r}, found {result[key]!r}")
    facts = ("number", "verdict", "mail_from", "recipients", "bad_recipients")
    expected = [tuple(getattr(mail, fact) for fact in facts) for mail in sample.mails]
    found = [
        tuple(tuple(mail[fact]) if isinstance(mail[fact], list) else mail[fact] for fact in facts) for mail in result["mails"]
    ]
    problems += [f"mail: expected {one}, found {other}" for one, other in zip(expected, found, strict=False) if one != other]
    if len(expected) != len(found):
        problems.append(f"{len(expected)} mails expected, {len(found)} found")
    problems += [
        f"error: expected {error}, found {other}"
        for error, other in zip(sample.errors, result["errors"], strict=False)
        if not same_error(error, other)
    ]
    if len(sample.errors) != len(result["errors"]):
        problems.append(f"{len(sample.errors)} errors expected, {len(result['errors'])} found")
    return problems


def same_error(expected: ExpectedError, found: Mapping[str, Any]) -> bool:
    """Whether a reported error is the expected one; an open record matches any, a reply about the file need only begin alike."""
    reply = str(found["reply"])
    return (
        expected.record in (None, found["record"])
        and (expected.mail, expected.counted) == (found["mail"], found["counted"])
        and (reply.startswith(expected.reply) if expected.record == 0 else reply == expected.reply)
    )
