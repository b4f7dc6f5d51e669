"""The fifteen rows of ezatmail.md 5, in order, each on the mail that the gateway reads out of the drop directory."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.ezatmailkit import Bridge

THREE = b"From: a@example.com\nTo: to@x.example\nCc: cc@x.example\nBcc: bcc@x.example\nSubject: s\n\nHello\n"


@pytest.fixture
def bridge(tmp_path: Path) -> Bridge:
    return Bridge(tmp_path)


def test_row_01_recipients_from_to_cc_and_bcc(bridge: Bridge) -> None:
    assert bridge.call("-t", "-i", stdin=THREE).status == 0
    mail = bridge.mail()
    assert mail.recipients == ("to@x.example", "cc@x.example", "bcc@x.example")
    assert mail.text == THREE.replace(b"Bcc: bcc@x.example\n", b"").replace(b"\n", b"\r\n")


def test_row_02_bcc_is_removed_without_t_too(bridge: Bridge) -> None:
    assert bridge.call("x@y.example", stdin=THREE).status == 0
    mail = bridge.mail()
    assert mail.recipients == ("x@y.example",)
    assert b"bcc" not in mail.text.lower()
    assert b"To: to@x.example\r\nCc: cc@x.example" in mail.text


def test_row_03_t_and_arguments_are_united(bridge: Bridge) -> None:
    assert bridge.call("-t", "other@x.example", "cc@X.EXAMPLE", stdin=THREE).status == 0
    assert bridge.mail().recipients == ("other@x.example", "cc@X.EXAMPLE", "to@x.example", "bcc@x.example")


@pytest.mark.parametrize("switch", ["-i", "-oi", "-oitrue", "-ti"])
def test_row_04_lone_dot_with_i_is_data(bridge: Bridge, switch: str) -> None:
    assert bridge.call(switch, "x@y.example", stdin=THREE + b".\nmore\n").status == 0
    assert bridge.mail().body == b"Hello\r\n.\r\nmore\r\n"
    assert b"\x15\x4b\x4b\x15" in bridge.files()[0].read_bytes()


@pytest.mark.parametrize("end", [b".\n", b".\r\n", b"."])
def test_row_04_lone_dot_without_i_ends_the_input(bridge: Bridge, end: bytes) -> None:
    more = b"" if end == b"." else b"more\n"
    assert bridge.call("x@y.example", stdin=THREE + end + more).status == 0
    assert bridge.mail().body == b"Hello\r\n"


def test_row_05_two_dots(bridge: Bridge) -> None:
    assert bridge.call("x@y.example", stdin=THREE + b"..x\n").status == 0
    assert bridge.call("-i", "x@y.example", stdin=THREE + b"..x\n.y\n").status == 0
    first, second = bridge.mails()
    assert first.body == b"Hello\r\n.x\r\n"
    assert second.body == b"Hello\r\n..x\r\n.y\r\n"
    assert b"\x4b\x4b\x4b\xa7\x15" in bridge.files()[1].read_bytes()


@pytest.mark.parametrize(
    ("words", "sender"),
    [
        (["-f", ""], ""),
        (["-f", "<>"], ""),
        (["-f<>"], ""),
        (["-f", "a@b.example"], "a@b.example"),
        (["-fa@b.example"], "a@b.example"),
        (["-r", "a@b.example"], "a@b.example"),
        (["-f", "<a@b.example>"], "a@b.example"),
        (["-f", "A B <a@b.example>"], "a@b.example"),
        (["-f", "root"], "root@example.com"),
        (["-f", "first@b.example", "-f", "last@b.example"], "last@b.example"),
    ],
)
def test_row_06_envelope_sender(bridge: Bridge, words: list[str], sender: str) -> None:
    assert bridge.call(*words, "x@y.example", stdin=THREE).status == 0
    assert bridge.mail().sender == sender


def test_row_07_the_line_of_cronie(bridge: Bridge) -> None:
    words = ["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"]
    assert bridge.call(*words, stdin=b"To: ops\nSubject: Cron\n\nout\n").status == 0
    mail = bridge.mail()
    assert (mail.sender, mail.recipients) == ("root@example.com", ("ops@example.com",))
    assert b"From: CronDaemon <root@example.com>\r\n" in mail.text


def test_row_08_recipient_with_a_hyphen(bridge: Bridge) -> None:
    assert bridge.call("-i", "--", "-weird@example.com", stdin=THREE).status == 0
    assert bridge.mail().recipients == ("-weird@example.com",)


@pytest.mark.parametrize(
    ("words", "text"),
    [([], THREE), (["-t"], b"Subject: s\n\nx\n"), (["-t"], b"no header\n"), ([""], THREE), (["-t"], b"To: undisclosed:;\n\nx\n")],
)
def test_row_09_nobody_to_send_to(bridge: Bridge, words: list[str], text: bytes) -> None:
    result = bridge.call(*words, stdin=text)
    assert result.status == 64
    assert "no recipients" in result.errors
    assert not bridge.files()


def test_row_10_unknown_switches_are_refused_unknown_options_are_not(bridge: Bridge) -> None:
    result = bridge.call("-Z", "x@y.example", stdin=THREE)
    assert (result.status, result.errors) == (64, "sendmail: unknown switch -Z\n")
    assert not bridge.files()
    assert bridge.call("-oZz", "-OUnheard=of", "x@y.example", stdin=THREE).status == 0
    assert bridge.mail().recipients == ("x@y.example",)


def test_row_11_killed_before_the_end_of_the_message(bridge: Bridge) -> None:
    process = subprocess.Popen([bridge.bin / "sendmail", "-t", "-i"], stdin=subprocess.PIPE, env=bridge.environment)
    assert process.stdin is not None
    process.stdin.write(THREE)
    process.stdin.flush()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdin.close()
    assert [*bridge.drop.iterdir()] == []


def test_row_12_headers_of_every_shape(bridge: Bridge) -> None:
    text = (
        b'To: "Last, First" <one@x.example>,\n two@x.example (a comment, with a comma),\n\tFriends: three@x.example,\n'
        b' "four, five"@x.example;, (only\n a comment)\nCc: six@x.example\n'
        b"cc: <@hop.example:seven@x.example>, undisclosed-recipients:;\nApparently-To: eight@[192.0.2.1]\n\nHello\n"
    )
    assert bridge.call("-t", stdin=text).status == 0
    assert bridge.mail().recipients == (
        "one@x.example", "two@x.example", "three@x.example", '"four, five"@x.example', "six@x.example", "seven@x.example",
        "eight@[192.0.2.1]",
    )  # fmt: skip


def test_row_13_long_lines_are_never_split_inside_a_word(bridge: Bridge) -> None:
    long = b"word" * 300
    assert bridge.call("x@y.example", stdin=b"Subject: s\n\n" + long + b"\n").status == 0
    assert bridge.mail().content == long.decode() + "\n"
    bridge.clear()
    assert bridge.call("x@y.example", stdin=b"Subject: " + b"word " * 300 + b"end\n\nx\n").status == 0
    mail = bridge.mail()
    assert max(map(len, mail.lines)) <= 998
    assert mail.message["subject"].split() == ["word"] * 300 + ["end"]
    bridge.clear()
    result = bridge.call("x@y.example", stdin=b"Subject: " + long + b"\n\nx\n")
    assert (result.status, bridge.files()) == (65, [])
    assert "header field subject" in result.errors


def test_row_14_names_mailq_and_newaliases(bridge: Bridge) -> None:
    assert bridge.run(name="mailq").output == "Mail queue is empty\n"
    bridge.conf.write_text(bridge.conf.read_text() + f"O AliasFile={bridge.directory / 'aliases'}\n")
    (bridge.directory / "aliases").write_text("a: b\nc: d@e.example\n")
    assert bridge.run(name="newaliases").output.endswith("2 aliases\n")


def test_row_15_two_thousand_and_one_recipients(bridge: Bridge) -> None:
    people = [f"r{number}@x.example" for number in range(2001)]
    assert bridge.call(*people, stdin=THREE).status == 0
    first, second = bridge.mails()
    assert [*first.recipients, *second.recipients] == people
    assert len(first.recipients) == 2000
    assert first.text == second.text
    assert len(bridge.files()) == 1


def test_resent_fields_alone_count_when_there_are_any(bridge: Bridge) -> None:
    """ezatmail.md 3.6."""
    text = b"Resent-From: a@x.example\nResent-To: r@x.example\nResent-Bcc: s@x.example\n" + THREE
    assert bridge.call("-t", stdin=text).status == 0
    mail = bridge.mail()
    assert mail.recipients == ("r@x.example", "s@x.example")
    assert b"Resent-Bcc" not in mail.text
    bridge.clear()
    assert bridge.call("-t", stdin=b"Resent-From: a@x.example\n" + THREE).status == 64


def test_what_is_added_to_a_header_and_what_is_not(bridge: Bridge) -> None:
    """ezatmail.md 6.2, step 6: From, and a group when nobody is named; Date and Message-ID are the gateway's."""
    assert bridge.call("-f", "s@x.example", "r@x.example", stdin=b"Return-Path: <x@y>\nSubject: s\nBcc: b@x\n\nx\n").status == 0
    assert bridge.mail().header == b"Subject: s\r\nFrom: s@x.example\r\nTo: undisclosed-recipients:;"


def test_first_line_from_is_dropped_and_others_stay(bridge: Bridge) -> None:
    """ezatmail.md 3.8."""
    assert bridge.call("r@x.example", stdin=b"From me Mon Jan 1 00:00:00 2026\n" + THREE + b"From here on\n").status == 0
    assert bridge.mail().body == b"Hello\r\nFrom here on\r\n"


def test_carriage_returns_before_line_ends_go(bridge: Bridge) -> None:
    """ezatmail.md 3.8, 6.2 step 3."""
    assert bridge.call("-i", "r@x.example", stdin=THREE.replace(b"\n", b"\r\n") + b"two\r\r\nthree\r").status == 0
    assert bridge.mail().body == b"Hello\r\ntwo\r\nthree\r\n"
    assert b"charset" not in bridge.mail().text


def test_no_blank_line_between_header_and_body(bridge: Bridge) -> None:
    """ezatmail.md 3.7: what is missing is added all the same."""
    assert bridge.call("r@x.example", stdin=b"Subject: s\nno field here\nTo: not a field any more\n").status == 0
    mail = bridge.mail()
    assert mail.body == b"no field here\r\nTo: not a field any more\r\n"
    assert b"\r\nTo: undisclosed-recipients:;\r\n\r\n" in mail.text
