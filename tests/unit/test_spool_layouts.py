"""Path rules of other systems' directories (jes-spool.md 10)."""

from __future__ import annotations

from datetime import UTC

import pytest

from cssmtp.spool.attributes import Attributes
from cssmtp.spool.layouts import from_job, is_job, place


def said(layout: str, path: bytes) -> dict[str, object]:
    placed = place(layout, path, Attributes(), UTC)
    assert placed.skip == "", placed.skip
    plain = Attributes()
    return {
        key: getattr(placed.attributes, key)
        for key in Attributes.__slots__
        if getattr(placed.attributes, key) != getattr(plain, key)
    }


@pytest.mark.parametrize(
    ("layout", "path", "values"),
    [
        (
            "zowe",
            b"JOB00123/STEP1/SYSUT2.txt",
            {"jobname": "SYSUT2", "jobid": "JOB00123", "stepname": "STEP1", "ddname": "SYSUT2"},
        ),
        (
            "zowe",
            b"JOB00123/PROC1/STEP1/SYSUT2(1).txt",
            {"jobname": "SYSUT21", "jobid": "JOB00123", "procstep": "PROC1", "stepname": "STEP1", "ddname": "SYSUT2", "dsid": 2},
        ),
        (
            "zowe",
            b"PAYJOB/J0100123/STEP1/MAIL",
            {"jobname": "PAYJOB", "jobid": "J0100123", "stepname": "STEP1", "ddname": "MAIL"},
        ),
        (
            "microfocus",
            b"Y2026.S1122.S080910.J0001234.D00007.SYSUT2",
            {
                "jobname": "Y2026S11",
                "created": "2026-11-22T08:09:10+00:00",
                "jobid": "J0001234",
                "dsid": 7,
                "ddname": "SYSUT2",
            },
        ),
        (
            "microfocus",
            b"in/MFE2026.S1399.S080910.J0001234.D00007.MAIL.DAT",
            {"jobname": "MFE2026S", "jobid": "J0001234", "dsid": 7, "ddname": "MAIL"},
        ),
        ("openframe", b"JOB00042/SYSUT2", {"jobname": "SYSUT2", "jobid": "JOB00042", "ddname": "SYSUT2"}),
        ("tuxjes", b"00000123/SYSOUT.log", {"jobname": "SYSOUT", "jobid": "J0000123", "ddname": "SYSOUT"}),
        ("tuxjes", b"JOB00009/step/MAIL", {"jobname": "MAIL", "jobid": "JOB00009", "ddname": "MAIL"}),
        ("tuxjes", b"spool/TKN1.4711.123456.1", {"jobname": "TKN1"}),
        ("plain", b"a/b/pay run.deck", {"jobname": "PAYRUN"}),
        ("plain", b"a\n..\xff/../x", {"jobname": "X"}),
    ],
)
def test_what_paths_say(layout: str, path: bytes, values: dict[str, object]) -> None:
    assert said(layout, path) == values


@pytest.mark.parametrize(
    ("layout", "path"),
    [
        ("zowe", b"JOB00123/JES2/JESMSGLG.txt"),
        ("zowe", b"PAY/JOB00123/jcl.txt"),
        ("openframe", b"JOB00042/INPJCL"),
        ("openframe", b"JOB00042/SYSMSG"),
        ("tuxjes", b"00000123/JESJCL"),
    ],
)
def test_files_of_the_job_entry_system_are_no_output(layout: str, path: bytes) -> None:
    assert "job entry system itself" in place(layout, path, Attributes(), UTC).skip


@pytest.mark.parametrize(
    ("layout", "path"),
    [
        ("zowe", b"SYSUT2.txt"),
        ("zowe", b"JOB1/S/D"),
        ("microfocus", b"Y2026.S1122.J1"),
        ("openframe", b"x"),
        ("tuxjes", b"123456789/x"),
    ],
)
def test_a_path_of_another_form_is_told(layout: str, path: bytes) -> None:
    assert place(layout, path, Attributes(), UTC).skip == f"its path does not have the form of layout {layout}"


def test_names_that_are_none_are_left_out() -> None:
    assert said("openframe", b"JOB00042/MUCH_TOO_LONG") == {"jobname": "MUCHTOOL", "jobid": "JOB00042"}


def test_the_part_of_a_path_from_the_job_on() -> None:
    assert from_job(b"/a/JOB00001/b/JOB00002/STEP/DD") == b"JOB00002/STEP/DD"
    assert from_job(b"/a/b/DD") == b"DD"
    assert from_job(b"JOB00001") == b"JOB00001"
    assert [is_job(name) for name in ("job00001", "123", "J123", "123456789", "١٢")] == [True, True, False, False, False]
