"""--val_phase: the same pictures again and again, translated as test.py would, and measured.

The networks of the training are shared, not copied, and left as they are; so is every random
state. A run with validation has the weights of one without, to the bit.
"""

import logging
from argparse import Namespace
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data import create_dataset
from data.base_dataset import Batch
from data.files.value_range import LEVELS
from data.loader import Loader
from display.images import to_picture
from display.reports import VALUE, Strip
from metrics import create_metrics, find_metric
from metrics.base_metric import Settings
from metrics.evaluation import Evaluation, Example, evaluate
from metrics.palette import NoPaletteError, find_palette
from metrics.picture import Picture
from metrics.report.tables import remarks
from models.base_model import BaseModel
from models.comparison import Outcome
from training.validation.twin import twin_of
from util.distributed import all_gather, current_process
from util.random_states import random_states_kept

log = logging.getLogger(__name__)

FILMED = 4  # pictures that are shown, the first ones
Compared = dict[tuple[str, str], list[Example]]  # labels of output and target -> all pictures


@dataclass(frozen=True)
class Validated:
    """``values``: names of losses.csv -> means over the pictures, and over the model's outcomes.

    ``strips``: of the first pictures; of several processes, in the main one.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    strips: Sequence[Strip] = ()


class Validation:
    """Measures a model whenever it is asked to. Of several processes, the main one does.

    Args:
        twin: the model as in a test, on the tensors of the one that is trained: see ``twin_of``.
        metrics: names of the room metrics/.
        weights: files that metrics require, by their flags.
    """

    def __init__(
        self, twin: BaseModel, dataset: Loader, *, metrics: Sequence[str],
        weights: Mapping[str, Path], seed: int,
    ) -> None:
        self.twin = twin
        self.dataset = dataset
        self.metrics = list(metrics)
        self.settings = Settings(device=twin.device, weights=weights)
        self.seed = seed
        self._settings: dict[Outcome, Settings] = {}  # with the palettes, once they are found
        self._told: set[Hashable] = set()

    def measure(self) -> Validated:
        """Translate all pictures and compare them.

        Raises:
            ValueError: the model does not show what its ``outcomes`` name.
        """
        with random_states_kept():
            outcomes = self.twin.outcomes()
            compared: list[Compared] = [{one.pair: [], one.sets: []} for one in outcomes]
            strips: list[Strip] = []
            for number, (visuals, batch) in enumerate(self._translations()):
                for outcome, lists in zip(outcomes, compared, strict=True):
                    _require(outcome, visuals)
                    name = _file_of(outcome.given, self.twin.get_image_paths()[0], batch)
                    for labels, examples in lists.items():
                        examples.append(_example(name, visuals, labels, outcome.given))
                    if number < FILMED:
                        strips.append(_strip(name, visuals, outcome))
            scores = [self._scores(*each) for each in zip(outcomes, compared, strict=True)]
        known = [name for name in self.metrics if all(name in found for found in scores)]
        means = {VALUE + name: sum(found[name] for found in scores) / len(scores)
                 for name in known}
        return Validated(means, strips)

    def _translations(self) -> Iterator[tuple[dict[str, Tensor], Batch]]:
        """As test.py does it: the same dropout for every picture."""
        for batch in self.dataset:
            torch.manual_seed(self.seed)
            self.twin.set_input(batch)
            self.twin.test()
            yield self.twin.get_current_visuals(), batch

    def _scores(self, outcome: Outcome, compared: Compared) -> dict[str, float]:
        """Metric -> value."""
        settings = self._settings_of(outcome, compared[outcome.pair])
        found: dict[str, float] = {}
        for labels, examples in compared.items():
            names = [name for name in self.metrics
                     if labels == (outcome.pair if find_metric(name).paired else outcome.sets)]
            ready, left_out = create_metrics(names, settings)
            evaluation = evaluate(_handed_over(examples), ready, report_every=0)
            evaluation.left_out |= left_out
            found |= {name: score.value for name, score in evaluation.scores.items()}
            self._tell(evaluation, (outcome, labels))
        return found

    def _tell(self, evaluation: Evaluation, compared: tuple[Outcome, tuple[str, str]]) -> None:
        """What has to be known beside the values; again only if other metrics are left out."""
        told = (*compared, frozenset(evaluation.left_out))
        if told not in self._told:
            for line in remarks(evaluation):
                log.warning("validation: %s", line)
        self._told.add(told)

    def _settings_of(self, outcome: Outcome, pairs: Sequence[Example]) -> Settings:
        """With the colours of label maps, if a metric asks for them: the targets stay the same."""
        if outcome not in self._settings:
            needed = any(find_metric(name).needs_palette for name in self.metrics)
            self._settings[outcome] = _with_palette(self.settings, pairs) if needed \
                else self.settings
        return self._settings[outcome]


def _with_palette(settings: Settings, pairs: Sequence[Example]) -> Settings:
    targets = [one.real.levels() for one in pairs if one.real]
    try:
        palette = find_palette(levels for levels in targets if levels is not None)
    except NoPaletteError as error:
        return replace(settings, no_palette=str(error))
    return replace(settings, palette=palette)


def _handed_over(examples: list[Example]) -> Iterator[Example]:
    """One by one: with a picture goes what the metrics have made of it, which is larger."""
    examples.reverse()
    while examples:
        yield examples.pop()


def validated(validation: Validation | None) -> Validated:
    """What the main process measures, told to all; the others have no ``validation``."""
    found = validation.measure() if validation else Validated()
    return Validated(all_gather(found.values)[0], found.strips)


def create_validation(model: BaseModel, opt: Namespace) -> Validation | None:
    """``opt``: options of a test. None in all processes but the main one."""
    if not current_process().is_main:
        return None
    dataset = create_dataset(opt, shared=False)
    twin = twin_of(model, opt)
    outcomes = twin.outcomes()
    compared = " and ".join(" with ".join(outcome.pair) for outcome in outcomes)
    if any(outcome.again for outcome in outcomes):
        compared += " (how well pictures come back, not how good translations are)"
    log.info("validation: %d pictures of %s; %s of %s%s", len(dataset), opt.val_phase,
             ", ".join(opt.val_metrics), compared, ", of the averages" if model.averages else "")
    weights = {flag: getattr(opt, flag) for name in opt.val_metrics
               for flag in find_metric(name).requires}
    return Validation(twin, dataset, metrics=opt.val_metrics, weights=weights, seed=opt.seed)


def _require(outcome: Outcome, visuals: Mapping[str, Any]) -> None:
    missing = sorted(outcome.labels - visuals.keys())
    if missing:
        raise ValueError(
            f"--val_phase: the model names {', '.join(missing)} as what to compare, its visuals "
            f"are {', '.join(visuals)}; write a method `outcomes` that names these, as in "
            "models/template_model.py"
        )


def _example(
    name: str, visuals: Mapping[str, Tensor], compared: tuple[str, str], given: str
) -> Example:
    fake, real = (_eight_bits(visuals[label][0]) for label in compared)
    return Example(name, fake, real, _eight_bits(visuals[given][0]))


def _eight_bits(image: Tensor) -> Picture:
    """[C, H, W], colour or grey: to the bit what test.py writes; other channels in their number."""
    if image.shape[0] in (1, 3):
        return Picture(to_picture(image), LEVELS)
    return Picture.of_tensor(image)


def _file_of(given: str, own: str, batch: Batch) -> str:
    """Name of the file with that label: ``own``, the model's A, or what came with it as its B."""
    others = {*batch.get("A_paths", ()), *batch.get("B_paths", ())} - {own}
    return Path(others.pop() if given == "real_B" and others else own).name


def _strip(name: str, visuals: Mapping[str, Tensor], outcome: Outcome) -> Strip:
    given, made, wanted = (
        to_picture(visuals[label][0]) for label in (outcome.given, outcome.made, outcome.wanted)
    )
    return Strip(name, outcome.made, given, made, None if outcome.again else wanted)
