"""From a file's bytes to what its deck says: framing, code page and interpreter put together."""

from __future__ import annotations

import io
from contextlib import nullcontext
from dataclasses import replace

import pytest

from cssmtp.codepage.transcode import Conversion
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
from cssmtp.engine.fitting import Fitting
from cssmtp.engine.reading import DeckReader, code_page_of, conversion_of, target_charset, wire_format
from cssmtp.errors import UnknownCodePage, UnreadableData
from cssmtp.model import DeckMail, Fault
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.framing import Framing, FramingKind

TARGET = TargetServer((TargetAddress(AddressKind.IP, "127.0.0.1"),), charset="ISO8859-15", mbcharset="IBM-943")
CONFIGURATION = Configuration(targets=(TARGET,), translate="IBM-273")
DECK = b"HELO mvsa\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n\ntext\n.\nQUIT\nNOISE\n"


def reader(data: bytes, **attributes: object) -> DeckReader:
    return DeckReader(io.BytesIO(data), len(data), Attributes(**attributes), CONFIGURATION)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("encoding", "declared", "page"),
    [
        ("ascii", "auto", "US-ASCII"),
        ("utf-8", "auto", "UTF-8"),
        ("ebcdic", "auto", "IBM-273"),
        ("ebcdic", "IBM-500", "IBM-500"),
        ("ebcdic", "ibm-500", "IBM-500"),
        ("ebcdic", "EBCDIC", "IBM-273"),
    ],
)
def test_the_code_page_of_a_file(encoding: str, declared: str, page: str) -> None:
    framing = Framing(FramingKind.RDW, 0, encoding)
    assert code_page_of(framing, Attributes(encoding=declared), CONFIGURATION) == page


@pytest.mark.parametrize("name", ["IBM-99999", "ISO8859-1", "IBM-943", "UTF-16"])
def test_a_page_that_is_none_of_spool_files_is_not_taken(name: str) -> None:
    with pytest.raises(UnknownCodePage):
        reader(b"\0\0\0\x04\xc8\xc5\xd3\xd6", framing="len4", encoding=name)


def test_configuration_10_mbcs_says_which_charset_a_target_gets() -> None:
    multi = Configuration(targets=(TARGET,), mbcs=True, translate="IBM-930")
    assert target_charset(TARGET, multi) == "IBM-943"
    assert target_charset(TARGET, CONFIGURATION) == "ISO8859-15"


@pytest.mark.parametrize("page", ["IBM-281", "IBM-931"])
def test_an_approximate_page_in_a_sidecar_makes_the_file_unreadable_unless_allowed(page: str) -> None:
    framing, attributes = Framing(FramingKind.RDW, 0, "ebcdic"), Attributes(encoding=page)
    with pytest.raises(UnreadableData, match=rf"{page} is IBM's for certain \(CodePages AllowApproximate\)"):
        code_page_of(framing, attributes, CONFIGURATION)
    allowed = replace(CONFIGURATION, code_pages=CodePages(allow_approximate=True))
    assert code_page_of(framing, attributes, allowed) == page


def test_the_options_of_the_code_pages_block_reach_every_conversion() -> None:
    assert conversion_of(CONFIGURATION) == Conversion()
    options = CodePages(Newline.CDRA, Euro.A4, Unmappable.IBM, mime_label=MimeLabel.YES, encode_headers=True)
    chosen = replace(CONFIGURATION, code_pages=options)
    assert conversion_of(chosen) == Conversion("cdra", "A4", "ibm")
    wire = wire_format("IBM-1140", "ISO8859-1", chosen)
    assert (wire.conversion, wire.label, wire.encode_headers) == (Conversion("cdra", "A4", "ibm"), MimeLabel.YES, True)


def test_records_after_quit_are_not_looked_at() -> None:
    deck = reader(DECK)
    findings = [finding for slice_ in iter(deck.next_slice, None) for finding in slice_]
    assert [type(finding) for finding in findings] == [DeckMail]
    assert deck.progress.finished
    assert (deck.progress.counted_errors, deck.progress.limit_reached) == (0, False)
    assert deck.next_slice() is None


def test_data_that_breaks_off_is_found_before_anything_is_sent() -> None:
    with pytest.raises(UnreadableData):
        reader(b"\x00\x0d\x00\x00\xc8\xc5\xd3\xd6\x40\xd4\xe5\xe2\xc1\x00\x20\x00\x00cut")


def test_a_file_that_begins_with_a_hole_is_no_file_of_empty_records() -> None:
    with pytest.raises(UnreadableData, match="no record format fits"):
        reader(bytes((1 << 20) + 1))


def test_errors_carry_the_record_number() -> None:
    deck = reader(b"HELO mvsa\nNOOP\n")
    found = [finding for slice_ in iter(deck.next_slice, None) for finding in slice_]
    assert [(fault.record, fault.counted) for fault in found if isinstance(fault, Fault)] == [(2, True)]


def test_lines_are_measured_only_for_a_target_charset_that_can_make_them_longer() -> None:
    def measures(charset: str) -> bool:
        nowhere = TargetServer((TargetAddress(AddressKind.IP, "192.0.2.1"),), charset=charset)
        configuration = Configuration(targets=(nowhere,))
        data = b"HELO mvsa\n"
        reader = DeckReader(io.BytesIO(data), len(data), Attributes(), configuration)
        return Fitting(reader, configuration, lambda: nullcontext(io.BytesIO(data))).measures

    assert [measures(charset) for charset in ("ISO8859-1", "IBM-1252", "UTF-8")] == [False, False, True]
