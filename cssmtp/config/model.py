"""The frozen configuration: what every other layer sees of the configuration file.

Promises: complete (defaults filled in), consistent (cross-statement rules hold), immutable. Field names are the statements
and parameters of the file in Python spelling; units are in the names.
Never: knows lines, columns or spelling; that is `syntax`, `schema` and `build`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class BadSpoolDisp(enum.Enum):
    """What happens to a bad spool file (configuration.md 4)."""

    HOLD = "HOLD"
    DELETE = "DELETE"


class ReportTo(enum.Enum):
    """Where the error report of a spool file goes (configuration.md 6)."""

    NONE = "NONE"
    ADMIN = "ADMIN"
    SYSOUT = "SYSOUT"


class DeadLetterAction(enum.Enum):
    STORE = "STORE"
    DELETE = "DELETE"


class UserExitLevel(enum.Enum):
    NONE = "NONE"
    VERSION2 = "VERSION2"
    VERSION3 = "VERSION3"
    VERSION4 = "VERSION4"


class Newline(enum.Enum):
    """What X'25' is in text for people (code-pages.md 2.3)."""

    ZOS = "ZOS"
    CDRA = "CDRA"


class Euro(enum.Enum):
    """The euro where a target has the currency sign instead (code-pages.md 2.1)."""

    SUB = "SUB"
    A4 = "A4"


class Unmappable(enum.Enum):
    """What stands for a lost character (code-pages.md 2.2)."""

    QUESTION = "QUESTION"
    IBM = "IBM"


class MimeLabel(enum.Enum):
    """What is done about MIME labels (code-pages.md 8.2)."""

    NO = "NO"
    YES = "YES"
    FORCE = "FORCE"


class AuthMechanism(enum.Enum):
    """How we log in to a target. AUTO takes the best one that the server offers."""

    AUTO = "AUTO"
    PLAIN = "PLAIN"
    LOGIN = "LOGIN"
    XOAUTH2 = "XOAUTH2"


class AddressKind(enum.Enum):
    """Which of the three parameters named a target."""

    IP = "TargetIp"
    NAME = "TargetName"
    MX = "TargetMx"


@dataclass(frozen=True, slots=True)
class TargetAddress:
    kind: AddressKind
    value: str


@dataclass(frozen=True, slots=True)
class TargetServer:
    """One TargetServer block (configuration.md 3). `message_size` in bytes; `max_msg_sent` 0 = no limit.

    The fields after `mbcharset` are extensions of ours: PEM files for TLS, the name to check in the server's certificate
    ("" = the TargetName, else the address), the file with credentials for AUTH, whether BDAT is used where it is offered, and how
    many mails may be unanswered on a connection.
    """

    addresses: tuple[TargetAddress, ...]
    connect_port: int = 25
    connect_limit: int = 5
    max_msg_sent: int = 0
    message_size: int = 524288
    secure: bool = False
    charset: str = "ISO8859-1"
    mbcharset: str = ""
    tls_ca_file: str = ""
    tls_cert_file: str = ""
    tls_key_file: str = ""
    tls_server_name: str = ""
    auth_file: str = ""
    auth_mechanism: AuthMechanism = AuthMechanism.AUTO
    chunking: bool = True
    pipeline_depth: int = 1


@dataclass(frozen=True, slots=True)
class RetryLimit:
    """Long retry (configuration.md 5)."""

    count: int = 5
    interval_minutes: int = 1


@dataclass(frozen=True, slots=True)
class ExtendedRetry:
    age_days: int = 5
    interval_minutes: int = 30
    mail_directory: str = ""


@dataclass(frozen=True, slots=True)
class Undeliverable:
    return_to_mail_from: bool = True
    dead_letter_action: DeadLetterAction = DeadLetterAction.STORE
    dead_letter_directory: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    date: bool = True
    user_info: bool = True


@dataclass(frozen=True, slots=True)
class Options:
    null_truncation: bool = False
    test_mode: bool = False
    data_line_truncation: bool = False
    at_sign: str = "@"
    tls_ehlo: bool = False
    replace_subject_at_sign: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    to: ReportTo = ReportTo.NONE
    sysout_class: str = ""


@dataclass(frozen=True, slots=True)
class Smf119:
    config: bool = False
    connect: bool = False
    mail: bool = False
    spool: bool = False
    stats: bool = False


@dataclass(frozen=True, slots=True)
class Timeout:
    """All in seconds (configuration.md 8)."""

    any_command: int = 300
    connect_idle: int = 0
    connect_retry: int = 120
    data_block: int = 180
    data_command: int = 120
    data_term: int = 600
    initial_message: int = 300
    mail_command: int = 300
    rcpt_command: int = 300


class LogFormat(enum.Enum):
    """How a line of the log is written (an extension of ours)."""

    TEXT = "TEXT"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class CodePages:
    """The `CodePages` block, wholly an extension of ours; with the defaults mail is what CSSMTP sends."""

    newline: Newline = Newline.ZOS
    euro: Euro = Euro.SUB
    unmappable: Unmappable = Unmappable.QUESTION
    allow_approximate: bool = False
    mime_label: MimeLabel = MimeLabel.NO
    encode_headers: bool = False


@dataclass(frozen=True, slots=True)
class System:
    """The `System` block, wholly an extension of ours: what Linux needs and IBM's statements do not have.

    Each field has a command-line override. Empty paths mean "not used", but for `spool` and `job_name`, which have defaults.
    `log_file` is a path, "SYSLOG" or "JOURNAL"; `metrics_address` an address with its port, as HOST:PORT or [HOST]:PORT.
    `host_name` and `domain` are the two parts of our own name in EHLO and generated headers; "" = ask the machine.
    """

    spool: str = "/var/spool/cssmtp"
    checkpoint: str = ""
    socket: str = ""
    log_file: str = ""
    log_format: LogFormat = LogFormat.TEXT
    smf_file: str = ""
    smf_interval_minutes: int = 30
    smf_socket: str = ""
    smf_socket_mail: bool = False
    metrics_address: str = ""
    user_exit_file: str = ""
    job_name: str = "CSSMTP"
    system_name: str = ""
    node_name: str = ""
    host_name: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything the file says. `jes_job_size` and `jes_msg_size` are in thousands of bytes, 0 = no limit."""

    targets: tuple[TargetServer, ...]
    ext_writer_name: str = "CSSMTP"
    bad_spool_disp: BadSpoolDisp = BadSpoolDisp.HOLD
    checkpoint_limit: int = 64000
    extended_retry: ExtendedRetry | None = None
    header: Header = field(default_factory=Header)
    jes_job_size: int = 0
    jes_msg_size: int = 0
    jes_syntax_error_limit: int = 5
    log_level: int = 7
    mail_administrators: tuple[str, ...] = ()
    mbcs: bool = False
    options: Options = field(default_factory=Options)
    report: Report = field(default_factory=Report)
    report_mail_from: str = ""
    retry_limit: RetryLimit = field(default_factory=RetryLimit)
    smf119: Smf119 = field(default_factory=Smf119)
    timeout: Timeout = field(default_factory=Timeout)
    translate: str = "IBM-1047"
    undeliverable: Undeliverable = field(default_factory=Undeliverable)
    user_exit: UserExitLevel = UserExitLevel.NONE
    system: System = field(default_factory=System)
    code_pages: CodePages = field(default_factory=CodePages)
    source: str = ""
