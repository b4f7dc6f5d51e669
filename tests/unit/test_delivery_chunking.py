"""CHUNKING and whole mails in flight, against a server that keeps to RFC 3030 and one that does not."""

from __future__ import annotations

import pytest

from cssmtp.config.model import Timeout
from cssmtp.delivery.link import chunk_of
from cssmtp.observe.events import ConnectionClosed, Dialogue, TargetDown
from tests.delivering import TEXT, TINY, Office, TestParcel, office, parcels, target
from tests.misbehaving import MisbehavingServer

CHUNKING = ("PIPELINING", "8BITMIME", "CHUNKING", "SIZE")
ONE = {"connect_limit": 1}
DEEP = {"connect_limit": 1, "pipeline_depth": 10}


def verbs(server: MisbehavingServer) -> list[str]:
    return [command.split()[0] for dialogue in server.dialogues for command in dialogue.commands]


def delivered(here: Office) -> int:
    return sum(outcomes[0][0].verdict.value == "delivered" for outcomes in here.outcomes.values())


@pytest.mark.parametrize(
    ("wire", "sent"),
    [
        (b"Subject: x\r\n\r\nHello\r\n.\r\n", b"Subject: x\r\n\r\nHello\r\n"),
        (b"..dot\r\n\r\na\r\n...\r\n.\r\n", b".dot\r\n\r\na\r\n..\r\n"),
        (b"a\r\n..\r\n.\r\n", b"a\r\n.\r\n"),
        (b".\r\n", b""),
    ],
)
def test_bdat_sends_the_text_without_stuffing_and_without_the_final_dot(wire: bytes, sent: bytes) -> None:
    assert chunk_of(wire) == sent


@pytest.mark.parametrize("options", [ONE, DEEP])
async def test_bdat_is_used_where_it_is_offered_and_the_text_is_the_same(options: dict[str, int]) -> None:
    text = b"Subject: x\r\n\r\n..\r\nend\r\n.\r\n"
    async with MisbehavingServer(extensions=CHUNKING) as server, office(target(server.port, **options)) as here:
        words = await here.deliver(*parcels(50, text=text))
        assert all(word[0].startswith("delivered 250") for word in words)
        assert {mail.text for mail in server.accepted} == {text[:-3]}
        assert "DATA" not in verbs(server)
        assert verbs(server).count("BDAT") == 50
        assert len(server.dialogues) == 1


@pytest.mark.parametrize("extensions", [("CHUNKING",), ("PIPELINING",), CHUNKING])
async def test_data_is_used_where_bdat_is_not_offered_or_not_wanted(extensions: tuple[str, ...]) -> None:
    options = {**DEEP, "chunking": extensions != CHUNKING}
    async with MisbehavingServer(extensions=extensions) as server, office(target(server.port, **options)) as here:
        words = await here.deliver(*parcels(5))
        assert all(word[0].startswith("delivered") for word in words)
        assert "BDAT" not in verbs(server)


async def test_a_large_mail_goes_by_data_between_others_that_do_not() -> None:
    async with MisbehavingServer(extensions=CHUNKING) as server, office(target(server.port, **DEEP)) as here:
        large = TestParcel(text=lambda: iter([TEXT[:-3], b".\r\n"]))
        words = await here.deliver(*parcels(20), large, *parcels(20))
        assert all(word[0].startswith("delivered") for word in words)
        assert verbs(server).count("DATA") == 1
        assert len(server.dialogues) == 1


@pytest.mark.parametrize("depth", [1, 3, 10])
async def test_as_many_mails_are_unanswered_as_pipeline_depth_allows_once_bdat_has_worked(depth: int) -> None:
    options = {"connect_limit": 1, "pipeline_depth": depth}
    async with MisbehavingServer(extensions=CHUNKING) as server, office(target(server.port, **options)) as here:
        for parcel in (TestParcel(), *parcels(30, reverse_path="dot-wait@x.test")):
            here.courier.submit(parcel)
        await server.hanging.wait()
        (link,) = here.courier._links()
        assert link.unanswered == depth
        server.release.set()
        await here.until(lambda: len(here.outcomes) == 31)


async def test_nothing_is_sent_behind_the_first_bdat() -> None:
    async with MisbehavingServer(extensions=CHUNKING) as server, office(target(server.port, **DEEP)) as here:
        for parcel in parcels(30, reverse_path="dot-wait@x.test"):
            here.courier.submit(parcel)
        await server.hanging.wait()
        (link,) = here.courier._links()
        assert link.unanswered == 1
        server.release.set()
        await here.until(lambda: len(here.outcomes) == 30)


@pytest.mark.parametrize("answer", ["500", "501", "502", "503", "504", "unknown"])
@pytest.mark.parametrize("options", [ONE, DEEP])
async def test_a_server_that_does_not_understand_bdat_gets_data_and_no_mail_ends(answer: str, options: dict[str, int]) -> None:
    server = MisbehavingServer({"bdat": answer}, extensions=CHUNKING)
    async with server, office(target(server.port, **options)) as here:
        words = await here.deliver(*parcels(20))
        assert all(word[0].startswith("delivered") for word in words)
        assert len(server.accepted) == 20
        assert len(server.dialogues) == 2  # remembered of the target
        assert not here.of(TargetDown)
        assert "BDAT is offered and not understood" in here.of(ConnectionClosed)[0].reason


@pytest.mark.parametrize("action", ["close", "reset", "hang", "garbage"])
async def test_a_connection_that_ends_under_its_first_bdat_goes_on_with_data(action: str) -> None:
    """One mail is in the window and retried; a server that always ends there does not stop the rest."""
    server = MisbehavingServer({"bdat": action}, extensions=CHUNKING)
    timeout = Timeout(data_term=TINY, connect_retry=30)
    async with server, office(target(server.port, **DEEP), timeout=timeout) as here:
        words = await here.deliver(*parcels(10))
        assert [word[0].split()[0] for word in words] == ["retry"] + ["delivered"] * 9
        assert "answer to the final dot unknown" in words[0][0]


@pytest.mark.parametrize("code", ["450", "452", "550", "554"])
async def test_a_refused_text_is_about_its_mail_and_its_recipients_get_no_other_mail(code: str) -> None:
    """The server keeps the failed transaction until RSET (RFC 3030 section 2): without it the next mail would reach both."""
    async with MisbehavingServer(extensions=CHUNKING) as server, office(target(server.port, **DEEP)) as here:
        good, bad = parcels(40), TestParcel(("victim@x.test",), f"dot-{code}@x.test")
        words = await here.deliver(*good[:20], bad, *good[20:])
        verdict = "retry" if code[0] == "4" else "undeliverable"
        assert [word[0].split()[0] for word in words] == ["delivered"] * 20 + [verdict] + ["delivered"] * 20
        assert all(len(mail.recipients) == 1 for mail in server.accepted)
        assert len(server.accepted) == 40
        assert len(server.dialogues) == 1


async def test_refused_recipients_and_senders_among_mails_in_flight() -> None:
    async with MisbehavingServer(extensions=CHUNKING) as server, office(target(server.port, **DEEP)) as here:
        good = parcels(30)
        nobody = TestParcel(("rcpt-550@x.test",))
        mixed = TestParcel(("a@x.test", "rcpt-450@x.test", "b@x.test"))
        sender = TestParcel(("c@x.test",), "mail-550@x.test")
        words = await here.deliver(*good[:10], nobody, *good[10:20], mixed, *good[20:25], sender, *good[25:])
        assert words[10][0].startswith("undeliverable 550")
        assert [word.split()[0] for word in words[21]] == ["delivered", "retry", "delivered"]
        assert words[27][0].startswith("undeliverable 550")
        assert delivered(here) == 31
        assert {len(mail.recipients) for mail in server.accepted} == {1, 2}
        assert len(server.dialogues) == 1


@pytest.mark.parametrize(("action", "taken"), [("drop", 0), ("take", 1), ("close", 0), ("reset", 0)])
async def test_a_connection_that_dies_with_mails_in_flight_puts_only_these_in_doubt(action: str, taken: int) -> None:
    async with MisbehavingServer(extensions=CHUNKING) as server, office(target(server.port, **DEEP)) as here:
        bad = TestParcel(("bad@x.test",), f"dot-{action}@x.test")
        good = parcels(60)
        for parcel in (*good[:30], bad, *good[30:]):
            here.courier.submit(parcel)
        await here.until(lambda: len(here.outcomes) == 61)
        doubtful = [parcel for parcel in here.outcomes if here.words(parcel)[0].startswith("retry")]
        assert bad in doubtful
        assert 1 <= len(doubtful) <= 10  # PipelineDepth: the window
        assert all("answer to the final dot unknown" in here.words(parcel)[0] for parcel in doubtful)
        heard = [mail.recipients for mail in server.accepted]
        assert len(heard) == len({*heard})
        if action == "reset":  # which may overtake answers
            assert 61 - len(doubtful) <= len(heard) <= 60
        else:
            assert len(heard) == 61 - len(doubtful) + taken


async def test_a_421_after_so_many_mails_costs_no_mail_in_flight() -> None:
    """The server said that it looks at nothing any more: what it has not answered goes on another connection."""
    server = MisbehavingServer(extensions=CHUNKING, mails_per_connection=25)
    async with server, office(target(server.port, **DEEP)) as here:
        words = await here.deliver(*parcels(100))
        assert all(word[0].startswith("delivered") for word in words)
        assert len(server.accepted) == 100
        assert len(server.dialogues) == 4


async def test_the_dialogue_shows_bdat_without_the_text() -> None:
    server = MisbehavingServer(extensions=CHUNKING)
    async with server, office(target(server.port, **DEEP), traced=lambda: True) as here:
        await here.deliver(*parcels(3))
        shown = [event.text for event in here.of(Dialogue)]
        assert sum(text.startswith("BDAT ") for text in shown) == 3
        assert not any("Hello" in text for text in shown)
