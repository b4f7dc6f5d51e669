"""ezbmcopy against a model: whatever crashes, fails and is changed, each mailer sees each file at most once, in the end once."""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cssmtp.errors import SpoolError
from cssmtp.spool.directory import DirectorySpool
from ezbmcopy.duplicate import Copier, run
from ezbmcopy.plan import Plan, plan_of_options
from ezbmcopy.report import Report
from tests.dying import Death, Dying, death, full
from tests.spoolkit import StoppedClock, drop, plain

TARGETS = (("SMTPD1", "CSSMTP"), ("SMTPD1",), ("NEWMAIL", "CSSMTP"))


def plan(targets: tuple[str, ...], at_end: bool) -> Plan:
    made, problems = plan_of_options("SMTPD", list(targets))
    assert made is not None, problems
    return Plan(made.source, made.copies, at_end)


class Copying(RuleBasedStateMachine):
    """Files come, the copier dies or its disk fails at some step, mailers take what they see, an operator holds and releases."""

    @initialize()
    def begin(self) -> None:
        self.scratch = tempfile.TemporaryDirectory(prefix="ezbmcopy-model-")
        self.root = Path(self.scratch.name)
        self.clock = StoppedClock()
        self.spool = DirectorySpool(self.root, clock=self.clock, node="NODE1", settle_seconds=0.0)
        self.spool.initialise("SMTPD")
        self.data: dict[str, bytes] = {}
        self.seen: Counter[tuple[str, str]] = Counter()
        self.targets = TARGETS[0]

    def _data(self) -> tuple[str, bytes]:
        name = f"J{len(self.data)}"
        self.data[name] = name.encode() * 3
        return name, self.data[name]

    @rule(keep=st.booleans(), priority=st.sampled_from([1, 128]))
    def a_file_is_created(self, keep: bool, priority: int) -> None:
        name, data = self._data()
        outdisp = "KEEP" if keep else "WRITE"
        self.spool.create(plain(writer="SMTPD", jobname=name, outdisp=outdisp, priority=priority), [data])

    @rule()
    def a_file_is_dropped(self) -> None:
        name, data = self._data()
        drop(self.root, name, data, writer="SMTPD")

    @rule(deck=st.sampled_from(TARGETS))
    def the_deck_is_changed(self, deck: tuple[str, ...]) -> None:
        self.targets = deck

    @rule(steps=st.integers(0, 80), dies=st.booleans(), at_end=st.booleans())
    def ezbmcopy_runs_into_trouble(self, steps: int, dies: bool, at_end: bool) -> None:
        self._run(Dying(steps, death if dies else full), at_end)

    @rule(at_end=st.booleans())
    def ezbmcopy_runs(self, at_end: bool) -> None:
        assert self._run(Dying(10**9, death), at_end) == 0
        assert self.spool.select("SMTPD") == []

    def _run(self, disk: Dying, at_end: bool) -> int:
        """The return code, -1 when the process died."""
        spool = DirectorySpool(self.root, clock=self.clock, node="NODE1", settle_seconds=0.0, disk=disk)
        try:
            copier = Copier(spool, plan(self.targets, at_end), Report(io.StringIO(), self.clock))
            return run(copier, until_idle=True, pause=self.clock.forward)
        except Death:
            return -1
        finally:
            spool.close()

    @rule()
    def an_operator_holds_and_releases_the_oldest(self) -> None:
        for entry in self.spool.select("SMTPD", 1):
            self.spool.hold(entry)
        for entry in list(self.spool.entries("held")):
            self.spool.release(entry)

    @rule()
    def another_gateway_recovers(self) -> None:
        self.spool.recover()

    @rule()
    def the_mailers_work(self) -> None:
        for writer in ("SMTPD1", "CSSMTP", "NEWMAIL"):
            for entry in self.spool.select(writer):
                claim = self.spool.claim(entry)
                assert claim is not None
                name = claim.attributes.jobname
                with claim.open() as stream:
                    assert stream.read() == self.data[name]
                self.seen[writer, name] += 1
                claim.purge()

    @invariant()
    def nobody_sees_a_file_twice(self) -> None:
        if hasattr(self, "seen"):
            assert all(number == 1 for number in self.seen.values())

    def teardown(self) -> None:
        """In the end every file has been seen: by the mailers of the deck it was begun with."""
        if not hasattr(self, "seen"):
            return
        self.an_operator_holds_and_releases_the_oldest()
        try:
            self.ezbmcopy_runs(False)
            self.an_operator_holds_and_releases_the_oldest()
            self.ezbmcopy_runs(False)
            self.the_mailers_work()
            self.nobody_sees_a_file_twice()
            for name in self.data:
                assert tuple(sorted(writer for writer, each in self.seen if each == name)) in {
                    tuple(sorted(t)) for t in TARGETS
                }, name
            assert sum(self.spool.counts().values()) == 0
            assert list((self.root / "tmp").iterdir()) == []
        except SpoolError as fault:
            raise AssertionError(str(fault)) from fault
        finally:
            self.spool.close()
            self.scratch.cleanup()


Copying.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestCopying = Copying.TestCase
