"""The decks of `spool_samples/pages/`: as the maker makes them, their bytes against a second witness, and what a reader sees."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.samples import DIRECTORY, Sample, load_all
from tools import freeze_characters
from tools.codepage_witnesses import WitnessMissing
from tools.make_samples import page_decks, write
from tools.samples.characters import BYTES
from tools.samples.pages import CHARSETS
from tools.samples.world import DOUBLE_BYTE, listings

PAGES = DIRECTORY / "pages"
SAMPLES = load_all(PAGES)
LISTINGS = {listing.name: listing for listing in listings()}

ICONV = {
    "IBM-943": "IBM943",
    "IBM-5054": "ISO-2022-JP",
    "IBM-949": "CP949",
    "IBM-970": "EUC-KR",
    "IBM-1381": "GB2312",
    "IBM-5488": "GB18030",
    "IBM-950": "CP950",
}
"""Names of the charsets for the iconv command, where they are not ours."""


def converted(data: bytes, source: str, target: str) -> bytes:
    """What the iconv command makes of some bytes."""
    try:
        done = subprocess.run(["iconv", "-f", source, "-t", target], input=data, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("the iconv command is not installed")
    if done.returncode:
        pytest.skip(f"iconv {source} to {target}: {done.stderr[:100]!r}")
    return done.stdout


def test_the_files_are_what_a_fresh_run_of_the_maker_writes(tmp_path: Path) -> None:
    write(tmp_path, page_decks())
    fresh = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert fresh == {path.name: path.read_bytes() for path in PAGES.iterdir() if path.name != "README.md"}


def test_the_pages_and_charsets_of_issue_3_occur() -> None:
    found = {(listing.page, listing.charset) for listing in LISTINGS.values()}
    assert {("IBM-939", "IBM-5054"), ("IBM-939", "IBM-943"), ("IBM-939", "UTF-8"), ("IBM-1399", "IBM-943")} <= found
    assert {("IBM-933", "IBM-949"), ("IBM-935", "IBM-1381"), ("IBM-1388", "IBM-5488"), ("IBM-937", "IBM-950")} <= found
    singles = {page for page, _ in found} - DOUBLE_BYTE
    assert singles == {*(f"IBM-{number}" for number in range(1140, 1150)), *(f"IBM-{n}" for n in (424, 870, 875, 1025, 1026))}


def test_the_readme_names_each() -> None:
    readme = (PAGES / "README.md").read_text("utf-8")
    assert [sample.name for sample in SAMPLES if f"`{sample.name}`" not in readme] == []


def test_none_joins_the_shared_configuration_and_job_ids_are_unique() -> None:
    assert not any(sample.shared for sample in SAMPLES)
    ids = [sample.attributes["jobid"] for sample in [*SAMPLES, *load_all()] if sample.sidecar]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("page", sorted({listing.page for listing in LISTINGS.values()}))
def test_the_frozen_characters_are_those_of_the_c_library(page: str) -> None:
    try:
        fresh = freeze_characters.frozen(page, freeze_characters.used()[page])
    except WitnessMissing as missing:
        pytest.skip(str(missing))
    assert BYTES[page].split() == fresh


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_what_the_server_gets_is_what_the_c_library_makes_of_the_text(sample: Sample) -> None:
    """The standard library made the expectation; glibc's iconv is the second witness."""
    listing = LISTINGS[sample.name]
    text = "".join(f"{line}\r\n" for line in [f"Subject: {listing.subject}", "", *listing.lines, "."])
    assert listing.charset in CHARSETS
    wanted = converted(text.encode(), "UTF-8", ICONV.get(listing.charset, listing.charset))
    assert sample.mails[0].content.endswith(b"\r\n" + wanted)


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_the_records_are_the_text_for_the_c_library(sample: Sample) -> None:
    listing = LISTINGS[sample.name]
    text = converted(sample.path.read_bytes(), listing.page.replace("-", ""), "UTF-8").decode()
    assert f"Subject: {listing.subject}" in text
    assert all(line in text for line in listing.lines)


def test_expectations_are_json_and_ascii() -> None:
    for path in PAGES.glob("*.expect"):
        json.loads(path.read_bytes().decode("ascii"))
