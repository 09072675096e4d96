"""The ablation tables of pix2pix (Isola et al. 2017): rows as flags, and the published numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class SegmentationScores(NamedTuple):
    """Scores in 0..1."""

    per_pixel: float
    per_class: float
    iou: float


@dataclass(frozen=True)
class AblationRow:
    """One training. ``run``: name of its folder, which equal trainings of several tables share.

    ``generator``: family of networks; the image size is added to it. ``to_labels``: photos to
    label maps instead of label maps to photos.
    """

    label: str
    run: str
    published: SegmentationScores
    flags: Sequence[str] = ()
    generator: str = "unet"
    to_labels: bool = False


@dataclass(frozen=True)
class AblationTable:
    """``reals``: the published scores of real photos, if the table has them."""

    title: str
    rows: Sequence[AblationRow]
    reals: SegmentationScores | None = None


L1_ALONE = ("--lambda_GAN", "0")
GAN_ALONE = ("--lambda_L1", "0")
UNCONDITIONAL = ("--unconditional_D",)
Row, Scores = AblationRow, SegmentationScores

TABLES = {
    "losses": AblationTable("Losses (table 1)", [
        Row("L1", "L1", Scores(0.42, 0.15, 0.11), L1_ALONE),
        Row("GAN", "GAN", Scores(0.22, 0.05, 0.01), GAN_ALONE + UNCONDITIONAL),
        Row("cGAN", "cGAN", Scores(0.57, 0.22, 0.16), GAN_ALONE),
        Row("L1+GAN", "L1_GAN", Scores(0.64, 0.20, 0.15), UNCONDITIONAL),
        Row("L1+cGAN", "L1_cGAN", Scores(0.66, 0.23, 0.17)),
    ], reals=Scores(0.80, 0.26, 0.21)),
    # The paper trained this table with batches of 10, so its L1+cGAN differs from tables 1 and 3.
    "generators": AblationTable("Generators (table 2)", [
        Row("Encoder-decoder, L1", "encoder_decoder_L1", Scores(0.35, 0.12, 0.08), L1_ALONE,
            generator="encoder_decoder"),
        Row("Encoder-decoder, L1+cGAN", "encoder_decoder_L1_cGAN", Scores(0.29, 0.09, 0.05),
            generator="encoder_decoder"),
        Row("U-Net, L1", "L1", Scores(0.48, 0.18, 0.13), L1_ALONE),
        Row("U-Net, L1+cGAN", "L1_cGAN", Scores(0.55, 0.20, 0.14)),
    ]),
    "patches": AblationTable("Patches of the discriminator (table 3)", [
        Row("1 x 1", "patch_1", Scores(0.39, 0.15, 0.10), ("--netD", "patch_1")),
        Row("16 x 16", "patch_16", Scores(0.65, 0.21, 0.17), ("--netD", "patch_16")),
        Row("70 x 70", "L1_cGAN", Scores(0.66, 0.23, 0.17)),
        Row("286 x 286", "patch_286", Scores(0.42, 0.16, 0.11), ("--netD", "patch_286")),
    ]),
    "photo2labels": AblationTable("Photo to labels (table 6)", [
        Row("L1", "photo2labels_L1", Scores(0.86, 0.42, 0.35), L1_ALONE, to_labels=True),
        Row("cGAN", "photo2labels_cGAN", Scores(0.74, 0.28, 0.22), GAN_ALONE, to_labels=True),
        Row("L1+cGAN", "photo2labels_L1_cGAN", Scores(0.83, 0.36, 0.29), to_labels=True),
    ]),
}
