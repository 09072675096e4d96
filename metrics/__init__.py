"""Metrics are plug-ins: metrics/<name>_metric.py is selected by ``--metrics <name>``."""

from collections.abc import Iterable

from metrics.base_metric import Metric, MissingError, Settings
from util.registry import Plugins

PLUGINS = Plugins("metrics", "_metric", Metric)
available, find_metric = PLUGINS.available, PLUGINS.find


def requirements() -> dict[str, str]:
    """Return the flags of all metrics, without dashes, with their help texts."""
    metrics = PLUGINS.find_usable().values()
    return {flag: text for metric in metrics for flag, text in metric.requires.items()}


def create_metrics(
    names: Iterable[str], settings: Settings
) -> tuple[dict[str, Metric], dict[str, str]]:
    """Return the metrics that can run, and for each of the others the reason and the fix."""
    ready: dict[str, Metric] = {}
    left_out: dict[str, str] = {}
    for name in names:
        try:
            ready[name] = find_metric(name)(settings)
        except MissingError as error:
            left_out[name] = str(error)
    return ready, left_out
