"""Two pictures made comparable pixel by pixel, or a sentence that says why they are not."""

import numpy as np
import numpy.typing as npt

from metrics.base_metric import UndefinedError
from metrics.picture import Picture

Unit = npt.NDArray[np.float64]  # [H, W, C], black 0, white 1


def same_shape(fake: Picture, real: Picture) -> tuple[Unit, Unit]:
    """Both with the channels of ``real``: a grey target of a coloured page is grey there.

    Raises:
        UndefinedError: sizes differ, or channels in a way that nobody has agreed on.
    """
    if fake.size != real.size:
        raise UndefinedError(
            "compares pixel with pixel, but the output has {} x {}, ".format(*fake.size)
            + "the target {} x {}: scale one of them".format(*real.size)
        )
    if fake.channels == real.channels:
        return fake.unit, real.unit
    if 1 in (fake.channels, real.channels) and 3 in (fake.channels, real.channels):
        return _three(fake.unit), _three(real.unit)
    raise UndefinedError(
        f"wants equal channels, but the output has {fake.channels}, the target {real.channels}"
    )


def levels(fake: Picture, real: Picture) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Both as uint8 [H, W, 3].

    Raises:
        UndefinedError: as for ``same_shape`` and ``rgb``.
    """
    same_shape(fake, real)
    return rgb(fake), rgb(real)


def require_side(picture: Picture, smallest: int, reason: str) -> None:
    """
    Raises:
        UndefinedError: a side of the picture has fewer than ``smallest`` pixels.
    """
    if min(picture.size) < smallest:
        raise UndefinedError(
            f"needs sides of at least {smallest} pixels for {reason}, the picture has "
            f"{picture.kind}"
        )


def rgb(picture: Picture) -> npt.NDArray[np.uint8]:
    """uint8 [H, W, 3].

    Raises:
        UndefinedError: more than 8 bits, or channels that are neither grey nor RGB.
    """
    found = picture.levels()
    if found is None:
        raise UndefinedError(
            f"is made for 8-bit pictures, grey or RGB, but {picture.name or 'one'} has "
            f"{picture.kind}"
        )
    return found


def _three(unit: Unit) -> Unit:
    return np.repeat(unit, 3, axis=2) if unit.shape[2] == 1 else unit
