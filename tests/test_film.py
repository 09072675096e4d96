"""The film of a run: frames on disk, their number, and their position on the page."""

from pathlib import Path

import numpy as np
import pytest
from read_page import Page

from display.pages.film import MOST_FRAMES, Film, thinned
from display.reports import FilmReport, LossReport, Progress, Strip
from display.sinks.csv_sink import CsvLog
from display.sinks.web_page_sink import WebPage


def report(
    number: int, *, epoch: int = 0, images: int = 4, target: bool = True, given: int = 0
) -> FilmReport:
    shades = [np.full((8, 8, 3), shade, np.uint8) for shade in (given, number, 255)]
    wanted = shades[2] if target else None
    strips = [Strip(name, "fake_B", shades[0], shades[1], wanted) for name in ("a.png", "b.png")]
    epoch = epoch or number
    return FilmReport(Progress(epoch, 99, 4 * epoch, images, 4), number, strips)


def labels(film: Film) -> list[str]:
    first, second = film.rows()
    assert (first.title, second.title) == ("a.png: fake_B", "b.png: fake_B")
    assert [f.label for f in first.figures] == [f.label for f in second.figures]
    return [figure.label for figure in first.figures]


def test_frames_are_shown_between_input_and_target(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.add(report(1))
    film.add(report(2, images=3))
    assert labels(film) == ["input", "epoch 1", "epoch 2, image 3", "target"]
    assert labels(Film(tmp_path)) == labels(film)  # as after a resume
    film.add(report(3, target=False))
    assert labels(film)[-1] == "epoch 3"


def test_a_run_resumed_from_an_older_checkpoint_loses_the_later_frames(tmp_path: Path) -> None:
    film = Film(tmp_path)
    for number in range(1, 6):
        film.add(report(number))
    film.add(report(3, epoch=7))
    assert labels(film) == ["input", "epoch 1", "epoch 2", "epoch 7", "target"]


def test_other_validation_images_start_a_new_film(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.add(report(1))
    film.add(report(2, given=9))
    killed = Film(tmp_path)  # before the frames of the first input were deleted
    killed.add(report(3, given=9))
    assert labels(killed) == ["input", "epoch 3", "target"]
    film.delete_obsolete()
    film.add(report(3, given=9))
    assert labels(film) == ["input", "epoch 2", "epoch 3", "target"]


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40, 1000])
def test_a_long_film_is_thinned_evenly(count: int) -> None:
    kept: list[int] = []
    for number in range(1, count + 1):
        kept = thinned([*kept, number])
        assert len(kept) <= MOST_FRAMES
    assert kept == thinned(range(1, count + 1))
    assert (kept[0], kept[-1]) == (1, count)
    steps = set(np.diff(kept[:-1]))
    assert len(steps) <= 1


def test_the_page_shows_film_and_curves(tmp_path: Path) -> None:
    web = WebPage(tmp_path, name="maps", width_px=256, options={})
    log = CsvLog(tmp_path / "losses.csv", ["val_l1"])
    for number in (1, 2):
        place = report(number).progress
        log.losses(LossReport(place, {"G": 1.0}, 0.1, 0.0, 0.1, {"val_l1": 0.5}))
        web.film(report(number))
    page = Page(tmp_path / "web" / "index.html")
    sources = [image["src"] for image in page.attributes("img")]
    assert sources[0] == "losses.svg"
    assert sources[1:5] == [
        "film/00_given.png", "film/00_000001_epoch1.png", "film/00_000002_epoch2.png",
        "film/00_wanted.png",
    ]
    assert all((tmp_path / "web" / str(source)).is_file() for source in sources)
    svg = (tmp_path / "web" / "losses.svg").read_text()
    height = page.attributes("img")[0]["height"]
    assert height is not None
    assert f'height="{float(height) * 0.72:g}pt"' in svg
