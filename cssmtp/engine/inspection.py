"""Taking the snapshot: from what runs to the values that displays are made of.

Promises: one function asks everything, in one go and on the event loop, so that the numbers of a display fit together.
Never: changes or waits for anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from cssmtp import __version__
from cssmtp.config.model import Configuration
from cssmtp.delivery.courier import Courier
from cssmtp.delivery.target import TargetSnapshot
from cssmtp.engine.spooltask import SpoolTask
from cssmtp.engine.testmode import TestModeTask
from cssmtp.observe.readings import ExtendedReading
from cssmtp.observe.recent import Recent
from cssmtp.observe.snapshot import Activity, PoolStatus, Snapshot, TargetStatus, TaskState, TaskStatus

Work = SpoolTask | TestModeTask


def inspect(
    *,
    now: datetime,
    started: datetime,
    configuration: Configuration,
    ready: bool,
    activity: Activity,
    log_level: int,
    work: Iterable[tuple[Work, str]],
    pools: dict[str, int],
    courier: Courier | None,
    recent: Recent,
    extended: ExtendedReading | None,
) -> Snapshot:
    """The snapshot at `now`. `work` are the tasks that work, each with its pool; `pools` says how many tasks a pool has."""
    tasks = sorted((task.status(pool) for task, pool in work), key=lambda task: task.tkid)
    return Snapshot(
        time=now,
        started=started,
        version=__version__,
        configuration=configuration,
        ready=ready,
        activity=activity,
        log_level=log_level,
        exit_level=configuration.user_exit,
        pools=tuple(_pool(name, size, tasks) for name, size in pools.items()),
        tasks=tuple(tasks),
        targets=tuple(_target(target) for target in (courier.snapshot() if courier is not None else ())),
        waiting=courier.waiting if courier is not None else 0,
        sent=recent.sent + sum(task.sent for task in tasks),
        failed=recent.failed + sum(task.failed for task in tasks),
        files=recent.files,
        extended=extended,
        remarks=tuple(recent.remarks),
    )


def _pool(name: str, size: int, tasks: Collection[TaskStatus]) -> PoolStatus:
    busy = [task for task in tasks if task.pool == name]
    return PoolStatus(name, size, len(busy), sum(task.state is TaskState.LONG_RETRY for task in busy))


def _target(target: TargetSnapshot) -> TargetStatus:
    capabilities = target.capabilities
    return TargetStatus(
        address=target.address,
        port=target.port,
        preference=target.preference,
        source=target.source,
        state=target.state.value.upper(),
        reason=target.reason,
        protocol="" if capabilities is None else "ESMTP" if capabilities.esmtp else "SMTP",
        size=target.size_limit,
        tls=capabilities is not None and capabilities.starttls,
        secure=target.secure,
        connections=target.connections,
        sent=target.mails,
        last_reply=target.last_reply,
    )
