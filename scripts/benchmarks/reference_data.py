"""Pictures as the original implementation reads them, for benchmark.py: Pillow, one transform
after another, for each of them in every epoch; nothing shared with data/.
"""

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from util.runtime import count_cores

Loaded = dict[str, Tensor]


def to_tensor(picture: Image.Image) -> Tensor:
    """[3, H, W] in -1..1, in two steps: to 0..1; a copy, normalised by mean and deviation of each
    channel.
    """
    levels = torch.from_numpy(np.array(picture, np.uint8)).permute(2, 0, 1).contiguous()
    unit = levels.float().div(255)
    mean, deviation = (torch.tensor([0.5, 0.5, 0.5]).view(3, 1, 1) for _ in range(2))
    return unit.clone().sub_(mean).div_(deviation)


def transformed(picture: Image.Image, load: int, crop: int, corner: tuple[int, int], flip: bool,
                ) -> Tensor:
    picture = picture.resize((load, load), Image.Resampling.BICUBIC)
    left, top = corner
    picture = picture.crop((left, top, left + crop, top + crop))
    if flip:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return to_tensor(picture)


class ReferencePairs(Dataset[Loaded]):
    """Halves of a file, one draw for both."""

    def __init__(self, folder: Path, load: int, crop: int) -> None:
        self.files = sorted(folder.iterdir())
        self.load, self.crop = load, crop

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Loaded:
        pair = Image.open(self.files[index]).convert("RGB")
        width, height = pair.size
        A = pair.crop((0, 0, width // 2, height))
        B = pair.crop((width // 2, 0, width, height))
        corner = self.draw()
        flip = random.random() > 0.5
        return {
            "A": transformed(A, self.load, self.crop, corner, flip),
            "B": transformed(B, self.load, self.crop, corner, flip),
        }

    def draw(self) -> tuple[int, int]:
        room = max(0, self.load - self.crop)
        return random.randint(0, room), random.randint(0, room)


class ReferenceSides(ReferencePairs):
    """Two folders; B by chance, a draw for each."""

    def __init__(self, folders: tuple[Path, Path], load: int, crop: int) -> None:
        super().__init__(folders[0], load, crop)
        self.others = sorted(folders[1].iterdir())

    def __getitem__(self, index: int) -> Loaded:
        files = {"A": self.files[index], "B": random.choice(self.others)}
        return {
            side: transformed(Image.open(file).convert("RGB"), self.load, self.crop, self.draw(),
                              random.random() > 0.5)
            for side, file in files.items()
        }


def reference_loader(
    model: str, root: Path, *, load: int, crop: int, batch: int, workers: int | None = None
) -> DataLoader[Loaded]:
    """As the original's: four workers, started anew for each epoch, memory not pinned.

    Here not more than cores: torch advises against it.
    """
    if workers is None:
        workers = min(4, count_cores())
    pairs: Dataset[Loaded] = (
        ReferencePairs(root / "train", load, crop) if model == "pix2pix"
        else ReferenceSides((root / "trainA", root / "trainB"), load, crop)
    )
    return DataLoader(pairs, batch_size=batch, shuffle=True, num_workers=workers)
