"""The sample files themselves: as the maker makes them, of the documented shape, and without contradictions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.samples import DIRECTORY, Sample, load_all
from tools.make_samples import decks, write
from tools.samples.pages import PATCHES, STANDARD, table

SAMPLES = load_all()
BY_NAME = {sample.name: sample for sample in SAMPLES}
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])

NO_SAMPLES = ("README.md", ".gitattributes", "pages")

KNOWN_TEXTS = {
    "501 5.5.4 JES Syntax error. Too many args after 'HELO' command",
    "501 5.5.4 JES Syntax error. Too many args after 'DATA' command",
    "500 5.5.1 JES Unknown command, 'BCC:'",
    "500 5.2.5 JES Command line too long",
    "500 5.2.5 JES Text line too long",
    "Exceeded maximum errors(5) allowed",
    "501 5.5.4 JES Syntax error. Too few args after 'HELO' command",
    "501 5.5.4 JES Syntax error. Invalid path after 'MAIL' command",
    "501 5.5.4 JES Syntax error. Too many args after 'MAIL' command",
    "501 5.5.4 JES Syntax error. Invalid path after 'RCPT' command",
    *(f"501 5.5.4 JES Syntax error. Too many args after '{verb}' command" for verb in ("EHLO", "RSET", "QUIT", "STARTTLS")),
    *(f"503 5.5.1 JES Bad sequence of commands, '{verb}'" for verb in ("MAIL", "RCPT", "DATA", "STARTTLS")),
    *(f"500 5.5.1 JES Unknown command, '{verb}'" for verb in ("NOOP", "VRFY", "EXPN", "HELP", "QUEU", "TICK", "VERB")),
    "552 5.3.4 JES Message size exceeds limit",
    "552 5.3.4 JES Job size exceeds limit",
}
"""The catalogue of mail-processing.md 8.3, but for the texts that need a user exit."""


def test_the_files_are_what_a_fresh_run_of_the_maker_writes(tmp_path: Path) -> None:
    write(tmp_path, decks())
    fresh = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in DIRECTORY.iterdir() if path.name not in NO_SAMPLES}
    assert fresh.keys() == kept.keys()
    assert [name for name in fresh if fresh[name] != kept[name]] == []


def test_there_are_enough_samples_and_the_readme_names_each() -> None:
    readme = (DIRECTORY / "README.md").read_text("utf-8")
    assert len(SAMPLES) >= 26
    assert [sample.name for sample in SAMPLES if f"`{sample.name}`" not in readme] == []


def test_every_text_of_the_catalogue_occurs() -> None:
    assert KNOWN_TEXTS - {error.reply for sample in SAMPLES for error in sample.errors} == set()


def test_every_framing_and_page_occurs() -> None:
    assert {sample.framing for sample in SAMPLES} == {"fixed", "rdw", "len4", "nl15", "lf25", "crlf", "lf"}
    assert {sample.code_page for sample in SAMPLES} == {*STANDARD, *PATCHES, "ASCII", "UTF-8"}


@pytest.mark.parametrize("page", [*STANDARD, *PATCHES])
def test_pages_of_the_witness_are_permutations(page: str) -> None:
    assert sorted(table(page).values()) == list(range(256))


@each_sample
def test_mails_agree_with_themselves(sample: Sample) -> None:
    numbers = [mail.number for mail in sample.mails]
    assert numbers == sorted(set(numbers))
    for mail in sample.mails:
        assert mail.verdict in ("deliverable", "undeliverable", "rejected")
        assert mail.verdict == "rejected" or bool(mail.recipients) == (mail.verdict == "deliverable")
        assert bool(mail.eml) == (mail.verdict == "deliverable")
        assert mail.generated[:1] == (("Received",) if mail.eml else ())
        assert b"" in mail.eml or not mail.eml
        assert not any(byte in line for line in mail.eml for byte in (b"\r", b"\n"))
        assert all("@" in recipient and "<" not in recipient for recipient in mail.recipients)
        assert len(mail.recipients) <= 2000


@each_sample
def test_errors_agree_with_themselves(sample: Sample) -> None:
    assert sample.counted_errors == sum(error.counted for error in sample.errors)
    assert sample.error_limit_reached == (sample.counted_errors > 5)
    assert sample.disposition == ("hold" if sample.errors else "delete")
    positions = [error.record for error in sample.errors if error.record is not None]
    assert positions == sorted(positions)
    assert all(position <= sample.last_record for position in positions)
    for error in sample.errors:
        assert re.match(r"5\d\d 5\.\d\.\d JES |Exceeded maximum errors", error.reply)
    bad = sum(len(mail.bad_recipients) for mail in sample.mails)
    assert bad == sum(error.reply.endswith("after 'RCPT' command") for error in sample.errors)


@each_sample
def test_each_mail_with_bad_recipients_has_a_notice_or_is_a_dead_letter(sample: Sample) -> None:
    told = {notice.mail: (notice.to, notice.recipients) for notice in sample.notices}
    for mail in sample.mails:
        if not mail.bad_recipients:
            assert mail.number not in told
        elif mail.mail_from:
            assert told[mail.number] == (mail.mail_from, mail.bad_recipients)
        else:
            assert mail.number in sample.dead_letters


@each_sample
def test_sidecars_describe_their_data(sample: Sample) -> None:
    attributes = sample.attributes
    if not attributes:
        return
    assert attributes["version"] == 1
    assert all(re.fullmatch(r"[A-Z$#@][A-Z0-9$#@]{0,7}", attributes[key]) for key in ("jobname", "owner", "notify", "writer"))
    assert re.fullmatch(r"(JOB|TSU)\d{5}", attributes["jobid"])
    assert attributes.get("framing", sample.framing) == sample.framing
    assert attributes.get("encoding", "IBM-1047").upper() == sample.code_page.upper()
    assert attributes.get("bytes", sample.path.stat().st_size) == sample.path.stat().st_size
    assert attributes.get("records", sample.records) == sample.records
    if sample.framing == "fixed":
        assert sample.path.stat().st_size == attributes["lrecl"] * sample.records


def test_job_ids_are_unique_so_that_ids_tell_the_files_apart() -> None:
    ids = [sample.attributes["jobid"] for sample in SAMPLES if sample.sidecar]
    assert len(ids) == len(set(ids))


def test_expect_files_are_ascii_with_one_mail_or_error_per_line() -> None:
    for sample in SAMPLES:
        text = (DIRECTORY / f"{sample.name}.expect").read_bytes().decode("ascii")
        assert text.count('{"number": ') == len(sample.mails)
        assert sum(line.startswith('  {"number": ') for line in text.splitlines()) == len(sample.mails)
        assert next(iter(json.loads(text))) == "about"


def test_variant_bytes_stand_where_the_printed_table_says() -> None:
    """Spot checks against code-pages.md 2.4, row by row: left bracket, at sign, euro."""
    brackets = {"IBM-037": 0xBA, "IBM-1047": 0xAD, "IBM-500": 0x4A, "IBM-273": 0x63, "IBM-277": 0x9E, "IBM-1143": 0xB5}
    at_signs = {"IBM-037": 0x7C, "IBM-1047": 0x7C, "IBM-500": 0x7C, "IBM-273": 0xB5, "IBM-277": 0x80, "IBM-1143": 0xEC}
    assert {page: table(page)["["] for page in brackets} == brackets
    assert {page: table(page)["@"] for page in at_signs} == at_signs
    assert (table("IBM-1140")["€"], table("IBM-1143")["€"]) == (0x9F, 0x5A)


def test_samples_hold_what_they_are_for() -> None:
    """The bytes that make a sample worth having are really in it."""

    def data(name: str) -> bytes:
        return BY_NAME[name].path.read_bytes()

    assert len(BY_NAME["payroll-500"].mails) == 500
    assert data("empty") == b""
    assert b"\x0d\x25" in data("crlf-records")
    assert {data("continuation")[column] for column in range(79, len(data("continuation")), 80)} == {0x40, 0x4C, 0x15}
    assert b"\x9f" in data("page-1140-euro")
    assert any(b"\xa4" in line for line in BY_NAME["page-1140-euro"].mails[0].eml)
    assert b"\xb5" in data("page-273")
    assert data("null-trunc").count(b"\0" * 500) == 5
    assert len(BY_NAME["recipients-2001"].mails[0].recipients) == 2000
    assert BY_NAME["recipients-2001"].records == 2001 + 9
    assert max(len(line) for mail in BY_NAME["line-too-long"].mails for line in mail.eml) == 998
    assert max(len(record) for record in data("command-too-long").split(b"\x25")) == 550
    assert [mail.tls for mail in BY_NAME["starttls"].mails] == [True, True, True, False]
    assert [mail.number for mail in BY_NAME["second-helo"].mails] == [2, 4, 5]
