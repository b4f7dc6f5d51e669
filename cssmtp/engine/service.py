"""Puts a gateway together from its configuration: spool, names of this machine, bus.

Promises: what is wrong with the surroundings (no spool, no right to it) is a `SpoolError` before anything starts.
Never: runs anything.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cssmtp.clock import Clock
from cssmtp.config.model import Configuration
from cssmtp.engine.supervisor import Gateway
from cssmtp.observe.bus import Bus
from cssmtp.spool.directory import DirectorySpool
from cssmtp.spool.names import node_name


def settled_names(configuration: Configuration) -> Configuration:
    """The configuration with our own host name, domain and node filled in from the machine where it names none."""
    system = configuration.system
    host, _, domain = socket.getfqdn().partition(".") if not system.host_name else (system.host_name, "", system.domain)
    return replace(
        configuration,
        system=replace(
            system,
            host_name=system.host_name or host,
            domain=system.domain or domain,
            node_name=system.node_name or node_name(system.host_name or host),
        ),
    )


def with_names_of(configuration: Configuration, running: Configuration) -> Configuration:
    """A configuration that was read again: names it leaves to the machine are those of the start, whatever DNS says now."""
    system, before = configuration.system, running.system
    names = {name: getattr(system, name) or getattr(before, name) for name in ("host_name", "domain", "node_name")}
    return replace(configuration, system=replace(system, **names))


@contextmanager
def serve(
    configuration: Configuration, bus: Bus, clock: Clock, *, until_idle: bool = False, cold: bool = False
) -> Iterator[Gateway]:
    """A gateway on the configured spool, whose tree is made when it is missing. Raises `SpoolError`.

    `cold`: what the checkpoint knows is forgotten first.
    """
    configuration = settled_names(configuration)
    store = DirectorySpool(Path(configuration.system.spool), clock=clock, node=configuration.system.node_name)
    store.initialise(configuration.ext_writer_name)
    watched = (Path(configuration.system.spool) / "drop" / configuration.ext_writer_name,)
    try:
        yield Gateway(configuration, store, bus, clock, watched=watched, until_idle=until_idle, cold=cold)
    finally:
        store.close()
