"""The images of a batch, and their comparison pixel by pixel, without the missing pixels."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from data.files.raster import Mask
from models.comparison import Comparison
from models.losses import like_real
from models.registration import Registration


class BatchPixels(Registration):
    """Base class of ``BaseModel``.

    ``missing_A``, ``missing_B``: bool like the input and the target, True where the file has no
    value; None without --nan_value. The images hold the value of the flag there.
    """

    image_paths: list[str]
    target_paths: Sequence[str] = ()
    missing_A: Tensor | None = None
    missing_B: Tensor | None = None
    like_real = staticmethod(like_real)

    def get_image_paths(self) -> list[str]:
        return self.image_paths

    def missing_inputs(self, index: int) -> dict[str, Mask]:
        """Return the label of an output -> bool [H, W], where its input has no value at all."""
        masks = {"fake_B": self.missing_A, "fake_A": self.missing_B}
        return {label: mask[index].all(dim=0).cpu().numpy()
                for label, mask in masks.items() if mask is not None and mask[index].any()}

    def missing_targets(self, index: int, comparisons: Sequence[Comparison]) -> dict[str, Mask]:
        """Return the label of a target -> bool [H, W], where a channel has no value in its file.

        The target of a cycle is its input. The masks are there if the model has --nan_value.
        """
        masks = {compared.pair[1]: self.missing_in(compared)
                 for compared in comparisons if compared.pair}
        return {label: mask[index].any(dim=0).cpu().numpy()
                for label, mask in masks.items() if mask is not None}

    def sources(self, index: int) -> dict[str, Path]:
        """Return the files of the model's A and B of one image, as far as they are known."""
        known = {"A": self.image_paths, "B": self.target_paths}
        return {letter: Path(paths[index]) for letter, paths in known.items() if paths}

    def missing_in(self, comparison: Comparison) -> Tensor | None:
        """Return the mask of the image that an output is compared with, pixel by pixel."""
        is_first = comparison.from_target_side != bool(comparison.back)
        return self.missing_A if is_first else self.missing_B
