"""One metric per file: metrics/<name>_metric.py is selected by ``--metrics <name>``."""

from collections.abc import Iterable

from metrics.base_metric import Metric, MissingError, Settings
from util.registry import Plugins

PLUGINS = Plugins("metrics", "_metric", Metric)
available, find_metric = PLUGINS.available, PLUGINS.find


def requirements() -> dict[str, str]:
    """Flag, without its dashes -> help text, of all weights that some metric needs."""
    return {flag: text for name in available() for flag, text in find_metric(name).requires.items()}


def create_metrics(
    names: Iterable[str], settings: Settings
) -> tuple[dict[str, Metric], dict[str, str]]:
    """The metrics that can run, by name; and of the others, why not and what to do about it."""
    ready: dict[str, Metric] = {}
    left_out: dict[str, str] = {}
    for name in names:
        try:
            ready[name] = find_metric(name)(settings)
        except MissingError as error:
            left_out[name] = str(error)
    return ready, left_out
