"""Check whether generated images are all alike, inverted, or show a grid."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal

from torch import Tensor

from training.doctor.diagnoses import Finding
from training.doctor.measures import Spread, correlation, grid_levels

WINDOW = 8  # newest checks, over which means are taken
LEAST_SPREAD = 0.15  # relative to the spread of the targets
LEAST_CORRELATION = -0.4  # with the targets; without pairs, with the inputs in both directions
MOST_GRID = 6.0  # grey levels of 255 above those of the targets


Partner = Literal["target", "input"]


@dataclass(frozen=True)
class Translation:
    """Images [N, C, H, W] in -1..1. Without pairs, ``target`` holds other images of its domain.

    ``partner``: which of them has the light and dark that ``output`` should have; None: neither.
    """

    name: str
    source: Tensor
    output: Tensor
    target: Tensor
    partner: Partner | None


class OutputChecks:
    """Keeps the newest measures of each output by its name."""

    def __init__(self) -> None:
        self._spreads: dict[str, Spread] = {}
        self._correlations: dict[str, deque[float]] = {}
        self._grids: dict[str, deque[tuple[float, float]]] = {}

    def check(self, translations: Sequence[Translation]) -> Iterator[Finding]:
        """Check the translations of one step: one for each direction."""
        yield self._check_spread(translations)
        yield self._check_colours(translations)
        yield self._check_grid(translations)

    def _check_spread(self, translations: Sequence[Translation]) -> Finding:
        ratios = {}
        for translation in translations:
            spread = self._spreads.setdefault(translation.name, Spread(WINDOW))
            spread.add(translation.output, translation.target)
            if spread.ratio is not None:
                ratios[translation.name] = spread.ratio
        if not ratios:
            return Finding("mode collapse", None)
        name = min(ratios, key=ratios.__getitem__)
        return Finding(
            "mode collapse", ratios[name] < LEAST_SPREAD,
            f"the differences between the images of {name} are {ratios[name]:.2f} times those "
            "between its targets",
            {f"spread of {name}": ratio for name, ratio in ratios.items()},
        )

    def _check_colours(self, translations: Sequence[Translation]) -> Finding:
        means, partners = {}, {}
        for translation in translations:
            if translation.partner is None:
                continue
            partners[translation.name] = translation.partner
            partner = translation.target if translation.partner == "target" else translation.source
            window = self._correlations.setdefault(translation.name, deque(maxlen=WINDOW))
            window.extend(correlation(translation.output, partner))
            if window:
                means[translation.name] = mean(window)
        if not means:
            return Finding("inverted colours", None)
        # The generators of both directions are inverted together, so the largest value decides.
        name = max(means, key=means.__getitem__)
        return Finding("inverted colours", means[name] < LEAST_CORRELATION,
                       f"the correlation of the luminance of {name} and of its {partners[name]} is "
                       f"{means[name]:.2f}",
                       {f"correlation of {name}": value for name, value in means.items()})

    def _check_grid(self, translations: Sequence[Translation]) -> Finding:
        levels = {}
        for translation in translations:
            window = self._grids.setdefault(translation.name, deque(maxlen=WINDOW // 2))
            window.append((grid_levels(translation.output), grid_levels(translation.target)))
            output, target = (mean(side) for side in zip(*window, strict=True))
            levels[translation.name] = output, target
        excess = {name: output - target for name, (output, target) in levels.items()}
        name = max(excess, key=excess.__getitem__)
        output, target = levels[name]
        return Finding(
            "checkerboard", excess[name] > MOST_GRID,
            f"a grid of 2 or 4 pixels has {output:.1f} grey levels in {name} and {target:.1f} in "
            "its targets",
            {f"grid in {name}": value for name, value in excess.items()},
        )
