"""The command as a whole: bad input, the spool's faults, permissions, exit statuses (ezatmail.md 6.5), and the other modes
(6.6)."""

from __future__ import annotations

import errno
import os
import posix
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cssmtp.clock import SystemClock
from cssmtp.ezatmail import main as program
from cssmtp.spool.directory import DirectorySpool
from tests.ezatmailkit import ROOT, Bridge

PLAIN = b"From: a@x.example\nTo: b@x.example\nSubject: s\n\nHello\n"


@pytest.fixture
def bridge(tmp_path: Path) -> Bridge:
    return Bridge(tmp_path)


# What a caller gives must not become a command, another recipient or another header


@pytest.mark.parametrize(
    "word",
    [
        "a@x.example\nRCPT TO:<evil@x.example>",
        "a@x.example\r\nDATA",
        "a b@x.example",
        "a@x.example>",
        "<a@x.example> <b@x.example>",
        "<a@x.example> SIZE=1",
        "a@x.example\x00",
        "a\x15@x.example",
        "ü@x.example",
        "a@ü.example",
        "a@",
        "@x.example",
        "a@-x.example",
        "a..b@x.example",
        '"a@x.example',
        "a@x.example; b@x.example",
        "x" * 65 + "@x.example",
        "a@" + "x." * 130 + "example",
    ],
)
def test_malformed_recipient_is_64(bridge: Bridge, word: str) -> None:
    if "\x00" in word:
        word = word.replace("\x00", "\x7f")  # a NUL cannot stand in an argument
    result = bridge.call("-i", "--", word, stdin=PLAIN)
    assert result.status == 64
    assert len(result.errors.splitlines()) == 1
    assert result.errors.isprintable() or result.errors[:-1].isprintable()
    assert not bridge.files()
    assert bridge.call("-f", word, "ok@x.example", stdin=PLAIN).status == 64
    header = b"To: " + word.split("\n")[0].encode().strip() + b"\n\nx\n"
    if "\n" not in word and "\x7f" not in word:
        assert bridge.call("-t", stdin=header).status == 65


def test_several_recipients_in_one_argument(bridge: Bridge) -> None:
    assert bridge.call('"A, <x>" <a@x.example>, b@x.example', stdin=PLAIN).status == 0
    assert bridge.mail().recipients == ("a@x.example", "b@x.example")


@pytest.mark.parametrize("name", ["Evil\nBcc: x@x.example", "a\r\nb", "a\x00b"])
def test_full_name_cannot_make_a_header(bridge: Bridge, name: str) -> None:
    assert bridge.call("-F", name, "a@x.example", stdin=b"text\n").status == 64


def test_full_name_is_quoted(bridge: Bridge) -> None:
    assert bridge.call("-F", 'O"Hara, <J>', "-f", "j@x.example", "a@x.example", stdin=b"text\n").status == 0
    assert b'From: "O\\"Hara, <J>" <j@x.example>\r\n' in bridge.mail().text


def test_body_cannot_become_commands(bridge: Bridge) -> None:
    body = b".\nQUIT\nMAIL FROM:<evil@x.example>\n\x15MAIL\n" + b"A" * 79 + b"<\n.\n\r.\r\nRCPT TO:<x@x.example>\n"
    assert bridge.call("-i", "a@x.example", stdin=b"To: b@x.example\n\n" + body).status == 0
    assert bridge.mail().recipients == ("a@x.example",)
    assert bridge.mail().content.replace("\r", "").encode() == body.replace(b"\r", b"")


def test_blank_folded_line_does_not_end_the_header(bridge: Bridge) -> None:
    assert bridge.call("-t", stdin=b"To: a@x.example\nSubject: one\n  \n two\nBcc: b@x.example\n\nbody\n").status == 0
    mail = bridge.mail()
    assert mail.message["subject"] == "one two"
    assert mail.recipients == ("a@x.example", "b@x.example")
    assert mail.body == b"body\r\n"


def test_eighty_bytes_that_end_in_less_than_are_no_continuation(bridge: Bridge) -> None:
    lines = b"A" * 79 + b"<\n" + b"B" * 79 + b"<\n." + b"C" * 77 + b"<\nend\n"
    assert bridge.call("-i", "a@x.example", stdin=b"To: b@x.example\nX: " + b"h" * 76 + b"<\n\n" + lines).status == 0
    assert bridge.mail().body == lines.replace(b"\n", b"\r\n")
    assert b"X: " + b"h" * 76 + b"<\r\n" in bridge.mail().text


def test_nul_bytes(bridge: Bridge) -> None:
    assert bridge.call("-i", "a@x.example", stdin=b"To: b@x.example\nSubject: a\x00b\n\nx\x00y\n").status == 0
    assert bridge.mail().content == "x\x00y\n"
    assert b"\x00" not in bridge.mail().text
    result = bridge.call("-i", "a@x.example", stdin=b"To: b@x.example\nMessage-ID: <a\x00b@x>\n\nx\n")
    assert (result.status, "message-id" in result.errors) == (65, True)


@pytest.mark.parametrize("text", [b"", b"\n", b"x", b"Subject: only", b"\n\n\n", b"From \n"])
def test_odd_inputs(bridge: Bridge, text: bytes) -> None:
    assert bridge.call("a@x.example", stdin=text).status == 0
    assert bridge.mail().recipients == ("a@x.example",)


def test_bare_text_gets_date_from_and_to(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(program.time, "time", lambda: 1_700_000_000.0)
    assert bridge.call("-f", "me@x.example", "a@x.example", "b", stdin=b"just text\n").status == 0
    assert bridge.mail().text == (
        b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nFrom: me@x.example\r\nTo: a@x.example, b@example.com\r\n\r\njust text\r\n"
    )


def test_large_message(bridge: Bridge) -> None:
    """A hundred megabytes go through, and come out whole."""
    line = b"0123456789" * 9 + b"\n"
    text = PLAIN + line * (100_000_000 // len(line))
    assert bridge.call("-i", "a@x.example", stdin=text).status == 0
    data = bridge.files()[0].read_bytes()
    assert data.count(b"\x15") == text.count(b"\n") + 6
    assert data.endswith(b"\xf8\xf9\x15\x4b\x15\xd8\xe4\xc9\xe3\x15")


def test_max_message_size(bridge: Bridge) -> None:
    bridge.conf.write_text(bridge.conf.read_text() + f"O MaxMessageSize={len(PLAIN)}\n")
    assert bridge.call("-i", "a@x.example", stdin=PLAIN).status == 0
    result = bridge.call("-i", "a@x.example", stdin=PLAIN + b"x" * 100_000)
    assert (result.status, "MaxMessageSize" in result.errors, len(bridge.files())) == (65, True, 1)


# Descriptors


def _closed(bridge: Bridge, redirection: str, text: bytes = PLAIN) -> subprocess.CompletedProcess[bytes]:
    command = f"exec {bridge.bin}/sendmail -v -i a@x.example {redirection}"
    return subprocess.run(["/bin/sh", "-c", command], input=text, capture_output=True, env=bridge.environment, check=False)


def test_closed_standard_input_is_65(bridge: Bridge) -> None:
    done = _closed(bridge, "<&-")
    assert done.returncode == 65
    assert b"standard input" in done.stderr
    assert not bridge.files()


def test_closed_outputs_never_reach_the_spool_file(bridge: Bridge) -> None:
    assert _closed(bridge, ">&- 2>&-").returncode == 0
    assert bridge.mail().body == b"Hello\r\n"


def test_reader_of_output_has_gone(bridge: Bridge) -> None:
    process = subprocess.Popen(
        [bridge.bin / "sendmail", "-v", "-i", "a@x.example"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=bridge.environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()
    process.stdin.write(PLAIN)
    process.stdin.close()
    assert process.wait(20) == 0
    assert len(bridge.files()) == 1


# The spool


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (errno.ENOSPC, 75),
        (errno.EDQUOT, 75),
        (errno.EMFILE, 75),
        (errno.EIO, 75),
        (errno.EACCES, 77),
        (errno.EROFS, 73),
        (errno.ENOENT, 69),
    ],
)
@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename"])
def test_faults_of_the_disk(bridge: Bridge, monkeypatch: pytest.MonkeyPatch, number: int, status: int, call: str) -> None:
    """Whatever fails, the status tells what to do, and nothing is left behind."""
    real = getattr(posix, call)

    def failing(first: object, *rest: object) -> object:
        mine = first if isinstance(first, bytes) else os.fsencode(os.readlink(f"/proc/self/fd/{first}"))
        if os.fsencode(bridge.drop) in mine and (rest or call == "fsync"):
            raise OSError(number, os.strerror(number))
        return real(first, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(posix, call, failing)
        result = bridge.call("-i", "a@x.example", stdin=PLAIN)
    assert result.status == status
    assert len(result.errors.splitlines()) == 1
    assert [*bridge.drop.iterdir()] == []


def test_missing_spool_is_69(bridge: Bridge) -> None:
    shutil.rmtree(bridge.spool)
    result = bridge.call("a@x.example", stdin=PLAIN)
    assert (result.status, "{spool}" in result.errors) == (69, True)


def test_quiet_under_oeq(bridge: Bridge) -> None:
    result = bridge.call("-oeq", stdin=PLAIN)
    assert (result.status, result.errors) == (64, "")
    assert bridge.call("-oeq", "-Z", stdin=PLAIN).errors == ""


def test_tag_stands_for_the_name(bridge: Bridge) -> None:
    assert bridge.call("-L", "nightly", stdin=PLAIN).errors.startswith("nightly: no recipients")


def test_unknown_user_is_71(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posix, "getuid", lambda: 3_999_999)
    result = bridge.call("a@x.example", stdin=PLAIN)
    assert (result.status, "3999999" in result.errors) == (71, True)


def test_a_fault_of_ours_is_70_without_a_traceback(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "spool", lambda *_: 1 // 0)
    result = bridge.call("a@x.example", stdin=PLAIN)
    assert (result.status, result.errors) == (
        70, "sendmail: internal error, nothing was sent: ZeroDivisionError: integer division or modulo by zero\n"
    )  # fmt: skip


@pytest.mark.parametrize(("fault", "status"), [(MemoryError, 75), (KeyboardInterrupt, 130)])
def test_other_ends(bridge: Bridge, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException], status: int) -> None:
    def failing(*_: object) -> None:
        raise fault

    monkeypatch.setattr(program, "spool", failing)
    assert bridge.call("a@x.example", stdin=PLAIN).status == status


def test_sidecar_and_attributes(bridge: Bridge) -> None:
    bridge.conf.write_text(bridge.conf.read_text() + "D{jes_class}x\nD{tls_version}TLSv1.2\n")
    assert bridge.call("a@x.example", stdin=PLAIN).status == 0
    mail = bridge.mail()
    assert mail.tls
    attributes = mail.attributes
    assert (attributes.writer, attributes.sysout_class, attributes.encoding, attributes.framing) == (
        "CSSMTP",
        "X",
        "IBM-1047",
        "nl15",
    )
    assert attributes.jobname == pwd.getpwuid(os.getuid()).pw_name.upper()[:8]
    data, sidecar = (bridge.files()[0], Path(f"{bridge.files()[0]}.json"))
    assert {data.stat().st_mode & 0o777, sidecar.stat().st_mode & 0o777} == {0o640}


def test_the_gateway_takes_it_at_once(bridge: Bridge) -> None:
    """The sidecar proves that the file is whole: it is admitted without waiting for it to settle."""
    assert bridge.call("a@x.example", stdin=PLAIN).status == 0
    spool = DirectorySpool(bridge.spool, clock=SystemClock(), node="LOCAL", settle_seconds=1e6)
    (admitted,) = spool.admit()
    assert not admitted.problem
    (entry,) = spool.select("CSSMTP")
    assert entry.attributes.owner == pwd.getpwuid(os.getuid()).pw_name.upper()
    spool.close()


def test_umask_does_not_hide_the_file_from_the_gateway(bridge: Bridge) -> None:
    before = os.umask(0o777)
    try:
        assert bridge.call("a@x.example", stdin=PLAIN).status == 0
    finally:
        os.umask(before)
    assert bridge.files()[0].stat().st_mode & 0o777 == 0o640


def test_fifty_at_once(bridge: Bridge) -> None:
    def one(number: int) -> int:
        return bridge.run("-i", f"r{number}@x.example", stdin=PLAIN).status

    with ThreadPoolExecutor(50) as pool:
        assert [*pool.map(one, range(50))] == [0] * 50
    assert {mail.recipients[0] for mail in bridge.mails()} == {f"r{number}@x.example" for number in range(50)}


# Other users

NOBODY = 65534


@pytest.fixture
def shared() -> Iterator[Bridge]:
    """A bridge that every user can reach."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user takes root")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Bridge(Path(directory))


def _as_user(uid: int, action: Callable[[], int]) -> int:
    """The status of `action` in a process of that user, who is in no group of ours."""
    with warnings.catch_warnings(action="ignore"):  # the child calls what is loaded already, and ends
        child = os.fork()
    if child == 0:
        status = 99
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            status = action()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_anybody_may_submit_and_nobody_may_look(shared: Bridge) -> None:
    assert _as_user(NOBODY, lambda: shared.call("-i", "a@x.example", stdin=PLAIN).status) == 0
    data = shared.files()[0]
    assert data.stat().st_uid == NOBODY
    assert data.stat().st_gid == shared.drop.stat().st_gid
    assert shared.mail().sender == "nobody@example.com"

    def trespass() -> int:
        done = 0
        for bit, attempt in enumerate(
            (data.read_bytes, data.unlink, lambda: data.write_bytes(b""), lambda: [*shared.drop.iterdir()])
        ):
            try:
                attempt()
                done |= 1 << bit
            except PermissionError:
                continue
        return done

    assert _as_user(NOBODY - 1, trespass) == 0
    assert data.exists()


def test_no_permission_is_77(shared: Bridge) -> None:
    shared.drop.chmod(0o700)
    assert _as_user(NOBODY, lambda: shared.call("-i", "a@x.example", stdin=PLAIN).status) == 77
    assert not shared.files()


def test_mailq_of_an_ordinary_user(shared: Bridge) -> None:
    assert _as_user(NOBODY, lambda: shared.call(name="mailq").status) == 77
    shared.call("-i", "a@x.example", stdin=PLAIN)
    assert _as_user(NOBODY, lambda: shared.call("-i", "b@x.example", stdin=PLAIN).status) == 0
    shared.drop.chmod(0o3777)
    assert _as_user(NOBODY, lambda: len(shared.call(name="mailq").output.splitlines())) == 2


# The other modes


def test_mailq_shows_what_is_waiting(bridge: Bridge) -> None:
    assert bridge.call("-bp").output == "Mail queue is empty\n"
    bridge.call("a@x.example", stdin=PLAIN)
    shown = bridge.call(name="mailq").output.splitlines()
    assert len(shown) == 2
    assert shown[1].split()[0] == bridge.files()[0].name
    spool = DirectorySpool(bridge.spool, clock=SystemClock(), node="LOCAL")
    spool.admit()
    assert bridge.call(name="mailq").output.splitlines()[1].endswith("waiting")
    spool.close()


def test_mailq_without_a_spool(bridge: Bridge) -> None:
    shutil.rmtree(bridge.spool)
    assert bridge.call(name="mailq").status == 69


def test_queue_runs_do_nothing(bridge: Bridge) -> None:
    assert [bridge.call(*words).status for words in (["-q"], ["-q30m"], ["-qf"])] == [0, 0, 0]
    assert bridge.call("-q", "a@x.example", stdin=PLAIN).status == 0
    assert len(bridge.files()) == 1


def test_verify(bridge: Bridge) -> None:
    result = bridge.call("-bv", "root", "a b", "Xx <b@x.example>")
    assert result.status == 64
    assert result.output.splitlines() == [
        "root@example.com... deliverable to CSSMTP",
        "a b... recipient: 'a b' is no address; addresses are separated by commas",
        "b@x.example... deliverable to CSSMTP",
    ]
    assert bridge.call("-bv", "-t", "root").status == 64
    assert bridge.call("-bv").status == 64
    assert bridge.call("-bv", "none:;").status == 64
    assert not bridge.files()


def test_verbose_and_debug(bridge: Bridge) -> None:
    result = bridge.call("-v", "-d0.1", "a@x.example", stdin=PLAIN)
    assert result.output == f"a@x.example... queued as {bridge.files()[0].name}\n"
    assert "charset 'ISO8859-1'" in result.errors
    assert "a@x.example" in result.errors


@pytest.mark.parametrize("name", ["smtpd", "hoststat", "purgestat"])
def test_names_of_daemons_are_refused(bridge: Bridge, name: str) -> None:
    result = bridge.call(name=name)
    assert (result.status, "not supported" in result.errors) == (64, True)


def test_the_light_way_loads_nothing_heavy(bridge: Bridge) -> None:
    """An ordinary mail imports none of the modules that cost milliseconds (the reason for how `cssmtp.ezatmail` is written)."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = ['sendmail', '-i', 'a@x.example']\n"
        "from cssmtp.ezatmail.main import main\nassert main() == 0\nprint(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], input=PLAIN, capture_output=True, env=bridge.environment, check=True
    )
    loaded = {*done.stdout.decode().split()}
    assert not loaded & {
        "os",
        "re",
        "json",
        "dataclasses",
        "enum",
        "typing",
        "collections",
        "pathlib",
        "datetime",
        "email",
        "asyncio",
    }
    assert not {name for name in loaded if name.startswith("cssmtp.") and not name.startswith("cssmtp.ezatmail")}
