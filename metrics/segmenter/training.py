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

from data.files.raster import Raster, as_channels
from data.files.source import Source, read_together
from metrics.palette import Colours, Palette
from metrics.segmenter.network import Segmenter
from metrics.segmenter.scorer import SIDE_MULTIPLE, scaled_labels, scaled_photo
from util.pixel_values import levels_to_float

log = logging.getLogger(__name__)

SHIFT = 1 / 16  # of the side: most by which pictures are moved in training
LIGHT = 0.2  # most by which brightness and contrast change in training
NOISY = 1 / 16  # of the photos have a rectangle of noise, in which there is nothing to be seen
NOISY_SIDE = (0.2, 1.0)  # least and most of that rectangle, where 1 is all of the photo
FAINTEST = 0.4  # of the noise, where 1 is from black to white
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
    """``photos``: uint8 [N, 3, S, S]; ``labels``: int16 [N, S, S]."""

    photos: Tensor
    labels: Tensor


def read_examples(pairs: Sequence[LabelledPhoto], palette: Palette, size: int) -> Examples:
    """All pairs, scaled as the metric will scale those that it measures."""
    photos, labels = [], []
    for pair in pairs:
        photo, label_map = pair.read()
        photos.append(torch.from_numpy(scaled_photo(photo, size)))
        classes = scaled_labels(palette.classes(label_map), size)
        labels.append(torch.from_numpy(classes.astype(np.int16)))
    return Examples(torch.stack(photos), torch.stack(labels))


def fit(
    net: Segmenter, examples: Examples, *, epochs: int, batch_size: int, rate: float
) -> None:
    """AdamW on the cross entropy of every pixel; photos moved, mirrored or not, in changing light.

    The last class of ``net`` is what shows nothing, and is learned from noise. Draws come from
    torch's global generator.

    Raises:
        ValueError: the batches are too small for batch norm.
    """
    device = next(net.parameters()).device
    if device.type == "cpu":
        net.to(memory_format=torch.channels_last)  # a tenth faster
    count, size = examples.photos.shape[0], examples.photos.shape[-1]
    batch_size = min(batch_size, count)
    if batch_size == 1 and size == SIDE_MULTIPLE:
        raise ValueError(f"one photo of {size} pixels has no statistics at the deepest level; give "
                         f"--size {2 * SIDE_MULTIPLE}, or a --batch_size of 2 and as many pairs")
    steps = epochs * (count // batch_size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _factor(step, steps))
    net.train()
    for epoch in range(1, epochs + 1):
        losses = []
        # A last batch of one picture would have no statistics at the deepest level.
        for chosen in torch.randperm(count)[: steps // epochs * batch_size].split(batch_size):
            photos, labels = _varied(examples, chosen.tolist(), net.head.out_channels - 1)
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


def _varied(examples: Examples, chosen: Sequence[int], nothing: int) -> tuple[Tensor, Tensor]:
    """float32 [N, 3, S, S] and int64 [N, S, S].

    Never scaled: what made photos lack is most of all the grain of real ones. ``nothing``: the
    class of noise.
    """
    photos, labels = [], []
    for number in chosen:
        rows, columns = _moved(examples.photos.shape[2]), _moved(examples.photos.shape[3])
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
    """A rectangle of noise of any colour, in place: [3, S, S] and [S, S]."""
    sides = torch.empty(2).uniform_(*NOISY_SIDE)
    height, width = (sides * len(labels)).int().tolist()
    top = int(torch.randint(len(labels) - height + 1, ()))
    left = int(torch.randint(len(labels) - width + 1, ()))
    window = (..., slice(top, top + height), slice(left, left + width))
    strength = FAINTEST + (1 - FAINTEST) * torch.rand(())
    colour = (1 - strength) * (2 * torch.rand(3, 1, 1) - 1)
    photo[window] = colour + strength * (2 * torch.rand(3, height, width) - 1)
    labels[window] = nothing


def _moved(size: int) -> Tensor:
    """Which row (or column) comes where when they all move, reflected at the border."""
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
