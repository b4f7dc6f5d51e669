"""Rules that span statements (configuration.md 3 to 10), checked when the whole file is read.

Promises: each rule is one function that reports with the place of the statement to change and returns what is in effect.
A rule is silent about values that were bad by themselves.
Never: touches a rule of a single value (that is `values`).
"""

from __future__ import annotations

from collections.abc import Iterator

from cssmtp.config.collect import TARGET_FIELDS, Collector, Given, GivenBlock
from cssmtp.config.diagnostic import Findings
from cssmtp.config.model import AddressKind, Options, Report, ReportTo, RetryLimit, TargetAddress, TargetServer
from cssmtp.config.schema import RETRY_MINUTES

MAX_TARGETS = 4
MAX_ADMINISTRATORS = 4

NO_REPORT_TEXT = "EZD1841I TestMode Yes without a destination for error reports, which are its only output"
NO_REPORT_REMEDY = "write Report Sysout A, or Report Admin with a MailAdministrator"

_KINDS = dict(zip(TARGET_FIELDS, AddressKind, strict=True))


def check_sizes(given: Collector, findings: Findings) -> None:
    """JESMsgSize is at most JESJobSize, where 0 is unlimited (configuration.md 4). 0 for the mail only is fine."""
    job, message = given.singles.get("jes_job_size"), given.singles.get("jes_msg_size")
    if job is None or message is None:
        return
    if 0 < job.value < message.value:
        text = f"JESMsgSize {message.value} is more than JESJobSize {job.value} in line {job.word.line}"
        findings.error(
            message.word.line, message.word.column, text, "a mail cannot be larger than its spool file: lower JESMsgSize"
        )


def check_long_retry(block: GivenBlock | None, findings: Findings) -> None:
    """Count x Interval is at most 7200 minutes; an omitted one counts with its default (configuration.md 5)."""
    if block is None or block.failed:
        return
    values = block.values()
    default = RetryLimit()
    count, interval = values.get("count", default.count), values.get("interval_minutes", default.interval_minutes)
    if count * interval > RETRY_MINUTES:
        last = block.entries[-1].word
        text = f"Count {count} x Interval {interval} is {count * interval} minutes; {RETRY_MINUTES} are allowed"
        findings.error(last.line, last.column, text, "lower one of them; ExtendedRetry is for longer times")


def administrators(given: Collector, findings: Findings) -> tuple[str, ...]:
    """The first four different mailboxes in file order; a mailbox that stands twice is ignored the second time."""
    used: dict[str, Given] = {}
    for entry in given.repeated.get("mail_administrators", []):
        mailbox = str(entry.value)
        word = entry.word
        if mailbox in used:
            text = f"MailAdministrator {mailbox} stands in line {used[mailbox].word.line} already and is ignored here"
            findings.warning(word.line, word.column, text, "remove it")
        elif len(used) == MAX_ADMINISTRATORS:
            text = f"MailAdministrator {mailbox} is ignored: only the first {MAX_ADMINISTRATORS} are used"
            findings.warning(word.line, word.column, text, "use a mailing list")
        else:
            used[mailbox] = entry
    return tuple(used)


def report(given: Collector, findings: Findings, mailboxes: tuple[str, ...]) -> Report:
    """The destination in effect: Admin without administrators is None (configuration.md 6)."""
    wanted: Report = given.value("report", Report())
    if wanted.to is ReportTo.ADMIN and not mailboxes and "mail_administrators" not in given.failed:
        line, column = given.place("report")
        text = "Report Admin without a MailAdministrator: no reports will be made"
        findings.warning(line, column, text, "add a MailAdministrator, or write Report Sysout A")
        return Report(ReportTo.NONE)
    return wanted


def check_test_mode(given: Collector, findings: Findings, options: Options, destination: Report) -> None:
    """Test mode without a destination for reports draws EZD1841I: the report is its only output (configuration.md 9)."""
    if options.test_mode and destination.to is ReportTo.NONE and "report" not in given.failed:
        entry = given.blocks["options"].find("test_mode")
        place = (entry.word.line, entry.word.column) if entry is not None else (0, 0)
        findings.warning(*place, NO_REPORT_TEXT, NO_REPORT_REMEDY)


def _addresses(blocks: list[GivenBlock]) -> Iterator[tuple[GivenBlock, Given]]:
    return ((block, entry) for block in blocks for entry in block.entries if entry.row.field in TARGET_FIELDS)


def targets(given: Collector, findings: Findings) -> tuple[TargetServer, ...]:
    """The target servers in effect, in file order, with the first four addresses (configuration.md 3)."""
    if not given.targets:
        remedy = "add a TargetServer block with TargetIp, TargetName or TargetMx"
        findings.error(0, 0, "the file has no TargetServer statement; at least one is required", remedy)
    for block in given.targets:
        if not any(block.find(name) or name in block.failed for name in TARGET_FIELDS):
            text = "this TargetServer has no TargetIp, TargetName or TargetMx; one is required"
            findings.error(block.word.line, block.word.column, text, "add one of them, or remove the block")
        _check_credentials(block, findings)
    _check_mx(given.targets, findings)
    _check_unique(given.targets, findings)
    used = _first_four(given.targets, findings)
    built = []
    for block in given.targets:
        addresses = tuple(TargetAddress(_KINDS[e.row.field], str(e.value)) for b, e in used if b is block)
        if addresses:
            values = {name: value for name, value in block.values().items() if name not in TARGET_FIELDS}
            built.append(TargetServer(addresses, **values))
    return tuple(built)


def _check_mx(blocks: list[GivenBlock], findings: Findings) -> None:
    """TargetMx stands once in a file and alone."""
    found = list(_addresses(blocks))
    records = [entry for _, entry in found if entry.row.field == "mx"]
    others = [entry for _, entry in found if entry.row.field != "mx"]
    for entry in records[1:]:
        text = f"TargetMx stands in line {records[0].word.line} already; it is allowed once in a file"
        findings.error(entry.word.line, entry.word.column, text, "keep one of them")
    if records and others:
        word, other = records[0].word, others[0]
        text = f"TargetMx excludes {other.row.name}, which stands in line {other.word.line}"
        findings.error(word.line, word.column, text, "name the targets in one way: TargetMx, or TargetIp and TargetName")


def _check_unique(blocks: list[GivenBlock], findings: Findings) -> None:
    """Each TargetIp and TargetName stands once; names are compared as DNS does."""
    seen: dict[tuple[str, str], Given] = {}
    for _, entry in _addresses(blocks):
        if entry.row.field == "mx":
            continue
        key = (entry.row.field, str(entry.value).lower().removesuffix("."))
        first = seen.setdefault(key, entry)
        if first is not entry:
            text = f"{entry.row.name} {entry.value} stands in line {first.word.line} already; each must be unique"
            findings.error(entry.word.line, entry.word.column, text, "remove one of them")


def _first_four(blocks: list[GivenBlock], findings: Findings) -> list[tuple[GivenBlock, Given]]:
    found = list(_addresses(blocks))
    for _, entry in found[MAX_TARGETS:]:
        text = f"{entry.row.name} {entry.value} is ignored: only the first {MAX_TARGETS} targets are used"
        findings.warning(entry.word.line, entry.word.column, text, "remove it, or let one TargetName stand for several addresses")
    return found[:MAX_TARGETS]


def _check_credentials(block: GivenBlock, findings: Findings) -> None:
    """A key needs its certificate; credentials that clear connections do not use draw a warning (extension)."""
    key, secret = block.find("tls_key_file"), block.find("auth_file")
    if key is not None and block.find("tls_cert_file") is None and "tls_cert_file" not in block.failed:
        findings.error(key.word.line, key.word.column, "TlsKeyFile without TlsCertFile", "add TlsCertFile, or remove TlsKeyFile")
    if secret is not None and not block.values().get("secure", False) and "secure" not in block.failed:
        text = "AuthFile with Secure No: on a connection without TLS nobody logs in"
        findings.warning(secret.word.line, secret.word.column, text, "write Secure Yes")
