"""The real programs of ezatmail.md 4 call us, the gateway delivers to a real SMTP server, and Postfix gets the same calls.

What a caller's mail looks like at the end must be what Postfix's own sendmail makes of it, but for the differences in
`EXPLAINED`. The callers all run first, then the gateway once. Postfix has its own configuration directory and queue and is
stopped at the end.
"""

from __future__ import annotations

import email
import email.header
import email.message
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.ezatmailkit import ROOT, Bridge

POSTFIX = "/usr/sbin/sendmail"
GENERATED = {"received", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding"}
"""Fields that each system makes for itself, or that say how the text is written and not what it is."""

_BARE_NAMES = "Postfix completes bare names in the header too; we complete only the envelope (ezatmail.md 6.2, step 5)"

EXPLAINED: dict[str, dict[str, str]] = {
    "cronie": {"to": _BARE_NAMES, "from": _BARE_NAMES},
    "cron-debian": {"to": _BARE_NAMES, "from": _BARE_NAMES},
    "at": {"to": _BARE_NAMES},
    "fail2ban": {"to": "the message names nobody: we add an empty group (6.2, step 6), Postfix adds nothing"},
    "no-header": {
        "to": "a message without a header gets To from the envelope (6.2, step 6), from Postfix nothing",
        "from": "the caller's full name is not put beside the address of another that -f names",
    },
}
"""Header fields in which we differ from Postfix, and why."""

BODY = "Grüße aus der Nacht\n.\n..two\n. three\n€ 100 <\nlast\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """A mail as its receiver sees it."""

    sender: str
    recipients: tuple[str, ...]
    header: dict[str, list[str]]
    text: str


@dataclass
class Office:
    """A real SMTP server that keeps what it gets, by the local part of its first recipient in the order of the alphabet."""

    mails: dict[str, Envelope] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # aiosmtpd's name
        with self.changed:
            self.mails[min(each.partition("@")[0] for each in envelope.rcpt_tos)] = envelope
            self.changed.notify_all()
        return "250 OK"

    def wait_for(self, names: set[str]) -> None:
        with self.changed:
            found = self.changed.wait_for(lambda: names <= self.mails.keys(), timeout=20)
        assert found, f"never came: {names - self.mails.keys()}"

    def seen(self, name: str) -> Seen:
        envelope = self.mails[name]
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content)
        header: dict[str, list[str]] = {}
        for key, value in message.raw_items():
            if key.lower() not in GENERATED:
                header.setdefault(key.lower(), []).append(_readable(value))
        return Seen(envelope.mail_from or "", tuple(envelope.rcpt_tos), header, _text(message))


def _readable(value: str) -> str:
    raw = value.encode("utf-8", "surrogateescape").decode("utf-8")
    return " ".join(str(email.header.make_header(email.header.decode_header(" ".join(raw.split())))).split())


def _text(message: email.message.Message) -> str:
    """The text of all parts; what has no label is what Postfix passed through: UTF-8."""
    parts = []
    for part in message.walk():
        if not part.is_multipart():
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            charset = part.get_content_charset() or "utf-8"
            parts.append(data.decode("utf-8" if charset == "us-ascii" else charset).replace("\r\n", "\n"))
    return "\f".join(parts)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a caller runs: the sendmail it calls, its environment, a directory of its own."""

    sendmail: str
    environment: dict[str, str]
    directory: Path

    def start(self, *words: str, stdin: str = "", **environment: str) -> None:
        done = subprocess.run(
            words,
            input=stdin.encode(),
            capture_output=True,
            env=self.environment | environment,
            cwd=self.directory,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)


def _line(switches: str, *words: str, header: str = "", body: str = BODY) -> Callable[[Place], None]:
    """A caller that is known by its command line: exactly these words."""

    def call(place: Place) -> None:
        place.start(place.sendmail, *switches.split(), *words, stdin=f"{header}\n{body}" if header else body)

    return call


def _php(place: Place) -> None:
    code = (
        f"$ok = mail('php@x.example', 'Grüße €', {BODY!r}, \"From: web@x.example\\r\\nCc: php2@x.example\\r\\n"
        "Content-Type: text/plain; charset=UTF-8\", '-fbounce@x.example'); exit($ok ? 0 : 1);"
    ).replace(repr(BODY), '"' + BODY.replace("\n", "\\n") + '"')
    place.start("php", "-n", "-d", f"sendmail_path={place.sendmail} -t -i", "-r", code)


def _mutt(place: Place) -> None:
    setup = f"set sendmail='{place.sendmail} -oem -oi', from='m@x.example', realname='Müh, M.', use_envelope_from, charset=utf-8"
    place.start("mutt", "-F", "/dev/null", "-e", setup, "-e", "set copy=no", "-s", "Grüße", "mutt@x.example", stdin=BODY)


def _s_nail(place: Place) -> None:
    place.start(
        "s-nail", "-n", "-Ssendwait", f"-Smta={place.sendmail}", "-S", "v15-compat", "-r", "s@x.example", "-s", "Grüße",
        "snail@x.example",
        stdin=BODY,
    )  # fmt: skip


def _git(place: Place) -> None:
    git = ["git", "-c", "user.name=Gö", "-c", "user.email=g@x.example", "-c", "commit.gpgsign=false"]
    place.start(*git, "init", "-q", "repo")
    (place.directory / "repo" / "file").write_text(BODY)
    place.start(*git, "-C", "repo", "add", "file")
    place.start(
        *git,
        "-C",
        "repo",
        "commit",
        "-q",
        "-m",
        "Überschrift",
        GIT_AUTHOR_DATE="1700000000 +0000",
        GIT_COMMITTER_DATE="1700000000 +0000",
    )
    place.start(
        *git, "-c", f"sendemail.smtpserver={place.sendmail}", "-C", "repo", "send-email", "--quiet", "--confirm=never", "--root",
        "--from=g@x.example", "--envelope-sender=bounce@x.example", "--suppress-cc=all", "--to=git@x.example", "-1", "HEAD",
    )  # fmt: skip


def _mime_lite(place: Place) -> None:
    code = (
        "use MIME::Lite; my $m = MIME::Lite->new(From => 'p@x.example', To => 'perl@x.example', "
        "Subject => 'two parts', Type => 'multipart/mixed');"
        "$m->attach(Type => 'TEXT', Data => $ARGV[1]); $m->attach(Type => 'application/octet-stream', Encoding => 'base64', "
        "Data => 'abc' x 99,"
        " Filename => 'f.bin'); $m->send('sendmail', \"$ARGV[0] -t -oi -oem\") or exit 1;"
    )
    place.start("perl", "-e", code, place.sendmail, BODY)


def _python(place: Place) -> None:
    code = (
        "import subprocess, sys\nfrom email.message import EmailMessage\nm = EmailMessage()\nm['From'] = 'Pü <py@x.example>'\n"
        "m['To'] = 'python@x.example'\nm['Bcc'] = 'python2@x.example'\nm['Subject'] = 'Grüße'\nm.set_content(sys.argv[2])\n"
        "subprocess.run([sys.argv[1], '-t', '-oi'], input=m.as_bytes(), check=True)"
    )
    place.start(sys.executable, "-c", code, place.sendmail, BODY)


def _ruby(place: Place) -> None:
    code = (
        "require 'mail'\nMail.defaults { delivery_method :sendmail, location: ARGV[0] }\n"
        "Mail.deliver { from 'r@x.example'; to 'ruby@x.example'; subject 'Grüße'; charset = 'UTF-8'; body ARGV[1] }"
    )
    place.start("ruby", "-E", "UTF-8:UTF-8", "-e", code, place.sendmail, BODY)


def _symfony(place: Place) -> None:
    """The dialogue of its SendmailTransport: every command waits for its answer."""
    text = "From: s@x.example\r\nTo: symfony-bs@x.example\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello\r\n..two dots\r\n"
    with subprocess.Popen(
        [place.sendmail, "-bs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=place.environment, cwd=place.directory
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for command, code in (
            ("", b"220"), ("EHLO [127.0.0.1]\r\n", b"250"), ("MAIL FROM:<s@x.example>\r\n", b"250"),
            ("RCPT TO:<symfony-bs@x.example>\r\n", b"250"), ("DATA\r\n", b"354"), (text + ".\r\n", b"250"), ("QUIT\r\n", b"221"),
        ):  # fmt: skip
            process.stdin.write(command.encode())
            process.stdin.flush()
            while (line := process.stdout.readline())[3:4] == b"-":
                pass
            assert line[:3] == code, (command, line)
    assert process.returncode == 0


CRON = "From: root (Cron Daemon)\nTo: {}\nSubject: Cron <root@host> /bin/job\nContent-Type: text/plain; charset=UTF-8\n"
CRON += "X-Cron-Env: <A=1>\n"
PLAIN = "From: a@x.example\nTo: {}@x.example\nSubject: a subject\n"

SHAPES = 'From: a@x.example\nTo: "r, o" <row12@x.example>,\n g: row12b@x.example;,\n (no) row12c@x.example\n'

CALLERS: dict[str, tuple[str, Callable[[Place], None]]] = {
    "cronie": ("", _line("-FCronDaemon -i -odi -oem -oi -t -f root", header=CRON.format("cronie"))),
    "vixie-cron": ("", _line("-FCronDaemon -odi -oem -oi -t", header=PLAIN.format("vixie-cron"))),
    "cron-debian": ("", _line("-i -FCronDaemon -B8BITMIME -oem", "cron-debian", header=CRON.format("cron-debian"))),
    "dcron": ("", _line("-t -oem -i", header=PLAIN.format("dcron"))),
    "anacron": ("", _line("-FAnacron -odi", "anacron@x.example", header=PLAIN.format("anacron"), body="no dots\n")),
    "at": ("", _line("-i", "at", header="Subject: Output from your job\nTo: at\n")),
    "php": ("php", _php),
    "phpmailer": ("", _line("-oi -fweb@x.example -t", header=PLAIN.format("phpmailer"))),
    "mutt": ("mutt", _mutt),
    "snail": ("s-nail", _s_nail),
    "git": ("git", _git),
    "perl": ("perl", _mime_lite),
    "python": ("", _python),
    "ruby": ("ruby", _ruby),
    "nodemailer": ("", _line("-i -f a@x.example", "nodemailer@x.example", header=PLAIN.format("nodemailer") + "Bcc: h@x\n")),
    "emacs": ("", _line("-oi -f root -odb -oem -t", header=PLAIN.format("emacs"))),
    "fail2ban": ("", _line("-f f2b@x.example fail2ban@x.example", header="Subject: banned\nFrom: f2b@x.example\n", body="-\n")),
    "sudo": ("", _line("-t", header=PLAIN.format("sudo"), body="no dots\n")),
    "no-header": ("", _line("-i -f x@x.example", "no-header@x.example", body="just text\n\nmore\n")),
    "symfony-bs": ("", _symfony),
    "row01": ("", _line("-t -i", header=PLAIN.format("row01") + "Cc: row01c@x.example\nBcc: row01z@x.example\n")),
    "row02": ("", _line("", "row02@x.example", header=PLAIN.format("else") + "Bcc: h@x.example\n", body="x\n")),
    "row03": ("", _line("-t", "row03z@x.example", "row03@x.example", header=PLAIN.format("row03"), body="x\n")),
    "row04": ("", _line("-t", header=PLAIN.format("row04"), body="one\n.\nnever\n")),
    "row05": ("", _line("-t", header=PLAIN.format("row05"), body="..x\n.y\n")),
    "row06": ("", _line("-i", "-f", "", "row06@x.example", header=PLAIN.format("row06"))),
    "-row08": ("", _line("-i", "--", "-row08@x.example", header=PLAIN.format("row08"))),
    "row12": ("", _line("-t", header=SHAPES)),
}  # fmt: skip
"""Every row of the caller table, and rows of the matrix of ezatmail.md 5: the program it needs, and how it calls."""
OTHER_TEXT = {"row05": "sendmail drops one of two leading periods when there is no -i, and so do we; Postfix leaves both (3.8)"}
"""Callers whose text differs from Postfix's, and why."""


@contextmanager
def _postfix(directory: Path, port: int) -> Iterator[Path]:
    """A Postfix of our own that relays everything to `port`; yields its sendmail."""
    etc = directory / "etc"
    for name in ("etc", "queue", "data"):
        (directory / name).mkdir()
    shutil.chown(directory / "data", "postfix")
    parameters = {
        "compatibility_level": "3.6", "queue_directory": directory / "queue", "data_directory": directory / "data",
        "maillog_file": directory / "log", "maillog_file_prefixes": directory, "myhostname": "mvsa.example.com",
        "mydomain": "example.com",
        "myorigin": "example.com", "mydestination": "", "relayhost": f"[127.0.0.1]:{port}", "inet_interfaces": "loopback-only",
        "inet_protocols": "ipv4", "alias_maps": "", "local_recipient_maps": "", "smtp_tls_security_level": "none",
        "smtputf8_enable": "no", "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
        "allow_min_user": "yes",
    }  # fmt: skip
    (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in parameters.items()))
    services = ["pickup unix n - n 1 1 pickup", "qmgr unix n - n 300 1 qmgr", "postlog unix-dgram n - n - 1 postlogd"]
    services += ["cleanup unix n - n - 0 cleanup", "rewrite unix - - n - - trivial-rewrite", "smtp unix - - n - - smtp"]
    services += ["bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "retry unix - - n - - error"]
    (etc / "master.cf").write_text("".join(f"{line}\n" for line in services))
    sendmail = directory / "sendmail"
    sendmail.write_text(f'#!/bin/sh\nexec {POSTFIX} -C {etc} "$@"\n')
    sendmail.chmod(0o755)
    subprocess.run(["postfix", "-c", etc, "start"], check=True, capture_output=True)
    try:
        yield sendmail
    finally:
        subprocess.run(["postfix", "-c", etc, "stop"], check=True, capture_output=True)


@contextmanager
def _server() -> Iterator[tuple[Office, int]]:
    office = Office()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(office, hostname="127.0.0.1", port=port, decode_data=False)
    controller.start()
    try:
        yield office, port
    finally:
        controller.stop()


def _run_all(place: Place) -> set[str]:
    """Runs every caller whose program is there; returns their names."""
    names = {name for name, (program, _) in CALLERS.items() if not program or shutil.which(program)}
    for name in sorted(names):
        directory = place.directory / name
        directory.mkdir()
        CALLERS[name][1](Place(place.sendmail, place.environment | {"HOME": str(directory)}, directory))
    return names


@pytest.fixture(scope="module")
def offices() -> Iterator[tuple[Office, Office]]:
    """What the gateway delivered, and what Postfix delivered."""
    with tempfile.TemporaryDirectory() as name, _server() as (ours, our_port), _server() as (theirs, their_port):
        top = Path(name)
        top.chmod(0o755)
        for each in ("bridge", "postfix", "ours", "theirs"):
            (top / each).mkdir()
        bridge = Bridge(top / "bridge")
        with _postfix(top / "postfix", their_port) as sendmail:
            _run_all(Place(str(sendmail), bridge.environment, top / "theirs"))
            names = _run_all(Place(str(bridge.bin / "sendmail"), bridge.environment, top / "ours"))
            conf = top / "cssmtp.conf"
            conf.write_text(f"TargetServer\n{{\n TargetIp 127.0.0.1\n ConnectPort {our_port}\n}}\nLogLevel 0\n")
            gateway = [sys.executable, "-m", "cssmtp", "run", "-c", str(conf), "--spool", str(bridge.spool), "--until-idle"]
            done = subprocess.run(gateway, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            theirs.wait_for(names)
        ours.wait_for(names)
        yield ours, theirs


@pytest.mark.parametrize("name", CALLERS)
def test_caller_gets_what_postfix_gives(offices: tuple[Office, Office], name: str) -> None:
    """Envelope and text alike; header fields alike but for those that `EXPLAINED` names."""
    program = CALLERS[name][0]
    if program and not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    ours, theirs = (office.seen(name) for office in offices)
    assert (ours.sender, {*ours.recipients}) == (theirs.sender, {*theirs.recipients})
    assert (ours.text == theirs.text) is (name not in OTHER_TEXT)
    explained = EXPLAINED.get(name, {})
    for field_name in ours.header.keys() | theirs.header.keys():
        if field_name in explained:
            assert ours.header.get(field_name) != theirs.header.get(field_name), "explained, but there is no difference"
        else:
            assert ours.header.get(field_name) == theirs.header.get(field_name), field_name


def test_what_the_gateway_sent_is_plain_or_labelled(offices: tuple[Office, Office]) -> None:
    """8-bit bytes on the wire only in a body that says its charset."""
    for envelope in offices[0].mails.values():
        assert isinstance(envelope.content, bytes)
        header, _, body = envelope.content.partition(b"\r\n\r\n")
        assert header.isascii()
        assert body.isascii() or b"charset=" in header.lower()


pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists(POSTFIX), reason="needs Postfix, and root to start one")
