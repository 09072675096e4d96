"""The base class of FID and KID: features of two sets of images."""

import numpy as np

from metrics.base_metric import Metric, Settings, UndefinedError
from metrics.inception import WEIGHTS, Features, load_inception
from metrics.metric_image import MaybeImage

ENOUGH = 2048  # images: with fewer images than features, the covariance is singular


class FeatureMetric(Metric):
    """A metric of two sets, which need no pairs."""

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

    def add(self, fake: MaybeImage, real: MaybeImage, given: MaybeImage = None) -> None:
        # Both are computed before one is added: if one is refused, the pair does not count.
        made = [self.extract(fake, is_target=False)] if fake else []
        wanted = [self.extract(real, is_target=True)] if real else []
        self.fakes += made
        self.reals += wanted

    def features(self) -> tuple[Features, Features]:
        """Return the features of outputs and of targets.

        Raises:
            UndefinedError: a side has fewer than two images.
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
