"""The rows of a results page keep their order and show only files that exist."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from display.images import save_picture
from display.reports import Image8
from display.visualizer import Visualizer
from inference.results import results_page
from inference.results.results_page import ResultsPage


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
