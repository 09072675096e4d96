"""FCN-score (pix2pix, section 4.2): a segmenter looks for the labels of the input in the output.

scripts/train_scorer.py trains the segmenter of a labelled set on its real photos.
"""

from functools import lru_cache
from statistics import fmean
from typing import ClassVar

import numpy as np

from metrics.base_metric import Metric, MissingError, Score, Settings, UndefinedError
from metrics.label_maps import Confusion, class_accuracies, class_ious, confusion, pixel_accuracy
from metrics.metric_image import MaybeImage
from metrics.pixel_pairs import rgb
from metrics.segmenter.scorer import load_scorer

_load = lru_cache(maxsize=2)(load_scorer)


class FCNScore(Metric):
    """The per-pixel accuracy.

    The parts are per-class accuracy, class IoU, and all three scores of the real photos.
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
            raise MissingError("needs --scorer FILE, a segmenter of scripts/train_scorer.py")
        self.scorer = _load(path, settings.device)
        count = self.scorer.class_count
        self.of_fakes: Confusion = np.zeros((count, count), np.int64)
        self.of_reals: Confusion = np.zeros((count, count), np.int64)
        self.pictures = 0

    def add(self, fake: MaybeImage, real: MaybeImage, given: MaybeImage = None) -> float:
        assert fake is not None and real is not None
        if given is None:
            raise UndefinedError("compares the classes in an output with the label map of the "
                                 "input, and the input is not known: give a run (--run), not "
                                 "folders")
        labels, made, wanted = rgb(given), rgb(fake), rgb(real)
        if not self.scorer.reads(labels):
            raise UndefinedError("is for photos made of label maps, but the input is no label map "
                                 f"in the {len(self.scorer.palette)} colours of the scorer")
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
        words = [", ".join(f"{name} {value:.4f}" for name, value in scores.items())
                 for scores in (outputs, reals)]
        size, classes = self.scorer.size, len(self.scorer.palette)
        about = (f"segmenter {self.scorer.training[:8]} (SHA-256 of its training images), "
                 f"{size} x {size} pixels, {classes} classes")
        notes = (f"{words[0]}; of the real photos {words[1]}", about)
        return Score(outputs["per-pixel accuracy"], self.pictures, parts=parts, notes=notes)


def three_scores(counts: Confusion) -> dict[str, float]:
    """Return the scores of the pix2pix tables: per-pixel accuracy, per-class accuracy, class IoU.

    The last class of ``counts`` is "nothing". It does not occur in label maps, so its IoU is always
    0 and does not count.
    """
    ious = class_ious(counts)
    ious.pop(len(counts) - 1, None)
    return {"per-pixel accuracy": pixel_accuracy(counts),
            "per-class accuracy": fmean(class_accuracies(counts).values()),
            "class IoU": fmean(ious.values())}
