"""The parts of ezatmail one by one: options (3.2, 3.3, 6.1), configuration (6.4), aliases (3.13), page, MIME, and the server of
-bs."""

from __future__ import annotations

import base64
import email
import email.header
import email.message
import subprocess
from pathlib import Path

import pytest

from cssmtp.codepage.transcode import source_text
from cssmtp.ezatmail import aliases as alias_file
from cssmtp.ezatmail import settings as configuration
from cssmtp.ezatmail.addresses import addresses
from cssmtp.ezatmail.caller import Caller, from_value, full_name_of
from cssmtp.ezatmail.encodedwords import encoded_words, folded
from cssmtp.ezatmail.message import date
from cssmtp.ezatmail.options import SWITCHES, Options, parse
from cssmtp.ezatmail.page import IBM_1047, LINE_LIMIT, Page, longest_line, open_page, written
from cssmtp.ezatmail.refusal import Refusal
from cssmtp.spool.names import writer_name
from tests.ezatmailkit import Bridge

PLAIN = b"From: a@x.example\nTo: b@x.example\nSubject: s\n\nHello\n"


@pytest.fixture
def bridge(tmp_path: Path) -> Bridge:
    return Bridge(tmp_path)


def options(*words: str, program: str = "sendmail") -> Options:
    found = Options(program)
    parse(found, [*words])
    return found


# Options


def test_glued_separate_and_bundled() -> None:
    for words in (["-fa@b", "-FX"], ["-f", "a@b", "-F", "X"]):
        assert (options(*words).sender, options(*words).full_name) == ("a@b", "X")
    bundled = options("-tif", "a@b", "x@y")
    assert (bundled.from_headers, bundled.ignore_dots, bundled.sender, bundled.recipients) == (True, True, "a@b", ["x@y"])
    assert options("-q", "x@y").recipients == ["x@y"]
    assert options("-o", "i").ignore_dots
    assert options("-b", "p").mode == "p"


def test_switches_end_at_the_first_word_or_at_two_hyphens() -> None:
    assert options("x@y", "-t").recipients == ["x@y", "-t"]
    assert not options("x@y", "-t").from_headers
    assert options("-i", "--", "-t").recipients == ["-t"]
    assert options("-").recipients == ["-"]


ACCEPTED = ["-Am", "-G", "-U", "-m", "-c", "-s", "-T", "-x", "-p d:host", "-X /log", "-Mxy", "-OA=b", "-em", "-odi", "-om",
            "-o7", "-N success,DELAY", "-Nnever", "-RHDRS", "-Vab+2Bc", "-h 5", "-B 8bitmime", "-B7BIT", "-ov"]  # fmt: skip


@pytest.mark.parametrize("words", ACCEPTED)
def test_accepted_and_ignored(words: str) -> None:
    found = options(*words.split(), "x@y")
    assert (found.recipients, found.mode, found.sender, found.verbose) == (["x@y"], "m", None, False)


REFUSED = ["-Bx", "-N sometimes", "-Rnone", "-Va=b", "-Va+2", "-Va+zz", "-h many", "-f", "-oA", "-Z", "-D1", "-bd", "-bD", "-bl",
           "-bt", "-bh", "-bH", "-ba", "-bz", "-bP", "-bC", "-bx", "-bmm", "-b", "-bv -t", "-bp x@y", "-bi x",
           "-bs x"]  # fmt: skip


@pytest.mark.parametrize("words", REFUSED)
def test_refused(words: str) -> None:
    with pytest.raises(Refusal) as caught:
        options(*words.split())
    assert caught.value.exit_code == 64


def test_program_name_gives_the_mode_and_b_overrides_it() -> None:
    assert options(program="mailq").mode == "p"
    assert options(program="newaliases").mode == "i"
    assert options("-bp", program="newaliases").mode == "p"
    assert options("-I").mode == "i"
    assert options(program="anything").mode == "m"


def test_minimum_of_the_linux_standard_base() -> None:
    for word in (
        "-bm",
        "-bp",
        "-bs",
        "-Fname",
        "-fa@b",
        "-i",
        "-odb",
        "-odi",
        "-odq",
        "-oem",
        "-oep",
        "-oeq",
        "-oi",
        "-om",
        "-t",
    ):
        options(word)
    assert set("bFfiot") <= SWITCHES.keys()


# Configuration


def read(text: str, host: str = "mvsa.example.com") -> configuration.Settings:
    return configuration.parse(text.encode("latin-1"), "/etc/x.cf", host)


OLD_SENDMAIL_CF = """\
# an old file
V10/Berkeley
Cwlocalhost
Fw/etc/mail/local-host-names
Dj$w.Foo.EXAMPLE
DSsmart.example
DM
DnMAILER-DAEMON
Kcanonify host -f
O SevenBitInput=False
O AliasFile=hash:/etc/mail/aliases, dbm:-o /etc/other
O MaxMessageSize=1000000
O Timeout.queuereturn=5d
Pfirst-class=0
Troot
H?D?Date: $a
H?F?From: $?x$x <$g>$|$g$.
\tcontinued
Scanonify=3
R$*\t\t$: $1 <@>
Mlocal,\tP=/usr/bin/procmail, F=lsDFMAw5
\tT=DNS/RFC822/X-Unix
Etext
QQueue
Xmilter, S=local:/x
"""


def test_an_old_sendmail_cf_is_usable_as_it_is() -> None:
    found = read(OLD_SENDMAIL_CF)
    assert (found.host, found.domain) == ("mvsa.Foo.EXAMPLE", "Foo.EXAMPLE")
    assert found.alias_files == ("/etc/mail/aliases", "/etc/other")
    assert found.max_size == 1_000_000
    assert not found.tls


def test_our_statements() -> None:
    text = "D{tls_version}TLSv1.2\nD{jes_writer}mail$$1\nD{jes_class}b\nDjh.x\nDMx.y\nD{spool}/s/\nD{translate}IBM-037\n"
    text += "D{charset}\nOA/a\n"
    found = read(text)
    assert (found.tls, found.writer, found.sysout_class, found.host, found.domain) == (True, "MAIL$1", "B", "h.x", "x.y")
    assert (found.drop, found.page, found.charset, found.alias_files) == ("/s/drop/MAIL$1", "IBM-037", "", ("/a",))


def test_defaults_come_from_the_host() -> None:
    assert (read("").host, read("").domain, read("").drop) == ("mvsa.example.com", "example.com", "/var/spool/cssmtp/drop/CSSMTP")
    assert read("", host="mvsa").domain == "mvsa"
    assert read("D{a$bj$j\nDjx.y\nDM$m\n".replace("D{a$bj$j\n", ""), host="h").domain == "y"
    assert read("DM$m.${unknown}net$z\n").domain == "example.com.net"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("hello\n", "no statement"), ("D{open\n", "}"), ("D{jes_writer}INTRDR\n", "INTRDR"), ("D{jes_writer}\n", "writer"),
        ("D{jes_class}AB\n", "SYSOUT"), ("Dja b\n", "host"), ("DMa_b\n", "domain"), ("D{spool}relative\n", "absolute"),
        ("O MaxMessageSize=10M\n", "number"), ("\x00\x01\n", "no statement"),
    ],
)  # fmt: skip
def test_wrong_configuration_is_78_with_its_line(text: str, word: str) -> None:
    with pytest.raises(Refusal, match="line 2") as caught:
        read("# one\n" + text)
    assert caught.value.exit_code == 78
    assert word in str(caught.value)


def test_host_without_a_usable_domain() -> None:
    with pytest.raises(Refusal, match="state DMdomain"):
        read("", host="under_score")


@pytest.mark.parametrize("host", ["", "two words", "h\xf6st"])
def test_host_that_cannot_say_helo(host: str) -> None:
    with pytest.raises(Refusal, match="state Djhost"):
        read("DMexample.com\n", host=host)


@pytest.mark.parametrize("path", ["/nonexistent", "/", "a\x00b"])
def test_unreadable_configuration_is_78(bridge: Bridge, path: str) -> None:
    with pytest.raises(Refusal) as caught:
        configuration.read(path)
    assert caught.value.exit_code == 78


def test_which_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configuration.configuration_file("/given") == "/given"
    monkeypatch.setitem(configuration.posix.environ, b"EZATMAIL_CONF", b"/from/environment")
    assert configuration.configuration_file("") == "/from/environment"
    monkeypatch.delitem(configuration.posix.environ, b"EZATMAIL_CONF")
    assert configuration.configuration_file("") == "/etc/cssmtp/ezatmail.conf"


@pytest.mark.parametrize("name", ["CSSMTP", "A", "A$#@1234", "123456789", "", "a-b", "INTRDR", "STDWTR", "NJERDR", "É"])
def test_writer_names_are_those_of_the_spool(name: str) -> None:
    try:
        allowed = writer_name(name) == name
    except ValueError:
        allowed = False
    assert configuration.is_writer(name) is allowed


# Aliases


def load(tmp_path: Path, text: str) -> alias_file.Aliases:
    (tmp_path / "aliases").write_text(text)
    return alias_file.load((str(tmp_path / "aliases"),))


def expand(tmp_path: Path, text: str, *names: str) -> list[tuple[str, str]]:
    return alias_file.expanded("s@x", [*names], load(tmp_path, text), "example.com")


def test_aliases_continue_comment_loop_and_include(tmp_path: Path) -> None:
    (tmp_path / "list").write_text('# members\nm1@x.example, "M, 2" <m2@x.example>\n\nops\n')
    text = "# comment\nOps: anna,\n\tbert ,\\\ncarl@x.example\n\nanna: bert, ops\n"
    text += f"bert: \\bert, dora\ndora: :include:{tmp_path}/list\n"
    found = expand(tmp_path, text, "OPS", "direct@x.example", "nobody")
    assert found == [("s@x", each) for each in
                     ("\\bert", "m1@x.example", "m2@x.example", "carl@x.example", "direct@x.example", "nobody")]  # fmt: skip


def test_alias_that_names_itself_keeps_its_copy(tmp_path: Path) -> None:
    assert expand(tmp_path, "root: root, admin@x.example\n", "root") == [("s@x", "\\root"), ("s@x", "admin@x.example")]


def test_owner_becomes_the_sender(tmp_path: Path) -> None:
    text = "list: a@x.example, sub\nowner-list: boss\nsub: b@x.example\nowner-sub: p@x.example, q@x.example\n"
    assert expand(tmp_path, text, "list") == [("boss@example.com", "a@x.example"), ("owner-sub@example.com", "b@x.example")]


def test_catch_all(tmp_path: Path) -> None:
    assert expand(tmp_path, "*: all@x.example\nroot: r@x.example\n", "root", "who") == [
        ("s@x", "r@x.example"),
        ("s@x", "all@x.example"),
    ]


@pytest.mark.parametrize(
    "target",
    ["|/bin/touch /tmp/never", "\"|/bin/sh -c 'a, b'\"", "/var/mail/x", ":include:relative", ":include:/nonexistent/list"],
)
def test_commands_and_files_are_refused_never_run(bridge: Bridge, target: str) -> None:
    path = bridge.directory / "aliases"
    path.write_text(f"ok: a@x.example\nbad: {target}\n")
    bridge.conf.write_text(bridge.conf.read_text() + f"O AliasFile={path}\n")
    result = bridge.call("bad", stdin=PLAIN)
    assert (result.status, "line 2" in result.errors, bridge.files()) == (78, True, [])
    assert bridge.call("ok", stdin=PLAIN).status == 0
    assert bridge.call("-n", "bad", stdin=PLAIN).status == 0
    assert bridge.mails()[1].recipients == ("bad@example.com",)


def test_included_commands_are_refused(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("|/bin/false\n")
    with pytest.raises(Refusal, match="only addresses"):
        expand(tmp_path, f"x: :include:{tmp_path}/list\n", "x")


def test_owner_alias_makes_an_envelope_of_its_own(bridge: Bridge) -> None:
    path = bridge.directory / "aliases"
    path.write_text("list: a@x.example, B@X.example\nowner-list: boss@x.example\n")
    assert bridge.call("-oA" + str(path), "-f", "me@x.example", "b@y.example", "list", "B@x.example", stdin=PLAIN).status == 0
    first, second = bridge.mails()
    assert (first.sender, first.recipients) == ("me@x.example", ("b@y.example",))
    assert (second.sender, second.recipients) == ("boss@x.example", ("a@x.example", "B@X.example"))


def test_newaliases(bridge: Bridge) -> None:
    path = bridge.directory / "aliases"
    bridge.conf.write_text(bridge.conf.read_text() + f"O AliasFile={path}\n")
    result = bridge.call("-bi")
    assert (result.status, "no such file" in result.errors) == (0, True)
    path.write_text('a: b\n"c": d@x.example\npipe: "|prog"\n')
    result = bridge.call(name="newaliases")
    assert (result.status, result.output) == (0, f"{path}: 3 aliases\n")
    assert "line 3" in result.errors
    path.write_text("a: b\nno colon\na: c\nx y: z\nw: <\n")
    result = bridge.call("-I")
    assert (result.status, result.output) == (65, f"{path}: 1 aliases\n")
    assert [line.split(": ")[0].rpartition(" ")[2] for line in result.errors.splitlines()] == ["2", "3", "4", "5"]
    path.unlink()
    path.mkdir()
    assert bridge.call("-bi").status == 78


# Page


def test_table_is_that_of_the_registry() -> None:
    source = source_text("IBM-1047")
    assert bytes(source.encode(chr(byte))[0] for byte in range(256)) == IBM_1047


@pytest.mark.parametrize("name", ["IBM-037", "IBM-273", "IBM-1140"])
def test_other_pages(bridge: Bridge, name: str) -> None:
    bridge.conf.write_text(bridge.conf.read_text() + f"D{{translate}}{name}\n")
    text = bytes(range(0x20, 0x7F)) + b"\n"
    assert bridge.call("-i", "a@x.example", stdin=PLAIN + text + "Grüße [] {} €\n".encode()).status == 0
    assert bridge.mail().attributes.encoding == name
    assert bridge.mail().content == "Hello\n" + text.decode() + "Grüße [] {} €\n"


@pytest.mark.parametrize("statement", ["D{translate}IBM-0", "D{translate}ISO8859-1", "D{charset}nonsense"])
def test_unknown_pages_are_78(bridge: Bridge, statement: str) -> None:
    bridge.conf.write_text(bridge.conf.read_text() + statement + "\n")
    assert bridge.call("a@x.example", stdin="To: a\n\nGrüße\n".encode()).status == 78


def test_a_page_without_a_character_of_ascii(bridge: Bridge) -> None:
    """What the page lacks is encoded, in the header as in the body."""
    page = Page("IBM-1047", IBM_1047, open_page("IBM-1047").plain.replace(b"[", b"").replace(b"~", b""))
    assert not page.holds(b"a[b\n")
    assert written("a[b\n", page, "ISO8859-1") is not None


def test_limits_of_lines() -> None:
    assert longest_line(b"x" * 998 + b"\n") == LINE_LIMIT
    assert longest_line(b"short\n." + b"x" * 997 + b"\n") == LINE_LIMIT + 1
    assert longest_line(b"") == 0
    big = (b"x" * 99 + b"\n") * 30_000
    assert longest_line(big + b"y" * 500) == 500


# MIME


def recoded(bridge: Bridge, text: bytes, charset: str = "") -> email.message.EmailMessage:
    bridge.conf.write_text(bridge.conf.read_text() + (f"D{{charset}}{charset}\n" if charset else ""))
    assert bridge.call("-i", "a@x.example", stdin=text).status == 0
    mail = bridge.mail()
    assert mail.text.isascii() or charset != "none"
    return mail.message


def test_text_that_fits_is_written_in_the_page_with_its_label(bridge: Bridge) -> None:
    message = recoded(bridge, "To: b@x.example\nSubject: Grüße\n\nGrüße\n".encode())
    assert b"\xc7\x99\xa4" not in bridge.files()[0].read_bytes()
    assert "Grüße".encode("latin-1").translate(IBM_1047) in bridge.files()[0].read_bytes()
    assert (message.get_content_charset(), message["content-transfer-encoding"]) == ("iso-8859-1", "8bit")
    assert (message.get_content(), message["subject"]) == ("Grüße\r\n", "Grüße")


def test_text_with_another_label_is_encoded_and_keeps_it(bridge: Bridge) -> None:
    message = recoded(bridge, "To: b@x.example\nContent-Type: text/html; charset=utf-8\n\n<p>Grüße</p>, and so on\n".encode())
    assert (message.get_content_charset(), message["content-transfer-encoding"]) == ("utf-8", "quoted-printable")
    assert message.get_content_type() == "text/html"
    assert message["mime-version"] == "1.0"
    assert "Grüße" in message.get_content()


def test_a_label_that_is_that_of_the_wire_is_kept(bridge: Bridge) -> None:
    head = b'To: b@x.example\nMIME-Version: 1.0\nContent-Type: text/plain; charset="iso-8859-1"; format=flowed\n\n'
    message = recoded(bridge, head + "Grüße\n".encode("latin-1"))
    assert message["content-transfer-encoding"] == "8bit"
    assert message.get_content() == "Grüße\r\n"


def test_without_a_known_charset_everything_is_encoded(bridge: Bridge) -> None:
    bridge.conf.write_text(bridge.conf.read_text() + "D{charset}\n")
    message = recoded(bridge, "To: b@x.example\n\nGrüße\n".encode())
    assert message.get_content_charset() == "utf-8"
    assert bridge.mail().text.isascii()


MULTIPART = """\
To: b@x.example
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_b"
Content-Transfer-Encoding: 8bit
Content-Length: 99

preamble
--=_b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße
--{blank}
me
--=_b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

{long}
--=_b
Content-Type: text/plain

plain stays
--=_b
Content-Type: message/rfc822

Subject: Über
To: c@x.example

inner Grüße
--=_b
Content-Type: image/png
Content-Transfer-Encoding: binary

\x00\x01é
--=_b
Content-Type: text/plain; charset=iso-8859-15
Content-Transfer-Encoding: quoted-printable

caf=E9{blank}{blank}
--=_b--
epilogue{blank}
"""


def test_only_the_parts_that_need_it_are_encoded(bridge: Bridge) -> None:
    data = bytes(range(256)) * 8
    text = MULTIPART.format(blank=" ", long=base64.b64encode(data).decode())
    message = recoded(bridge, text.encode())
    parts = [*message.iter_parts()]
    assert [part.get_content_type() for part in parts] == [
        "text/plain", "application/octet-stream", "text/plain", "message/rfc822", "image/png", "text/plain",
    ]  # fmt: skip
    assert parts[0].get_content().replace("\r\n", "\n").rstrip("\n") == "Grüße\n-- \nme"
    assert parts[1].get_content() == data
    assert b"--=_b\r\nContent-Type: text/plain\r\n\r\nplain stays\r\n--=_b\r\n" in bridge.mail().text
    inner = parts[3].get_content()
    assert (inner["subject"], inner.get_content().rstrip()) == ("Über", "inner Grüße")
    assert parts[4].get_content() == b"\x00\x01\xc3\xa9"
    assert parts[5].get_content().rstrip("\r\n") == "café"
    assert message["content-transfer-encoding"] == "7bit"
    assert message["content-length"] is None
    assert bridge.mail().text.isascii()


@pytest.mark.parametrize(
    ("head", "body", "word"),
    [
        ("Content-Type: multipart/signed; boundary=b", "--b\n\nGrüße\n--b--\n", "signature"),
        ("Content-Type: multipart/mixed", "Grüße\n", "boundary"),
        ("Content-Type: multipart/mixed; boundary=b", "Grüße\n", "boundary"),
        ("Content-Type: multipart/mixed; boundary=b", "Grüße\n--b\n\nx\n--b--\n", "before or after"),
        ("Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode", "Grüße\n", "x-uuencode"),
        ("Content-Type: text/plain\nContent-Transfer-Encoding: base64", "Grüße\n", "base64"),
        ("Date: jetzt à midi", "x\n", "date"),
        ("From: jürgen@x.example", "x\n", "from"),
        ("From: J <jürgen@x.example>", "x\n", "from"),
        ("X-Long: " + "x" * 1000, "x\n", "x-long"),
    ],
)
def test_what_cannot_be_sent_safely_is_65(bridge: Bridge, head: str, body: str, word: str) -> None:
    result = bridge.call("-i", "a@x.example", stdin=f"To: b@x.example\n{head}\n\n{body}".encode())
    assert (result.status, bridge.files()) == (65, [])
    assert word in result.errors


def test_parts_nested_too_deep(bridge: Bridge) -> None:
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n" for level in range(40))
    result = bridge.call("-i", "a@x.example", stdin=f"To: b@x.example\n{head}\nGrüße\n".encode())
    assert (result.status, "deep" in result.errors) == (65, True)


def test_long_quoted_printable_is_made_anew(bridge: Bridge) -> None:
    head = b"To: b@x.example\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
    message = recoded(bridge, head + b"caf=C3=A9 " * 200 + b"\n")
    assert message.get_content().replace("\r\n", "\n") == "café " * 199 + "café\n"


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("To: Jürgen Müller <j@x.example>, plain@x.example", "Jürgen Müller <j@x.example>, plain@x.example"),
        ('To: "Müller, J." <j@x.example>', "Müller, J. <j@x.example>"),
        ("To: j@x.example (Jürgen (der Große))", "j@x.example (Jürgen (der Große))"),
        ('Cc: "J\\"ü" von Hütten <h@x.example>', 'J"ü von Hütten <h@x.example>'),
        ("Subject: one ü two ö three", "one ü two ö three"),
        ("Subject: =?utf-8?q?=C3=A4?= ü =?utf-8?q?=C3=B6?=", "ä ü ö"),
        ("X-Binary: a\x01b", "a\x01b"),
        ("Subject: " + "ü" * 300, "ü" * 300),
    ],
)
def test_header_text_becomes_encoded_words(bridge: Bridge, field: str, shown: str) -> None:
    message = recoded(bridge, f"{field}\nX: y\n\nx\n".encode())
    name = field.partition(":")[0]
    raw = email.message_from_bytes(message.as_bytes())[name]
    assert str(email.header.make_header(email.header.decode_header(raw.replace("\n", "")))) == shown
    assert all(len(line) <= 78 for line in bridge.mail().header.split(b"\r\n"))


def test_parameters_become_extended(bridge: Bridge) -> None:
    message = recoded(bridge, 'To: b@x.example\nContent-Disposition: attachment; filename="Grü;ße.txt"; size=3\n\nx\n'.encode())
    assert message.get_filename() == "Grü;ße.txt"
    assert 'size="3"' in str(message["content-disposition"])


def test_unknown_bytes_are_labelled_as_unknown(bridge: Bridge) -> None:
    bridge.call("a@x.example", stdin=b"To: b@x.example\nSubject: \xe9\n\n\xff\xfe text\n")
    mail = bridge.mail()
    assert b"Subject: =?unknown-8bit?" in mail.text
    assert b"charset=unknown-8bit" in mail.text
    assert mail.content.encode("latin-1") == b"\xff\xfe text\n"


def test_encoded_words_are_short_and_whole() -> None:
    for line in encoded_words("€ä".encode() * 60).split(b"\n "):
        assert len(line) <= 75
        base64.b64decode(line.split(b"?")[3]).decode("utf-8")


def test_folding_keeps_words() -> None:
    field = b"X: " + b"word " * 400 + b"end"
    assert folded(field).replace(b"\n", b"") == field
    assert folded(b"X:" + b"y" * 2000) == b"X:" + b"y" * 2000


# Who calls


def test_names() -> None:
    assert full_name_of(b"&s full name,room,phone", b"anna") == b"Annas full name"
    assert Caller(1, "anna.b-c$dlong", b"").job_name == "ANNABC$D"
    assert Caller(1, "...", b"").job_name == "SENDMAIL"
    assert Caller(1, "a b", b"").address == '"a b"'
    assert Caller(1, "anna", b"").address == "anna"
    assert from_value("a@b", b"") == b"a@b"
    assert from_value("a@b", "Jörg".encode()) == b"=?utf-8?q?J=C3=B6rg?= <a@b>"


def test_date_has_the_local_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    from cssmtp.ezatmail import message

    monkeypatch.setenv("TZ", "XYZ+3:30")
    message.time.tzset()
    assert date(0) == b"Wed, 31 Dec 1969 20:30:00 -0330"
    monkeypatch.setenv("TZ", "UTC")
    message.time.tzset()


def test_addresses_of_every_kind() -> None:
    assert addresses("") == []
    assert addresses("a@b, , c") == ["a@b", "c"]
    assert addresses("<@r1.x,@r2.x:a@b>") == ["a@b"]
    assert addresses(r'"quo\"ted"@x, "a@b"') == [r'"quo\"ted"@x', '"a@b"']
    assert addresses("\\root") == ["\\root"]
    assert addresses("g: a@b;, h:;") == ["a@b"]


# The server of -bs


def dialogue(bridge: Bridge, text: str, *words: str) -> list[str]:
    result = bridge.call("-bs", *words, stdin=text.encode("latin-1"))
    assert result.status == 0
    return [line[:3] for line in result.output.splitlines() if line[3:4] != "-"]


HELLO = "EHLO x\r\n"
ENVELOPE = "MAIL FROM:<s@x.example>\r\nRCPT TO:<r@x.example>\r\n"


CODES = ["220", "250", *("250", "250", "354", "250") * 2, "221"]


def test_server_takes_several_mails_each_its_own_file(bridge: Bridge) -> None:
    mail = ENVELOPE + "DATA\r\n.From: not a header\r\n\r\n.\r\n"
    assert dialogue(bridge, HELLO + mail + mail + "QUIT\r\n") == CODES
    assert len(bridge.files()) == 2


def test_server_knows_its_commands(bridge: Bridge) -> None:
    text = (
        "HELO x\nNOOP\nHELP\nVRFY a\nRSET\nVRFY\nHELO\nEHLO\nnonsense\nDATA\nRCPT TO:<a@x.example>\nDATA x\n"
        + "x" * 5000
        + "\nQUIT\n"
    )
    assert dialogue(bridge, text) == "220 250 250 214 252 250 501 501 501 500 503 503 500 500 221".split()  # noqa: SIM905


def test_server_takes_bare_line_feeds_and_dots(bridge: Bridge) -> None:
    text = HELLO + ENVELOPE + "DATA\nTo: r@x.example\n\n..dot\nend\n.\nQUIT\n"
    dialogue(bridge, text.replace("\r", ""))
    assert bridge.mail().body == b".dot\r\nend\r\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:<>", "250"), ("mail from: <a@x.example>", "250"), ("MAIL FROM:<a@x.example> BODY=8BITMIME SIZE=10", "250"),
        ("MAIL FROM:<root>", "250"), ("MAIL FROM:a@x.example", "501"), ("MAIL FROM:<a b>", "501"),
        ("MAIL FROM:<a@x.example> X=1", "555"),
        ("MAIL FROM:<a@x.example> ;", "501"), ("MAIL FROM:<a@x.example> SIZE=999", "552"), ("MAIL TO:<a@x.example>", "501"),
        ("MAIL", "501"),
    ],
)  # fmt: skip
def test_server_mail(bridge: Bridge, command: str, code: str) -> None:
    bridge.conf.write_text(bridge.conf.read_text() + "O MaxMessageSize=100\n")
    assert dialogue(bridge, f"{HELLO}{command}\r\n{command}\r\n")[2:] == [code, "503" if code == "250" else code]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("RCPT TO:<a@x.example>", "250"),
        ("RCPT TO:<>", "501"),
        ("RCPT TO:<a@x.example> NOTIFY=NEVER", "555"),
        ('RCPT TO:<"a>b"@x.example>', "250"),
    ],
)
def test_server_rcpt(bridge: Bridge, command: str, code: str) -> None:
    assert dialogue(bridge, f"{HELLO}MAIL FROM:<>\r\n{command}\r\n")[3:] == [code]


def test_server_refuses_what_is_too_large_and_goes_on(bridge: Bridge) -> None:
    bridge.conf.write_text(bridge.conf.read_text() + "O MaxMessageSize=100\n")
    text = HELLO + ENVELOPE + "DATA\r\n" + "x" * 300_000 + "\r\n.\r\n" + ENVELOPE + "DATA\r\nok\r\n.\r\nQUIT\r\n"
    assert dialogue(bridge, text)[5:] == "552 250 250 354 250 221".split()  # noqa: SIM905
    assert bridge.mail().body == b"ok\r\n"


def test_server_leaves_nothing_of_an_unfinished_mail(bridge: Bridge) -> None:
    dialogue(bridge, HELLO + ENVELOPE + "DATA\r\nhalf a mail\r\n")
    assert not bridge.files()


def test_server_tells_why_it_cannot_take_a_mail(bridge: Bridge) -> None:
    text = HELLO + ENVELOPE + "DATA\r\nDate: \xff\r\n\r\nx\r\n.\r\n"
    assert dialogue(bridge, text)[-1] == "554"
    bridge.drop.rename(bridge.directory / "elsewhere")
    assert dialogue(bridge, HELLO + ENVELOPE + "DATA\r\nx\r\n.\r\n")[-1] == "451"


def test_server_limits_recipients(bridge: Bridge) -> None:
    codes = dialogue(bridge, HELLO + "MAIL FROM:<>\r\n" + "RCPT TO:<a@x.example>\r\n" * 10_001)
    assert codes[-2:] == ["250", "452"]


def test_server_ends_when_nobody_listens(bridge: Bridge) -> None:
    with subprocess.Popen(
        [bridge.bin / "sendmail", "-bs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=bridge.environment,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b"NOOP\r\n" * 3)
        process.stdin.flush()
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_server_sends_aliases_to_nobody(bridge: Bridge) -> None:
    path = bridge.directory / "aliases"
    path.write_text("nobody: g:;\nlist: a@x.example\n")
    bridge.conf.write_text(bridge.conf.read_text() + f"O AliasFile={path}\n")
    text = f"{HELLO}MAIL FROM:<>\r\nRCPT TO:<{{}}>\r\nDATA\r\nx\r\n.\r\n"
    assert dialogue(bridge, text.format("nobody"))[-1] == "554"
    assert dialogue(bridge, text.format("list"))[-1] == "250"
    assert bridge.mail().recipients == ("a@x.example",)
