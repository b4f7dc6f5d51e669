"""Input that is no deck, or a bad one, against the real daemon: the documented reply, a report, and everything else goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.gateways import Finished, Held, ReceivedMail, Spool, check, command, mail_server, run_until_idle, write_configuration
from tests.reports import listed

MEGABYTE = 1 << 20
UNKNOWN = "500 5.5.1 JES Unknown command, "
UNREADABLE = "554 5.6.0 JES Spool file cannot be read: "


def ebcdic(text: str) -> bytes:
    return text.encode("cp037")


def fixed(*records: str | bytes) -> bytes:
    return b"".join((ebcdic(record) if isinstance(record, str) else record).ljust(80, b"\x40") for record in records)


def rdw(*records: str | bytes) -> bytes:
    made = [ebcdic(record) if isinstance(record, str) else record for record in records]
    return b"".join((len(record) + 4).to_bytes(2, "big") + b"\0\0" + record for record in made)


def nl15(*records: str | bytes) -> bytes:
    return b"".join((ebcdic(record) if isinstance(record, str) else record) + b"\x15" for record in records)


def envelope(name: str) -> tuple[str, ...]:
    return (f"MAIL FROM:<{name}@b.example>", "RCPT TO:<c@d.example>", "DATA")


def deck(name: str, *text: str | bytes) -> tuple[str | bytes, ...]:
    """A deck of one mail from `name`@b.example."""
    return ("HELO MVSA", *envelope(name), *(text or ("Subject: x", "", "hello")), ".", "QUIT")


CONTROLS = bytes(byte for byte in range(0x40) if byte not in (0x0D, 0x0E, 0x0F, 0x15, 0x25))

DECLARED_NL15 = {"framing": "nl15"}


@dataclass(frozen=True, slots=True)
class Bad:
    """One file: its bytes, its sidecar, and how the replies in its report begin."""

    data: bytes
    sidecar: Mapping[str, Any] | bytes | None
    replies: tuple[str, ...]


CASES: dict[str, Bad] = {
    "truncated rdw": Bad(rdw(*deck("a"))[:-3], {"framing": "rdw"}, (UNREADABLE,)),
    "truncated len4": Bad(b"\0\0\0\x09" + ebcdic("HELO MVSA") + b"\0\0\0\x50half", {"framing": "len4"}, (UNREADABLE,)),
    "truncated fixed": Bad(fixed(*deck("a"))[:-1], {"framing": "fixed", "lrecl": 80}, (UNREADABLE,)),
    "text declared rdw": Bad(b"HELO mvsa\n", {"framing": "rdw"}, (UNREADABLE,)),
    "ascii declared ebcdic": Bad(b"HELO mvsa\n", {"framing": "lf", "encoding": "IBM-1047"}, (UNREADABLE,)),
    "utf-8 declared ascii": Bad("HELO mvsa\nÄ\n".encode(), {"framing": "lf", "encoding": "ascii"}, (UNREADABLE,)),
    "unknown code page": Bad(nl15(*deck("a")), {"framing": "nl15", "encoding": "IBM-99999"}, (UNREADABLE,)),
    "code page of a target": Bad(nl15(*deck("a")), {"framing": "nl15", "encoding": "ISO8859-1"}, (UNREADABLE,)),
    "netdata": Bad(bytes.fromhex("50E0C9D5D4D9F0F1") + bytes(72), None, (UNREADABLE,)),
    "random bytes": Bad(bytes((index * 167 + index // 7) % 256 for index in range(4001)), None, (UNREADABLE,)),
    "one byte": Bad(b"\x07", None, (UNREADABLE,)),
    "nulls only": Bad(bytes(200_001), None, (UNREADABLE,)),
    "a shell script": Bad(b"#!/bin/sh\nexit 0\n", None, (f"{UNKNOWN}'#!/bin/sh'", f"{UNKNOWN}'exit'")),
    "a line of 10 MB": Bad(
        nl15("HELO MVSA", *envelope("a"), b"\x81" * 10 * MEGABYTE, ".", *deck("long")), DECLARED_NL15,
        ("500 5.2.5 JES Text line too long",),
    ),
    "a command of 10 MB": Bad(
        nl15("HELO MVSA", b"\x81" * 10 * MEGABYTE, *deck("longcmd")), DECLARED_NL15, ("500 5.2.5 JES Command line too long",),
    ),
    "nulls in a command": Bad(
        nl15("HELO MVSA", b"MAIL\x00" + ebcdic("FROM:<nul@b.example>"), *envelope("nul")[1:], "x", "."), DECLARED_NL15,
        (UNKNOWN,),
    ),
    "limit of errors": Bad(
        nl15(*["JUNK"] * 7), DECLARED_NL15, (*[f"{UNKNOWN}'JUNK'"] * 6, "Exceeded maximum errors(5) allowed")
    ),
}  # fmt: skip

GOOD: dict[str, Bad] = {
    "empty": Bad(b"", None, ()),
    "blanks only": Bad(b"\x40" * 400, None, ()),
    "controls in a text": Bad(nl15(*deck("controls", "Subject: x", "", CONTROLS)), DECLARED_NL15, ()),
    "every byte in a text": Bad(rdw(*deck("bytes", "Subject: x", "", bytes(range(256)))), {"framing": "rdw"}, ()),
    "a text of 3 MB": Bad(rdw(*deck("large", "Subject: x", "", *[b"\x81" * 900] * 3500)), {"framing": "rdw"}, ()),
    "quoted address": Bad(nl15("HELO MVSA", 'MAIL FROM:<"a b>"@b.example>', *envelope("x")[1:], "x", "."), DECLARED_NL15, ()),
}

UNUSABLE_SIDECARS = {
    "not json": b"framing: rdw",
    "not an object": b"[1, 2]",
    "deep": b"[" * 5000,
    "not utf-8": b'{"jobname": "\xff"}',
    "unknown framing": b'{"framing": "tape"}',
    "wrong bytes": b'{"bytes": 17}',
    "huge": b'{"userdata": ["' + b"x" * 100_000 + b'"]}',
    "wrong type": b'{"lrecl": "80"}',
}


def job(index: int) -> str:
    return f"CASE{index}"


@dataclass(frozen=True, slots=True)
class Outcome:
    finished: Finished
    spool: Spool
    received: tuple[ReceivedMail, ...]


def sidecar_with_job(case: Bad, name: str) -> Mapping[str, Any] | None:
    return {**case.sidecar, "jobname": name} if isinstance(case.sidecar, dict) else None


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All cases at once, and a good deck among them."""
    scratch = tmp_path_factory.mktemp("bad")
    spool = Spool(scratch / "spool")
    for index, case in enumerate([*CASES.values(), *GOOD.values()]):
        spool.drop(job(index), case.data, sidecar_with_job(case, job(index)))
    for index, sidecar in enumerate(UNUSABLE_SIDECARS.values()):
        spool.drop(f"SIDE{index}", nl15(*deck("sidecar")), sidecar)
    os.mkfifo(spool.drop_zone / "FIFO")
    (spool.drop_zone / "LINK").symlink_to("/etc/passwd")
    (spool.drop_zone / "LONELY.json").write_bytes(b"{}")
    os.utime(spool.drop_zone / "LONELY.json", (1, 1))
    with mail_server(scratch) as server:
        finished = run_until_idle(spool, write_configuration(scratch, server.target))
        return Outcome(finished, spool, tuple(server.mails))


@pytest.mark.parametrize("name", CASES)
def test_a_bad_file_is_held_with_its_report(name: str, outcome: Outcome) -> None:
    case, job_name = CASES[name], job(list(CASES).index(name))
    assert outcome.spool.held()[job_name].attributes["hold"] == "system"
    replies = [reply for _, _, reply in listed(outcome.spool.reports()[job_name])]
    assert len(replies) >= len(case.replies)
    assert all(reply.startswith(expected) for reply, expected in zip(replies, case.replies, strict=False)), replies


@pytest.mark.parametrize("name", GOOD)
def test_an_odd_but_good_file_leaves_nothing_behind(name: str, outcome: Outcome) -> None:
    job_name = job(len(CASES) + list(GOOD).index(name))
    left = [entry for entry in outcome.spool.entries() if entry.jobname == job_name]
    assert (left, outcome.spool.reports().get(job_name)) == ([], None)


def test_the_good_mails_are_sent_once_each(outcome: Outcome) -> None:
    senders = sorted(mail.sender for mail in outcome.received)
    assert senders == sorted(
        [f"{name}@b.example" for name in ("long", "longcmd", "controls", "bytes", "large")] + ['"a b>"@b.example']
    )


def test_no_control_character_but_tab_reaches_the_server(outcome: Outcome) -> None:
    for mail in outcome.received:
        lines = mail.content.split(b"\r\n")
        assert not any(set(line) & (set(range(0x20)) - {9}) for line in lines), mail.sender
        assert max(map(len, lines)) <= 998


@pytest.mark.parametrize("name", UNUSABLE_SIDECARS)
def test_a_file_with_an_unusable_sidecar_goes_to_bad_with_a_reason(name: str, outcome: Outcome) -> None:
    dropped_as = f"CSSMTP/SIDE{list(UNUSABLE_SIDECARS).index(name)}"
    found = [entry for entry in outcome.spool.entries() if entry.attributes["drop"] == dropped_as]
    assert [entry.state for entry in found] == ["bad"]
    assert found[0].reason.startswith(f"{dropped_as}: sidecar: ")


def test_what_is_no_file_stays_and_is_told(outcome: Outcome) -> None:
    left = sorted(path.name for path in outcome.spool.drop_zone.iterdir())
    assert left == ["FIFO", "LINK", "LONELY.json"]
    assert all(name in outcome.finished.errors for name in left)


def test_the_daemon_says_so_and_ends_in_order(outcome: Outcome) -> None:
    assert (outcome.finished.status, outcome.finished.traceback) == (1, False)
    assert outcome.finished.peak_memory < 150 * MEGABYTE


def test_check_and_daemon_agree(outcome: Outcome, tmp_path: Path) -> None:
    for index, case in enumerate([*CASES.values(), *GOOD.values()]):
        (tmp_path / job(index)).write_bytes(case.data)
        sidecar = sidecar_with_job(case, job(index))
        if sidecar is not None:
            (tmp_path / f"{job(index)}.json").write_text(json.dumps(sidecar))
    finished, results = check([tmp_path])
    assert (finished.status, finished.errors) == (1, "")
    held = {name for name, result in results.items() if result["disposition"] == "hold"}
    assert held == {name for name in outcome.spool.held() if name.startswith("CASE")}
    reports = outcome.spool.reports()
    for name in held:
        reported = {reply for _, _, reply in listed(reports[name])}
        assert {error["reply"] for error in results[name]["errors"]} == reported


# --- a file of 2 GB


@pytest.mark.parametrize("sidecar", [None, {"framing": "fixed", "lrecl": 80}, {"framing": "lf", "encoding": "ascii"}])
def test_two_gigabytes_of_nothing_are_refused_within_little_memory(tmp_path: Path, sidecar: dict[str, Any] | None) -> None:
    path = tmp_path / "HUGE"
    path.touch()
    os.truncate(path, 2 << 30)
    if sidecar:
        (tmp_path / "HUGE.json").write_text(json.dumps(sidecar))
    finished, results = check([path], limit=400 * MEGABYTE)
    assert finished.status == 1
    assert results["HUGE"]["errors"][0]["reply"].startswith(UNREADABLE)
    assert finished.peak_memory < 100 * MEGABYTE


def test_a_deck_around_a_line_of_half_a_gigabyte_goes_through_the_daemon(tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    with huge.open("wb") as stream:
        stream.write(nl15("HELO MVSA", *envelope("first"), "Subject: first"))
        stream.truncate(1 << 29)
        stream.seek(0, os.SEEK_END)
        stream.write(b"\x15" + nl15(".", *envelope("second"), "Subject: second", "", "text", ".", "QUIT"))
    spool = Spool(tmp_path / "spool")
    spool.drop("HUGE", huge, DECLARED_NL15)
    with mail_server(tmp_path) as server:
        finished = run_until_idle(spool, write_configuration(tmp_path, server.target))
        assert [mail.sender for mail in server.mails] == ["second@b.example"]
    assert (finished.status, finished.traceback) == (1, False)
    assert finished.peak_memory < 150 * MEGABYTE
    assert [reply for _, _, reply in listed(spool.reports()["HUGE"])] == ["500 5.2.5 JES Text line too long"]


# --- configuration


def test_all_diagnostics_of_a_bad_configuration_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.conf"
    path.write_text("ExtWrtName TOOLONGNAME\nReprt Sysout\nJESSyntaxErrLimit 1000\nTranslate IBM-9\n")
    finished = command("run", "-c", path, "--spool", tmp_path / "spool", "--until-idle")
    assert (finished.status, finished.output, finished.traceback) == (2, "", False)
    lines = finished.errors.splitlines()
    for number in (1, 2, 3, 4):
        assert any(f"bad.conf:{number}:" in line for line in lines), (number, lines)
    assert any("TargetServer" in line for line in lines)
    assert "Report" in next(line for line in lines if ":2:" in line)  # did you mean
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("content", [b"", b"\x00" * 5000, bytes(range(256)), b"{" * 100, b"TargetServer\n{\n"])
def test_a_configuration_that_is_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.conf"
    path.write_bytes(content)
    finished = command("run", "-c", path, "--spool", tmp_path / "spool", "--until-idle")
    assert (finished.status, finished.traceback) == (2, False)
    assert finished.errors


def test_a_spool_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = write_configuration(tmp_path, {"TargetIp": "127.0.0.1"})
    finished = command("run", "-c", path, "--spool", tmp_path / "file", "--until-idle")
    assert (finished.status, finished.traceback, finished.errors.count("\n")) == (2, False, 1)


def test_held_entries_name_why(outcome: Outcome) -> None:
    held: dict[str, Held] = outcome.spool.held()
    assert all(entry.attributes["hold_reason"] for entry in held.values())
