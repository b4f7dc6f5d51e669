"""cssmtp.delivery.choice: which target a mail may go to, over all combinations that matter."""

from __future__ import annotations

import itertools

import pytest

from cssmtp.config.model import AddressKind, TargetAddress, TargetServer
from cssmtp.delivery.choice import Fitness, Need, Nobody, Use, Wait, choose, fitness, obstacle
from cssmtp.delivery.target import Address, Target, TargetState
from cssmtp.smtp.capabilities import PLAIN_SMTP, Capabilities

NOW = 1000.0
TRUST = 120.0
TLS = Capabilities(esmtp=True, starttls=True)
NO_TLS = Capabilities(esmtp=True)


def make(
    capabilities: Capabilities | None = None, *, preference: int = 1, secure: bool = False, age: float = 0, ip: str = "192.0.2.1"
) -> Target:
    server = TargetServer((TargetAddress(AddressKind.IP, ip),), secure=secure, message_size=1000)
    target = Target(Address(ip, 25, preference, ip, server))
    if capabilities is not None:
        target.up(capabilities, NOW - age, tls=False)
    return target


@pytest.mark.parametrize(("secure", "starttls_of_deck"), list(itertools.product([False, True], repeat=2)))
def test_tls_is_required_by_the_table_of_11_1(secure: bool, starttls_of_deck: bool) -> None:
    required = secure or starttls_of_deck
    assert bool(obstacle(Need(starttls_of_deck, 1), make(NO_TLS, secure=secure))) == required
    assert not obstacle(Need(starttls_of_deck, 1), make(TLS, secure=secure))


@pytest.mark.parametrize(
    ("capabilities", "size", "fits"),
    [
        (PLAIN_SMTP, 1000, True),
        (PLAIN_SMTP, 1001, False),
        (Capabilities(esmtp=True, size=2000), 2000, True),
        (Capabilities(esmtp=True, size=2000), 2001, False),
        (Capabilities(esmtp=True, size=500), 501, False),
        (Capabilities(esmtp=True, size=0), 10**9, True),
        (Capabilities(esmtp=True, size=None), 10**9, True),
    ],
)
def test_size_rule(capabilities: Capabilities, size: int, fits: bool) -> None:
    assert bool(obstacle(Need(False, size), make(capabilities))) != fits


def test_fitness_by_state() -> None:
    need = Need(True, 1)
    assert obstacle(need, make()) == ""
    assert fitness(need, make(), NOW, TRUST) is Fitness.UNKNOWN
    assert fitness(need, make(TLS), NOW, TRUST) is Fitness.CAPABLE
    assert fitness(need, make(NO_TLS), NOW, TRUST) is Fitness.INCAPABLE
    down = make(NO_TLS)
    assert down.down("no answer", NOW + 5)
    assert not down.down("no answer", NOW + 5)
    assert fitness(need, down, NOW, TRUST) is Fitness.DOWN
    assert (down.state, down.capabilities, down.reason, down.next_attempt) == (TargetState.DOWN, None, "no answer", NOW + 5)
    assert "192.0.2.1" in repr(down)


def test_a_no_is_believed_for_a_while_only() -> None:
    assert fitness(Need(True, 1), make(NO_TLS, age=TRUST), NOW, TRUST) is Fitness.INCAPABLE
    assert fitness(Need(True, 1), make(NO_TLS, age=TRUST + 1), NOW, TRUST) is Fitness.UNKNOWN
    assert fitness(Need(False, 1), make(NO_TLS, age=TRUST + 1), NOW, TRUST) is Fitness.CAPABLE


def test_tls_that_failed_though_offered() -> None:
    target = make(TLS, age=500)
    target.refuse_tls("bad certificate", NOW - 10)
    assert fitness(Need(True, 1), target, NOW, TRUST) is Fitness.INCAPABLE
    assert fitness(Need(True, 1), target, NOW + 200, TRUST) is Fitness.UNKNOWN
    assert fitness(Need(False, 1), target, NOW, TRUST) is Fitness.CAPABLE
    assert "bad certificate" in obstacle(Need(True, 1), target)
    assert not target.up(TLS, NOW, tls=True)
    assert fitness(Need(True, 1), target, NOW, TRUST) is Fitness.CAPABLE


def test_best_preference_first_and_equal_ones_together() -> None:
    one, two, three = make(TLS, preference=10), make(preference=10), make(TLS, preference=20)
    assert choose(Need(False, 1), [three, one, two], NOW, TRUST) == Use((one, two))


def test_a_target_that_is_down_or_incapable_is_passed_over() -> None:
    best, second, third = make(NO_TLS, preference=1), make(TLS, preference=2), make(TLS, preference=3)
    assert choose(Need(True, 1), [best, second, third], NOW, TRUST) == Use((second,))
    second.down("x", NOW)
    assert choose(Need(True, 1), [best, second, third], NOW, TRUST) == Use((third,))
    third.down("x", NOW)
    assert choose(Need(True, 1), [best, second, third], NOW, TRUST) == Wait()


def test_nobody_is_said_only_when_every_target_has_answered() -> None:
    one, two = make(NO_TLS, ip="192.0.2.1"), make(NO_TLS, ip="192.0.2.2")
    assert choose(Need(True, 1), [one, two], NOW, TRUST) == Nobody(
        "192.0.2.1: TLS is required and not offered; 192.0.2.2: TLS is required and not offered"
    )
    two.down("x", NOW)
    assert choose(Need(True, 1), [one, two], NOW, TRUST) == Wait()
    assert choose(Need(True, 1), [one, make(ip="192.0.2.2")], NOW, TRUST) != Wait()


def test_without_targets_mail_waits() -> None:
    assert choose(Need(False, 1), [], NOW, TRUST) == Wait()


CONDITIONS = ["unknown", "up", "incapable", "down"]


@pytest.mark.parametrize("conditions", list(itertools.product(CONDITIONS, repeat=3)))
def test_every_combination_of_three_targets(conditions: tuple[str, ...]) -> None:
    targets = []
    for preference, condition in enumerate(conditions):
        target = make({"up": TLS, "incapable": NO_TLS}.get(condition), preference=preference)
        if condition == "down":
            target.down("x", NOW)
        targets.append(target)
    choice = choose(Need(True, 1), targets, NOW, TRUST)
    usable = [target for target, condition in zip(targets, conditions, strict=True) if condition in ("unknown", "up")]
    if usable:
        assert choice == Use((usable[0],))
    elif "down" in conditions:
        assert choice == Wait()
    else:
        assert isinstance(choice, Nobody)
