"""The advisor and its command (code-pages.md 9)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from cssmtp.cli import codepage as command
from cssmtp.codepage.advisor import advise
from cssmtp.codepage.transcode import source_text
from tests.unit.codepage_samples import HELD_OUT, TUNED, Sample, cases


def measured(samples: tuple[Sample, ...]) -> tuple[int, int, int]:
    """How many cases there are, how many are right at once, and how many within the first three classes."""
    first = three = 0
    found = cases(samples)
    for _, _, data, text in found:
        right = [source_text(each.pages[0]).text(data) == text for each in advise(data).classes]
        first += right[:1] == [True]
        three += True in right[:3]
    return len(found), first, three


def test_samples_are_in_sixteen_languages_and_no_text_is_in_both_sets() -> None:
    assert len({sample[0] for sample in TUNED}) >= 16
    assert len({sample[0] for sample in HELD_OUT}) >= 16
    assert not {sample[2] for sample in TUNED} & {sample[2] for sample in HELD_OUT}
    assert {sample[0] for sample in TUNED + HELD_OUT} == {case[0] for case in cases(TUNED + HELD_OUT)}


@pytest.mark.parametrize(("samples", "at_once", "within_three"), [(TUNED, 0.97, 0.97), (HELD_OUT, 0.90, 0.97)])
def test_the_right_text_comes_first(samples: tuple[Sample, ...], at_once: float, within_three: float) -> None:
    total, first, three = measured(samples)
    assert first >= at_once * total
    assert three >= within_three * total


def test_pages_that_give_the_same_text_are_one_class() -> None:
    data = source_text("IBM-1047").encode("MAIL FROM:<a@b>\nplain words\n")
    advice = advise(data)
    assert advice.family == "ebcdic"
    assert {"IBM-037", "IBM-1047", "IBM-500"} <= set(advice.classes[0].pages)


def test_differences_name_the_byte_and_the_characters() -> None:
    data = source_text("IBM-1047").encode("MAIL FROM:<a@b>\nsee [1] and [2]!\n")
    advice = advise(data)
    assert "IBM-1047" in advice.classes[0].pages
    bracket = next(difference for difference in advice.differences if difference.code == "AD")
    assert (bracket.count, bracket.characters[0]) == (2, "[")


def test_the_at_sign_tells_national_pages() -> None:
    for page in ("IBM-273", "IBM-277", "IBM-278", "IBM-297", "IBM-871", "IBM-1047"):
        data = source_text(page).encode("HELO HOST1\nMAIL FROM:<batch@host.example>\nRCPT TO:<user@example.com>\nDATA\n")
        assert page in advise(data).classes[0].pages


def test_shifts_tell_mixed_pages_and_930_is_told_from_939() -> None:
    for page in ("IBM-930", "IBM-939"):
        advice = advise(source_text(page).encode("Monthly report\n月次報告です。\n"))
        assert advice.family == "ebcdic-mixed"
        assert page in advice.classes[0].pages


@pytest.mark.parametrize(
    ("data", "family"),
    [
        (b"HELO HOST\nplain text\n", "ascii"),
        ("Grüße an alle Kollegen\n".encode(), "utf-8"),
        ("Grüße an alle Kollegen\n".encode("latin-1"), "other"),
        (b"", "ascii"),
        (bytes(range(256)), "other"),
        (b"\xc1\xc2\xc3", "ebcdic"),
        (("x" * 9 + " ").encode() + "ä".encode()[:1], "utf-8"),
    ],
)
def test_families(data: bytes, family: str) -> None:
    assert advise(data).family == family


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(arguments))


def test_the_command_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deck = tmp_path / "deck"
    deck.write_bytes(source_text("IBM-273").encode("MAIL FROM:<a@b>\nGrüße aus Köln!\n"))
    assert run(str(deck)) == 0
    shown = capsys.readouterr().out
    assert "EBCDIC, single-byte" in shown
    assert "IBM-273" in shown.splitlines()[1]
    assert "Grüße aus Köln!" in shown
    assert "where they differ" in shown


def test_the_command_on_a_mixed_deck_and_on_plain_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deck, plain = tmp_path / "deck", tmp_path / "plain"
    deck.write_bytes(source_text("IBM-933").encode("MAIL FROM:<a@b>\n한국어 본문입니다\n"))
    plain.write_bytes(b"HELO HOST1\n")
    assert run(str(deck), str(plain)) == 0
    shown = capsys.readouterr().out
    assert "1. IBM-933, IBM-1364" in shown
    assert "where they differ" not in shown
    assert shown.endswith("plain ASCII\n")


def test_the_command_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deck, other = tmp_path / "deck", tmp_path / "other"
    deck.write_bytes(source_text("IBM-939").encode("MAIL FROM:<a@b>\n日本語です\n"))
    other.write_bytes("Größe und Maß für die Lieferung der Geräte nach München, schöne Grüße aus Köln\n".encode("cp1252"))
    assert run("--json", str(deck), str(other)) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer[0]["family"] == "ebcdic-mixed"
    assert "IBM-939" in answer[0]["classes"][0]["pages"]
    assert (answer[1]["family"], answer[1]["classes"]) == ("other", [])
    assert answer[1]["looks_like"].startswith(("cp", "latin", "iso"))


def test_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path / "none"), str(tmp_path)) == 1
    assert "No such file" in capsys.readouterr().err
