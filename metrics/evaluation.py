"""All metrics of one set of pictures: every picture is read once and shown to each metric."""

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from metrics.base_metric import Metric, Score, UndefinedError
from metrics.picture import Picture

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """An output and its target, or one of the two; ``given`` is the input, where it is known."""

    name: str
    fake: Picture | None
    real: Picture | None
    given: Picture | None = None


@dataclass
class Evaluation:
    """``scores``: metric -> of the set. ``values``: picture -> metric -> of the picture.

    ``left_out``: metric -> why it has no score; ``skipped``: metric -> which pictures it does not
    count, and why. ``warnings``: about the pictures.
    """

    scores: dict[str, Score] = field(default_factory=dict)
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def evaluate(
    examples: Iterable[Example], metrics: Mapping[str, Metric], *, report_every: int = 100
) -> Evaluation:
    """Only what is there twice, output and target, reaches the metrics of pairs.

    ``report_every``: so many pictures a line says how far it is; 0: never.
    """
    found = Evaluation()
    refusals: dict[str, list[str]] = {name: [] for name in metrics}
    count = 0
    for count, example in enumerate(examples, start=1):
        is_pair = example.fake is not None and example.real is not None
        values = found.values.setdefault(example.name, {}) if is_pair else {}
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
            log.info("%d pictures measured", count)
    for name, metric in metrics.items():
        _finish(found, name, metric, refusals[name], count)
    return found


def _finish(
    found: Evaluation, name: str, metric: Metric, refusals: list[str], count: int
) -> None:
    try:
        score = metric.score()
    except UndefinedError as error:
        found.left_out[name] = f"suits no picture; {refusals[0]}" if refusals else str(error)
        return
    if math.isnan(score.value):
        found.left_out[name] = "has no number as its value (NaN): look at the outputs"
        return
    found.scores[name] = score
    if refusals:
        found.skipped[name] = f"leaves out {len(refusals)} of {count} pictures; {refusals[0]}"
