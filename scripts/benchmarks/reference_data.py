"""Reading and testing as the original implementation does it, written plainly.

Pillow and one transform after another, again in every epoch; in a test, one image after another,
PNG files at Pillow's default level, and a page by dominate. It shares no code with data/ and
test.py.
"""

import logging
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from scripts.benchmarks.reference_step import Reference
from util.runtime import count_cores

log = logging.getLogger(__name__)


def to_tensor(image: Image.Image) -> Tensor:
    """Return [3, H, W] in -1..1, in the original's two steps: to 0..1, then a normalised copy."""
    levels = torch.from_numpy(np.array(image, np.uint8)).permute(2, 0, 1).contiguous()
    unit = levels.float().div(255)
    mean, deviation = (torch.tensor([0.5, 0.5, 0.5]).view(3, 1, 1) for _ in range(2))
    return unit.clone().sub_(mean).div_(deviation)


class ReferenceSet(Dataset[dict[str, Tensor | str]]):
    """The pairs of ``train``, or the images of ``trainA`` and ``trainB``.

    In training, crop and flip are drawn once for a pair but once for each unpaired image, and the
    unpaired image of B is a random one.
    """

    def __init__(self, model: str, root: Path, *, load: int, crop: int, is_train: bool) -> None:
        self.is_paired, self.is_train = model == "pix2pix", is_train
        folders = ("train",) if self.is_paired else ("trainA", "trainB")
        self.files = [sorted((root / folder).iterdir()) for folder in folders]
        self.load, self.crop = load, crop

    def __len__(self) -> int:
        return len(self.files[0]) if self.is_train else max(map(len, self.files))

    def __getitem__(self, index: int) -> dict[str, Tensor | str]:
        path, *others = (files[index % len(files)] for files in self.files)
        if others and self.is_train:
            others = [random.choice(self.files[1])]
        images = [Image.open(path).convert("RGB") for path in (path, *others)]
        draws = [self.draw() for _ in images]
        if self.is_paired:
            width, height = images[0].size
            images = [images[0].crop((0, 0, width // 2, height)),
                      images[0].crop((width // 2, 0, width, height))]
            draws *= 2
        A, B = (self.transformed(*both) for both in zip(images, draws, strict=True))
        return {"A": A, "B": B, "A_paths": str(path)}

    def draw(self) -> tuple[int, int, bool]:
        """Return left, top and whether to flip."""
        room = max(0, self.load - self.crop)
        is_flipped = self.is_train and random.random() > 0.5
        return random.randint(0, room), random.randint(0, room), is_flipped

    def transformed(self, image: Image.Image, draw: tuple[int, int, bool]) -> Tensor:
        left, top, is_flipped = draw
        image = image.resize((self.load, self.load), Image.Resampling.BICUBIC)
        image = image.crop((left, top, left + self.crop, top + self.crop))
        if is_flipped:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return to_tensor(image)


def reference_loader(model: str, root: Path, *, load: int, crop: int, batch: int,
                     workers: int | None = None) -> DataLoader[dict[str, Tensor | str]]:
    """Return the original's loader: four workers, started for each epoch, memory not pinned.

    There are at most as many workers as cores, as torch advises.
    """
    images = ReferenceSet(model, root, load=load, crop=crop, is_train=True)
    count = min(4, count_cores()) if workers is None else workers
    return DataLoader(images, batch_size=batch, shuffle=True, num_workers=count)


def reference_test(model: Reference, images: ReferenceSet, results: Path, *, count: int
                   ) -> None:
    """Translate the first ``count`` inputs and write their images and the page to ``results``."""
    import dominate

    (results / "images").mkdir(parents=True)
    page = dominate.document(title="test")
    for number, batch in enumerate(DataLoader(images, batch_size=1, num_workers=0)):
        if number >= count:
            break
        torch.manual_seed(0)  # not in the original: it gives both sides the same dropout
        with torch.no_grad():
            visuals = model.translate(batch["A"].to(model.device), batch["B"].to(model.device))
        if number % 5 == 0:
            log.info("processing (%04d)-th image... %s", number, batch["A_paths"])
        add_row(page, results, Path(batch["A_paths"][0]).stem, visuals)
    (results / "index.html").write_text(page.render(), encoding="utf-8")


def add_row(page: Any, results: Path, name: str, visuals: dict[str, Tensor]) -> None:
    from dominate.tags import a, br, h3, img, p, table, td, tr

    with page:
        h3(name)
        with table(border=1, style="table-layout: fixed;"), tr():
            for label, images in visuals.items():
                file = f"images/{name}_{label}.png"
                levels = images[0].detach().cpu().float().numpy().transpose(1, 2, 0)
                # The original cuts levels off instead of rounding them.
                pixels = ((levels + 1) / 2.0 * 255.0).astype(np.uint8)
                Image.fromarray(pixels).save(results / file)
                with td(style="word-wrap: break-word;", halign="center", valign="top"), p():
                    with a(href=file):
                        img(style="width:256px", src=file)
                    br()
                    p(label)
