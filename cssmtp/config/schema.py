"""THE table of the configuration language: every statement and parameter once (configuration.md 1 to 11).

Promises: parser, builder, refresh, `cssmtp config --explain` and the documentation are driven by this table alone.
Never: holds a rule that spans statements (that is `rules`). Names are spelled as in the file; `field` is the name in `model`.

Evidence: D documented; I inferred; R recalled; X our decision. It is that of the range and default; a second letter is that of
"changed by REFRESH" where it differs.
"""

from __future__ import annotations

from cssmtp.config import model
from cssmtp.config.codepage_rows import CODE_PAGES
from cssmtp.config.extension import NO_DEFAULT, SYSTEM, extension
from cssmtp.config.grammar import Block, Parameter, Schema
from cssmtp.config.values import (
    RESERVED_WRITERS,
    AbsolutePath,
    Choice,
    CodePageName,
    CredentialSource,
    HostName,
    Integer,
    IpAddress,
    Mailbox,
    MvsName,
    ReportDestination,
    Symbol,
    YesNo,
)

MAIL_DIRECTORY = "/var/cssmtp/<extwrtname>/mail/"
DEAD_LETTER_DIRECTORY = "/var/cssmtp/<extwrtname>/deadletter/"
"""Defaults with the writer name to be put in."""

JOB_NAME = "<jobname>"
"""The default writer name."""

RETRY_MINUTES = 7200
"""The longest long retry, Count x Interval; also our upper bound for each of the two."""


_YES_NO = YesNo()
_SECONDS = Integer(30, 1200, "seconds")
_THOUSANDS = Integer(0, 1_000_000, "thousands of bytes; 0 = no limit")


def _timeout(name: str, field: str, default: int, meaning: str) -> Parameter:
    return Parameter(name, field, _SECONDS, str(default), meaning, evidence="DI")


def _smf(name: str, field: str, meaning: str) -> Parameter:
    return Parameter(name, field, _YES_NO, "No", meaning, since="V1R12", evidence="I")


STATEMENTS: tuple[Parameter | Block, ...] = (
    Parameter("BadSpoolDisp", "bad_spool_disp", Choice(model.BadSpoolDisp), "Hold", "What becomes of a bad spool file."),
    Parameter(
        "ChkPointSizeLimit",
        "checkpoint_limit",
        Integer(64000, 512000, "mails"),
        "64000",
        "For how many mails at a time checkpoint data is kept; without effect when there is no checkpoint.",
        refreshable=False,
    ),
    Block(
        "ExtendedRetry",
        "extended_retry",
        model.ExtendedRetry,
        (
            Parameter("Age", "age_days", Integer(0, 365, "days; 0 = no limit"), "5", "How long a mail is tried.", evidence="X"),
            Parameter(
                "Interval",
                "interval_minutes",
                Integer(0, 1440, "minutes; 0 = no extended retry"),
                "30",
                "Pause between two tries.",
                evidence="X",
            ),
            Parameter(
                "MailDirectory",
                "mail_directory",
                AbsolutePath(),
                MAIL_DIRECTORY,
                "Where the mail is kept meanwhile.",
                refreshable=False,
                evidence="I",
            ),
        ),
        "Tries mail on for days after long retry; the spool file is released, the mail kept in a directory.",
        default="absent: no extended retry",
        since="V1R13",
    ),
    Parameter(
        "ExtWrtName",
        "ext_writer_name",
        MvsName(reserved=RESERVED_WRITERS),
        JOB_NAME,
        "External writer name: the gateway takes the spool files with this writer or destination.",
        refreshable=False,
    ),
    Block(
        "Header",
        "header",
        model.Header,
        (
            Parameter("Date", "date", _YES_NO, "Yes", "Add a Date: header to a mail that has none.", since="V2R1"),
            Parameter(
                "UserInfo",
                "user_info",
                _YES_NO,
                "Yes",
                "Tell job name, job id and user id in the Received: and Message-ID: headers.",
                since="UserInfo APAR for V1R12 and V1R13",
            ),
        ),
        "The headers that are added to mail.",
        since="V2R1",
    ),
    Parameter("JESJobSize", "jes_job_size", _THOUSANDS, "0", "Largest spool file that is processed."),
    Parameter("JESMsgSize", "jes_msg_size", _THOUSANDS, "0", "Largest mail in a spool file; at most JESJobSize."),
    Parameter(
        "JESSyntaxErrLimit",
        "jes_syntax_error_limit",
        Integer(0, 999, "errors; 0 = no limit"),
        "5",
        "Syntax errors after which the rest of a spool file is not processed.",
        since="V1R13",
    ),
    Parameter(
        "LogLevel",
        "log_level",
        Integer(0, 255),
        "7",
        "What is logged, the sum of: 1 error, 2 warning, 4 event, 8 information, 16 spool commands, 32 network commands, "
        "64 debug, 128 trace.",
    ),
    Parameter(
        "MailAdministrator",
        "mail_administrators",
        Mailbox(),
        NO_DEFAULT,
        "Who gets error reports with Report Admin; the first four count.",
        repeatable=True,
    ),
    Parameter(
        "MBCS",
        "mbcs",
        _YES_NO,
        "No",
        "Multi-byte mail: Translate is then a multi-byte page and every TargetServer has an MBCharset.",
        refreshable=False,
        since="APAR PI93278",
    ),
    Block(
        "Options",
        "options",
        model.Options,
        (
            Parameter(
                "NullTrnc",
                "null_truncation",
                _YES_NO,
                "No",
                "Strip nulls from the end of commands before their length is checked.",
                since="APAR PM87623, PM94506",
                evidence="DI",
            ),
            Parameter(
                "DataLineTrunc",
                "data_line_truncation",
                _YES_NO,
                "No",
                "Cut data lines of more than 998 characters instead of refusing the mail.",
                since="V2R4",
                evidence="DI",
            ),
            Parameter(
                "TestMode",
                "test_mode",
                _YES_NO,
                "No",
                "Process everything, send nothing, report the mail that would fail.",
                refreshable=False,
                since="V2R2, APAR PI48700",
            ),
            Parameter(
                "AtSign",
                "at_sign",
                Symbol(),
                "@",
                "The character that stands for the at sign in commands and headers.",
                since="APAR PI52704",
                evidence="DI",
            ),
            Parameter(
                "TLSEhlo",
                "tls_ehlo",
                _YES_NO,
                "No",
                "Send EHLO again after each TLS handshake; No: only to a target that takes no mail without.",
                since="V2R4",
                evidence="DI",
            ),
            Parameter(
                "ReplaceSubjectAtSign",
                "replace_subject_at_sign",
                _YES_NO,
                "Yes",
                "Replace the AtSign character in Subject: too.",
                since="APAR PH56747",
                evidence="I",
            ),
        ),
        "Assorted switches.",
        since="APAR PM87623, PM94506",
    ),
    Parameter(
        "Report",
        "report",
        ReportDestination(),
        "None",
        "Where the error report of a spool file goes: nowhere, to the mail administrators, or to SYSOUT.",
        evidence="I",
    ),
    Parameter(
        "ReportMailFrom",
        "report_mail_from",
        Mailbox(),
        NO_DEFAULT,
        "MAIL FROM of error report mail; without it the null path.",
        since="V3R2",
        evidence="I",
    ),
    Block(
        "RetryLimit",
        "retry_limit",
        model.RetryLimit,
        (
            Parameter(
                "Count", "count", Integer(0, RETRY_MINUTES, "tries; 0 = no long retry"), "5", "How many times.", evidence="DI"
            ),
            Parameter(
                "Interval",
                "interval_minutes",
                Integer(0, RETRY_MINUTES, "minutes; 0 = no long retry"),
                "1",
                "Pause between two tries.",
                evidence="DI",
            ),
        ),
        f"Long retry, with the mail kept on the spool; Count x Interval is at most {RETRY_MINUTES} minutes.",
    ),
    Block(
        "SMF119",
        "smf119",
        model.Smf119,
        (
            _smf("CONFIG", "config", "Write SMF subtype 48, the configuration."),
            _smf("CONNECT", "connect", "Write SMF subtype 49, connections."),
            _smf("MAIL", "mail", "Write SMF subtype 50, mails."),
            _smf("SPOOL", "spool", "Write SMF subtype 51, spool files."),
            _smf("STATS", "stats", "Write SMF subtype 52, statistics."),
        ),
        "Which SMF type 119 records are written.",
        since="V1R12",
    ),
    Block(
        "TargetServer",
        "targets",
        model.TargetServer,
        (
            Parameter(
                "TargetIp", "ip", IpAddress(), NO_DEFAULT, "A target server's address; unique in the file.", repeatable=True
            ),
            Parameter(
                "TargetName",
                "name",
                HostName(for_address="TargetIp"),
                NO_DEFAULT,
                "A target server's host name; unique in the file.",
                repeatable=True,
            ),
            Parameter(
                "TargetMx",
                "mx",
                HostName(for_address="TargetIp"),
                NO_DEFAULT,
                "A domain whose MX records name the target servers; once in a file, and alone.",
            ),
            Parameter("ConnectPort", "connect_port", Integer(1, 65535), "25", "TCP port.", evidence="R"),
            Parameter(
                "ConnectLimit",
                "connect_limit",
                Integer(1, 50, "connections"),
                "5",
                "Connections at a time to one address.",
                evidence="X",
            ),
            Parameter(
                "MaxMsgSent",
                "max_msg_sent",
                Integer(0, 65535, "mails; 0 = no limit"),
                "0",
                "Mails sent on a connection before it is closed.",
                evidence="X",
            ),
            Parameter(
                "MessageSize",
                "message_size",
                Integer(1, 2147483647, "bytes"),
                "524288",
                "Largest mail for a server that does not announce its own limit (SIZE).",
                evidence="X",
            ),
            Parameter("Secure", "secure", _YES_NO, "No", "Use TLS for every mail; never send in clear.", evidence="R"),
            Parameter(
                "Charset",
                "charset",
                CodePageName(("charset",)),
                "ISO8859-1",
                "Code page in which mail is sent.",
                since="APAR PI73909",
            ),
            Parameter(
                "MBCharset",
                "mbcharset",
                CodePageName(("mbcharset",)),
                NO_DEFAULT,
                "Multi-byte code page in which mail is sent while MBCS is Yes.",
                since="APAR PI93278",
            ),
            extension(
                "TlsCaFile",
                "tls_ca_file",
                AbsolutePath("file"),
                NO_DEFAULT,
                "PEM certificates that are trusted; default: those of the machine.",
                refreshable=True,
            ),
            extension(
                "TlsCertFile", "tls_cert_file", AbsolutePath("file"), NO_DEFAULT, "PEM certificate we show.", refreshable=True
            ),
            extension(
                "TlsKeyFile", "tls_key_file", AbsolutePath("file"), NO_DEFAULT, "PEM key of TlsCertFile.", refreshable=True
            ),
            extension(
                "TlsServerName",
                "tls_server_name",
                HostName(),
                NO_DEFAULT,
                "Name that the server's certificate must have; default: the target's own.",
                refreshable=True,
            ),
            extension(
                "AuthFile",
                "auth_file",
                CredentialSource(),
                NO_DEFAULT,
                "Credentials for AUTH, on connections with TLS.",
                refreshable=True,
            ),
            extension(
                "AuthMechanism",
                "auth_mechanism",
                Choice(model.AuthMechanism),
                "Auto",
                "How to log in; Auto takes the best one that the server offers.",
                refreshable=True,
            ),
            extension(
                "Chunking", "chunking", _YES_NO, "Yes", "Send mail with BDAT (RFC 3030) where it is offered.", refreshable=True
            ),
            extension(
                "PipelineDepth",
                "pipeline_depth",
                Integer(1, 100, "mails"),
                "1",
                "Mails that may be unanswered on a connection; as many may be sent twice when it breaks.",
                refreshable=True,
            ),
        ),
        "A mail server that takes our mail; the order is the order of preference and the first four count.",
        default="required",
        repeatable=True,
    ),
    Block(
        "Timeout",
        "timeout",
        model.Timeout,
        (
            _timeout("AnyCmd", "any_command", 300, "Wait for the reply to any other command."),
            Parameter(
                "ConnectIdle",
                "connect_idle",
                Integer(0, 1200, "seconds; 0 = close at once"),
                "0",
                "How long a connection is kept after the last mail of a spool file.",
                since="APAR PI38893",
                evidence="X",
            ),
            _timeout("ConnectRetry", "connect_retry", 120, "Pause before a target is tried again."),
            _timeout("DataBlock", "data_block", 180, "Wait until a block of mail data is sent."),
            _timeout("DATACmd", "data_command", 120, "Wait for the reply to DATA."),
            _timeout("DataTerm", "data_term", 600, "Wait for the reply to the final period."),
            _timeout("InitialMsg", "initial_message", 300, "Wait for the greeting."),
            _timeout("MAILCmd", "mail_command", 300, "Wait for the reply to MAIL FROM."),
            _timeout("RCPTCmd", "rcpt_command", 300, "Wait for the reply to RCPT TO."),
        ),
        "How long each step of the dialogue with a target may take.",
    ),
    Parameter(
        "Translate",
        "translate",
        CodePageName(("translate", "mbtranslate")),
        "IBM-1047",
        "Code page of the spool files.",
        refreshable=False,
    ),
    Block(
        "Undeliverable",
        "undeliverable",
        model.Undeliverable,
        (
            Parameter(
                "ReturnToMailFrom", "return_to_mail_from", _YES_NO, "Yes", "Send the sender a notice, once.", evidence="DI"
            ),
            Parameter(
                "DeadLetterAction",
                "dead_letter_action",
                Choice(model.DeadLetterAction),
                "Store",
                "Store a dead letter, or delete it.",
                evidence="DI",
            ),
            Parameter(
                "DeadLetterDirectory",
                "dead_letter_directory",
                AbsolutePath(),
                DEAD_LETTER_DIRECTORY,
                "Where dead letters are stored.",
                evidence="DI",
            ),
        ),
        "What becomes of mail that cannot be delivered.",
    ),
    Parameter("UserExit", "user_exit", Choice(model.UserExitLevel), "None", "Which user exit sees the commands.", evidence="I"),
    Block(
        "System",
        "system",
        model.System,
        SYSTEM,
        "What a Linux machine needs to know beside IBM's statements; each has a command line option.",
        since="extension",
        extension=True,
        evidence="X",
    ),
    CODE_PAGES,
)


SCHEMA = Schema(STATEMENTS)
