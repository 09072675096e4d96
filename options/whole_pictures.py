"""How pictures are shown whole: in a test, and in a validation that is to equal it."""

from models.networks import side_multiple

_WITHOUT_CROP = {"crop": "none", "scale_width_and_crop": "scale_width"}


def without_crop(preprocess: str, netG: str) -> str:
    """--preprocess of a training -> the one that cuts nothing off.

    Where the generator does not take every size, pictures are scaled to the crop itself (U-Nets).
    """
    if preprocess not in _WITHOUT_CROP:
        return preprocess
    return _WITHOUT_CROP[preprocess] if side_multiple(netG) <= 4 else "resize_and_crop"
