"""The CodePages block, the rules about pages, and what REFRESH makes of them (configuration.md 10, code-pages.md 10)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cssmtp.config.build import build, complete
from cssmtp.config.load import Registry
from cssmtp.config.model import (
    AddressKind,
    CodePages,
    Configuration,
    Euro,
    MimeLabel,
    Newline,
    TargetAddress,
    TargetServer,
    Unmappable,
)
from cssmtp.config.refresh import refresh

TARGET = TargetServer((TargetAddress(AddressKind.IP, "192.0.2.1"),), mbcharset="IBM-943")
RUNNING = complete(Configuration((TARGET,), ext_writer_name="MAIL", mbcs=True, translate="IBM-939"))


def built(text: str) -> tuple[Configuration | None, list[str]]:
    configuration, diagnostics = build(text, file="c", pages=Registry())
    return configuration, [str(diagnostic) for diagnostic in diagnostics]


def test_the_block_is_read() -> None:
    lines = ["Newline cdra", "Euro a4", "Unmappable IBM", "AllowApproximate yes", "MimeLabel FORCE", "EncodeHeaders Yes"]
    configuration, said = built("TargetServer\n{\nTargetIp 192.0.2.1\n}\nCodePages\n{\n" + "\n".join(lines) + "\n}\n")
    assert said == []
    assert configuration is not None
    assert configuration.code_pages == CodePages(Newline.CDRA, Euro.A4, Unmappable.IBM, True, MimeLabel.FORCE, True)


def test_the_defaults_are_what_cssmtp_does() -> None:
    assert CodePages() == CodePages(Newline.ZOS, Euro.SUB, Unmappable.QUESTION, False, MimeLabel.NO, False)


@pytest.mark.parametrize("page", ["IBM-281", "IBM-423", "IBM-905"])
@pytest.mark.parametrize("allowed", [True, False])
def test_approximate_pages_are_refused_unless_allowed(page: str, allowed: bool) -> None:
    answer = "Yes" if allowed else "No"
    target = "TargetServer\n{\nTargetIp 192.0.2.1\n}\n"
    configuration, said = built(f"Translate {page}\n{target}CodePages\n{{\nAllowApproximate {answer}\n}}\n")
    assert (configuration is not None) == allowed
    assert allowed or "AllowApproximate Yes" in said[0]


def test_ibm_948_works_with_a_warning() -> None:
    configuration, said = built("MBCS Yes\nTranslate IBM-937\nTargetServer\n{\nTargetIp 192.0.2.1\nMBCharset IBM-948\n}\n")
    assert configuration is not None
    assert ["hardly any mail reader shows it" in line for line in said] == [True]


@pytest.mark.parametrize("charset", ["IBM-964", "IBM-948"])
def test_a_charset_that_is_not_in_use_draws_no_warning(charset: str) -> None:
    assert built(f"TargetServer\n{{\nTargetIp 192.0.2.1\nMBCharset {charset}\n}}\n")[1] == []


@pytest.mark.parametrize(("name", "value"), [("translate", "IBM-930"), ("mbcs", False)])
def test_translate_and_mbcs_are_refused_at_refresh_with_a_warning(name: str, value: object) -> None:
    effective, said = refresh(RUNNING, replace(RUNNING, **{name: value}))  # type: ignore[arg-type]
    assert effective == RUNNING
    assert len(said) == 1
    assert "cannot take effect while running" in str(said[0])


def test_mbcharset_and_the_options_change_at_refresh() -> None:
    new = replace(RUNNING, targets=(replace(TARGET, mbcharset="IBM-5054"),), code_pages=CodePages(mime_label=MimeLabel.YES))
    assert refresh(RUNNING, new) == (new, [])


def test_an_approximate_page_that_stays_rejects_a_file_that_forbids_it() -> None:
    running = replace(RUNNING, translate="IBM-931", code_pages=CodePages(allow_approximate=True))
    effective, said = refresh(running, replace(RUNNING, translate="IBM-939"))
    assert effective is running
    assert "IBM-931 in effect is approximate" in str(said[-1])
