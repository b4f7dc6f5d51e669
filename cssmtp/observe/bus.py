"""The one stream of events.

Promises: `publish` hands an event to every sink that wants its class and variant, in the order of subscription, before it
returns. Who wants what is asked when sinks come, go or change their mind, never per event: a mail that went well costs nothing
in a log that tells only of those that did not.
A sink that raises is taken off the bus and the others are told by `SinkFailed`. An event nobody wants costs one lookup.
May be called from any thread; a sink must stand that.
Never: raises into the publisher, keeps an event, looks at a clock (see `events`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cssmtp.observe.events import Event, SinkFailed

Publish = Callable[[Event], None]
"""What publishers are given: the bus's `publish`, or in tests a list's `append`."""


class Sink(Protocol):
    """Something that makes use of events: log, console, statistics."""

    def wants(self, kind: type[Event], variant: str) -> bool:
        """Whether events of this class and variant should come at all. Asked once for each, and after each `Bus.rewire`."""
        ...

    def handle(self, event: Event) -> None:
        """Make use of one event; quick, as the publisher waits."""
        ...


Sinks = tuple[Sink, ...]


class Bus:
    """Connects publishers with sinks. One per process."""

    def __init__(self) -> None:
        self._sinks: Sinks = ()
        self._routes: dict[type[Event], Sinks | dict[str, Sinks]] = {}  # by variant only where the variants differ

    def subscribe(self, sink: Sink) -> None:
        """Add a sink; it gets what is published from now on."""
        self._sinks = (*self._sinks, sink)
        self.rewire()

    def unsubscribe(self, sink: Sink) -> None:
        """Take a sink off; one that is not there is no error."""
        self._sinks = tuple(other for other in self._sinks if other is not sink)
        self.rewire()

    def rewire(self) -> None:
        """Ask all sinks again what they want: to be called when one changed its mind (a new LogLevel)."""
        self._routes = {}

    def wanted(self, kind: type[Event]) -> bool:
        """Whether any sink wants this class in any variant, so that a publisher need not make costly events for nobody."""
        route = self._route(kind)
        return any(route.values()) if isinstance(route, dict) else bool(route)

    def publish(self, event: Event) -> None:
        """Hand `event` to all who want it. Raises nothing."""
        route = self._routes.get(type(event))
        if route is None:
            route = self._route(type(event))
        for sink in route[event.variant] if isinstance(route, dict) else route:
            try:
                sink.handle(event)
            except Exception as error:
                self._drop(sink, error)

    def _route(self, kind: type[Event]) -> Sinks | dict[str, Sinks]:
        route = self._routes.get(kind)
        if route is None:
            by_variant = {variant: self._wanting(kind, variant) for variant in kind.VARIANTS}
            # A sink asked early may have been dropped since, by an event published about one asked later.
            by_variant = {variant: tuple(filter(self._subscribed, sinks)) for variant, sinks in by_variant.items()}
            alike = len({tuple(map(id, sinks)) for sinks in by_variant.values()}) == 1
            route = next(iter(by_variant.values())) if alike else by_variant
            self._routes[kind] = route
        return route

    def _wanting(self, kind: type[Event], variant: str) -> Sinks:
        wanting: list[Sink] = []
        for sink in self._sinks:
            try:
                if sink.wants(kind, variant):
                    wanting.append(sink)
            except Exception as error:
                self._drop(sink, error)
        return tuple(wanting)

    def _subscribed(self, sink: Sink) -> bool:
        return any(sink is other for other in self._sinks)

    def _drop(self, sink: Sink, error: Exception) -> None:
        if self._subscribed(sink):
            self.unsubscribe(sink)
            self.publish(SinkFailed(type(sink).__name__, f"{type(error).__name__}: {error}"))
