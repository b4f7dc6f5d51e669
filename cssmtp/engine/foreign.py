"""Runs code that is not ours, which may never come back.

Promises: whoever waits can stop waiting; a call that never ends takes no thread that others need, and keeps no process alive.
Never: stops the call itself: that cannot be done to a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def in_own_thread(call: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
    """What `call` returns or raises. When the caller is cancelled, what comes later is dropped."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def answer(result: Result | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # of the one that returned

    def run() -> None:
        try:
            answered = partial(answer, call(*args, **kwargs), None)
        except BaseException as error:
            answered = partial(answer, None, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended, so nobody waits any more
            loop.call_soon_threadsafe(answered)

    threading.Thread(target=run, name="foreign code", daemon=True).start()
    return await future
