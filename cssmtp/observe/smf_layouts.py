"""The layouts of SMF type 119 records: IBM's where they are known, and the area of our own behind them.

Promises: IBM's names, offsets and lengths as smf119.md 3 to 8 has them; a table that becomes known is a change of data here.
IBM's sections that nobody knows stay empty: nothing of ours is put under a section number of IBM's.
Never: reads or writes a record (that is `smf`).

Our area (smf119.md 11, proposal): it begins at the first byte behind the last section that a triplet names, where a reader that
follows the triplets never looks. Within a version a layout gets further fields only at its very end, each of variable length;
any other change raises AREA_VERSION.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from cssmtp.observe.smf_fields import Layout
from cssmtp.observe.smf_format import Field, Format

RECORD_TYPE = 119
RECORD_FLAG = 0x40
"""The flag byte: bit 1, "there is a subtype". What CSSMTP itself sets is not known."""

SUBSYSTEM = ""
"""The subsystem id of the header: blank, as CSSMTP's own is not known."""

COMPONENT = "CSSMTP"
REASON_EVENT = 0x08
"""The reason code of every CSSMTP record, statistics included (smf119.md 1 and 5)."""

AREA_EYE = "BMGX"
AREA_VERSION = 1


class Subtype(enum.IntEnum):
    """The records of CSSMTP (smf119.md 1)."""

    CONFIG = 48
    CONNECT = 49
    MAIL = 50
    SPOOL = 51
    STATS = 52


def _binary(name: str, length: int, meaning: str) -> Field:
    return Field(name, length, Format.BINARY, meaning)


def _text(name: str, length: int, meaning: str) -> Field:
    return Field(name, length, Format.TEXT, meaning)


def _stamp(name: str, meaning: str) -> Field:
    return Field(name, 8, Format.STAMP, meaning)


def _switch(name: str, meaning: str) -> Field:
    return Field(name, 1, Format.SWITCH, meaning)


def _vartext(name: str, meaning: str) -> Field:
    return Field(name, 0, Format.VARTEXT, meaning)


HEADER = Layout(
    "standard header",
    (
        _binary("record_length", 2, "length of the record; of the first segment when it is spanned"),
        _binary("segment", 2, "segment descriptor"),
        _binary("flag", 1, "record flag"),
        _binary("record_type", 1, "119"),
        Field("time", 4, Format.TIME, "local time the record was written"),
        Field("date", 4, Format.DATE, "local date of that"),
        _text("system_id", 4, "system: the first four characters of SystemName"),
        _text("subsystem_id", 4, "blank"),
        _binary("subtype", 2, "48 to 52"),
    ),
)

TRIPLETS = Layout(
    "self-defining section",
    (_binary("SMF119SD_TRN", 2, "number of triplets"), Field("reserved", 2, Format.ZEROS, "reserved")),
)

TRIPLET = Layout(
    "triplet",
    (
        _binary("offset", 4, "offset of the section from the start of the record"),
        _binary("length", 2, "length of one section"),
        _binary("number", 2, "how many; 0 = the section is absent"),
    ),
)

IDENTIFICATION = Layout(
    "TCP/IP identification section",
    (
        _text("SMF119TI_SysName", 8, "SystemName"),
        _text("SMF119TI_SysplexName", 8, "blank"),
        _text("SMF119TI_Stack", 8, "blank unless started with -p"),
        _text("SMF119TI_ReleaseID", 8, "blank"),
        _text("SMF119TI_Comp", 8, "CSSMTP"),
        _text("SMF119TI_ASName", 8, "our job name"),
        _text("SMF119TI_UserID", 8, "the user the gateway runs as, in capitals"),
        Field("reserved", 2, Format.BLANKS, "reserved"),
        _binary("SMF119TI_ASID2", 2, "the last 16 bits of the process id"),
        _binary("SMF119TI_Reason", 1, "X'08'"),
        Field("rest", 3, Format.ZEROS, "not known"),
    ),
)

COMMON = Layout(
    "common information section",
    (
        _text("SMF119ML_CI_JOB", 8, "our job name"),
        Field("SMF119ML_CI_Entry", 4, Format.TIME, "local time the gateway started"),
        Field("SMF119ML_CI_EDate", 4, Format.DATE, "local date of that"),
        _text("SMF119ML_CI_USEID", 8, "blank"),
        _text("SMF119ML_CI_EXTWRT", 8, "external writer name"),
        _text("SMF119ML_CI_Jes", 4, "blank"),
    ),
)

SPOOL_IDENTIFICATION = Layout(
    "spool identification section",
    (
        _text("SMF119ML_SI_Job", 8, "job name"),
        Field("SMF119ML_SI_Entry", 4, Format.TIME, "0: a spool file does not say when its job was read in"),
        Field("SMF119ML_SI_EDate", 4, Format.DATE, "0, as before"),
        _text("SMF119ML_SI_USEID", 8, "blank"),
        _text("SMF119ML_SI_JobId", 8, "job id"),
        _text("SMF119ML_SI_SYS", 8, "blank"),
        _text("SMF119ML_SI_XEQ", 8, "node on which the job ran"),
        _text("SMF119ML_SI_CRER", 8, "owner of the spool file"),
        _binary("SMF119ML_SI_TKID", 4, "task id"),
        _binary("SMF119ML_SI_Jnum", 4, "job number: the digits of the job id"),
        _binary("SMF119ML_SI_Dsky", 4, "0"),
        _binary("SMF119ML_SI_Dsnm", 4, "data set number"),
    ),
)

MAIL_IDENTIFICATION = Layout(
    "mail identification section",
    (
        Field("SMF119ML_MI_STime", 4, Format.TIME, "local time the mail was read from the spool"),
        Field("unknown", 56, Format.ZEROS, "not known; what it must say is in our area"),
    ),
)

SECTIONS: dict[Subtype, tuple[Layout | None, ...]] = {
    Subtype.CONFIG: (COMMON, None),
    Subtype.CONNECT: (COMMON, None),
    Subtype.MAIL: (COMMON, SPOOL_IDENTIFICATION, MAIL_IDENTIFICATION, None),
    Subtype.SPOOL: (COMMON, SPOOL_IDENTIFICATION, None, None, None),
    Subtype.STATS: (COMMON, None, None, None, None),
}
"""IBM's data sections 1 to 5 by subtype (smf119.md 4); None for those whose layout is not known, which are written as absent."""


# --- our area


AREA = Layout(
    "area head",
    (
        _text("eye", 4, "BMGX"),
        _binary("version", 2, "version of the layouts that follow"),
        _binary("groups", 2, "how many groups follow"),
    ),
)

GROUP = Layout(
    "group head",
    (
        _binary("kind", 2, "which layout its entries have"),
        _binary("entries", 2, "how many entries follow; each begins with its length in 4 bytes, which are counted in it"),
        _binary("length", 4, "bytes of the group, these 8 included; a reader passes over a kind that it does not know"),
    ),
)

CONFIGURATION = Layout(
    "configuration",
    (
        _stamp("since", "when it came into effect"),
        _text("cause", 8, "START, REFRESH, LOGLEVEL or USEREXIT"),
        _switch("test_mode", "Options TestMode"),
        _switch("mbcs", "MBCS"),
        _binary("log_level", 2, "LogLevel"),
        _binary("targets", 2, "number of TargetServer statements"),
        _text("user_exit", 8, "UserExit"),
        _vartext("version", "version of the gateway"),
        _vartext("source", "configuration file"),
    ),
)

SETTING = Layout(
    "setting",
    (
        _vartext("name", "statement, or statement and parameter; [n] counts those that may be repeated"),
        _vartext("value", "value in effect, spelled as in a file"),
    ),
)

CONNECTION = Layout(
    "connection",
    (
        _stamp("opened", "when it was ready for mail"),
        _stamp("closed", "when it ended"),
        _binary("key", 4, "number of the connection"),
        _binary("local_port", 2, "our port"),
        _binary("port", 2, "the target's port"),
        _switch("esmtp", "ESMTP (else SMTP)"),
        _switch("secure", "the target's Secure"),
        _switch("encrypted", "TLS was in use"),
        _binary("tls_bits", 2, "key length of the cipher"),
        _stamp("tls_expires", "end of validity of the server's certificate"),
        _text("tls_protocol", 8, "TLSv1.3 or TLSv1.2; blank without TLS"),
        _binary("mails", 4, "mails that got their final answer"),
        _binary("delivered", 4, "of which at least one recipient was delivered"),
        _binary("octets", 8, "bytes sent"),
        _vartext("local", "our address"),
        _vartext("address", "the target's address"),
        _vartext("server", "how the server introduced itself"),
        _vartext("tls_cipher", "name of the cipher"),
        _vartext("tls_subject", "subject of the server's certificate"),
        _vartext("tls_issuer", "its issuer"),
        _vartext("tls_serial", "its serial number"),
        _vartext("reason", "why the connection ended"),
    ),
)

MAIL = Layout(
    "mail",
    (
        _stamp("read", "when it was read from the spool"),
        _stamp("ended", "when all its recipients were final"),
        _binary("number", 4, "number of the mail in the spool file"),
        _binary("octets", 8, "size"),
        _binary("tries", 4, "attempts"),
        _binary("recipients", 4, "recipients, those that were no valid path included"),
        _binary("delivered", 4, "recipients delivered"),
        _text("result", 16, "sent, partly, undeliverable, rejected or discarded"),
        _switch("tls_required", "STARTTLS of the deck"),
        _switch("encrypted", "every delivered recipient was reached with TLS"),
        _text("tls_protocol", 8, "protocol of the last connection to the target"),
        _vartext("spool_id", "the spool's id of the file"),
        _vartext("sender", "reverse-path"),
        _vartext("target", "address of the target that spoke last"),
        _vartext("reason", "last reply, or why not"),
    ),
)

RECIPIENT = Layout(
    "recipient",
    (
        _text("verdict", 16, "delivered, undeliverable or retry"),
        _vartext("address", "as the deck has it"),
        _vartext("target", "address of the target that spoke"),
        _vartext("reason", "the reply, or why not"),
    ),
)

SPOOL_FILE = Layout(
    "spool file",
    (
        _stamp("begun", "when it was taken"),
        _stamp("ended", "when it was disposed of"),
        _binary("records", 4, "records read"),
        _binary("octets", 8, "bytes read"),
        _binary("mails", 4, "mails"),
        _binary("sent", 4, "of which sent to all recipients"),
        _binary("undeliverable", 4, "of which undeliverable to at least one"),
        _binary("rejected", 4, "of which rejected for errors of the deck"),
        _binary("discarded", 4, "of which discarded in test mode"),
        _binary("errors", 4, "errors that count to JESSyntaxErrLimit"),
        _binary("faults", 4, "lines of the error report"),
        _text("disposition", 8, "delete, keep or hold"),
        _vartext("spool_id", "the spool's id of the file"),
        _vartext("writer", "writer name it was sent to"),
        _vartext("name", "its name in the drop zone"),
    ),
)

STATISTICS = Layout(
    "statistics",
    (
        _stamp("begun", "begin of the interval"),
        _stamp("ended", "its end"),
        _switch("final", "the gateway ends"),
        _binary("files_deleted", 4, "spool files deleted"),
        _binary("files_kept", 4, "kept as their own disposition says"),
        _binary("files_held", 4, "held"),
        _binary("files_bad", 4, "of all these: bad spool files"),
        _binary("mails_sent", 4, "mails sent to all recipients"),
        _binary("mails_partly", 4, "to some"),
        _binary("mails_undeliverable", 4, "to none"),
        _binary("mails_rejected", 4, "rejected for errors of the deck"),
        _binary("mails_discarded", 4, "discarded in test mode"),
        _binary("octets", 8, "size of the mails that ended"),
        _binary("recipients_delivered", 8, "recipients delivered"),
        _binary("recipients_failed", 8, "recipients not delivered"),
        _binary("long_retries", 8, "times a mail went to long retry"),
        _binary("notices", 4, "undeliverable notices accepted"),
        _binary("dead_letters", 4, "dead letters stored"),
        _binary("substitutions", 8, "characters that a Charset lacked"),
        _binary("waiting", 4, "mails waiting for a connection at the end"),
        _binary("long_retry", 4, "mails in long retry at the end"),
        _binary("long_retry_peak", 4, "most seen in the interval"),
        _binary("tasks", 4, "spool tasks at the end"),
        _binary("oldest", 4, "seconds that the oldest waiting mail has waited"),
        _binary("storage", 8, "most memory the process has ever held, bytes"),
    ),
)

EXTENDED = Layout(
    "extended retry",
    (
        _binary("current", 4, "mails in extended retry at the end of the interval"),
        _binary("peak", 4, "most seen in the interval"),
        _binary("came", 4, "mails that went into it in the interval; in the first one, those found in MailDirectory too"),
        _binary("expired", 4, "mails that ended for Age or FLUSHRETRY, not everybody having got them"),
    ),
)

PARKED = Layout("waiting mails", (_binary("extended", 4, "mails of the file that went into extended retry"),))

TARGET = Layout(
    "target",
    (
        _binary("port", 2, "port"),
        _binary("opened", 4, "connections opened in the interval"),
        _binary("closed", 4, "connections closed"),
        _binary("failures", 4, "times it became unusable"),
        _binary("mails", 8, "mails answered on the connections closed"),
        _binary("octets", 8, "bytes sent on them"),
        _vartext("address", "address"),
    ),
)

ANSWERS = Layout(
    "answers",
    (
        _text("reply_class", 8, "2, 4, 5, or none when no server spoke"),
        _binary("count", 8, "last answers per recipient that ended or went to retry"),
    ),
)


@dataclass(frozen=True)
class Kind:
    """A kind of group in our area: its number, the name of its values, its layout."""

    number: int
    name: str
    layout: Layout


KINDS = (
    Kind(10, "configuration", CONFIGURATION),
    Kind(11, "settings", SETTING),
    Kind(20, "connection", CONNECTION),
    Kind(30, "mail", MAIL),
    Kind(31, "recipients", RECIPIENT),
    Kind(40, "spool_file", SPOOL_FILE),
    Kind(41, "parked", PARKED),
    Kind(50, "statistics", STATISTICS),
    Kind(51, "targets", TARGET),
    Kind(52, "answers", ANSWERS),
    Kind(53, "extended", EXTENDED),
)

GROUPS: dict[Subtype, tuple[str, ...]] = {
    Subtype.CONFIG: ("configuration", "settings"),
    Subtype.CONNECT: ("connection",),
    Subtype.MAIL: ("mail", "recipients"),
    Subtype.SPOOL: ("spool_file", "parked"),
    Subtype.STATS: ("statistics", "targets", "answers", "extended"),
}
"""The groups of our area by subtype, in their order; the first has one entry."""
