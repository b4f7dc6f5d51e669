"""The table against the model, the documentation, the sample files and the help."""

from __future__ import annotations

import dataclasses
import pkgutil
import re
from pathlib import Path

import pytest

from cssmtp.config import model
from cssmtp.config.build import complete
from cssmtp.config.explain import explain
from cssmtp.config.grammar import Block, Parameter
from cssmtp.config.load import load
from cssmtp.config.schema import SCHEMA
from cssmtp.errors import UsageError
from tests.config_pages import FakePages

ROOT = Path(__file__).parents[2]
MARKDOWN = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
SAMPLES = sorted(path for path in (ROOT / "conf").glob("*.conf") if path.name != "ezatmail.conf")
ROWS = [
    *((None, row) for row in SCHEMA.statements if isinstance(row, Parameter)),
    *((block, row) for block in SCHEMA.blocks() for row in block.parameters),
]
DEFAULTS = complete(model.Configuration((), extended_retry=model.ExtendedRetry()))

# The column "changed by MODIFY REFRESH" of configuration.md 1; everything of the System extension needs a restart as well.
NOT_REFRESHABLE = {"ChkPointSizeLimit", "ExtWrtName", "MBCS", "Translate", "MailDirectory", "TestMode"}


def name_of(row: tuple[Block | None, Parameter]) -> str:
    return f"{row[0].name}-{row[1].name}" if row[0] else row[1].name


@pytest.mark.parametrize("place", ROWS, ids=name_of)
def test_the_default_of_the_table_is_the_default_of_the_model(place: tuple[Block | None, Parameter]) -> None:
    block, row = place
    owner = DEFAULTS if block is None else model.TargetServer(()) if block.field == "targets" else getattr(DEFAULTS, block.field)
    if row.field in {"ip", "name", "mx"}:
        assert row.default == ""
        return
    value = getattr(owner, row.field)
    text = row.default.replace("<jobname>", "CSSMTP").replace("<extwrtname>", "CSSMTP")
    assert value == (row.kind.parse([text], FakePages()) if text else type(value)())


def test_every_field_of_the_model_has_its_row() -> None:
    top = {row.field for row in SCHEMA.statements}
    assert top | {"source"} == {field.name for field in dataclasses.fields(model.Configuration)}
    for block in SCHEMA.blocks():
        wanted = {field.name for field in dataclasses.fields(block.make)}
        if block.field == "targets":
            wanted = wanted - {"addresses"} | {"ip", "name", "mx"}
        assert {row.field for row in block.parameters} == wanted


def test_what_refresh_changes_is_the_table_of_the_reference() -> None:
    fixed = {row.name for block, row in ROWS if not row.refreshable and (block is None or block.field != "system")}
    assert fixed == NOT_REFRESHABLE
    assert not any(row.refreshable for row in SCHEMA.statement("system").parameters)  # type: ignore[union-attr]


def test_extensions_are_marked() -> None:
    names = {row.name for block, row in ROWS if row.extension and block is not None and block.field == "targets"}
    tls = {"TlsCaFile", "TlsCertFile", "TlsKeyFile", "TlsServerName"}
    assert names == tls | {"AuthFile", "AuthMechanism", "Chunking", "PipelineDepth"}
    assert {row.name for row in SCHEMA.statements if row.extension} == {"System", "CodePages"}
    assert all(row.extension for block, row in ROWS if block is not None and block.field in ("system", "code_pages"))


@pytest.mark.parametrize("place", ROWS, ids=name_of)
def test_the_documentation_has_every_row(place: tuple[Block | None, Parameter]) -> None:
    block, row = place
    repeatable = " (repeatable)" if row.repeatable else ""
    default = f"`{row.default}`" if row.default else "none"
    refresh = "yes" if row.refreshable else "no"
    section = MARKDOWN.split(f"### {block.name}\n")[1].split("\n### ")[0] if block else MARKDOWN
    assert f"| {row.name}{repeatable} | {row.kind.allowed} | {default} | {refresh} | {row.since} |\n" in section
    assert row.meaning in section


def test_the_documentation_has_every_statement() -> None:
    for row in SCHEMA.statements:
        assert f"\n### {row.name}\n" in MARKDOWN
        assert row.meaning in MARKDOWN


@pytest.mark.parametrize("place", ROWS, ids=name_of)
def test_the_sample_of_all_statements_has_every_row(place: tuple[Block | None, Parameter]) -> None:
    words = {
        line.strip().lstrip("#").split()[0]
        for line in (ROOT / "conf/all-statements.conf").read_text().splitlines()
        if line.strip("# ")
    }
    assert place[1].name in words
    assert place[0] is None or place[0].name in words


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_file_loads_clean(path: Path) -> None:
    loaded = load(path, environ={})
    assert loaded.diagnostics == ()
    assert loaded.configuration is not None


def test_the_samples_are_what_their_names_say() -> None:
    found = {path.stem: load(path, environ={}).configuration for path in SAMPLES}
    assert set(found) == {"all-statements", "demo", "minimal", "test-mode"}
    demo, test_mode = found["demo"], found["test-mode"]
    assert demo is not None
    assert test_mode is not None
    assert demo.targets[0].connect_port == 2525
    assert (demo.retry_limit.count, demo.retry_limit.interval_minutes) == (2, 1)
    assert demo.report.to is model.ReportTo.SYSOUT
    assert not demo.options.test_mode
    assert test_mode.options.test_mode


def test_explain_tells_of_every_row() -> None:
    text = explain()
    for _, row in ROWS:
        assert row.name in text
        assert row.meaning.split(",")[0][:40] in text


def test_explain_one_statement_or_parameter() -> None:
    assert explain("loglevel").startswith("LogLevel\n")
    assert explain("retrylimit").startswith("RetryLimit\n{\n  Count\n")
    assert explain("interval").count("in ") == 2
    assert "EXTENSION" in explain("System")
    assert "changed by REFRESH: no" in explain("testmode")
    assert "may be repeated" in explain("MailAdministrator")


def test_explain_an_unknown_word() -> None:
    with pytest.raises(UsageError, match="did you mean LogLevel"):
        explain("LogLevl")
    with pytest.raises(UsageError, match=r"is no statement or parameter$"):
        explain("qqq")


def test_the_list_of_decisions_names_code_that_exists() -> None:
    lines = (ROOT / "docs" / "compat" / "config.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split(" | ") for line in lines if line.startswith("| ") and "---" not in line][1:]
    assert len(cells) > 25
    for row in cells:
        assert row[3].rstrip(" |") in {"inferred", "recalled", "ours"}
        for name in re.findall(r"`([^`]+)`", row[2]):
            pkgutil.resolve_name(f"cssmtp.{name}")
