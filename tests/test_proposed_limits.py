"""Proposed value ranges hold all data and have few digits."""

import pytest

from data.checking.limits import proposed


@pytest.mark.parametrize(("low", "high", "flag"), [
    (7.03584e-07, 0.999999, "0,1"), (-0.97, 0.99, "-1,1"), (3, 4010, "0,4095"),
    (-1000, 2950.5, "-1000,3000"), (1000.213, 1000.918, "1000.21,1000.92"),
    (-999.75734, 1999.5531, "-1000,2000"), (0.123, 0.456, "0.12,0.46"), (0.5, 0.5, "0,1"),
    (-12345678.9, 23456789.1, "-13000000,24000000"), (7e6, 7e6, "7000000,7000001"),
])
def test_proposed_limits_are_round(low: float, high: float, flag: str) -> None:
    assert proposed(low, high) == flag
