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

import numpy as np
import numpy.typing as npt
import torch

from metrics.base_metric import MissingError, Settings, package
from metrics.compared import rgb
from metrics.picture import Picture
from util.checkpoint import load

FILE = "weights-inception-2015-12-05-6726825d.pth"
HASH = "6726825d"  # the first digits of the file's SHA-256
REQUIRES = {"inception": f"Inception-v3 weights of torch-fidelity ({FILE})"}
FEATURES = 2048

Features = npt.NDArray[np.float64]  # [N, D]


class Inception:
    """Pictures -> features; those of equal pictures are computed once."""

    def __init__(self, net: torch.nn.Module, digest: str, device: torch.device) -> None:
        self.net, self.digest, self.device = net.to(device), digest, device
        self._known: dict[bytes, npt.NDArray[np.float32]] = {}

    def __call__(self, picture: Picture) -> npt.NDArray[np.float32]:
        """[2048].

        Raises:
            UndefinedError: the picture has more than 8 bits, or is neither grey nor RGB.
        """
        levels = rgb(picture)
        key = hashlib.sha1(levels.tobytes() + str(levels.shape).encode()).digest()
        if key not in self._known:
            image = torch.from_numpy(levels.copy()).permute(2, 0, 1)[None].to(self.device)
            with torch.no_grad():
                self._known[key] = self.net(image)[0][0].float().cpu().numpy()
        return self._known[key]

    def describe(self) -> str:
        known = "the original weights" if self.digest.startswith(HASH) else "not the original"
        return (
            f"features: Inception-v3, weights {self.digest[:8]} ({known}), pictures scaled to "
            "299 x 299, bilinear as TensorFlow 1"
        )


def load_inception(settings: Settings) -> Inception:
    """
    Raises:
        MissingError: package or weights are not there.
        ValueError: the file holds other weights.
    """
    extractor = package("torch_fidelity.feature_extractor_inceptionv3")
    path = settings.weights.get("inception") or cached(FILE)
    if path is None and not settings.download:
        raise MissingError(
            f"needs {FILE}: give it by --inception PATH, or let torch-fidelity fetch it "
            "by --download_weights (95 MB)"
        )
    return _load(extractor.FeatureExtractorInceptionV3, path, settings.device)


@lru_cache(maxsize=2)
def _load(create: Any, path: Path | None, device: torch.device) -> Inception:
    if path is not None:
        load(path, way_out=lambda _: f"give {FILE}")  # refuses a file that holds code
    try:
        with redirect_stdout(StringIO()):
            net = create("inception", [str(FEATURES)], str(path) if path else None)
    except RuntimeError as error:
        raise ValueError(
            f"{path} holds other weights than {FILE} ({str(error).splitlines()[0]}); "
            "torchvision's Inception is another network"
        ) from error
    except OSError as error:
        raise MissingError(
            f"needs {FILE}, which could not be fetched ({error}): give it by --inception PATH"
        ) from error
    found = path or cached(FILE)
    digest = hashlib.sha256(found.read_bytes()).hexdigest() if found else "unknown"
    return Inception(net, digest, device)


def cached(name: str) -> Path | None:
    """Where torch keeps the weights that it has fetched, if this file is there."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    return path if path.is_file() else None
