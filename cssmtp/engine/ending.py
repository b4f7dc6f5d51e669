"""The end of a spool file: its error report and its disposal.

Promises: a file is disposed of once, as decided, and once begun the end is not interrupted; a disk that fails delays it.
Never: decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime
from typing import Any, TypeVar

from cssmtp.config.model import Configuration
from cssmtp.engine.filebook import REPORT_FINDINGS, FileBook, full_host_name
from cssmtp.errors import SpoolError
from cssmtp.observe.events import Disposition
from cssmtp.observe.report import error_report
from cssmtp.spool.store import Claim

_KEPT = "kept"

AGAIN_SECONDS = 5.0
"""Pause before a spool file is disposed of again whose disk failed. Given back, its mails would be read again."""

Result = TypeVar("Result")


async def insisted(work: Callable[[], Result], failed: Callable[[SpoolError], object], stopping: Callable[[], bool]) -> Result:
    """Do `work` in a thread until the disk lets it be done; `failed` is told of the first fault.

    Raises `SpoolError` when `stopping`: the next start finds the file.
    """
    told = False
    while True:
        try:
            return await asyncio.to_thread(work)
        except SpoolError as error:
            if stopping():
                raise
            if not told:
                failed(error)
            told = True
        await asyncio.sleep(AGAIN_SECONDS)


async def uninterrupted(work: Coroutine[Any, Any, Result]) -> Result:
    """Do `work` to its end even when the caller is cancelled meanwhile.

    A spool file whose mails are all final is past the point of being given back: they would all be sent again.
    """
    ending = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(ending)
    except asyncio.CancelledError:
        return await ending


def report_text(book: FileBook, decided: Disposition, configuration: Configuration, now: datetime) -> str:
    """The error report of a bad spool file (mail-processing.md 14)."""
    text = error_report(
        book.file,
        book.faults,
        book.failed,
        book.counts(),
        decided,
        host=full_host_name(configuration.system),
        job=configuration.system.job_name,
        now=now,
    )
    unlisted = max(0, book.fault_lines - REPORT_FINDINGS) + max(0, book.failed_count - REPORT_FINDINGS)
    text += f"{unlisted} further findings are counted but not listed\n" if unlisted else ""
    return text + "".join(f"{line}\n" for line in loss_lines(book))


def loss_lines(book: FileBook) -> Iterator[str]:
    """What the report says about text that was lost. It makes no file bad: the mails went out (mail-processing.md 9.1)."""
    for (mail, charset), count in sorted(book.lost.items()):
        yield f"Characters lost in conversion: {count} (mail {mail}, charset {charset})"
    if book.lost_unlisted:
        yield f"Characters lost in conversion: {book.lost_unlisted} (further mails)"


def dispose(claim: Claim, decided: Disposition, why: str) -> Disposition:
    """Do it, and say what became of the file: a file whose own output disposition is KEEP stays (jes-spool.md 3)."""
    if decided is Disposition.HOLD:
        claim.hold(why)
        return Disposition.HOLD
    return Disposition.KEEP if claim.processed() == _KEPT else Disposition.DELETE
