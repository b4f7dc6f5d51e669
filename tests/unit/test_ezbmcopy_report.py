"""The report's lines about copies that go to a destination, or appear at the end."""

from __future__ import annotations

import io

from ezbmcopy.plan import Plan, plan_of_options
from ezbmcopy.report import Report
from tests.spoolkit import StoppedClock, plain


def test_destinations_and_spin_no_are_named() -> None:
    made, problems = plan_of_options("SMTPD", ["DEST=N1.MAIL", "CSSMTP"])
    assert made is not None, problems
    stream = io.StringIO()
    report = Report(stream, StoppedClock())
    report.plan(Plan(made.source, made.copies, at_end=True))
    report.copied(plain(jobid="JOB00001", dsid=104, owner="OPS", records=1234), 98720, made, resumed=None)
    assert stream.getvalue().splitlines() == [
        "EZBMCOPY 2026-11-22 12:00:00 copies files for writer or destination SMTPD",
        "  OUT1: destination N1.MAIL",
        "  OUT2: writer CSSMTP",
        "  SPIN=NO: copies become visible when this run ends",
        "12:00:00 copied    JOB1 JOB00001 D0000104 of OPS, 1,234 records, 98,720 bytes, to N1.MAIL and CSSMTP",
    ]
