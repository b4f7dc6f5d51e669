from cssmtp.observe.bus import Bus
from cssmtp.observe.events import Debug, Event, GatewayReady, InternalError, SinkFailed


class Collector:
    def __init__(self, *kinds: type[Event]) -> None:
        self.kinds = kinds
        self.got: list[Event] = []
        self.asked = 0

    def wants(self, kind: type[Event], variant: str) -> bool:
        self.asked += 1
        return not self.kinds or kind in self.kinds

    def handle(self, event: Event) -> None:
        self.got.append(event)


class Faulty(Collector):
    def handle(self, event: Event) -> None:
        super().handle(event)
        raise RuntimeError("no more")


class Confused(Collector):
    def wants(self, kind: type[Event], variant: str) -> bool:
        raise RuntimeError("cannot say")


DEBUG = Debug("here", "text")
ERROR = InternalError("here", "text")


def test_an_event_reaches_those_who_want_it_before_publish_returns() -> None:
    bus, all_of_them, errors = Bus(), Collector(), Collector(InternalError)
    bus.subscribe(all_of_them)
    bus.subscribe(errors)
    bus.publish(DEBUG)
    bus.publish(ERROR)
    assert all_of_them.got == [DEBUG, ERROR]
    assert errors.got == [ERROR]


def test_a_sink_is_asked_once_per_class() -> None:
    bus, sink = Bus(), Collector()
    bus.subscribe(sink)
    for _ in range(5):
        bus.publish(DEBUG)
    assert sink.asked == 1


def test_rewire_asks_again() -> None:
    bus, sink = Bus(), Collector(InternalError)
    bus.subscribe(sink)
    bus.publish(DEBUG)
    sink.kinds = (Debug,)
    bus.publish(DEBUG)
    assert sink.got == []
    bus.rewire()
    bus.publish(DEBUG)
    assert sink.got == [DEBUG]


def test_wanted_tells_publishers_whether_an_event_is_worth_making() -> None:
    bus = Bus()
    assert not bus.wanted(Debug)
    bus.subscribe(Collector(Debug))
    assert bus.wanted(Debug)
    assert not bus.wanted(InternalError)


def test_a_sink_that_raises_is_dropped_and_the_others_are_told() -> None:
    bus, before, faulty, after = Bus(), Collector(), Faulty(Debug), Collector()
    for sink in (before, faulty, after):
        bus.subscribe(sink)
    bus.publish(DEBUG)
    bus.publish(DEBUG)
    failure = SinkFailed("Faulty", "RuntimeError: no more")
    assert faulty.got == [DEBUG]
    assert before.got == [DEBUG, failure, DEBUG]
    assert after.got == [failure, DEBUG, DEBUG]


def test_publish_never_raises_even_when_all_sinks_are_faulty() -> None:
    bus, first, second = Bus(), Faulty(), Faulty()
    bus.subscribe(first)
    bus.subscribe(second)
    bus.publish(DEBUG)
    bus.publish(DEBUG)
    assert first.got == [DEBUG]
    assert second.got == [SinkFailed("Faulty", "RuntimeError: no more"), DEBUG]
    assert not bus.wanted(Debug)


def test_a_sink_that_cannot_say_what_it_wants_is_dropped() -> None:
    bus, confused, sink = Bus(), Confused(), Collector()
    bus.subscribe(confused)
    bus.subscribe(sink)
    bus.publish(DEBUG)
    assert sink.got == [SinkFailed("Confused", "RuntimeError: cannot say"), DEBUG]


def test_a_sink_dropped_while_others_are_being_asked_gets_nothing_more() -> None:
    bus, faulty, confused = Bus(), Faulty(), Confused()
    bus.subscribe(faulty)
    bus.subscribe(confused)
    bus.publish(DEBUG)
    bus.publish(DEBUG)
    assert faulty.got == [SinkFailed("Confused", "RuntimeError: cannot say")]


def test_unsubscribe_ends_the_stream() -> None:
    bus, sink = Bus(), Collector()
    bus.subscribe(sink)
    bus.unsubscribe(sink)
    bus.unsubscribe(sink)
    bus.publish(DEBUG)
    assert sink.got == []


class Choosy(Collector):
    """Wants one variant."""

    def wants(self, kind: type[Event], variant: str) -> bool:
        self.asked += 1
        return variant == "test"


class Unhashable(Collector):
    """Equal to everything, as a sink may be."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


def test_sinks_are_told_apart_by_identity_alone() -> None:
    bus, first, second = Bus(), Unhashable(), Unhashable()
    for sink in (first, second):
        bus.subscribe(sink)
    bus.publish(DEBUG)
    bus.unsubscribe(first)
    bus.publish(GatewayReady(1))
    assert (first.got, second.got) == ([DEBUG], [DEBUG, GatewayReady(1)])


def test_a_sink_gets_only_the_variants_it_wants_and_is_asked_once_for_each() -> None:
    bus, choosy, everything = Bus(), Choosy(), Collector(GatewayReady)
    bus.subscribe(choosy)
    bus.subscribe(everything)
    production, test = GatewayReady(1), GatewayReady(1, test_mode=True)
    for event in (production, test, production, test, DEBUG):
        bus.publish(event)
    assert choosy.got == [test, test]
    assert everything.got == [production, test, production, test]
    assert choosy.asked == 3
    assert bus.wanted(GatewayReady)
    bus.unsubscribe(everything)
    assert bus.wanted(GatewayReady)
    assert not bus.wanted(Debug)
