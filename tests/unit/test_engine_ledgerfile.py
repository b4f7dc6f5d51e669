"""The checkpoint's file: what is written is read again, and what cannot be used is set aside."""

import sqlite3
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from cssmtp.engine import ledgerfile
from cssmtp.engine.ledger import History, MailState
from cssmtp.engine.ledgerfile import Batch, CheckpointError, LedgerFile, state_from, state_text
from cssmtp.model import Outcome, Verdict
from tests.spoolkit import StoppedClock

OK = Outcome(Verdict.DELIVERED, "250 ok", "192.0.2.1")
NO = Outcome(Verdict.UNDELIVERABLE, "550 5.1.1 Grüße \udce9\n\x00", "192.0.2.1")


def ledger(path: Path, job: str = "CSSMTP", writer: str = "CSSMTP", **more: object) -> LedgerFile:
    return LedgerFile(path, job, writer, StoppedClock(), **more)


def batch(file: str, *numbers: int, states: dict[int, MailState] | None = None) -> Batch:
    return Batch(delivered={file: array("I", numbers)} if numbers else {}, states={file: states} if states else {})


def test_rows_come_back_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    first = ledger(path)
    assert first.open().files == {}
    state = MailState((OK, None, NO))
    first.commit(batch("a", 1, 2, 300, states={4: state}))
    first.commit(batch("a", 9))
    first.commit(batch("b", 1))
    first.close()
    second = ledger(path)
    assert second.open().files == {"a": 5, "b": 1}
    rows = second.rows("a")
    history = History(rows.delivered, rows.states)
    assert [number for number in range(400) if history.delivered(number)] == [1, 2, 9, 300]
    assert not history.delivered(100_000)
    assert history.state(4) == state
    assert history.state(5) is None
    second.close()


def test_a_later_state_replaces_an_earlier_one(tmp_path: Path) -> None:
    file = ledger(tmp_path / "checkpoint")
    file.open()
    file.commit(batch("a", states={1: MailState((None,))}))
    file.commit(batch("a", states={1: MailState((NO,), closed=True)}))
    assert file.rows("a").states == {1: MailState((NO,), closed=True)}
    file.close()


def test_forgotten_files_leave_nothing(tmp_path: Path) -> None:
    file = ledger(tmp_path / "checkpoint")
    file.open()
    file.commit(batch("a", 1, states={2: MailState((OK,))}))
    file.commit(Batch(forgotten={"a"}, delivered={"a": array("I", [7])}))
    rows = file.rows("a")
    assert [list(numbers) for numbers in rows.delivered] == [[7]]
    assert rows.states == {}
    file.close()


def test_a_batch_that_failed_is_merged_with_the_next() -> None:
    earlier = batch("a", 1, states={2: MailState((None,))})
    earlier.delivered["b"] = array("I", [5])
    later = batch("a", 3, states={2: MailState((OK,))})
    later.forgotten.add("b")
    merged = earlier.before(later)
    assert {file: list(numbers) for file, numbers in merged.delivered.items()} == {"a": [1, 3]}
    assert merged.states == {"a": {2: MailState((OK,))}}
    assert merged.forgotten == {"b"}


def test_cold_start_forgets_and_says_how_much(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    first = ledger(path)
    first.open()
    first.commit(batch("a", 1))
    first.close()
    second = ledger(path)
    assert second.open(cold=True).files == {"a": 1}
    assert second.rows("a").delivered == []
    second.close()


@pytest.mark.parametrize("changed", [{"job": "OTHER"}, {"writer": "OTHER"}])
def test_warm_start_needs_the_same_job_and_writer_name(tmp_path: Path, changed: dict[str, str]) -> None:
    path = tmp_path / "checkpoint"
    first = ledger(path)
    first.open()
    first.commit(batch("a", 1))
    first.close()
    second = ledger(path, **changed)
    opening = second.open()
    assert opening.files == {}
    assert opening.reason == "it belongs to job CSSMTP with writer CSSMTP"
    assert opening.aside == str(tmp_path / "checkpoint.unmatched.20261122T120000")
    second.close()
    back = LedgerFile(Path(opening.aside), "CSSMTP", "CSSMTP", StoppedClock())
    assert back.open().files == {"a": 1}
    back.close()


def _text(path: Path) -> None:
    path.write_text("This is no database at all, and longer than a header of one hundred octets would be. " * 3)


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()


def _version(path: Path) -> None:
    made = ledger(path)
    made.open()
    made.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def _malformed(path: Path) -> None:
    made = ledger(path)
    made.open()
    made.commit(batch("a", *range(5000)))
    made.close()
    data = bytearray(path.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_text, "file is not a database"),
        (_foreign, "it is a database, but no checkpoint"),
        (_version, "its version is 99, this gateway knows 1"),
        (_malformed, ""),
    ],
)
def test_a_damaged_file_is_set_aside_and_a_new_one_works(tmp_path: Path, damage: Callable[[Path], None], reason: str) -> None:
    path = tmp_path / "checkpoint"
    damage(path)
    before = path.read_bytes()
    (tmp_path / "checkpoint.damaged.20261122T120000").write_text("an earlier one")
    file = ledger(path)
    opening = file.open()
    assert opening.aside == str(tmp_path / "checkpoint.damaged.20261122T120000.1")
    assert opening.reason.startswith(reason)
    assert opening.reason
    assert len(Path(opening.aside).read_bytes()) == len(before)
    file.commit(batch("a", 1))
    assert len(file.rows("a").delivered) == 1
    file.close()


def test_damage_found_while_in_use_is_set_aside_and_the_batch_kept(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    file = ledger(path)
    file.open()
    file.close()
    _text(path)
    assert file.commit(batch("a", 1)).startswith(str(path) + ".damaged.")
    assert len(file.rows("a").delivered) == 1
    file.close()


def test_two_gateways_cannot_use_one_checkpoint(tmp_path: Path) -> None:
    first = ledger(tmp_path / "checkpoint")
    first.open()
    second = ledger(tmp_path / "checkpoint")
    with pytest.raises(CheckpointError, match="another gateway works with it"):
        second.open()
    first.close()
    second.open()
    second.close()


@pytest.mark.parametrize("place", ["missing/checkpoint", "directory"])
def test_an_impossible_place_refuses_the_start(tmp_path: Path, place: str) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(CheckpointError, match="cannot be opened"):
        ledger(tmp_path / place).open()


def test_network_file_systems_are_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgerfile, "on_network", lambda path: "nfs4")
    with pytest.raises(CheckpointError, match=r"on a network file system \(nfs4\).*put it on a local disk"):
        ledger(tmp_path / "checkpoint").open()
    assert not (tmp_path / "checkpoint").exists()


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    file = ledger(tmp_path / "checkpoint")
    file.open()
    assert (tmp_path / "checkpoint").stat().st_mode & 0o777 == 0o600
    file.close()


def test_a_full_disk_fails_the_commit_and_a_later_one_succeeds(tmp_path: Path) -> None:
    full = [True]

    def connect(*place: object, **more: object) -> sqlite3.Connection:
        connection = sqlite3.connect(*place, **more)
        if full[0]:
            connection.execute("PRAGMA max_page_count = 16")
        return connection

    file = ledger(tmp_path / "checkpoint", connect=connect)
    file.open()
    with pytest.raises(sqlite3.OperationalError, match="full"):
        file.commit(batch("a", *range(100_000)))
    full[0] = False
    assert file.commit(batch("a", *range(100_000))) == ""
    assert len(file.rows("a").delivered[0]) == 100_000
    file.close()


def test_rows_that_cannot_be_understood_are_left_out(tmp_path: Path) -> None:
    file = ledger(tmp_path / "checkpoint")
    file.open()
    file.commit(batch("a", 1, states={2: MailState((OK,))}))
    file.close()
    with sqlite3.connect(tmp_path / "checkpoint") as connection:
        connection.execute("INSERT INTO mail VALUES ('a', 3, 'nonsense'), ('a', 4, '[true]'), ('a', 5, '[false,[[1]]]')")
        connection.execute("INSERT INTO mail VALUES ('a', 6, '[false,[[\"delivered\"]]]'), ('a', 7, '7')")
        connection.execute("INSERT INTO delivered VALUES ('a', x'010203'), ('a', 'text')")
    connection.close()
    rows = file.rows("a")
    assert rows.states == {2: MailState((OK,))}
    assert [list(numbers) for numbers in rows.delivered] == [[1]]
    file.close()


def test_a_state_survives_its_text_whatever_a_server_said() -> None:
    state = MailState((OK, None, NO, Outcome(Verdict.RETRY, "451", "")), closed=True)
    assert state_from(state_text(state)) == state
    assert state_text(state).isascii()
