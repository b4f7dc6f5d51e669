"""What is copied, and what each copy looks like: a deck or options as a plan, the attributes of a copy (ezbmcopy.md 2, 4.6, 7).

Promises: pure; a plan that came out of here cannot feed itself, and no two of its copies can be selected by the same mailer.
Never: touches a spool; keeps how the original was addressed, since a copy that still answered to it would go round for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cssmtp.spool.attributes import Attributes
from cssmtp.spool.names import writer_name
from ezbmcopy.cards import Problem, plain
from ezbmcopy.deck import COPY_DD, PROGRAM, Deck, Step
from ezbmcopy.keywords import DEFAULT_CLASS, Dd, Destination, Output, Reference, read_output
from ezbmcopy.operands import operands

DEFAULT_WRITER = "SMTPD"
"""The writer name without PARM (ezbmcopy.md 2.1)."""
COPIES = 2
"""The most OUTPUT statements that may be coded (product-slides.md 2.3)."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy: the OUTPUT statement it comes from ("" for an option), and its attributes. None: as the original has it."""

    name: str
    writer: str
    dest: Destination
    sysout_class: str | None
    forms: str | None
    outdisp: str | None
    hold: bool
    copies: int | None
    group: str | None
    priority: int | None

    @property
    def mailers(self) -> set[str]:
        """The writer names whose mailers select this copy."""
        return {name for name in (self.writer, self.dest.user) if name}


@dataclass(frozen=True, slots=True)
class Plan:
    """`source` is the writer or destination user whose files are copied. `at_end`: copies become visible when the run ends."""

    source: str
    copies: tuple[Copy, ...]
    at_end: bool = False
    job: str = PROGRAM
    step: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """EZBMCOPY's own job, for copies that shall not carry the submitter's."""

    jobname: str
    jobid: str
    owner: str
    stepname: str
    dsid: int


def read_parm(parm: str) -> tuple[str, list[str]]:
    """The writer name that PARM gives (`DEFAULT_WRITER` without), and what is wrong with it."""
    writer = DEFAULT_WRITER
    problems = []
    seen: set[str] = set()
    for item in parm.upper().split(",") if parm.strip() else ():
        key, equals, value = (part.strip() for part in item.partition("="))
        if key != "WRITER" or not equals:
            problems.append(f"PARM has {item.strip()[:40]!r}; expected WRITER=name and nothing else")
        elif key in seen:
            problems.append("PARM has WRITER= twice; expected it once")
        else:
            try:
                writer = writer_name(value)
            except ValueError as fault:
                problems.append(f"PARM: {fault}")
        seen.add(key)
    return writer, problems


def plan_of_deck(deck: Deck, parm: str | None = None) -> tuple[Plan | None, list[Problem]]:
    """The plan of a deck; `parm` stands for the PARM of its EXEC statement. None when it cannot be carried out."""
    steps = [step for step in deck.steps if step.program == PROGRAM]
    if len(steps) != 1:
        card = steps[1].card if steps else 0
        return None, [Problem(card, f"{len(steps)} steps run {PROGRAM}; expected one statement EXEC PGM={PROGRAM}")]
    step = steps[0]
    source, faults = read_parm((step.parm or "") if parm is None else parm)
    problems = [Problem(step.card if parm is None else 0, fault) for fault in faults]
    coded = deck.outputs + step.outputs
    if len(coded) > COPIES:
        problems += [
            Problem(output.card, f"{output.name or 'this'} is one OUTPUT statement too many; expected at most {COPIES}")
            for output in coded[COPIES:]
        ]
    if not step.dds:
        return None, [*problems, Problem(step.card, f"the step has no DD {COPY_DD}; expected one with SYSOUT= and OUTPUT=")]
    dd = step.dds[0]
    outputs = _outputs_of(deck, step, dd, problems)
    unused = [output for output in coded if output not in outputs] if outputs else []
    problems += [Problem(each.card, f"{COPY_DD} does not refer to {each.name}: no copy", warning=True) for each in unused]
    copies = tuple(_copy(dd, output, deck.job_class) for output in outputs)
    problems += _conflicts(source, copies, outputs)
    if any(not problem.warning for problem in problems):
        return None, problems
    return Plan(source, copies, dd.at_end, deck.job or deck.procedure or PROGRAM, step.name), problems


def plan_of_options(writer: str, outs: list[str]) -> tuple[Plan | None, list[str]]:
    """The plan of `--writer` and `--out`, each of which is WRITER or WRITER,KEYWORD=value,... with the keywords of OUTPUT."""
    source, faults = read_parm(f"WRITER={writer}")
    problems = [fault.replace("PARM", "--writer", 1) for fault in faults]
    if not 1 <= len(outs) <= COPIES:
        problems.append(f"--out is given {len(outs)} times; expected once or twice")
    outputs = []
    for number, out in enumerate(outs[:COPIES], 1):
        text = out.upper()
        found, wrong = operands(plain(text if "=" in text.partition(",")[0] else f"WRITER={text}"))
        output, refused = read_output(f"OUT{number}", 0, found)
        outputs.append(output)
        problems += [f"--out {out}: {problem.text}" for problem in wrong + refused]
    copies = tuple(_copy(Dd(sysout_class=""), output, "") for output in outputs)
    problems += [problem.text for problem in _conflicts(source, copies, outputs) if not (problem.follows and problems)]
    return (None if problems else Plan(source, copies)), problems


def _outputs_of(deck: Deck, step: Step, dd: Dd, problems: list[Problem]) -> list[Output]:
    """The OUTPUT statements that work for a DD: those it refers to, else the default ones of the step, else of the job."""
    if dd.sysout_class is None:
        problems.append(Problem(dd.card, f"{COPY_DD} is no sysout data set; expected SYSOUT=", follows=True))
        return []
    found: list[Output] = []
    for reference in dd.references:
        output = _find(deck, step, reference)
        shown = ".".join(("*", *reference.steps, reference.name))
        if output is None:
            names = ", ".join(each.name for each in deck.outputs + step.outputs) or "none"
            problems.append(Problem(reference.card, f"there is no OUTPUT statement {shown}; expected one of: {names}"))
        elif output.card > dd.card:
            problems.append(Problem(reference.card, f"{shown} stands after the DD; expected the OUTPUT statement before it"))
        elif output in found:
            problems.append(Problem(reference.card, f"{shown} is referred to twice; expected each OUTPUT statement once"))
        else:
            found.append(output)
    if not dd.references:
        found = [each for each in step.outputs if each.default and each.card < dd.card] or [
            each for each in deck.outputs if each.default
        ]
        if not found:
            text = f"{COPY_DD} refers to no OUTPUT statement; expected OUTPUT=(*.name,*.name)"
            problems.append(Problem(dd.card, text, follows=True))
    return found


def _find(deck: Deck, step: Step, reference: Reference) -> Output | None:
    """*.name: in the step, then before the first EXEC. With a step name: in that step; with two, the last is the step's own."""
    if not reference.steps:
        places = [step.outputs, deck.outputs]
    else:
        places = [each.outputs for each in deck.steps if each.name == reference.steps[-1]]
    return next((output for place in places for output in place if output.name == reference.name), None)


def _copy(dd: Dd, output: Output, job_class: str) -> Copy:
    """One DD and one OUTPUT statement together: what the DD says wins; the OUTPUT's class counts for the null class only, and its
    OUTDISP only when the DD has no HOLD (ezbmcopy.md 4.5 to 4.7)."""
    sysout_class = dd.sysout_class or output.sysout_class or DEFAULT_CLASS
    return Copy(
        name=output.name,
        writer=dd.writer or output.writer or "",
        dest=dd.dest or output.dest or Destination(),
        sysout_class=(job_class or None) if sysout_class == DEFAULT_CLASS else sysout_class,
        forms=dd.forms or output.forms,
        outdisp=output.outdisp if dd.hold is None else None,
        hold=bool(dd.hold),
        copies=dd.copies or output.copies,
        group=output.group,
        priority=output.priority,
    )


def _conflicts(source: str, copies: tuple[Copy, ...], outputs: list[Output]) -> list[Problem]:
    """Copies that nobody would select, that EZBMCOPY itself would, or that two mailers would."""
    problems = []
    taken: dict[str, str] = {}
    for copy, output in zip(copies, outputs, strict=True):
        if not copy.mailers:
            problems.append(
                Problem(
                    output.card, f"the copy by {copy.name} has neither writer nor user; expected WRITER= or DEST=", follows=True
                )
            )
        if source in copy.mailers:
            problems.append(
                Problem(output.card, f"{copy.name} sends copies back to {source}: a loop; expected another writer or destination")
            )
        for mailer in sorted(copy.mailers - {source}):
            if mailer in taken:
                text = (
                    f"{taken[mailer]} and {copy.name} both go to {mailer}, which would get the mail twice; expected another name"
                )
                problems.append(Problem(output.card, text))
            taken[mailer] = copy.name
    if copies and all(copy.outdisp == "PURGE" for copy in copies):
        problems.append(
            Problem(outputs[0].card, "every copy has OUTDISP=PURGE: the mail would be lost; expected a copy that stays")
        )
    return problems


def copy_attributes(original: Attributes, copy: Copy, identity: Identity | None = None) -> Attributes:
    """The attributes of a copy: addressed as the plan says, and for the rest those of the original, or of `identity`.

    The result has no token: the spool gives each entry its own. A copy with a destination only has no writer, as JES gives it
    none (ezbmcopy.md 4.7): the mailer named by the destination selects it, as work of its destination pool.
    """
    made = replace(
        original,
        writer=copy.writer,
        dest_node=copy.dest.node,
        dest_user=copy.dest.user,
        sysout_class=copy.sysout_class or original.sysout_class,
        forms=copy.forms or original.forms,
        outdisp=copy.outdisp or original.outdisp,
        hold="user" if copy.hold else "none",
        hold_reason="HOLD=YES of the copy" if copy.hold else "",
        priority=original.priority if copy.priority is None else copy.priority,
        copies=copy.copies or original.copies,
        group=copy.group or original.group,
        token="",
    )
    if identity is None:
        return made
    return replace(
        made,
        jobname=identity.jobname,
        jobid=identity.jobid,
        owner=identity.owner,
        stepname=identity.stepname,
        ddname=COPY_DD,
        dsid=identity.dsid,
        procstep="",
        correlator="",
        dsname="",
        created="",
        origin_node="",
    )
