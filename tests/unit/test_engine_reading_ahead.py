"""Reading in another process: the same slices, and nothing lost or repeated when that process dies."""

from __future__ import annotations

import asyncio
import io
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cssmtp.bsmtp.interpreter import Event as Finding
from cssmtp.config.model import Configuration
from cssmtp.engine import reading_ahead
from cssmtp.engine.fitting import Fitting
from cssmtp.engine.reading import DeckReader
from cssmtp.engine.reading_ahead import AHEAD_OCTETS, DeckAhead, ReadingAhead, ReadingLost, Slices
from cssmtp.errors import UnknownCodePage, UnreadableData
from cssmtp.model import DeckMail
from cssmtp.observe.events import Event, InternalError
from cssmtp.spool.attributes import Attributes, from_json
from tests import samples
from tests.enginekit import TARGET

SETTINGS = Configuration((TARGET,), translate="IBM-1047")
MAILS = 3000
"""Of about 350 octets: several slices."""


def two_cores() -> int:
    return 2


def large_deck(mails: int = MAILS) -> bytes:
    lines = ["HELO mvsa", "NONSENSE"]
    for number in range(1, mails + 1):
        lines += ["MAIL FROM:<a@example.org>", f"RCPT TO:<user{number}@example.net>", "DATA", f"Subject: {number}", ""]
        lines += ["text " * 14] * 4 + ["."]
    return "".join(f"{line}\n" for line in lines).encode()


class Deck:
    """A spool file's data, with the reader that a task has of it."""

    def __init__(self, path: Path, attributes: Attributes, settings: Configuration) -> None:
        self.path, self.attributes, self.settings = path, attributes, settings
        self.size = path.stat().st_size
        self.stream = io.BytesIO(path.read_bytes())
        self.reader = DeckReader(self.stream, self.size, attributes, settings)
        self.fitting = Fitting(self.reader, settings, lambda: path.open("rb"))

    async def ahead(self, ahead: ReadingAhead) -> DeckAhead | None:
        with self.path.open("rb") as stream:
            return await ahead.open(stream, self.size, self.attributes, self.settings)

    def alone(self) -> list[Finding]:
        """All findings, as the reader of the gateway itself gives them."""
        with self.path.open("rb") as stream:
            reader = DeckReader(stream, self.size, self.attributes, self.settings)
            return [finding for slice_ in iter(reader.next_slice, None) for finding in slice_]

    async def rest(self, slices: Slices) -> list[Finding]:
        found = []
        while (slice_ := await slices.next(self.fitting)) is not None:
            found += [finding for finding, _ in slice_]
        slices.close()
        return found


@pytest.fixture
def large(tmp_path: Path) -> Deck:
    path = tmp_path / "deck"
    path.write_bytes(large_deck())
    return Deck(path, Attributes(), SETTINGS)


@asynccontextmanager
async def reading(events: list[Event]) -> AsyncIterator[ReadingAhead]:
    ahead = ReadingAhead(events.append, two_cores, 0)
    try:
        yield ahead
    finally:
        await ahead.close()


def attributes_of(sample: samples.Sample) -> Attributes:
    return from_json(sample.sidecar.read_bytes(), Attributes())[0] if sample.sidecar else Attributes()


async def consume(deck: DeckAhead) -> None:
    while True:
        await deck.next()


async def answered(ahead: ReadingAhead) -> None:
    """Until the slice that is read ahead has come."""
    async with asyncio.timeout(10):
        while ahead._awaited:
            await asyncio.sleep(0.001)


def alive(pid: int | None) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_the_other_process_gives_the_same_findings_and_counts(large: Deck) -> None:
    events: list[Event] = []
    async with reading(events) as ahead:
        slices = Slices(large.reader, await large.ahead(ahead))
        pid = ahead.pid
        assert pid not in (None, os.getpid())
        assert await large.rest(slices) == large.alone()
        records = 2 + 10 * MAILS
        assert large.reader.progress == (records, 1, False, True)
        assert alive(pid)
    assert not alive(pid)
    assert events == []


async def test_every_sample_is_read_alike_in_either_process() -> None:
    events: list[Event] = []
    async with reading(events) as ahead:
        for sample in samples.load_all():
            try:
                deck = Deck(sample.path, attributes_of(sample), SETTINGS)
            except (UnreadableData, UnknownCodePage):
                continue
            assert await deck.rest(Slices(deck.reader, await deck.ahead(ahead))) == deck.alone(), sample.name
    assert events == []


async def test_several_decks_at_a_time_do_not_mix(tmp_path: Path) -> None:
    async with reading([]) as ahead:
        decks = []
        for number in range(4):
            path = tmp_path / f"deck{number}"
            path.write_bytes(large_deck(900 + number).replace(b"text", b"txt%d" % number))
            decks.append(Deck(path, Attributes(), SETTINGS))
        found = await asyncio.gather(*[deck.rest(Slices(deck.reader, await deck.ahead(ahead))) for deck in decks])
        assert found == [deck.alone() for deck in decks]


@pytest.mark.parametrize("taken", [0, 1, 2])
async def test_reading_goes_on_here_behind_the_last_slice_taken_when_the_process_is_killed(large: Deck, taken: int) -> None:
    events: list[Event] = []
    async with reading(events) as ahead:
        slices = Slices(large.reader, await large.ahead(ahead))
        found = [finding for _ in range(taken) for finding, _ in await slices.next(large.fitting) or ()]
        assert ahead.pid is not None
        os.kill(ahead.pid, signal.SIGKILL)
        await asyncio.to_thread(os.waitid, os.P_PID, ahead.pid, os.WEXITED | os.WNOWAIT)
        found += await large.rest(slices)
        assert found == large.alone()
        assert [finding.number for finding in found if isinstance(finding, DeckMail)] == list(range(1, MAILS + 1))
        assert [type(event) for event in events] == [InternalError]
        assert "the gateway reads by itself" in str(events)


async def test_after_a_death_the_next_file_gets_a_new_process(large: Deck, tmp_path: Path) -> None:
    events: list[Event] = []
    async with reading(events) as ahead:
        first = await large.ahead(ahead)
        assert first is not None
        await first.next()
        killed = ahead.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        with pytest.raises(ReadingLost):
            await consume(first)
        first.close()
        again = Deck(large.path, Attributes(), SETTINGS)
        assert await again.rest(Slices(again.reader, await again.ahead(ahead))) == again.alone()
        assert ahead.pid not in (None, killed)
        assert not alive(killed)  # nor is it a zombie
    assert len(events) == 1


async def test_a_deck_of_a_process_that_died_does_not_end_the_next_one(large: Deck) -> None:
    """It may have had its last answer before that death, and ask only when another file has its new process."""
    events: list[Event] = []
    async with reading(events) as ahead:
        slices = Slices(large.reader, await large.ahead(ahead))
        found = [finding for finding, _ in await slices.next(large.fitting) or ()]
        again = Deck(large.path, Attributes(), SETTINGS)
        assert ahead.pid is not None
        await answered(ahead)
        os.kill(ahead.pid, signal.SIGKILL)
        await asyncio.to_thread(os.waitid, os.P_PID, ahead.pid, os.WEXITED | os.WNOWAIT)
        others = Slices(again.reader, await again.ahead(ahead))
        second = ahead.pid
        found += await large.rest(slices)
        assert found == large.alone()
        assert await again.rest(others) == again.alone()
        assert ahead.pid == second
    assert len(events) == 1


async def test_without_another_process_the_gateway_reads_by_itself(large: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Event] = []
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    async with reading(events) as ahead:
        deck = await large.ahead(ahead)
        assert deck is None
        assert await large.rest(Slices(large.reader, deck)) == large.alone()
    assert [type(event) for event in events] == [InternalError]


def test_a_small_file_and_a_machine_of_one_core_have_no_other_process() -> None:
    many, one = ReadingAhead([].append, two_cores), ReadingAhead([].append, lambda: 1)
    assert [many.wants(size) for size in (0, AHEAD_OCTETS - 1, AHEAD_OCTETS)] == [False, False, True]
    assert not one.wants(2 * AHEAD_OCTETS)


async def test_data_that_breaks_off_is_told_as_here(tmp_path: Path) -> None:
    path = tmp_path / "deck"
    lines = b"".join(len(line).to_bytes(4, "big") + line for line in large_deck().splitlines())
    path.write_bytes(lines)
    deck = Deck(path, Attributes(framing="len4"), SETTINGS)
    async with reading([]) as ahead:
        slices = Slices(deck.reader, await deck.ahead(ahead))
        first = await slices.next(deck.fitting)
        assert first
        os.truncate(path, path.stat().st_size - 3)
        with pytest.raises(UnreadableData):
            await deck.rest(slices)


async def test_an_error_of_the_other_process_is_no_error_of_the_file(large: Deck) -> None:
    """What it cannot even begin to read, it says so, and the gateway tries by itself."""
    events: list[Event] = []
    async with reading(events) as ahead:
        with large.path.open("rb") as stream:
            deck = await ahead.open(stream, large.size, Attributes(encoding="IBM-99999"), SETTINGS)
        assert deck is not None
        assert await large.rest(Slices(large.reader, deck)) == large.alone()


async def test_a_deck_that_is_closed_early_leaves_nothing_behind(large: Deck) -> None:
    async with reading([]) as ahead:
        slices = Slices(large.reader, await large.ahead(ahead))
        await slices.next(large.fitting)
        slices.close()
        again = Deck(large.path, Attributes(), SETTINGS)
        assert await again.rest(Slices(again.reader, await again.ahead(ahead))) == again.alone()


async def test_a_process_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_ahead, "END_SECONDS", 0.01)
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    reading_ahead._ended(process)
    assert process.returncode == -signal.SIGKILL


def test_the_process_ends_with_its_gateway_however_that_ends(tmp_path: Path) -> None:
    """kill -9 of the one that asks: the other sees its sockets close."""
    program = """
import asyncio, os, pathlib, signal, sys
sys.path[:] = sys.argv[2:]
from cssmtp.engine.reading_ahead import ReadingAhead
from tests.unit.test_engine_reading_ahead import SETTINGS
from cssmtp.spool.attributes import Attributes
async def main():
    ahead = ReadingAhead(print, lambda: 2, 0)
    path = pathlib.Path(sys.argv[1])
    with path.open("rb") as stream:
        deck = await ahead.open(stream, path.stat().st_size, Attributes(), SETTINGS)
    await deck.next()
    print(ahead.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    path = tmp_path / "deck"
    path.write_bytes(large_deck())
    dead = subprocess.run([sys.executable, "-c", program, str(path), *sys.path], stdout=subprocess.PIPE, check=False)
    assert dead.returncode == -signal.SIGKILL
    descriptor = None
    try:
        descriptor = os.pidfd_open(int(dead.stdout))
    except ProcessLookupError:
        return  # it has ended already
    try:
        assert select.select([descriptor], [], [], 20)[0], "the reading process outlives its gateway"
    finally:
        os.close(descriptor)
