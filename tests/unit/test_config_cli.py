"""`cssmtp config`."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from cssmtp.cli import config as command
from cssmtp.config import load as loading
from cssmtp.config.load import require
from cssmtp.errors import UsageError
from tests.config_pages import FakePages

TEXT = "TargetServer\n{\n  TargetName relay.example.net\n}\n"


@pytest.fixture(autouse=True)
def _pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "Registry", FakePages)
    monkeypatch.delenv("CSSMTP_CODEPAGE_CONFIG", raising=False)


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(arguments))


def test_a_good_file_gives_0_and_the_configuration_in_effect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.conf").write_text(TEXT)
    assert run("-c", str(tmp_path / "c.conf")) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"EZD1829I CSSMTP CONFIGURATION:\n  CONFIGFILENAME      : {tmp_path / 'c.conf'}\n")


def test_as_file_prints_a_configuration_that_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.conf").write_text(TEXT)
    assert run("-c", str(tmp_path / "c.conf"), "--as-file") == 0
    out, _ = capsys.readouterr()
    (tmp_path / "d.conf").write_text(out)
    assert require(tmp_path / "d.conf", environ={}).targets[0].addresses[0].value == "relay.example.net"
    assert "Undeliverable\n{\n  ReturnToMailFrom     Yes\n" in out


def test_errors_give_2_and_no_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.conf").write_text("LogLevel 256\n")
    assert run("-c", str(tmp_path / "c.conf")) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(("strict", "status"), [((), 0), (("--strict",), 1)])
def test_warnings_give_1_only_with_strict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], strict: tuple[str, ...], status: int
) -> None:
    (tmp_path / "c.conf").write_text("Report Admin\n" + TEXT)
    assert run("-c", str(tmp_path / "c.conf"), *strict) == status
    out, err = capsys.readouterr()
    assert "warning: Report Admin without a MailAdministrator" in err
    assert out


def test_strict_finds_extensions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.conf").write_text(TEXT + "System\n{\n}\n")
    assert run("-c", str(tmp_path / "c.conf")) == 0
    assert run("-c", str(tmp_path / "c.conf"), "--strict") == 1
    assert "System is an extension" in capsys.readouterr().err


def test_explain_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--explain") == 0
    everything = capsys.readouterr().out
    assert run("--explain", "LogLevel") == 0
    assert capsys.readouterr().out in everything


def test_without_anything_to_do() -> None:
    with pytest.raises(UsageError, match="-c FILE"):
        run()
