"""`cssmtp smf`: the questions people ask, and files that are not as they should be."""

import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cssmtp.cli import main
from cssmtp.model import Outcome, Verdict
from cssmtp.observe.events import MailRejected
from cssmtp.observe.smf import encode, frame
from cssmtp.observe.smf_layouts import Subtype
from cssmtp.observe.smf_mail import Wire
from tests.smfkit import DELIVERED, FILE, NOW, RECORDS, REFUSED, mail, mail_record

OTHER = replace(FILE, jobname="BILLING", owner="BILLUSER", jobid="JOB00007")
LATER = NOW.replace(day=30)  # a day before the others
FAR = Outcome(Verdict.DELIVERED, "250 ok", "192.0.2.9")
WIRES = {"192.0.2.1": Wire(True, "TLSv1.3")}
MAILS = (
    mail_record(mail(DELIVERED), WIRES),
    mail_record(mail(DELIVERED, REFUSED, number=4), WIRES),
    mail_record(mail(FAR, number=5), WIRES),
    mail_record(mail(REFUSED, number=1, file=OTHER), WIRES, LATER),
    mail_record(MailRejected(OTHER, 2, "552 5.3.4 JES Message size exceeds limit")),
)


@pytest.fixture
def smf(tmp_path: Path) -> Path:
    path = tmp_path / "smf119"
    path.write_bytes(b"".join(frame(encode(record)) for record in (*RECORDS.values(), *MAILS)))
    return path


def objects(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert main(["smf", *arguments, "--format", "json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_table_has_a_line_for_each_record(smf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smf", str(smf)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "TIME",
        "NAME",
        "JOB",
        "JOB",
        "ID",
        "OWNER",
        "MAIL",
        "TARGET",
        "RESULT",
        "ENCRYPTED",
        "OCTETS",
        "TEXT",
    ]
    assert [line[23:30].strip() for line in lines[1:6]] == ["CONFIG", "CONNECT", "MAIL", "SPOOL", "STATS"]
    assert "test mode on" in lines[1]
    assert "TLSv1.3 TLS_AES_256_GCM_SHA384" in lines[2]
    assert lines[6].startswith("2026-01-31 23:59:59.12 MAIL    PAYRUN   JOB01234 PAYUSER")


def test_json_has_everything(smf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = objects(capsys, str(smf))
    assert len(found) == len(RECORDS) + len(MAILS)
    config, connect, first = found[:3]
    assert config["configuration"]["test_mode"] is True  # type: ignore[index]
    assert config["settings"]["Options.TestMode"] == "Yes"  # type: ignore[index]
    assert connect["connection"]["tls_expires"] == "2027-01-15T08:00:00Z"  # type: ignore[index]
    assert first["sections"]["spool identification section"]["SMF119ML_SI_TKID"] == 17  # type: ignore[index]
    assert [one["verdict"] for one in first["recipients"]] == ["delivered", "undeliverable", "undeliverable"]  # type: ignore[attr-defined]


def test_csv_of_one_subtype_has_its_fields(smf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smf", str(smf), "--format", "csv", "--subtype", "mail"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 1 + len(MAILS)
    assert (rows[1]["job"], rows[1]["tkid"], rows[1]["result"], rows[1]["octets"]) == ("PAYRUN", "17", "sent", "1024")
    assert "tls_cipher" not in rows[1]


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (["--subtype", "50"], [3, 3, 4, 5, 1, 2]),
        (["--job", "bill*"], [1, 2]),
        (["--owner", "PAYUSER", "--subtype", "MAIL"], [3, 3, 4, 5]),
        (["--failures", "--subtype", "MAIL"], [3, 4, 1, 2]),
        (["--unencrypted"], [5]),
        (["--since", "2026-01-31", "--job", "BILLING"], [2]),
        (["--since", "2026-02-01"], []),
    ],
)
def test_filters(smf: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], numbers: list[int]) -> None:
    found = objects(capsys, str(smf), *arguments)
    assert [one["mail"]["number"] for one in found if "mail" in one] == numbers  # type: ignore[index]


def test_failures_has_bad_spool_files_too(smf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [one["name"] for one in objects(capsys, str(smf), "--failures", "--subtype", "SPOOL")] == ["SPOOL"]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("job", {"PAYRUN": (4, 2, 2, 0, 0), "BILLING": (2, 0, 0, 1, 1)}),
        ("owner", {"PAYUSER": (4, 2, 2, 0, 0), "BILLUSER": (2, 0, 0, 1, 1)}),
        ("target", {"192.0.2.1": (4, 1, 2, 1, 0), "192.0.2.9": (1, 1, 0, 0, 0), "(none)": (1, 0, 0, 0, 1)}),
    ],
)
def test_sums(smf: Path, capsys: pytest.CaptureFixture[str], by: str, expected: dict[str, tuple[int, ...]]) -> None:
    found = objects(capsys, str(smf), "--by", by)
    names = ("mails", "sent", "partly", "undeliverable", "rejected")
    sums = {str(one[by]): tuple(one[name] for name in names) for one in found}
    assert sums == expected


def test_sums_by_result_as_a_table_and_as_csv(smf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smf", str(smf), "--by", "result"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:3] == ["RESULT", "MAILS", "SENT"]
    assert {line[0]: line[1] for line in lines[1:]} == {"partly": "2", "sent": "2", "rejected": "1", "undeliverable": "1"}
    assert main(["smf", str(smf), "--by", "result", "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("result,mails,sent,partly")


def test_the_example_of_the_documentation_is_real(smf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smf", str(smf), "--by", "job"]) == 0
    page = (Path(__file__).parents[2] / "docs" / "smf.md").read_text(encoding="utf-8")
    assert f"$ cssmtp smf smf119 --by job\n{capsys.readouterr().out}```" in page


def test_without_mail_records_jobs_are_summed_over_spool_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "smf"
    path.write_bytes(frame(encode(RECORDS[Subtype.SPOOL])))
    assert main(["smf", str(path), "--by", "job", "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert "SPOOL records" in captured.err
    assert json.loads(captured.out)["mails"] == 5


def test_a_damaged_file_is_told_with_its_offset_and_the_rest_is_shown(
    smf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = smf.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(data[:-5])
    assert main(["smf", str(cut), "--format", "json"]) == 2
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == len(RECORDS) + len(MAILS) - 1
    offset = len(data) - len(frame(encode(MAILS[-1])))
    assert f"{cut}: damaged at offset {offset}: the file ends within a record" in captured.err


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"not a record at all, really not one"])
def test_a_file_that_is_empty_or_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert main(["smf", str(path)]) == (2 if content else 0)
    assert ("damaged at offset 0" in capsys.readouterr().err) is bool(content)


def test_a_missing_file_a_directory_and_a_good_one(smf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smf", str(tmp_path / "none"), str(tmp_path), str(smf), "--format", "json"]) == 2
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == len(RECORDS) + len(MAILS)
    assert len(captured.err.splitlines()) == 2


def test_standard_input(smf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(smf.read_bytes())))
    assert len(objects(capsys, "-")) == len(RECORDS) + len(MAILS)


@pytest.mark.parametrize("arguments", [["--subtype", "47"], ["--since", "yesterday"]])
def test_wrong_operands(smf: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(["smf", str(smf), *arguments]) == 2
    assert "is no" in capsys.readouterr().err
