"""The exceptions that cross a border of the project.

Promises: each carries the exit status of a command that ends with it, and a one-line text fit for a terminal.
Never: used for faults in users' data that processing survives; those are values (`Fault`, `Diagnostic`).
"""

from __future__ import annotations


class CssmtpError(Exception):
    """Base of all our exceptions. `exit_code` is what a command returns that ends with it (2 unless a subclass says more)."""

    exit_code = 2

    def show(self) -> str:
        """One line for a person: what is wrong and, where known, the remedy."""
        return str(self)


class UsageError(CssmtpError):
    """The command line cannot be understood or obeyed."""


class ConfigurationError(CssmtpError):
    """A configuration that cannot be used. `diagnostics` holds every finding as lines ready to print."""

    def __init__(self, diagnostics: list[str]) -> None:
        super().__init__("\n".join(diagnostics))
        self.diagnostics = diagnostics


class SpoolError(CssmtpError):
    """The spool itself (not one file in it) cannot be used: missing, not writable, full."""


class UnreadableData(CssmtpError):
    """One spool file whose bytes cannot be understood as records. The file is held with this text; others go on."""


class UnsendableMail(CssmtpError):
    """One mail that cannot be sent to one target as it is. For its recipients there it is undeliverable, with this text."""


class UnknownCodePage(CssmtpError):
    """A code page name outside the registry. `near` are registered names that look like it."""

    def __init__(self, name: str, near: tuple[str, ...] = ()) -> None:
        hint = f" (did you mean {', '.join(near)}?)" if near else ""
        super().__init__(f"code page {name!r} is not known{hint}")
        self.name = name
        self.near = near
