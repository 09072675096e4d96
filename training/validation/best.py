"""Which validation was the best so far, and whether it is time to stop (--early_stop)."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from display.reports import VALUE, Progress
from metrics.report.tables import json_number
from util.files import write_text
from util.run_folder.layout import BEST

log = logging.getLogger(__name__)


def best_metric(chosen: str | None, measured: Sequence[str]) -> str:
    """Return --best_metric, or the first of --val_metrics."""
    return chosen or measured[0]


class Best:
    """Judges one validation after another.

    Args:
        metric: the value that decides, such as ``l1``.
        pictures: what is measured, in words; values of other pictures are not compared.
        patience: validations in a row without improvement after which to stop; 0: never.

    ``is_new``: the last one was the best, and nobody has saved it yet. ``waited``: how many since
    the best were no better; ``validations``: how many in all.
    """

    def __init__(
        self, metric: str, *, higher_is_better: bool, patience: int, pictures: str
    ) -> None:
        self.metric = metric
        self.basis = f"{metric} of {pictures}"
        self.higher_is_better = higher_is_better
        self.patience = patience
        self.found: dict[str, Any] = {}  # what best.json tells; {}: nothing yet
        self.validations = 0
        self.waited = 0
        self.is_new = False

    def judge(self, values: Mapping[str, float], progress: Progress) -> None:
        """``values``: those of a validation, by the names of ``losses.csv``.

        Raises:
            ValueError: the first one lacks the value that decides.
        """
        value = values.get(VALUE + self.metric, math.nan)
        if math.isnan(value) and not self.validations:
            raise ValueError(
                f"--best_metric {self.metric} has no value for these pictures and outputs (a line "
                f"above says why); choose another: measured are {', '.join(values) or 'none'}"
            )
        self.validations += 1
        self.is_new = not math.isnan(value) and self._is_better(value)
        self.waited = 0 if self.is_new else self.waited + 1
        if self.is_new:
            self.found = {
                "epoch": progress.epoch,
                "images": progress.images,
                "metric": self.metric,
                "value": value,
                "values": dict(values),
            }

    def _is_better(self, value: float) -> bool:
        if not self.found:
            return True
        before = self.found["value"]
        return bool(value > before if self.higher_is_better else value < before)

    @property
    def over(self) -> bool:
        return 0 < self.patience <= self.waited

    def describe(self) -> str:
        if not self.found:
            return f"no validation had a {VALUE}{self.metric}"
        return (f"{VALUE}{self.metric} {self.found['value']:.4g} in epoch {self.found['epoch']} "
                f"(after {self.found['images']:,} images)")

    @staticmethod
    def write(folder: Path, found: Mapping[str, Any]) -> None:
        """Infinity, the PSNR of outputs that equal their targets, is a word: JSON has none."""
        words = dict(found) | {
            "value": json_number(found["value"]),
            "values": {name: json_number(value) for name, value in found["values"].items()},
        }
        write_text(folder / BEST, json.dumps(words, indent=2, allow_nan=False) + "\n")

    def state_dict(self) -> dict[str, Any]:
        return {
            "basis": self.basis, "found": dict(self.found), "validations": self.validations,
            "waited": self.waited,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Of a run that went by another metric or other pictures only the count of validations."""
        self.validations = state["validations"]
        before = state.get("basis", "another metric")
        if before == self.basis:
            self.found, self.waited = dict(state["found"]), state["waited"]
        else:
            log.info("the best was that by %s: the best by %s is looked for from here on",
                     before, self.basis)
