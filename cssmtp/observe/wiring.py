"""Puts bus, log, console and SMF together.

Promises: with a log elsewhere, the log goes there and console messages to standard error; without one, the log goes to standard
error and holds the console messages anyway.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TextIO

from cssmtp import __version__
from cssmtp.clock import Clock
from cssmtp.config.model import Configuration, LogFormat
from cssmtp.observe.bus import Bus
from cssmtp.observe.console import Console
from cssmtp.observe.entry import FORMS
from cssmtp.observe.events import ConfigurationRemark, SmfBroken
from cssmtp.observe.log import Channel, FileChannel, Log, StreamChannel
from cssmtp.observe.readings import Gauges
from cssmtp.observe.smf_content import Origin
from cssmtp.observe.smf_output import RecordFile, RecordSocket
from cssmtp.observe.smf_sink import SmfSink
from cssmtp.observe.syslog import JournalChannel, SyslogChannel

SMF_NOWHERE = "SMF119 asks for records, but System SmfFile says no file for them"


def channel(place: str, stderr: TextIO) -> Channel:
    """The log's channel for a LogFile parameter: "" = standard error, SYSLOG, JOURNAL, else a path."""
    match place:
        case "":
            return StreamChannel(stderr)
        case "SYSLOG":
            return SyslogChannel()
        case "JOURNAL":
            return JournalChannel()
        case _:
            return FileChannel(Path(place))


def observers(log_file: str, level: int, clock: Clock, stderr: TextIO, log_format: LogFormat = LogFormat.TEXT) -> tuple[Bus, Log]:
    """A bus with log and console on it. `log_file` as LogFile, "" = none; `level` is the configured LogLevel, 0 to 255."""
    bus = Bus()
    log = Log(channel(log_file, stderr), clock, level, rewire=bus.rewire, stderr=stderr, form=FORMS[log_format])
    bus.subscribe(log)
    if log_file:
        bus.subscribe(Console(stderr))
    return bus, log


def smf_sink(configuration: Configuration, bus: Bus, clock: Clock, gauges: Gauges, *, stack: str = "") -> SmfSink | None:
    """The sink of SMF records, put on the bus; None when the configuration names no place for them.

    `configuration` has the names of the machine filled in; `stack` is that of option -p.
    """
    system, wanted = configuration.system, configuration.smf119
    if not system.smf_file and (wanted.config or wanted.connect or wanted.mail or wanted.spool or wanted.stats):
        bus.publish(ConfigurationRemark(SMF_NOWHERE))
    if not system.smf_file and not system.smf_socket:
        return None
    origin = Origin(
        system_name=(system.system_name or system.host_name).upper(),
        job=system.job_name,
        user=_user(),
        writer=configuration.ext_writer_name,
        version=__version__,
        started=clock.wall(),
        process=os.getpid(),
        stack=stack,
    )
    sink = SmfSink(
        origin,
        clock,
        gauges=gauges,
        rewire=bus.rewire,
        interval_seconds=system.smf_interval_minutes * 60.0,
        file=RecordFile(Path(system.smf_file), bus.publish) if system.smf_file else None,
        listeners=_listeners(system.smf_socket, bus),
        mail_to_listeners=system.smf_socket_mail,
    )
    bus.subscribe(sink)
    return sink


def _listeners(path: str, bus: Bus) -> RecordSocket | None:
    if not path:
        return None
    try:
        return RecordSocket(Path(path))
    except OSError as error:
        bus.publish(SmfBroken(path, error.strerror or str(error)))
        return None


def _user() -> str:
    """Who we run as; the number where it has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
