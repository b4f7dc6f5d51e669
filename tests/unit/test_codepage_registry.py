"""The registry: names, numbers, roles (code-pages.md 1.2)."""

from __future__ import annotations

import pytest

from cssmtp.codepage import registry
from cssmtp.codepage.transcode import source_text, transcoder
from cssmtp.errors import UnknownCodePage

CONFIGURATION_NAMES = "037 273 277 278 280 281 282 284 285 297 500 871 1047 1140 1141 1142 1143 1144 1145 1146 1147 1148 1149"
CONFIGURATION_NUMBERS = (
    "4133 4369 4370 4371 4373 4374 4376 4378 4380 4381 4393 4596 4967 5143 8229 8692 12788 16421 16884 20517 20980 24613 25076"
    " 29172 32805"
)


@pytest.mark.parametrize("spelling", ["IBM-037", "ibm037", "037", "37", "00037", "IBM 37", "Ibm_037", "CP037"])
def test_all_spellings_of_one_page(spelling: str) -> None:
    assert registry.lookup(spelling).name == "IBM-037"


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("ISO8859-1", "ISO8859-1"),
        ("iso-8859-1", "ISO8859-1"),
        ("windows-1252", "IBM-1252"),
        ("IBM-1252", "IBM-1252"),
        ("utf8", "UTF-8"),
        ("ASCII", "US-ASCII"),
        ("IBM-eucJP", "IBM-eucJP"),
        ("954", "IBM-eucJP"),
        ("GB18030", "IBM-5488"),
        ("IBM-958", "IBM-5054"),
        ("EUC-KR", "IBM-970"),
        ("IBM-943C", "IBM-943"),
    ],
)
def test_other_spellings(spelling: str, name: str) -> None:
    assert registry.lookup(spelling).name == name


@pytest.mark.parametrize("name", CONFIGURATION_NAMES.split())
def test_the_23_names_of_the_configuration_list(name: str) -> None:
    page = registry.lookup(f"IBM-{name}")
    assert page.ccsid == int(name)
    assert "translate" in page.roles


@pytest.mark.parametrize("number", CONFIGURATION_NUMBERS.split())
def test_the_25_numbers_are_pages_modulo_4096(number: str) -> None:
    assert registry.lookup(number).ccsid == int(number) % 4096


def test_unknown_names_get_near_ones() -> None:
    with pytest.raises(UnknownCodePage) as caught:
        registry.lookup("IBM-1074")
    assert "IBM-1047" in caught.value.near
    for name in ("hex", "rot13", "idna", "", "x" * 10_000, "IBM-", "٣٧"):
        with pytest.raises(UnknownCodePage):
            registry.lookup(name)


def test_no_two_pages_share_a_spelling() -> None:
    keys: dict[str, str] = {}
    for page in registry.pages():
        for name in (page.name, *page.aliases):
            assert keys.setdefault(registry._key(name), page.name) == page.name, name


def test_roles_and_exactness() -> None:
    assert registry.names("mbcharset")[0] == "IBM-5052"
    assert "UTF-8" in registry.names("charset")
    assert "UTF-8" in registry.names("mbcharset")
    assert {page.name for page in registry.pages() if not page.exact} == {"IBM-281", "IBM-423", "IBM-905", "IBM-931", "IBM-1370"}
    assert not registry.lookup("IBM-943").host
    assert registry.lookup("IBM-939").host


@pytest.mark.parametrize(
    ("page", "charset"), [("IBM-943", "UTF-8"), ("GB18030", "UTF-8"), ("IBM-1047", "IBM-500"), ("IBM-1047", "cp1254x")]
)
def test_pages_are_refused_at_the_end_where_they_do_not_belong(page: str, charset: str) -> None:
    with pytest.raises(UnknownCodePage):
        transcoder(page, charset)


def test_a_single_byte_charset_can_be_read() -> None:
    assert source_text("ISO8859-15").text(b"\xa4\n") == "€\n"
