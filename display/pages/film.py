"""The film of a run: the same pictures at every validation, side by side on its page."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from display.images import save_picture
from display.pages.html import Figure, Row
from display.reports import FilmReport, Picture, Strip
from util.files import write_text

MOST_FRAMES = 16  # of each picture, when a new one has come and the film was thinned
FOLDER = "film"
_FRAME = re.compile(r"\d+_(\d+)_epoch(\d+)(?:_image(\d+))?\.png")


@dataclass(frozen=True)
class Frame:
    path: Path
    number: int  # of the validation, from 1
    title: str


class Film:
    """Files in ``web/film``: ``<strip>_given.png``, ``<strip>_wanted.png``, and for each validation
    that is kept ``<strip>_<number>_epoch<epoch>.png``, inside an epoch with ``_image<images>``.

    A long run keeps every second, fourth, eighth, ... validation, and always the newest: so there
    are never more than ``MOST_FRAMES`` of a strip, over the whole time.
    """

    def __init__(self, web_dir: Path) -> None:
        self._web_dir = web_dir
        self._folder = web_dir / FOLDER
        self._titles_file = self._folder / "titles.txt"
        self._titles: list[str] = []  # of the strips, as the last report named them
        if self._titles_file.is_file():
            self._titles = self._titles_file.read_text(encoding="utf-8").splitlines()

    def add(self, report: FilmReport) -> None:
        """Keep the outputs of a validation. Those of later ones are from before the run went back,
        those of another input from before it went on with other pictures.
        """
        self._titles = [f"{strip.name}: {strip.label}" for strip in report.strips]
        progress = report.progress
        inside = progress.epoch_images < progress.epoch_size
        place = f"epoch{progress.epoch}" + f"_image{progress.epoch_images}" * inside
        for index, strip in enumerate(report.strips):
            is_another = not self._begins_with(index, strip.given)
            self._save_ends(index, strip)
            for frame in self._frames(index):
                if is_another or frame.number >= report.number:
                    frame.path.unlink()
            name = f"{index:02d}_{report.number:06d}_{place}.png"
            save_picture(strip.made, self._folder / name)
            self._thin(index)
        write_text(self._titles_file, "".join(f"{title}\n" for title in self._titles))

    def rows(self) -> list[Row]:
        """A row for each picture: input, outputs from the first to the newest, target."""
        return [Row(title, self._figures(index)) for index, title in enumerate(self._titles)]

    def _begins_with(self, index: int, given: Picture) -> bool:
        path = self._folder / f"{index:02d}_given.png"
        if not path.is_file():
            return False
        with Image.open(path) as image:
            return np.array_equal(np.asarray(image), given)

    def _save_ends(self, index: int, strip: Strip) -> None:
        save_picture(strip.given, self._folder / f"{index:02d}_given.png")
        wanted = self._folder / f"{index:02d}_wanted.png"
        if strip.wanted is None:
            wanted.unlink(missing_ok=True)
        else:
            save_picture(strip.wanted, wanted)

    def _frames(self, index: int) -> list[Frame]:
        found = []
        for path in sorted(self._folder.glob(f"{index:02d}_*_epoch*.png")):
            if match := _FRAME.fullmatch(path.name):
                title = f"epoch {match[2]}" + f", image {match[3]}" * bool(match[3])
                found.append(Frame(path, int(match[1]), title))
        return found

    def _thin(self, index: int) -> None:
        frames = self._frames(index)
        kept = set(thinned([frame.number for frame in frames]))
        for frame in frames:
            if frame.number not in kept:
                frame.path.unlink()

    def _figures(self, index: int) -> list[Figure]:
        given, wanted = (self._folder / f"{index:02d}_{end}.png" for end in ("given", "wanted"))
        shown = [(given, "input")]
        shown += [(frame.path, frame.title) for frame in self._frames(index)]
        shown += [(wanted, "target")] if wanted.is_file() else []
        return [self._figure(path, label) for path, label in shown]

    def _figure(self, path: Path, label: str) -> Figure:
        with Image.open(path) as image:
            return Figure(f"{FOLDER}/{path.name}", label, *image.size)


def thinned(numbers: Iterable[int], most: int = MOST_FRAMES) -> list[int]:
    """Of validations 1, 2, 3, ... those that are kept: every 2^k-th from the first on, and the
    last. Which ones does not depend on how often it was asked on the way.
    """
    known = sorted(numbers)
    step = 1
    while known and len(range(1, known[-1] + 1, step)) + 1 > most:
        step *= 2
    return [number for number in known if (number - 1) % step == 0 or number == known[-1]]
