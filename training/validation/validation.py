"""--val_phase: translate the same images at every validation, as test.py would, and measure them.

The networks of the training are shared, not copied. They and all random states are not changed: a
run with validation has the same weights as a run without, to the bit.
"""

import logging
from argparse import Namespace
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from data import create_dataset
from data.base_dataset import Batch
from data.loader import Loader
from display.reports import CYCLE_NOTE, CYCLE_VALUE, Strip
from metrics import create_metrics, find_metric
from metrics.base_metric import Settings
from metrics.evaluation import Evaluation, Example, evaluate
from metrics.palette import NoPaletteError, find_palette
from metrics.report.tables import remarks
from models.base_model import BaseModel
from models.comparison import Comparison
from training.validation.compared_images import example_of, file_of, strip_of
from training.validation.names import value_name
from training.validation.twin import twin_of
from util.distributed import all_gather, current_process
from util.random_states import random_states_kept

log = logging.getLogger(__name__)

FILMED = 4  # the first images are shown
Examples = dict[tuple[str, str], list[Example]]  # labels of output and target -> all images


@dataclass(frozen=True)
class ValidationResult:
    # names of losses.csv -> means over the images and the model's comparisons
    values: Mapping[str, float] = field(default_factory=dict)
    strips: Sequence[Strip] = ()  # the first images; empty except in the main process


@dataclass
class Validation:
    """Measures a model, in the main process."""

    twin: BaseModel  # the model as in a test, on the tensors of the model in training: ``twin_of``
    dataset: Loader
    _: KW_ONLY
    metrics: Sequence[str]  # names of files in metrics/
    settings: Settings
    seed: int
    _settings: dict[Comparison, Settings] = field(default_factory=dict)  # with palettes
    _logged: set[Hashable] = field(default_factory=set)

    def measure(self) -> ValidationResult:
        """Translate all images and compare them.

        Raises:
            ValueError: the visuals of the model do not contain what its ``comparisons`` name.
        """
        with random_states_kept():
            comparisons = self.twin.comparisons(self.twin.opt)
            collected: list[Examples] = [
                {labels: [] for labels in (comparison.pair, comparison.sets) if labels}
                for comparison in comparisons
            ]
            strips: list[Strip] = []
            for number, (visuals, batch) in enumerate(self._translations()):
                for comparison, lists in zip(comparisons, collected, strict=True):
                    _require(comparison, visuals)
                    name = file_of(comparison, self.twin.get_image_paths()[0], batch)
                    given, missing = comparison.given, self.twin.missing_in(comparison)
                    for labels, examples in lists.items():
                        examples.append(example_of(name, visuals, labels, given, missing))
                    if number < FILMED:
                        strips.append(strip_of(name, visuals, comparison))
            scores = [self._scores(*pair) for pair in zip(comparisons, collected, strict=True)]
        return ValidationResult(_means(self.metrics, comparisons, scores), strips)

    def _translations(self) -> Iterator[tuple[dict[str, Tensor], Batch]]:
        """Yield translations, with the same dropout for every image, as in test.py."""
        for batch in self.dataset:
            torch.manual_seed(self.seed)
            self.twin.set_input(batch)
            self.twin.test()
            yield self.twin.get_current_visuals(), batch

    def _scores(self, comparison: Comparison, collected: Examples) -> dict[str, float]:
        """Return metric -> value. Metrics of pairs are omitted if there are no pairs."""
        settings = self._settings_of(comparison, collected[comparison.pair or comparison.sets])
        values: dict[str, float] = {}
        for labels, examples in collected.items():
            names = [name for name in self.metrics if labels ==
                     (comparison.pair if find_metric(name).paired else comparison.sets)]
            ready, left_out = create_metrics(names, settings)
            evaluation = evaluate(_release(examples), ready, report_every=0)
            evaluation.left_out |= left_out
            values |= {name: score.value for name, score in evaluation.scores.items()}
            self._log_remarks(evaluation, (comparison, labels))
        return values

    def _log_remarks(
        self, evaluation: Evaluation, compared: tuple[Comparison, tuple[str, str]]
    ) -> None:
        """Log the notes on the values, once for each set of missing metrics."""
        key = (*compared, frozenset(evaluation.left_out))
        if key not in self._logged:
            for line in remarks(evaluation):
                log.warning("validation: %s", line)
        self._logged.add(key)

    def _settings_of(self, comparison: Comparison, pairs: Sequence[Example]) -> Settings:
        """Return the settings with the colours of label maps, if a metric needs them."""
        needed = any(find_metric(name).needs_palette for name in self.metrics)
        if needed and comparison not in self._settings:
            self._settings[comparison] = _with_palette(self.settings, pairs)
        return self._settings.get(comparison, self.settings)


def _means(
    metrics: Sequence[str], comparisons: Sequence[Comparison], scores: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    """Return name -> mean over the comparisons whose value has this name, if all have a value."""
    found: dict[str, list[float | None]] = {}
    for metric in metrics:
        for comparison, values in zip(comparisons, scores, strict=True):
            found.setdefault(value_name(metric, comparison), []).append(values.get(metric))
    return {name: fmean(value for value in values if value is not None)
            for name, values in found.items() if None not in values}


def _with_palette(settings: Settings, pairs: Sequence[Example]) -> Settings:
    targets = [example.real.levels() for example in pairs if example.real]
    try:
        palette = find_palette(levels for levels in targets if levels is not None)
    except NoPaletteError as error:
        return replace(settings, no_palette=str(error))
    return replace(settings, palette=palette)


def _release(examples: list[Example]) -> Iterator[Example]:
    """Yield the examples without keeping them: metrics attach large results to their images."""
    examples.reverse()
    while examples:
        yield examples.pop()


def measure_in_main(validation: Validation | None) -> ValidationResult:
    """Measure in the main process; return its values in all processes. The others pass None."""
    result = validation.measure() if validation else ValidationResult()
    return ValidationResult(all_gather(result.values)[0], result.strips)


def create_validation(model: BaseModel, opt: Namespace) -> Validation | None:
    """Return the validation, or None except in the main process. ``opt``: options of a test."""
    if not current_process().is_main:
        return None
    dataset = create_dataset(opt, shared=False)
    twin = twin_of(model, opt)
    comparisons = twin.comparisons(opt)
    compared = " and ".join(comparison.description for comparison in comparisons)
    log.info("validation: %d images of %s; %s of %s%s", len(dataset), opt.val_phase,
             ", ".join(opt.val_values), compared,
             ", by the averages" if model.parts.averages else "")
    if any(name.startswith(CYCLE_VALUE) for name in opt.val_values):
        log.info("validation: %s", CYCLE_NOTE)
    weights = {flag: getattr(opt, flag) for name in opt.val_metrics
               for flag in find_metric(name).requires}
    settings = Settings(device=twin.device, weights=weights)
    return Validation(twin, dataset, metrics=opt.val_metrics, settings=settings, seed=opt.seed)


def _require(comparison: Comparison, visuals: Mapping[str, Any]) -> None:
    missing = sorted(comparison.labels - visuals.keys())
    if missing:
        raise ValueError(f"--val_phase: the model compares {', '.join(missing)}, but its visuals "
                         f"are {', '.join(visuals)}; write a method `comparisons` that names "
                         "these, as in models/template_model.py")
