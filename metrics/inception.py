"""Features of Inception-v3 by torch-fidelity, and the base class of FID and KID.

It is the network of the first FID code (2015) with its weights, converted to PyTorch. Images are
scaled to 299 x 299 pixels as TensorFlow 1 did. Other Inception networks, such as torchvision's,
give other numbers.
"""

import hashlib
from contextlib import redirect_stdout
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch

from metrics.base_metric import Metric, Settings, UndefinedError, package
from metrics.metric_image import MaybeImage, MetricImage
from metrics.pixel_pairs import shown
from metrics.weights import WeightsFile

WEIGHTS = WeightsFile("inception", "Inception-v3", "weights-inception-2015-12-05-6726825d.pth",
                      "torch-fidelity", 95)
FEATURES = "2048"  # the layer before the classes

ENOUGH = 2048  # images: with fewer images than features, the covariance is singular

Features = npt.NDArray[np.float64]  # [N, D]


class Inception:
    """Compute the features of images, once for FID and KID.

    Features of targets are kept, because the next run or validation has the same targets. Features
    of outputs are freed with their images, because a long training would collect more and more.
    """

    def __init__(self, net: torch.nn.Module, name: str, device: torch.device) -> None:
        self.net, self.name, self.device = net.to(device), name, device
        self._seen: WeakKeyDictionary[MetricImage, npt.NDArray[np.float32]] = WeakKeyDictionary()
        self._kept: dict[bytes, npt.NDArray[np.float32]] = {}

    def __call__(self, image: MetricImage, *, is_target: bool) -> npt.NDArray[np.float32]:
        """Return [2048].

        Raises:
            UndefinedError: the image has more than 8 bits, or is neither grey nor RGB.
        """
        if image not in self._seen:
            levels = shown(image)
            key = hashlib.sha1(levels.tobytes() + str(levels.shape).encode()).digest()
            features = self._kept.get(key)
            if features is None:
                features = self._compute(levels)
            if is_target:
                self._kept[key] = features
            self._seen[image] = features
        return self._seen[image]

    @torch.no_grad()
    def _compute(self, levels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        image = torch.tensor(levels, device=self.device).permute(2, 0, 1)[None]
        return np.asarray(self.net(image)[0][0].float().cpu())


def load_inception(settings: Settings) -> Inception:
    """
    Raises:
        MissingError: the package or the weights are missing.
        ValueError: the file holds other weights.
    """
    extractor = package("torch_fidelity.feature_extractor_inceptionv3")
    return _load(extractor.FeatureExtractorInceptionV3, WEIGHTS.find(settings), settings.device)


@lru_cache(maxsize=2)
def _load(create: Any, path: Path | None, device: torch.device) -> Inception:
    if path is not None:
        WEIGHTS.read(path)  # refuses code, which torch-fidelity would run
    try:
        with redirect_stdout(StringIO()):
            net = create("inception", [FEATURES], str(path) if path else None)
    except RuntimeError as error:
        raise ValueError(f"{path} holds other weights than {WEIGHTS.file} "
                         f"({str(error).splitlines()[0]}); torchvision's Inception is another "
                         "network") from error
    except OSError as error:
        raise WEIGHTS.not_fetched(error) from error
    return Inception(net, WEIGHTS.describe(path), device)


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
            raise UndefinedError(f"needs at least 2 outputs and 2 targets, got {counts[0]} and "
                                 f"{counts[1]}")
        return np.array(self.fakes, np.float64), np.array(self.reals, np.float64)

    def facts(self) -> str:
        return (f"{len(self.fakes)} outputs, {len(self.reals)} targets; features of "
                f"{self.extract.name}, images scaled to 299 x 299, bilinear as TensorFlow 1")
