"""Whether a generator's pictures look ill: alike, inverted, or with a grid in them."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal

from torch import Tensor

from training.doctor.diagnoses import Finding
from training.doctor.measures import Spread, correlation, grid_levels

WINDOW = 8  # the newest looks, whose mean is judged
LEAST_SPREAD = 0.15  # of that of the targets
LEAST_CORRELATION = -0.4  # with the targets; without pairs, with the inputs in both directions
MOST_GRID = 6.0  # grey levels of 255 more than the targets have


Partner = Literal["target", "input"]


@dataclass(frozen=True)
class Translation:
    """Images [N, C, H, W] in -1..1. Without pairs, ``target`` holds other images of its kind.

    ``partner``: which of them has the light and dark that ``output`` should have; None: neither.
    """

    name: str
    source: Tensor
    output: Tensor
    target: Tensor
    partner: Partner | None


class Outputs:
    """Remembers the newest looks at each kind of output."""

    def __init__(self) -> None:
        self._spreads: dict[str, Spread] = {}
        self._correlations: dict[str, deque[float]] = {}
        self._grids: dict[str, deque[tuple[float, float]]] = {}

    def look(self, translations: Sequence[Translation]) -> Iterator[Finding]:
        """At those of one step, one for each direction."""
        yield self._spread(translations)
        yield self._colours(translations)
        yield self._grid(translations)

    def _spread(self, translations: Sequence[Translation]) -> Finding:
        ratios = {}
        for one in translations:
            spread = self._spreads.setdefault(one.name, Spread(WINDOW))
            spread.add(one.output, one.target)
            if spread.ratio is not None:
                ratios[one.name] = spread.ratio
        if not ratios:
            return Finding("mode collapse", None)
        name = min(ratios, key=ratios.__getitem__)
        return Finding(
            "mode collapse", ratios[name] < LEAST_SPREAD,
            f"{name} differs from input to input {ratios[name]:.2f} times as much as its targets "
            "do",
            {f"spread of {name}": ratio for name, ratio in ratios.items()},
        )

    def _colours(self, translations: Sequence[Translation]) -> Finding:
        means, partners = {}, {}
        for one in translations:
            if one.partner is None:
                continue
            partners[one.name] = one.partner
            partner = one.target if one.partner == "target" else one.source
            window = self._correlations.setdefault(one.name, deque(maxlen=WINDOW))
            window.extend(correlation(one.output, partner))
            if window:
                means[one.name] = mean(window)
        if not means:
            return Finding("inverted colours", None)
        # A network and its way back are inverted together.
        name = max(means, key=means.__getitem__)
        return Finding(
            "inverted colours", means[name] < LEAST_CORRELATION,
            f"the luminance of {name} and of its {partners[name]} correlate by {means[name]:.2f}",
            {f"correlation of {name}": value for name, value in means.items()},
        )

    def _grid(self, translations: Sequence[Translation]) -> Finding:
        levels = {}
        for one in translations:
            window = self._grids.setdefault(one.name, deque(maxlen=WINDOW // 2))
            window.append((grid_levels(one.output), grid_levels(one.target)))
            output, target = (mean(each) for each in zip(*window, strict=True))
            levels[one.name] = output, target
        more = {name: output - target for name, (output, target) in levels.items()}
        name = max(more, key=more.__getitem__)
        output, target = levels[name]
        return Finding(
            "checkerboard", more[name] > MOST_GRID,
            f"a grid of 2 or 4 pixels stands {output:.1f} grey levels high in {name}, "
            f"{target:.1f} in its targets",
            {f"grid in {name}": value for name, value in more.items()},
        )
