"""Frechet inception distance (Heusel et al. 2017), equation 6."""

import numpy as np

from metrics.base_metric import Score
from metrics.inception import ENOUGH, FeatureMetric, Features


def frechet_distance(some: Features, others: Features) -> float:
    """Return |m1 - m2|^2 + Tr(C1 + C2 - 2 (C1 C2)^(1/2)) of means and covariances.

    ``some`` is [N, D], ``others`` [M, D]. The last trace is the sum of the singular values of
    X1 X2^T with X^T X = C. This avoids the root of a singular matrix, which loses precision if
    N < D.
    """
    centred = [(features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
               for features in (some, others)]
    # R^T R = X^T X, with at most D rows.
    roots: list[Features] = [
        np.asarray(np.linalg.qr(x, mode="r")) if len(x) > x.shape[1] else x for x in centred
    ]
    shared = np.linalg.norm(roots[0] @ roots[1].T, ord="nuc")
    spread = sum(float(np.square(x).sum()) for x in centred)
    shift = float(np.square(some.mean(axis=0) - others.mean(axis=0)).sum())
    return max(0.0, shift + spread - 2 * float(shared))


class FID(FeatureMetric):
    label = "FID"
    places = 2

    def score(self) -> Score:
        fakes, reals = self.features()
        fewest = min(len(fakes), len(reals))
        few = fewest < ENOUGH
        warning = (f"FID of {fewest} images is too high, by an amount that depends on their "
                   f"number: with fewer than {ENOUGH} look at KID, and never compare FIDs of "
                   "different numbers")
        return Score(frechet_distance(fakes, reals), len(fakes), doubtful=few,
                     notes=(self.facts(), *[warning] * few))
