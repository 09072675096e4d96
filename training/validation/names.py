"""The names of validation values in the console, in losses.csv, on the page and in best.json."""

import logging
from collections.abc import Sequence

import metrics
from display.reports import CYCLE_VALUE, VALUE
from metrics import find_metric
from models.comparison import Comparison

log = logging.getLogger(__name__)


def value_name(metric: str, comparison: Comparison) -> str:
    """Return ``cycle_l1`` if a cycle is compared with its input, otherwise ``val_l1``."""
    return comparison.value_name(metric, paired=find_metric(metric).paired)


def value_names(names: Sequence[str], comparisons: Sequence[Comparison]) -> list[str]:
    """Return the names of all values of the metrics ``names``, each once."""
    return list(dict.fromkeys(value_name(metric, comparison)
                              for metric in names for comparison in comparisons))


def metric_of(name: str) -> str:
    """Return the metric of a value: ``l1`` for ``val_l1``, ``cycle_l1`` or ``l1`` itself."""
    if name in metrics.available():
        return name
    prefix = next((prefix for prefix in (VALUE, CYCLE_VALUE) if name.startswith(prefix)), "")
    return name.removeprefix(prefix)


def resolve(name: str, known: Sequence[str], *, flag: str) -> str:
    """Return which of the ``known`` values a flag names: by value, by metric, or by the name that
    values of cycles had in earlier versions.

    Raises:
        ValueError: none of them.
    """
    if name in known:
        return name
    metric = metric_of(name)
    found = [value for value in known if metric_of(value) == metric]
    if not found or name.startswith(CYCLE_VALUE):
        raise ValueError(f"{flag} {name}: no validation measures it; this one has "
                         f"{', '.join(known) or 'nothing: add --val_phase val'}")
    if name != metric:
        log.info("%s %s: without targets, this value is called %s", flag, name, found[0])
    return found[0]
