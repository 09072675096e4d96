"""Kernel inception distance (Binkowski et al. 2018): unbiased, so it suits small sets too."""

import math

import numpy as np

from metrics.base_metric import Score
from metrics.inception import FeatureMetric, Features

_ROWS = 1024  # rows of a kernel matrix at a time: limits the memory


def kernel_distance(some: Features, others: Features) -> tuple[float, float | None]:
    """Return the unbiased squared MMD under the kernel (x.y / D + 1)^3, and its standard error.

    ``some`` is [N, D], ``others`` [M, D]. All images are used at once instead of random subsets.
    The error is that of the jackknife: how much the value changes if one image is left out. It is
    None with fewer than three images on a side.
    """
    n, m = len(some), len(others)
    rows_xy, rows_yx = _row_sums(some, others), _row_sums(others, some)
    rows_x = _row_sums(some, some) - _kernel_of_self(some)
    rows_y = _row_sums(others, others) - _kernel_of_self(others)
    within_x, within_y = rows_x.sum() / (n * (n - 1)), rows_y.sum() / (m * (m - 1))
    value = float(within_x + within_y - 2 * rows_xy.sum() / (n * m))
    if min(n, m) < 3:
        return value, None
    without_x = ((rows_x.sum() - 2 * rows_x) / ((n - 1) * (n - 2)) + within_y
                 - 2 * (rows_xy.sum() - rows_xy) / ((n - 1) * m))
    without_y = ((rows_y.sum() - 2 * rows_y) / ((m - 1) * (m - 2)) + within_x
                 - 2 * (rows_xy.sum() - rows_yx) / (n * (m - 1)))
    variance = (n - 1) * without_x.var() + (m - 1) * without_y.var()
    return value, math.sqrt(float(variance))


def _row_sums(some: Features, others: Features) -> Features:
    """Return [N], the row sums of the kernel matrix [N, M]."""
    return np.concatenate([
        ((some[start : start + _ROWS] @ others.T / some.shape[1] + 1) ** 3).sum(axis=1)
        for start in range(0, len(some), _ROWS)
    ])


def _kernel_of_self(features: Features) -> Features:
    return np.asarray((np.square(features).sum(axis=1) / features.shape[1] + 1) ** 3)


class KID(FeatureMetric):
    label = "KID"
    places = 5

    def score(self) -> Score:
        fakes, reals = self.features()
        value, error = kernel_distance(fakes, reals)
        notes = [self.facts()]
        same = len({f.tobytes() for f in fakes} & {r.tobytes() for r in reals})
        if same:
            notes.append(f"{same} images are both output and target: KID assumes independent sets, "
                         "so equal images push it below 0")
        return Score(value, len(fakes), error, notes=tuple(notes))
