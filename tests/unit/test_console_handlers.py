"""Every command against a running gateway (operator-commands.md 2, 3 and 12)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from cssmtp.observe.events import (
    CommandReceived,
    CommandRefused,
    ConfigurationRefreshed,
    ConfigurationRemark,
    LongRetryFlushed,
    MailEnded,
    MailRetry,
    ProcessingResumed,
    ProcessingSuspended,
    RefreshRefused,
    SpoolFileClaimed,
    SpoolFileEnded,
    TargetUp,
    ValueKept,
)
from cssmtp.observe.readings import ExtendedReading
from tests.enginekit import deck
from tests.misbehaving import MisbehavingServer
from tests.operating import Running, running

NOWHERE = {"TargetIp": "127.0.0.1", "ConnectPort": 9}
ONE = deck(("ops@example.test", ("bob@example.test",)))


def to(server: MisbehavingServer, **more: object) -> dict[str, object]:
    return {"TargetIp": "127.0.0.1", "ConnectPort": server.port, **more}


async def ended(here: Running, files: int = 1) -> None:
    await here.until(lambda: len(here.told(SpoolFileEnded)) == files)


async def test_every_display_answers_in_text_and_json(tmp_path: Path) -> None:
    async with running(tmp_path, {}, NOWHERE) as here:
        for operands, title in (
            ("DISPLAY,CONFIG", "EZD1829I"),
            ("D,IP", "BMG0851I"),
            ("d,log", "BMG0852I"),
            ("D,SP", "BMG0853I"),
            ("D,SP,S", "BMG0853I"),
            ("D,SP,D", "BMG0854I"),
            ("D,SP,D,ALL", "BMG0854I"),
            ("D,TAR", "BMG0855I"),
            ("D,TAR,ADDR=127.0.0.1", "BMG0855I"),
        ):
            text = await here.say(operands)
            assert (text.status, text.text.split()[0]) == (0, title), operands
            found = await here.say(operands, as_json=True)
            assert (found.status, json.loads(found.text)["id"]) == (0, title)


@pytest.mark.parametrize(
    ("operands", "why"),
    [
        ("D,XYZ", "not known here"),
        ("REFR", "too short for REFRESH or REFRESHIPlist or REFRESHTargets; capitals"),
        ("D,SP,D,TKID=999", "no task has the id 999"),
        ("FLUSHR,TKID=999", "no task has the id 999"),
        ("FLUSHR,AGE=1", "there is no extended retry"),
        ("D,TAR,ADDR=192.0.2.77", "no target server has the address"),
        ("LOG,LEVEL=256", "a number from 0 to 255"),
        ("USER,LEVEL=VERSION9", "one of NONE"),
        ("USER,LEVEL=VERSION3", "no entry point version3"),
    ],
)
async def test_a_wrong_operand_gets_one_line_and_changes_nothing(tmp_path: Path, operands: str, why: str) -> None:
    async with running(tmp_path, {}, NOWHERE) as here:
        before = here.gateway.steering.settings.now
        answer = await here.say(operands)
        assert answer.status == 1
        assert answer.text.startswith("BMG0857E ")
        assert answer.text.count("\n") == 1
        assert why in answer.text
        assert here.gateway.steering.settings.now is before
        (refused,) = here.told(CommandRefused)
        assert why in refused.reason


async def test_a_command_for_another_procedure_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, {}, NOWHERE) as here:
        assert (await here.say("D,TAR", procedure="cssmtp")).status == 0
        answer = await here.say("D,TAR", procedure="OTHER")
        assert (answer.status, "this gateway is CSSMTP, not OTHER" in answer.text) == (1, True)
        assert len(here.told(CommandReceived)) == 2


async def test_suspend_takes_no_new_files_and_resume_does(tmp_path: Path) -> None:
    async with MisbehavingServer() as server, running(tmp_path, {}, to(server)) as here:
        assert "SUSPENDED DELAY" in (await here.say("SUS,D")).text
        assert "STATE              : SUSPENDED DELAY" in (await here.say("D,CONF")).text
        here.drop("A", ONE)
        await here.until(lambda: (tmp_path / "spool" / "ready").glob("*/*"))
        await here.say("SUSPEND,DELAY")
        assert len(here.told(ProcessingSuspended)) == 1
        assert here.told(SpoolFileClaimed) == []
        assert "ACTIVE" in (await here.say("RES")).text
        await ended(here)
        assert len(here.told(ProcessingResumed)) == 1
        assert len(server.accepted) == 1


async def test_suspend_immediate_stops_reading_of_files_in_progress_and_loses_nothing(tmp_path: Path) -> None:
    mails = 5_000
    data = deck(*((f"s{number}@example.test", ("bob@example.test",)) for number in range(mails)), text="x" * 300)
    async with MisbehavingServer() as server, running(tmp_path, {}, to(server)) as here:
        here.drop("LONG", data)
        await here.until(lambda: server.accepted)
        assert "SUSPENDED IMMEDIATE" in (await here.say("SUSPEND")).text
        await here.until(lambda: not here.gateway.gauges().waiting)
        for _ in range(3):
            await here.say("D,SP")
        (task,) = here.gateway.snapshot(0).tasks
        assert task.read < mails
        assert here.told(SpoolFileEnded) == []
        await here.say("RESUME")
        await ended(here)
        assert len(server.accepted) == mails


async def test_flushretry_ends_long_retry_of_the_task(tmp_path: Path) -> None:
    retry = {
        "RetryLimit": {"Count": 5, "Interval": 60},
        "Undeliverable": {"ReturnToMailFrom": "No", "DeadLetterAction": "Delete"},
    }
    async with MisbehavingServer(faults={"mail": "451"}) as server, running(tmp_path, retry, to(server)) as here:
        here.drop("A", ONE)
        await here.until(lambda: here.told(MailRetry))
        summary = json.loads((await here.say("D,SP", as_json=True)).text)["records"][0]
        assert (summary["pending"], summary["long_retry"], summary["state"]) == (0, 1, "LONG RETRY")
        assert "CURRENT RETRY      : 1" in (await here.say("D,TAR")).text
        detail = json.loads((await here.say(f"D,SP,D,TKID={summary['tkid']}", as_json=True)).text)["records"][0]
        assert detail["oldest_retry"] is not None
        answer = await here.say(f"FLUSHR,TKID={summary['tkid']}")
        assert (answer.status, "for mails: 1" in answer.text) == (0, True)
        await ended(here)
        assert here.told(LongRetryFlushed)[0].mails == 1


async def test_loglevel_lasts_until_a_refresh_that_changes_it(tmp_path: Path) -> None:
    async with running(tmp_path, {"LogLevel": 7}, NOWHERE) as here:
        await here.say("LOGLEVEL,LEVEL=255")
        assert "LOGLEVEL             : 255" in (await here.say("D,LOG")).text
        await here.say("REFRESH")
        assert "LOGLEVEL             : 255" in (await here.say("D,LOG")).text
        here.configure({"LogLevel": 3}, NOWHERE)
        await here.say("REFRESH")
        assert "LOGLEVEL             : 3" in (await here.say("D,LOG")).text


async def test_refresh_takes_what_may_change_and_tells_what_may_not(tmp_path: Path) -> None:
    async with running(tmp_path, {"JESSyntaxErrLimit": 5}, NOWHERE) as here:
        changed = {"JESSyntaxErrLimit": 9, "ExtWrtName": "OTHER", "ChkPointSizeLimit": 65000, "Options": {"TestMode": "Yes"}}
        here.configure(changed, {**NOWHERE, "TargetIp": "127.0.0.2"})
        answer = await here.say("REFRESH")
        assert answer.status == 0
        now = here.gateway.steering.settings.now
        assert (now.jes_syntax_error_limit, now.ext_writer_name, now.checkpoint_limit) == (9, "CSSMTP", 64000)
        assert not now.options.test_mode
        assert len(here.told(ValueKept)) == answer.text.count("cannot take effect") == 3
        assert here.log.text.count("BMG0809W") == 3
        assert here.told(ConfigurationRefreshed)[0].kept == 3
        await here.until(lambda: [target.address for target in here.gateway.snapshot(0).targets] == ["127.0.0.2"])


@pytest.mark.parametrize("spoiled", ["wrong", "missing", "directory"])
async def test_a_wrong_file_changes_nothing_and_every_mistake_is_told(tmp_path: Path, spoiled: str) -> None:
    async with running(tmp_path, {}, NOWHERE) as here:
        before = here.gateway.steering.settings.now
        path = tmp_path / "cssmtp.conf"
        path.unlink()
        errors = 1
        if spoiled == "wrong":
            path.write_text("Nonsense 1\nLogLevel 999\nBadSpoolDisp Sometimes\n")
            errors = 4  # and there is no TargetServer
        elif spoiled == "directory":
            path.mkdir()
        answer = await here.say("REFRESH")
        assert answer.status == 1
        assert answer.text.count("error") == len(answer.text.splitlines()) - 1 == errors
        assert here.gateway.steering.settings.now is before
        assert here.told(RefreshRefused)[0].errors == errors
        assert here.log.text.count("BMG0103E") == errors == len(here.told(ConfigurationRemark))


async def test_refreshiplist_and_refreshtargets_are_done(tmp_path: Path) -> None:
    async with MisbehavingServer() as server, running(tmp_path, {}, to(server)) as here:
        assert (await here.say("REFRESHIP")).status == 0
        assert (await here.say("REFRESHT")).status == 0
        await here.until(lambda: here.told(TargetUp))


async def test_in_test_mode_there_are_no_targets_to_refresh(tmp_path: Path) -> None:
    async with running(tmp_path, {"Options": {"TestMode": "Yes"}}, NOWHERE) as here:
        assert (await here.say("REFRESHIP")).status == 1
        here.configure({"Options": {"TestMode": "Yes"}, "Report": "Admin", "MailAdministrator": "a@b.test"}, NOWHERE)
        assert "Report Admin cannot take effect" in (await here.say("REFRESH")).text


async def test_stop_stops(tmp_path: Path) -> None:
    async with running(tmp_path, {}, NOWHERE) as here:
        reply = await here.operator.obey("STOP", "CSSMTP", "", "root")
        assert reply.ok
        assert here.gateway._stop_reason == "operator command"


async def test_what_is_neither_modify_nor_stop_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, {}, NOWHERE) as here:
        assert not (await here.operator.obey("START", "-", "", "root")).ok
        assert not (await here.operator.obey("", "-", "", "root")).ok


async def test_a_fault_of_ours_in_a_command_costs_the_gateway_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, {}, NOWHERE) as here:
        here.operator._snapshot = lambda: 1 // 0  # type: ignore[method-assign,assignment,return-value]
        answer = await here.say("D,TAR")
        assert (answer.status, "ZeroDivisionError" in answer.text) == (1, True)
        assert (await here.say("RES")).status == 0


async def test_snapshot_is_everything_as_json(tmp_path: Path) -> None:
    async with running(tmp_path, {}, NOWHERE) as here:
        reply = await here.operator.obey("SNAPSHOT", "-", "", "root")
        data = json.loads(reply.render(as_json=True))
        assert (data["ok"], data["job"], data["activity"], data["ready"]) == (True, "CSSMTP", "ACTIVE", True)
        assert "configuration" not in data
        await asyncio.sleep(0)


async def test_extended_retry_begins_and_ends_by_refresh_and_is_flushed_by_age(tmp_path: Path) -> None:
    none = {"RetryLimit": {"Count": 0}, "Undeliverable": {"ReturnToMailFrom": "No", "DeadLetterAction": "Delete"}}
    some = {**none, "ExtendedRetry": {"Age": 5, "Interval": 30, "MailDirectory": f"{tmp_path}/extended/"}}
    async with MisbehavingServer(faults={"mail": "451"}) as server, running(tmp_path, none, to(server)) as here:
        assert "INACTIVE" in (await here.say("D,TAR")).text
        here.configure(some, to(server))
        assert (await here.say("REFRESH")).status == 0
        here.drop("A", ONE)
        await ended(here)
        assert "CURRENT            : 1" in (await here.say("D,TAR")).text
        assert "for mails" not in (await here.say("FLUSHR,AGE=x")).text
        assert "of 1 days or more: 0" in (await here.say("FLUSHR,AGE=1")).text
        assert "of 0 days or more: 1" in (await here.say("FLUSHR,AGE=0")).text
        await here.until(lambda: here.told(MailEnded))
        here.configure(none, to(server))
        assert (await here.say("REFRESH")).status == 0
        here.drop("B", ONE)
        await ended(here, 2)
        assert here.gateway.snapshot(0).extended == ExtendedReading(current=0, total=1, expired=1)
        assert here.told(SpoolFileEnded)[1].counts.undeliverable == 1


async def test_extended_retry_that_cannot_begin_is_told_and_all_else_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    some = {"ExtendedRetry": {"MailDirectory": f"{tmp_path}/file/extended/"}, "JESSyntaxErrLimit": 9}
    async with MisbehavingServer() as server, running(tmp_path, {}, to(server)) as here:
        here.configure(some, to(server))
        assert (await here.say("REFRESH")).status == 0
        assert here.gateway.steering.settings.now.jes_syntax_error_limit == 9
        here.drop("A", ONE)
        await ended(here)
        assert len(server.accepted) == 1
