"""The geometry of one sample: drawn once, applied to every image that must stay aligned.

The order is: channels -> resize -> affine, crop -> flip, turn -> tensor in -1..1 -> colours ->
cut-out. Images are arrays [H, W, C]; sizes are (width, height) in pixels. Images are resized by
antialiased bicubic interpolation of Pillow or torch (``--resize``). Labels are resized to the
nearest pixel, so that no new colours appear.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import Tensor

from data.augment import UNCHANGED, AppliedAugmentation, Augmentation, CropBox, Size, warp
from data.files.raster import Pixels
from data.resizing import image_size

log = logging.getLogger(__name__)
_NO_AUGMENTATION = Augmentation()


def _scale_to_width(size: Size, load_size: int, crop_size: int) -> Size:
    """Return load_size as the width; keep the aspect ratio, but at least crop_size of height."""
    width, height = size
    return load_size, int(max(load_size * height / width, crop_size))


def _round_to_4(size: Size) -> Size:
    """Round to multiples of 4, at least 4; a half to the even one: 130 -> 128, 134 -> 136."""
    width, height = (max(4, 4 * round(side / 4)) for side in size)
    return width, height


@dataclass(frozen=True)
class _Mode:
    resize: Callable[[Size, int, int], Size | None]  # (size, load_size, crop_size) -> None: keep
    crops: bool


PREPROCESS = {
    "resize_and_crop": _Mode(lambda size, load, crop: (load, load), crops=True),
    "crop": _Mode(lambda size, load, crop: None, crops=True),
    "scale_width": _Mode(lambda *sizes: _round_to_4(_scale_to_width(*sizes)), crops=False),
    "scale_width_and_crop": _Mode(_scale_to_width, crops=True),
    "none": _Mode(lambda size, load, crop: _round_to_4(size), crops=False),
}


@dataclass(frozen=True)
class Draw:
    """The random choices of one sample; ``box`` None: no crop."""

    box: CropBox | None
    mirror: bool
    augment: AppliedAugmentation = UNCHANGED

    def __call__(self, pixels: Pixels, *, nearest: bool = False) -> Pixels:
        """Apply the geometry to a scaled image. ``nearest``: labels, whose colours must not mix."""
        if self.augment.matrix is not None:
            box = self.box or (0, 0, *image_size(pixels))
            pixels = warp(pixels, self.augment.matrix, box, nearest=nearest)
        else:
            pixels = self._crop(pixels)
        return self.augment.turn(pixels[:, ::-1] if self.mirror else pixels)

    @property
    def only_crops_and_flips(self) -> bool:
        return self.augment == UNCHANGED

    def window(self, pixels: Pixels) -> Tensor:
        """Return a copy [C, H, W] of the crop, flipped or not, in the fastest way."""
        planes = self._crop(pixels).transpose(2, 0, 1)
        if planes.strides[2] == 1 and planes.flags.writeable:  # from a cache
            tensor = torch.from_numpy(planes)
            return tensor.flip(2) if self.mirror else tensor.clone()
        return torch.from_numpy(np.array(planes[:, :, ::-1] if self.mirror else planes, order="C"))

    def _crop(self, pixels: Pixels) -> Pixels:
        if self.box is None:
            return pixels
        left, top, right, bottom = self.box
        return pixels[top:bottom, left:right]


@dataclass(frozen=True)
class Recipe:
    """The values of --preprocess, --load_size, --crop_size, --no_flip and the augmentation flags.

    ``scale_width`` and ``none`` do not crop. They round both sides to multiples of 4: with other
    sides, the output of a ResNet generator differs in size from its input.
    """

    preprocess: str
    load_size: int
    crop_size: int
    flip: bool
    augmentation: Augmentation = field(default_factory=Augmentation)
    resizer: str = "pillow"  # or torch: see ``resize``

    def __post_init__(self) -> None:
        if self.preprocess not in PREPROCESS:
            raise ValueError(f"--preprocess is {self.preprocess!r}; use one of "
                             f"{', '.join(PREPROCESS)}")
        scales_and_crops = self.preprocess in ("resize_and_crop", "scale_width_and_crop")
        if scales_and_crops and self.load_size < self.crop_size:
            raise ValueError(f"--preprocess {self.preprocess} scales to --load_size "
                             f"{self.load_size} and cannot cut --crop_size {self.crop_size} from "
                             f"that; use --load_size {self.crop_size} or more, or a smaller "
                             "--crop_size")

    def log_rounding(self) -> None:
        """Log that sizes are rounded. Called once, in the main process."""
        if not PREPROCESS[self.preprocess].crops:
            log.info("--preprocess %s: both sides are rounded to multiples of 4 pixels",
                     self.preprocess)

    def fits(self, size: Size) -> bool:
        return not PREPROCESS[self.preprocess].crops or min(size) >= self.crop_size

    def new_size(self, size: Size) -> Size | None:
        """Return the size that an image of ``size`` is scaled to; None: it is not scaled."""
        return PREPROCESS[self.preprocess].resize(size, self.load_size, self.crop_size)

    @property
    def square(self) -> Size | None:
        """The size of every scaled image, if it does not depend on the file's."""
        return (self.load_size, self.load_size) if self.preprocess == "resize_and_crop" else None

    def draw(self, size: Size, rng: Random, *, source: Path) -> Draw:
        """Draw the random choices for a scaled image of ``size``; ``source`` is named in errors.

        The count of numbers drawn from ``rng`` is always three, so --no_flip does not change the
        crops. The augmentation has a generator of its own, which these three numbers seed.

        Raises:
            ValueError: the image is smaller than the crop.
        """
        width, height = size
        if not self.fits((width, height)):
            raise ValueError(f"{source}: the image is {width} x {height}, too small for "
                             f"--crop_size {self.crop_size}; lower --crop_size or use --preprocess "
                             "resize_and_crop")
        x, y, coin = rng.random(), rng.random(), rng.random()
        box = None
        if PREPROCESS[self.preprocess].crops:
            left = int(x * (width - self.crop_size + 1))
            top = int(y * (height - self.crop_size + 1))
            box = (left, top, left + self.crop_size, top + self.crop_size)
        augment = UNCHANGED
        if self.augmentation != _NO_AUGMENTATION:
            augment = self.augmentation.draw((width, height), Random(f"augment/{x}/{y}/{coin}"))
        return Draw(box, mirror=self.flip and coin < 0.5, augment=augment)
