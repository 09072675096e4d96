"""The page of an evaluation: its content, and its behaviour in a real browser."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import SHOWN, open_page
from PIL import Image
from read_page import Page

from display.images import save_picture
from display.pages.evaluation_page import (
    Column,
    PictureRow,
    RunColumn,
    ScoreCell,
    write_evaluation_page,
)

NAME = "a #1 ü </script><b>100%"
L1 = Column("l1", "L1", higher_is_better=False, places=4, per_picture=True)
SSIM = Column("ssim", "SSIM", higher_is_better=True, places=3, per_picture=True)
PSNR = Column("psnr", "PSNR", higher_is_better=True, places=2, per_picture=True)
FID = Column("fid", "FID", higher_is_better=False, places=1, per_picture=False)
RUNS = ("old", "new")


def write_page(folder: Path, count: int = 30, names: list[str] | None = None) -> Path:
    """L1 of old rises with the number of the image, L1 of new falls; SSIM of old is mixed."""
    level = {"input": 30, "old": 90, "new": 150, "target": 210}
    for label, grey in level.items():
        save_picture(np.full((16, 24, 3), grey, np.uint8), folder / "images" / f"{label}.png")
    rows = []
    for number in range(count):
        row = PictureRow(names[number] if names else str(number))
        row.shown = {label: f"images/{label}.png" for label in level}
        row.values = {
            "old": {"l1": number / 100, "ssim": (number * 7 % count) / count},
            "new": {"l1": (count - number) / 100, "ssim": 0.5, "psnr": float("inf")},
        }
        rows.append(row)
    runs = [
        RunColumn("old", {"l1": ScoreCell(0.25, 0.01), "fid": ScoreCell(80.0)},
                  ["left out: LPIPS"]),
        RunColumn("new", {"l1": ScoreCell(0.2, 0.02, {"#0030ff": 0.5})},
                  ["left out: LPIPS", "few pictures"]),
    ]
    path = folder / "index.html"
    columns = [L1, SSIM, PSNR, FID]
    write_evaluation_page(
        path, "Evaluation", "2 runs", columns=columns, runs=runs, pictures=rows
    )
    return path


def test_scores_and_notes_need_no_script(tmp_path: Path) -> None:
    page = Page(write_page(tmp_path))
    assert page.texts["b"][0] == "0.2000", "the better score must be bold"
    assert "left out" in "".join(page.texts["td"])
    notes = page.texts["li"]
    assert notes.count("left out: LPIPS") == 1, "a note of all runs must be shown once"
    assert "new" in page.texts["b"] and ": few pictures" in "".join(
        page.texts["li"] + page.texts["b"])


def test_special_characters_in_names_are_escaped(tmp_path: Path) -> None:
    path = write_page(tmp_path, count=1, names=[NAME])
    assert path.read_text().count("</script>") == 2
    data = json.loads(Page(path).texts["script"][0])
    assert data["pictures"][0]["name"] == NAME
    assert data["pictures"][0]["values"]["new"]["psnr"] == "Infinity"


def names_in_table(page: Any) -> list[str]:
    found: list[str] = page.locator("#all tbody tr").evaluate_all(
        "rows => rows.map(row => row.dataset.name)")
    return found


@pytest.mark.browser
def test_browser_sorts_by_any_column(browser: Any, tmp_path: Path) -> None:
    page, requests = open_page(browser, write_page(tmp_path), width=1280)
    assert names_in_table(page)[:3] == ["0", "1", "2"]
    heads = page.locator("#all th button")
    assert [text.split()[0] for text in heads.all_inner_texts()] == [
        "Image", "L1", "L1", "SSIM", "SSIM", "PSNR", "PSNR"]
    heads.nth(2).click()  # L1 of new
    assert names_in_table(page)[:2] == ["29", "28"]
    assert page.locator("#all th").nth(2).get_attribute("aria-sort") == "ascending"
    heads.nth(2).click()
    assert names_in_table(page)[:2] == ["0", "1"]
    heads.nth(0).click()
    assert names_in_table(page)[:3] == ["0", "1", "2"]
    heads.nth(0).click()
    assert names_in_table(page)[:3] == ["29", "28", "27"], "numbers are not sorted as text"
    assert "∞" in page.locator("#all tbody tr").first.inner_text()
    assert all(url.startswith("file://") for url in requests)
    page.close()


@pytest.mark.browser
def test_browser_ranks_by_the_chosen_metric_and_run(browser: Any, tmp_path: Path) -> None:
    page, _ = open_page(browser, write_page(tmp_path), width=1280)

    def ranked(block: str) -> list[str]:
        captions = page.locator(f"#{block} figcaption").all_inner_texts()
        return [caption.split()[-1] for caption in captions]

    assert ranked("worst") == [str(number) for number in range(29, 14, -1)]
    assert ranked("best") == [str(number) for number in range(15)], "no image is in both lists"
    page.select_option("#rank_run", "new")
    assert ranked("worst")[:2] == ["0", "1"]
    page.select_option("#rank_run", "old")
    page.select_option("#rank_metric", "ssim")
    assert ranked("worst")[0] == "0", "the lowest SSIM is the worst"
    assert page.locator("#worst button").first.locator("img").count() == 4
    page.close()


@pytest.mark.browser
def test_browser_compares_two_images_under_a_slider(browser: Any, tmp_path: Path) -> None:
    page, _ = open_page(browser, write_page(tmp_path), width=1280)
    page.wait_for_function(f"({SHOWN})(document.getElementById('over'))")

    def grey(share: float) -> int:
        """Return the grey level shown at this share of the stage's width."""
        box = page.locator("#stage").bounding_box()
        clip = {"x": box["x"] + share * box["width"] - 2, "y": box["y"] + 20, "width": 4,
                "height": 4}
        with Image.open(BytesIO(page.screenshot(clip=clip))) as shot:
            level = shot.convert("L").getpixel((2, 2))
        assert isinstance(level, int)
        return level

    page.locator("#stage").scroll_into_view_if_needed()
    assert (grey(0.25), grey(0.75)) == (90, 210), "output left, target right"
    page.locator("#slider").fill("10")
    assert grey(0.25) == 210
    page.select_option("#left", "input")
    page.locator("#slider").fill("90")
    assert grey(0.75) == 30
    box = page.locator("#stage").bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 30)
    assert (grey(0.25), grey(0.75)) == (30, 210), "a click moves the divider"
    page.locator("#worst button").nth(1).click()
    assert page.locator("#shown_name").inner_text() == "28"
    assert "0.2800" in page.locator("#shown_values").inner_text()
    assert page.locator("#left").input_value() == "input", "the choice must stay"
    page.locator("#next").click()
    assert page.locator("#shown_name").inner_text() == "29"
    page.locator("#next").click()
    assert page.locator("#shown_name").inner_text() == "0"
    page.close()


@pytest.mark.browser
def test_browser_loads_only_visible_images_of_a_thousand(
    browser: Any, tmp_path: Path
) -> None:
    path = write_page(tmp_path, count=1000)
    text = path.read_text()
    for number in range(1000):  # the query gives one file many URLs: every load is a request
        text = text.replace('"images/old.png"', f'"images/old.png?{number}"', 1)
    path.write_text(text)
    page, requests = open_page(browser, path, width=1280)
    page.wait_for_function(f"({SHOWN})(document.getElementById('over'))")
    assert page.locator("#all tbody tr").count() == 1000
    assert len(set(requests)) < 150
    last = page.locator("#all tbody tr").last
    last.scroll_into_view_if_needed()
    page.wait_for_function(f"({SHOWN})(document.querySelector('#all tbody tr:last-child img'))")
    assert any(url.endswith("old.png?999") for url in requests)
    assert len(set(requests)) < 300
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_browser_shows_the_page_at_any_width(browser: Any, tmp_path: Path, width: int) -> None:
    names = [NAME, "long" * 60]
    page, _ = open_page(browser, write_page(tmp_path, count=2, names=names), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    hidden = page.evaluate("""[...document.querySelectorAll('.scores, .wide')].map(box =>
        [box.scrollWidth > box.clientWidth, !box.previousElementSibling.hidden])""")
    assert all(is_wider == has_sign for is_wider, has_sign in hidden)
    assert any(is_wider for is_wider, _ in hidden) == (width == 390)
    assert page.locator("#best").is_hidden(), "two images are in one list"
    assert page.locator("#shown_name").inner_text() == NAME
    page.close()


@pytest.mark.browser
def test_browser_shows_sets_without_values_per_image(browser: Any, tmp_path: Path) -> None:
    save_picture(np.zeros((8, 8, 3), np.uint8), tmp_path / "x.png")
    rows = [PictureRow("1", {"made": "x.png"}), PictureRow("1 (target)", {"target": "x.png"})]
    errors: list[str] = []
    path = tmp_path / "index.html"
    runs = [RunColumn("made", {"fid": ScoreCell(1.0)})]
    write_evaluation_page(path, "x", "", columns=[FID], runs=runs, pictures=rows)
    page = browser.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    assert page.locator("#ranks").count() == 0
    assert names_in_table(page) == ["1", "1 (target)"]
    page.locator("#next").click()
    assert page.locator("#right").input_value() == "target"
    assert not errors
    page.close()
