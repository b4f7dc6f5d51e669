"""The directory spool: states, claims, dispositions (jes-spool.md 3, 4 and 11)."""

from __future__ import annotations

import io
import itertools
import os
from datetime import timedelta
from pathlib import Path

import pytest

from cssmtp.errors import SpoolError
from cssmtp.spool.attributes import Attributes
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.disk import Disk
from cssmtp.spool.store import STATES, SpoolStore, Wish, disposition_after, selectable
from tests.spoolkit import StoppedClock, make_spool, plain


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def spool(tmp_path: Path, clock: StoppedClock) -> DirectorySpool:
    return make_spool(tmp_path, clock)


def states(spool: DirectorySpool) -> dict[str, int]:
    return {state: number for state, number in spool.counts().items() if number}


TABLE = {
    "WRITE": ("PURGE", "HOLD", "WRITE"),
    "HOLD": ("PURGE", "HOLD", "WRITE"),
    "KEEP": ("LEAVE", "LEAVE", "KEEP"),
    "LEAVE": ("PURGE", "LEAVE", "KEEP"),
    "PURGE": ("PURGE", "PURGE", "PURGE"),
}


@pytest.mark.parametrize(("outdisp", "wish"), list(itertools.product(TABLE, Wish)))
def test_the_disposition_table_of_sapi(outdisp: str, wish: Wish) -> None:
    assert disposition_after(outdisp, wish) == TABLE[outdisp][list(Wish).index(wish)]


@pytest.mark.parametrize("outdisp", ["WRITE", "HOLD", "KEEP", "LEAVE", "PURGE"])
def test_only_write_and_keep_can_be_selected_and_nothing_that_is_held(outdisp: str) -> None:
    assert selectable(Attributes(outdisp=outdisp)) is (outdisp in ("WRITE", "KEEP"))
    assert not selectable(Attributes(outdisp=outdisp, hold="user"))


def test_what_is_created_is_ready_complete_and_readable(spool: DirectorySpool) -> None:
    entry = spool.create(plain(), [b"HELO ", b"mvsa"])
    assert entry == spool.select("CSSMTP")[0]
    assert (entry.attributes.bytes, entry.attributes.jobid, entry.attributes.token) == (9, "J9000001", entry.id)
    assert entry.attributes.dsname == "NODE1.?.JOB1.J9000001.D0000001.?"
    claim = spool.claim(entry)
    assert claim is not None
    with claim.open() as stream:
        assert (stream.read(), claim.size, claim.tries) == (b"HELO mvsa", 9, 0)


def test_a_stream_can_be_created_from(spool: DirectorySpool) -> None:
    assert spool.create(plain(), io.BytesIO(b"x" * 1_000_000)).attributes.bytes == 1_000_000


def test_attributes_that_could_not_be_read_back_are_refused(spool: DirectorySpool) -> None:
    with pytest.raises(ValueError, match='key "jobname" has the value "TOO LONG A NAME"'):
        spool.create(plain(jobname="TOO LONG A NAME"), [b""])
    assert states(spool) == {}


def test_the_store_is_a_spool_store(spool: DirectorySpool) -> None:
    store: SpoolStore = spool
    assert list(store.entries()) == []
    assert store.counts() == dict.fromkeys(STATES, 0)


def test_ids_are_unique_and_job_ids_count_when_the_clock_goes_back(spool: DirectorySpool, clock: StoppedClock) -> None:
    entries = [spool.create(plain(), [b""])]
    clock.now -= timedelta(days=1)
    entries += [spool.create(plain(), [b""]) for _ in range(5)]
    assert len({entry.id for entry in entries}) == 6
    assert [entry.attributes.jobid for entry in entries] == [f"J900000{n}" for n in range(1, 7)]


def test_job_ids_go_on_in_another_process(tmp_path: Path, clock: StoppedClock) -> None:
    make_spool(tmp_path, clock).create(plain(), [b""])
    assert make_spool(tmp_path, clock).create(plain(), [b""]).attributes.jobid == "J9000002"


def test_a_lost_count_of_job_ids_begins_again(spool: DirectorySpool, tmp_path: Path) -> None:
    (tmp_path / "jobid").write_bytes(b"rubbish")
    assert spool.create(plain(), [b""]).attributes.jobid == "J9000001"


def test_selection_is_by_writer_or_destination_user(spool: DirectorySpool) -> None:
    ours = [spool.create(plain(writer="MAIL1"), [b""]), spool.create(plain(writer="X", dest_user="MAIL1"), [b""])]
    spool.create(plain(writer="OTHER"), [b""])
    assert {entry.id for entry in spool.select("mail1")} == {entry.id for entry in ours}


def test_class_and_forms_are_no_criteria(spool: DirectorySpool) -> None:
    spool.create(plain(sysout_class="B", forms="GREEN"), [b""])
    assert len(spool.select("CSSMTP")) == 1


def test_work_order_is_priority_then_age(spool: DirectorySpool, clock: StoppedClock) -> None:
    made = []
    for priority in (128, 255, 0, 128):
        clock.forward(1)
        made.append(spool.create(plain(priority=priority), [b""]).id)
    assert [entry.id for entry in spool.select("CSSMTP")] == [made[1], made[0], made[3], made[2]]
    assert [entry.id for entry in spool.select("CSSMTP", limit=2)] == [made[1], made[0]]


def test_a_claimed_entry_is_nobody_elses(spool: DirectorySpool, tmp_path: Path, clock: StoppedClock) -> None:
    entry = spool.create(plain(), [b""])
    other = make_spool(tmp_path, clock)
    assert spool.claim(entry) is not None
    assert other.claim(entry) is None
    assert other.select("CSSMTP") == []
    assert other.recover() == []
    assert states(spool) == {"busy": 1}


def test_processed_write_is_purged(spool: DirectorySpool, tmp_path: Path) -> None:
    claim = spool.claim(spool.create(plain(), [b"x"]))
    assert claim is not None
    assert claim.processed() == "purged"
    assert states(spool) == {}
    assert os.listdir(tmp_path / "tmp") == []


def test_processed_keep_stays_as_leave_in_done(spool: DirectorySpool) -> None:
    claim = spool.claim(spool.create(plain(outdisp="KEEP"), [b"x"]))
    assert claim is not None
    assert claim.processed() == "kept"
    (entry,) = spool.entries("done")
    assert (entry.attributes.outdisp, entry.state) == ("LEAVE", "done")


@pytest.mark.parametrize(("before", "after"), [("WRITE", "HOLD"), ("KEEP", "LEAVE")])
def test_hold_takes_a_file_out_of_reach_with_a_reason_of_one_line(spool: DirectorySpool, before: str, after: str) -> None:
    claim = spool.claim(spool.create(plain(outdisp=before), [b"x"]))
    assert claim is not None
    claim.hold("bad\nsyntax\x00 " + "x" * 2000)
    (entry,) = spool.entries("held")
    assert (entry.attributes.outdisp, entry.attributes.hold) == (after, "system")
    assert entry.attributes.hold_reason.startswith("bad syntax")
    assert spool.select("CSSMTP") == []


@pytest.mark.parametrize(("outdisp", "released"), [("WRITE", "WRITE"), ("KEEP", "KEEP")])
def test_an_operator_releases_what_was_held(spool: DirectorySpool, outdisp: str, released: str) -> None:
    claim = spool.claim(spool.create(plain(outdisp=outdisp), [b"x"]))
    assert claim is not None
    claim.hold("bad")
    spool.release(next(spool.entries("held")))
    (entry,) = spool.select("CSSMTP")
    assert (entry.attributes.outdisp, entry.attributes.hold, entry.attributes.hold_reason) == (released, "none", "")


def test_an_operator_holds_and_purges(spool: DirectorySpool) -> None:
    entry = spool.create(plain(), [b"x"])
    spool.hold(entry, "wait for Monday")
    (held,) = spool.entries("held")
    assert (held.attributes.outdisp, held.attributes.hold, held.attributes.hold_reason) == ("HOLD", "user", "wait for Monday")
    spool.purge(held)
    assert states(spool) == {}
    for act in (spool.hold, spool.release, spool.purge):
        with pytest.raises(SpoolError, match="there no more"):
            act(held)


def test_release_puts_a_claim_back_unchanged(spool: DirectorySpool) -> None:
    entry = spool.create(plain(priority=7), [b"x"])
    claim = spool.claim(entry)
    assert claim is not None
    claim.release()
    assert spool.select("CSSMTP") == [entry]


def test_purge_deletes_whatever_the_disposition(spool: DirectorySpool) -> None:
    claim = spool.claim(spool.create(plain(outdisp="KEEP"), [b"x"]))
    assert claim is not None
    claim.purge()
    assert states(spool) == {}


@pytest.mark.parametrize("outdisp", ["HOLD", "LEAVE"])
def test_what_is_created_held_is_held(spool: DirectorySpool, outdisp: str) -> None:
    assert spool.create(plain(outdisp=outdisp), [b""]).state == "held"
    assert states(spool) == {"held": 1}


def test_a_busy_entry_is_listed_by_its_id(spool: DirectorySpool) -> None:
    entry = spool.create(plain(), [b""])
    spool.claim(entry)
    assert [(each.id, each.state) for each in spool.entries()] == [(entry.id, "busy")]


def test_the_third_crash_on_one_file_holds_it(spool: DirectorySpool, tmp_path: Path, clock: StoppedClock) -> None:
    entry = spool.create(plain(), [b"x"])
    for crash in range(3):
        claim = spool.claim(spool.select("CSSMTP")[0])
        assert claim is not None
        assert claim.tries == crash
        spool.close()
        spool = make_spool(tmp_path, clock)
        assert spool.recover() == [entry.id]
    (held,) = spool.entries("held")
    assert "the gateway ended 3 times" in held.attributes.hold_reason
    assert held.attributes.hold == "system"
    spool.release(held)
    claim = spool.claim(spool.select("CSSMTP")[0])
    assert claim is not None
    assert claim.tries == 0


def test_a_crash_counts_only_when_the_file_got_no_further_since_the_one_before(
    spool: DirectorySpool, tmp_path: Path, clock: StoppedClock
) -> None:
    spool.create(plain(), [b"x"])
    held = []
    for recorded in (0, 0, 40, 40, 90, 90, 7, 7, 7):  # 7: a cold start forgot the others
        claim = spool.claim(spool.select("CSSMTP")[0])
        assert claim is not None
        spool.close()
        spool = make_spool(tmp_path, clock)
        spool.recover(recorded=lambda _, number=recorded: number)  # type: ignore[misc]
        held.append(bool(list(spool.entries("held"))))
    assert held == [False] * 9
    for _ in range(1):
        spool.claim(spool.select("CSSMTP")[0])
        spool.close()
        spool = make_spool(tmp_path, clock)
        spool.recover(recorded=lambda _: 7)
    assert [entry.attributes.hold for entry in spool.entries("held")] == ["system"]


def test_a_crash_of_which_nobody_knows_how_far_the_file_was_counts(
    spool: DirectorySpool, tmp_path: Path, clock: StoppedClock
) -> None:
    spool.create(plain(), [b"x"])
    for recorded in (lambda _: 0, None, lambda _: 0):
        spool.claim(spool.select("CSSMTP")[0])
        spool.close()
        spool = make_spool(tmp_path, clock)
        spool.recover(recorded=recorded)
    assert list(spool.entries("held"))


def test_a_program_that_never_looks_into_the_data_counts_no_crashes(
    spool: DirectorySpool, tmp_path: Path, clock: StoppedClock
) -> None:
    entry = spool.create(plain(), [b"x"])
    for _ in range(5):
        claim = spool.claim(spool.select("CSSMTP")[0])
        assert claim is not None
        assert claim.tries == 0
        spool.close()
        spool = make_spool(tmp_path, clock)
        assert spool.recover(poison=False) == [entry.id]


def test_a_journal_goes_with_the_entry_through_recovery(spool: DirectorySpool, tmp_path: Path, clock: StoppedClock) -> None:
    claim = spool.claim(spool.create(plain(), [b"x"]))
    assert claim is not None
    (claim.path / "journal").write_text("done a@b.example\n")
    spool.close()
    again = make_spool(tmp_path, clock)
    again.recover()
    (entry,) = again.select("CSSMTP")
    assert (entry.path / "journal").read_text().startswith("done a@b.example\ncrash ")


@pytest.mark.parametrize("harm", ["missing", "empty", "lying"])
def test_an_entry_with_broken_attributes_is_set_aside_and_the_rest_goes_on(spool: DirectorySpool, harm: str) -> None:
    broken, good = spool.create(plain(priority=255), [b"x"]), spool.create(plain(), [b"y"])
    path = broken.path / "attrs.json"
    path.unlink()
    if harm != "missing":
        path.write_bytes(b"" if harm == "empty" else b'{"outdisp": "HOLD"}')
    assert spool.select("CSSMTP") == [good]
    (entry,) = spool.entries("bad")
    assert "attrs.json" in (entry.path / "reason").read_text()


def test_an_entry_that_breaks_between_select_and_claim_is_set_aside(spool: DirectorySpool) -> None:
    entry = spool.create(plain(), [b"x"])
    (entry.path / "attrs.json").write_bytes(b"")
    assert spool.claim(entry) is None
    assert states(spool) == {"bad": 1}


def test_a_claimed_entry_with_broken_attributes_is_recovered_to_bad(
    spool: DirectorySpool, tmp_path: Path, clock: StoppedClock
) -> None:
    claim = spool.claim(spool.create(plain(), [b"x"]))
    assert claim is not None
    (claim.path / "attrs.json").write_bytes(b"[]")
    spool.close()
    other = make_spool(tmp_path, clock)
    assert other.recover() == [claim.id]
    assert states(other) == {"bad": 1}
    assert next(other.entries("bad")).attributes.hold_reason == "attrs.json cannot be understood"


def test_the_claim_of_another_host_is_left_alone(spool: DirectorySpool) -> None:
    claim = spool.claim(spool.create(plain(), [b"x"]))
    assert claim is not None
    claim.path.rename(claim.path.with_name(claim.id + "@elsewhere.1.abc"))
    assert spool.recover() == []
    assert states(spool) == {"busy": 1}
    assert spool.recover(all_hosts=True) == [claim.id]
    assert states(spool) == {"ready": 1}


def test_reports_are_kept_beside_the_entries(spool: DirectorySpool) -> None:
    path = spool.write_report("some.id", b"first", plain(sysout_class="R"))
    path = spool.write_report("some.id", b"second", plain(sysout_class="R"))
    assert (path.read_bytes(), path.parent.name) == (b"second", "reports")
    assert b'"class": "R"' in path.with_suffix(".json").read_bytes()


def test_initialise_can_be_repeated_and_refuses_bad_writers(spool: DirectorySpool, tmp_path: Path) -> None:
    entry = spool.create(plain(), [b""])
    spool.initialise("cssmtp")
    assert spool.select("CSSMTP") == [entry]
    assert sorted(os.listdir(tmp_path / "drop")) == ["CSSMTP"]
    with pytest.raises(ValueError, match="reserved"):
        spool.initialise("INTRDR")


def test_only_the_drop_directories_can_be_reached_by_users(spool: DirectorySpool, tmp_path: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o7777 for path in tmp_path.iterdir() if path.is_dir()}
    assert modes.pop("drop") == 0o755
    assert set(modes.values()) == {0o700}
    assert (tmp_path / "drop" / "CSSMTP").stat().st_mode & 0o7777 == 0o3733


def test_a_spool_that_is_not_there_is_empty_and_cannot_be_created_in(tmp_path: Path, clock: StoppedClock) -> None:
    spool = DirectorySpool(tmp_path / "none", clock=clock, node="N")
    assert spool.select("CSSMTP") == []
    with pytest.raises(SpoolError, match="No such file or directory"):
        spool.create(plain(), [b""])


def test_a_file_where_the_tree_should_be_is_a_spool_error(tmp_path: Path, clock: StoppedClock) -> None:
    (tmp_path / "file").write_bytes(b"")
    spool = DirectorySpool(tmp_path / "file", clock=clock, node="N")
    with pytest.raises(SpoolError, match="move away what stands"):
        spool.initialise()
    with pytest.raises(SpoolError, match="Not a directory"):
        spool.counts()


def test_a_failing_source_leaves_nothing_behind(spool: DirectorySpool, tmp_path: Path) -> None:
    def source() -> object:
        yield b"x"
        raise RuntimeError("source failed")

    with pytest.raises(RuntimeError, match="source failed"):
        spool.create(plain(), source())  # type: ignore[arg-type]
    assert os.listdir(tmp_path / "tmp") == []
    assert states(spool) == {}


class SlowServer(Disk):
    """A network disk that renames and then says that it failed (jes-spool.md 11, rule 2)."""

    def move(self, source: Path, target: Path) -> None:
        super().move(source, target)
        if target.parent.name == "busy":
            raise FileNotFoundError(2, "No such file", str(source))


def test_a_claim_that_seems_to_fail_but_succeeded_is_ours(tmp_path: Path, clock: StoppedClock) -> None:
    make_spool(tmp_path, clock)
    spool = DirectorySpool(tmp_path, clock=clock, node="N", disk=SlowServer())
    entry = spool.create(plain(), [b"x"])
    claim = spool.claim(entry)
    assert claim is not None
    assert spool.claim(entry) is not None


def test_data_that_is_gone_is_a_spool_error(spool: DirectorySpool) -> None:
    claim = spool.claim(spool.create(plain(), [b"x"]))
    assert claim is not None
    (claim.path / "data").unlink()
    with pytest.raises(SpoolError, match="No such file"):
        claim.open()
    with pytest.raises(SpoolError, match="No such file"):
        _ = claim.size
