"""Every sample deck through the real daemon to a real server, through `cssmtp check` and through test mode."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import samples
from tests.gateways import Finished, MailServer, ReceivedMail, Spool, check, mail_server, run_until_idle, write_configuration
from tests.reports import as_listed, listed
from tests.sample_runs import aftermath_differences, job_of, mail_differences
from tests.samples import Sample

SAMPLES = samples.load_all()
SHARED = [sample for sample in SAMPLES if sample.shared]
OTHERS = [sample for sample in SAMPLES if not sample.shared]

RESULT_KEYS = [
    "file", "framing", "code_page", "records", "mails", "errors", "counted_errors", "error_limit_reached", "disposition",
]  # fmt: skip
MAIL_KEYS = ["number", "verdict", "mail_from", "recipients", "bad_recipients", "size"]
ERROR_KEYS = ["record", "mail", "reply", "counted"]


def configuration(scratch: Path, server: MailServer, *chosen: Sample, **more: Any) -> Path:
    """What all of `chosen` need. RFC 3207 4.2 lets a server ask for EHLO again after STARTTLS, and this one does: TLSEhlo."""
    needs = chosen[0].configuration if len(chosen) == 1 and not chosen[0].shared else samples.SHARED_CONFIGURATION
    options = {**needs.get("Options", {}), "TLSEhlo": "YES", **more.pop("Options", {})}
    return write_configuration(scratch, server.target, {**needs, "Options": options, **more})


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the daemon left behind."""

    finished: Finished
    spool: Spool
    received: tuple[ReceivedMail, ...]


def through_the_daemon(scratch: Path, chosen: list[Sample], **more: Any) -> Run:
    spool = Spool(scratch / "spool")
    for sample in chosen:
        spool.drop_sample(sample)
    with mail_server(scratch) as server:
        finished = run_until_idle(spool, configuration(scratch, server, *chosen, **more))
        return Run(finished, spool, tuple(server.mails))


@pytest.fixture(scope="module")
def shared_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return through_the_daemon(tmp_path_factory.mktemp("shared"), SHARED)


@pytest.fixture(scope="module", params=[sample.name for sample in OTHERS])
def other_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[Sample]]:
    chosen = [sample for sample in OTHERS if sample.name == request.param]
    return through_the_daemon(tmp_path_factory.mktemp("other"), chosen), chosen


def test_all_shared_samples_arrive_to_the_byte(shared_run: Run) -> None:
    assert mail_differences(SHARED, shared_run.received) == []


def test_files_reports_and_dead_letters_of_the_shared_samples(shared_run: Run) -> None:
    assert aftermath_differences(SHARED, shared_run.spool) == []


def test_a_run_with_held_files_ends_with_status_1_and_without_a_traceback(shared_run: Run) -> None:
    assert (shared_run.finished.status, shared_run.finished.traceback) == (1, False)


def test_nothing_is_left_in_the_drop_zone(shared_run: Run) -> None:
    assert list(shared_run.spool.drop_zone.iterdir()) == []


def test_the_kept_data_is_the_dropped_data(shared_run: Run) -> None:
    by_job = {job_of(sample): sample for sample in SHARED}
    for entry in shared_run.spool.entries():
        data = (shared_run.spool.root / entry.state / entry.id / "data").read_bytes()
        assert data == by_job[entry.jobname].path.read_bytes()


def test_samples_with_a_configuration_of_their_own(other_run: tuple[Run, list[Sample]]) -> None:
    run, chosen = other_run
    assert mail_differences(chosen, run.received) + aftermath_differences(chosen, run.spool) == []


def test_good_samples_alone_end_with_status_0(tmp_path: Path) -> None:
    good = [sample for sample in SHARED if sample.disposition == "delete" and sample.name != "payroll-500"]
    run = through_the_daemon(tmp_path, good)
    assert (run.finished.status, run.spool.entries(), run.spool.reports()) == (0, [], {})


def test_without_starttls_the_mails_that_need_it_come_back_and_are_not_sent_in_clear(tmp_path: Path) -> None:
    chosen = [sample for sample in SHARED if sample.name == "starttls"]
    spool = Spool(tmp_path / "spool")
    spool.drop_sample(chosen[0])
    with mail_server(tmp_path, starttls=False) as server:
        run_until_idle(spool, configuration(tmp_path, server, *chosen))
        received = tuple(server.mails)
    assert [(mail.sender, mail.recipients) for mail in received] == [("ops@mvsa.example.org", ("control-desk@example.net",))]
    assert len(spool.letters()) == 3  # notices quote the mails, so they need TLS as well
    assert list(spool.held()) == ["SECMAIL"]


# --- check and test mode


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, dict[str, dict[str, Any]]]:
    scratch = tmp_path_factory.mktemp("checked")
    path = write_configuration(scratch, {"TargetIp": "127.0.0.1"}, samples.SHARED_CONFIGURATION)
    return check([sample.path for sample in SHARED], "-c", path)


def test_check_says_of_every_shared_sample_what_is_expected(checked: tuple[Finished, dict[str, dict[str, Any]]]) -> None:
    _, results = checked
    differences = {sample.name: samples.result_differences(sample, results[sample.name]) for sample in SHARED}
    assert {name: found for name, found in differences.items() if found} == {}


def test_check_names_the_framing_the_code_page_and_the_records(checked: tuple[Finished, dict[str, dict[str, Any]]]) -> None:
    _, results = checked
    for sample in SHARED:
        if sample.readable:
            result = results[sample.name]
            assert result["framing"] == sample.framing, sample.name
            assert result["code_page"].upper() == sample.code_page.upper().replace("ASCII", "US-ASCII"), sample.name
            assert result["records"] >= sample.last_record, sample.name


def test_check_has_exactly_the_keys_of_the_documentation(checked: tuple[Finished, dict[str, dict[str, Any]]]) -> None:
    _, results = checked
    for result in results.values():
        assert list(result) == RESULT_KEYS
        assert all(list(mail) == MAIL_KEYS for mail in result["mails"])
        assert all(list(error) == ERROR_KEYS for error in result["errors"])


def test_check_ends_with_status_1_when_some_file_has_errors(checked: tuple[Finished, dict[str, dict[str, Any]]]) -> None:
    finished, _ = checked
    assert (finished.status, finished.errors) == (1, "")


@pytest.mark.parametrize("sample", OTHERS, ids=lambda sample: sample.name)
def test_check_of_samples_with_a_configuration_of_their_own(sample: Sample, tmp_path: Path) -> None:
    path = write_configuration(tmp_path, {"TargetIp": "127.0.0.1"}, sample.configuration)
    _, results = check([sample.path], "-c", path)
    assert samples.result_differences(sample, results[sample.name]) == []


def test_check_exit_status_0_for_good_files_and_2_for_a_missing_one(tmp_path: Path) -> None:
    good = next(sample.path for sample in SHARED if sample.name == "one-mail")
    finished, results = check([good])
    assert (finished.status, list(results)) == (0, ["one-mail"])
    finished, results = check([tmp_path / "nowhere", good])
    assert (finished.status, list(results)) == (2, ["one-mail"])
    assert "nowhere: no such file" in finished.errors


def test_test_mode_sends_nothing_and_gives_the_verdicts_of_check(
    tmp_path: Path, checked: tuple[Finished, dict[str, dict[str, Any]]]
) -> None:
    _, results = checked
    run = through_the_daemon(tmp_path, SHARED, Options={"TestMode": "YES"})
    assert (run.received, run.spool.letters(), run.finished.status) == ((), {}, 1)
    reports = {name: listed(text) for name, text in run.spool.reports().items()}
    expected = {job_of(sample): as_listed(results[sample.name]["errors"]) for sample in SHARED if results[sample.name]["errors"]}
    assert reports == expected
    assert sorted(run.spool.held()) == sorted(
        job_of(sample) for sample in SHARED if results[sample.name]["disposition"] == "hold"
    )


def test_test_mode_without_a_report_destination_warns(tmp_path: Path) -> None:
    chosen = [sample for sample in SHARED if sample.name == "one-mail"]
    run = through_the_daemon(tmp_path, chosen, Options={"TestMode": "YES"}, Report="NONE")
    assert "EZD1841I" in run.finished.errors
    assert run.spool.entries() == []


def test_the_expectations_are_json_that_loads(tmp_path: Path) -> None:
    assert all(json.loads(sample.path.with_name(f"{sample.name}.expect").read_bytes())["about"] for sample in SAMPLES)
