"""Files, their code page, and what happens when they are no configuration at all (configuration.md 2)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from cssmtp import codepage
from cssmtp.config import load as module
from cssmtp.config.load import Loaded, load, require, warnings
from cssmtp.config.values import fits
from cssmtp.errors import ConfigurationError, UnknownCodePage
from tests.config_pages import FakePages

TEXT = "# card\nLogLevel 15\nTargetServer\n{\n  TargetName relay.example.net\n}\n"
EBCDIC = {"CSSMTP_CODEPAGE_CONFIG": "IBM-1047"}


def read(path: Path, data: bytes, environ: Mapping[str, str] | None = None) -> Loaded:
    path = path / "c.conf"
    path.write_bytes(data)
    return load(path, environ=environ or {}, pages=FakePages())


def problem(loaded: Loaded) -> str:
    assert loaded.configuration is None
    (only,) = loaded.diagnostics
    return str(only)


def test_a_utf_8_file_is_the_default(tmp_path: Path) -> None:
    loaded = read(tmp_path, TEXT.encode())
    assert loaded.diagnostics == ()
    assert loaded.configuration is not None
    assert loaded.configuration.log_level == 15
    assert loaded.configuration.source == str(tmp_path / "c.conf")


@pytest.mark.parametrize("newline", [b"\x15", b"\x0d\x15", b"\x25"])
def test_the_code_page_variable_names_the_page_of_the_file(tmp_path: Path, newline: bytes) -> None:
    data = newline.join(line.encode("cp037") for line in TEXT.split("\n"))
    if newline == b"\x25":
        assert b"\x15" not in data
    loaded = read(tmp_path, data, EBCDIC)
    assert loaded.diagnostics == ()
    assert loaded.configuration is not None


def test_eighty_byte_records_without_line_ends_are_cut_and_stripped(tmp_path: Path) -> None:
    data = b"".join(line.ljust(80).encode("cp037") for line in TEXT.splitlines())
    loaded = read(tmp_path, data, EBCDIC)
    assert loaded.diagnostics == ()
    assert loaded.configuration is not None
    assert loaded.configuration.log_level == 15


def test_an_ebcdic_file_without_the_variable_is_recognised(tmp_path: Path) -> None:
    data = TEXT.encode("cp037").replace(b"\x25", b"\x15")
    assert "the file is EBCDIC, but CSSMTP_CODEPAGE_CONFIG is not set" in problem(read(tmp_path, data))


def test_an_ascii_file_with_the_variable_is_recognised(tmp_path: Path) -> None:
    assert "the file is ASCII or UTF-8, but CSSMTP_CODEPAGE_CONFIG says IBM-1047" in problem(
        read(tmp_path, TEXT.encode(), EBCDIC)
    )


@pytest.mark.parametrize("page", ["UTF-8", "utf8", "ASCII", " "])
def test_the_variable_may_name_utf_8(tmp_path: Path, page: str) -> None:
    assert read(tmp_path, TEXT.encode(), {"CSSMTP_CODEPAGE_CONFIG": page}).configuration is not None


@pytest.mark.parametrize(
    ("page", "said"), [("IBM-939", "name a single-byte"), ("rot13", "name a single"), ("IBM-1O47", "IBM-1047?")]
)
def test_the_variable_must_name_a_single_byte_page(tmp_path: Path, page: str, said: str) -> None:
    text = problem(read(tmp_path, TEXT.encode(), {"CSSMTP_CODEPAGE_CONFIG": page}))
    assert f'names "{page}"' in text
    assert said in text


def test_a_missing_file(tmp_path: Path) -> None:
    assert "does not exist" in problem(load(tmp_path / "none", environ={}, pages=FakePages()))


def test_a_directory(tmp_path: Path) -> None:
    assert "this is a directory" in problem(load(tmp_path, environ={}, pages=FakePages()))


def test_a_file_in_place_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    assert "cannot be read" in problem(load(tmp_path / "f" / "c.conf", environ={}, pages=FakePages()))


def test_an_impossible_name() -> None:
    assert "cannot be read" in problem(load("a\0b", environ={}, pages=FakePages()))


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert "may not be read" in problem(load(tmp_path / "c.conf", environ={}, pages=FakePages()))


def test_a_huge_file(tmp_path: Path) -> None:
    assert "more than 1048576 bytes" in problem(read(tmp_path, b"# x\n" * 262145))


def test_require_raises_with_every_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "c.conf").write_text("LogLevel 7\nLogLevel x\nFoo\n" + TEXT)
    with pytest.raises(ConfigurationError) as caught:
        require(tmp_path / "c.conf", environ={}, pages=FakePages())
    assert len(caught.value.diagnostics) == 3
    assert caught.value.exit_code == 2


def test_warnings_do_not_prevent(tmp_path: Path) -> None:
    (tmp_path / "c.conf").write_text("LogLevel 7\n" + TEXT)
    assert require(tmp_path / "c.conf", environ={}, pages=FakePages()).log_level == 15
    assert len(warnings(load(tmp_path / "c.conf", environ={}, pages=FakePages()))) == 1


def test_relative_paths_of_the_command_line_count_from_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.conf").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    configuration = require("c.conf", environ={}, overrides={"spool": "spool", "job_name": None}, pages=FakePages())
    assert configuration.system.spool == str(tmp_path / "spool")


def test_the_registry_is_used_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Registry", FakePages)
    (tmp_path / "c.conf").write_text(TEXT + "Translate ibm-273\n")
    assert require(tmp_path / "c.conf", environ={}).translate == "IBM-273"


class Pages:
    """Stands for the registry and the transcoder of `cssmtp.codepage`, by their contract."""

    pages = (
        SimpleNamespace(name="IBM-037", kind="SBCS", roles=frozenset({"translate"})),
        SimpleNamespace(name="IBM-939", kind="MBCS", roles=frozenset({"translate"})),
        SimpleNamespace(name="ISO8859-1", kind="SBCS", roles=frozenset({"charset"})),
        SimpleNamespace(name="UTF-8", kind="MBCS", roles=frozenset({"charset", "mbcharset"})),
        SimpleNamespace(name="IBM-5052", kind="ISO2022", roles=frozenset({"mbcharset"})),
    )

    def lookup(self, name: str) -> SimpleNamespace:
        for page in self.pages:
            if page.name == name.upper():
                return page
        raise UnknownCodePage(name, ("IBM-037",))

    def source_text(self, page: str) -> SimpleNamespace:
        return SimpleNamespace(text=lambda data: f"{page} {len(data)}")


@pytest.fixture
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codepage, "registry", Pages(), raising=False)
    monkeypatch.setattr(codepage, "transcode", Pages(), raising=False)


@pytest.mark.usefixtures("_registry")
def test_roles_of_the_registry() -> None:
    fit = {
        role: {page.name for page in Pages.pages if fits(module.Registry(), page.name, role)}
        for role in ("translate", "mbtranslate", "charset", "mbcharset")
    }
    assert fit == {
        "translate": {"IBM-037"},
        "mbtranslate": {"IBM-939"},
        "charset": {"ISO8859-1", "UTF-8"},
        "mbcharset": {"UTF-8", "IBM-5052"},
    }


@pytest.mark.usefixtures("_registry")
def test_the_registry_names_decodes_and_suggests() -> None:
    registry = module.Registry()
    assert registry.lookup("ibm-037", "translate") == "IBM-037"
    assert registry.text("IBM-037", b"abc") == "IBM-037 3"
    with pytest.raises(UnknownCodePage) as caught:
        registry.lookup("IBM-O37", "translate")
    assert caught.value.near == ("IBM-037",)
