"""cssmtp.smtp.replies: RFC 5321 4.2 replies however they are cut."""

from __future__ import annotations

import pytest

from cssmtp.model import Reply
from cssmtp.smtp.replies import LINE_LIMIT, REPLY_LIMIT, ProtocolError, ReplyParser

GOOD = [
    (b"250 2.1.0 Ok\r\n", [Reply(250, "2.1.0", ("Ok",))]),
    (b"250 Ok\n", [Reply(250, "", ("Ok",))]),
    (b"354\r\n", [Reply(354, "", ("",))]),
    (b"250-one\r\n250-two\r\n250 three\r\n", [Reply(250, "", ("one", "two", "three"))]),
    (b"550-5.1.1 No such\r\n550 5.1.1 user\r\n", [Reply(550, "5.1.1", ("No such", "user"))]),
    (b"250 a\r\n354 b\r\n250 c\r\n", [Reply(250, "", ("a",)), Reply(354, "", ("b",)), Reply(250, "", ("c",))]),
    (b"250 5.1.1 the class does not fit\r\n", [Reply(250, "", ("5.1.1 the class does not fit",))]),
    (b"550 5.1 not three parts\r\n", [Reply(550, "", ("5.1 not three parts",))]),
    (b"550 5.1.1.1 four\r\n", [Reply(550, "", ("5.1.1.1 four",))]),
    (b"550 5.1111.1 long\r\n", [Reply(550, "", ("5.1111.1 long",))]),
    (b"550 5.x.1 letters\r\n", [Reply(550, "", ("5.x.1 letters",))]),
    (b"550 5.7.1\r\n", [Reply(550, "5.7.1", ("",))]),
    (b"250 tab\there \x1b[31m\xe9\x00\r\n", [Reply(250, "", ("tab here ?[31m??",))]),
    (b"250 " + b"long " * 60 + b"\r\n", [Reply(250, "", (("long " * 60).strip(),))]),
]


@pytest.mark.parametrize(("data", "replies"), GOOD)
def test_replies_whole_byte_by_byte_and_with_the_next_begun(data: bytes, replies: list[Reply]) -> None:
    assert ReplyParser().feed(data) == replies
    parser = ReplyParser()
    assert [reply for byte in data for reply in parser.feed(bytes([byte]))] == replies
    assert not parser.partial
    parser = ReplyParser()
    assert parser.feed(data + b"25") == replies
    assert parser.partial
    assert parser.feed(b"0 more\r\n") == [Reply(250, "", ("more",))]


@pytest.mark.parametrize(
    "data",
    [b"hello\r\n", b"25 x\r\n", b"2500 x\r\n", b"150 x\r\n", b"600 x\r\n", b"\r\n", b"2x0 a\r\n", b"250_a\r\n", b"\xff\xfe\r\n"],
)
def test_garbage_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="not an SMTP reply"):
        ReplyParser().feed(data)


def test_lines_of_one_reply_must_have_one_code() -> None:
    with pytest.raises(ProtocolError, match="250 and 550"):
        ReplyParser().feed(b"250-well\r\n550 no\r\n")


def test_good_replies_before_garbage_still_count() -> None:
    with pytest.raises(ProtocolError) as caught:
        ReplyParser().feed(b"250 2.0.0 queued\r\nrubbish\r\n")
    assert caught.value.replies == [Reply(250, "2.0.0", ("queued",))]


def feed_until_error(parser: ReplyParser, data: bytes) -> tuple[int, str]:
    """Feed `data` again and again, 10 MB at most; returns how many bytes it took until the error, and the error."""
    for number in range(1, 10_000_000 // len(data)):
        try:
            parser.feed(data)
        except ProtocolError as error:
            return number * len(data), str(error)
    raise AssertionError("no error")


def test_ten_megabytes_of_text_are_an_error_not_memory() -> None:
    parser = ReplyParser()
    fed, message = feed_until_error(parser, b"x" * 65536)
    assert "line is longer" in message
    assert fed <= LINE_LIMIT + 65536


def test_a_long_line_that_ends_is_an_error_too() -> None:
    with pytest.raises(ProtocolError, match="line is longer"):
        ReplyParser().feed(b"250 " + b"x" * LINE_LIMIT + b"\r\n")


def test_endless_multi_line_reply_is_bounded() -> None:
    fed, message = feed_until_error(ReplyParser(), b"250-" + b"x" * 996 + b"\r\n")
    assert "a reply is longer" in message
    assert fed // 1002 == REPLY_LIMIT // 1000 + 1


def test_the_parser_remembers_how_far_it_looked() -> None:
    parser = ReplyParser()
    parser.feed(b"250 begun")
    assert parser._looked == 9
    parser.feed(b" and")
    assert parser._looked == 13
