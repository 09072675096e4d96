"""The results page and the training page in a real browser."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import SHOWN, open_page
from imagined_run import losses, progress

from display.images import save_picture
from display.pages.html import Figure, FigureRow, write_page
from display.reports import PictureReport
from display.sinks.csv_sink import CsvLog
from display.sinks.web_page_sink import WebPage

NAME = "a #1 ü <b>100%.png"


@pytest.mark.browser
def test_browser_shows_an_image_with_special_characters(browser: Any, tmp_path: Path) -> None:
    save_picture(np.zeros((8, 16, 3), np.uint8), tmp_path / "images" / NAME)
    row = FigureRow(NAME, [[Figure(f"images/{NAME}", "real_A", 16, 8)]])
    write_page(tmp_path / "index.html", "x", [row], width=256)
    page, requests = open_page(browser, tmp_path / "index.html", width=1280)
    page.wait_for_function(f"[...document.images].every({SHOWN})")
    assert page.locator("img").bounding_box()["width"] == 256
    assert page.locator("img").bounding_box()["height"] == 128
    assert page.locator("h3").inner_text() == NAME
    assert all(url.startswith("file://") for url in requests)
    page.close()


@pytest.mark.browser
def test_browser_loads_the_images_of_a_long_page_on_scrolling(browser: Any, tmp_path: Path) -> None:
    save_picture(np.zeros((8, 8, 3), np.uint8), tmp_path / "x.png")
    rows = [FigureRow(f"{n}", [[Figure(f"x.png?{n}", "real", 8, 8)]]) for n in range(300)]
    write_page(tmp_path / "index.html", "x", rows, width=256)
    text = (tmp_path / "index.html").read_text()
    # The query gives one file 300 URLs, so that every load is a request.
    (tmp_path / "index.html").write_text(text.replace("x.png%3F", "x.png?"))
    page, requests = open_page(browser, tmp_path / "index.html", width=1280)
    page.wait_for_function(f"({SHOWN})(document.images[0])")
    height = page.evaluate("document.body.scrollHeight")
    assert len(requests) < 50
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(f"({SHOWN})(document.images[299])")
    assert page.evaluate("document.body.scrollHeight") == height
    assert len(requests) < 100
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_browser_shows_the_training_page_at_any_width(
    browser: Any, tmp_path: Path, width: int
) -> None:
    log = CsvLog(tmp_path / "losses.csv")
    for images in (100, 200):
        log.losses(losses(images))
    options = {"dataroot": "/a/very/long/path" * 20}
    web = WebPage(tmp_path, name="maps", width_px=256, options=options)
    shown = {label: np.zeros((8, 8, 3), np.uint8) for label in ("real_A", "fake_B", "real_B")}
    web.pictures(PictureReport(progress(200), shown, keep=True))
    page, _ = open_page(browser, tmp_path / "web" / "index.html", width=width)
    page.wait_for_function(f"[...document.images].every({SHOWN})")
    page.click("summary")
    assert page.evaluate("document.documentElement.scrollWidth") == width, "no horizontal scrolling"
    boxes = [page.locator(".row img").nth(number).bounding_box() for number in range(3)]
    assert len({box["y"] for box in boxes}) == 1, "the images of an epoch must be side by side"
    assert boxes[0]["width"] == pytest.approx(256 if width == 1280 else 114, abs=1)
    page.close()
