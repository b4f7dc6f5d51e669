"""Text of a configuration file -> `Configuration`.

Promises: `build` is pure, reports everything it finds in one run and gives a configuration exactly when there is no error.
Never: reads a file or the environment (that is `load`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from cssmtp.config import codepage_rules, rules
from cssmtp.config.collect import Collector
from cssmtp.config.diagnostic import Diagnostic, Findings
from cssmtp.config.grammar import Parameter
from cssmtp.config.model import CodePages, Configuration, Options, System
from cssmtp.config.schema import DEAD_LETTER_DIRECTORY, MAIL_DIRECTORY, SCHEMA
from cssmtp.config.syntax import Parser
from cssmtp.config.tokens import words
from cssmtp.config.values import BadValue, CodePageCheck
from cssmtp.errors import UnknownCodePage, UsageError

OVERRIDABLE = (*(field.name for field in fields(System)), "bad_spool_disp", "ext_writer_name", "log_level")
"""What the command line may override: the fields of `System`, and statements that no rule ties to others."""


class NoPages:
    """Overrides name no code pages."""

    def lookup(self, name: str, role: str) -> str:
        raise UnknownCodePage(name)

    def exact(self, name: str) -> bool:
        raise UnknownCodePage(name)

    def label(self, name: str) -> str:
        raise UnknownCodePage(name)


def build(
    text: str,
    *,
    file: str,
    pages: CodePageCheck,
    overrides: Mapping[str, str | None] | None = None,
    strict: bool = False,
) -> tuple[Configuration | None, tuple[Diagnostic, ...]]:
    """Understand the text of a whole file. `file` is its name in messages; `overrides` as in `with_overrides`.

    `strict` adds a warning for each extension used. Undecodable bytes may be in the text as lone surrogates or U+FFFD.
    """
    findings = Findings(file)
    rows = words(text, findings.error)
    statements = Parser(SCHEMA, findings.error).parse(rows)
    given = Collector(findings, pages, strict=strict)
    given.collect(statements)
    configuration = _configuration(given, findings, pages, file)
    try:
        configuration = with_overrides(configuration, **(overrides or {}))
    except UsageError as wrong:
        findings.error(0, 0, str(wrong))
    return None if findings.failed else complete(configuration), findings.diagnostics()


def _configuration(given: Collector, findings: Findings, pages: CodePageCheck, file: str) -> Configuration:
    """Everything given, with the rules applied; what depends on the writer name is still open."""
    rules.check_sizes(given, findings)
    rules.check_long_retry(given.blocks.get("retry_limit"), findings)
    codepage_rules.check_multibyte(given, findings, pages, Configuration(()).translate)
    mailboxes = rules.administrators(given, findings)
    destination = rules.report(given, findings, mailboxes)
    values: dict[str, Any] = {name: entry.value for name, entry in given.singles.items()}
    for block in SCHEMA.blocks():
        found = given.blocks.get(block.field)
        if found is not None:
            values[block.field] = block.make(**found.values())
    options = values.get("code_pages", CodePages())
    codepage_rules.check_approximate(given, findings, pages, options)
    codepage_rules.check_labels(given, findings, pages, options)
    rules.check_test_mode(given, findings, values.get("options", Options()), destination)
    values |= {
        "targets": rules.targets(given, findings),
        "mail_administrators": mailboxes,
        "report": destination,
        "source": file,
    }
    values.setdefault("ext_writer_name", "")
    return Configuration(**values)


def complete(configuration: Configuration) -> Configuration:
    """Fill in what follows from other values: the writer name from the job name, two directories from the writer name."""
    writer = configuration.ext_writer_name or configuration.system.job_name
    undeliverable = configuration.undeliverable
    if not undeliverable.dead_letter_directory:
        undeliverable = replace(undeliverable, dead_letter_directory=dead_letter_directory(writer))
    extended = configuration.extended_retry
    if extended is not None and not extended.mail_directory:
        extended = replace(extended, mail_directory=mail_directory(writer))
    return replace(configuration, ext_writer_name=writer, undeliverable=undeliverable, extended_retry=extended)


def dead_letter_directory(writer: str) -> str:
    """The default DeadLetterDirectory (configuration.md 6)."""
    return DEAD_LETTER_DIRECTORY.replace("<extwrtname>", writer)


def mail_directory(writer: str) -> str:
    """The default MailDirectory (configuration.md 5, inferred)."""
    return MAIL_DIRECTORY.replace("<extwrtname>", writer)


def _override_rows() -> dict[str, Parameter]:
    rows = {row.field: row for row in SCHEMA.statements if isinstance(row, Parameter)}
    rows |= {row.field: row for block in SCHEMA.blocks() if block.field == "system" for row in block.parameters}
    return {name: rows[name] for name in OVERRIDABLE}


def with_overrides(configuration: Configuration, **overrides: str | None) -> Configuration:
    """The configuration with values from the command line: field name (see `OVERRIDABLE`) -> text as in a file; None = not given.

    Raises `errors.UsageError` for a bad value or a field that cannot be overridden. Values already derived from others stay.
    """
    rows = _override_rows()
    system: dict[str, Any] = {}
    top: dict[str, Any] = {}
    for name, text in overrides.items():
        if text is None:
            continue
        if name not in rows:
            raise UsageError(f"{name} cannot be overridden; allowed: {', '.join(OVERRIDABLE)}")
        try:
            value = rows[name].kind.parse([text], NoPages())
        except BadValue as bad:
            remedy = f" ({bad.remedy})" if bad.remedy else ""
            raise UsageError(f"{rows[name].name} on the command line: {bad.text}{remedy}") from None
        (system if hasattr(configuration.system, name) else top)[name] = value
    return replace(configuration, **top, system=replace(configuration.system, **system))
