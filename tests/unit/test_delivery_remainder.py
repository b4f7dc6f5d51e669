"""cssmtp.delivery.remainder: recipients that are too many at once."""

from __future__ import annotations

from cssmtp.delivery.remainder import RECIPIENTS_MINIMUM, remainder, whole
from cssmtp.model import Outcome, Verdict
from tests.delivering import TestParcel, office, target
from tests.misbehaving import MisbehavingServer

OK = Outcome(Verdict.DELIVERED, "250 2.0.0 Ok")
TOO_MANY = Outcome(Verdict.RETRY, "452 4.5.3 Too many recipients")
PLAIN = Outcome(Verdict.RETRY, "452 too many recipients")
FULL = Outcome(Verdict.RETRY, "452 4.2.2 mailbox full")
NOBODY = Outcome(Verdict.UNDELIVERABLE, "550 5.1.1 nobody")


def parcel(count: int) -> TestParcel:
    return TestParcel(tuple(f"r{number}@x.test" for number in range(count)))


def test_the_rest_keeps_order_and_own_answers() -> None:
    one = parcel(5)
    rest = remainder(one, (OK, NOBODY, TOO_MANY, FULL, TOO_MANY))
    assert rest is not None
    assert rest.recipients == ("r2@x.test", "r4@x.test")
    assert (rest.reverse_path, rest.size, rest.tls_required) == (one.reverse_path, one.size, False)
    again = remainder(rest, (OK, TOO_MANY))
    assert again is not None
    assert again.recipients == ("r4@x.test",)
    assert whole(again, (NOBODY,)) == (one, (OK, NOBODY, OK, FULL, NOBODY))
    assert whole(one, (OK,) * 5) == (one, (OK,) * 5)


def test_when_nobody_was_delivered_there_is_no_further_round() -> None:
    assert remainder(parcel(2), (TOO_MANY, TOO_MANY)) is None
    assert remainder(parcel(1), (TOO_MANY,)) is None
    assert remainder(parcel(2), (OK, OK)) is None
    assert remainder(parcel(2), (OK, NOBODY)) is None


def test_a_plain_452_means_too_many_only_after_as_many_as_any_server_takes() -> None:
    assert remainder(parcel(3), (OK, PLAIN, FULL)) is None
    rest = remainder(parcel(RECIPIENTS_MINIMUM + 1), (OK,) * RECIPIENTS_MINIMUM + (PLAIN,))
    assert rest is not None
    assert rest.places == (RECIPIENTS_MINIMUM,)


async def test_two_thousand_recipients_at_a_server_that_takes_a_hundred() -> None:
    async with MisbehavingServer(recipients_per_mail=100) as server, office(target(server.port, connect_limit=1)) as here:
        one = parcel(2000)
        (words,) = await here.deliver(one)
        assert all(word.startswith("delivered") for word in words)
        assert [len(mail.recipients) for mail in server.accepted] == [100] * 20
        assert tuple(recipient for mail in server.accepted for recipient in mail.recipients) == one.recipients
