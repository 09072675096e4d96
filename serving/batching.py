"""Batching: waiting inputs of equal key go through the network together."""

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from fastapi import HTTPException

from serving.waiting import result_of

log = logging.getLogger(__name__)
KeyT = TypeVar("KeyT", bound=Hashable)
InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")


@dataclass(frozen=True, eq=False)
class _Job(Generic[KeyT, InputT, OutputT]):
    key: KeyT
    input: InputT
    output: "asyncio.Future[OutputT]"


class Batcher(Generic[KeyT, InputT, OutputT]):
    """Queue of inputs for ``work(key, inputs)``, which runs in one thread.

    A batch holds the oldest input and up to ``max_batch(key) - 1`` others of equal key.
    """

    def __init__(
        self, work: Callable[[KeyT, Sequence[InputT]], Sequence[OutputT]], *,
        max_batch: Callable[[KeyT], int] = lambda key: 8, max_waiting: int = 32,
    ) -> None:
        self.work, self.max_batch, self.max_waiting = work, max_batch, max_waiting
        self.waiting: list[_Job[KeyT, InputT, OutputT]] = []
        self.worker: asyncio.Task[None] | None = None  # runs while inputs are waiting
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="network")

    async def __call__(self, key: KeyT, item: InputT) -> OutputT:
        """Return the output for one input.

        If the caller is cancelled, an input that waits is left out; see ``result_of``.

        Raises:
            HTTPException: 503 if too many inputs are waiting.
        """
        if len(self.waiting) >= self.max_waiting:
            message = f"{self.max_waiting} images are waiting, which is the limit; try again later"
            raise HTTPException(503, message)
        output: asyncio.Future[OutputT] = asyncio.get_running_loop().create_future()
        self.waiting.append(job := _Job(key, item, output))
        if self.worker is None or self.worker.done():
            self.worker = asyncio.create_task(self._process())
        return await result_of(output, lambda: job in self.waiting and output.cancel())

    async def _process(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._next_batch():
            inputs = [job.input for job in batch]
            try:
                outputs = await loop.run_in_executor(self.thread, self.work, batch[0].key, inputs)
                settle = [partial(job.output.set_result, output)
                          for job, output in zip(batch, outputs, strict=True)]
            except Exception as error:  # any error is sent to the callers; later batches still run
                log.exception("a batch of %d failed", len(batch))
                settle = [partial(job.output.set_exception, error) for job in batch]
            except asyncio.CancelledError:  # the event loop ends
                for job in batch:
                    job.output.cancel()
                raise
            for job, set_outcome in zip(batch, settle, strict=True):
                if not job.output.done():
                    set_outcome()

    def _next_batch(self) -> list[_Job[KeyT, InputT, OutputT]]:
        wanted = [job for job in self.waiting if not job.output.done()]
        most = self.max_batch(wanted[0].key) if wanted else 0
        batch = [job for job in wanted if job.key == wanted[0].key][:most]
        self.waiting = [job for job in wanted if job not in batch]
        return batch
