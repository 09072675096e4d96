"""How a segmenter learns from real pairs, photo and label map."""

import hashlib
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from data.raster import Raster, as_channels
from data.source import Source, read_together
from metrics.palette import Colours, Palette
from metrics.scorer import scaled_labels, scaled_photo, to_input
from metrics.segmenter import Segmenter

log = logging.getLogger(__name__)

MARGIN = 9 / 8  # pictures are kept so much larger than the crop, as 286 is to 256
LIGHT = 0.2  # most by which brightness and contrast change in training
WARM_UP = 0.1  # of the steps: the rate rises, and then falls as half a cosine
REPORTS = 10  # lines in a training


@dataclass(frozen=True)
class LabelledPhoto:
    photo: Source
    labels: Source

    def read(self) -> tuple[Colours, Colours]:
        """Photo and label map, uint8 [H, W, 3] each.

        Raises:
            PictureError: one cannot be read.
            ValueError: one has more than 8 bits.
        """
        photo, labels = read_together([self.photo, self.labels])
        return _levels(photo, self.photo), _levels(labels, self.labels)


@dataclass(frozen=True)
class Examples:
    """``photos``: uint8 [N, 3, S, S]; ``labels``: int64 [N, S, S]."""

    photos: Tensor
    labels: Tensor


def read_examples(pairs: Sequence[LabelledPhoto], palette: Palette, size: int) -> Examples:
    """All pairs, somewhat larger than the ``size`` (pixels) of the crops."""
    kept = round(size * MARGIN)
    photos, labels = [], []
    for pair in pairs:
        photo, label_map = pair.read()
        photos.append(torch.from_numpy(scaled_photo(photo, kept)))
        labels.append(torch.from_numpy(scaled_labels(palette.classes(label_map), kept)))
    return Examples(torch.stack(photos), torch.stack(labels))


def fit(
    net: Segmenter, examples: Examples, *, size: int, epochs: int, batch_size: int, rate: float
) -> None:
    """AdamW on the cross entropy of every pixel; crops, mirrored or not, in changing light.

    Draws come from torch's global generator.
    """
    device = next(net.parameters()).device
    count = len(examples.photos)
    batch_size = min(batch_size, count)
    steps = epochs * (count // batch_size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _factor(step, steps))
    net.train()
    for epoch in range(1, epochs + 1):
        losses = []
        # A last batch of one picture would have no statistics at the deepest level.
        for chosen in torch.randperm(count)[: steps // epochs * batch_size].split(batch_size):
            photos, labels = _vary(examples.photos[chosen], examples.labels[chosen], size)
            loss = cross_entropy(net(photos.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        if epoch % math.ceil(epochs / REPORTS) == 0 or epoch == epochs:
            mean = torch.stack(losses).mean()
            log.info("epoch %d of %d: cross entropy %.3f", epoch, epochs, mean)
    net.eval()


def fingerprint(pairs: Sequence[LabelledPhoto]) -> str:
    """SHA-256 of the files, in their order."""
    digest = hashlib.sha256()
    for path in dict.fromkeys(
        file for pair in pairs for side in (pair.photo, pair.labels) for file in side.files
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _vary(photos: Tensor, labels: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """float32 [N, 3, size, size] and int64 [N, size, size]; one draw of place for the batch."""
    top, left = torch.randint(photos.shape[-1] - size + 1, (2,)).tolist()
    window = (..., slice(top, top + size), slice(left, left + size))
    photos, labels = to_input(photos[window]), labels[window]
    mirrored = torch.rand(len(photos)) < 0.5
    photos = torch.where(mirrored[:, None, None, None], photos.flip(-1), photos)
    labels = torch.where(mirrored[:, None, None], labels.flip(-1), labels)
    gain, offset = LIGHT * (2 * torch.rand(2, len(photos), 1, 1, 1) - 1)
    return photos * (1 + gain) + offset, labels


def _factor(step: int, steps: int) -> float:
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _levels(raster: Raster, source: Source) -> Colours:
    if raster.pixels.dtype != np.uint8:
        raise ValueError(f"{source} is {raster}; photos and label maps of 8 bits are wanted")
    return as_channels(raster, 3, source=source)
