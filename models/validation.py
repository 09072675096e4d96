"""--val_phase: the same pictures again and again, translated as test.py would, and measured.

The networks of the training are shared, not copied, and left as they are; so is every random
state. A run with validation has the weights of one without, to the bit.
"""

import logging
import math
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data import create_dataset
from data.loader import Loader
from data.value_range import LEVELS
from metrics import create_metrics, find_metric
from metrics.base_metric import Settings
from metrics.evaluation import Example, evaluate
from metrics.palette import find_palette
from metrics.picture import Picture
from models.base_model import BaseModel
from models.networks.inference import prepare_in_place
from models.outcome import Outcome
from util import checkpoint
from util.distributed import everyones, place
from util.images import to_picture
from util.sinks import VALUE, Strip

log = logging.getLogger(__name__)

FILMED = 4  # pictures that are shown, the first ones
SILENT = 10**9  # pictures between two lines about the progress


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
        self._told: set[str] = set()

    def measure(self) -> Validated:
        """Translate all pictures and compare them.

        Raises:
            ValueError: the model does not show what its ``outcomes`` name.
        """
        with random_states_kept():
            outcomes = self.twin.outcomes()
            pairs: list[list[Example]] = [[] for _ in outcomes]
            sets: list[list[Example]] = [[] for _ in outcomes]
            strips: list[Strip] = []
            for visuals, paths in self._translations():
                for outcome, of_pairs, of_sets in zip(outcomes, pairs, sets, strict=True):
                    _require(outcome, visuals)
                    name = Path(paths[0]).name
                    of_pairs.append(_example(name, visuals, outcome.pair, outcome.given))
                    of_sets.append(_example(name, visuals, outcome.sets, outcome.given))
                    if len(of_pairs) <= FILMED:
                        strips.append(_strip(name, visuals, outcome))
            scores = [self._scores(*each) for each in zip(pairs, sets, strict=True)]
        known = [name for name in self.metrics if all(name in found for found in scores)]
        means = {VALUE + name: sum(found[name] for found in scores) / len(scores)
                 for name in known}
        return Validated(means, strips)

    def _translations(self) -> Iterator[tuple[dict[str, Tensor], list[str]]]:
        """As test.py does it: the same dropout for every picture."""
        for batch in self.dataset:
            torch.manual_seed(self.seed)
            self.twin.set_input(batch)
            self.twin.test()
            yield self.twin.get_current_visuals(), self.twin.get_image_paths()

    def _scores(self, pairs: list[Example], sets: list[Example]) -> dict[str, float]:
        """Metric -> value; one that cannot run says why, once."""
        settings = self._with_palette(pairs)
        found: dict[str, float] = {}
        for paired, examples in ((True, pairs), (False, sets)):
            names = [name for name in self.metrics if find_metric(name).paired is paired]
            ready, left_out = create_metrics(names, settings)
            evaluation = evaluate(examples, ready, report_every=SILENT)
            found |= {name: score.value for name, score in evaluation.scores.items()}
            for name, reason in (left_out | evaluation.left_out).items():
                if name not in self._told:
                    log.warning("validation: %s is left out: it %s", name, reason)
                self._told.add(name)
        return {name: value for name, value in found.items() if math.isfinite(value)}

    def _with_palette(self, pairs: list[Example]) -> Settings:
        if any(find_metric(name).needs_palette for name in self.metrics):
            targets = [one.real.levels() for one in pairs if one.real]
            palette = find_palette(levels for levels in targets if levels is not None)
            self.settings = Settings(self.settings.device, self.settings.weights, palette=palette)
        return self.settings


def validated(validation: Validation | None) -> Validated:
    """What the main process measures, told to all; the others have no ``validation``."""
    found = validation.measure() if validation else Validated()
    return Validated(everyones(found.values)[0], found.strips)


def create_validation(model: BaseModel, opt: Namespace) -> Validation | None:
    """``opt``: options of a test. None in all processes but the main one."""
    if not place().is_main:
        return None
    dataset = create_dataset(opt, shared=False)
    twin = twin_of(model, opt)
    compared = " and ".join(" with ".join(outcome.pair) for outcome in twin.outcomes())
    log.info("validation: %d pictures of %s; %s of %s%s", len(dataset), opt.val_phase,
             ", ".join(opt.val_metrics), compared, ", of the averages" if model.averages else "")
    weights = {flag: getattr(opt, flag) for name in opt.val_metrics
               for flag in find_metric(name).requires}
    return Validation(twin, dataset, metrics=opt.val_metrics, weights=weights, seed=opt.seed)


def twin_of(model: BaseModel, opt: Namespace) -> BaseModel:
    """The model as test.py builds and prepares it, on the tensors of ``model``, or on its averages
    where it has some: what these learn later, it knows at once.
    """
    with random_states_kept():
        twin = type(model)(opt)
    averages = model.averages.weights if model.averages else {}
    for name, net in twin.networks.items():
        trained = averages.get(name) or model.networks[name].state_dict(keep_vars=True)
        for key, tensor in net.state_dict(keep_vars=True).items():
            tensor.data = trained[key].data
        prepare_in_place(net, running_statistics=False)
    return twin


@contextmanager
def random_states_kept() -> Iterator[None]:
    kept = checkpoint.random_state()
    try:
        yield
    finally:
        checkpoint.set_random_state(kept)


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


def _strip(name: str, visuals: Mapping[str, Tensor], outcome: Outcome) -> Strip:
    given, made, wanted = (
        to_picture(visuals[label][0]) for label in (outcome.given, outcome.made, outcome.wanted)
    )
    return Strip(name, outcome.made, given, made, None if outcome.again else wanted)
