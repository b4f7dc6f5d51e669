"""The configuration in effect, which MODIFY commands change while the gateway runs.

Promises: `now` is always a whole, consistent configuration; whoever reads it twice may get two, so what must not change in
between is read once. What an operator set by command stays until a REFRESH whose file says something new about it
(operator-commands.md 12).
Never: reads files; applies a change to anything that runs.
"""

from __future__ import annotations

from dataclasses import replace

from cssmtp.config.diagnostic import Diagnostic, Severity
from cssmtp.config.model import Configuration, UserExitLevel
from cssmtp.config.refresh import refresh


class Settings:
    """Holds the configuration in effect (`now`) and what the file said."""

    def __init__(self, configuration: Configuration) -> None:
        self.now = configuration
        self._file = configuration

    def set_log_level(self, level: int) -> None:
        """MODIFY LOGLEVEL."""
        self.now = replace(self.now, log_level=level)

    def set_user_exit(self, level: UserExitLevel) -> None:
        """MODIFY USEREXIT."""
        self.now = replace(self.now, user_exit=level)

    def refresh(self, new: Configuration) -> list[Diagnostic]:
        """Put what a new file says into effect, as far as it may change. The answer is what to tell.

        With an error among the answers nothing has changed. `new` has been built without error, with the overrides of the start.
        """
        effective, diagnostics = refresh(self._file, new)
        if any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics):
            return diagnostics
        before, self._file = self._file, effective
        now = effective
        if effective.log_level == before.log_level:
            now = replace(now, log_level=self.now.log_level)
        if effective.user_exit is before.user_exit:
            now = replace(now, user_exit=self.now.user_exit)
        self.now = now
        return diagnostics
