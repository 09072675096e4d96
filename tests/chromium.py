"""Pages opened in headless Chromium; the fixture ``browser`` is in conftest.py."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def started() -> Iterator[Any]:
    """Yield the browser and close it at the end; skip the test if it is not installed."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=BROWSER_ARGUMENTS)
        yield opened
        opened.close()


def open_page(browser: Any, path: Path, *, width: int) -> tuple[Any, list[str]]:
    """Open a page; return it and the list to which it appends every URL that it requests."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    return page, requests


SHOWN = "image => image.complete && image.naturalWidth > 0"
