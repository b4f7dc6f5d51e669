"""`cssmtp demo` as a new user runs it: the table, the reports, and mails that are what the samples expect to the byte."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.samples import Sample, load_all, matches

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    directory = tmp_path_factory.mktemp("demo") / "scratch"
    command = [sys.executable, "-m", "cssmtp", "demo", "--directory", str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return directory, done.stdout


def shown() -> list[Sample]:
    return [sample for sample in load_all() if sample.shared]


def test_every_received_mail_is_what_a_sample_expects(demo: tuple[Path, str]) -> None:
    directory, _ = demo
    received: dict[tuple[str, tuple[str, ...]], list[bytes]] = {}
    for path in sorted((directory / "received").glob("*.eml")):
        facts = json.loads(path.with_suffix(".envelope.json").read_text())
        received.setdefault((facts["mail_from"] or "", tuple(facts["recipients"])), []).append(path.read_bytes())
    for sample in shown():
        for mail in sample.sent():
            candidates = received[mail.mail_from, mail.recipients]
            fitting = [content for content in candidates if not matches(mail, content)]
            assert fitting, (sample.name, mail.number, matches(mail, candidates[0]))
            candidates.remove(fitting[0])
    left = [content for contents in received.values() for content in contents]
    assert all(b"\r\nSubject: Undeliverable mail\r\n" in content for content in left)
    assert len(left) == sum(len(sample.notices) for sample in shown())


def test_the_table_tells_every_file_and_what_became_of_it(demo: tuple[Path, str]) -> None:
    _, output = demo
    rows = re.findall(r"^  (\S+) +\S+ \S+ +(\d+) +(\d+) +(\d+) +(\d+) +(delete|hold) *$", output, re.MULTILINE)
    expected = {sample.name: sample.disposition for sample in shown()}
    assert {row[0]: row[5] for row in rows} == expected
    assert Counter(row[5] for row in rows) == Counter(expected.values())


def test_the_error_report_of_every_bad_file_is_shown(demo: tuple[Path, str]) -> None:
    _, output = demo
    for sample in shown():
        assert (f"--- CSSMTP/{sample.name}\n" in output) == (sample.disposition == "hold")
        for error in sample.errors:
            assert f"\n  {error.reply}" in output or f"\n{error.reply}" in output
