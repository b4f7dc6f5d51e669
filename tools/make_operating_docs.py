"""Makes docs/operating.md: every operator command with what a running gateway answers.

Promises: the outputs are those of the real daemon under load; only times, ports, ids and paths of the machine are replaced.
Never: needs the network beyond loopback.

    python -m tools.make_operating_docs            write the page
    python -m tools.make_operating_docs --print    print it
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "operating.md"
PATIENCE = 30.0

CONFIGURATION = """\
TargetServer
{{
  TargetIp 127.0.0.1
  ConnectPort {port}
  ConnectLimit 2
}}
TargetServer
{{
  TargetIp 127.0.0.2
  ConnectPort {port}
}}
RetryLimit
{{
  Count 5
  Interval 10
}}
Timeout
{{
  ConnectRetry 30
}}
ExtendedRetry
{{
  MailDirectory {scratch}/extended/
}}
Undeliverable
{{
  DeadLetterDirectory {scratch}/deadletter/
}}
MailAdministrator postmaster@example.com
JESSyntaxErrLimit {errors}
{more}System
{{
  HostName gateway
  Domain example.com
  NodeName NODE1
}}
"""


class SlowServer:
    """Takes a mail in a twentieth of a second; has no room for the mail of those called later."""

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.startswith("later"):
            return "451 4.2.1 mailbox is busy, try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(0.05)
        return "250 2.0.0 Ok"


def deck(mails: int, recipient: str) -> str:
    mail = f"MAIL FROM:<payroll@example.com>\nRCPT TO:<{recipient}>\nDATA\nSubject: your payslip\n\nSee attached.\n.\n"
    return "HELO MVSA\n" + mail * mails + "QUIT\n"


@dataclass(frozen=True)
class Stage:
    """A daemon at work, and how to talk to it."""

    scratch: Path
    port: int

    @property
    def spool(self) -> Path:
        return self.scratch / "spool"

    def drop(self, job: str, number: int, text: str) -> None:
        zone = self.spool / "drop" / "CSSMTP"
        attributes = {"jobname": job, "jobid": f"JOB{number:05}", "owner": "PAYADM", "dsid": 2}
        for name, data in ((f"{job}.json", json.dumps(attributes)), (job, text)):
            (zone / f".{name}").write_text(data)
            (zone / f".{name}").rename(zone / name)

    def configure(self, errors: int = 5, more: str = "") -> None:
        text = CONFIGURATION.format(port=self.port, scratch=self.scratch, errors=errors, more=more)
        (self.scratch / "cssmtp.conf").write_text(text)

    def command(self, *words: str) -> str:
        """What the command prints, in the words of the page."""
        done = subprocess.run(
            [sys.executable, "-m", "cssmtp", *words],
            cwd=ROOT,
            env={**os.environ, "CSSMTP_SOCKET": str(self.spool / "control"), "COLUMNS": "100", "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return self.scrub(done.stdout + done.stderr)

    def snapshot(self) -> dict[str, list[dict[str, object]]]:
        found: dict[str, list[dict[str, object]]] = json.loads(self.command("status", "--json"))
        return found

    def until(self, condition: Callable[[dict[str, list[dict[str, object]]]], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if condition(self.snapshot()):
                return
        raise RuntimeError("the gateway does not come to where the page wants it")

    def scrub(self, text: str) -> str:
        text = text.replace(f"{self.scratch}/cssmtp.conf", "/etc/cssmtp/cssmtp.conf")
        text = text.replace(str(self.spool), "/var/spool/cssmtp").replace(str(self.scratch), "/var/cssmtp")
        text = text.replace("127.0.0.1", "192.0.2.1").replace("127.0.0.2", "192.0.2.2")
        text = re.sub(rf"\b{self.port}\b", "25", text)
        text = re.sub(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d:\d\d)?", r"2026-01-31\g<1>12:00:00", text)
        text = re.sub(r"(?m)^(\s*)\d\d:\d\d:\d\d ", r"\g<1>12:00:00 ", text)
        text = re.sub(r"\d{8}T\d{12}Z(\.JOB\d{5}\.D\d{7})\.[0-9a-f]{8}", r"20260131T120000000000Z\1.63b1b24b", text)
        text = re.sub(r"\b20\d{4}…", "202601…", text)
        return re.sub(r"up \d+:\d\d:\d\d", "up 0:12:34", text)


@contextmanager
def stage() -> Iterator[Stage]:
    """A gateway with one file on its way, one in long retry, one server up and one down."""
    with tempfile.TemporaryDirectory() as name:
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            port = reserved.getsockname()[1]
        here = Stage(Path(name), port)
        here.configure()
        controller = Controller(SlowServer(), hostname="127.0.0.1", port=port, server_hostname="mail.example.com")
        controller.start()
        words = ["run", "-c", str(here.scratch / "cssmtp.conf"), "--spool", str(here.spool), "--log", str(here.scratch / "log")]
        daemon = subprocess.Popen([sys.executable, "-m", "cssmtp", *words], cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + PATIENCE
            while not (here.spool / "control").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            here.command("modify", "REFRESHTARGETS")
            here.drop("LATE", 4711, deck(2, "later@example.com"))
            here.until(lambda found: found["tasks"] and found["tasks"][0]["state"] == "LONG RETRY")
            here.drop("PAYRUN", 4712, deck(5000, "bob@example.com"))
            here.until(lambda found: len(found["tasks"]) == 2 and found["tasks"][1]["sent"])
            here.until(lambda found: found["targets"][1]["state"] == "DOWN")
            yield here
        finally:
            daemon.terminate()
            daemon.wait(PATIENCE)
            controller.stop()


HEAD = """\
# Operating

How a running gateway is looked at and commanded. The outputs on this page are those of a running daemon; the page is
made by `python -m tools.make_operating_docs`.

## How to command

| you type | it means |
| --- | --- |
| `cssmtp modify DISPLAY,TARGETS` | the operands of MVS MODIFY; `cssmtp modify CSSMTP DISPLAY,TARGETS` names the procedure too |
| `cssmtp 'F CSSMTP,D,TAR'` | the same as it is typed on a console |
| `cssmtp 'P CSSMTP'` | stop |
| `cssmtp modify D,TAR --json` | the answer as one JSON object, for programs |
| `cssmtp status` | is all well? exit status for monitoring |
| `cssmtp top` | watch |

Letter case does not matter, abbreviations are those of MODIFY (`cssmtp modify --help` shows them). The exit status of `modify`
is 0 when it was done, 1 when the gateway refused, 2 when it is no command or nobody is there.

Commands go through a Unix socket: `Socket` of the `System` block or `--socket`, else `control` in the spool directory. It has
mode 0660: its owner and its group may command, and its directory may shut others out. Say which gateway is meant with `--socket`
or `--spool`, or with the variable `CSSMTP_SOCKET`. At LogLevel 8 the log has each command with the name of who sent it
(BMG0801I).

Messages that answer a command are in [messages.md](messages.md).
"""


@dataclass(frozen=True)
class Part:
    """A section of the page: what it says, and the commands it shows."""

    heading: str
    text: str
    commands: tuple[str, ...]


PARTS = (
    Part("DISPLAY,CONFIG", "What is in effect, by file or by command.", ("modify DISPLAY,CONFIG",)),
    Part("DISPLAY,IPLIST", "Every address in use, in order of preference.", ("modify D,IP",)),
    Part("DISPLAY,LOGLEVEL", "The level in force and the names of its bits.", ("modify D,LOG",)),
    Part(
        "DISPLAY,SPOOLSTATUS",
        "One entry for each task that works on a spool file. `DETAIL` shows more of all of them, or of one with `TKID=`.",
        ("modify D,SP", "modify D,SP,D,TKID=1", "modify D,SP --json"),
    ),
    Part(
        "DISPLAY,TARGETS",
        "The sums and each server, or one server with `ADDR=`. A server that answers 4xx is up: watch `CURRENT RETRY` and\n"
        "`EXTENDED RETRY CURRENT` for growth. `TOTAL` counts the mails that have been in extended retry since the start,\n"
        "`EXPIRED` those of them that Age or FLUSHRETRY ended before everybody had got them.",
        ("'F CSSMTP,D,TAR'", "modify D,TAR,ADDR=192.0.2.77"),
    ),
    Part(
        "SUSPEND and RESUME",
        "`SUSPEND` (or `SUSPEND,IMMEDIATE`) takes no new spool file and reads on in none; mail that has been read is delivered.\n"
        "`SUSPEND,DELAY` takes no new spool file and lets those in progress end.",
        ("modify SUSPEND", "modify SUS,D", "status", "modify RESUME"),
    ),
    Part(
        "REFRESH",
        "Reads the configuration file again, with the options of the start. What may change takes effect at once: new mail goes\n"
        "by it, connections to servers that are not named any more end after the mail under way, no mail is lost or sent twice.\n"
        "What may not change keeps its value, with a warning to log and console. A file with an error changes nothing.\n\n"
        "A name that gives no answer at that moment keeps the addresses it had, and what its block says now holds for them.\n"
        "Mail that was read before goes to the targets there are now, in their charset. When lines of a small mail (64 KiB)\n"
        "grow too long in a multi-byte charset that came with the REFRESH, the mail is judged as if it were read now; a large\n"
        "one that was read before is sent without its lines being measured.",
        ("modify REFRESH", "modify REFRESH", "modify REFRESH"),
    ),
    Part(
        "REFRESHIPLIST and REFRESHTARGETS",
        "`REFRESHIPLIST` resolves `TargetName` and `TargetMx` again. `REFRESHTARGETS` asks the servers again what they can\n"
        "do, those that are down too.",
        ("modify REFRESHIPLIST", "modify REFRESHT"),
    ),
    Part(
        "LOGLEVEL",
        "Lasts until a restart, or until a REFRESH whose file has another LogLevel than before.",
        ("modify LOGLEVEL,LEVEL=15", "modify D,LOG"),
    ),
    Part(
        "USEREXIT",
        "Chooses the interface of the [user exit](user-exit.md), or none, for spool files that are begun from now on.",
        ("modify USEREXIT,LEVEL=VERSION3", "modify USEREXIT,LEVEL=NONE"),
    ),
    Part(
        "FLUSHRETRY",
        "`TKID=` ends long retry of one task's mail as if RetryLimit were reached: it goes to extended retry where there is\n"
        "one, else it is undeliverable. That frees the task and the spool file. `AGE=` ends extended retry of mail that is so\n"
        "many days old or older: it is undeliverable.",
        ("modify FLUSHRETRY,TKID=1", "modify FLUSHR,AGE=3"),
    ),
    Part("What is no command", "One line, and nothing has changed.", ("modify D,SPOOL,X", "modify LOG,LEVEL=256", "modify REFR")),
    Part(
        "status",
        "Exit status 0 all is well, 1 warning, 2 critical (not running, or no server can be reached), 3 not to be found\n"
        "out. With `--json`, everything the gateway knows of itself.",
        ("status",),
    ),
    Part(
        "top",
        "Targets, tasks, rates, queues and the last errors, once a second; `q` ends it. `--once` prints one frame.",
        ("top --once",),
    ),
    Part("Stop", "Mail on a connection gets its answer, unfinished spool files go back to the ready queue.", ("'P CSSMTP'",)),
)

BEFORE_REFRESH: tuple[Callable[[Stage], None], ...] = (
    lambda here: here.configure(errors=10),
    lambda here: here.configure(errors=10, more="ExtWrtName OTHER\n"),
    lambda here: here.configure(errors=-1, more="LogLevel 256\n"),
)
"""What is written into the file before each REFRESH of the page."""

TAIL = """\
## What the gateway watches of itself

| what | warning above 75 percent | relieved below 50 percent |
| --- | --- | --- |
| WRITER and DEST tasks, both classes, that wait for long retry | EZD1856I | EZD1857I |
| memory, against the limit of control group, process or machine | EZD1858I | EZD1859I |
| file system of the dead letters | BMG0821W | BMG0822I |
| file system of the mail directory | BMG0823W | BMG0824I |

An automation answers a warning with `FLUSHRETRY` or `SUSPEND`, the relief with `RESUME`.
"""


def page() -> str:
    """The whole page, from a daemon that is started for it."""
    lines = [HEAD]
    refreshes = iter(BEFORE_REFRESH)
    with stage() as here:
        for part in PARTS:
            lines += [f"## {part.heading}\n", f"{part.text}\n"]
            for command in part.commands:
                if command == "modify REFRESH":
                    next(refreshes)(here)
                words = [command.strip("'")] if command.startswith("'") else command.split()
                output = "\n".join(line.rstrip() for line in here.command(*words).strip().splitlines())
                lines.append(f"```\n$ cssmtp {command}\n{output}\n```\n")
    return "\n".join([*lines, TAIL])


def main() -> None:
    text = page()
    if "--print" in sys.argv:
        print(text)
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
