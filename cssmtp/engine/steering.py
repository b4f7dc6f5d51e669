"""What an operator may change while the gateway runs: suspension, retry queues, levels, the configuration.

Promises: each change is whole or not at all, and told by an event; no mail and no connection in use is lost by any of them.
Never: understands commands or reads files; stops the gateway.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Protocol

from cssmtp.config.diagnostic import Diagnostic, Severity
from cssmtp.config.load import Loaded
from cssmtp.config.model import Configuration, ReportTo, UserExitLevel
from cssmtp.config.refresh import RESTART
from cssmtp.engine.context import Flow
from cssmtp.engine.exits import Exits
from cssmtp.engine.settings import Settings
from cssmtp.observe import facts
from cssmtp.observe.bus import Publish
from cssmtp.observe.events import (
    Cause,
    ConfigurationChanged,
    ConfigurationRefreshed,
    ConfigurationRemark,
    ExtendedRetryFlushed,
    LogLevelChanged,
    LongRetryFlushed,
    ProcessingResumed,
    ProcessingSuspended,
    RefreshRefused,
    TargetsRefreshed,
    UserExitChanged,
    ValueKept,
)
from cssmtp.observe.snapshot import Activity


class Flushable(Protocol):
    """A task whose mails can be taken out of long retry."""

    tkid: int

    def flush(self) -> int: ...


class Extended(Protocol):
    """Extended retry, from which mails can be taken."""

    def flush(self, age_days: int = 0) -> int: ...


class Steering:
    """See the module. `tasks` gives the tasks at work, `wake` makes the supervisor look at `activity` again."""

    def __init__(
        self,
        settings: Settings,
        flow: Flow,
        exits: Exits,
        publish: Publish,
        tasks: Callable[[], Collection[Flushable]],
        wake: Callable[[], None],
    ) -> None:
        self.settings = settings
        self.activity = Activity.ACTIVE
        self._flow = flow
        self._exits = exits
        self._publish = publish
        self._tasks = tasks
        self._wake = wake
        self.extend: Callable[[Configuration], Awaitable[None]] | None = None  # has extended retry follow a configuration
        self.extended: Extended | None = None

    # --- processing

    def suspend(self, activity: Activity) -> None:
        """Take no new spool files; with SUSPENDED_IMMEDIATE files in progress are not read on either (MODIFY SUSPEND).

        Mails that have been read are delivered all the same. Suspending twice the same way changes nothing.
        """
        if self.activity is activity:
            return
        self.activity = activity
        self._flow.pause(activity is Activity.SUSPENDED_IMMEDIATE)
        self._publish(ProcessingSuspended(activity is Activity.SUSPENDED_IMMEDIATE))

    def resume(self) -> None:
        """Go on after `suspend` (MODIFY RESUME)."""
        if self.activity is Activity.ACTIVE:
            return
        self.activity = Activity.ACTIVE
        self._flow.pause(False)
        self._publish(ProcessingResumed())
        self._wake()

    # --- retry

    def flush_task(self, tkid: int) -> int | None:
        """End long retry of a task's mails (MODIFY FLUSHRETRY,TKID=): how many there were, None when there is no such task."""
        work = next((work for work in self._tasks() if work.tkid == tkid), None)
        if work is None:
            return None
        mails = work.flush()
        self._publish(LongRetryFlushed(tkid, mails))
        return mails

    def flush_extended(self, days: int) -> int | None:
        """End extended retry of mails that are `days` old or older (MODIFY FLUSHRETRY,AGE=); None when there is none."""
        if self.extended is None:
            return None
        mails = self.extended.flush(days)
        self._publish(ExtendedRetryFlushed(days, mails))
        return mails

    # --- target servers

    def refresh_addresses(self) -> bool:
        """Resolve TargetName and TargetMx again (MODIFY REFRESHIPLIST). False when no target is in use: test mode."""
        courier = self._flow.courier
        if courier is not None:
            courier.refresh_addresses()
            self._publish(TargetsRefreshed(True))
        return courier is not None

    def refresh_targets(self) -> bool:
        """Learn anew what the target servers can do (MODIFY REFRESHTARGETS). False when no target is in use."""
        courier = self._flow.courier
        if courier is not None:
            courier.refresh_targets()
            self._publish(TargetsRefreshed(False))
        return courier is not None

    # --- levels

    def set_log_level(self, level: int) -> None:
        """MODIFY LOGLEVEL: in effect until the next REFRESH that changes LogLevel."""
        self.settings.set_log_level(level)
        self._publish(LogLevelChanged(level))
        self._publish(ConfigurationChanged(self.settings.now, Cause.LOGLEVEL))

    async def set_user_exit(self, level: UserExitLevel) -> None:
        """MODIFY USEREXIT: for spool files that are begun from now on. Raises ExitError when there is no such exit."""
        await self._exits.settle(replace(self.settings.now, user_exit=level))
        self.settings.set_user_exit(level)
        self._publish(UserExitChanged(level.value))
        self._publish(ConfigurationChanged(self.settings.now, Cause.USEREXIT))

    # --- the configuration

    async def refresh(self, loaded: Loaded) -> list[Diagnostic]:
        """MODIFY REFRESH: what was read from the file takes effect, as far as it may change; the answer is everything to tell.

        With an error among the answers nothing has changed.
        """
        diagnostics = list(loaded.diagnostics)
        if loaded.configuration is not None:
            diagnostics += self.settings.refresh(loaded.configuration)
            diagnostics += self._reports_to_nobody()
        errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
        for diagnostic in diagnostics:
            if diagnostic.remedy == RESTART:
                self._publish(ValueKept(str(diagnostic)))
            else:
                self._publish(ConfigurationRemark(str(diagnostic), facts.Severity(diagnostic.severity.value)))
        now = self.settings.now
        if errors:
            self._publish(RefreshRefused(now.source, errors))
            return diagnostics
        await self._apply(now)
        kept = sum(diagnostic.remedy == RESTART for diagnostic in diagnostics)
        self._publish(ConfigurationRefreshed(now.source, kept))
        self._publish(ConfigurationChanged(now, Cause.REFRESH))
        return diagnostics

    def _reports_to_nobody(self) -> list[Diagnostic]:
        """In test mode targets are used for mailed reports only, so a start without Report Admin has none."""
        now = self.settings.now
        if self._flow.courier is not None or now.report.to is not ReportTo.ADMIN:
            return []
        text = "Report Admin cannot take effect while running in test mode; no report is sent"
        return [Diagnostic(Severity.WARNING, now.source, 0, 0, text, RESTART)]

    async def _apply(self, configuration: Configuration) -> None:
        """Tell those who do not look at the settings by themselves."""
        if self._flow.courier is not None:
            self._flow.courier.reconfigure(configuration)
        if self.extend is not None:
            await self.extend(configuration)
        await self._exits.settle_or_tell(configuration)
