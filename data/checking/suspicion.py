"""Pairs that differ from the others of their set: exchanged, or moved against each other.

Both are guesses from statistics. They keep quiet where the set gives no ground for one: in sets of
few pairs, where A and B look alike, and where their edges have nothing in common.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data.checking.facts import RowFacts

FEWEST = 8  # pairs: a median needs some
# Distances to what the other side is usually like, as a multiple of that to the own side.
USUAL_SWAP = 1.5  # half of all pairs have at least this; less: the sides look alike
SWAPPED = 0.8
FARTHEST = 6.0  # deviations: one odd feature must not decide
LEAST_SHIFT = 0.03  # of the side: 8 of 256 pixels
LEAST_GAIN = 0.12  # of correlation
ODD_GAIN = 6.0  # deviations from the median gain of the set

_Floats = npt.NDArray[np.float64]


def swapped(pairs: Sequence[RowFacts]) -> list[RowFacts]:
    """Those of which A is nearer to the median B than to the median A, and B the reverse."""
    if len(pairs) < FEWEST:
        return []
    A = np.array([it.facts[0].look for it in pairs], np.float64)
    B = np.array([it.facts[1].look for it in pairs], np.float64)
    usual_A, usual_B = np.median(A, axis=0), np.median(B, axis=0)
    spread = np.median(np.abs(np.concatenate([A - usual_A, B - usual_B])), axis=0)
    spread += 0.02 * np.maximum(1, np.abs(usual_A))

    def distance(looks: _Floats, usual: _Floats) -> _Floats:
        far: _Floats = np.minimum(np.abs(looks - usual) / spread, FARTHEST).mean(axis=1)
        return far + 0.05

    ratios = np.stack([
        distance(A, usual_B) / distance(A, usual_A), distance(B, usual_A) / distance(B, usual_B)
    ])
    if np.median(ratios.min(axis=0)) < USUAL_SWAP:
        return []
    return [it for it, ratio in zip(pairs, ratios.max(axis=0), strict=True) if ratio < SWAPPED]


def misaligned(pairs: Sequence[RowFacts]) -> list[RowFacts]:
    """Those whose edges fit much better after a move, while those of most others fit as they are.
    """
    measured = [(it, it.shift) for it in pairs if it.shift is not None]
    moved = [max(abs(shift.right), abs(shift.down)) >= LEAST_SHIFT for _, shift in measured]
    if len(measured) < FEWEST or 2 * sum(moved) > len(moved):
        return []
    gains = np.array([shift.gain for _, shift in measured])
    usual = np.median(gains)
    odd = max(LEAST_GAIN, usual + ODD_GAIN * np.median(np.abs(gains - usual)))
    return [
        it for (it, shift), far in zip(measured, moved, strict=True) if far and shift.gain > odd
    ]
