"""Pairs whose A is a noisy image of boxes and whose B is a flat map of the same boxes."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 64

Picture = npt.NDArray[np.uint8]


def scene(seed: int) -> tuple[Picture, Picture]:
    rng = np.random.default_rng(seed)
    photo = rng.integers(150, 200, (SIDE, SIDE, 3), dtype=np.uint8)
    labels = np.full((SIDE, SIDE, 3), (0, 0, 220), np.uint8)
    for _ in range(4):
        left, top = rng.integers(8, 40, 2)
        box = (slice(top, top + 14), slice(left, left + 12))
        photo[box] = rng.integers(0, 60, photo[box].shape)
        labels[box] = (250, 80, 0)
    return photo, labels


def side_by_side(A: Picture, B: Picture, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate([A, B], axis=1)).save(path)


def write_scenes(root: Path, *, train: int = 12, test: int = 3) -> None:
    for phase, seeds in (("train", range(train)), ("test", range(100, 100 + test))):
        for seed in seeds:
            side_by_side(*scene(seed), root / phase / f"{seed}.png")
