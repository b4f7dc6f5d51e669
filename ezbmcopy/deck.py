"""A deck: its statements as the job or procedure that runs EZBMCOPY (ezbmcopy.md 2.3, 4.4, 4.5, 4.7).

Promises: any bytes give a `Deck` and problems, never an exception; all problems of a deck are found in one reading.
Never: decides what is copied where; that is `plan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ezbmcopy.cards import Problem, Statement, statements
from ezbmcopy.keywords import Dd, Output, read_output, read_sysout_dd
from ezbmcopy.operands import SYMBOL_LIMIT, Operand, operands, substitute, words

PROGRAM = "EZBMCOPY"
COPY_DD = "SYSUT2"
PARM_LIMIT = 100
"""Characters of the longest PARM."""

_OTHER = "CNTL COMMAND ELSE ENDCNTL ENDIF EXPORT IF INCLUDE JCLLIB NOTIFY SCHEDULE XMIT"
_OF_EXEC = "ACCT ADDRSPC CCSID COND DYNAMNBR MEMLIMIT PARM PARMDD PERFORM PGM PROC RD REGION RLSTMOUT TIME TVSMSG"
_IGNORED = frozenset(_OTHER.split())
_NO_SYMBOLS = frozenset(_OF_EXEC.split())
_KNOWN = "PROC, PEND, EXEC, OUTPUT, DD, SET or JOB"


@dataclass(slots=True)
class Step:
    """What stands between two EXEC statements. `dds` are the copy DDs; the first counts."""

    name: str
    card: int
    program: str
    parm: str | None
    outputs: list[Output] = field(default_factory=list)
    dds: list[Dd] = field(default_factory=list)


@dataclass(slots=True)
class Deck:
    """A deck that has been read. `procedure` and `job` are "" when it has no PROC or JOB statement; `job_class` is the JOB's
    MSGCLASS; `outputs` stand before the first EXEC."""

    procedure: str = ""
    job: str = ""
    job_class: str = ""
    outputs: list[Output] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    statements: int = 0


def read_deck(data: bytes) -> tuple[Deck, list[Problem]]:
    """The deck in these bytes, and all its problems in the order of the cards."""
    found, problems = statements(data)
    reader = _Reader()
    reader.deck.statements = len(found)
    for statement in _called(found, reader):
        reader.take(statement)
    return reader.deck, sorted(problems + reader.problems, key=lambda problem: problem.card)


def _called(found: list[Statement], reader: _Reader) -> list[Statement]:
    """The statements in the order in which they work: an in-stream procedure stands where a step calls it.

    In a deck with one procedure and no PEND the procedure is the deck, as in a procedure library. A procedure that nobody calls
    works as if it were started.
    """
    procedures: dict[str, list[Statement]] = {}
    rest: list[Statement] = []
    body: list[Statement] | None = None
    for statement in found:
        if statement.operation == "PROC":
            body = [statement]
            if statement.name in procedures:
                reader.error(statement.card, f"there is a procedure {statement.name} already; expected another name")
            procedures[statement.name] = body
        elif statement.operation == "PEND":
            if body is None:
                reader.error(statement.card, "PEND without PROC; expected a PROC statement before it")
            body = None
        else:
            (rest if body is None else body).append(statement)
    order: list[Statement] = []
    calls = 0
    for statement in rest:
        order.append(statement)
        if statement.operation == "EXEC" and (body := procedures.get(_procedure_called(statement))):
            order += body
            calls += 1
    if not calls:
        order += [statement for each in procedures.values() for statement in each]
    return order


def _procedure_called(statement: Statement) -> str:
    for operand in operands(statement.field)[0]:
        if operand.keyword in ("", "PROC"):
            return words(operand.value)[0].text if words(operand.value) else ""
    return ""


class _Reader:
    """Takes statements one after the other and fills a deck."""

    def __init__(self) -> None:
        self.deck = Deck()
        self.problems: list[Problem] = []
        self._symbols: dict[str, str] = {}
        self._call: dict[str, str] = {}
        self._call_parms: dict[str, str] = {}
        self._last_dd = ""

    def error(self, card: int, text: str) -> None:
        self.problems.append(Problem(card, text))

    def warn(self, card: int, text: str) -> None:
        self.problems.append(Problem(card, text, warning=True))

    def take(self, statement: Statement) -> None:
        field, problems = substitute(statement.field, self._symbols)
        self.problems += problems
        found, problems = operands(field)
        self.problems += problems
        match statement.operation:
            case "PROC":
                self._proc(statement, found)
            case "SET":
                self._symbols |= self._values(statement, found)
            case "JOB":
                self._job(statement, found)
            case "EXEC":
                self._exec(statement, found)
            case "OUTPUT":
                self._output(statement, found)
            case "DD":
                self._dd(statement, found)
            case operation if operation in _IGNORED:
                self.warn(statement.card, f"the statement {operation} is ignored")
            case operation:
                self.error(statement.card, f"there is no operation {operation[:20]}; expected {_KNOWN}")

    def _values(self, statement: Statement, found: list[Operand]) -> dict[str, str]:
        """NAME=value operands as symbols."""
        values = {}
        for operand in found:
            parts = words(operand.value)
            if not operand.keyword or len(operand.keyword) > 8 or len(parts) != 1:
                self.error(
                    operand.card, f"{statement.operation} takes symbols only; expected NAME=value, the name 1 to 8 characters"
                )
            elif len(parts[0].text) > SYMBOL_LIMIT:
                self.error(
                    operand.card, f"the value of &{operand.keyword} is too long; expected at most {SYMBOL_LIMIT} characters"
                )
            else:
                values[operand.keyword] = parts[0].text
        return values

    def _proc(self, statement: Statement, found: list[Operand]) -> None:
        self.deck.procedure = statement.name or PROGRAM
        self._symbols |= {**self._values(statement, found), **self._call}
        self._call = {}

    def _job(self, statement: Statement, found: list[Operand]) -> None:
        self.deck.job = statement.name
        for operand in found:
            if operand.keyword == "MSGCLASS":
                text = words(operand.value)[0].text if words(operand.value) else ""
                if len(text) != 1 or not text.isascii() or not text.isalnum():
                    self.error(operand.card, "MSGCLASS cannot be used; expected one character of A-Z and 0-9")
                else:
                    self.deck.job_class = text

    def _exec(self, statement: Statement, found: list[Operand]) -> None:
        program = procedure = ""
        parm: str | None = None
        for operand in found:
            parts = words(operand.value)
            text = parts[0].text if parts else ""
            if operand.keyword == "PGM":
                program = text
            elif operand.keyword == "PROC" or (not operand.keyword and not procedure):
                procedure = text
            elif operand.keyword == "PARM":
                parm = self._parm(operand)
            elif operand.keyword.startswith("PARM."):
                self._call_parms[operand.keyword.removeprefix("PARM.")] = self._parm(operand)
            elif not operand.keyword:
                self.error(operand.card, f"EXEC takes one positional parameter, not also {text[:20]}; expected KEYWORD=value")
            elif procedure and operand.keyword not in _NO_SYMBOLS and "." not in operand.keyword:
                self._call |= self._values(statement, [operand])
        if bool(program) == bool(procedure):
            self.error(statement.card, f"EXEC runs nothing or two things; expected PGM={PROGRAM} or the name of a procedure")
        if procedure:
            if parm is not None:
                self._call_parms[""] = parm
            self.deck.steps.append(Step(statement.name, statement.card, "", None))
            return
        for key in (statement.name, ""):
            parm = self._call_parms.pop(key, parm)
        self.deck.steps.append(Step(statement.name, statement.card, program, parm))

    def _parm(self, operand: Operand) -> str:
        """The text of PARM: a list is joined by commas."""
        text = ",".join(word.text for word in words(operand.value))
        if len(text) > PARM_LIMIT:
            self.error(operand.card, f"PARM has {len(text)} characters; expected at most {PARM_LIMIT}")
        return text

    def _output(self, statement: Statement, found: list[Operand]) -> None:
        output, problems = read_output(statement.name, statement.card, found)
        self.problems += problems
        place = self.deck.steps[-1].outputs if self.deck.steps else self.deck.outputs
        if not statement.name:
            self.error(statement.card, "the OUTPUT statement has no name; expected one, so that a DD can refer to it")
        elif any(each.name == statement.name for each in place):
            self.error(statement.card, f"there is an OUTPUT statement {statement.name} already; expected another name")
        if not self.deck.steps and not self.deck.job:
            self.error(
                statement.card, "a started procedure has no OUTPUT statement before EXEC; expected it after the EXEC statement"
            )
        place.append(output)
        self._last_dd = ""

    def _dd(self, statement: Statement, found: list[Operand]) -> None:
        name = statement.name or self._last_dd
        concatenated, self._last_dd = not statement.name, name
        if not self.deck.steps:
            self.error(statement.card, f"the DD {name} stands before EXEC; expected it after the EXEC statement")
            return
        step = self.deck.steps[-1]
        if "." in name and name.endswith(f".{COPY_DD}"):
            self.error(
                statement.card, f"a DD that overrides {COPY_DD} of a procedure is not read; expected the change in the procedure"
            )
        elif name == "SYSIN" and (statement.data or not _empty(found)):
            self.error(statement.card, f"{PROGRAM} reads no control statements; expected SYSIN DD DUMMY")
        elif name == COPY_DD:
            self._copy_dd(step, statement, found, concatenated)

    def _copy_dd(self, step: Step, statement: Statement, found: list[Operand], concatenated: bool) -> None:
        if concatenated:
            self.error(statement.card, f"{COPY_DD} is one data set; expected no DD without name after it")
            return
        dd, problems = read_sysout_dd(statement.name, statement.card, found)
        self.problems += problems
        if step.dds:
            self.warn(statement.card, f"{COPY_DD} stands twice; the first counts")
        step.dds.append(dd)


def _empty(found: Sequence[Operand]) -> bool:
    """True for DUMMY, for in-stream data, whose cards are counted elsewhere, and for a DD without parameters."""
    first = words(found[0].value) if found and not found[0].keyword else ()
    return not found or (bool(first) and first[0].text in ("DUMMY", "*", "DATA"))
