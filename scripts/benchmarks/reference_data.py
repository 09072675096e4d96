"""Reading and testing as the original implementation does it: torchvision and dominate.

Pillow reads and transforms the images again in every epoch; in a test, one image after another, PNG
files at Pillow's default level, and a page by dominate. It shares no code with data/ and test.py.
"""

import logging
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from scripts.benchmarks.reference_step import Reference

log = logging.getLogger(__name__)


class ReferenceSet(Dataset[dict[str, Tensor | str]]):
    """The pairs of ``train``, or the images of ``trainA`` and ``trainB``.

    In training, crop and flip are drawn once for a pair but once for each unpaired image, and the
    unpaired image of B is a random one.
    """

    def __init__(self, model: str, root: Path, *, load: int, crop: int, is_train: bool) -> None:
        self.is_paired, self.is_train = model == "pix2pix", is_train
        folders = ("train", "train") if self.is_paired else ("trainA", "trainB")
        self.A, self.B = (sorted((root / folder).iterdir()) for folder in folders)
        self.load, self.crop = load, crop

    def __len__(self) -> int:
        return len(self.A) if self.is_train else max(len(self.A), len(self.B))

    def __getitem__(self, index: int) -> dict[str, Tensor | str]:
        path, transform = self.A[index % len(self.A)], self.transform()
        A = Image.open(path).convert("RGB")
        if self.is_paired:
            width, height = A.size
            B = A.crop((width // 2, 0, width, height))
            A = A.crop((0, 0, width // 2, height))
            return {"A": transform(A), "B": transform(B), "A_paths": str(path)}
        B = Image.open(random.choice(self.B) if self.is_train else self.B[index % len(self.B)])
        return {"A": transform(A), "B": self.transform()(B.convert("RGB")), "A_paths": str(path)}

    def transform(self) -> Callable[[Image.Image], Tensor]:
        """Draw the crop and the flip, and return all transforms to [3, H, W] in -1..1."""
        left, top = (random.randint(0, self.load - self.crop) for _ in range(2))
        box = (left, top, left + self.crop, top + self.crop)
        is_flipped = self.is_train and random.random() > 0.5
        composed: Callable[[Image.Image], Tensor] = transforms.Compose([
            transforms.Resize((self.load, self.load), transforms.InterpolationMode.BICUBIC),
            lambda image: image.crop(box), transforms.RandomHorizontalFlip(float(is_flipped)),
            transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ])
        return composed


def reference_test(model: Reference, images: ReferenceSet, results: Path, *, count: int) -> None:
    """Translate the first ``count`` inputs and write their images and the page to ``results``."""
    import dominate
    from dominate.tags import a, br, h3, img, p, table, td, tr

    (results / "images").mkdir(parents=True)
    page = dominate.document(title="test")
    for number, batch in zip(range(count), DataLoader(images), strict=False):
        torch.manual_seed(0)  # not in the original: it gives both sides the same dropout
        with torch.no_grad():
            visuals = model.translate(batch["A"].to(model.device), batch["B"].to(model.device))
        if number % 5 == 0:
            log.info("processing (%04d)-th image... %s", number, batch["A_paths"])
        name = Path(batch["A_paths"][0]).stem
        with page:
            h3(name)
            row = table(border=1, style="table-layout: fixed;").add(tr())
        for label, image in visuals.items():
            file = f"images/{name}_{label}.png"
            # The original cuts levels off instead of rounding them.
            levels = (image[0].cpu().numpy().transpose(1, 2, 0) + 1) / 2.0 * 255.0
            Image.fromarray(levels.astype(np.uint8)).save(results / file)
            with row, td(style="word-wrap: break-word;", halign="center", valign="top"), p():
                a(img(style="width:256px", src=file), href=file)
                br()
                p(label)
    (results / "index.html").write_text(page.render(), encoding="utf-8")
