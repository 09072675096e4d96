"""Requests that wait together go through the network together."""

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar

from serving.limits import RefusedError

log = logging.getLogger(__name__)
Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[Key, Item, Result]):
    key: Key
    item: Item
    answer: "asyncio.Future[Result]"


class Batcher(Generic[Key, Item, Result]):
    """``work(key, items)`` runs in one thread, on up to ``together`` waiting items of equal key.

    The first that came is the first to go; others of its key go with it.
    """

    def __init__(
        self, work: Callable[[Key, Sequence[Item]], Sequence[Result]], *,
        together: int = 8, waiting: int = 32,
    ) -> None:
        self.work, self.together, self.most_waiting = work, together, waiting
        self.waiting: list[_Waiting[Key, Item, Result]] = []
        self.arrived = asyncio.Event()

    async def __call__(self, key: Key, item: Item) -> Result:
        """The result of this item.

        Raises:
            RefusedError: 503, too many are waiting.
        """
        if len(self.waiting) >= self.most_waiting:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"no more pictures than {self.most_waiting} may wait; try again later",
            )
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.waiting.append(_Waiting(key, item, answer))
        self.arrived.set()
        return await answer  # whoever stops waiting cancels it

    async def run(self) -> None:
        """Work until cancelled."""
        with ThreadPoolExecutor(1, thread_name_prefix="network") as thread:
            while True:
                await self.arrived.wait()
                if batch := self._take():
                    await self._answer(batch, thread)
                else:
                    self.arrived.clear()

    def _take(self) -> list[_Waiting[Key, Item, Result]]:
        wanted = [one for one in self.waiting if not one.answer.done()]
        batch = [one for one in wanted if one.key == wanted[0].key][: self.together]
        self.waiting = [one for one in wanted if one not in batch]
        return batch

    async def _answer(self, batch: list[_Waiting[Key, Item, Result]], thread: Executor) -> None:
        items = [one.item for one in batch]
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(thread, self.work, batch[0].key, items)
            answered = list(zip(batch, results, strict=True))
        except Exception as error:  # whatever it is, it is the answer; the next batch goes on
            log.exception("a batch of %d failed", len(batch))
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, result in answered:
            if not one.answer.done():
                one.answer.set_result(result)
