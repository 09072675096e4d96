"""One item is read ahead, in order, but never two huge ones."""

import threading

import pytest

from util.threads import read_ahead


def test_the_next_item_is_read_before_this_one_is_returned() -> None:
    begun = [threading.Event() for _ in range(4)]

    def read(number: int) -> int:
        begun[number].set()
        return 10 * number

    for number, value in enumerate(read_ahead(read, range(4))):
        assert value == 10 * number
        assert begun[min(number + 1, 3)].wait(60)
        assert not any(event.is_set() for event in begun[number + 2 :])


def test_an_error_is_raised_in_order() -> None:
    def read(number: int) -> float:
        return 1 / (2 - number)

    values = read_ahead(read, range(4))
    assert [next(values), next(values)] == [0.5, 1]
    with pytest.raises(ZeroDivisionError):
        next(values)


def test_huge_items_are_not_read_ahead() -> None:
    begun: list[int] = []

    def read(size: int) -> int:
        begun.append(size)
        return size

    values = read_ahead(read, [9, 8, 1], is_huge=lambda size: size > 5)
    assert next(values) == 9
    assert begun == [9]
    assert list(values) == [8, 1]


def test_nothing_to_read() -> None:
    assert list(read_ahead(int, [])) == []
