"""Compute all metrics of one set: every image is read once and given to each metric."""

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from data.files.value_range import ValueRange
from metrics.base_metric import Metric, Score, UndefinedError
from metrics.metric_image import MaybeImage
from metrics.pixel_pairs import missing_pixels

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """An output and its target, or one of the two; ``given``: the input, if it is known."""

    name: str
    fake: MaybeImage
    real: MaybeImage
    given: MaybeImage = None


@dataclass
class Evaluation:
    """All results of a set.

    ``scores``: metric -> score of the set; ``values``: image -> metric -> value of the pair;
    ``warnings``: sentences about the images; ``left_out``: metric -> why it has no score;
    ``skipped``: metric -> which images it does not count, and why; ``shown``: the values that are
    black and white on a page, None: those of the type.
    """

    scores: dict[str, Score] = field(default_factory=dict)
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    shown: ValueRange | None = None


def evaluate(
    examples: Iterable[Example], metrics: Mapping[str, Metric], *, report_every: int = 100
) -> Evaluation:
    """Return the results of all metrics; metrics of pairs ignore images without a partner.

    ``report_every``: images between two log lines about the progress; 0: none.
    """
    evaluation = Evaluation()
    refusals: dict[str, list[str]] = {name: [] for name in metrics}
    count = missing = pixels = 0
    for count, example in enumerate(examples, start=1):
        is_pair = example.fake is not None and example.real is not None
        values = evaluation.values.setdefault(example.name, {}) if is_pair else {}
        if is_pair:
            lost, of = _count_missing(example)
            missing, pixels = missing + lost, pixels + of
        for name, metric in metrics.items():
            if metric.paired and not is_pair:
                continue
            try:
                value = metric.add(example.fake, example.real, example.given)
            except UndefinedError as error:
                refusals[name].append(f"{example.name}: it {error}")
            else:
                if value is not None:
                    values[name] = value
        if report_every and count % report_every == 0:
            log.info("%d images measured", count)
    if missing:
        evaluation.warnings.append(f"{missing} of {pixels} pixels are left out: they have no value "
                                   "in the output or in the target")
    _add_scores(evaluation, metrics, refusals, count=count)
    return evaluation


def _add_scores(
    evaluation: Evaluation, metrics: Mapping[str, Metric], refusals: Mapping[str, list[str]], *,
    count: int,
) -> None:
    for name, metric in metrics.items():
        refused = refusals[name]
        try:
            score = metric.score()
        except UndefinedError as error:
            evaluation.left_out[name] = f"suits no image; {refused[0]}" if refused else str(error)
            continue
        if math.isnan(score.value):
            evaluation.left_out[name] = "has no number as its value (NaN): look at the outputs"
            continue
        evaluation.scores[name] = score
        if refused:
            evaluation.skipped[name] = f"leaves out {len(refused)} of {count} images; {refused[0]}"


def _count_missing(example: Example) -> tuple[int, int]:
    """Return how many pixels of a pair are missing, and the number of all."""
    fake, real = example.fake, example.real
    assert fake is not None and real is not None
    mask = missing_pixels(fake, real) if fake.size == real.size else None
    return 0 if mask is None else int(mask.sum()), real.size[0] * real.size[1]
