"""`cssmtp check` with words that name no spool file: one clear line each, and the others are still done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cssmtp.cli import main

GOOD = b"HELO mvsa\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n\ntext\n.\nQUIT\n"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good"
    path.write_bytes(GOOD)
    return path


def checked(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, list[str], str]:
    """Exit status, the files that have a result, what was said on standard error."""
    status = main(["check", "--format", "json", *map(str, words)])
    output = capsys.readouterr()
    return status, [Path(json.loads(line)["file"]).name for line in output.out.splitlines()], output.err


def test_a_fifo_is_refused_at_once(tmp_path: Path, good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "fifo")
    status, files, errors = checked(capsys, tmp_path / "fifo", good)
    assert (status, files) == (2, ["good"])
    assert "fifo: is no plain file" in errors


def test_a_device_is_refused(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(capsys, "/dev/zero", good)[:2] == (2, ["good"])


@pytest.mark.parametrize("word", ["a" * 5000, "", "x/../nowhere"])
def test_a_word_that_names_nothing(word: str, good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, files, errors = checked(capsys, word, good)
    assert (status, files, errors.count("\n")) == (2, ["good"], 1)


def test_a_directory_without_files_has_nothing_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(capsys, tmp_path) == (0, [], "")


@pytest.mark.parametrize(
    ("sidecar", "said"),
    [
        (b"not json", "it is not JSON"),
        (b'{"framing": "tape"}', 'key "framing"'),
        (b'{"bytes": 3}', 'key "bytes" says 3'),
        (b'{"userdata": ["' + b"x" * (1 << 20) + b'"]}', "it is not JSON"),
    ],
)
def test_a_sidecar_that_cannot_be_used_is_an_error(
    sidecar: bytes, said: str, good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good.with_name("good.json").write_bytes(sidecar)
    status, files, errors = checked(capsys, good)
    assert (status, files) == (1, ["good"])
    assert f"good.json: {said}" in errors


def test_data_that_contradicts_its_sidecar_is_unreadable(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.with_name("good.json").write_bytes(b'{"framing": "rdw"}')
    assert main(["check", "--format", "json", str(good)]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["framing"], result["mails"], result["disposition"]) == ("", [], "hold")
    assert result["errors"][0]["reply"].startswith("554 5.6.0 JES Spool file cannot be read: ")


def test_output_that_cannot_be_written_is_one_line_and_status_2(good: Path) -> None:
    with open("/dev/full", "wb") as full:
        process = subprocess.run(
            [sys.executable, "-m", "cssmtp", "check", str(good)], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (process.returncode, process.stderr) == (2, "cssmtp check: No space left on device\n")
