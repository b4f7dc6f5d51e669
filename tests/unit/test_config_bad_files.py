"""The folder of bad configurations: each file must cause exactly the messages of its .expect file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cssmtp.config.diagnostic import Severity
from cssmtp.config.load import load
from tests.config_pages import FakePages

FOLDER = Path(__file__).parents[1] / "bad_configs"
FILES = sorted(FOLDER.glob("*.conf"))


def test_the_folder_is_large_and_complete() -> None:
    assert len(FILES) >= 60
    assert {path.stem for path in FILES} == {path.stem for path in FOLDER.glob("*.expect")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_bad_configuration_causes_its_messages(path: Path) -> None:
    loaded = load(path, environ={}, pages=FakePages())
    found = [str(diagnostic).removeprefix(f"{path}:").strip() for diagnostic in loaded.diagnostics]
    assert found == path.with_suffix(".expect").read_text(encoding="utf-8").splitlines()
    fatal = any(diagnostic.severity is Severity.ERROR for diagnostic in loaded.diagnostics)
    assert (loaded.configuration is None) is fatal
