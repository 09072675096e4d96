"""Training of a segmenter on real pairs of photo and label map."""

import hashlib
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from data.files.raster import Raster, as_channels
from data.files.source import Source, read_together
from metrics.palette import Colours, Palette
from metrics.segmenter.network import Segmenter
from metrics.segmenter.scorer import SIDE_MULTIPLE, scaled_labels, scaled_photo
from util.pixel_values import levels_to_float

log = logging.getLogger(__name__)

SHIFT = 1 / 16  # largest random shift, as a share of the side
LIGHT = 0.2  # largest random change of brightness and contrast
NOISY = 1 / 16  # share of the photos that get a rectangle of noise, labelled "nothing"
NOISY_SIDE = (0.2, 1.0)  # smallest and largest side of the rectangle, as a share of the photo
FAINTEST = 0.4  # smallest strength of the noise; 1 is from black to white
WARM_UP = 0.1  # share of the steps in which the rate rises; then it falls as half a cosine
REPORTS = 10  # log lines of a training


@dataclass(frozen=True)
class LabelledPhoto:
    photo: Source
    labels: Source

    def read(self) -> tuple[Colours, Colours]:
        """Return photo and label map, uint8 [H, W, 3] each.

        Raises:
            PictureError: a file cannot be read.
            ValueError: a file has more than 8 bits.
        """
        photo, labels = read_together([self.photo, self.labels])
        return _levels(photo, self.photo), _levels(labels, self.labels)


@dataclass(frozen=True)
class LabelledTensors:
    """``photos``: uint8 [N, 3, S, S]; ``labels``: int16 [N, S, S]."""

    photos: Tensor
    labels: Tensor


def read_examples(pairs: Sequence[LabelledPhoto], palette: Palette, size: int) -> LabelledTensors:
    """Read all pairs and scale them as the metric does."""
    photos, labels = [], []
    for pair in pairs:
        photo, label_map = pair.read()
        photos.append(torch.from_numpy(scaled_photo(photo, size)))
        classes = scaled_labels(palette.classes(label_map), size)
        labels.append(torch.tensor(classes, dtype=torch.int16))
    return LabelledTensors(torch.stack(photos), torch.stack(labels))


def fit(
    net: Segmenter, examples: LabelledTensors, *, epochs: int, batch_size: int, rate: float,
    after_step: Callable[[int, int, Tensor], object] = lambda epoch, images, loss: None,
) -> None:
    """Train with AdamW on the cross entropy of every pixel.

    ``after_step`` gets the epoch, counted from 1, the number of images in the batch, and the loss.

    Photos are shifted, mirrored and changed in brightness and contrast. The last class of ``net``,
    "nothing", is learned from noise. Random numbers come from torch's global generator.

    Raises:
        ValueError: the batches are too small for batch norm.
    """
    device = next(net.parameters()).device
    if device.type == "cpu":
        net.to(memory_format=torch.channels_last)  # 10 % faster
    count, size = examples.photos.shape[0], examples.photos.shape[-1]
    batch_size = min(batch_size, count)
    _require_statistics(batch_size, size)
    steps = epochs * (count // batch_size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _factor(step, steps))
    net.train()
    for epoch in range(1, epochs + 1):
        losses = []
        # A last batch of one image would have no statistics at the deepest level.
        for chosen in torch.randperm(count)[: steps // epochs * batch_size].split(batch_size):
            photos, labels = _augmented(examples, chosen.tolist(), net.head.out_channels - 1)
            loss = cross_entropy(net(photos.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
            after_step(epoch, len(chosen), losses[-1])
        if epoch % math.ceil(epochs / REPORTS) == 0 or epoch == epochs:
            mean = torch.stack(losses).mean()
            log.info("epoch %d of %d: cross entropy %.3f", epoch, epochs, mean)
    net.eval()


def _require_statistics(batch_size: int, size: int) -> None:
    if batch_size == 1 and size == SIDE_MULTIPLE:
        raise ValueError(f"one photo of {size} pixels has no statistics at the deepest level; give "
                         f"--size {2 * SIDE_MULTIPLE}, or a --batch_size of 2 and as many pairs")


def fingerprint(pairs: Sequence[LabelledPhoto]) -> str:
    """Return the SHA-256 of the files in their order."""
    sides = [side for pair in pairs for side in (pair.photo, pair.labels)]
    digest = hashlib.sha256()
    for path in dict.fromkeys(file for side in sides for file in side.files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _augmented(
    examples: LabelledTensors, chosen: Sequence[int], nothing: int
) -> tuple[Tensor, Tensor]:
    """Return photos, float32 [N, 3, S, S], and labels, int64 [N, S, S].

    Photos are not scaled, because generated photos differ from real ones mostly in their fine
    grain. ``nothing``: the class of noise.
    """
    photos, labels = [], []
    for number in chosen:
        rows, columns = (_shifted(size) for size in examples.photos.shape[2:])
        if torch.rand(()) < 0.5:
            columns = columns.flip(0)
        photos.append(examples.photos[number][:, rows[:, None], columns])
        labels.append(examples.labels[number][rows[:, None], columns].long())
    gain, offset = LIGHT * (2 * torch.rand(2, len(photos), 1, 1, 1) - 1)
    batch, classes = levels_to_float(torch.stack(photos)) * (1 + gain) + offset, torch.stack(labels)
    for photo, label_map in zip(batch, classes, strict=True):
        if torch.rand(()) < NOISY:
            _add_noise(photo, label_map, nothing)
    return batch, classes


def _add_noise(photo: Tensor, labels: Tensor, nothing: int) -> None:
    """Write a rectangle of noise of a random colour to [3, S, S] and [S, S], in place."""
    sides = torch.empty(2).uniform_(*NOISY_SIDE)
    height, width = (sides * len(labels)).int().tolist()
    top = int(torch.randint(len(labels) - height + 1, ()))
    left = int(torch.randint(len(labels) - width + 1, ()))
    window = (..., slice(top, top + height), slice(left, left + width))
    strength = FAINTEST + (1 - FAINTEST) * torch.rand(())
    colour = (1 - strength) * (2 * torch.rand(3, 1, 1) - 1)
    photo[window] = colour + strength * (2 * torch.rand(3, height, width) - 1)
    labels[window] = nothing


def _shifted(size: int) -> Tensor:
    """Return the rows (or columns) after a random shift, reflected at the border."""
    most = int(SHIFT * size)
    places = (torch.arange(size) + torch.randint(-most, most + 1, ())).abs()
    return torch.minimum(places, 2 * (size - 1) - places)


def _factor(step: int, steps: int) -> float:
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _levels(raster: Raster, source: Source) -> Colours:
    if raster.pixels.dtype != np.uint8:
        raise ValueError(f"{source} is {raster}; photos and label maps of 8 bits are wanted")
    return as_channels(raster, 3, source=source)
