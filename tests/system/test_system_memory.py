"""Memory stays flat, however many mails a spool file has and whatever becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateways import Spool, run_until_idle, write_configuration
from tests.postfix_sink import smtp_sink

LIMIT = 150 << 20
MAILS = 30_000


def big_deck(mails: int) -> bytes:
    """One spool file of mails of 1 KiB each."""
    body = "".join(f"{'all work and no play makes jack a dull boy ' * 2:.78}\n" for _ in range(12))
    one = f"MAIL FROM:<batch@b.example>\nRCPT TO:<c@d.example>\nDATA\nSubject: payroll\n\n{body}.\n"
    return b"HELO mvsa\n" + one.encode("ascii") * mails + b"QUIT\n"


@pytest.mark.parametrize(("options", "mails"), [((), MAILS), (("-f", "."), 6_000)], ids=["sent", "refused"])
def test_peak_memory_of_the_daemon_with_one_large_spool_file(options: tuple[str, ...], mails: int, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.drop("BIG", big_deck(mails))
    more = {"LogLevel": 7, "Undeliverable": {"ReturnToMailFrom": "NO"}} if options else {"LogLevel": 7}
    with smtp_sink(*options, dump=False) as sink:
        finished = run_until_idle(spool, write_configuration(tmp_path, {"TargetIp": "127.0.0.1", "ConnectPort": sink.port}, more))
    assert not finished.traceback
    assert finished.status == (1 if options else 0), finished.errors[-2000:]
    assert [entry.state for entry in spool.entries()] == (["held"] if options else [])
    assert finished.peak_memory < LIMIT
