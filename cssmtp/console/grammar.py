"""The operator's language: `F CSSMTP,D,TAR` and what it means (operator-commands.md 1).

Promises: one table declares every operand with its shortest form; whatever is typed gives a `Command` or one line that says what
was expected. Never: does what it understands; knows nothing that runs.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass

OPERAND_LIMIT = 1024
"""Characters of a command that are looked at; more is refused. Ours: a console line has 126."""


class Verb(enum.Enum):
    """What can be asked of the gateway."""

    DISPLAY_CONFIG = "DISPLAY,CONFIG"
    DISPLAY_IPLIST = "DISPLAY,IPLIST"
    DISPLAY_LOGLEVEL = "DISPLAY,LOGLEVEL"
    DISPLAY_SPOOLSTATUS_SUMMARY = "DISPLAY,SPOOLSTATUS,SUMMARY"
    DISPLAY_SPOOLSTATUS_DETAIL = "DISPLAY,SPOOLSTATUS,DETAIL"
    DISPLAY_TARGETS = "DISPLAY,TARGETS"
    FLUSHRETRY_AGE = "FLUSHRETRY,AGE"
    FLUSHRETRY_TKID = "FLUSHRETRY,TKID"
    LOGLEVEL = "LOGLEVEL"
    REFRESH = "REFRESH"
    REFRESHIPLIST = "REFRESHIPLIST"
    REFRESHTARGETS = "REFRESHTARGETS"
    RESUME = "RESUME"
    SUSPEND_IMMEDIATE = "SUSPEND,IMMEDIATE"
    SUSPEND_DELAY = "SUSPEND,DELAY"
    USEREXIT = "USEREXIT"
    STOP = "STOP"


@dataclass(frozen=True, slots=True)
class Command:
    """One command understood. `value` is what an operand with `=` gave (a number, an address, an exit level), "" for none."""

    verb: Verb
    value: str = ""


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """A command that is none, and why, in one line."""

    text: str


Checked = Callable[[str], str | None]
"""Takes the text after `=`; returns its settled form, or None when it is no such value."""


def _number(low: int, high: int) -> Checked:
    def check(text: str) -> str | None:
        return str(int(text)) if re.fullmatch(r"[0-9]{1,9}", text) and low <= int(text) <= high else None

    return check


def _address(text: str) -> str | None:
    return text.lower() if re.fullmatch(r"[0-9A-Fa-f:.%]{2,64}", text) else None


def _one_of(*words: str) -> Checked:
    return lambda text: text.upper() if text.upper() in words else None


@dataclass(frozen=True, slots=True)
class Operand:
    """One word of the table. The capitals of `spelling` are its shortest form; with `value`, it is written `WORD=value`.

    `then` are the operands that may follow, `verb` what it means when nothing follows.
    """

    spelling: str
    verb: Verb | None = None
    then: tuple[Operand, ...] = ()
    value: Checked | None = None
    wants: str = ""

    @property
    def word(self) -> str:
        return self.spelling.upper()

    @property
    def shortest(self) -> str:
        return re.sub(r"[^A-Z]", "", self.spelling)

    def names(self, text: str) -> bool:
        """Whether `text` (capitals) is this word or one of its abbreviations."""
        return self.word.startswith(text) and len(text) >= len(self.shortest)


_TKID = _number(1, 999_999_999)
_LEVELS = ("NONE", "VERSION2", "VERSION3", "VERSION4")

GRAMMAR: tuple[Operand, ...] = (
    Operand(
        "Display",
        then=(
            Operand("CONFig", Verb.DISPLAY_CONFIG),
            Operand("IPlist", Verb.DISPLAY_IPLIST),
            Operand("LOGlevel", Verb.DISPLAY_LOGLEVEL),
            Operand(
                "SPoolstatus",
                Verb.DISPLAY_SPOOLSTATUS_SUMMARY,
                then=(
                    Operand("Summary", Verb.DISPLAY_SPOOLSTATUS_SUMMARY),
                    Operand(
                        "Detail",
                        Verb.DISPLAY_SPOOLSTATUS_DETAIL,
                        then=(
                            Operand("ALL", Verb.DISPLAY_SPOOLSTATUS_DETAIL),
                            Operand("TKID", Verb.DISPLAY_SPOOLSTATUS_DETAIL, value=_TKID, wants="a task id"),
                        ),
                    ),
                ),
            ),
            Operand(
                "TARgets",
                Verb.DISPLAY_TARGETS,
                then=(Operand("ADDR", Verb.DISPLAY_TARGETS, value=_address, wants="an IP address"),),
            ),
        ),
    ),
    Operand(
        "FLUSHRetry",
        then=(
            Operand("AGE", Verb.FLUSHRETRY_AGE, value=_number(0, 99_999), wants="a number of days"),
            Operand("TKID", Verb.FLUSHRETRY_TKID, value=_TKID, wants="a task id"),
        ),
    ),
    Operand("LOGlevel", then=(Operand("LEVEL", Verb.LOGLEVEL, value=_number(0, 255), wants="a number from 0 to 255"),)),
    Operand("REFRESH", Verb.REFRESH),
    Operand("REFRESHIPlist", Verb.REFRESHIPLIST),
    Operand("REFRESHTargets", Verb.REFRESHTARGETS),
    Operand("RESume", Verb.RESUME),
    Operand(
        "SUSpend",
        Verb.SUSPEND_IMMEDIATE,
        then=(Operand("Immediate", Verb.SUSPEND_IMMEDIATE), Operand("Delay", Verb.SUSPEND_DELAY)),
    ),
    Operand("USERexit", then=(Operand("LEVEL", Verb.USEREXIT, value=_one_of(*_LEVELS), wants="one of " + ", ".join(_LEVELS)),)),
)
"""The whole grammar. REFRESH has no abbreviation because it is the beginning of two others; exact words win."""


def parse(text: str) -> Command | Misunderstood:
    """Understand the operands of one MODIFY command, without procedure name: `D,TAR`, `LOGLEVEL,LEVEL=15`.

    Letter case does not matter; blanks around the whole are dropped, inside they are not allowed (MVS console practice).
    """
    text = text.strip()
    if len(text) > OPERAND_LIMIT:
        return Misunderstood(f"the command is longer than {OPERAND_LIMIT} characters")
    if not text:
        return Misunderstood(f"an operand is missing; one of {_choices(GRAMMAR)} was expected")
    if not text.isprintable() or " " in text:
        return Misunderstood("a command has no blanks or control characters: operands are separated by commas")
    return _walk(text.split(","), GRAMMAR)


def _walk(words: list[str], among: tuple[Operand, ...]) -> Command | Misunderstood:
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        operand = _find(name.upper(), among)
        if operand is None:
            return Misunderstood(_unknown(word, name, among))
        if (operand.value is None) == bool(equals):
            return Misunderstood(f"{operand.word} is written {_written(operand)}")
        settled = operand.value(value) if operand.value is not None else ""
        if settled is None:
            return Misunderstood(f"{operand.word}={_shown(value)}: {operand.wants} was expected")
        if number + 1 == len(words):
            if operand.verb is None:
                return Misunderstood(f"an operand is missing after {operand.word}; one of {_choices(operand.then)} was expected")
            return Command(operand.verb, settled)
        if not operand.then:
            return Misunderstood(f"nothing may follow {operand.word}")
        among = operand.then
    raise AssertionError("a command has at least one word")


def _find(name: str, among: tuple[Operand, ...]) -> Operand | None:
    exact = [operand for operand in among if operand.word == name]
    return next(iter(exact or [operand for operand in among if operand.names(name)]), None)


def _unknown(word: str, name: str, among: tuple[Operand, ...]) -> str:
    """Why a word is none: mostly it was abbreviated too much."""
    longer = [operand.spelling for operand in among if name and operand.word.startswith(name.upper())]
    if longer:
        return f"{_shown(word)} is too short for {' or '.join(longer)}; capitals are the shortest form"
    return f"{_shown(word)} is not known here; one of {_choices(among)} was expected"


def _written(operand: Operand) -> str:
    return f"{operand.word}=, with {operand.wants}" if operand.value is not None else f"{operand.word}, without ="


def _choices(among: tuple[Operand, ...]) -> str:
    return ", ".join(f"{operand.word}=" if operand.value is not None else operand.word for operand in among)


def _shown(text: str) -> str:
    return repr(text[:40])


_CONSOLE = re.compile(
    r"\s*(?P<verb>[A-Za-z]+)\s+(?P<proc>[A-Za-z$#@][A-Za-z0-9$#@.]{0,15})\s*(?:,(?P<operands>.*))?\s*", re.DOTALL
)
_MODIFY = frozenset({"F", "MODIFY"})
_STOP = frozenset({"P", "STOP"})


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """What people type on a console: the procedure it is for, and the command."""

    procedure: str
    command: Command


def parse_console(text: str) -> ConsoleLine | Misunderstood:
    """Understand a whole console command: `F CSSMTP,D,TAR`, `MODIFY CSSMTP,REFRESH`, `P CSSMTP`."""
    found = _CONSOLE.fullmatch(text) if len(text) <= OPERAND_LIMIT else None
    verb = found["verb"].upper() if found else ""
    if found is None or verb not in _MODIFY | _STOP:
        return Misunderstood("a console command looks like 'F CSSMTP,D,TAR' or 'P CSSMTP'")
    procedure = found["proc"].upper()
    if verb in _STOP:
        if found["operands"] is not None:
            return Misunderstood(f"nothing may follow the procedure name in {verb}")
        return ConsoleLine(procedure, Command(Verb.STOP))
    command = parse(found["operands"] or "")
    return command if isinstance(command, Misunderstood) else ConsoleLine(procedure, command)
