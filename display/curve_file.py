"""Follow the losses.csv of a run as it grows."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from display.curves import POINTS, Curves, marked
from display.latest import LatestValues
from display.reports import is_value
from util.disk.text_files import csv_rows

_PLACE = ("epoch", "images", "epoch_images")


class CurveFile:
    """Follows a losses.csv that grows. Each row is read once, and ``curves`` keeps few points.

    ``curves`` has all columns: losses, values of validations and ``OTHER_VALUES``; ``latest`` the
    newest ones. A file with more than 2000 rows is thinned to 1000 to 2000 points.

    The position of a row is the number of epochs that are over, because a run that starts from the
    weights of another counts images from 0 again. A run that is resumed from an older checkpoint
    repeats a part of the curve; the newer rows replace the older ones. Incomplete lines, which a
    killed run can leave, are ignored.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin(b"")

    def _begin(self, header: bytes) -> None:
        self.curves, self.latest = Curves(), LatestValues()
        self._header, self._offset = header, len(header)
        self._rows_per_point = 1
        self._pending = Curves()  # rows of the next point

    def update(self, *, epoch_size: int) -> int:
        """Read the rows that were added since the last call; return their size in bytes.

        If a file with other columns has replaced this one, read it from its start.
        """
        if not self._path.exists():
            return 0
        with self._path.open("rb") as file:
            header = file.readline()
            if header != self._header or self._path.stat().st_size < self._offset:
                self._begin(header)
            file.seek(self._offset)
            added = file.read()
        added = added[: added.rfind(b"\n") + 1]  # the last line may still be incomplete
        self._offset += len(added)
        columns = header.decode("utf-8", "replace").strip().split(",")
        rows = csv_rows(added.decode("utf-8", "replace"), self._path, columns=columns,
                        advice="move it out of the folder")
        sizes = _epoch_sizes(rows, epoch_size)
        for row in rows:
            with suppress(ValueError, TypeError, OverflowError):  # an incomplete line
                if None in row.values():
                    continue
                # Values of validations are empty in the rows between two validations.
                values = {name: marked(float(row[name])) for name in columns
                          if name not in _PLACE and (row[name] or not is_value(name))}
                epoch = int(row["epoch"])
                self._append(_position(row, sizes.get(epoch, epoch_size)), values)
                self.latest.add(epoch, values)
        return len(added)

    def _append(self, epoch: float, values: dict[str, float]) -> None:
        self._pending.forget_from(epoch)
        self.curves.forget_from(epoch)
        self._pending.add(epoch, values)
        if len(self._pending.epochs) < self._rows_per_point:
            return
        self.curves.add(*self._pending.mean())
        self._pending = Curves()
        if len(self.curves.epochs) >= 2 * POINTS:
            self.curves = self.curves.halved()
            self._rows_per_point *= 2


def read_curves(path: Path, *, epoch_size: int, before: float = math.inf) -> Curves:
    """Return the curves of a losses.csv up to the position ``before``; see ``CurveFile``."""
    file = CurveFile(path)
    file.update(epoch_size=epoch_size)
    file.curves.forget_from(math.nextafter(before, math.inf))
    return file.curves


def _epoch_sizes(rows: Iterable[Mapping[str, str]], epoch_size: int) -> dict[int, int]:
    """Return epoch -> its number of images, which is not constant if images were added.

    Every epoch ends with a row. A size that is not ``epoch_size`` is believed if several epochs
    have it, because an interrupted epoch may have no such row.
    """
    sizes: dict[int, int] = {}
    ends: dict[int, int] = {}
    for row in rows:
        with suppress(ValueError, TypeError, KeyError):
            epoch, images = int(row["epoch"]), int(row["epoch_images"])
            ends[epoch] = images
            sizes[epoch] = max(sizes.get(epoch, epoch_size), images)
    over = {epoch: ends[epoch] for epoch, following in pairwise(ends) if following == epoch + 1}
    counts = Counter(over.values())
    return sizes | {epoch: size for epoch, size in over.items() if counts[size] > 1}


def _position(row: Mapping[str, str], epoch_size: int) -> float:
    """Return the number of epochs that are over, with the fraction.

    Older files have no ``epoch_images``; the run is then assumed to have started with epoch 1.
    """
    is_old = "epoch_images" not in row
    images = (int(row["images"]) - 1) % epoch_size + 1 if is_old else int(row["epoch_images"])
    return int(row["epoch"]) - 1 + images / epoch_size
