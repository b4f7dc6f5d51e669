"""Postfix's smtp-sink as a second, independent server: what it dumps must be what the samples expect."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import samples
from tests.gateways import Spool, run_until_idle, write_configuration
from tests.postfix_sink import smtp_sink
from tests.sample_runs import aftermath_differences, mail_differences

NEEDS_TLS = {"starttls"}
"""smtp-sink has no TLS."""

FEW = {"one-mail", "dots", "paths", "null-sender", "recipients-mixed", "invoice-mime", "page-1140-euro"}
"""Samples enough where the server lacks extensions."""


@pytest.mark.parametrize("options", [(), ("-p",), ("-e",), ("-p", "-e", "-8")], ids=["all", "no pipelining", "no ESMTP", "bare"])
def test_the_samples_arrive_to_the_byte(options: tuple[str, ...], tmp_path: Path) -> None:
    chosen = [sample for sample in samples.load_all() if sample.shared and sample.name not in NEEDS_TLS]
    if options:
        chosen = [sample for sample in chosen if sample.name in FEW]
    spool = Spool(tmp_path / "spool")
    for sample in chosen:
        spool.drop_sample(sample)
    with smtp_sink(*options) as sink:
        target = {"TargetIp": "127.0.0.1", "ConnectPort": sink.port, "ConnectLimit": 10}
        finished = run_until_idle(spool, write_configuration(tmp_path, target, samples.SHARED_CONFIGURATION))
        received = tuple(sink.mails())
    assert not finished.traceback
    assert mail_differences(chosen, received) == []
    assert aftermath_differences(chosen, spool) == []


def test_mails_that_need_tls_stay_where_they_are_with_a_server_that_has_none(tmp_path: Path) -> None:
    chosen = [sample for sample in samples.load_all() if sample.name in NEEDS_TLS]
    spool = Spool(tmp_path / "spool")
    spool.drop_sample(chosen[0])
    with smtp_sink() as sink:
        run_until_idle(spool, write_configuration(tmp_path, {"TargetIp": "127.0.0.1", "ConnectPort": sink.port}))
        assert [mail.recipients for mail in sink.mails()] == [("control-desk@example.net",)]
