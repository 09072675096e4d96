"""The tables of pix2pix (Isola et al. 2017) that take the method apart: their rows as flags, and
their published numbers on Cityscapes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Scores(NamedTuple):
    """Of a segmentation, each in 0..1."""

    per_pixel: float
    per_class: float
    iou: float


@dataclass(frozen=True)
class Row:
    """``run``: name of its folder; rows of several tables that are the same training share it.

    ``generator``: family of networks, to which the size of the pictures is added.
    """

    label: str
    run: str
    published: Scores
    flags: Sequence[str] = ()
    generator: str = "unet"


@dataclass(frozen=True)
class Table:
    """``to_labels``: photos become label maps; else label maps become photos.

    ``reals``: what real photos score there, if the table says so.
    """

    title: str
    rows: Sequence[Row]
    to_labels: bool = False
    reals: Scores | None = None


L1_ALONE = ("--lambda_GAN", "0")
GAN_ALONE = ("--lambda_L1", "0")
UNCONDITIONAL = ("--unconditional_D",)
REALS = Scores(0.80, 0.26, 0.21)

TABLES = {
    "losses": Table("Losses (table 1)", [
        Row("L1", "L1", Scores(0.42, 0.15, 0.11), L1_ALONE),
        Row("GAN", "GAN", Scores(0.22, 0.05, 0.01), GAN_ALONE + UNCONDITIONAL),
        Row("cGAN", "cGAN", Scores(0.57, 0.22, 0.16), GAN_ALONE),
        Row("L1+GAN", "L1_GAN", Scores(0.64, 0.20, 0.15), UNCONDITIONAL),
        Row("L1+cGAN", "L1_cGAN", Scores(0.66, 0.23, 0.17)),
    ], reals=REALS),
    # Trained with batches of 10 there: L1+cGAN differs from tables 1 and 3 for that.
    "generators": Table("Generators (table 2)", [
        Row("Encoder-decoder, L1", "encoder_decoder_L1", Scores(0.35, 0.12, 0.08), L1_ALONE,
            "encoder_decoder"),
        Row("Encoder-decoder, L1+cGAN", "encoder_decoder_L1_cGAN", Scores(0.29, 0.09, 0.05), (),
            "encoder_decoder"),
        Row("U-Net, L1", "L1", Scores(0.48, 0.18, 0.13), L1_ALONE),
        Row("U-Net, L1+cGAN", "L1_cGAN", Scores(0.55, 0.20, 0.14)),
    ]),
    "patches": Table("Patches of the discriminator (table 3)", [
        Row("1 x 1", "patch_1", Scores(0.39, 0.15, 0.10), ("--netD", "patch_1")),
        Row("16 x 16", "patch_16", Scores(0.65, 0.21, 0.17), ("--netD", "patch_16")),
        Row("70 x 70", "L1_cGAN", Scores(0.66, 0.23, 0.17)),
        Row("286 x 286", "patch_286", Scores(0.42, 0.16, 0.11), ("--netD", "patch_286")),
    ]),
    "photo2labels": Table("Photo to labels (table 6)", [
        Row("L1", "photo2labels_L1", Scores(0.86, 0.42, 0.35), L1_ALONE),
        Row("cGAN", "photo2labels_cGAN", Scores(0.74, 0.28, 0.22), GAN_ALONE),
        Row("L1+cGAN", "photo2labels_L1_cGAN", Scores(0.83, 0.36, 0.29)),
    ], to_labels=True),
}
