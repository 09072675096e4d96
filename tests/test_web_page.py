"""The text and the files of the training page."""

import itertools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from read_page import Page, require_whole
from test_film import report as film_report

import display.sinks.web_page_sink as web_module
from display.images import save_picture
from display.pages import epoch_pictures
from display.pages.html import FigureRow
from display.reports import LossReport, PictureReport, Progress
from display.sinks.csv_sink import CsvLog
from display.sinks.web_page_sink import WebPage
from util.run_folder.layout import lock_run


def progress(epoch: int) -> Progress:
    return Progress(epoch, 5, 4 * epoch, 4, 4)


def picture(shade: int = 0, *, width: int = 8, height: int = 8) -> Any:
    return np.full((height, width, 3), shade, np.uint8)


def kept(epoch: int, shade: int = 0, *, keep: bool = True) -> PictureReport:
    shown = {"real_A": picture(shade), "fake_B": picture(shade), "a_B": picture(shade)}
    return PictureReport(progress(epoch), shown, keep)


def web_page(run_dir: Path, **options: object) -> WebPage:
    return WebPage(run_dir, name="maps", width_px=256, options=options)


def test_epochs_are_sorted_by_number_not_as_text(tmp_path: Path) -> None:
    for epoch in (9, 10, 999, 1000):
        web_page(tmp_path).pictures(kept(epoch))
    web = tmp_path / "web"
    assert Page(web / "index.html").texts["h3"] == ["epoch [1000]", "epoch [999]"]
    assert Page(web / "epochs_1-50.html").texts["h3"] == ["epoch [10]", "epoch [9]"]


def test_the_work_for_a_page_does_not_grow_with_the_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, int]] = []

    def count_rows(path: Path, _: str, rows: list[FigureRow], **__: object) -> None:
        written.append((path.name, len(rows)))

    monkeypatch.setattr(web_module, "write_page", count_rows)
    monkeypatch.setattr(web_module, "save_picture", lambda *_: (8, 8))
    web = web_page(tmp_path)
    for epoch in range(1, 152):
        web.pictures(kept(epoch))
        web.end_epoch(progress(epoch))
    index = [rows for name, rows in written if name == "index.html"]
    assert index == [*range(1, 51), *[50] * 101]
    full = [entry for entry in written if entry[0] != "index.html"]
    assert full == [
        ("epochs_1-50.html", 50), ("epochs_51-100.html", 50), ("epochs_101-150.html", 50)
    ]


def test_full_pages_are_linked_and_later_ones_of_another_run_deleted(tmp_path: Path) -> None:
    for epoch in (1, 51, 101, 151):
        web_page(tmp_path).pictures(kept(epoch))
    page = Page(tmp_path / "web" / "index.html")
    assert page.texts["h3"] == ["epoch [151]"]
    names = [f"epochs_{place}.html" for place in ("101-150", "51-100", "1-50")]
    assert [link["href"] for link in page.attributes("a")][:3] == names
    web_page(tmp_path).pictures(kept(60))
    left = sorted(path.name for path in (tmp_path / "web").glob("*.html"))
    assert left == ["epochs_1-50.html", "index.html"]
    assert Page(tmp_path / "web" / "index.html").texts["h3"] == ["epoch [60]", "epoch [51]"]
    older = Page(tmp_path / "web" / "epochs_1-50.html")
    assert older.attributes("a")[0]["href"] == "index.html"


def test_status_shows_the_learning_rate_and_the_speed(tmp_path: Path) -> None:
    web = web_page(tmp_path)
    web.losses(LossReport(progress(1), {"G": 1.0}, 0.08, 0.0, 0.0002))
    web.end_epoch(progress(1))
    status = Page(tmp_path / "web" / "index.html").texts["p"][0]
    assert "Learning rate 0.0002, 12.5 images/s." in status


def test_images_of_another_model_are_deleted_from_a_repeated_epoch(tmp_path: Path) -> None:
    web_page(tmp_path).pictures(kept(1))
    other = PictureReport(progress(1), {"fake_B_rgb": picture(), "a_B": picture()}, keep=True)
    for web in (web_page(tmp_path), web_page(tmp_path)):
        web.pictures(other)
        assert Page(tmp_path / "web" / "index.html").texts["figcaption"] == ["fake_B_rgb", "a_B"]
    images = sorted(path.name for path in (tmp_path / "web" / "images").iterdir())
    assert images == ["epoch001_a_B.png", "epoch001_fake_B_rgb.png"]


def test_status_is_correct_if_images_are_counted_from_0(tmp_path: Path) -> None:
    web_page(tmp_path).end_epoch(Progress(21, 40, 0, 0, 4000))
    status = Page(tmp_path / "web" / "index.html").texts["p"][0]
    assert status.startswith("Epoch 21 of 40, 0 of its 4,000 images seen. Written ")


def test_training_page_lists_the_newest_epoch_first_and_only_existing_images(
    tmp_path: Path,
) -> None:
    web = web_page(tmp_path, lr=0.0002)
    web.pictures(kept(1))
    web.end_epoch(progress(1))
    web.end_epoch(progress(2))
    web.pictures(kept(3))
    page = Page(tmp_path / "web" / "index.html")
    assert page.texts["title"][0] == "Experiment name = maps"
    assert page.texts["h3"] == ["epoch [3]", "epoch [1]"]
    assert page.sources[:3] == [
        f"images/epoch003_{label}.png" for label in ("real_A", "fake_B", "a_B")
    ]
    assert all((tmp_path / "web" / str(source)).exists() for source in page.sources)
    assert not any("http-equiv" in meta for meta in page.attributes("meta"))


def test_later_images_of_an_epoch_replace_the_earlier_ones(tmp_path: Path) -> None:
    web = web_page(tmp_path)
    web.pictures(kept(1, shade=10))
    web.pictures(kept(1, shade=20))
    assert Page(tmp_path / "web" / "index.html").texts["h3"] == ["epoch [1]"]
    expected = tmp_path / "expected.png"
    save_picture(picture(20), expected)
    assert (tmp_path / "web/images/epoch001_real_A.png").read_bytes() == expected.read_bytes()


def test_images_for_live_displays_are_not_saved(tmp_path: Path) -> None:
    web_page(tmp_path).pictures(kept(1, keep=False))
    assert list(tmp_path.iterdir()) == []


def test_resumed_run_lists_earlier_epochs_but_not_later_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = tmp_path / "web" / "images"
    save_picture(picture(width=16, height=8), images / "epoch002_real_A.png")
    save_picture(picture(), images / "epoch009_real_A.png")
    (images / "epoch001_real_A.png").write_bytes(b"torn")
    (images / "notes.png").write_bytes(b"")
    web = web_page(tmp_path)
    web.pictures(kept(4))
    page = Page(tmp_path / "web" / "index.html")
    assert page.texts["h3"] == ["epoch [4]", "epoch [2]"]
    assert page.attributes("img")[-1]["height"] == "128"
    assert "epoch001_real_A.png cannot be read as an image" in caplog.text
    assert len(caplog.records) == 1


def test_training_page_shows_curves_and_links_existing_files(tmp_path: Path) -> None:
    web = web_page(tmp_path)
    web.end_epoch(progress(1))
    page = Page(tmp_path / "web" / "index.html")
    assert page.sources == []
    assert page.attributes("a") == []

    CsvLog(tmp_path / "losses.csv").losses(LossReport(progress(2), {"G": 1.0}, 0.1, 0.0, 0.1))
    (tmp_path / "train_opt.txt").write_text("")
    web = web_page(tmp_path)
    web.end_epoch(progress(2))
    page = Page(tmp_path / "web" / "index.html")
    assert page.sources == ["losses.svg"]
    links = [link["href"] for link in page.attributes("a")]
    assert links == ["../losses.csv", "../train_opt.txt", "losses.svg"]


def test_curves_are_complete_at_the_end_of_the_run(tmp_path: Path) -> None:
    web, log = web_page(tmp_path), CsvLog(tmp_path / "losses.csv")
    log.losses(LossReport(progress(1), {"G": 1.0}, 0.1, 0.0, 0.1))
    web.end_epoch(progress(1))
    (tmp_path / "web" / "losses.svg").unlink()
    web.end_epoch(progress(2))
    assert not (tmp_path / "web" / "losses.svg").exists(), "drawn too often"
    web.close()
    assert (tmp_path / "web" / "losses.svg").exists()


# ---- kills -------------------------------------------------------------------------------------


class Killed(BaseException):
    """Takes the place of SIGKILL: from then on no file changes any more."""


def kill_at(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise ``Killed`` at the change number ``count`` of a file or name, and at all later ones."""
    changes = itertools.count()

    def dying(original: Any) -> Any:
        def change(*arguments: Any, **named: Any) -> Any:
            if next(changes) >= count:
                raise Killed
            return original(*arguments, **named)
        return change

    for name in ("touch", "replace", "unlink", "write_bytes", "write_text"):
        monkeypatch.setattr(Path, name, dying(getattr(Path, name)))


def reports_of_another_run(web: WebPage) -> None:
    """Report fewer images than the run before, of an earlier epoch, and another film."""
    shown = {"real_A": picture(7), "fake_B": picture(7)}
    web.pictures(PictureReport(progress(1), shown, True))
    web.film(film_report(1, given=9))
    web.pictures(PictureReport(progress(2), shown, True))
    web.film(film_report(2, given=9, target=False))


@pytest.mark.parametrize("step", [45, pytest.param(1, marks=pytest.mark.soak)])
def test_pages_show_what_they_list_wherever_a_run_is_killed(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_module, "draw_curves", lambda *_, **__: [])
    monkeypatch.setattr(epoch_pictures, "EPOCHS_PER_PAGE", 1)
    before = tmp_path / "before"
    web = web_page(before)
    for epoch in (1, 2, 3):
        web.pictures(kept(epoch))
        web.film(film_report(epoch))
    assert require_whole(before / "web") > 12
    for count in itertools.count(step=step):
        run_dir = tmp_path / f"killed{count}"
        shutil.copytree(before, run_dir)
        try:
            with monkeypatch.context() as patch:
                kill_at(count, patch)
                reports_of_another_run(web_page(run_dir))
            break
        except Killed:
            pass
        require_whole(run_dir / "web")
        with lock_run(run_dir):
            reports_of_another_run(web_page(run_dir))
        assert require_whole(run_dir / "web") == 10
        assert not [*run_dir.rglob("*.partial*")]
    assert count > 40
