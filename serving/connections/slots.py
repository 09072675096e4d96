"""Work that was begun ends before its slot is free, however long its client waits for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import ParamSpec, TypeVar

ParamsT = ParamSpec("ParamsT")
ReturnT = TypeVar("ReturnT")


async def in_thread(
    threads: Executor, work: Callable[ParamsT, ReturnT], *args: ParamsT.args,
    **kwargs: ParamsT.kwargs,
) -> ReturnT:
    """Run ``work`` in one of the ``threads``.

    If the caller is cancelled, work that has not begun is left out; otherwise the caller is
    cancelled only when the work has ended, because a thread cannot be stopped.
    """
    job = threads.submit(work, *args, **kwargs)
    ended = asyncio.wrap_future(job)
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        if not job.cancel():
            await asyncio.wait({ended})
            ended.cancelled() or ended.exception()  # mark it as seen
        raise
