"""The command line of sendmail (ezatmail.md 3.2, 3.3, 6.1): switches in all their spellings, then recipients.

Promises: getopt's rules as sendmail and Postfix apply them: switches end at `--` or at the first word that is none; a value may
be glued or separate; switches without a value may be bundled. Every decision of 6.1 is a row of `SWITCHES`, `MODES` or `_CHECKS`.
Never: reads anything but its arguments.
"""

from cssmtp.ezatmail.refusal import USAGE, Refusal, printable

FLAG, VALUE, GLUED = "flag", "value", "glued"
"""What follows a switch letter: nothing, a value (glued or the next word), a value only when it is glued on."""

SWITCHES = {
    "A": VALUE, "B": VALUE, "b": VALUE, "C": VALUE, "c": FLAG, "d": GLUED, "e": VALUE, "F": VALUE, "f": VALUE, "G": FLAG,
    "h": VALUE, "I": FLAG, "i": FLAG, "L": VALUE, "M": VALUE, "m": FLAG, "N": VALUE, "n": FLAG, "O": VALUE, "o": VALUE,
    "p": VALUE, "q": GLUED, "R": VALUE, "r": VALUE, "s": FLAG, "T": FLAG, "t": FLAG, "U": FLAG, "V": VALUE, "v": FLAG,
    "X": VALUE, "x": FLAG,
}  # fmt: skip
"""Every switch that is known; any other letter is refused. Those that `_apply` does not name are accepted and ignored."""

SUBMIT, LIST, ALIASES, SERVE, VERIFY = "m", "p", "i", "s", "v"
MODES = SUBMIT + LIST + ALIASES + SERVE + VERIFY
"""The letters of `-b` that are supported."""

PROGRAMS = {"mailq": LIST, "newaliases": ALIASES, "smtpd": "d", "hoststat": "h", "purgestat": "H"}
"""The mode that a program name stands for; every other name submits (ezatmail.md 3.1)."""

TAG_LIMIT = 32
"""Characters of `-L` that are kept."""

_CONTROLS = {*range(0x20), 0x7F}


class Options:
    """What the command line asks for. Texts are decoded as ISO 8859-1: one character per byte.

    `program` is the name we were called by, `mode` one of `MODES`. `sender` and `full_name` are None when not given. `recipients`
    are the words after the switches, as written. `queue_run` tells that `-q` was given.
    """

    __slots__ = (
        "alias_file", "config_file", "debug", "from_headers", "full_name", "ignore_dots", "mode", "program", "queue_run",
        "quiet", "recipients", "sender", "skip_aliases", "tag", "verbose",
    )  # fmt: skip

    def __init__(self, program: str) -> None:
        self.program = program
        self.mode = PROGRAMS.get(program, SUBMIT)
        self.sender: str | None = None
        self.full_name: str | None = None
        self.recipients: list[str] = []
        self.from_headers = False
        self.ignore_dots = False
        self.verbose = False
        self.debug = False
        self.quiet = False
        self.skip_aliases = False
        self.queue_run = False
        self.config_file = ""
        self.alias_file = ""
        self.tag = ""


def parse(options: Options, words: list[str]) -> None:
    """Reads `words`, the arguments without the program name, into `options`, which holds what was understood so far when a
    `Refusal` (64) is raised, so that `-oeq` counts even then."""
    at = 0
    while at < len(words):
        word = words[at]
        if len(word) < 2 or word[0] != "-":
            break
        at += 1
        if word == "--":
            break
        at = _switches(options, words, word, at)
    options.recipients = words[at:]
    _check_whole(options)


def _switches(options: Options, words: list[str], word: str, at: int) -> int:
    """Takes the switches of one word; returns the index of the next word that is not used up."""
    position = 1
    while position < len(word):
        letter = word[position]
        position += 1
        kind = SWITCHES.get(letter)
        if kind is None:
            raise Refusal(USAGE, f"unknown switch -{printable(letter)}")
        value = ""
        if kind is not FLAG:
            value = word[position:]
            position = len(word)
            if kind is VALUE and not value:
                if at == len(words):
                    raise Refusal(USAGE, f"switch -{letter} needs a value")
                value = words[at]
                at += 1
        _apply(options, letter, value)
    return at


def _apply(options: Options, letter: str, value: str) -> None:
    match letter:
        case "b":
            options.mode = value
        case "I":
            options.mode = ALIASES
        case "C":
            options.config_file = value
        case "F":
            options.full_name = value
        case "f" | "r":
            options.sender = value
        case "i":
            options.ignore_dots = True
        case "t":
            options.from_headers = True
        case "v":
            options.verbose = True
        case "d":
            options.debug = True
        case "n":
            options.skip_aliases = True
        case "L":
            options.tag = value[:TAG_LIMIT]
        case "q":
            options.queue_run = True
        case "o":
            _set_option(options, value)
        case _:
            check = _CHECKS.get(letter)
            if check is not None and not check(value):
                raise Refusal(USAGE, f"switch -{letter} cannot have the value {printable(value)!r}")


def _set_option(options: Options, value: str) -> None:
    """`-oX`: those of sendmail that mean something here; all others are accepted (ezatmail.md 3.5)."""
    match value[:1]:
        case "i":
            options.ignore_dots = True
        case "e":
            options.quiet = value == "eq"
        case "A":
            if len(value) == 1:
                raise Refusal(USAGE, "-oA needs the path of an aliases file")
            options.alias_file = value[1:]


def _check_whole(options: Options) -> None:
    """What only the whole command line can have wrong."""
    if options.mode not in MODES or len(options.mode) != 1:
        raise Refusal(USAGE, f"mode -b{printable(options.mode)} is not supported; supported are -b followed by m, p, i, s or v")
    if options.mode == VERIFY and options.from_headers:
        raise Refusal(USAGE, "-bv cannot be combined with -t")
    if options.mode in (LIST, ALIASES, SERVE) and options.recipients:
        raise Refusal(USAGE, f"mode -b{options.mode} takes no recipients")
    for word in (*options.recipients, options.sender or "", options.full_name or ""):
        if not _CONTROLS.isdisjoint(map(ord, word)):
            raise Refusal(USAGE, f"{printable(word)!r} holds a control character; addresses and names are one line of text")


def _is_body_type(value: str) -> bool:
    return value.upper() in ("7BIT", "8BITMIME")


def _is_notify(value: str) -> bool:
    words = value.lower().split(",")
    return words == ["never"] or {*words} <= {"success", "failure", "delay"}


def _is_return(value: str) -> bool:
    return value.lower() in ("full", "hdrs")


def _is_xtext(value: str) -> bool:
    """RFC 3461 4: printable ASCII but `=`, and `+` only as `+HH` with two hexadecimal digits in upper case."""
    parts = value.split("+")
    return all("!" <= each <= "~" and each != "=" for each in value) and all(
        len(part) >= 2 and {*part[:2]} <= {*"0123456789ABCDEF"} for part in parts[1:]
    )


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


_CHECKS = {"B": _is_body_type, "N": _is_notify, "R": _is_return, "V": _is_xtext, "h": _is_number}
"""Switches whose value is checked and then ignored."""
