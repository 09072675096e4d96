"""The images of a batch, and their comparison pixel by pixel, without the missing pixels."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from data.base_dataset import Batch
from data.files.metadata import Mask
from models.comparison import Comparison
from models.losses import l1_of_known, share_of_known
from models.registration import Registration


class BatchPixels(Registration):
    """Base class of ``BaseModel``.

    ``missing_A``, ``missing_B``: bool like the input and the target, True where the file has no
    value; None without --nan_value. The images hold the value of the flag there.
    """

    target_paths: Sequence[str] = ()
    missing_A: Tensor | None = None
    missing_B: Tensor | None = None

    def take(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the batch's input and target (--direction) on the device.

        Set ``image_paths``, ``missing_A`` and ``missing_B``.
        """
        forwards = self.opt.direction == "AtoB"
        self.image_paths = batch["A_paths" if forwards else "B_paths"]
        self.target_paths = batch["B_paths" if forwards else "A_paths"]
        a, b = batch["A"].to(self.device), batch["B"].to(self.device)
        if "A_missing" in batch and "B_missing" in batch:
            masks = batch["A_missing"].to(self.device), batch["B_missing"].to(self.device)
            self.missing_A, self.missing_B = masks if forwards else masks[::-1]
        return (a, b) if forwards else (b, a)

    def missing_inputs(self, index: int) -> dict[str, Mask]:
        """Return the label of an output -> bool [H, W], where its input has no value at all."""
        masks = {"fake_B": self.missing_A, "fake_A": self.missing_B}
        return {label: mask[index].all(dim=0).cpu().numpy()
                for label, mask in masks.items() if mask is not None and mask[index].any()}

    def sources(self, index: int) -> dict[str, Path]:
        """Return the files of the model's A and B of one image, as far as they are known."""
        known = {"A": self.image_paths, "B": self.target_paths}
        return {letter: Path(paths[index]) for letter, paths in known.items() if paths}

    def missing_in(self, comparison: Comparison) -> Tensor | None:
        """Return the mask of the image that an output is compared with, pixel by pixel."""
        is_first = comparison.from_target_side != bool(comparison.back)
        return self.missing_A if is_first else self.missing_B

    def l1(self, image: Tensor, target: Tensor, missing: Tensor | None) -> Tensor:
        """Return the mean difference over the values that ``target`` has: see ``l1_of_known``.

        In several processes it is the mean over the images of all of them.
        """
        known = None
        if missing is not None and self.replicas.size > 1:
            known = self.replicas.mean({"known": share_of_known(missing)})["known"]
        return l1_of_known(image, target, missing, known)

    @staticmethod
    def like_real(fake: Tensor, real: Tensor, missing: Tensor | None) -> Tensor:
        """Return ``fake`` with the fill value of ``real`` where ``real`` is missing, for D.

        Otherwise D would recognise real images by their fill value.
        """
        return fake if missing is None else torch.where(missing, real, fake)
