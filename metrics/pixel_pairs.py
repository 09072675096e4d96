"""Check that two images can be compared pixel by pixel, and convert them to equal channels."""

import numpy as np
import numpy.typing as npt

from data.files.raster import Mask
from data.files.value_range import LEVELS
from metrics.base_metric import UndefinedError
from metrics.metric_image import MetricImage
from util.pixel_values import unit_to_levels

Unit = npt.NDArray[np.float64]  # [H, W, C], black 0, white 1


def same_shape(fake: MetricImage, real: MetricImage) -> tuple[Unit, Unit]:
    """Return both images in 0..1 with equal channels; a grey one becomes RGB if the other is RGB.

    Raises:
        UndefinedError: the sizes differ, or the numbers of channels in another way.
    """
    if fake.size != real.size:
        raise UndefinedError(
            "compares pixel with pixel, but the output has {} x {}, ".format(*fake.size)
            + "the target {} x {}: scale one of them".format(*real.size)
        )
    if fake.channels == real.channels:
        return fake.unit, real.unit
    if {fake.channels, real.channels} == {1, 3}:
        shape = (*real.pixels.shape[:2], 3)
        return np.broadcast_to(fake.unit, shape), np.broadcast_to(real.unit, shape)
    raise UndefinedError("needs an equal number of channels, but the output has "
                         f"{fake.channels}, the target {real.channels}")


def known_pixels(fake: MetricImage, real: MetricImage) -> tuple[Unit, Unit]:
    """Return the pixels that both images have, [N, C]: see ``same_shape``.

    Raises:
        UndefinedError: as ``same_shape``, or there is no such pixel.
    """
    a, b = same_shape(fake, real)
    missing = missing_pixels(fake, real)
    if missing is None:
        return a.reshape(-1, a.shape[2]), b.reshape(-1, b.shape[2])
    if missing.all():
        raise UndefinedError("compares pixels, but none has a value in both images")
    return a[~missing], b[~missing]


def missing_pixels(fake: MetricImage, real: MetricImage) -> Mask | None:
    """Return bool [H, W], True where one of two images of equal size has no value."""
    masks = [image.missing for image in (fake, real) if image.missing is not None]
    return np.logical_or.reduce(masks) if masks else None


def require_all_pixels(fake: MetricImage, real: MetricImage) -> None:
    """Raise UndefinedError if pixels are missing."""
    missing = missing_pixels(fake, real)
    if missing is not None:
        raise UndefinedError(f"needs all pixels, but {missing.sum()} of {missing.size} have no "
                             "value")


def levels(
    fake: MetricImage, real: MetricImage
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return both images as uint8 [H, W, 3].

    Raises:
        UndefinedError: see ``same_shape``, ``require_all_pixels`` and ``rgb``.
    """
    same_shape(fake, real)
    require_all_pixels(fake, real)
    return rgb(fake), rgb(real)


def shown(image: MetricImage) -> npt.NDArray[np.uint8]:
    """Return ``rgb`` with 0 for black and 255 for white, whatever the limits of the bytes are.

    Raises:
        UndefinedError: see ``rgb``.
    """
    levels = rgb(image)
    return levels if image.limits == LEVELS else np.broadcast_to(
        unit_to_levels(image.unit.clip(0, 1)), levels.shape)


def require_side(image: MetricImage, smallest: int, reason: str) -> None:
    """
    Raises:
        UndefinedError: a side of the image has fewer than ``smallest`` pixels.
    """
    if min(image.size) < smallest:
        raise UndefinedError(f"needs sides of at least {smallest} pixels for {reason}, this image "
                             "has {} x {}".format(*image.size))


def rgb(image: MetricImage) -> npt.NDArray[np.uint8]:
    """Return uint8 [H, W, 3].

    Raises:
        UndefinedError: the image has more than 8 bits, or is neither grey nor RGB.
    """
    pixels = image.levels()
    if pixels is None:
        raise UndefinedError(f"is for 8-bit images, grey or RGB, this one has {image.kind}")
    return pixels
