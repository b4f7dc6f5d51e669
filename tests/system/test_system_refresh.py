"""REFRESH under load: not one mail lost or repeated, whatever the operator changes (operator-commands.md 3)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from cssmtp.observe.events import ConfigurationRefreshed, InternalError, RefreshRefused, SpoolFileEnded
from tests.enginekit import deck
from tests.misbehaving import MisbehavingServer
from tests.operating import running

FILES, MAILS = 4, 1_500


def variants(first: dict[str, Any], second: dict[str, Any]) -> list[tuple[dict[str, Any], tuple[dict[str, Any], ...]]]:
    """Configurations to go through in turn: order, number and limits of targets, timers, headers, retry."""
    return [
        ({}, (first, second)),
        ({"RetryLimit": {"Count": 9, "Interval": 2}}, (second, first)),
        ({"Timeout": {"DataTerm": 500, "ConnectIdle": 60}}, (second,)),
        ({"Header": {"Date": "No", "UserInfo": "No"}, "JESSyntaxErrLimit": 50}, ({**first, "ConnectLimit": 2}, second)),
        ({"BadSpoolDisp": "Delete"}, ({**first, "MaxMsgSent": 40},)),
        ({"LogLevel": 15, "Options": {"TLSEhlo": "Yes"}}, ({**second, "Charset": "UTF-8"}, first)),
    ]


async def test_refresh_under_load_loses_and_repeats_nothing(tmp_path: Path) -> None:
    async with MisbehavingServer() as one, MisbehavingServer() as two:
        await two.vanish()
        await two.listen(two.port, "127.0.0.2")
        first = {"TargetIp": "127.0.0.1", "ConnectPort": one.port}
        second = {"TargetIp": "127.0.0.2", "ConnectPort": two.port}
        settings = variants(first, second)
        wanted = [f"f{file}m{mail}@example.test" for file in range(FILES) for mail in range(MAILS)]
        async with running(tmp_path, *_flat(settings[0])) as here:
            for file in range(FILES):
                senders = wanted[file * MAILS : (file + 1) * MAILS]
                here.drop(f"F{file}", deck(*((sender, ("bob@example.test",)) for sender in senders), text="x" * 200))
            turns = 0
            while len(here.told(SpoolFileEnded)) < FILES:
                turns += 1
                statements, targets = settings[turns % len(settings)]
                here.configure(statements, *targets)
                assert (await here.say("REFRESH")).status == 0
                if turns % 5 == 0:
                    (tmp_path / "cssmtp.conf").write_text("Nonsense\n")
                    assert (await here.say("REFRESH")).status == 1
                if turns % 7 == 0:
                    await here.say("REFRESHT")
                taken = len(one.accepted) + len(two.accepted)
                await here.until(lambda: len(one.accepted) + len(two.accepted) >= min(taken + 60, len(wanted)))  # noqa: B023
                if taken == len(wanted):
                    await here.until(lambda: len(here.told(SpoolFileEnded)) == FILES)
            assert here.told(InternalError) == []
            assert len(here.told(ConfigurationRefreshed)) == turns > 20
            assert len(here.told(RefreshRefused)) == turns // 5
            assert all(event.variant == "clean" for event in here.told(SpoolFileEnded))
        got = Counter(mail.sender for server in (one, two) for mail in server.accepted)
        assert set(got) == set(wanted)
        assert max(got.values()) == 1
        assert one.accepted
        assert two.accepted


def _flat(setting: tuple[dict[str, Any], tuple[dict[str, Any], ...]]) -> tuple[dict[str, Any], ...]:
    statements, targets = setting
    return (statements, *targets)
