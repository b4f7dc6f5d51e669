"""The hint of `cssmtp check` about the code page of a file: for people only, and no verdict changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cssmtp.cli import main
from tests.samples import DIRECTORY

SURE = ("one-mail", "payroll-500", "page-273", "page-277", "cobol-listing", "truncated-rdw", "delivery-note", "disk-alert")


def said(capsys: pytest.CaptureFixture[str], *words: object) -> list[str]:
    main(["check", *map(str, words)])
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("hint: ")]


@pytest.mark.parametrize(
    ("sample", "page"),
    [("page-273", "IBM-273"), ("page-277", "IBM-277"), ("pages/russia-1025", "IBM-1025"), ("pages/japan-930-943", "IBM-930")],
)
def test_a_file_in_another_page_draws_a_hint(sample: str, page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deck = tmp_path / "deck"
    shutil.copy(DIRECTORY / sample, deck)  # without its sidecar, which names the page
    assert said(capsys, deck) == [f"hint: {deck} was read in IBM-1047 and looks more like {page}; see cssmtp codepage"]
    assert said(capsys, "--format", "json", deck) == []


def test_a_file_in_its_page_draws_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, *(DIRECTORY / name for name in SURE)) == []


def test_nothing_to_go_by_draws_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for data in (b"", b"\x40" * 80, b"\xff" * 3):
        (tmp_path / "deck").write_bytes(data)
        assert said(capsys, tmp_path / "deck") == []
