"""The next item is read in a thread while the network works on this one."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")


def read_ahead(
    read: Callable[[Item], Read],
    items: Iterable[Item],
    *,
    is_huge: Callable[[Item], bool] = lambda item: False,
) -> Iterator[Read]:
    """``read(item)`` of each, in order; an error comes in its turn.

    ``is_huge``: of items that are read when their turn has come, since memory may not hold two.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        begun: deque[Callable[[], Read]] = deque()
        for item in items:
            begun.append(partial(read, item) if is_huge(item) else pool.submit(read, item).result)
            if len(begun) > 1:
                yield begun.popleft()()
        while begun:
            yield begun.popleft()()
