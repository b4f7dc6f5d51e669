"""What one delivered mail costs the event bus and its sinks: `python -m tests.bench.observe`. Best of several rounds.

The sinks are those of the daemon: log at its default level, console, last errors; then metrics, SMF statistics, and SMF with a
record for every mail in a file.
"""

from __future__ import annotations

import io
import tempfile
import timeit
from pathlib import Path

from cssmtp.clock import SystemClock
from cssmtp.config.model import AddressKind, Configuration, Smf119, TargetAddress, TargetServer
from cssmtp.model import Envelope, Outcome, Verdict
from cssmtp.observe.bus import Bus
from cssmtp.observe.console import Console
from cssmtp.observe.events import Cause, ConfigurationChanged, GatewayReady, MailEnded, SpoolFile
from cssmtp.observe.log import Log, StreamChannel
from cssmtp.observe.readings import nothing_read
from cssmtp.observe.recent import Recent
from cssmtp.observe.smf_content import Origin
from cssmtp.observe.smf_output import RecordFile
from cssmtp.observe.smf_sink import SmfSink
from cssmtp.observe.tally import Tally

MAILS, ROUNDS = 2_000, 25
TARGETS = (TargetServer((TargetAddress(AddressKind.IP, "192.0.2.1"),)),)


def mails() -> list[MailEnded]:
    """Mails of one spool file, delivered, each to its own recipient."""
    file = SpoolFile("20260131T182607496575Z.JOB04711.D0000001.85232322", "CSSMTP", "PAYRUN", "JOB04711", 1, "PAYADM", tkid=8)
    outcome = Outcome(Verdict.DELIVERED, "250 2.0.0 Ok: queued", "192.0.2.1")
    return [
        MailEnded(file, number, Envelope("MVSA", "batch@example.org", (f"user{number}@example.net",)), 1_100, (outcome,), 1, 0.01)
        for number in range(1, MAILS + 1)
    ]


def main() -> None:
    events, clock, bus, errors = mails(), SystemClock(), Bus(), io.StringIO()

    def all_of_them() -> None:
        for event in events:
            bus.publish(event)

    def measure(what: str) -> None:
        best = min(timeit.repeat(all_of_them, number=1, repeat=ROUNDS)) / MAILS * 1e6
        print(f"{what:44} {best:6.2f} microseconds a mail")

    log = Log(StreamChannel(errors), clock, 7, rewire=bus.rewire, stderr=errors)
    for sink in (log, Console(errors), Recent(clock)):
        bus.subscribe(sink)
    bus.publish(GatewayReady(1))
    measure("log at level 7, console, last errors")
    bus.subscribe(Tally())
    measure("and metrics")
    with tempfile.TemporaryDirectory() as directory:
        origin = Origin("SYSA", "CSSMTP", "CSSMTP", "CSSMTP", "0", clock.wall(), 4711)
        file = RecordFile(Path(directory) / "smf", bus.publish)
        bus.subscribe(SmfSink(origin, clock, gauges=nothing_read, rewire=bus.rewire, interval_seconds=1800.0, file=file))
        for what, smf119 in (("CONNECT, SPOOL, STATS", Smf119(True, True, False, True, True)), ("MAIL too", Smf119(*[True] * 5))):
            bus.publish(ConfigurationChanged(Configuration(TARGETS, smf119=smf119), Cause.START))
            measure(f"and SMF {what}")
        file.close()
    log.set_level(15)
    measure("and a line of the log for every mail")


if __name__ == "__main__":
    main()
