"""Telling the service manager how we are (systemd's sd_notify protocol).

Promises: READY=1 when initialisation is complete, STOPPING=1 when the stop begins, WATCHDOG=1 at most half the watchdog's time
apart while the event loop is alive. Without a service manager nothing happens at all.
Never: fails or waits because of the service manager.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

from cssmtp.observe.events import Event, GatewayReady, GatewayStopping


class Notifier:
    """A sink of events, and a call for the heartbeat. `environ` is that of the process."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watched = bool(_watchdog_microseconds(environ))

    @property
    def active(self) -> bool:
        """Whether there is a service manager to tell."""
        return bool(self._address)

    def wants(self, kind: type[Event], variant: str) -> bool:
        return kind in (GatewayReady, GatewayStopping)

    def handle(self, event: Event) -> None:
        match event:
            case GatewayReady():
                self._tell(f"READY=1\nSTATUS=Delivering, target servers: {event.targets}")
            case GatewayStopping():
                self._tell("STOPPING=1\nSTATUS=Stopping, waiting for answers")

    def beat(self) -> None:
        """The event loop is alive. To be called about once a second, which suits any watchdog of two seconds or more."""
        if self._watched:
            self._tell("WATCHDOG=1")

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.setblocking(False)
            line.connect(self._address)
            line.send(state.encode())


def _watchdog_microseconds(environ: Mapping[str, str]) -> int:
    """The watchdog's time, 0 when there is none or it watches another process."""
    process = environ.get("WATCHDOG_PID", "")
    text = environ.get("WATCHDOG_USEC", "")
    if not text.isdecimal() or (process and process != str(os.getpid())):
        return 0
    return int(text)
