"""The shipped tables: unchanged, consistent in themselves, and equal to what other libraries have (code-pages.md 5)."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cssmtp.codepage import registry, tables
from tests.unit import codepage_differences as expected
from tools import codepage_witnesses as witnesses
from tools import gen_codepages, gen_codepages_double

GOLDEN = Path(__file__).parent.parent / "golden" / "codepage_tables.sha256"
DATA = Path(tables.__file__).parent / "data"
LATIN_1 = [f"IBM-{ccsid:03}" for ccsid in (37, 273, 277, 278, 280, 282, 284, 285, 297, 500, 871, 1047)]
HOST_MIXED = [page.name for page in registry.pages() if page.host and page.kind == "MBCS"]
SINGLE = [page.name for page in registry.pages() if page.kind == "SBCS"]
Table = dict[int, str]


def digests() -> dict[str, str]:
    """The SHA-256 of every table as the program sees it."""
    contents: dict[str, object] = {name: tables.single(name) for name in tables._singles()}
    contents |= {f"{name}.double": tables.double(name) for name in gen_codepages_double.HOST_DOUBLE}
    contents |= {f"{name}.one-way": sorted(tables.one_way(name).items()) for name in tables._one_way()}
    contents |= {f"{name}.multi": sorted(tables.multi_byte_encoder(name).items()) for name in gen_codepages_double.TARGETS}
    return {
        name: hashlib.sha256(repr(content).encode("utf-8", "surrogatepass")).hexdigest() for name, content in contents.items()
    }


def single(name: str) -> Table:
    """A page's single-byte table without undefined bytes."""
    return {byte: text for byte, text in enumerate(tables.single(registry.lookup(name).single)) if text != tables.UNDEFINED}


def double(name: str) -> Table:
    """A page's double-byte table without undefined codes."""
    return {code: text for code, text in enumerate(tables.double(registry.lookup(name).double)) if text != tables.UNDEFINED}


def differing(ours: Table, theirs: Table) -> set[int]:
    """The codes at which two tables differ."""
    return {code for code in ours.keys() | theirs.keys() if ours.get(code) != theirs.get(code)}


def allowed(differences: expected.Differences, name: str) -> set[int]:
    """The codes at which a witness may differ for a page, and must."""
    reason, codes = differences.get(name, ("codec", ""))
    assert reason in expected.REASONS
    return {int(code, 16) for code in codes.split()}


@cache
def icu(kind: str) -> dict[str, Any]:
    """libicu's tables of a kind by converter name, asked in a process of its own."""
    names = {
        "icu-single": gen_codepages.SINGLE_ICU.values(),
        "icu-host": gen_codepages.HOST_ICU.values(),
        "icu-encoder": [converter for converter, _ in gen_codepages_double.TARGETS.values() if converter],
        "icu-alphabets": [gen_codepages.SINGLE_ICU[name] for name in gen_codepages.TARGETS_SINGLE],
    }[kind]
    command = [
        sys.executable,
        "-m",
        "tools.codepage_witnesses",
        kind,
        *names,
    ]
    done = subprocess.run(command, capture_output=True, check=False, cwd=Path(__file__).parent.parent.parent)
    if done.returncode:
        pytest.skip(f"libicu cannot be asked: {done.stderr[-200:]!r}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def icu_table(kind: str, converter: str) -> Any:
    """One table of libicu."""
    table = icu(kind)[converter]
    if table is None:
        pytest.skip(f"libicu has no converter {converter}")
    return table


def by_code(table: dict[str, str]) -> Table:
    return {int(code): text for code, text in table.items()}


@cache
def java() -> dict[str, Table]:
    """OpenJDK's tables by name."""
    names = [form + page.name.removeprefix("IBM-") for page in registry.pages() for form in ("IBM", "x-IBM") if page.host]
    try:
        return witnesses.java_tables([*names, *JAVA_CHARSETS.values(), *JAVA_TARGETS.values()])
    except witnesses.WitnessMissing as missing:
        pytest.skip(str(missing))


JAVA_CHARSETS = {
    **{name: name.replace("ISO8859", "ISO-8859") for name in registry.names("charset") if name.startswith("ISO")},
    **{f"IBM-{n}": f"IBM{n}" for n in (850, 858, 437, 874)},
    "KOI8-R": "KOI8-R",
    "US-ASCII": "US-ASCII",
    "TIS-620": "TIS-620",
}
JAVA_TARGETS = {f"IBM-{n}": f"x-IBM{n}" for n in ("943C", "942C", "33722", "949", "970", "950", "964", "1381", "1383", "948")}
JAVA_MIXED = ["IBM-930", "IBM-933", "IBM-935", "IBM-937", "IBM-939", "IBM-1364"]

ICONV_MIXED = ["IBM-930", "IBM-933", "IBM-935", "IBM-937", "IBM-939", "IBM-1364", "IBM-1371", "IBM-1388", "IBM-1390", "IBM-1399"]
ICONV_SINGLE = [page.name for page in registry.pages() if page.host and page.kind == "SBCS" and page.name in page.single]
NOT_IN_ICONV = {"IBM-282", "IBM-838", "IBM-924"}
NEWLINES = {0x15, 0x25}
SHIFTS = {0x0E, 0x0F}


def test_no_table_changed() -> None:
    golden = dict(reversed(line.split()) for line in GOLDEN.read_text("ascii").splitlines())
    assert digests() == golden


def test_the_data_is_small_and_has_its_licence() -> None:
    assert sum(file.stat().st_size for file in DATA.iterdir()) < 300_000
    assert "Unicode" in (DATA / "LICENSE-DATA").read_text("utf-8")


@pytest.mark.parametrize("name", LATIN_1)
def test_latin_1_pages_are_permutations(name: str) -> None:
    assert sorted(tables.single(name)) == [chr(point) for point in range(256)]


@pytest.mark.parametrize(
    ("name", "partner"), [(f"IBM-{1140 + at}", LATIN_1[index]) for at, index in enumerate((0, 1, 2, 3, 4, 6, 7, 8, 9, 10))]
)
def test_the_euro_replaces_the_currency_sign(name: str, partner: str) -> None:
    assert tables.single(name) == tables.single(partner).replace("\xa4", "\u20ac")
    assert tables.single(name).index("\u20ac") == (0x5A if name in ("IBM-1142", "IBM-1143") else 0x9F)


@pytest.mark.parametrize("name", [name for name in SINGLE if name not in ("IBM-838", "IBM-874", "IBM-1160", "IBM-281")])
def test_no_character_stands_twice(name: str) -> None:
    found = list(single(name).values())
    assert len(found) == len(set(found))


def test_single_byte_halves_are_pages_of_their_own() -> None:
    for half, whole in (("IBM-290", "IBM-930"), ("IBM-833", "IBM-933"), ("IBM-836", "IBM-935"), ("IBM-28709", "IBM-937")):
        assert single(half) == single(whole)
    assert single("IBM-1027") == single("IBM-939")


@pytest.mark.parametrize("name", gen_codepages.SINGLE_ICU)
def test_single_byte_tables_against_libicu(name: str) -> None:
    theirs = by_code(icu_table("icu-single", gen_codepages.SINGLE_ICU[name]))
    assert differing(single(name), theirs) == allowed(expected.ICU, name)


@pytest.mark.parametrize("name", gen_codepages.TARGETS_SINGLE)
def test_what_single_byte_targets_write_against_libicu(name: str) -> None:
    theirs = icu_table("icu-alphabets", gen_codepages.SINGLE_ICU[name])
    assert {text: data.hex() for text, data in tables.encoder(name).items() if text < "\uffff"} == theirs


@pytest.mark.parametrize("name", gen_codepages.HOST_ICU)
def test_mixed_tables_against_libicu(name: str) -> None:
    singles, doubles = map(by_code, icu_table("icu-host", gen_codepages.HOST_ICU[name]))
    assert differing(single(name), singles) - SHIFTS == set()
    assert differing(double(name), doubles) == set()


@pytest.mark.parametrize("name", [name for name, (converter, _) in gen_codepages_double.TARGETS.items() if converter])
def test_what_multi_byte_targets_write_against_libicu(name: str) -> None:
    theirs = icu_table("icu-encoder", gen_codepages_double.TARGETS[name][0])
    ours = {text: data.hex() for text, data in tables.multi_byte_encoder(name).items() if text < "\U00010000"}
    assert ours == theirs


@pytest.mark.parametrize("name", [name for name in ICONV_SINGLE if name not in NOT_IN_ICONV])
def test_single_byte_tables_against_the_c_library(name: str) -> None:
    try:
        theirs = witnesses.iconv_single(name.replace("-", ""))
    except witnesses.WitnessMissing as missing:
        pytest.skip(str(missing))
    assert differing(single(name), theirs) == allowed(expected.ICONV, name)


@pytest.mark.parametrize("name", ICONV_MIXED)
def test_double_byte_tables_against_the_c_library(name: str) -> None:
    try:
        theirs = witnesses.iconv_double(name.replace("-", ""))
    except witnesses.WitnessMissing as missing:
        pytest.skip(str(missing))
    assert differing(double(name), theirs) == set()


def java_name(name: str) -> str | None:
    """OpenJDK's name of a host page, None when it has none."""
    number = str(int(name.removeprefix("IBM-")))
    return next((form for form in (f"IBM{number.zfill(3)}", f"x-IBM{number}") if form in java()), None)


def test_single_byte_pages_against_openjdk() -> None:
    seen = 0
    for name in (page.name for page in registry.pages() if page.host):
        theirs = java_name(name)
        if theirs is None:
            continue
        seen += 1
        found = {code: text for code, text in java()[theirs].items() if code < 256}
        assert differing(single(name), found) - NEWLINES - SHIFTS == allowed(expected.JAVA_SINGLE, name), name
    assert seen > 40


@pytest.mark.parametrize("name", JAVA_CHARSETS)
def test_charsets_against_openjdk(name: str) -> None:
    found = {code: text for code, text in java()[JAVA_CHARSETS[name]].items() if code < 256}
    assert differing(single(name), found) == allowed(expected.JAVA_SINGLE, name)


@pytest.mark.parametrize("name", JAVA_MIXED)
def test_double_byte_tables_against_openjdk(name: str) -> None:
    found = {code: text for code, text in java()["x-" + name.replace("-", "")].items() if code > 255}
    assert differing(double(name), found) == allowed(expected.JAVA_DOUBLE, name)


@pytest.mark.parametrize("form", JAVA_TARGETS)
def test_multi_byte_targets_against_openjdk(form: str) -> None:
    name = form.removesuffix("C")
    one_way, written = tables.one_way(name), tables.multi_byte_encoder(name)
    ours = {int.from_bytes(data, "big"): text for text, data in written.items() if text not in one_way and len(data) < 3}
    theirs = {code: text for code, text in java()[JAVA_TARGETS[form]].items() if code in ours or text not in written}
    assert differing(ours, theirs) == allowed(expected.JAVA_TARGET, name)


@pytest.mark.parametrize("name", [page.name for page in registry.pages() if page.single and page.kind == "SBCS"])
def test_single_byte_tables_against_the_standard_library(name: str) -> None:
    codec = {"US-ASCII": "ascii", "TIS-620": "tis-620", "KOI8-R": "koi8-r"}.get(name, name.lower().replace("ibm-", "cp"))
    try:
        found = {byte: text for byte in range(256) if (text := bytes([byte]).decode(codec, "replace")) != "\ufffd"}
    except LookupError:
        assert name not in expected.STDLIB
        return
    assert differing(single(name), found) == allowed(expected.STDLIB, name)


def test_gb18030_of_the_standard_library_against_libicu() -> None:
    known = [text for text in tables.double("CHINA-FULL") if text != tables.UNDEFINED]
    ours = {text: text.encode("gb18030").hex() for text in known}
    command = [sys.executable, "-m", "tools.codepage_witnesses", "icu-encoder", "gb18030"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=Path(__file__).parent.parent.parent)
    if done.returncode:
        pytest.skip(f"libicu cannot be asked: {done.stderr[-200:]!r}")
    theirs = json.loads(done.stdout)["gb18030"]
    assert {text for text in known if text < "\U00010000" and ours[text] != theirs.get(text)} == {"\u1e3f", "\ue7c7"} & set(known)


def test_1381_is_gb_2312_with_the_listed_exceptions() -> None:
    plain = {}
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            text = bytes([high, low]).decode("gb2312", "replace")
            if text != "\ufffd" * len(text):
                plain[high << 8 | low] = text
    ours = {int.from_bytes(data, "big"): text for text, data in tables.multi_byte_encoder("IBM-1381").items() if len(data) == 2}
    user_defined = {code for code, text in ours.items() if "\ue000" <= text < "\ue758"}
    assert len(user_defined) == 1880
    extra = ours.keys() - plain.keys() - user_defined
    assert all(code >> 8 == 0x8C for code in extra)
    assert differing({code: ours.get(code, "") for code in plain}, plain) == {0xA1A4, 0xA1AA, 0xA3A7} & differing(ours, plain)
