"""Small seeded weights in place of those that nobody may have at hand, and pictures to measure."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from data.files.value_range import ValueRange
from metrics.picture import Picture


def inception_file(folder: Path) -> Path:
    """All of torch-fidelity's Inception-v3, with random weights."""
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    create = module.FeatureExtractorInceptionV3
    empty, path = folder / "empty.pth", folder / "inception.pth"
    torch.save({}, empty)
    torch.manual_seed(0)
    with patch.object(create, "load_state_dict", lambda self, state: None):
        net = create("stand-in", ["2048"], str(empty))
    torch.save(_lively(net.state_dict()), path)
    return path


def alexnet_file(folder: Path) -> Path:
    """The convolutions of torchvision's AlexNet: its classifier plays no part."""
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    state = _lively(models.AlexNet().state_dict())
    path = folder / "alexnet.pth"
    torch.save({name: value for name, value in state.items() if "features" in name}, path)
    return path


def _lively(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """torch's initial convolutions make a signal fainter by sqrt(6) in each layer under a ReLU."""
    return {name: value * 6**0.5 if value.ndim == 4 else value for name, value in state.items()}


def picture(seed: int, shape: tuple[int, ...] = (192, 176, 3), dtype: str = "uint8") -> Picture:
    """Soft blobs with noise, over a third of the range that the dtype has."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]] / 20
    waves = rng.uniform(0.3, 2, (2, shape[2]))
    unit = 0.5 + 0.3 * np.sin(rows[..., None] * waves[0]) * np.cos(columns[..., None] * waves[1])
    unit = (unit + rng.normal(0, 0.03, shape)).clip(0, 1)
    high = 1.0 if dtype == "float32" else float(np.iinfo(dtype).max)
    pixels = unit * high if dtype == "float32" else (unit * high).round()
    return Picture(pixels.astype(dtype), ValueRange(0, high), f"picture {seed}")


def disturbed(original: Picture, amount: float, seed: int = 0) -> Picture:
    """With noise, ``amount`` of the range strong."""
    rng = np.random.default_rng(seed)
    high = original.limits.high
    noise = rng.normal(0, amount * high, original.pixels.shape)
    pixels = (original.pixels + noise).clip(0, high).round()
    return Picture(pixels.astype(original.pixels.dtype), original.limits, original.name)
