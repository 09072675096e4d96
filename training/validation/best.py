"""Track the best validation so far, and when to stop (--early_stop)."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

from display.reports import CYCLE_VALUE, VALUE, Progress, current_name, is_value
from metrics.report.tables import json_number
from util.disk.state_check import require_count, require_entries, require_like, require_number
from util.disk.text_files import read_json
from util.files import write_text
from util.run_folder.layout import BEST

log = logging.getLogger(__name__)

_RECORD = {"epoch": 1, "images": 1, "metric": "", "value": math.inf, "values": {}}  # its form


@dataclass
class Best:
    """The best of all validations."""

    metric: str  # the value that decides: ``l1`` for ``val_l1``, or ``cycle_l1``
    _: KW_ONLY
    higher_is_better: bool
    patience: int  # consecutive validations without improvement after which to stop; 0: never
    images: str  # a description of the measured images; values of other images are not compared
    names: Sequence[str] = ()  # of all values
    record: dict[str, Any] = field(default_factory=dict)  # the content of best.json; {}: none yet
    validations: int = 0
    waited: int = 0  # validations since the best
    is_new: bool = False  # the last validation was the best, and its weights are not saved yet

    @property
    def basis(self) -> str:
        return f"{self.metric} of {self.images}"

    @property
    def name(self) -> str:
        """Return the name of the value that decides."""
        return self.metric if is_value(self.metric) else VALUE + self.metric

    def add(self, values: Mapping[str, float], progress: Progress) -> None:
        """Add a validation: names of ``losses.csv`` -> values.

        Raises:
            ValueError: the first validation has no value of the metric that decides.
        """
        value = values.get(self.name, math.nan)
        if math.isnan(value) and not self.validations:
            raise ValueError(f"--best_metric {self.metric} has no value for these images and "
                             "outputs (the reason is in the log above); choose another: measured "
                             f"are {', '.join(values) or 'none'}")
        self.validations += 1
        self.is_new = not math.isnan(value) and self._is_better(value)
        self.waited = 0 if self.is_new else self.waited + 1
        if self.is_new:
            self.record = {
                "epoch": progress.epoch, "images": progress.images, "metric": self.metric,
                "value": value, "values": dict(values),
            }

    def _is_better(self, value: float) -> bool:
        if not self.record:
            return True
        best = self.record["value"]
        return bool(value > best if self.higher_is_better else value < best)

    @property
    def over(self) -> bool:
        return 0 < self.patience <= self.waited

    def describe(self) -> str:
        if not self.record:
            return f"no validation had a {self.name}"
        return (f"{self.name} {self.record['value']:.4g} in epoch {self.record['epoch']} "
                f"(after {self.record['images']:,} images)")

    @staticmethod
    def write(folder: Path, record: Mapping[str, Any]) -> None:
        """Write best.json; infinity, the PSNR of equal images, as a word, since JSON has none."""
        content = dict(record) | {
            "value": json_number(record["value"]),
            "values": {name: json_number(value) for name, value in record["values"].items()},
        }
        write_text(folder / BEST, json.dumps(content, indent=2, allow_nan=False) + "\n")

    def state_dict(self) -> dict[str, Any]:
        return {"basis": self.basis, "found": dict(self.record), "validations": self.validations,
                "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the best; if the metric or the images have changed, restore only the counter.

        Raises:
            StateError: the state is not one of a best validation.
        """
        require_entries(state, ("found", "validations", "waited"), "best")
        require_like({"basis": "", **state}, self.state_dict() | {"found": {}}, "best")
        require_count(state["waited"], "best.waited", most=state["validations"])
        if state["found"]:
            require_like(state["found"], _RECORD, "best.found")
            for name, value in state["found"]["values"].items():
                require_number(value, f"best.found.values.{name}", infinite=True)
        self.validations = state["validations"]
        before = state.get("basis", "another metric")
        # Values of cycles had other names in earlier versions: val_l1 was cycle_l1.
        if before in (self.basis, self.basis.removeprefix(CYCLE_VALUE)):
            self.record, self.waited = self._renamed(state["found"]), state["waited"]
        else:
            log.info("the best was chosen by %s, from here on by %s", before, self.basis)

    def _renamed(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the record with the names that this version gives to values."""
        values = {current_name(name, self.names): value
                  for name, value in record.get("values", {}).items()}
        return {**record, "metric": self.metric, "values": values} if record else {}

    def rename_in(self, folder: Path) -> None:
        """Replace the names that values had in an earlier version in best.json, and log it."""
        path = folder / BEST
        record = read_json(path, advice="delete it") if path.exists() else {}
        found = record.get("values")
        values = found if isinstance(found, dict) else {}
        old = [name for name in values if name != current_name(name, self.names)]
        if old:
            write_text(path, json.dumps(self._renamed(record), indent=2) + "\n")
            log.info("%s: %s: these values of cycles are now called %s", path.name, ", ".join(old),
                     ", ".join(current_name(name, self.names) for name in old))
