"""`cssmtp run`: the daemon in the foreground, with its control socket.

Promises: an orderly stop on SIGTERM and SIGINT, new log and SMF files on SIGHUP; mistakes in the configuration are all told at
once before anything starts.
Never: detaches from its terminal; that is the service manager's business.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

from cssmtp.clock import SystemClock
from cssmtp.config.load import Loaded, load, warnings
from cssmtp.config.model import Configuration, System
from cssmtp.console.channel import Channel, SocketTaken, socket_path
from cssmtp.console.handlers import Operator
from cssmtp.engine.notify import Notifier
from cssmtp.engine.service import serve, settled_names, with_names_of
from cssmtp.errors import ConfigurationError
from cssmtp.observe.bus import Publish
from cssmtp.observe.events import ConfigurationRemark, ControlUnavailable
from cssmtp.observe.exposition import exposed
from cssmtp.observe.log import Log
from cssmtp.observe.smf_sink import SmfSink
from cssmtp.observe.wiring import observers, smf_sink

M_ARENA_MAX = -8
"""The parameter of glibc's mallopt that bounds the number of heaps."""

HEAPS = 2

COLLECT_AFTER = (10_000, 4, 2)
"""New objects after which the garbage collector looks for cycles among them, then how many such looks until it looks at older
objects, and at all: some thousand mails, and about as many objects as with Python's own thresholds until cycles are found."""

EXPLANATION = """\
Spool files dropped into DIR/drop/<writer>/ are taken, where <writer> is ExtWrtName of the configuration. Write a file under
a name that starts with a period or ends in .tmp, then rename it; a sidecar NAME.json may say more about it. Errors are
reported as the Report statement says; a bad spool file is held or deleted by BadSpoolDisp.

With --until-idle the exit status is 0 when everything was delivered and 1 when something was left undelivered or held.

examples:
  cssmtp run -c cssmtp.conf --spool /var/spool/cssmtp
  cssmtp run -c cssmtp.conf --spool ./spool --until-idle
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand. Each that names a place overrides a parameter of the System block."""
    parser.epilog = EXPLANATION
    parser.add_argument("-c", "--config", metavar="FILE", required=True, help="the configuration file")
    parser.add_argument("--spool", metavar="DIR", help="the spool directory")
    parser.add_argument(
        "--checkpoint", metavar="FILE", help="the checkpoint file, on a local disk: after a crash nothing sent is sent again"
    )
    parser.add_argument(
        "--socket", metavar="PATH", help="the control socket for operator commands (default: control in the spool directory)"
    )
    parser.add_argument("--log", metavar="FILE", help="write the log to FILE, 'syslog' or 'journal' instead of standard error")
    parser.add_argument("--log-format", metavar="FORM", help="lines of the log as 'text' or as 'json' objects")
    parser.add_argument("--smf", metavar="FILE", help="append SMF 119 records, those that SMF119 asks for, to FILE")
    parser.add_argument("--metrics", metavar="ADDRESS", help="give Prometheus metrics at ADDRESS, for example 127.0.0.1:9119")
    parser.add_argument("--job-name", metavar="NAME", help="our own job name")
    parser.add_argument("--host-name", metavar="NAME", help="our own host name in EHLO and generated headers")
    parser.add_argument(
        "-p", "-P", metavar="NAME", dest="stack", help="TCP/IP stack name; accepted as on z/OS, Linux has one stack"
    )
    parser.add_argument(
        "-f",
        "-F",
        dest="cold",
        action="store_true",
        help="cold start: forget the checkpoint, do partly processed spool files again",
    )
    parser.add_argument("--until-idle", action="store_true", help="end when the spool is empty and nothing is waiting")


def run(arguments: argparse.Namespace) -> int:
    """Do it; the answer is the exit status."""
    overrides = {
        "spool": arguments.spool,
        "checkpoint": arguments.checkpoint,
        "socket": arguments.socket,
        "log_file": arguments.log,
        "log_format": arguments.log_format,
        "smf_file": arguments.smf,
        "metrics_address": arguments.metrics,
        "job_name": arguments.job_name,
        "host_name": arguments.host_name,
    }
    reload = partial(load, arguments.config, environ=os.environ, overrides=overrides)
    loaded = reload()
    if loaded.configuration is None:
        raise ConfigurationError([str(diagnostic) for diagnostic in loaded.diagnostics])
    _settle_memory()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_daemon(loaded.configuration, warnings(loaded), reload, arguments))


def _settle_memory() -> None:
    """Let the garbage collector look only at what comes from now on, and seldom: what a mail leaves behind has no cycles.

    And let threads share their heaps where the C library is glibc, which else keeps for each the most it ever had.
    """
    with contextlib.suppress(ImportError, MemoryError, OSError, AttributeError):  # hardened systems may forbid ctypes
        importlib.import_module("ctypes").CDLL(None).mallopt(M_ARENA_MAX, HEAPS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where the `fast` extra is installed, else asyncio's own."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _daemon(
    configuration: Configuration, remarks: list[str], reload: Callable[[], Loaded], arguments: argparse.Namespace
) -> int:
    clock = SystemClock()
    configuration = settled_names(configuration)
    system = configuration.system
    bus, log = observers(system.log_file, configuration.log_level, clock, sys.stderr, system.log_format)
    notifier = Notifier(os.environ)
    if notifier.active:
        bus.subscribe(notifier)
    for remark in remarks:
        bus.publish(ConfigurationRemark(remark))
    loop = asyncio.get_running_loop()
    with serve(configuration, bus, clock, until_idle=arguments.until_idle, cold=arguments.cold) as gateway:
        smf = smf_sink(configuration, bus, clock, gateway.gauges, stack=arguments.stack or "")
        gateway.every_second(notifier.beat)
        if smf is not None:
            gateway.every_second(smf.tick)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, gateway.stop, f"signal {number.name}")
        loop.add_signal_handler(signal.SIGHUP, _reopen, log, smf)
        operator = Operator(gateway, log, partial(_again, reload, configuration), bus.publish)
        async with (
            commanded(operator, system, bus.publish),
            exposed(system.metrics_address, bus, gateway.gauges, gateway.spool_counts),
        ):
            return await gateway.run()


def _again(reload: Callable[[], Loaded], running: Configuration) -> Loaded:
    """The configuration file read once more, for REFRESH."""
    loaded = reload()
    if loaded.configuration is None:
        return loaded
    return replace(loaded, configuration=with_names_of(loaded.configuration, running))


@asynccontextmanager
async def commanded(operator: Operator, system: System, publish: Publish) -> AsyncIterator[None]:
    """Take commands at the control socket. Raises SocketTaken when the configuration names it and it cannot be had."""
    path = socket_path(system.socket, system.spool)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(Channel(path, operator.obey))
        except SocketTaken as error:
            if system.socket:
                raise SocketTaken(f"commands cannot be taken: {error}") from error
            # Nobody asked for a socket: a gateway that shares its spool with another one works without.
            publish(ControlUnavailable(str(path), str(error)))
        yield


def _reopen(log: Log, smf: SmfSink | None) -> None:
    """SIGHUP: files that were moved away are begun anew (rotation)."""
    log.reopen()
    if smf is not None:
        smf.reopen()
