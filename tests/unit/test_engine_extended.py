"""Extended retry: the mail directory, its schedule, its faults."""

import errno
import itertools
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cssmtp.config.model import Undeliverable
from cssmtp.engine import extended as module
from cssmtp.engine.checkpoint import Checkpoint
from cssmtp.engine.extended import IN_WORK, TROUBLE_SECONDS, ExtendedRetry
from cssmtp.engine.extended_files import Control
from cssmtp.engine.ledger import MailState
from cssmtp.engine.ledgerfile import LedgerFile
from cssmtp.engine.maildirectory import DirectoryInUse, MailDirectory
from cssmtp.engine.parking import ParkedMail
from cssmtp.model import BadRecipient, BodySpan, DeckMail, Envelope, HeaderFacts, Outcome, Verdict
from cssmtp.observe.events import (
    CharacterLoss,
    DeadLetterFailed,
    DeadLetterStored,
    InternalError,
    MailDirectoryFailed,
    MailDirectoryMended,
    MailDirectoryOpened,
    MailEnded,
    MailRetry,
    NoticeSent,
    PairSetAside,
    SpoolFile,
)
from cssmtp.spool.disk import Disk
from tests.dying import Death, Dying, death
from tests.lifekit import Works, deck, extended_policy, run, spin, until, warp, works

INTERVAL = 30 * 60.0
DAY = 86_400.0
LATER = Outcome(Verdict.RETRY, "451 4.0.0 later", "192.0.2.1")
SENT = Outcome(Verdict.DELIVERED, "250 ok", "192.0.2.1")
OUT = Outcome(Verdict.UNDELIVERABLE, "550 gone", "192.0.2.1")
TEXT = "Subject: hello\n\nGr\u00fc\u00dfe\n..dot\n"


class FaultyDisk(Disk):
    """A disk that fails when told to: writing, moving, or removing."""

    def __init__(self) -> None:
        self.full = False
        self.stuck = False

    def sync(self, descriptor: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().sync(descriptor)

    def remove(self, path: Path) -> None:
        if self.stuck:
            self._fail(path)
        super().remove(path)

    def _fail(self, path: Path) -> None:
        from cssmtp.spool.disk import spool_error

        raise spool_error(OSError(errno.EIO, "Input/output error"), path)


def mail(*recipients: str, number: int = 1, **more: object) -> DeckMail:
    envelope = Envelope("mvsa", "alice@example.org", recipients, **more)
    return DeckMail(number, envelope, BodySpan(0, 0, 0), HeaderFacts(1, True, True, True), len(TEXT), 1, 4)


def parked(*recipients: str, outcomes: tuple[Outcome, ...] = (), file: str = "f1", number: int = 1, **more: object) -> ParkedMail:
    made = mail(*recipients, number=number, **more)
    facts = SpoolFile(file, "CSSMTP", "PAYRUN", "JOB01234", 102, "PAYUSER")
    added = b"Received: by gateway\r\n"
    return ParkedMail(facts, made, added, "IBM-1047", outcomes or (LATER,) * len(recipients), 3)


def page(text: str = TEXT) -> Callable[[], Iterable[bytes]]:
    return lambda: [line.encode("cp037") + b"\x15" for line in text.split("\n")[:-1]]


def set_up(tmp_path: Path, **policy: int) -> Works:
    return works(tmp_path, extended_retry=extended_policy(tmp_path, **policy))


async def forward(made: Works, seconds: float) -> None:
    """Let time pass on every clock."""
    made.clock.forward(seconds)
    await warp(seconds)


def in_life(made: Works, work: Callable[[ExtendedRetry], Awaitable[None]], directory: MailDirectory | None = None) -> None:
    """One life of extended retry; at its end nothing is left under way."""

    async def life() -> None:
        extended = made.extend(directory)
        await extended.start()
        try:
            await work(extended)
        finally:
            await extended.close()

    run(life)


def names(made: Works) -> list[str]:
    return sorted(name for name in os.listdir(made.root / "mail") if not name.startswith("."))


def test_a_mail_comes_in_as_a_pair_waits_and_is_sent(tmp_path: Path) -> None:
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        path = await extended.accept(parked("451x1@example.net"), page())
        assert path == str(tmp_path / "mail" / "cff1.1")
        assert names(made) == ["cff1.1", "dff1.1"]
        assert (tmp_path / "mail" / "dff1.1").read_bytes() == b"".join(page()())
        assert extended.waiting == 1
        await forward(made, INTERVAL - 1)
        assert made.courier.tried == []
        await forward(made, 1)
        await until(lambda: bool(made.of(MailRetry)))
        await until(lambda: not extended._working)
        await forward(made, INTERVAL)
        await until(lambda: extended.waiting == 0)
        ((recipient, text),) = made.courier.sent
        assert recipient == "451x1@example.net"
        wire = "Received: by gateway\r\nSubject: hello\r\n\r\nGr\xfc\xdfe\r\n..dot\r\n.\r\n"
        assert text == wire.encode("latin-1")
        assert names(made) == []
        (event,) = made.of(MailEnded)
        assert isinstance(event, MailEnded)
        assert (event.tries, event.variant, event.file.jobname) == (5, "sent", "PAYRUN")
        assert made.courier.files_ended == 2

    in_life(made, work)


def test_it_survives_a_restart_with_what_is_final(tmp_path: Path) -> None:
    made = set_up(tmp_path)

    async def first(extended: ExtendedRetry) -> None:
        await extended.accept(parked("bob@example.net", "451x1@example.net", outcomes=(LATER, LATER)), page())
        await forward(made, INTERVAL)
        await until(lambda: bool(made.of(MailRetry)))

    async def second(extended: ExtendedRetry) -> None:
        assert extended.waiting == 1
        await forward(made, INTERVAL / 2)
        assert len(made.courier.tried) == 2
        await forward(made, INTERVAL / 2)
        await until(lambda: extended.waiting == 0)

    in_life(made, first)
    in_life(made, second)
    assert made.courier.reached == ["bob@example.net", "451x1@example.net"]
    assert [event.mails for event in made.of(MailDirectoryOpened)] == [0, 1]
    (event,) = made.of(MailEnded)
    assert isinstance(event, MailEnded)
    assert [one.verdict for one in event.outcomes] == [Verdict.DELIVERED, Verdict.DELIVERED]


def test_age_ends_in_undeliverable_processing(tmp_path: Path) -> None:
    made = set_up(tmp_path, age_days=1)

    async def work(extended: ExtendedRetry) -> None:
        bad = (BadRecipient("<x", 3, "501 bad"),)
        await extended.accept(parked("550@example.net", "451@example.net", outcomes=(OUT, LATER), bad_recipients=bad), page())
        for _ in range(48):
            assert made.of(MailEnded) == []
            await forward(made, INTERVAL)
            await until(lambda: not extended._working)
        await until(lambda: extended.waiting == 0)

    in_life(made, work)
    assert made.courier.tried.count("451@example.net") == 48
    ((to, notice),) = made.courier.sent
    assert to == "alice@example.org"
    assert b"Recipient: 451@example.net\r\nReason: extended retry age reached; last answer: 451" in notice
    assert b"550@example.net" not in notice
    assert b"<x" not in notice
    assert b"Gr\xfc\xdfe\r\n" in notice
    assert names(made) == []
    assert [event.variant for event in made.of(MailEnded)] == ["undeliverable"]


def test_age_zero_never_ends(tmp_path: Path) -> None:
    made = set_up(tmp_path, age_days=0)

    async def work(extended: ExtendedRetry) -> None:
        await extended.accept(parked("451@example.net"), page())
        await forward(made, 1000 * DAY)
        await until(lambda: bool(made.of(MailRetry)))
        await until(lambda: not extended._working)
        assert extended.waiting == 1

    in_life(made, work)


def test_a_notice_that_cannot_be_sent_becomes_a_dead_letter(tmp_path: Path) -> None:
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        given = parked("550@example.net")
        given = replace(given, mail=replace(given.mail, envelope=replace(given.mail.envelope, reverse_path="550@example.org")))
        await extended.accept(given, page())
        await forward(made, INTERVAL)
        await until(lambda: extended.waiting == 0)

    in_life(made, work)
    (letter,) = (path.read_bytes() for path in (tmp_path / "letters").iterdir())
    assert b"Reason: 550 5.0.0 as you wish" in letter
    assert letter.endswith(b"\n.dot\r\n")


def test_the_pair_stays_while_it_is_the_only_copy(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("no directory")
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        given = parked("550@example.net")
        given = replace(given, mail=replace(given.mail, envelope=replace(given.mail.envelope, reverse_path="")))
        await extended.accept(given, page())
        await forward(made, INTERVAL)
        await until(lambda: bool(made.of(DeadLetterFailed)))
        await until(lambda: not extended._working)
        assert names(made) == ["cff1.1", "dff1.1"]
        (tmp_path / "letters").unlink()
        await forward(made, INTERVAL)
        await until(lambda: extended.waiting == 0)
        assert names(made) == []
        assert made.courier.tried == ["550@example.net"]

    in_life(made, work)


def test_without_any_server_nothing_is_tried_but_age_counts(tmp_path: Path) -> None:
    made = set_up(tmp_path, age_days=1)
    made.configuration = replace(made.configuration, undeliverable=Undeliverable(return_to_mail_from=False))

    async def work(extended: ExtendedRetry) -> None:
        made.courier.all_down = True
        await extended.accept(parked("bob@example.net"), page())
        await forward(made, INTERVAL)
        await until(lambda: bool(made.of(MailRetry)))
        await until(lambda: not extended._working)
        assert made.courier.tried == []
        await forward(made, DAY)
        await until(lambda: extended.waiting == 0)

    in_life(made, work)
    (event,) = made.of(MailEnded)
    assert isinstance(event, MailEnded)
    assert event.reason == "extended retry age reached; last answer: 451 4.0.0 later"


def test_flushretry_age_ends_what_is_old_enough(tmp_path: Path) -> None:
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        await extended.accept(parked("old@example.net"), page())
        made.clock.forward(2 * DAY)
        made.clock.ticks -= 2 * DAY
        await extended.accept(parked("new@example.net", number=2), page())
        assert extended.flush(3) == 0
        assert extended.flush(2) == 1
        await until(lambda: extended.waiting == 1)
        assert names(made) == ["cff1.2", "dff1.2"]
        assert extended.flush() == 1
        await until(lambda: extended.waiting == 0)

    in_life(made, work)
    assert made.courier.tried == ["alice@example.org", "alice@example.org"]
    assert b"extended retry ended by the operator; last answer: 451" in made.courier.sent[0][1]


def test_flushretry_reaches_a_mail_that_is_just_being_tried(tmp_path: Path) -> None:
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        made.courier.hold = True
        await extended.accept(parked("451@example.net"), page())
        await forward(made, INTERVAL)
        await until(lambda: len(made.courier.held) == 1)
        assert extended.flush() == 1
        made.courier.hold = False
        made.courier.answer()
        await until(lambda: extended.waiting == 0)
        assert made.of(NoticeSent)

    in_life(made, work)


@pytest.mark.parametrize(
    ("jump", "due"),
    [(timedelta(days=-400), INTERVAL), (timedelta(days=400), 0.0), (timedelta(minutes=10), INTERVAL - 600)],
)
def test_clock_jumps_between_two_lives_neither_lose_a_mail_nor_make_it_wait_longer(
    tmp_path: Path, jump: timedelta, due: float
) -> None:
    made = set_up(tmp_path, age_days=365)

    async def first(extended: ExtendedRetry) -> None:
        await extended.accept(parked("bob@example.net"), page())

    async def second(extended: ExtendedRetry) -> None:
        if due:
            await forward(made, due - 1)
            assert made.courier.tried == []
            await forward(made, 1)
        await until(lambda: extended.waiting == 0)
        assert made.courier.reached == ["bob@example.net"]

    in_life(made, first)
    made.clock.now += jump
    in_life(made, second)


def test_pairs_that_cannot_be_used_are_set_aside_with_the_reason(tmp_path: Path) -> None:
    made = set_up(tmp_path)
    directory = tmp_path / "mail"

    async def first(extended: ExtendedRetry) -> None:
        for number in range(1, 8):
            await extended.accept(parked("bob@example.net", number=number), page())

    in_life(made, first)
    (directory / "dff1.1").unlink()
    (directory / "cff1.2").unlink()
    (directory / "cff1.3").write_bytes(b"\x00\xff no JSON")
    content = json.loads((directory / "cff1.4").read_bytes())
    (directory / "cff1.4").write_text(json.dumps(content | {"version": 2}))
    (directory / "cff1.5").write_text(json.dumps(content | {"outcomes": []}))
    (directory / "cff1.6").write_text(json.dumps(content | {"page": "KLINGON"}))
    (directory / "dfnew.new").write_text("half a file")
    (directory / "README").write_text("somebody's notes")

    async def second(extended: ExtendedRetry) -> None:
        assert extended.waiting == 1

    in_life(made, second)
    aside = {Path(event.path).name: event.reason for event in made.of(PairSetAside)}
    assert aside["CFf1.1"] == "its data file is missing"
    assert aside["DFf1.2"].startswith("its control file is missing")
    assert aside["CFf1.3"].startswith("its control file cannot be understood")
    assert aside["CFf1.4"] == "its version is 2, this gateway knows 1"
    assert aside["CFf1.5"] == "its control file has another number of outcomes than of recipients"
    assert aside["CFf1.6"].startswith("code page 'KLINGON' is not known")
    assert len(aside) == 6
    expected = ["CFf1.1", "DFf1.2", *(f"{half}f1.{number}" for half in ("CF", "DF") for number in (3, 4, 5, 6))]
    assert names(made) == sorted([*expected, "README", "cff1.7", "dff1.7"])


def test_a_pair_that_vanishes_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        for number in (1, 2, 3):
            await extended.accept(parked(f"r{number}@example.net", number=number), page())
        (tmp_path / "mail" / "cff1.1").unlink()
        (tmp_path / "mail" / "dff1.2").unlink()
        await forward(made, INTERVAL)
        await until(lambda: extended.waiting == 0)

    in_life(made, work)
    assert made.courier.reached == ["r3@example.net"]
    assert len(made.of(PairSetAside)) == 2


def test_a_full_directory_declines_and_is_told_once_until_it_is_mended(tmp_path: Path) -> None:
    made = set_up(tmp_path)
    disk = FaultyDisk()

    async def work(extended: ExtendedRetry) -> None:
        disk.full = True
        for _ in range(3):
            assert await extended.accept(parked("bob@example.net"), page()) == ""
        (event,) = made.of(MailDirectoryFailed)
        assert isinstance(event, MailDirectoryFailed)
        assert event.reason.endswith("No space left on device")
        assert names(made) == []
        disk.full = False
        assert await extended.accept(parked("bob@example.net"), page())
        assert len(made.of(MailDirectoryMended)) == 1

    in_life(made, work, MailDirectory(tmp_path / "mail", disk))


def test_what_the_disk_does_not_take_is_kept_in_memory(tmp_path: Path) -> None:
    made = set_up(tmp_path)
    disk = FaultyDisk()

    async def work(extended: ExtendedRetry) -> None:
        await extended.accept(parked("bob@example.net", "451x2@example.net", outcomes=(LATER, LATER)), page())
        disk.full = True
        for turn in (1, 2):
            await forward(made, INTERVAL)
            await until(lambda turn=turn: len(made.of(MailRetry)) == turn)
            await until(lambda: not extended._working)
        disk.full = False
        disk.stuck = True
        await forward(made, INTERVAL)
        await until(lambda: len(made.courier.tried) == 4)
        await until(lambda: not extended._working)
        assert extended.waiting == 1
        assert made.of(MailEnded) == []
        disk.stuck = False
        await forward(made, TROUBLE_SECONDS)
        await until(lambda: extended.waiting == 0)

    in_life(made, work, MailDirectory(tmp_path / "mail", disk))
    assert made.courier.reached == ["bob@example.net", "451x2@example.net"]
    assert len(made.of(MailEnded)) == 1
    assert len(made.of(MailDirectoryFailed)) == 1


def test_a_notice_is_not_repeated_when_only_the_removal_fails(tmp_path: Path) -> None:
    made = set_up(tmp_path)
    disk = FaultyDisk()

    async def work(extended: ExtendedRetry) -> None:
        await extended.accept(parked("550@example.net"), page())
        disk.stuck = True
        await forward(made, INTERVAL)
        await until(lambda: bool(made.of(NoticeSent)))
        await until(lambda: not extended._working)
        disk.stuck = False
        await forward(made, TROUBLE_SECONDS)
        await until(lambda: extended.waiting == 0)
        assert len(made.of(NoticeSent)) == 1

    in_life(made, work, MailDirectory(tmp_path / "mail", disk))


def test_a_directory_that_cannot_be_made_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("no directory")
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        assert len(made.of(MailDirectoryFailed)) == 1
        assert await extended.accept(parked("bob@example.net"), page()) == ""
        (tmp_path / "mail").unlink()
        await forward(made, TROUBLE_SECONDS)
        await until(lambda: bool(made.of(MailDirectoryOpened)))
        assert len(made.of(MailDirectoryMended)) == 1
        assert await extended.accept(parked("bob@example.net"), page())

    in_life(made, work)


def test_two_gateways_cannot_work_one_directory(tmp_path: Path) -> None:
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        with pytest.raises(DirectoryInUse, match="in use by another gateway"):
            await set_up(tmp_path / ".." / tmp_path.name).extend().start()

    in_life(made, work)


def test_a_directory_taken_over_while_we_could_not_open_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        (tmp_path / "mail").unlink()
        other = MailDirectory(tmp_path / "mail")
        other.open()
        assert await extended.accept(parked("bob@example.net"), page()) == ""
        other.close()
        assert await extended.accept(parked("bob@example.net"), page())

    (tmp_path / "mail").write_text("no directory")
    in_life(made, work)


def test_refresh_changes_age_and_interval_but_not_the_directory(tmp_path: Path) -> None:
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        assert extended.active
        extended.refresh(replace(extended_policy(tmp_path, interval_minutes=0), mail_directory="/elsewhere"))
        assert not extended.active
        extended.refresh(extended_policy(tmp_path, interval_minutes=1))
        assert extended.active
        path = await extended.accept(parked("bob@example.net"), page())
        assert path.startswith(str(tmp_path / "mail"))
        await forward(made, 60)
        await until(lambda: extended.waiting == 0)

    in_life(made, work)


def test_only_a_few_mails_are_in_work_at_a_time(tmp_path: Path) -> None:
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        made.courier.hold = True
        count = IN_WORK + 20
        for number in range(count):
            await extended.accept(parked(f"r{number}@example.net", number=number), page())
        await forward(made, INTERVAL)
        await until(lambda: len(made.courier.held) == IN_WORK)
        await spin(500)
        assert len(made.courier.held) == IN_WORK
        made.courier.hold = False
        made.courier.answer(IN_WORK)
        await until(lambda: extended.waiting == 0)
        assert len(set(made.courier.reached)) == count

    in_life(made, work)


def test_a_stop_keeps_what_is_final_and_sends_no_notice(tmp_path: Path) -> None:
    made = set_up(tmp_path)

    async def first(extended: ExtendedRetry) -> None:
        made.courier.hold = True
        await extended.accept(parked("bob@example.net", "550@example.net", outcomes=(LATER, LATER)), page())
        await forward(made, INTERVAL)
        await until(lambda: len(made.courier.held) == 1)
        extended.stop_trying()
        made.courier.answer()

    async def second(extended: ExtendedRetry) -> None:
        made.courier.hold = False
        await forward(made, INTERVAL)
        await until(lambda: extended.waiting == 0)

    in_life(made, first)
    assert made.courier.reached == ["bob@example.net"]
    in_life(made, second)
    assert made.courier.reached == ["bob@example.net", "alice@example.org"]


def test_a_notice_that_nobody_saw_before_the_stop_is_sent_in_the_next_life(tmp_path: Path) -> None:
    made = set_up(tmp_path)

    async def first(extended: ExtendedRetry) -> None:
        made.courier.hold = True
        await extended.accept(parked("550@example.net"), page())
        await forward(made, INTERVAL)
        await until(lambda: len(made.courier.held) == 1)
        made.courier.answer()
        await until(lambda: len(made.courier.held) == 1)  # the notice
        extended.stop_trying()
        made.courier.stop()

    async def second(extended: ExtendedRetry) -> None:
        made.courier.hold = made.courier.stopped = False
        await forward(made, INTERVAL)
        await until(lambda: extended.waiting == 0)

    in_life(made, first)
    in_life(made, second)
    assert not made.of(DeadLetterStored)
    assert made.courier.reached == ["alice@example.org"]


def test_a_fault_of_ours_leaves_the_mail_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = set_up(tmp_path)

    async def work(extended: ExtendedRetry) -> None:
        await extended.accept(parked("bob@example.net"), page())
        with monkeypatch.context() as patch:
            patch.setattr(module, "expired", None)
            patch.setattr(module, "ExtendedMail", None)
            await forward(made, INTERVAL)
            await until(lambda: bool(made.of(InternalError)))
            await until(lambda: not extended._working)
        await forward(made, TROUBLE_SECONDS)
        await until(lambda: extended.waiting == 0)
        assert made.courier.reached == ["bob@example.net"]

    in_life(made, work)


def deaths(directory: Path, act: Callable[[MailDirectory], object]) -> Iterator[int]:
    """Do `act` on a disk that dies at its first step, its second and so on, until it is through."""
    for step in itertools.count():
        dying = MailDirectory(directory, Dying(step, death))
        try:
            act(dying)
        except Death:
            yield step
        else:
            yield step
            return


def control(file: str) -> Control:
    mine = parked("bob@example.net", file=file)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Control(mine.file, mine.mail, "", mine.page, mine.outcomes, (), 1, now, now)


def test_a_kill_at_any_step_of_making_a_pair_leaves_a_pair_or_nothing(tmp_path: Path) -> None:
    made = set_up(tmp_path)
    file = made.put(b"x" * 80)
    (tmp_path / "mail").mkdir()
    seen = []
    for _ in deaths(tmp_path / "mail", lambda each: each.publish(f"{file}.1", control(file), page()())):

        async def life(extended: ExtendedRetry) -> None:
            seen.append(extended.waiting)
            assert set(extended.taken(file)) == ({1} if extended.waiting else set())

        in_life(made, life)
        assert names(made) == ([f"cf{file}.1", f"df{file}.1"] if seen[-1] else [])
        for path in (tmp_path / "mail").glob("?f*"):
            path.unlink()
    assert set(seen) == {0, 1}
    assert len(seen) > 5
    assert not made.of(PairSetAside)


def test_a_kill_at_any_step_of_removing_a_pair_leaves_a_pair_or_nothing(tmp_path: Path) -> None:
    made = set_up(tmp_path)
    whole = MailDirectory(tmp_path / "mail")
    (tmp_path / "mail").mkdir()
    seen = []

    def act(each: MailDirectory) -> None:
        whole.publish("f1.1", control("f1"), page()())
        each.remove("f1.1")

    async def life(extended: ExtendedRetry) -> None:
        seen.append(extended.waiting)

    for _ in deaths(tmp_path / "mail", act):
        in_life(made, life)
        assert names(made) == (["cff1.1", "dff1.1"] if seen[-1] else [])
        for path in (tmp_path / "mail").glob("?f*"):
            path.unlink()
    assert set(seen) == {0, 1}
    assert len(seen) > 4
    assert not made.of(PairSetAside)


def test_a_body_alone_whose_mail_the_file_has_handed_over_is_for_a_person(tmp_path: Path) -> None:
    made = set_up(tmp_path)
    file = made.put(b"x" * 80)
    clock = made.clock

    async def life() -> None:
        made.ledger = checkpoint = Checkpoint(LedgerFile(tmp_path / "checkpoint", "C", "C", clock), made.events.append)
        await checkpoint.start()
        await checkpoint.open_file(file)
        checkpoint.record(file, 1, MailState((LATER,)), lambda: None)
        (tmp_path / "mail").mkdir()
        for number in (1, 2):
            (tmp_path / "mail" / f"df{file}.{number}").write_bytes(b"text")
        extended = made.extend()
        await extended.start()
        await extended.close()
        await checkpoint.close()

    run(life)
    assert names(made) == [f"DF{file}.1"]
    assert len(made.of(PairSetAside)) == 1


def test_a_pair_whose_record_was_lost_is_recorded_before_it_is_tried_so_its_file_does_not_send_it_again(tmp_path: Path) -> None:
    """Life 1 makes the pair and dies before the record; life 2 delivers it and ends; only life 3 takes the spool file."""
    made = works(tmp_path, extended_retry=extended_policy(tmp_path))
    file = made.put(deck(["bob@example.net", "carol@example.net"]))
    pairs = MailDirectory(tmp_path / "mail")
    (tmp_path / "mail").mkdir()
    mine = parked("bob@example.net", "carol@example.net", file=file)
    due = made.clock.wall()
    reached = Outcome(Verdict.DELIVERED, "250 2.0.0 Ok", "192.0.2.1")
    control = Control(mine.file, mine.mail, "", mine.page, (reached, LATER), (), 1, due, due)
    pairs.publish(f"{file}.1", control, page()())

    async def life(work: Callable[[ExtendedRetry], Awaitable[object]]) -> None:
        clock = made.clock
        made.ledger = checkpoint = Checkpoint(LedgerFile(tmp_path / "checkpoint", "C", "C", clock), made.events.append)
        await checkpoint.start()
        checkpoint.keep(made.store.ids())
        extended = made.extend()
        await extended.start()
        await work(extended)
        await extended.close()
        await checkpoint.close()

    async def second(extended: ExtendedRetry) -> None:
        await until(lambda: extended.waiting == 0)

    async def third(_: ExtendedRetry) -> None:
        await made.work()

    run(lambda: life(second))
    assert made.courier.reached == ["carol@example.net"]
    run(lambda: life(third))
    assert made.courier.reached == ["carol@example.net"]
    assert made.store.counts()["ready"] == 0


def test_who_fails_in_extended_retry_is_no_affair_of_the_spool_file(tmp_path: Path) -> None:
    failed = Outcome(Verdict.UNDELIVERABLE, "550 no")
    mine = replace(control("f1"), outcomes=(failed, failed, LATER), told=(0,))
    assert [one.verdict for one in mine.accepted] == [Verdict.UNDELIVERABLE, Verdict.RETRY, Verdict.RETRY]


def test_mails_of_files_still_on_the_spool_are_remembered_once(tmp_path: Path) -> None:
    made = set_up(tmp_path)
    file = made.put(b"x" * 80)

    async def first(extended: ExtendedRetry) -> None:
        await extended.accept(parked("a@example.net", file=file, number=3), page())
        await extended.accept(parked("a@example.net", file="gone"), page())
        assert extended.taken(file) == {}

    async def second(extended: ExtendedRetry) -> None:
        assert extended.taken("gone") == {}
        assert extended.taken(file) == {3: (LATER,)}
        assert extended.taken(file) == {}

    in_life(made, first)
    in_life(made, second)


def test_a_large_mail_is_sent_in_blocks_of_whole_lines(tmp_path: Path) -> None:
    made = set_up(tmp_path)
    text = "Subject: x\n\n" + "".join(f"{number:06} {'x' * 70}\n" for number in range(20_000)) + "\u00d8\n"

    async def work(extended: ExtendedRetry) -> None:
        await extended.accept(parked("bob@example.net"), page(text))
        await forward(made, INTERVAL)
        await until(lambda: extended.waiting == 0)

    in_life(made, work)
    ((_, sent),) = made.courier.sent
    assert sent.decode("latin-1") == "Received: by gateway\r\n" + text.replace("\n", "\r\n") + ".\r\n"
    assert made.of(CharacterLoss) == []
