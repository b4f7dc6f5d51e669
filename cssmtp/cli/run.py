"""`cssmtp run`: the daemon in the foreground.

Promises: an orderly stop on SIGTERM and SIGINT; configuration mistakes are all told at once before anything starts.
Never: detaches from its terminal; that is the service manager's business.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

from cssmtp.clock import SystemClock
from cssmtp.config.load import load, warnings
from cssmtp.config.model import Configuration
from cssmtp.engine.service import serve
from cssmtp.errors import ConfigurationError
from cssmtp.observe.events import ConfigurationRemark
from cssmtp.observe.wiring import observers

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
    parser.add_argument("--socket", metavar="PATH", help="the control socket (kept for operator commands; not used yet)")
    parser.add_argument("--log", metavar="FILE", help="write the log to FILE instead of standard error")
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
        "job_name": arguments.job_name,
        "host_name": arguments.host_name,
    }
    loaded = load(arguments.config, environ=os.environ, overrides=overrides)
    if loaded.configuration is None:
        raise ConfigurationError([str(diagnostic) for diagnostic in loaded.diagnostics])
    return asyncio.run(_daemon(loaded.configuration, warnings(loaded), until_idle=arguments.until_idle, cold=arguments.cold))


async def _daemon(configuration: Configuration, remarks: list[str], *, until_idle: bool, cold: bool) -> int:
    clock = SystemClock()
    bus, _ = observers(configuration.system.log_file, configuration.log_level, clock, sys.stderr)
    for remark in remarks:
        bus.publish(ConfigurationRemark(remark))
    loop = asyncio.get_running_loop()
    with serve(configuration, bus, clock, until_idle=until_idle, cold=cold) as gateway:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, gateway.stop, f"signal {number.name}")
        return await gateway.run()
