"""What each command does: a `Command` in, a `Reply` out.

Promises: a command is either done as a whole or refused with one line, and then nothing has changed; every command is told to
the log. A fault of ours in one command costs the gateway nothing.
Never: understands text (`grammar`), lays anything out (`display`, `listings`).
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from cssmtp.config.diagnostic import Severity
from cssmtp.config.load import Loaded
from cssmtp.config.model import UserExitLevel
from cssmtp.console import listings
from cssmtp.console.display import configuration_display, configuration_json
from cssmtp.console.grammar import Command, Misunderstood, Verb, parse
from cssmtp.console.reply import Reply, done, refused, shown
from cssmtp.engine.exits import ExitError
from cssmtp.engine.supervisor import Gateway
from cssmtp.observe.bus import Publish
from cssmtp.observe.events import CommandReceived, CommandRefused, InternalError
from cssmtp.observe.log import Log
from cssmtp.observe.snapshot import Activity, Snapshot

ANYBODY = "-"
"""The procedure name of a request that is for whoever listens."""


class Operator:
    """Obeys the operator of one gateway. `reload` reads the configuration file again as at the start, in a thread."""

    def __init__(self, gateway: Gateway, log: Log, reload: Callable[[], Loaded], publish: Publish) -> None:
        self._gateway = gateway
        self._steering = gateway.steering
        self._log = log
        self._reload = reload
        self._publish = publish
        self._actions: dict[Verb, Callable[[str], Reply | Awaitable[Reply]]] = {
            Verb.DISPLAY_CONFIG: self._display_config,
            Verb.DISPLAY_IPLIST: lambda _: shown(listings.ip_list(self._snapshot())),
            Verb.DISPLAY_LOGLEVEL: lambda _: shown(listings.log_level(self._snapshot())),
            Verb.DISPLAY_SPOOLSTATUS_SUMMARY: lambda _: shown(listings.spool_status(self._snapshot())),
            Verb.DISPLAY_SPOOLSTATUS_DETAIL: self._display_detail,
            Verb.DISPLAY_TARGETS: self._display_targets,
            Verb.FLUSHRETRY_AGE: self._flush_age,
            Verb.FLUSHRETRY_TKID: self._flush_task,
            Verb.LOGLEVEL: self._log_level,
            Verb.REFRESH: self._refresh,
            Verb.REFRESHIPLIST: self._refresh_addresses,
            Verb.REFRESHTARGETS: self._refresh_targets,
            Verb.RESUME: self._resume,
            Verb.SUSPEND_IMMEDIATE: lambda _: self._suspend(Activity.SUSPENDED_IMMEDIATE),
            Verb.SUSPEND_DELAY: lambda _: self._suspend(Activity.SUSPENDED_DELAY),
            Verb.USEREXIT: self._user_exit,
            Verb.STOP: self._stop,
        }

    async def obey(self, verb: str, procedure: str, operands: str, user: str) -> Reply:
        """A request of the control socket (see `channel`)."""
        if verb == "SNAPSHOT":
            return Reply(True, ("",), as_data(self._snapshot()))
        text = f"{verb} {operands}".strip()
        self._publish(CommandReceived(text, user))
        command = parse(operands) if verb == "MODIFY" else Command(Verb.STOP)
        own = self._steering.settings.now.system.job_name.upper()
        if verb not in ("MODIFY", "STOP"):
            command = Misunderstood("a request is MODIFY, STOP or SNAPSHOT")
        elif procedure.upper() not in (ANYBODY, own):
            command = Misunderstood(f"this gateway is {own}, not {procedure.upper()[:16]}")
        if isinstance(command, Misunderstood):
            reply = refused(operands or verb, command.text)
        else:
            reply = await self.do(command)
        if not reply.ok:
            self._publish(CommandRefused(text, str(reply.data.get("text", ""))))
        return reply

    async def do(self, command: Command) -> Reply:
        """Do one command that has been understood."""
        try:
            answer = self._actions[command.verb](command.value)
            return answer if isinstance(answer, Reply) else await answer
        except Exception as error:
            self._publish(InternalError("operator command", f"{type(error).__name__}: {error}"))
            return refused(command.verb.value, f"internal error: {type(error).__name__}: {error}")

    def _snapshot(self) -> Snapshot:
        return self._gateway.snapshot(self._log.level)

    # displays

    def _display_config(self, _: str) -> Reply:
        snapshot = self._snapshot()
        configuration, state = snapshot.configuration, snapshot.activity.value
        text = configuration_display(configuration, configuration.source, state)
        return Reply(True, tuple(text.splitlines()), configuration_json(configuration, configuration.source, state))

    def _display_detail(self, tkid: str) -> Reply:
        listing = listings.spool_detail(self._snapshot(), int(tkid) if tkid else None)
        return shown(listing) if listing is not None else _no_task(Verb.DISPLAY_SPOOLSTATUS_DETAIL, tkid)

    def _display_targets(self, address: str) -> Reply:
        listing = listings.targets(self._snapshot(), address)
        if listing is None:
            return refused(Verb.DISPLAY_TARGETS.value, f"no target server has the address {address}; see DISPLAY,IPLIST")
        return shown(listing)

    # retry

    def _flush_task(self, tkid: str) -> Reply:
        mails = self._steering.flush_task(int(tkid))
        if mails is None:
            return _no_task(Verb.FLUSHRETRY_TKID, tkid)
        return done(f"long retry of task {tkid} ended for mails: {mails}", mails=mails)

    def _flush_age(self, days: str) -> Reply:
        mails = self._steering.flush_extended(int(days))
        if mails is None:
            return refused(Verb.FLUSHRETRY_AGE.value, "there is no extended retry")
        return done(f"extended retry ended for mails of {days} days or more: {mails}", mails=mails)

    # processing

    def _suspend(self, activity: Activity) -> Reply:
        self._steering.suspend(activity)
        return done(f"state is {activity.value}", state=activity.value)

    def _resume(self, _: str) -> Reply:
        self._steering.resume()
        return done(f"state is {Activity.ACTIVE.value}", state=Activity.ACTIVE.value)

    def _stop(self, _: str) -> Reply:
        self._gateway.stop("operator command")
        return done("stopping")

    # settings

    def _log_level(self, level: str) -> Reply:
        self._steering.set_log_level(int(level))
        self._log.set_level(int(level))
        return done(f"LogLevel is {level}", level=int(level))

    async def _user_exit(self, level: str) -> Reply:
        try:
            await self._steering.set_user_exit(UserExitLevel(level))
        except ExitError as error:
            return refused(Verb.USEREXIT.value, str(error))
        return done(f"user exit level is {level}", level=level)

    async def _refresh(self, _: str) -> Reply:
        loaded = await asyncio.to_thread(self._reload)
        source = self._steering.settings.now.source
        diagnostics = await self._steering.refresh(loaded)
        said = [str(diagnostic) for diagnostic in diagnostics]
        if any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics):
            return refused(Verb.REFRESH.value, "the configuration is refused and nothing has changed", said)
        self._log.set_level(self._steering.settings.now.log_level)
        return done(f"configuration {source} is in effect", *said)

    def _refresh_addresses(self, _: str) -> Reply:
        return self._targets(self._steering.refresh_addresses(), Verb.REFRESHIPLIST, "names are being resolved again")

    def _refresh_targets(self, _: str) -> Reply:
        return self._targets(self._steering.refresh_targets(), Verb.REFRESHTARGETS, "target servers are being examined again")

    def _targets(self, any_there: bool, verb: Verb, what: str) -> Reply:
        return done(what) if any_there else refused(verb.value, "no target server is in use in test mode")


def _no_task(verb: Verb, tkid: str) -> Reply:
    return refused(verb.value, f"no task has the id {tkid}; see DISPLAY,SPOOLSTATUS")


def as_data(value: Any) -> Any:
    """A snapshot as JSON shows it: enumerations by value, times as text; the configuration is not in it."""
    match value:
        case enum.Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case tuple() | list():
            return [as_data(one) for one in value]
        case _ if dataclasses.is_dataclass(value):
            names = (field.name for field in dataclasses.fields(value))
            found = {name: as_data(getattr(value, name)) for name in names if name != "configuration"}
            if isinstance(value, Snapshot):
                found["job"] = value.configuration.system.job_name
                found["source"] = value.configuration.source
            return found
        case _:
            return value
