"""FCN-score (pix2pix, section 4.2): does a segmenter of real photos see in an output what the label
map asked for? Any labelled set has it, by a segmenter of its own: scripts/train_scorer.py.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import ClassVar

import numpy as np
import torch

from metrics.base_metric import Metric, MissingError, Score, Settings, UndefinedError
from metrics.label_maps import Confusion, class_accuracies, class_ious, confusion, pixel_accuracy
from metrics.picture import Picture
from metrics.pixel_pairs import rgb
from metrics.segmenter.scorer import Scorer, load_scorer


class FCNScore(Metric):
    """The score is the per-pixel accuracy; its parts are the two others and, for comparison, all
    three of the real photos.
    """

    label = "FCN-score"
    higher_is_better = True
    perfect = 1.0
    needs_input = True
    requires: ClassVar[dict[str, str]] = {
        "scorer": "segmenter of scripts/train_scorer.py, for the FCN-score"
    }

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        path = settings.weights.get("scorer")
        if path is None:
            raise MissingError("needs a segmenter of this set: train one by "
                               "scripts/train_scorer.py and give it by --scorer PATH")
        self.scorer = _load(path, settings.device)
        count = self.scorer.class_count
        self.of_fakes: Confusion = np.zeros((count, count), np.int64)
        self.of_reals: Confusion = np.zeros((count, count), np.int64)
        self.pictures = 0

    def add(
        self, fake: Picture | None, real: Picture | None, given: Picture | None = None
    ) -> float:
        assert fake is not None and real is not None
        if given is None:
            raise UndefinedError(
                "compares what it sees in an output with the label map that went in, and the "
                "input is not known: give a run (--run), not folders"
            )
        labels, made, wanted = rgb(given), rgb(fake), rgb(real)
        if not self.scorer.reads(labels):
            raise UndefinedError(
                "is for photos made of label maps, but the input is no label map in the "
                f"{len(self.scorer.palette)} colours of the scorer"
            )
        truth, count = self.scorer.labels(labels), self.scorer.class_count
        of_fake = confusion(truth, self.scorer.segment(made), count)
        self.of_fakes += of_fake
        self.of_reals += confusion(truth, self.scorer.segment(wanted), count)
        self.pictures += 1
        return pixel_accuracy(of_fake)

    def score(self) -> Score:
        if not self.pictures:
            raise UndefinedError("needs at least 1 pair, got none")
        outputs, reals = three_scores(self.of_fakes), three_scores(self.of_reals)
        parts = dict(list(outputs.items())[1:])
        parts |= {f"real photos, {name}": value for name, value in reals.items()}
        notes = (f"{', '.join(_words(outputs))}; of the real photos {', '.join(_words(reals))}",
                 self._about())
        return Score(outputs["per-pixel accuracy"], self.pictures, parts=parts, notes=notes)

    def _about(self) -> str:
        scorer = self.scorer
        return (f"segmenter {scorer.training[:8]} (SHA-256 of its training pictures), "
                f"{scorer.size} x {scorer.size} pixels, {len(scorer.palette)} classes")


def three_scores(counts: Confusion) -> dict[str, float]:
    """As in the tables of pix2pix: per-pixel accuracy, per-class accuracy, class IoU.

    The last class of ``counts`` is nothing. No label map has any, so its IoU would be 0 always, and
    is left out of the mean.
    """
    ious = class_ious(counts)
    ious.pop(len(counts) - 1, None)
    return {
        "per-pixel accuracy": pixel_accuracy(counts),
        "per-class accuracy": fmean(class_accuracies(counts).values()),
        "class IoU": fmean(ious.values()),
    }


def _words(scores: dict[str, float]) -> Iterator[str]:
    return (f"{name} {value:.4f}" for name, value in scores.items())


@lru_cache(maxsize=2)
def _load(path: Path, device: torch.device) -> Scorer:
    return load_scorer(path, device)
