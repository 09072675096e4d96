"""The film of a run: the same images at every validation, side by side on its page."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from display.images import save_picture
from display.pages.html import Figure, FigureRow
from display.reports import FilmReport, Image8
from util.files import write_text

MOST_FRAMES = 16  # of each strip
FOLDER = "film"
_FRAME = re.compile(r"\d+_(\d+)_epoch(\d+)(?:_image(\d+))?\.png")


class Film:
    """Files in ``web/film``: ``<strip>_given.png``, ``<strip>_wanted.png``, and for each validation
    that is kept ``<strip>_<number>_epoch<epoch>.png``, or ``..._image<images>.png`` for a
    validation inside an epoch.

    A long run keeps every second, fourth, eighth, ... validation, and always the newest, so that
    at most ``MOST_FRAMES`` frames of a strip cover the whole run.
    """

    def __init__(self, web_dir: Path) -> None:
        self._web_dir = web_dir
        self._titles_file = file = web_dir / FOLDER / "titles.txt"
        # The titles of the strips in the last report.
        self._titles = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        self._obsolete: set[Path] = set()  # files that the page on disk may still show
        # Inputs whose file is written after the frames of the earlier input are deleted: a run that
        # is killed between must not take these frames for its own.
        self._new_inputs: dict[Path, Image8] = {}

    def add(self, report: FilmReport) -> None:
        """Save the outputs of a validation.

        The frames of later validations become obsolete, which the run made before it was reset to
        an older checkpoint, and all frames of a strip whose input image has changed.
        """
        # One line each, although a name may contain line breaks.
        self._titles = [" ".join(f"{strip.name}: {strip.label}".splitlines())
                        for strip in report.strips]
        progress = report.progress
        is_inside = progress.epoch_images < progress.epoch_size
        place = f"epoch{progress.epoch}" + f"_image{progress.epoch_images}" * is_inside
        for index, strip in enumerate(report.strips):
            frames = self._frames(index)
            given, wanted = self._path(index, "given"), self._path(index, "wanted")
            is_same = given.is_file() and np.array_equal(np.asarray(Image.open(given)), strip.given)
            if is_same or not frames:
                self._save(strip.given, given)
            else:
                self._new_inputs[given] = strip.given
            if strip.wanted is None:
                self._obsolete.add(wanted)
            else:
                self._save(strip.wanted, wanted)
            older = [number for number, _, _ in frames if is_same and number < report.number]
            *kept, _ = thinned([*older, report.number])
            self._obsolete |= {path for number, _, path in frames if number not in kept}
            self._save(strip.made, self._path(index, f"{report.number:06d}_{place}"))
        write_text(self._titles_file, "".join(f"{title}\n" for title in self._titles))

    def rows(self) -> list[FigureRow]:
        """Return a row for each strip: input, outputs from the first to the newest, target."""
        rows = []
        for index, title in enumerate(self._titles):
            wanted = self._path(index, "wanted")
            shown = {self._path(index, "given"): "input"}
            shown |= {path: label for _, label, path in self._frames(index)}
            shown[wanted] = "target"
            figures = [Figure.read(self._web_dir, f"{FOLDER}/{path.name}", label)
                       for path, label in shown.items()
                       if path.is_file() and path not in self._obsolete]
            rows.append(FigureRow(title, [figures]))
        return rows

    def delete_obsolete(self) -> None:
        """Delete files that the page no longer shows; call it after the page is written."""
        for path in self._obsolete:
            path.unlink(missing_ok=True)
        for path, picture in self._new_inputs.items():
            save_picture(picture, path)
        self._obsolete.clear()
        self._new_inputs.clear()

    def _save(self, picture: Image8, path: Path) -> None:
        save_picture(picture, path)
        self._obsolete.discard(path)

    def _path(self, index: int, end: str) -> Path:
        return self._web_dir / FOLDER / f"{index:02d}_{end}.png"

    def _frames(self, index: int) -> list[tuple[int, str, Path]]:
        """Return number (of the validation, from 1), title and file of each frame."""
        frames = []
        for path in sorted((self._web_dir / FOLDER).glob(f"{index:02d}_*_epoch*.png")):
            if (match := _FRAME.fullmatch(path.name)) and path not in self._obsolete:
                title = f"epoch {match[2]}" + f", image {match[3]}" * bool(match[3])
                frames.append((int(match[1]), title, path))
        return frames


def thinned(numbers: Iterable[int], most: int = MOST_FRAMES) -> list[int]:
    """Return the validations to keep: numbers 1, 1 + step, 1 + 2 * step, ... and the last.

    The step is the smallest power of 2 that leaves at most ``most``. The result for validation n is
    the same, whether or not the list was thinned before.
    """
    known = sorted(numbers)
    step = 1
    while known and len(range(1, known[-1] + 1, step)) + 1 > most:
        step *= 2
    return [number for number in known if (number - 1) % step == 0 or number == known[-1]]
