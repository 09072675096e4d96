"""Find pairs whose A and B look exchanged, or shifted against each other.

Both are guesses from statistics. Nothing is reported for sets of few pairs, for sets whose A and B
look alike, and for sets whose edges do not correlate.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data.checking.facts import RowFacts

FEWEST = 8  # pairs that a median needs
# Distance to the median look of the other side, divided by the distance to that of the own side.
USUAL_SWAP = 1.5  # if half of all pairs have less, the sides look alike
SWAPPED = 0.8
FARTHEST = 6.0  # deviations; limits the weight of one odd feature
LEAST_SHIFT = 0.03  # of the side: 8 of 256 pixels
LEAST_GAIN = 0.12  # of correlation
ODD_GAIN = 6.0  # deviations from the median gain of the set

_Floats = npt.NDArray[np.float64]


def swapped(pairs: Sequence[RowFacts]) -> list[RowFacts]:
    """Return pairs whose A looks more like the median B, and whose B more like the median A."""
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

    ratios = np.stack([distance(A, usual_B) / distance(A, usual_A),
                       distance(B, usual_A) / distance(B, usual_B)])
    if np.median(ratios.min(axis=0)) < USUAL_SWAP:
        return []
    return [it for it, ratio in zip(pairs, ratios.max(axis=0), strict=True) if ratio < SWAPPED]


def misaligned(pairs: Sequence[RowFacts]) -> list[RowFacts]:
    """Return pairs whose edges match much better after a shift, if most others need none."""
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
