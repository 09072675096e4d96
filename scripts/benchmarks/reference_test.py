"""A test as the original implementation does it, for benchmark.py: one picture after another, read
by this process, written by Pillow as it does unasked, a page by dominate; nothing shared with
test.py.
"""

import logging
from pathlib import Path

import dominate
import numpy as np
import torch
from dominate.tags import a, br, h3, img, p, table, td, tr
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from scripts.benchmarks.reference_data import transformed
from scripts.benchmarks.reference_step import generator

log = logging.getLogger(__name__)

Visuals = dict[str, Tensor]


class ReferenceInputs(Dataset[dict[str, Tensor | str]]):
    """Pairs of ``train``, or the pictures of ``trainA`` and ``trainB`` in their order."""

    def __init__(self, model: str, root: Path, side: int) -> None:
        self.is_paired, self.side = model == "pix2pix", side
        folders = ("train",) if self.is_paired else ("trainA", "trainB")
        self.files = [sorted((root / folder).iterdir()) for folder in folders]

    def __len__(self) -> int:
        return max(map(len, self.files))

    def __getitem__(self, index: int) -> dict[str, Tensor | str]:
        paths = [files[index % len(files)] for files in self.files]
        pictures = [Image.open(path).convert("RGB") for path in paths]
        if self.is_paired:
            [pair] = pictures
            width, height = pair.size
            pictures = [pair.crop((0, 0, width // 2, height)),
                        pair.crop((width // 2, 0, width, height))]
        A, B = (transformed(picture, self.side, self.side, (0, 0), False) for picture in pictures)
        return {"A": A, "B": B, "A_paths": str(paths[0])}


class TestedPix2Pix:
    """Batch norm and dropout as in the training."""

    def __init__(self, netG: str, width: int, run: Path, device: torch.device) -> None:
        self.G = loaded(generator(netG, width, "batch"), run / "latest_net_G.pth").to(device)

    def visuals(self, A: Tensor, B: Tensor) -> Visuals:
        return {"real_A": A, "fake_B": self.G(A), "real_B": B}


class TestedCycleGAN:
    def __init__(self, netG: str, width: int, run: Path, device: torch.device) -> None:
        self.G_A, self.G_B = (
            loaded(generator(netG, width, "instance"), run / f"latest_net_G_{side}.pth").to(device)
            for side in "AB"
        )

    def visuals(self, A: Tensor, B: Tensor) -> Visuals:
        fake_B = self.G_A(A)
        rec_A = self.G_B(fake_B)
        fake_A = self.G_B(B)
        rec_B = self.G_A(fake_A)
        return {"real_A": A, "fake_B": fake_B, "rec_A": rec_A,
                "real_B": B, "fake_A": fake_A, "rec_B": rec_B}


TESTED: dict[str, type[TestedPix2Pix | TestedCycleGAN]] = {
    "pix2pix": TestedPix2Pix, "cycle_gan": TestedCycleGAN,
}


def loaded(net: nn.Module, path: Path) -> nn.Module:
    """A published file's weights: other names, the same order."""
    weights = torch.load(path, map_location="cpu", weights_only=True)
    net.load_state_dict(dict(zip(net.state_dict(), weights.values(), strict=True)))
    return net


def to_picture(images: Tensor) -> np.ndarray:
    """The first of [N, 3, H, W] in -1..1 -> uint8 [H, W, 3], cut off and not rounded."""
    levels = images[0].detach().cpu().float().numpy()
    return ((np.transpose(levels, (1, 2, 0)) + 1) / 2.0 * 255.0).astype(np.uint8)


class Page:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "images").mkdir(parents=True)
        self.document = dominate.document(title="test")

    def add(self, name: str, visuals: Visuals) -> None:
        with self.document:
            h3(name)
            with table(border=1, style="table-layout: fixed;"), tr():
                for label, images in visuals.items():
                    file = f"images/{name}_{label}.png"
                    Image.fromarray(to_picture(images)).save(self.folder / file)
                    with td(style="word-wrap: break-word;", halign="center", valign="top"), p():
                        with a(href=file):
                            img(style="width:256px", src=file)
                        br()
                        p(label)

    def save(self) -> None:
        (self.folder / "index.html").write_text(self.document.render(), encoding="utf-8")


def reference_test(
    model: TestedPix2Pix | TestedCycleGAN, inputs: ReferenceInputs, results: Path, *, count: int,
    device: torch.device,
) -> None:
    """Translate the first ``count`` inputs into ``results``."""
    page = Page(results)
    for number, batch in enumerate(DataLoader(inputs, batch_size=1, num_workers=0)):
        if number >= count:
            break
        torch.manual_seed(0)  # which the original leaves out: so both sides have the same dropout
        with torch.no_grad():
            visuals = model.visuals(batch["A"].to(device), batch["B"].to(device))
        if number % 5 == 0:
            log.info("processing (%04d)-th image... %s", number, batch["A_paths"])
        page.add(Path(batch["A_paths"][0]).stem, visuals)
    page.save()
