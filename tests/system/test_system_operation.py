"""The running daemon as its surroundings see it: service manager, metrics, log, SMF; and that the SMF adds up to the mail."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.gateways import PATIENCE, ROOT, MailServer, Spool, command, mail_server, write_configuration

SMF119 = dict.fromkeys(("CONFIG", "CONNECT", "MAIL", "SPOOL", "STATS"), "Yes")


def deck(mails: int, *, tls: bool = False, bad: bool = False) -> bytes:
    lines = ["EHLO mvsa", *(["STARTTLS"] if tls else [])]
    for number in range(mails):
        lines += ["MAIL FROM:<job@example.test>", f"RCPT TO:<user{number}@example.test>"]
        lines += ["RCPT TO:<no path"] if bad else []
        lines += ["DATA", f"Subject: {number}", "", "text", "."]
    return "".join(f"{line}\n" for line in [*lines, "QUIT"]).encode()


class Daemon:
    """`cssmtp run` as a service manager starts it, its log as JSON objects on standard error."""

    def __init__(self, scratch: Path, configuration: Path, spool: Path, metrics: str) -> None:
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(scratch / "notify"))
        self.manager.settimeout(PATIENCE)
        words = ["run", "-c", configuration, "--spool", spool, "--log-format", "json", "--metrics", metrics]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cssmtp", *map(str, words), "--smf", str(scratch / "smf119"), "-p", "TCPIPA"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "NOTIFY_SOCKET": str(scratch / "notify"), "WATCHDOG_USEC": "30000000"},
        )
        self.lines: list[dict[str, Any]] = []

    def told(self, word: str) -> str:
        """Wait for the datagram that begins with `word`."""
        while True:
            text = self.manager.recv(9999).decode()
            if text.startswith(word):
                return text

    def wait_for(self, event: str, times: int = 1) -> list[dict[str, Any]]:
        """Read the log until so many lines of events with this name are there."""
        assert self.process.stderr is not None
        while len(found := [one for one in self.lines if str(one["event"]).startswith(event)]) < times:
            line = self.process.stderr.readline()
            assert line, self.lines[-5:]
            self.lines.append(json.loads(line))
        return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        _, rest = self.process.communicate(timeout=PATIENCE)
        self.lines += [json.loads(line) for line in rest.splitlines()]
        return self.process.returncode


@contextmanager
def daemon(scratch: Path, server: MailServer, metrics: str) -> Iterator[tuple[Daemon, Spool]]:
    spool = Spool(scratch / "spool")
    configuration = write_configuration(scratch, server.target, {"SMF119": SMF119, "LogLevel": 63, "Options": {"TLSEhlo": "Yes"}})
    running = Daemon(scratch, configuration, spool.root, metrics)
    try:
        yield running, spool
    finally:
        running.manager.close()
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scrape(port: int) -> dict[str, float]:
    """The page as a real parser reads it: sample and labels -> value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    return {
        one.name + "".join(f" {name}={value}" for name, value in sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def objects(*words: str | Path) -> list[dict[str, Any]]:
    finished = command("smf", *words, "--format", "json")
    assert finished.status == 0, finished.errors
    return [json.loads(line) for line in finished.output.splitlines()]


@pytest.mark.timeout(100)
def test_service_metrics_log_and_smf_of_a_running_daemon(tmp_path: Path) -> None:
    port = free_port()
    with mail_server(tmp_path) as server, daemon(tmp_path, server, f"127.0.0.1:{port}") as (running, spool):
        assert "STATUS=Delivering, target servers: 1" in running.told("READY=1")
        running.told("WATCHDOG=1")
        spool.drop("clear", deck(3), {"jobname": "PAYRUN", "jobid": "JOB00001"})
        spool.drop("secret", deck(2, tls=True), {"jobname": "SECRET", "jobid": "JOB00002"})
        spool.drop("bad", deck(1, bad=True), {"jobname": "BADJOB", "jobid": "JOB00003"})
        running.wait_for("SpoolFileEnded", 3)
        found = scrape(port)
        assert found["cssmtp_mails_total result=sent"] == 5
        assert found["cssmtp_mails_total result=partly"] == 1
        assert found["cssmtp_recipients_total result=delivered"] == len(server.mails) - 1  # and the notice about BADJOB
        assert found["cssmtp_mail_seconds_count"] == 6
        assert found["cssmtp_spool_depth state=held"] == 1
        assert found[f"cssmtp_target_up address=127.0.0.1 port={server.port}"] == 1

        os.rename(tmp_path / "smf119", tmp_path / "smf119.1")
        running.process.send_signal(signal.SIGHUP)
        spool.drop("after", deck(1), {"jobname": "AFTER", "jobid": "JOB00004"})
        running.wait_for("SpoolFileEnded", 4)
        assert running.stop() == 0
        running.told("STOPPING=1")
    commands = running.wait_for("DeckCommand")
    assert {one["task"] for one in commands} == {1, 2, 3, 4}
    assert running.wait_for("Dialogue")

    records = objects(tmp_path / "smf119.1", tmp_path / "smf119")
    assert Counter(one["name"] for one in records)["SPOOL"] == 4
    assert records[0]["name"] == "CONFIG"
    assert records[0]["identification"]["SMF119TI_Stack"] == "TCPIPA"
    assert records[-1]["name"] == "STATS"
    mails = [one["mail"] for one in records if one["name"] == "MAIL"]
    decks = [mail for mail in server.mails if mail.sender]  # the rest are notices
    assert sum(mail["delivered"] for mail in mails) == sum(len(mail.recipients) for mail in decks) == 7
    assert sum(mail["encrypted"] for mail in mails) == sum(mail.tls for mail in decks) == 2
    assert records[-1]["statistics"]["mails_sent"] == 6
    connections = [one["connection"] for one in records if one["name"] == "CONNECT"]
    assert sum(one["mails"] for one in connections) == len(server.mails)
    secured = [one for one in connections if one["encrypted"]]
    assert secured
    assert all(one["tls_protocol"].startswith("TLSv1.") and one["tls_bits"] >= 128 for one in secured)
    assert all("trustme" in one["tls_issuer"] and one["tls_expires"] and one["local_port"] for one in secured)

    by_job = {one["job"]: one for one in objects(tmp_path / "smf119.1", tmp_path / "smf119", "--by", "job")}
    assert {job: (one["mails"], one["unencrypted"]) for job, one in by_job.items()} == {
        "PAYRUN": (3, 3),
        "SECRET": (2, 0),
        "BADJOB": (1, 1),
        "AFTER": (1, 1),
    }


def test_test_mode_is_in_the_configuration_record(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    target = {"TargetIp": "127.0.0.1"}
    overrides = {"SMF119": SMF119, "Options": {"TestMode": "Yes"}}
    configuration = write_configuration(tmp_path, target, overrides)
    spool.drop("one", deck(2), {"jobname": "TEST"})
    finished = command("run", "-c", configuration, "--spool", spool.root, "--until-idle", "--smf", tmp_path / "smf")
    assert finished.status == 0, finished.errors
    records = objects(tmp_path / "smf")
    assert records[0]["configuration"]["test_mode"] is True
    assert records[0]["settings"]["Options.TestMode"] == "Yes"
    assert [one["mail"]["result"] for one in records if "mail" in one] == ["discarded", "discarded"]
    assert records[-1]["statistics"]["mails_discarded"] == 2


def test_records_that_have_no_file_are_remarked_upon(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    configuration = write_configuration(tmp_path, {"TargetIp": "127.0.0.1"}, {"SMF119": SMF119})
    finished = command("run", "-c", configuration, "--spool", spool.root, "--until-idle")
    assert "BMG0102W" in finished.errors
    assert "SMF119 asks for records" in finished.errors
