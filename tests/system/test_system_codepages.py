"""Decks in many code pages through the real daemon to a real server (issue 3: 8, and "done" 3)."""

from __future__ import annotations

import email
import email.message
import email.policy
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests import samples
from tests.gateways import MailServer, Spool, check, command, mail_server, run_until_idle, write_configuration
from tests.sample_runs import aftermath_differences, mail_differences
from tests.samples import Sample
from tools.samples.world import listings

SAMPLES = samples.load_all(samples.DIRECTORY / "pages")
BY_NAME = {sample.name: sample for sample in SAMPLES}
LISTINGS = {listing.name: listing for listing in listings()}

GROUPS: dict[str, list[Sample]] = defaultdict(list)
for each in SAMPLES:
    GROUPS[LISTINGS[each.name].charset].append(each)

LABELLED = {"CodePages": {"MimeLabel": "Yes", "EncodeHeaders": "Yes"}}


@pytest.mark.parametrize("charset", GROUPS)
def test_decks_in_all_pages_arrive_to_the_byte(charset: str, tmp_path: Path) -> None:
    chosen = GROUPS[charset]
    spool = Spool(tmp_path / "spool")
    for sample in chosen:
        spool.drop_sample(sample)
    with mail_server(tmp_path) as server:
        finished = run_until_idle(spool, write_configuration(tmp_path, server.target, chosen[0].configuration))
        assert mail_differences(chosen, tuple(server.mails)) + aftermath_differences(chosen, spool) == []
    assert (finished.status, finished.traceback) == (0, False)
    assert "BMG0304W" not in finished.errors  # nothing is lost
    assert finished.errors.count("BMG0307W") == 1  # raw header text: told once per target


@pytest.mark.parametrize("mbcs", [True, False])
def test_check_agrees(mbcs: bool, tmp_path: Path) -> None:
    chosen = [sample for sample in SAMPLES if ("MBCS" in sample.configuration) == mbcs]
    path = write_configuration(tmp_path, {"TargetIp": "127.0.0.1"}, chosen[0].configuration)
    finished, results = check([sample.path for sample in chosen], "-c", path)
    assert [samples.result_differences(sample, results[sample.name]) for sample in chosen] == [[]] * len(chosen)
    assert (finished.status, finished.errors) == (0, "")


def shown(server: MailServer) -> tuple[email.message.EmailMessage, str, str]:
    """The mail as a reader shows it: subject and text."""
    (received,) = server.mails
    mail = email.message_from_bytes(received.content, policy=email.policy.default)
    return mail, str(mail["subject"]), mail.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize("eight_bit", [True, False], ids=["8bitmime", "7bit"])
@pytest.mark.parametrize("name", ["japan-939-5054", "korea-933-970", "china-1388-gb18030", "greece-875"])
def test_a_labelled_deck_opened_with_pythons_email_shows_the_right_text(
    name: str, eight_bit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample, listing = BY_NAME[name], LISTINGS[name]
    spool = Spool(tmp_path / "spool")
    spool.drop_sample(sample)
    announced: list[list[str]] = []
    with mail_server(tmp_path) as server:
        listen(server, announced, monkeypatch, eight_bit=eight_bit)
        finished = run_until_idle(spool, write_configuration(tmp_path, server.target, {**sample.configuration, **LABELLED}))
        mail, subject, text = shown(server)
    assert (finished.status, finished.traceback) == (0, False)
    assert (subject, text) == (listing.subject, "".join(f"{line}\n" for line in [*listing.lines, "."]))
    assert not mail.defects
    assert "IBM" not in mail["content-type"]
    assert "BMG0307W" not in finished.errors
    plain = listing.charset == "IBM-5054"
    assert mail["content-transfer-encoding"] == ("7bit" if plain else "8bit" if eight_bit else "base64")
    assert [("BODY=8BITMIME" in options) for options in announced] == [eight_bit and not plain]


def listen(server: MailServer, announced: list[list[str]], monkeypatch: pytest.MonkeyPatch, *, eight_bit: bool) -> None:
    """Let the server note the parameters of MAIL FROM, and offer 8BITMIME or not."""

    async def noted(self: Any, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]) -> str:
        announced.append(options)
        envelope.mail_from = address
        return "250 OK"

    async def offered(self: Any, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]) -> list[str]:
        session.host_name = hostname
        return responses if eight_bit else [line for line in responses if "8BITMIME" not in line]

    monkeypatch.setattr(type(server), "handle_MAIL", noted, raising=False)
    monkeypatch.setattr(type(server), "handle_EHLO", offered, raising=False)


def test_a_target_that_fails_and_another_page_at_the_next_one(tmp_path: Path) -> None:
    """Fail-over: the first target refuses connections, the second gets the mail in its own page."""
    sample = BY_NAME["japan-939-utf-8"]
    spool = Spool(tmp_path / "spool")
    spool.drop_sample(sample)
    with mail_server(tmp_path) as server:
        configuration = write_configuration(tmp_path, server.target, sample.configuration)
        first = "TargetServer\n{\n  TargetIp 127.0.0.2\n  ConnectPort 9\n  MBCharset IBM-943\n}\n"
        configuration.write_text(first + configuration.read_text("utf-8"), "utf-8")
        run_until_idle(spool, configuration)
        assert mail_differences([sample], tuple(server.mails)) == []


def test_the_codepage_command_names_the_pages_of_the_samples() -> None:
    finished = command("codepage", *(BY_NAME[name].path for name in ("greece-875", "korea-933-949")))
    assert (finished.status, finished.errors) == (0, "")
    first, second = finished.output.split("korea-933-949")
    assert "EBCDIC, single-byte" in first
    assert "  1. IBM-875" in first
    assert "EBCDIC, mixed single- and double-byte" in second
    assert "  1. IBM-933" in second
