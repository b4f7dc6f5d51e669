"""What MODIFY REFRESH makes of a new file, by the column "changed by REFRESH" of configuration.md 1.

Promises: pure; a value that cannot change while running keeps its old value, with a warning that names both; the rest is new.
Never: lets values stand side by side that a fresh start would refuse: then the new file is rejected as a whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cssmtp.codepage.registry import lookup
from cssmtp.config import rules
from cssmtp.config.build import dead_letter_directory, mail_directory
from cssmtp.config.diagnostic import Diagnostic, Severity
from cssmtp.config.grammar import Block, Parameter
from cssmtp.config.model import Configuration, ReportTo
from cssmtp.config.schema import SCHEMA

RESTART = "stop and restart the gateway to change it"


def refresh(running: Configuration, new: Configuration) -> tuple[Configuration, list[Diagnostic]]:
    """The configuration in effect after a REFRESH, and what to tell log and console (product words: old value kept).

    When the kept values and the new ones do not fit together the answer is `running` itself and an error. `new` has been
    built without error; a changed order of targets or administrators is a change like any other.
    """
    diagnostics: list[Diagnostic] = []
    kept: dict[str, Any] = {}
    for row in SCHEMA.statements:
        old, fresh = getattr(running, row.field), getattr(new, row.field)
        if isinstance(row, Parameter):
            if not row.refreshable and old != fresh:
                kept[row.field] = old
                diagnostics.append(_kept(new.source, row.name, row.kind.show(old), row.kind.show(fresh)))
        elif row.field != "targets" and old is not None and fresh is not None:
            kept[row.field] = _block(row, old, _with_writer(running, new, row.field, fresh), diagnostics, new.source)
    effective = replace(new, **kept)
    if effective.mbcs and not all(target.mbcharset for target in effective.targets):
        text = (
            "MBCS Yes is in effect until a restart, but a TargetServer of the new file has no MBCharset; the new file is rejected"
        )
        remedy = "add MBCharset to each TargetServer, or restart"
        return running, [Diagnostic(Severity.ERROR, new.source, 0, 0, text, remedy)]
    approximate = [] if effective.code_pages.allow_approximate else _approximate(effective)
    if approximate:
        text = f"{', '.join(approximate)} in effect is approximate and AllowApproximate is No; the new file is rejected"
        return running, [Diagnostic(Severity.ERROR, new.source, 0, 0, text, "write AllowApproximate Yes, or restart")]
    if effective.options.test_mode and not new.options.test_mode and effective.report.to is ReportTo.NONE:
        diagnostics.append(Diagnostic(Severity.WARNING, new.source, 0, 0, rules.NO_REPORT_TEXT, rules.NO_REPORT_REMEDY))
    return effective, diagnostics


def _approximate(configuration: Configuration) -> list[str]:
    """The pages of a configuration whose tables are not IBM's for certain."""
    charsets = [name for target in configuration.targets for name in (target.charset, target.mbcharset) if name]
    return [name for name in dict.fromkeys([configuration.translate, *charsets]) if not lookup(name).exact]


def _block(row: Block, old: Any, fresh: Any, diagnostics: list[Diagnostic], source: str) -> Any:
    """The new block with the old values of parameters that cannot change."""
    kept = {}
    for parameter in row.parameters:
        before, after = getattr(old, parameter.field), getattr(fresh, parameter.field)
        if not parameter.refreshable and before != after:
            kept[parameter.field] = before
            name = f"{row.name} {parameter.name}"
            diagnostics.append(_kept(source, name, parameter.kind.show(before), parameter.kind.show(after)))
    return replace(fresh, **kept)


def _with_writer(running: Configuration, new: Configuration, name: str, block: Any) -> Any:
    """A default directory is built from the writer name; the one of the running gateway stays in it."""
    old, fresh = running.ext_writer_name, new.ext_writer_name
    if name == "undeliverable" and block.dead_letter_directory == dead_letter_directory(fresh):
        return replace(block, dead_letter_directory=dead_letter_directory(old))
    if name == "extended_retry" and block.mail_directory == mail_directory(fresh):
        return replace(block, mail_directory=mail_directory(old))
    return block


def _kept(source: str, name: str, old: str, fresh: str) -> Diagnostic:
    text = f"{name} {fresh or '(none)'} cannot take effect while running; {old or '(none)'} stays"
    return Diagnostic(Severity.WARNING, source, 0, 0, text, RESTART)
