"""Scores of outputs that have a target, or of cycles, computed while a test writes its images."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from statistics import fmean
from types import MappingProxyType
from typing import NamedTuple

from data.files.raster import Mask
from data.files.value_range import LEVELS
from display.reports import CYCLE_VALUE, Image8
from metrics import create_metrics
from metrics.base_metric import MeanMetric, Settings
from metrics.metric_image import MetricImage
from models.comparison import Comparison
from util.text import pluralise

log = logging.getLogger(__name__)

# SSIM takes ten times as long as either, which would slow a test down; see scripts/evaluate.py.
METRICS = ("l1", "psnr")


class FoundScores(NamedTuple):
    """``values``: image -> output, name -> value. ``missing``: image -> (missing, all) pixels of
    each pair. Processes send these to the main process.
    """

    values: dict[str, dict[tuple[str, str], float]]
    missing: dict[str, list[tuple[int, int]]]


class PairScores:
    """The values of each image: ``l1`` of an output and its target, ``cycle_l1`` of a cycle."""

    def __init__(self, comparisons: Sequence[Comparison]) -> None:
        metrics, _ = create_metrics(METRICS, Settings())
        self._metrics = {name: metric for name, metric in metrics.items()
                         if isinstance(metric, MeanMetric)}
        self._pairs = [(compared, compared.pair) for compared in comparisons if compared.pair]
        self.found = FoundScores({}, {})

    def add(
        self, name: str, pictures: Mapping[str, Image8],
        missing: Mapping[str, Mask] = MappingProxyType({})
    ) -> None:
        """Measure the pairs of an image; images of different sizes have no value.

        ``missing``: label of a target -> bool [H, W], True at the pixels that are left out.
        """
        found: dict[tuple[str, str], float] = {}
        for compared, labels in self._pairs:
            if {*labels} <= pictures.keys():
                mask = missing.get(labels[1])
                fake = MetricImage(pictures[labels[0]], LEVELS)
                real = MetricImage(pictures[labels[1]], LEVELS, missing=mask)
                if mask is not None:
                    self.found.missing.setdefault(name, []).append((int(mask.sum()), mask.size))
                for metric_name, metric in self._metrics.items():
                    key = compared.made, CYCLE_VALUE * bool(compared.back) + metric_name
                    with suppress(ValueError):
                        found[key] = metric.measure(fake, real)
        self.found.values[name] = found

    def merge(self, other: FoundScores) -> None:
        """Add what another process has measured."""
        self.found.values.update(other.values)
        self.found.missing.update(other.missing)

    def describe(self, name: str) -> str:
        """Return the values of one image."""
        return _as_text(self.found.values.get(name, {}))

    def describe_means(self, names: Sequence[str]) -> str:
        """Return the means over the images ``names``; "" without values."""
        rows = [self.found.values[name] for name in names if self.found.values.get(name)]
        keys = dict.fromkeys(key for row in rows for key in row)
        return _as_text({key: fmean(row[key] for row in rows if key in row) for key in keys})

    def describe_missing(self, names: Sequence[str]) -> list[str]:
        """Return a sentence about the pixels of ``names`` that are left out; [] if there are none.

        It counts the pairs that have no other pixel, and so no value.
        """
        pairs = [pair for name in names for pair in self.found.missing.get(name, ())]
        lost, pixels = (sum(counts) for counts in zip(*pairs, strict=True)) if pairs else (0, 0)
        empty = sum(missing == size for missing, size in pairs)
        if not lost:
            return []
        all_pairs = pluralise(len(pairs), "pair")
        uncounted = f"; {empty} of {all_pairs} cannot be compared" if empty else ""
        return [f"{lost} of {pixels} pixels are left out: they have no value in the file of the "
                f"target{uncounted}."]


def _as_text(values: Mapping[tuple[str, str], float]) -> str:
    by_output: dict[str, list[str]] = {}
    for (made, name), value in values.items():
        by_output.setdefault(made, []).append(f"{name} {value:.4g}")
    return "; ".join(f"{made}: {', '.join(texts)}" for made, texts in by_output.items())
