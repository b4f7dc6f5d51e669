"""Setting it up: the launcher, the links, the script of the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cssmtp.ezatmail.install import install, launcher, main
from tests.ezatmailkit import ROOT, Bridge


def test_install_makes_a_launcher_and_links(tmp_path: Path) -> None:
    bridge = Bridge(tmp_path)
    place = tmp_path / "sbin"
    place.mkdir()
    assert main([str(place)]) == 0
    assert [*install(place)] == [place / name for name in ("ezatmail", "sendmail", "mailq", "newaliases")]
    done = subprocess.run([place / "sendmail", "-i", "a@x.example"], input=b"text\n", env=bridge.environment, check=False)
    assert done.returncode == 0
    assert bridge.mail().recipients == ("a@x.example",)
    listed = subprocess.run([place / "mailq"], env=bridge.environment, capture_output=True, check=True)
    assert bridge.files()[0].name.encode() in listed.stdout


@pytest.mark.parametrize("name", ["ezatmail", "sendmail"])
def test_install_leaves_a_foreign_sendmail_alone(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_text("#!/bin/sh\n")
    assert main([str(tmp_path)]) == 73
    assert "move it away" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_install_without_a_directory(tmp_path: Path) -> None:
    assert main([]) == 64
    assert main(["--help"]) == 64
    assert main([str(tmp_path / "nowhere")]) == 73


@pytest.mark.parametrize("python", ["/a path/python3", "/" + "x" * 130])
def test_interpreters_that_no_first_line_can_name(python: str) -> None:
    with pytest.raises(ValueError, match="first line"):
        launcher(python, "/place")


def _environment(place: Path, *, editable: bool) -> Path:
    """A virtual environment with the package in it, and the package's script, whose path is returned."""
    packages = place / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    packages.mkdir(parents=True)
    if editable:
        (packages / "cssmtp" / "data").mkdir(parents=True)
        (packages / "_editable.pth").write_text(f"{ROOT}\n")
    else:
        (packages / "cssmtp").symlink_to(ROOT / "cssmtp")
    (place / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    programs = place / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(Path(sys.executable).resolve())
    script = programs / "ezatmail"
    script.write_bytes((ROOT / "bin" / "ezatmail").read_bytes())
    script.chmod(0o755)
    return script


def test_the_script_of_the_package_finds_its_interpreter_through_links(tmp_path: Path) -> None:
    """bin/ezatmail in a bin directory, called by a link from elsewhere, uses the interpreter beside it."""
    bridge = Bridge(tmp_path)
    script = _environment(tmp_path / "env", editable=False)
    (tmp_path / "sendmail").symlink_to(script)
    done = subprocess.run(
        [tmp_path / "sendmail", "a@x.example"], input=b"text\n", env=bridge.environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert bridge.mail().recipients == ("a@x.example",)
    done = subprocess.run([tmp_path / "sendmail"], input=b"text\n", env=bridge.environment, capture_output=True, check=False)
    assert done.stderr.startswith(b"sendmail: no recipients")


def test_the_script_of_the_package_finds_an_editable_installation(tmp_path: Path) -> None:
    """The package's place is named by a .pth file; a directory with its name but without its modules is in the way."""
    bridge = Bridge(tmp_path)
    script = _environment(tmp_path / "env", editable=True)
    done = subprocess.run([script, "a@x.example"], input=b"text\n", env=bridge.environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert bridge.mail().recipients == ("a@x.example",)
