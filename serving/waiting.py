"""Wait for work that cannot be stopped, such as a function in a thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import ParamSpec, TypeVar

ParamsT = ParamSpec("ParamsT")
ReturnT = TypeVar("ReturnT")


async def result_of(work: "asyncio.Future[ReturnT]", leave_out: Callable[[], bool]) -> ReturnT:
    """Return the result of ``work``.

    If the caller is cancelled, ``leave_out`` removes work that has not begun, and returns whether
    it has. Otherwise the caller is cancelled only when the work has ended.
    """
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if not leave_out():
            await asyncio.wait({work})
            work.cancelled() or work.exception()  # mark it as seen
        raise


async def in_thread(
    threads: Executor, work: Callable[ParamsT, ReturnT], *args: ParamsT.args,
    **kwargs: ParamsT.kwargs,
) -> ReturnT:
    """Run ``work`` in one of the ``threads``; see ``result_of`` for a caller that is cancelled."""
    job = threads.submit(work, *args, **kwargs)
    return await result_of(asyncio.wrap_future(job), job.cancel)
