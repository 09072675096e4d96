"""Features of Inception-v3 for FID and KID, by torch-fidelity.

It is the network of the first FID code, from 2015, translated with its weights; scaled to 299 x 299
as TensorFlow 1 did. Other Inceptions, torchvision's among them, give other numbers.
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

from metrics.base_metric import Settings, package
from metrics.picture import Picture
from metrics.pixel_pairs import rgb
from metrics.weights import Weights

WEIGHTS = Weights(
    "inception", "Inception-v3", "weights-inception-2015-12-05-6726825d.pth", "torch-fidelity", 95
)
FEATURES = "2048"  # the layer before the classes

Features = npt.NDArray[np.float64]  # [N, D]


class Inception:
    """Pictures -> features, computed once for FID and KID.

    Those of targets are kept: the next run has the same, and so has the next validation. Those of
    outputs go with the pictures, or a long training would gather them without end.
    """

    def __init__(self, net: torch.nn.Module, name: str, device: torch.device) -> None:
        self.net, self.name, self.device = net.to(device), name, device
        self._seen: WeakKeyDictionary[Picture, npt.NDArray[np.float32]] = WeakKeyDictionary()
        self._kept: dict[bytes, npt.NDArray[np.float32]] = {}

    def __call__(self, picture: Picture, *, is_target: bool) -> npt.NDArray[np.float32]:
        """[2048].

        Raises:
            UndefinedError: the picture has more than 8 bits, or is neither grey nor RGB.
        """
        if picture not in self._seen:
            levels = rgb(picture)
            key = hashlib.sha1(levels.tobytes() + str(levels.shape).encode()).digest()
            features = self._kept.get(key)
            if features is None:
                features = self._look(levels)
            if is_target:
                self._kept[key] = features
            self._seen[picture] = features
        return self._seen[picture]

    def _look(self, levels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        image = torch.from_numpy(levels.copy()).permute(2, 0, 1)[None].to(self.device)
        with torch.no_grad():
            features: npt.NDArray[np.float32] = self.net(image)[0][0].float().cpu().numpy()
        return features

    def describe(self) -> str:
        return f"{self.name}, pictures scaled to 299 x 299, bilinear as TensorFlow 1"


def load_inception(settings: Settings) -> Inception:
    """
    Raises:
        MissingError: package or weights are not there.
        ValueError: the file holds other weights.
    """
    extractor = package("torch_fidelity.feature_extractor_inceptionv3")
    return _load(extractor.FeatureExtractorInceptionV3, WEIGHTS.find(settings), settings.device)


@lru_cache(maxsize=2)
def _load(create: Any, path: Path | None, device: torch.device) -> Inception:
    if path is not None:
        WEIGHTS.read(path)  # torch-fidelity would run code from it
    try:
        with redirect_stdout(StringIO()):
            net = create("inception", [FEATURES], str(path) if path else None)
    except RuntimeError as error:
        raise ValueError(
            f"{path} holds other weights than {WEIGHTS.file} ({str(error).splitlines()[0]}); "
            "torchvision's Inception is another network"
        ) from error
    except OSError as error:
        raise WEIGHTS.not_fetched(error) from error
    return Inception(net, WEIGHTS.describe(path), device)
