"""Read a loss_log.txt, as this program and others of its family have written it since 2017."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from display.curves import Curves

_LINE = re.compile(r"\(epoch: (\d+), iters: (\d+)[^)]*\)(.*)")
_LOSS = re.compile(r"([^\s,:]+): ([^\s,]+)")


@dataclass(frozen=True)
class _Row:
    epoch: int
    images: int  # seen in the epoch
    losses: dict[str, float]


def read_loss_log(path: Path) -> tuple[Curves, int]:
    """Return the curves of a loss_log.txt, and the images per epoch; no curves without a file."""
    rows = _read_rows(path) if path.is_file() else []
    curves, epoch_size = Curves(), _epoch_size(rows)
    for row in rows:
        place, losses = row.epoch - 1 + row.images / epoch_size, row.losses
        if curves.epochs and place == curves.epochs[-1]:  # the values of a validation
            losses = curves.values_at(-1) | losses
        curves.forget_from(place)
        curves.add(place, losses)
    return curves, epoch_size


def _read_rows(path: Path) -> list[_Row]:
    """Return the rows in the order of the file. Lines of another form are ignored."""
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if match := _LINE.search(line):
            losses = {name: _number(text) for name, text in _LOSS.findall(match[3])}
            rows.append(_Row(int(match[1]), int(match[2]), losses))
    return rows


def _epoch_size(rows: Sequence[_Row]) -> int:
    """Return the images per epoch.

    Our epochs all end with a row. Other programs print only every n images of the run, also across
    the end of an epoch: the last row of an epoch, the first row of the next and n give the size.
    """
    pairs = [*itertools.pairwise(rows)]
    steps = Counter(after.images - row.images for row, after in pairs if row.epoch == after.epoch)
    del steps[0]  # losses and values of a validation at the same place
    step = steps.most_common(1)[0][0] if steps else 0
    ends = [(row.images, after.images) for row, after in pairs if row.epoch + 1 == after.epoch]
    if len(ends) > 1 and len({end for end, _ in ends}) == 1:
        return ends[0][0]
    sizes = Counter(end + max(0, step - start) for end, start in ends)
    size = sizes.most_common(1)[0][0] if sizes else 1
    return max([size, *(row.images for row in rows)])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
