"""The configuration of ezatmail: statements in the style of sendmail.cf (ezatmail.md 1.3 and 6.4).

Promises: an old sendmail.cf is usable as it is: statements that are not ours are passed over, macros in values are expanded,
the last of several definitions counts. What is ours and wrong is a `Refusal` (78) with file, line and remedy.
Never: guesses the spool; opens anything but the file it is given.
"""

import posix

from cssmtp.ezatmail.refusal import CONFIGURATION, Refusal, printable

DEFAULT_FILE = "/etc/cssmtp/ezatmail.conf"
ENVIRONMENT_VARIABLE = "EZATMAIL_CONF"
DEFAULT_SPOOL = "/var/spool/cssmtp"
"""The spool of a gateway without a Spool parameter (config.model.System)."""

IGNORED_STATEMENTS = b"DOCFKMPRSTVHEQX"
"""First letters of sendmail.cf's statements; a line with any other one is no statement."""

RESERVED_WRITERS = ("INTRDR", "STDWTR", "NJERDR")
_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$#@")
_ALPHANUMERIC = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_DOMAIN_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


class Settings:
    """What the configuration says; the values here are the defaults.

    Texts have one character per byte (ISO 8859-1), paths too. `max_size` is in bytes, 0 = no limit. `page` is the code page in
    which decks are written, `charset` the one in which the gateway sends ("" = not known). `spool` is the root of the spool.
    """

    __slots__ = ("alias_files", "charset", "domain", "host", "max_size", "page", "spool", "sysout_class", "tls", "writer")

    def __init__(self, host: str) -> None:
        self.host = host
        self.domain = ""
        self.writer = "CSSMTP"
        self.sysout_class = "A"
        self.tls = False
        self.alias_files: tuple[str, ...] = ()
        self.max_size = 0
        self.page = "IBM-1047"
        self.charset = "ISO8859-1"
        self.spool = DEFAULT_SPOOL

    @property
    def drop(self) -> str:
        """The directory into which spool files go."""
        return f"{self.spool}/drop/{self.writer}"

    def describe(self) -> str:
        """All of it in one line, for `-d`."""
        return ", ".join([f"{name} {getattr(self, name)!r}" for name in self.__slots__])


def is_domain(text: str) -> bool:
    """Whether the gateway takes `text` for the domain of an address: labels of letters, digits and inner hyphens, at most 255."""
    return len(text) <= 255 and all(
        label and label[0] != "-" and label[-1] != "-" and _DOMAIN_CHARACTERS.issuperset(label) for label in text.split(".")
    )


def is_hello(text: str) -> bool:
    """Whether the gateway takes `text` as the argument of HELO: one word of printable ASCII, at most 255 characters."""
    return text.isascii() and text.isprintable() and 0 < len(text) <= 255 and " " not in text


def is_writer(name: str) -> bool:
    """Whether `name` (upper case) is the name of an external writer; the rule is that of `cssmtp.spool.names`."""
    return 1 <= len(name) <= 8 and _NAME_CHARACTERS.issuperset(name) and name not in RESERVED_WRITERS


def configuration_file(given: str) -> str:
    """Which file is read: that of `-C`, else of the environment, else the default (ezatmail.md 6.2)."""
    return given or posix.environ.get(ENVIRONMENT_VARIABLE.encode("ascii"), b"").decode("latin-1") or DEFAULT_FILE


def read(path: str) -> Settings:
    """The settings in the file `path`. Raises `Refusal` (78) when it cannot be read or has a statement of ours wrong."""
    try:
        with open(path.encode("latin-1"), "rb", buffering=0) as stream:
            data = stream.readall()
    except (OSError, ValueError) as fault:
        reason = posix.strerror(fault.errno or 0) if isinstance(fault, OSError) else "no path"
        raise Refusal(
            CONFIGURATION, f"configuration {printable(path)}: {reason}; name another with -C or {ENVIRONMENT_VARIABLE}"
        ) from None
    return parse(data, path, posix.uname().nodename)


def parse(data: bytes, path: str, host: str) -> Settings:
    """The settings in the text `data` of the file `path` on the machine named `host`; see `read`."""
    settings = Settings(host)
    for number, line in _statements(data):
        if line[0] not in IGNORED_STATEMENTS:
            raise _wrong(path, number, f"{printable(line.decode('latin-1'))!r} is no statement; comment it out with #")
        if line[0] in b"DO":
            try:
                _statement(settings, line.decode("latin-1"))
            except ValueError as fault:
                raise _wrong(path, number, str(fault)) from None
    if not is_hello(settings.host):
        raise Refusal(
            CONFIGURATION,
            f"configuration {printable(path)}: the host's name {printable(settings.host)!r} is no word; state Djhost",
        )
    settings.domain = settings.domain or _domain_of(settings.host)
    if not is_domain(settings.domain):
        raise Refusal(
            CONFIGURATION, f"configuration {printable(path)}: {printable(settings.domain)!r} cannot follow an @; state DMdomain"
        )
    return settings


def _wrong(path: str, number: int, text: str) -> Refusal:
    return Refusal(CONFIGURATION, f"configuration {printable(path)}, line {number}: {text}")


def _statements(data: bytes) -> list[tuple[int, bytes]]:
    """Line numbers and statements; a line that begins with a blank or tab continues the one before it."""
    found: list[tuple[int, bytes]] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        line = line.rstrip()
        if not line or line[0] == 0x23:
            continue
        if line[0] in b" \t":
            if found:
                first, begun = found[-1]
                found[-1] = (first, begun + b" " + line.lstrip())
            continue
        found.append((number, line))
    return found


def _domain_of(host: str) -> str:
    """The domain that completes addresses when DM is not stated: what follows the first dot of the host's name, else that
    name."""
    return host.partition(".")[2] or host


def _statement(settings: Settings, line: str) -> None:
    """Obeys one D or O statement, or passes over it. Raises `ValueError` with what is wrong."""
    if line[0] == "O":
        _option(settings, line)
        return
    if line[1:2] == "{":
        name, brace, value = line[2:].partition("}")
        if not brace:
            raise ValueError("the } after the macro's name is missing")
    else:
        name, value = line[1:2], line[2:]
    rule = _MACROS.get(name)
    if rule is not None:
        rule(settings, _expanded(value.strip(), settings))


def _expanded(value: str, settings: Settings) -> str:
    """The macros of sendmail.cf in a value: $j and $w host, $m its domain, $$ a dollar sign; others stand for nothing."""
    first, *rest = value.split("$")
    if not rest:
        return value
    known = {"j": settings.host, "w": settings.host.partition(".")[0], "m": _domain_of(settings.host)}
    text = first
    pieces = iter(rest)
    for piece in pieces:
        if not piece:
            text += "$" + next(pieces, "")
        elif piece[0] == "{":
            text += piece.partition("}")[2]
        else:
            text += known.get(piece[0], "") + piece[1:]
    return text


def _option(settings: Settings, line: str) -> None:
    """`O Name=value`, and the one-letter form of old files (`OA/etc/aliases`)."""
    if line[1:2] == " ":
        name, _, value = line[2:].partition("=")
        name, value = name.strip().lower(), value.strip()
    else:
        name, value = {"A": "aliasfile"}.get(line[1:2], ""), line[2:].strip()
    if name == "aliasfile":
        settings.alias_files = alias_paths(value)
    elif name == "maxmessagesize":
        if not (value.isascii() and value.isdigit()):
            raise ValueError(f"MaxMessageSize is {printable(value)!r}; write a number of bytes, 0 for no limit")
        settings.max_size = int(value)


def alias_paths(value: str) -> tuple[str, ...]:
    """The files of an AliasFile value: a list with commas, each with an optional map class in front (`hash:`, `dbm:-o `)."""
    paths = []
    for item in value.split(","):
        path = item.strip()
        if not path.startswith("/"):
            path = path.rpartition(":")[2].strip()
        path = path.removeprefix("-o").strip()
        if path:
            paths.append(path)
    return tuple(paths)


def _set_host(settings: Settings, value: str) -> None:
    if value:
        if not is_domain(value):
            raise ValueError(f"{printable(value)!r} is no host name; write Dj and the name, like Djmvsa.example.com")
        settings.host = value


def _set_domain(settings: Settings, value: str) -> None:
    if value:
        if not is_domain(value):
            raise ValueError(f"{printable(value)!r} is no domain; write DM and the domain, like DMexample.com")
        settings.domain = value


def _set_writer(settings: Settings, value: str) -> None:
    settings.writer = value.upper()
    if not is_writer(settings.writer):
        raise ValueError(
            f"{printable(value)!r} is no writer name; use 1 to 8 of A-Z, 0-9, $, # and @, but not {', '.join(RESERVED_WRITERS)}"
        )


def _set_class(settings: Settings, value: str) -> None:
    settings.sysout_class = value.upper()
    if len(value) != 1 or settings.sysout_class not in _ALPHANUMERIC:
        raise ValueError(f"{printable(value)!r} is no SYSOUT class; use one character of A-Z and 0-9")


def _set_tls(settings: Settings, value: str) -> None:
    """The one statement that IBM documents: its presence counts, its value does not."""
    settings.tls = True


def _set_spool(settings: Settings, value: str) -> None:
    if not value.startswith("/"):
        raise ValueError(f"the spool {printable(value)!r} is no absolute path; write {{spool}} and the path from /")
    settings.spool = value.rstrip("/")


def _set_page(settings: Settings, value: str) -> None:
    settings.page = value


def _set_charset(settings: Settings, value: str) -> None:
    settings.charset = value


_MACROS = {
    "tls_version": _set_tls,
    "jes_writer": _set_writer,
    "jes_class": _set_class,
    "j": _set_host,
    "M": _set_domain,
    "spool": _set_spool,
    "translate": _set_page,
    "charset": _set_charset,
}
"""The D statements that are obeyed; {tls_version} is IBM's, the others are ours."""
