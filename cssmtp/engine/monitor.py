"""Watching our own resources: JES tasks, memory, file systems (operator-commands.md 7).

Promises: a warning when a resource goes above its upper limit, one message when it falls below its lower limit after that, and
nothing in between; what cannot be measured is passed over.
Never: does anything about it: that is the operator's decision (FLUSHRETRY, SUSPEND).
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cssmtp.config.model import Configuration, DeadLetterAction
from cssmtp.observe.bus import Publish
from cssmtp.observe.events import Resource, ResourceHigh, ResourceRelieved
from cssmtp.observe.snapshot import PoolStatus

HIGH_PERCENT = 75
LOW_PERCENT = 50
"""IBM's limits for JES tasks, and its upper one for storage; the lower one of storage, and both of file systems, are inferred."""

CHECK_SECONDS = 10
"""How often the resources are looked at. Ours; IBM's interval is not known."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How much of a resource is in use. `percents` are those of its parts: all must be high for high, all low for low."""

    resource: Resource
    percents: tuple[float, ...]
    what: str


class Gauge:
    """The memory of one resource: whether its warning is out. Pure."""

    def __init__(self) -> None:
        self.high = False

    def judge(self, percents: tuple[float, ...]) -> bool | None:
        """True: it has become high; False: it is relieved; None: nothing new."""
        if not self.high and all(percent > HIGH_PERCENT for percent in percents):
            self.high = True
            return True
        if self.high and all(percent < LOW_PERCENT for percent in percents):
            self.high = False
            return False
        return None


class Monitor:
    """Looks at everything when `beat` has been called `CHECK_SECONDS` times (once a second).

    `pools` is asked on the event loop; `measure` in a thread, as a file system may be one that answers late or never.
    """

    def __init__(
        self, publish: Publish, pools: Callable[[], tuple[PoolStatus, ...]], measure: Callable[[], Iterable[Reading]]
    ) -> None:
        self._publish = publish
        self._pools = pools
        self._measure = measure
        self._gauges: dict[Resource, Gauge] = {}
        self._beats = 0
        self._measuring: asyncio.Future[list[Reading]] | None = None

    def beat(self) -> None:
        """About once a second, on the event loop."""
        self._beats += 1
        if self._beats < CHECK_SECONDS:
            return
        self._beats = 0
        self.judge(task_reading(self._pools()))
        if self._measuring is None:
            self._measuring = asyncio.get_running_loop().run_in_executor(None, lambda: list(self._measure()))
            self._measuring.add_done_callback(self._measured)

    def _measured(self, done: asyncio.Future[list[Reading]]) -> None:
        self._measuring = None
        if not done.cancelled() and done.exception() is None:
            for reading in done.result():
                self.judge(reading)

    def judge(self, reading: Reading) -> None:
        """Tell when a reading is news."""
        news = self._gauges.setdefault(reading.resource, Gauge()).judge(reading.percents)
        if news is not None:
            kind = ResourceHigh if news else ResourceRelieved
            self._publish(kind(reading.resource, round(max(reading.percents)), reading.what))


def measured(configuration: Configuration) -> Iterator[Reading]:
    """What is measured of the machine."""
    yield from storage_reading()
    yield from space_readings(configuration)


def task_reading(pools: tuple[PoolStatus, ...]) -> Reading:
    """JES tasks that wait for long retry, of both classes (messages.md, EZD1856I)."""
    percents = tuple(100.0 * pool.retrying / pool.tasks for pool in pools)
    return Reading(Resource.TASKS, percents, " and ".join(f"{pool.name} tasks" for pool in pools))


def storage_reading() -> Iterator[Reading]:
    """Our memory against the nearest limit there is: control group, process, machine."""
    used, (limit, what) = resident_octets(), storage_limit()
    if used and limit:
        yield Reading(Resource.STORAGE, (100.0 * used / limit,), what)


def space_readings(configuration: Configuration) -> Iterator[Reading]:
    """The file systems of dead letters and of extended retry. A directory that is not there yet counts as its parent."""
    undeliverable, extended = configuration.undeliverable, configuration.extended_retry
    if undeliverable.dead_letter_action is DeadLetterAction.STORE and undeliverable.dead_letter_directory:
        yield from _space(Resource.DEAD_LETTERS, undeliverable.dead_letter_directory)
    if extended is not None and extended.mail_directory:
        yield from _space(Resource.MAIL_DIRECTORY, extended.mail_directory)


def _space(kind: Resource, directory: str) -> Iterator[Reading]:
    path = Path(directory)
    while not path.is_dir() and path != path.parent:
        path = path.parent
    try:
        system = os.statvfs(path)
    except OSError:
        return
    used = system.f_blocks - system.f_bfree
    available = used + system.f_bavail  # what is kept for the superuser is neither
    if available:
        yield Reading(kind, (100.0 * used / available,), directory)


def resident_octets() -> int:
    """Memory of this process that is in the machine's storage; 0 when nobody can say."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def storage_limit() -> tuple[int, str]:
    """The smallest limit on our memory in octets, and what sets it; (0, "") when nobody can say."""
    limits = [(octets, what) for octets, what in (_of_group(), _of_process(), _of_machine()) if octets > 0]
    return min(limits, default=(0, ""))


def _of_group() -> tuple[int, str]:
    for path in (_group_directory() / "memory.max", Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        try:
            return int(path.read_bytes()), "the control group's memory"
        except (OSError, ValueError):  # no such file, or the word "max"
            continue
    return 0, ""


def _group_directory() -> Path:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    group = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/")
    return Path("/sys/fs/cgroup") / group.strip("/")


def _of_process() -> tuple[int, str]:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return (0 if limit == resource.RLIM_INFINITY else limit), "the process's address space"


def _of_machine() -> tuple[int, str]:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "the machine's memory"
    except (OSError, ValueError):
        return 0, ""
