"""Code pages through a whole spool task: per target, broken double-byte text, lines that grow, labels that differ (issue 3)."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cssmtp.codepage.transcode import source_text
from cssmtp.config.model import AddressKind, CodePages, Configuration, MimeLabel, TargetAddress, TargetServer
from cssmtp.delivery.link import EightBit
from cssmtp.engine.assess import assess
from cssmtp.engine.ending import loss_lines
from cssmtp.engine.filebook import REPORT_LOSSES, FileBook
from cssmtp.engine.parcels import Parcel, TextParcel
from cssmtp.engine.testmode import TestModeTask
from cssmtp.errors import UnsendableMail
from cssmtp.model import Outcome, Verdict
from cssmtp.observe.assessment import Assessment, Judgement
from cssmtp.observe.events import (
    CharacterLoss,
    CharsetLabelDiffers,
    MailEnded,
    MailResult,
    RawHeaderText,
    SpoolFile,
    SpoolFileUnreadable,
    TextMended,
)
from cssmtp.spool.attributes import Attributes
from tests.enginekit import DELIVERED, REFUSED, Bench, configuration

TOO_LONG = "500 5.2.5 JES Text line too long"


def server(address: str = "192.0.2.1", **charsets: str) -> TargetServer:
    return TargetServer((TargetAddress(AddressKind.IP, address),), **charsets)  # type: ignore[arg-type]


def records(page: str, *lines: str | bytes) -> bytes:
    """A file of records with X'15'."""
    source = source_text(page)
    return b"".join((line if isinstance(line, bytes) else source.encode(line)) + b"\x15" for line in lines)


def deck(page: str, *mails: tuple[str | bytes, ...]) -> bytes:
    lines: list[str | bytes] = ["HELO mvsa"]
    for text in mails:
        lines += ["MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", *text, "."]
    return records(page, *lines, "QUIT")


class Run:
    """A file through a spool task whose courier sends each mail to the first target, as a link would."""

    def __init__(self, root: Path, chosen: Configuration) -> None:
        self.bench = Bench(root, chosen)
        self.wires: list[bytes] = []
        self.announced: list[bool] = []
        self.eight_bit = True
        self.answering = True
        self.outcome = DELIVERED

    def answer(self, parcel: Parcel) -> tuple[Outcome, ...]:
        target = self.bench.configuration.targets[0]
        try:
            made = parcel.wire(target, eight_bit=self.eight_bit)
        except UnsendableMail as error:
            return (Outcome(Verdict.UNDELIVERABLE, str(error)),)
        self.announced.append(isinstance(made, EightBit))
        text = made.text if isinstance(made, EightBit) else made
        data = text if isinstance(text, bytes) else b"".join(text)
        if not isinstance(parcel, TextParcel):
            self.wires.append(data)
        return (self.outcome,)

    async def file(self, data: bytes, **attributes: str) -> Run:
        if self.answering:
            self.bench.courier.answers = self.answer
        async with asyncio.timeout(10):
            await self.bench.task(data, framing="nl15", **attributes).run()
        return self

    @property
    def texts(self) -> list[bytes]:
        """The mails without the header fields that we add: what follows Subject."""
        return [wire[wire.index(b"Subject:") :].removesuffix(b".\r\n") for wire in self.wires]

    def check(self, data: bytes) -> Assessment:
        return assess("x", io.BytesIO(data), len(data), Attributes(framing="nl15"), self.bench.configuration)


@pytest.fixture
def multi(tmp_path: Path) -> Iterator[Run]:
    """MBCS Yes, IBM-939 to IBM-943."""
    run = Run(tmp_path, configuration(tmp_path, mbcs=True, translate="IBM-939", targets=(server(mbcharset="IBM-943"),)))
    yield run
    run.bench.close()


@pytest.fixture
def single(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path, configuration(tmp_path, targets=(server(charset="UTF-8"),)))
    yield run
    run.bench.close()


def change(run: Run, **changes: object) -> Run:
    run.bench.configuration = replace(run.bench.configuration, **changes)  # type: ignore[arg-type]
    return run


KANJI = b"\x45\xc6"  # one character of IBM-939
SUBJECT = "Subject: x"


@pytest.mark.parametrize(
    ("broken", "text", "shifts", "odd", "lost"),
    [
        (b"\x0e" + KANJI, "本", 1, 0, 0),
        (b"\x0e" + KANJI + KANJI + b"\x40\x40", "本本\u3000", 1, 0, 0),
        (KANJI[:0] + b"\x81\x0f\x82", "ab", 1, 0, 0),
        (b"\x0e" + KANJI + b"\x45\x0f\x81", "本?a", 0, 1, 1),
        (b"\x0e" + KANJI + b"\x0e" + KANJI + b"\x0f", "本本", 1, 0, 0),
        (b"\x0e\x0f\x81", "a", 0, 0, 0),
        (b"\x0e" + KANJI + b"\x05" + KANJI + b"\x0f", "本\t本", 0, 0, 0),
        (b"\x0e" + KANJI + b"\x01" + KANJI + b"\x0f", "本 本", 0, 0, 0),
    ],
)
async def test_2_5_broken_shifts_are_mended_in_their_record_and_told(
    multi: Run, broken: bytes, text: str, shifts: int, odd: int, lost: int
) -> None:
    whole = source_text("IBM-939").text(b"\x0e" + KANJI + b"\x0f")
    text = text.replace("本", whole)
    after = "後の行 next"
    await multi.file(deck("IBM-939", (SUBJECT, "", broken, after), (SUBJECT, "", after)))
    assert multi.texts[0] == f"{SUBJECT}\r\n\r\n{text}\r\n{after}\r\n".encode("cp932")
    assert multi.texts[1] == f"{SUBJECT}\r\n\r\n{after}\r\n".encode("cp932")
    told = [(event.mail, event.shifts, event.odd) for event in multi.bench.told(TextMended)]
    assert told == ([(1, shifts, odd)] if shifts or odd else [])
    assert sum(event.count for event in multi.bench.told(CharacterLoss)) == lost
    assert multi.bench.state() == []


async def test_text_that_was_lost_makes_no_file_bad(multi: Run) -> None:
    change(multi, translate="IBM-1390")
    await multi.file(deck("IBM-1390", (SUBJECT, "", "€ 𠀋")))
    assert multi.bench.state() == []
    (loss,) = multi.bench.told(CharacterLoss)
    assert (loss.mail, loss.charset, loss.count) == (1, "IBM-943", 2)


async def test_lost_text_is_listed_at_the_end_of_a_report(single: Run) -> None:
    change(single, translate="IBM-1140", targets=(server(),))
    await single.file(deck("IBM-1140", ("Subject: €", "", "€€"), (SUBJECT, "", "x")) + records("IBM-1140"))
    assert single.bench.reports() == []
    bad = records("IBM-1140", "HELO mvsa", "NOISE") + deck("IBM-1140", ("Subject: €", "", "€€"), (SUBJECT, "", "x"))
    await single.file(bad)
    (report,) = single.bench.reports()
    assert report.endswith("syntax errors 1\nCharacters lost in conversion: 3 (mail 1, charset ISO8859-1)\n")


def test_the_report_lists_the_losses_of_so_many_mails_and_sums_the_rest() -> None:
    book = FileBook(SpoolFile("1"))
    for mail in range(REPORT_LOSSES + 5):
        book.lose(mail, "IBM-943", 2)
    book.lose(0, "IBM-943", 2)  # sent again: the same characters
    lines = list(loss_lines(book))
    assert len(lines) == REPORT_LOSSES + 1
    assert lines[0] == "Characters lost in conversion: 2 (mail 0, charset IBM-943)"
    assert lines[-1] == "Characters lost in conversion: 10 (further mails)"


async def test_a_large_mail_tells_its_losses_too(multi: Run) -> None:
    lines = ("漢字テキスト" * 10,) * 800
    await multi.file(deck("IBM-939", (SUBJECT, "", *lines, b"\x0e" + KANJI + b"\x45")))
    assert [(event.shifts, event.odd) for event in multi.bench.told(TextMended)] == [(1, 1)]
    assert [event.count for event in multi.bench.told(CharacterLoss)] == [1]
    assert multi.texts[0].startswith(b"Subject: x\r\n\r\n" + ("漢字テキスト" * 10 + "\r\n").encode("cp932") * 800)


@pytest.mark.parametrize("wrong", ["IBM-930", "IBM-937", "IBM-1047"])
async def test_a_deck_in_the_wrong_page_is_reported_and_harms_nobody(multi: Run, wrong: str) -> None:
    await multi.file(deck(wrong, ("subject: small letters [x]", "", "the quick brown fox [1]")))
    if wrong == "IBM-930":  # its small letters are elsewhere, its capitals are not: the language is understood, the addresses not
        assert multi.wires == []
        assert multi.bench.state() == ["held"]
        assert "JES" in multi.bench.reports()[0]
    else:
        assert len(multi.wires) == 1


async def test_lower_case_words_are_recognised_in_a_page_that_moves_them(multi: Run) -> None:
    change(multi, translate="IBM-930")
    lines = ["helo mvsa", "mail from:<a@b.example>", "rcpt to:<c@d.example>", "data", "subject: 請求", "", "本文", ".", "quit"]
    await multi.file(records("IBM-930", *lines))
    assert multi.wires[0].endswith("subject: 請求\r\n\r\n本文\r\n.\r\n".encode("cp932"))


async def test_an_approximate_page_in_a_sidecar_holds_the_file_with_the_reason(single: Run) -> None:
    await single.file(deck("IBM-281", (SUBJECT, "", "x")), encoding="IBM-281")
    assert single.bench.state() == ["held"]
    (event,) = single.bench.told(SpoolFileUnreadable)
    assert "IBM-281 is IBM's for certain (CodePages AllowApproximate)" in event.reason
    assert event.reason in single.bench.reports()[0]


async def test_an_approximate_page_in_a_sidecar_is_taken_when_allowed(single: Run) -> None:
    change(single, code_pages=CodePages(allow_approximate=True))
    await single.file(deck("IBM-281", (SUBJECT, "", "x")), encoding="IBM-281")
    assert len(single.wires) == 1


# --- one target this, another that


async def test_two_targets_with_different_pages_both_get_the_right_bytes(multi: Run) -> None:
    pages = {"IBM-943": "cp932", "UTF-8": "utf-8", "IBM-5054": "iso2022_jp", "IBM-eucJP": "euc_jp", "GB18030": "gb18030"}
    targets = tuple(server(f"192.0.2.{number}", mbcharset=page) for number, page in enumerate(pages))
    change(multi, targets=targets)
    found: list[bytes] = []

    def everywhere(parcel: Parcel) -> tuple[Outcome, ...]:
        for _ in range(2):  # in turn, as when a target fails and another takes over
            found.extend(bytes(parcel.wire(target, eight_bit=False)) for target in targets)  # type: ignore[arg-type]
        return (DELIVERED,)

    multi.bench.courier.answers = everywhere
    await multi.bench.task(deck("IBM-939", ("Subject: 請求書", "", "漢字とかな", "..")), framing="nl15").run()
    for wire, codec in zip(found, [*pages.values()] * 2, strict=True):
        assert wire.endswith(b"Subject: " + "請求書\r\n\r\n漢字とかな\r\n..\r\n.\r\n".encode(codec))


@pytest.mark.parametrize("page", ["IBM-1047", "IBM-939"])
async def test_with_mbcs_every_file_goes_out_in_mbcharset(multi: Run, page: str) -> None:
    change(multi, targets=(server(charset="ISO8859-1", mbcharset="UTF-8"),))
    await multi.file(deck(page, (SUBJECT, "", "¬ £")), encoding=page)
    assert multi.texts == ["Subject: x\r\n\r\n¬ £\r\n".encode()]


# --- lines that grow


LONG = "Ä" * 600


async def test_a_line_that_grows_too_long_is_undeliverable_and_nothing_is_cut(single: Run) -> None:
    data = deck("IBM-1047", (SUBJECT, "", LONG), (SUBJECT, "", "Ä" * 499))
    await single.file(data)
    assert single.texts == [b"Subject: x\r\n\r\n" + ("Ä" * 499).encode() + b"\r\n"]
    first = single.bench.told(MailEnded)[0]
    assert (first.mail, first.outcomes[0].verdict, first.outcomes[0].reason) == (1, Verdict.UNDELIVERABLE, TOO_LONG)
    assert single.bench.state() == ["held"]
    assert f"  {TOO_LONG}\n" in single.bench.reports()[0]
    seen = single.check(data)
    assert [mail.verdict for mail in seen.mails] == [Judgement.UNDELIVERABLE, Judgement.DELIVERABLE]
    assert [(fault.mail, fault.reply, fault.counted) for fault in seen.errors] == [(1, TOO_LONG, False)]
    assert seen.disposition.value == "hold"


@pytest.mark.parametrize("lines", [1, 200])
async def test_test_mode_and_check_say_the_same_of_large_mails(single: Run, lines: int) -> None:
    data = deck("IBM-1047", (SUBJECT, "", *["Ä" * 400] * lines, LONG), (SUBJECT, "", *["Ä" * 400] * lines))
    assert [mail.verdict for mail in single.check(data).mails] == [Judgement.UNDELIVERABLE, Judgement.DELIVERABLE]
    await TestModeTask(single.bench.claim(data, framing="nl15"), replace(single.bench.context, courier=None)).run()
    (report,) = single.bench.reports()
    assert f"Mail 1  Recipient <c@d.example>\n  {TOO_LONG}\n" in report
    assert "undeliverable 1  discarded 1" in report
    (ended,) = single.bench.told(MailEnded)
    assert (ended.result, ended.tries, ended.reason) == (MailResult.UNDELIVERABLE, 0, TOO_LONG)
    await single.file(data)
    assert [event.outcomes[0].reason for event in single.bench.told(MailEnded)[1:]] == [TOO_LONG, DELIVERED.reason]


async def test_a_mail_that_fits_one_of_two_targets_is_deliverable_there(single: Run) -> None:
    data = deck("IBM-1047", (SUBJECT, "", LONG))
    change(single, targets=(server("192.0.2.1"), server("192.0.2.2", charset="UTF-8")))
    assert single.check(data).clean
    await single.file(data)
    assert len(single.wires) == 1
    change(single, targets=single.bench.configuration.targets[::-1])
    await single.file(data)
    assert len(single.wires) == 1
    assert single.bench.told(MailEnded)[-1].outcomes[0].reason == TOO_LONG


async def test_a_mail_that_was_read_is_judged_for_a_charset_that_a_refresh_brings(single: Run) -> None:
    change(single, targets=(server(),))
    single.answering = False
    grown, lossy = server(charset="UTF-8"), "Ä" * 300
    task = asyncio.create_task(single.file(deck("IBM-1047", (SUBJECT, "", LONG), (SUBJECT, "", lossy))))
    async with asyncio.timeout(10):
        while len(single.bench.courier.seen) < 2:
            await asyncio.sleep(0)
    change(single, targets=(grown,))
    long, short = single.bench.courier.seen
    for _ in range(2):
        with pytest.raises(UnsendableMail, match="too long"):
            long.wire(grown, eight_bit=True)
        assert lossy.encode() in as_bytes(short.wire(grown, eight_bit=True))
        assert lossy.encode("latin-1") in as_bytes(long.wire(server(), eight_bit=True)) + as_bytes(
            short.wire(server(), eight_bit=True)
        )
    assert single.bench.told(CharacterLoss) == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def as_bytes(made: object) -> bytes:
    text = made.text if isinstance(made, EightBit) else made
    assert isinstance(text, bytes)
    return text


async def test_with_a_label_of_ours_a_line_that_grows_goes_as_base64(single: Run) -> None:
    data = deck("IBM-1047", (SUBJECT, "", LONG), (SUBJECT, "", *[LONG] * 200))
    change(single, code_pages=CodePages(mime_label=MimeLabel.YES))
    assert single.check(data).clean
    await single.file(data)
    assert len(single.wires) == 2
    for wire in single.wires:
        assert b"\r\nContent-Transfer-Encoding: base64\r\n" in wire
        assert max(map(len, wire.split(b"\r\n"))) < 200
    assert single.announced == [False, False]


async def test_the_limit_is_that_of_the_deck_where_charsets_are_single_byte(single: Run) -> None:
    change(single, targets=(server(),))
    await single.file(deck("IBM-1047", (SUBJECT, "", "Ä" * 998)))
    assert len(single.wires) == 1


# --- labels


@pytest.mark.parametrize("offered", [True, False])
@pytest.mark.parametrize("label", list(MimeLabel))
async def test_8bitmime_is_announced_for_labelled_8_bit_text_only(single: Run, label: MimeLabel, offered: bool) -> None:
    change(single, code_pages=CodePages(mime_label=label))
    single.eight_bit = offered
    await single.file(deck("IBM-1047", (SUBJECT, "", "Ä"), (SUBJECT, "", "plain"), (SUBJECT, "", *["Ä" * 70] * 1000)))
    used = offered and label is not MimeLabel.NO
    assert single.announced == [used, False, used]


async def test_8_2_a_label_that_differs_and_raw_header_text_are_told_once_per_target(single: Run) -> None:
    text = ("Subject: Ä", "Content-Type: text/plain; charset=iso-8859-2", "", "Ä")
    await single.file(deck("IBM-1047", text, text, text))
    (differs,), (raw,) = single.bench.told(CharsetLabelDiffers), single.bench.told(RawHeaderText)
    assert (differs.mail, differs.name, differs.label, differs.charset) == (1, "192.0.2.1", "iso-8859-2", "UTF-8")
    assert (raw.mail, raw.name, raw.charset) == (1, "192.0.2.1", "UTF-8")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ((SUBJECT, "Content-Type: text/plain; charset=utf-8", "", "Ä"), CodePages()),
        ((SUBJECT, "Content-Type: text/plain; charset=iso-8859-2", "", "plain"), CodePages()),
        ((SUBJECT, "Content-Type: text/plain; charset=x", "Content-Transfer-Encoding: base64", "", "xMTE"), CodePages()),
        (("Subject: =?iso-8859-1?Q?=C4?=", "", "Ä"), CodePages()),
        (("Subject: Ä", "Content-Type: text/plain", "", "Ä"), CodePages(encode_headers=True)),
        ((SUBJECT, "Content-Type: text/plain; charset=iso-8859-2", "", "Ä"), CodePages(mime_label=MimeLabel.FORCE)),
    ],
)
async def test_8_2_no_warning_where_nothing_is_wrong(single: Run, text: tuple[str, ...], options: CodePages) -> None:
    change(single, code_pages=options)
    await single.file(deck("IBM-1047", text))
    assert single.bench.told(CharsetLabelDiffers) == []
    assert single.bench.told(RawHeaderText) == []


async def test_a_notice_quotes_the_mail_as_the_deck_has_it(single: Run) -> None:
    change(single, code_pages=CodePages(mime_label=MimeLabel.FORCE, encode_headers=True))
    single.outcome = REFUSED
    await single.file(deck("IBM-1047", ("Subject: Ä", "", "Ä")))
    (notice,) = [parcel for parcel in single.bench.courier.seen if isinstance(parcel, TextParcel)]
    made = notice.wire(single.bench.configuration.targets[0], eight_bit=True)
    assert isinstance(made, bytes)
    assert "Subject: Ä\r\n\r\nÄ\r\n".encode() in made
    assert b"MIME-Version" not in made
