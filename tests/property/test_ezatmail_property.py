"""Any bytes on standard input and any words on the command line: no traceback, and what is spooled is what was given."""

from __future__ import annotations

import email
import email.header
import tempfile
from collections.abc import Iterator
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cssmtp.ezatmail.addresses import AddressError, addresses, key
from cssmtp.ezatmail.message import read_input
from cssmtp.ezatmail.refusal import Refusal
from tests.ezatmailkit import Bridge

STATUSES = {0, 64, 65, 69, 71, 73, 75, 77, 78}
"""Every exit status but 70, which would be a fault of ours (ezatmail.md 6.5)."""


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    with tempfile.TemporaryDirectory() as directory:
        yield Bridge(Path(directory), "O AliasFile=/nonexistent\n")


SWITCHES = st.sampled_from(
    [
        "-t",
        "-i",
        "-v",
        "-n",
        "-d",
        "-f",
        "-r",
        "-F",
        "-oi",
        "-oeq",
        "-oem",
        "-odi",
        "-om",
        "-bm",
        "-bp",
        "-bi",
        "-bs",
        "-bv",
        "-ba",
        "-q",
        "-q30m",
        "-Ac",
        "-B8BITMIME",
        "-Bx",
        "-Nnever",
        "-Rfull",
        "-Vx+41",
        "-h3",
        "-h",
        "-U",
        "-G",
        "-m",
        "--",
        "-O",
        "-L",
        "-X",
        "-M",
        "-C",
        "-I",
        "-ti",
        "-oA",
    ]
)
WORDS = st.lists(SWITCHES | st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=12), max_size=6)
HEADER_LINES = st.sampled_from(
    [b"To: a@x.example", b"Cc: B <b@x.example>, c", b"Bcc: d@x.example", b"Subject: caf\xc3\xa9", b"From: \xfcml <e@x.example>",
     b" folded",
     b"Content-Type: text/plain; charset=utf-8", b"Content-Type: multipart/mixed; boundary=b", b"Resent-To: f@x.example",
     b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable", b"From ", b"", b"--b", b"--b--", b".",
     b"..",
     b"x" * 999, b"\x00", b"trailing ", b"caf\xe9", b"A" * 79 + b"<", b"MAIL FROM:<evil@x.example>"]
)  # fmt: skip
INPUT = st.lists(HEADER_LINES | st.binary(max_size=30), max_size=12).map(b"\n".join)


@settings(max_examples=150, deadline=None)
@given(words=WORDS, text=INPUT | st.binary(max_size=200))
def test_nothing_makes_it_stumble(bridge: Bridge, words: list[str], text: bytes) -> None:
    bridge.clear()
    safe = [word for word in words if word != "-C"]
    result = bridge.call(*safe, stdin=text)
    assert result.status in STATUSES, result
    assert "Traceback" not in result.errors
    mails = bridge.mails()
    assert result.status == 0 or not mails or "-bs" in safe
    assert all(len(line) <= 998 for mail in mails for line in mail.lines)


LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=90), max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    lines=LINES,
    tail=st.sampled_from(["", "A" * 79 + "<", ".", "..", "x" * 998, "." + "x" * 997, "x" * 5000, "-- ", "é" * 998, "€<"]),
)
def test_the_text_arrives(bridge: Bridge, lines: list[str], tail: str) -> None:
    """Whatever the characters, a reader sees the text that went in; and the envelope is the one that was asked for."""
    bridge.clear()
    text = "".join(f"{line}\n" for line in [*lines, tail])
    given = b"From: a@x.example\nTo: b@x.example\nSubject: s\n\n" + text.encode()
    assert bridge.call("-i", "-f", "s@x.example", "r@x.example", stdin=given).status == 0
    mail = bridge.mail()
    assert (mail.sender, mail.recipients) == ("s@x.example", ("r@x.example",))
    assert mail.content == text
    assert all(len(line) <= 998 for line in mail.lines)


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=300).filter(lambda data: b"\r" not in data))
def test_any_bytes_arrive(bridge: Bridge, body: bytes) -> None:
    bridge.clear()
    given = b"From: a@x.example\nTo: b@x.example\n\n" + body
    assert bridge.call("-i", "r@x.example", stdin=given).status == 0
    expected = body + b"\n" if body and not body.endswith(b"\n") else body
    try:
        text = expected.decode()
    except UnicodeDecodeError:
        text = expected.decode("latin-1")
    assert bridge.mail().content == text


WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Zs", "Cs")), min_size=1, max_size=30)


@settings(max_examples=150, deadline=None)
@given(words=st.lists(WORD.filter(lambda word: "=?" not in word and "?=" not in word), min_size=1, max_size=12))
def test_the_subject_arrives(bridge: Bridge, words: list[str]) -> None:
    bridge.clear()
    subject = " ".join(words)
    assert bridge.call("-t", stdin=b"To: r@x.example\nSubject: " + subject.encode() + b"\n\nx\n").status == 0
    field = email.message_from_bytes(bridge.mail().text)["Subject"]
    found = str(email.header.make_header(email.header.decode_header(field.replace("\r\n", ""))))
    assert found == subject


@settings(max_examples=100, deadline=None)
@given(name=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=40))
def test_a_display_name_is_never_an_address(bridge: Bridge, name: str) -> None:
    """A name in a quoted string stays one name, whatever is in it, and the only recipient is the one in angle brackets."""
    bridge.clear()
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assert bridge.call("-t", stdin=f'To: "{quoted}" <r@x.example>\n\nx\n'.encode()).status == 0
    assert bridge.mail().recipients == ("r@x.example",)


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from('ab@.,;:<>()"\\[] \n\té'), max_size=30))
def test_addresses_are_safe_in_a_command(text: str) -> None:
    """What the scanner lets through can stand in angle brackets, and reading it again gives the same."""
    try:
        found = addresses(text)
    except AddressError:
        return
    for address in found:
        assert address.isascii()
        assert address.isprintable()
        outside = address.split('"')[::2] if '"' in address else [address]
        assert not any({*part} & {*" <>,;()"} for part in outside)
        assert key(addresses(address)[0]) == key(address)


@settings(max_examples=150, deadline=None)
@given(
    text=st.lists(st.sampled_from([b"a", b".", b"\n", b"\r\n", b"\r", b"From x\n"]), max_size=30).map(b"".join),
    cut=st.integers(1, 9),
)
def test_dot_rules_do_not_depend_on_how_the_input_is_cut(text: bytes, cut: int) -> None:
    """The end at a lone dot is found at the same place whether it comes in one piece or in many."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryFile() as stream:
        stream.write(text)
        stream.seek(0)
        whole = read_input(stream.fileno(), ignore_dots=False, limit=0)
        stream.seek(0)
        patch.setattr("cssmtp.ezatmail.message.BLOCK", cut)
        assert read_input(stream.fileno(), ignore_dots=False, limit=0) == whole
        lines = text.replace(b"\r\n", b"\n").split(b"\n")
        if b"." not in lines and b"\r" not in text and not text.startswith(b"From "):
            expected = b"\n".join(line[1:] if line.startswith(b"..") else line for line in lines)
            assert whole == (expected + b"\n" if expected and not expected.endswith(b"\n") else expected)


@settings(max_examples=60, deadline=None)
@given(limit=st.integers(1, 50), size=st.integers(0, 60))
def test_the_size_limit_is_exact(limit: int, size: int) -> None:
    with tempfile.TemporaryFile() as stream:
        stream.write(b"x" * size)
        stream.seek(0)
        if size <= limit:
            assert len(read_input(stream.fileno(), ignore_dots=True, limit=limit)) == size + (size > 0)
        else:
            with pytest.raises(Refusal, match="MaxMessageSize"):
                read_input(stream.fileno(), ignore_dots=True, limit=limit)


TEXT_PARTS = st.builds(
    lambda lines, encoding: ("text", "".join(f"{line}\n" for line in lines), encoding),
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cs")), max_size=40), max_size=4),
    st.sampled_from(["8bit", "quoted-printable", "base64"]),
)
BINARY_PARTS = st.builds(lambda data: ("application", data, "base64"), st.binary(max_size=80))


@settings(max_examples=120, deadline=None)
@given(parts=st.lists(TEXT_PARTS | BINARY_PARTS, min_size=1, max_size=4), nested=st.booleans())
def test_the_parts_of_a_multipart_message_arrive(bridge: Bridge, parts: list[tuple[str, str | bytes, str]], nested: bool) -> None:
    """Every part has its type and its content, whatever had to be encoded anew."""
    bridge.clear()
    message = MIMEMultipart("mixed", boundary="=_boundary")
    home = message
    if nested:
        home = MIMEMultipart("related", boundary="=_inner")
        message.attach(home)
    for kind, content, encoding in parts:
        part = EmailMessage()
        if isinstance(content, str):
            part.set_content(content, cte=encoding)
        else:
            part.set_content(content, maintype=kind, subtype="octet-stream", cte=encoding)
        home.attach(part)
    del message["Content-Transfer-Encoding"]
    given = b"From: a@x.example\nTo: r@x.example\n" + message.as_bytes()
    assert bridge.call("-i", "-t", stdin=given).status == 0
    assert _parts(email.message_from_bytes(bridge.mail().text)) == _parts(email.message_from_bytes(given))
    assert bridge.mail().text.isascii()


def _parts(message: Message) -> list[tuple[str, bytes]]:
    found = []
    for part in message.walk():
        if not part.is_multipart():
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            text = part.get_content_maintype() == "text"
            found.append((part.get_content_type(), data.replace(b"\r\n", b"\n") if text else data))
    return found
