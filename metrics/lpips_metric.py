"""Learned perceptual distance (LPIPS, Zhang et al. 2018), by its authors' package."""

import warnings
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from metrics.base_metric import MeanMetric, Score, Settings, package
from metrics.metric_image import MetricImage
from metrics.pixel_pairs import require_side, same_shape, shown
from metrics.weights import WeightsFile
from util.pixel_values import levels_to_float

WEIGHTS = WeightsFile("lpips_weights", "AlexNet", "alexnet-owt-7be5be79.pth", "torchvision", 233)
SMALLEST = 32  # pixels: AlexNet needs at least 31


class LPIPS(MeanMetric):
    """Version 0.1 with AlexNet, which the authors recommend for comparing outputs."""

    label = "LPIPS"
    higher_is_better = False
    perfect = 0.0
    requires = WEIGHTS.requires

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        module = package("lpips")
        net, self.trunk = _load(module.LPIPS, WEIGHTS.find(settings))
        self.net = net.to(settings.device)

    def measure(self, fake: MetricImage, real: MetricImage) -> float:
        same_shape(fake, real)
        require_side(real, SMALLEST, "AlexNet")
        images = [levels_to_float(torch.tensor(shown(image)).permute(2, 0, 1)[None])
                  for image in (fake, real)]
        with torch.no_grad():
            return float(self.net(*(image.to(self.settings.device) for image in images)))

    def score(self) -> Score:
        score = super().score()
        return replace(score, notes=(*score.notes, f"version 0.1; {self.trunk}"))


@lru_cache(maxsize=1)
def _load(create: Any, path: Path | None) -> tuple[Any, str]:
    """Return the network and its description; cached, because every validation needs it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it calls torchvision in a deprecated way
            net = create(net="alex", version="0.1", pnet_rand=path is not None, verbose=False)
    except OSError as error:
        raise WEIGHTS.not_fetched(error) from error
    if path is not None:
        _fill(net.net, path)
    return net.eval(), WEIGHTS.describe(path)


def _fill(trunk: torch.nn.Module, path: Path) -> None:
    """Copy torchvision's weights, whose ``features.3.weight`` is ``slice2.3.weight`` here."""
    state = WEIGHTS.read(path)
    try:
        trunk.load_state_dict({name: state[f"features.{name.split('.', 1)[1]}"]
                               for name in trunk.state_dict()})
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"{path} does not fit AlexNet ({error}); give torchvision's "
                         f"{WEIGHTS.file}") from error
