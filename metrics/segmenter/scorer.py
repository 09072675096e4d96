"""A trained segmenter of one labelled set, with its palette and the side of its images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from metrics.palette import RADIUS, Classes, Colours, Palette
from metrics.segmenter.network import DEPTH, Segmenter
from util import checkpoint
from util.pixel_values import levels_to_float

ENTRIES = {"net", "palette", "names", "size", "width", "training", "facts"}
SIDE_MULTIPLE: int = 2**DEPTH
LABELLED = 0.6  # least share of pixels within RADIUS of a label's colour in a label map


@dataclass(frozen=True)
class Scorer:
    """``net`` predicts the classes of ``palette`` and, as its last class, "nothing".

    ``size``: side to which photos and label maps are scaled (pixels).
    ``training``: SHA-256 of the training images; ``facts``: how it was trained, for the reader.
    """

    net: Segmenter
    palette: Palette
    size: int
    width: int
    training: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def class_count(self) -> int:
        """The number of labels and "nothing"."""
        return len(self.palette) + 1

    @torch.no_grad()
    def segment(self, levels: Colours) -> Classes:
        """Return the classes [size, size] that the network sees in a photo, uint8 [H, W, 3]."""
        photo = levels_to_float(torch.from_numpy(scaled_photo(levels, self.size))[None])
        logits: Tensor = self.net(photo.to(self.device))[0]
        return logits.argmax(dim=0).cpu().numpy().astype(np.intp)

    def labels(self, levels: Colours) -> Classes:
        """Return the classes [size, size] of a label map, uint8 [H, W, 3]."""
        return scaled_labels(self.palette.classes(levels), self.size)

    def reads(self, levels: Colours) -> bool:
        """Return True if the image is a label map in the colours of this scorer."""
        small = np.asarray(_resized(levels, self.size, Image.Resampling.NEAREST))
        nearest = self.palette.colours[self.palette.classes(small)].astype(np.int64)
        distances = np.square(small.astype(np.int64) - nearest).sum(axis=2)
        return bool((distances <= RADIUS**2).mean() >= LABELLED)

    def save(self, path: Path) -> None:
        colours, names = torch.tensor(self.palette.colours), list(self.palette.names)
        checkpoint.save(path, {
            "net": self.net.state_dict(), "palette": colours, "names": names, "size": self.size,
            "width": self.width, "training": self.training, "facts": dict(self.facts),
        })


def load_scorer(path: Path, device: torch.device | None = None) -> Scorer:
    """
    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file holds something else.
    """
    advice = "give a file that scripts/train_scorer.py has written"
    state = checkpoint.load(path, advice=lambda _: advice)
    if not state.keys() >= ENTRIES:
        missing = min(ENTRIES - state.keys())
        raise ValueError(f"{path} is not a scorer ({missing} is missing); {advice}")
    palette = Palette(state["palette"].numpy(), tuple(state["names"]))
    classes = len(state["net"]["head.weight"])
    if classes != len(palette) + 1:
        raise ValueError(f"{path} has {classes} classes, but {len(palette) + 1} are wanted: those "
                         "of its palette and \"nothing\", which earlier scorers did not have; "
                         "train it again by scripts/train_scorer.py")
    net = Segmenter(classes, width=state["width"]).eval()
    net.load_state_dict(state["net"])
    device = device or torch.device("cpu")
    return Scorer(net.to(device), palette, state["size"], state["width"], state["training"],
                  state["facts"], device)


def check_size(size: int) -> None:
    """
    Raises:
        ValueError: the segmenter cannot halve this size often enough.
    """
    if size % SIDE_MULTIPLE:
        near = max(1, round(size / SIDE_MULTIPLE)) * SIDE_MULTIPLE
        raise ValueError(f"--size {size} is not a multiple of {SIDE_MULTIPLE}, by which the "
                         f"network divides it; give {near}")


def scaled_photo(levels: Colours, size: int) -> Colours:
    """Scale uint8 [H, W, 3] to [3, size, size] by bicubic interpolation."""
    resized = np.asarray(_resized(levels, size, Image.Resampling.BICUBIC))
    return np.ascontiguousarray(resized.transpose(2, 0, 1))


def scaled_labels(classes: Classes, size: int) -> Classes:
    """Scale [H, W] to [size, size] by nearest neighbours: classes have no values between them."""
    resized = _resized(classes.astype(np.int32), size, Image.Resampling.NEAREST)
    return np.asarray(resized).astype(np.intp)


def _resized(pixels: npt.NDArray[Any], size: int, how: Image.Resampling) -> Image.Image:
    return Image.fromarray(pixels).resize((size, size), how)
