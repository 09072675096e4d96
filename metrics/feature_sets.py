"""What FID and KID share: features of two sets of pictures."""

import numpy as np

from metrics.base_metric import Metric, Settings, UndefinedError
from metrics.inception import WEIGHTS, Features, load_inception
from metrics.picture import Picture

ENOUGH = 2048  # pictures: with fewer than it has features, a covariance is singular


class FeatureMetric(Metric):
    """Outputs and targets are sets: who belongs to whom plays no part."""

    higher_is_better = False
    perfect = 0.0
    paired = False
    per_picture = False
    requires = WEIGHTS.requires

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.extract = load_inception(settings)
        self.fakes: list[np.ndarray] = []
        self.reals: list[np.ndarray] = []

    def add(
        self, fake: Picture | None, real: Picture | None, given: Picture | None = None
    ) -> None:
        # Both before either is kept: a pair counts whole or not at all.
        made = None if fake is None else self.extract(fake, is_target=False)
        wanted = None if real is None else self.extract(real, is_target=True)
        self.fakes += [] if made is None else [made]
        self.reals += [] if wanted is None else [wanted]

    def features(self) -> tuple[Features, Features]:
        """Of outputs and targets.

        Raises:
            UndefinedError: fewer than two pictures on a side.
        """
        counts = len(self.fakes), len(self.reals)
        if min(counts) < 2:
            raise UndefinedError(
                f"needs at least 2 outputs and 2 targets, got {counts[0]} and {counts[1]}"
            )
        return np.array(self.fakes, np.float64), np.array(self.reals, np.float64)

    def facts(self) -> str:
        sizes = f"{len(self.fakes)} outputs, {len(self.reals)} targets"
        return f"{sizes}; features of {self.extract.describe()}"
