"""Weights with random values instead of the published ones, and images for metrics."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from data.files.value_range import ValueRange
from metrics.metric_image import MetricImage


def inception_file(folder: Path) -> Path:
    """Write random weights for the whole Inception-v3 of torch-fidelity."""
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    create = module.FeatureExtractorInceptionV3
    empty, path = folder / "empty.pth", folder / "inception.pth"
    torch.save({}, empty)
    torch.manual_seed(0)
    with patch.object(create, "load_state_dict", lambda self, state: None):
        net = create("stand-in", ["2048"], str(empty))
    torch.save(_amplified(net.state_dict()), path)
    return path


def alexnet_file(folder: Path) -> Path:
    """Write random weights for the convolutions of torchvision's AlexNet."""
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    state = _amplified(models.AlexNet().state_dict())
    path = folder / "alexnet.pth"
    torch.save({name: value for name, value in state.items() if "features" in name}, path)
    return path


def _amplified(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Scale weights: with torch's defaults, a layer with ReLU weakens the signal by sqrt(6)."""
    return {name: value * 6**0.5 if value.ndim == 4 else value for name, value in state.items()}


def picture(seed: int, shape: tuple[int, ...] = (192, 176, 3), dtype: str = "uint8") -> MetricImage:
    """Return soft blobs with noise, over a third of the range of the dtype."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]] / 20
    waves = rng.uniform(0.3, 2, (2, shape[2]))
    unit = 0.5 + 0.3 * np.sin(rows[..., None] * waves[0]) * np.cos(columns[..., None] * waves[1])
    unit = (unit + rng.normal(0, 0.03, shape)).clip(0, 1)
    high = 1.0 if dtype == "float32" else float(np.iinfo(dtype).max)
    pixels = unit * high if dtype == "float32" else (unit * high).round()
    return MetricImage(pixels.astype(dtype), ValueRange(0, high), f"picture {seed}")


def disturbed(original: MetricImage, amount: float, seed: int = 0) -> MetricImage:
    """Add noise with a standard deviation of ``amount`` times the range."""
    rng = np.random.default_rng(seed)
    high = original.limits.high
    noise = rng.normal(0, amount * high, original.pixels.shape)
    pixels = (original.pixels + noise).clip(0, high).round()
    return MetricImage(pixels.astype(original.pixels.dtype), original.limits, original.name)
