"""The rows of a results page keep their order and show only files that exist."""

import os
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from read_page import Page

from data.files.side import Side
from data.files.source import Source
from display.images import save_picture
from display.pages.html import Header, write_page
from display.pages.run_links import EVALUATION, link_page, linked_pages, links_nav
from display.reports import Image8
from display.visualizer import Visualizer
from inference.results import results_page
from inference.results.results_page import ResultsPage
from models.arrangement import arranged, legend_of
from models.comparison import Comparison


def picture(level: int) -> Image8:
    return np.full((4, 6, 3), level, np.uint8)


def page_in(folder: Path) -> ResultsPage:
    return ResultsPage(folder, Visualizer([]), title="t", legend="l", width=8, aspect_ratio=2)


def titles(page: ResultsPage) -> list[str]:
    text = page.path.read_text()
    return [part.split("</h3>")[0] for part in text.split("<h3>")[1:]]


def test_rows_keep_their_order_if_files_are_written_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = threading.Event()

    def slow_first(picture: Image8, path: Path, **options: Any) -> object:
        if path.name == "c_fake.png":
            last.set()
        assert path.name != "b_fake.png" or last.wait(60)
        return save_picture(picture, path, **options)

    monkeypatch.setattr(results_page, "save_picture", slow_first)
    with page_in(tmp_path) as page:
        for level, name in enumerate("bac"):
            page.add(name, {"fake": picture(level)})
    assert titles(page) == ["b", "a", "c"]
    assert 'width="8" height="3"' in page.path.read_text()  # 12 x 4 pixels
    assert len(list(page.images.iterdir())) == 3


def test_the_page_shows_what_it_lists_if_the_next_test_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with page_in(tmp_path) as page:
        page.add("a", {"fake": picture(0)})
    before = Page(page.path)
    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as killed:
        killed.setattr(results_page, "write_page", Mock(side_effect=KeyboardInterrupt))
        with page_in(tmp_path) as page:
            page.add("b", {"fake": picture(0)})
    assert all((tmp_path / str(source)).is_file() for source in before.sources)
    left, alive = tmp_path / "images/.a.partial.png", tmp_path / "images/.b.partial.png"
    left.touch()
    os.utime(left, (0, 0))
    with page_in(tmp_path) as page:
        page.add("b", {"fake": picture(0)})
        alive.touch()
    assert {path.name for path in page.images.iterdir()} == {"b_fake.png", alive.name}


def test_a_row_without_its_file_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(picture: Image8, path: Path, **options: Any) -> object:
        if path.name == "b_fake.png":
            raise OSError("no room")
        return save_picture(picture, path, **options)

    monkeypatch.setattr(results_page, "save_picture", failing)
    page = page_in(tmp_path)
    with pytest.raises(OSError, match="no room"), page:
        for level, name in enumerate("ab"):
            page.add(name, {"real": picture(level), "fake": picture(level)})
    assert titles(page) == ["a"]


# ---- order, legend, values and links -----------------------------------------------------------

CYCLES = (Comparison.cycle("real_A", "fake_B", "rec_A", "real_B"),
          Comparison.cycle("real_B", "fake_A", "rec_B", "real_A", from_target_side=True))
PAIRED = (Comparison.paired("real_A", "fake_B", "real_B"),)
BOTH_PAIRED = (*PAIRED, Comparison.paired("real_B", "fake_A", "real_A"))


@pytest.mark.parametrize(
    ("labels", "comparisons", "rows"),
    [
        ("real_A fake_B real_B", PAIRED, ["real_A fake_B real_B"]),
        ("real_A fake_B rec_A idt_B real_B fake_A rec_B idt_A", CYCLES,
         ["real_A fake_B rec_A idt_B", "real_B fake_A rec_B idt_A"]),
        ("real_A fake_B rec_A real_B fake_A rec_B", BOTH_PAIRED,
         ["real_A fake_B real_B rec_A", "real_B fake_A real_A rec_B"]),
        ("real_A real_B_rgb fake_B_rgb",
         (Comparison.paired("real_A", "fake_B_rgb", "real_B_rgb"),),
         ["real_A fake_B_rgb real_B_rgb"]),
        ("real_A fake_B mask real_B", (Comparison.unpaired("real_A", "fake_B", "real_B"),),
         ["real_A fake_B mask real_B"]),
        # Models without comparisons of these names.
        ("data_A data_B output", PAIRED, ["data_A output data_B"]),
        ("real_A fake_B rec_A real_B fake_A rec_B", (),
         ["real_A fake_B rec_A", "real_B fake_A rec_B"]),
        ("real fake_1 fake_2", (), ["real fake_1 fake_2"]),
        ("heatmap", (), ["heatmap"]),
    ],
)
def test_input_output_and_target_are_shown_in_this_order(
    labels: str, comparisons: tuple[Comparison, ...], rows: list[str]
) -> None:
    assert [" ".join(row) for row in arranged(labels.split(), comparisons)] == rows


def test_the_legend_explains_the_labels_of_the_page_and_no_others() -> None:
    assert legend_of([["real_A", "fake_B", "real_B"]], PAIRED) == (
        "real_A: input; fake_B: output for real_A; real_B: target of fake_B"
    )
    assert legend_of([["real", "fake"]], ()) == "real: input; fake: output"


def test_values_of_pairs_are_on_the_page(tmp_path: Path) -> None:
    page = ResultsPage(tmp_path, Visualizer([]), title="t", legend="l.", width=8,
                       comparisons=PAIRED)
    masks = {"B": [Source((tmp_path / "mask.png",))]}
    save_picture(np.eye(8, dtype=np.uint8)[:, :, None].repeat(3, 2), masks["B"][0].path)
    with page:
        page.check_values([Side("B", 3)], masks)
        for name, level in (("a", 51), ("b", 0)):
            page.add(name, {"real_A": picture(9), "fake_B": picture(level), "real_B": picture(0)})
    text = page.path.read_text()
    assert "fake_B: l1 0.2, psnr 13.98" in text
    assert "Means: fake_B: l1 0.1, " in text
    assert "2 images, " in text
    assert "train with --value_range_B=0,1 (" in text


def test_training_page_and_results_page_link_each_other(tmp_path: Path) -> None:
    web = tmp_path / "runs #1" / "x" / "web"
    for name in ("one", "two <b>", "one"):
        write_page(web / "index.html", "training", [], width=8,
                   header=Header(results=links_nav(linked_pages(web))))
        page = ResultsPage(tmp_path / "results" / name, Visualizer([]), title="t", legend="l.",
                           width=8, training_web=web)
        with page:
            page.add("a", {"real": picture(1), "fake": picture(2)})
    moved = (tmp_path.parent / "moved")
    tmp_path.rename(moved)
    web = moved / "runs #1" / "x" / "web"
    targets = {"training": [web], "one": [moved / "results" / "one"]}
    for folders in targets.values():
        for folder in folders:
            for link in Page(folder / "index.html").attributes("a"):
                assert (folder / unquote(str(link["href"]))).is_file(), link
    assert list(linked_pages(web)) == ["results: one", "results: two <b>"]
    text = (web / "index.html").read_text()
    assert text.count('<nav id="results">') == 1 and "two &lt;b&gt;" in text
    (moved / "results" / "one" / "index.html").unlink()
    assert list(linked_pages(web)) == ["results: two <b>"]
    moved.rename(tmp_path)


def test_a_results_page_links_its_evaluation_also_after_a_second_test(tmp_path: Path) -> None:
    evaluation = tmp_path / "evaluation" / "x_1" / "index.html"
    write_page(evaluation, "evaluation", [], width=8)
    for _ in range(2):
        with page_in(tmp_path / "x" / "test_latest") as page:
            page.add("a", {"fake": picture(1)})
        link_page(page.folder, evaluation, EVALUATION)
        link_page(page.folder, evaluation, EVALUATION)
    links = [link["href"] for link in Page(page.path).attributes("a")]
    assert links.count("../../evaluation/x_1/index.html") == 1
    with page_in(tmp_path / "x" / "test_latest") as page:
        page.add("a", {"fake": picture(1)})
    assert "evaluation: x_1" in page.path.read_text()


def test_the_values_leave_missing_pixels_of_the_target_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = {name: rng.integers(0, 256, (2, 6, 8, 3), np.uint8) for name in "abc"}
    masks = {"a": np.zeros((6, 8), bool), "b": np.zeros((6, 8), bool), "c": np.ones((6, 8), bool)}
    masks["a"][:2, :5] = True
    errors = {name: np.abs(np.subtract(*pair.astype(float)))[~masks[name]].mean() / 255
              for name, pair in images.items() if name != "c"}
    for ratio in (1.0, 2.0):  # the second page replaces the files of the first one
        page = ResultsPage(
            tmp_path, Visualizer([]), title="t", legend="l.", width=8, aspect_ratio=ratio,
            comparisons=[Comparison.paired("real_A", "fake_B", "real_B")])
        with page:
            for name in "abc"[: 4 - int(ratio)]:
                fake, real = images[name]
                page.add(name, {"real_A": real, "fake_B": fake, "real_B": real},
                         missing={"real_B": masks[name]})
        if ratio == 1:
            text = (tmp_path / "index.html").read_text()
            assert f"l1 {errors['a']:.4g}" in page.scores.describe("a")
            assert f"Means: fake_B: l1 {np.mean(list(errors.values())):.4g}" in text
            assert (f"{10 + 48} of {3 * 48} pixels are left out: they have no value in the file of "
                    "the target; 1 of 3 pairs cannot be compared.") in text
            for name, mask in masks.items():
                file = np.asarray(Image.open(tmp_path / f"images/{name}_real_B_missing.png"))
                assert np.array_equal(file, mask * 255)
    wide = np.asarray(Image.open(tmp_path / "images/a_real_B_missing.png")) == 255
    scaled = [np.asarray(Image.fromarray(np.where(masks["a"][..., None], level, images["a"][1])
                                         ).resize((16, 6), Image.Resampling.BICUBIC))
              for level in (np.uint8(0), np.uint8(255))]  # the fill value changes no other pixel
    assert np.array_equal(scaled[0][~wide], scaled[1][~wide]) and not wide[2:].any()
    assert wide.sum() == 2 * 13  # two rows; column 12 has a weight of column 4, 13 has none
    assert not (tmp_path / "images/c_real_B_missing.png").exists()
