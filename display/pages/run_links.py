"""Links between the page of a training and the pages of its results, relative in both directions.
"""

import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from urllib.parse import unquote_to_bytes

from display.pages.html import url
from util.files import NotWritableError, write_text

log = logging.getLogger(__name__)

# URLs of the pages of results, relative to the folder of the page: a path may hold any character.
_RESULTS = "results.txt"
_NAV = re.compile(r'<nav id="results">.*?</nav>', re.DOTALL)


def results_of(web_dir: Path) -> dict[str, str]:
    """Return text -> relative path of the pages of results that exist, the newest first."""
    file = web_dir / _RESULTS
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    paths = [os.fsdecode(unquote_to_bytes(line)) for line in reversed(lines)]
    return {f"results: {Path(path).parent.name}": path
            for path in paths if (web_dir / path).is_file()}


def results_nav(links: Mapping[str, str]) -> str:
    """Return HTML with the links; "" if there are none."""
    anchors = "".join(f'<a href="{url(path)}">{escape(text)}</a>' for text, path in links.items())
    return f'<nav id="results">{anchors}</nav>' if links else ""


def relative(path: Path, folder: Path) -> str:
    """Return the path relative to a folder with slashes; "" if there is none (another drive)."""
    with suppress(ValueError):
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    return ""


def link_results(web_dir: Path, page: Path) -> None:
    """Link a page of results on the page of its training, if there is one that can be written."""
    index, path = web_dir / "index.html", relative(page, web_dir)
    if not path or not index.is_file():
        return
    earlier = [known for known in reversed(results_of(web_dir).values()) if known != path]
    try:
        lines = "".join(f"{url(known)}\n" for known in (*earlier, path))
        write_text(web_dir / _RESULTS, lines)
        text = index.read_text(encoding="utf-8")
        nav = results_nav(results_of(web_dir))
        changed = _NAV.sub(lambda _: nav, text, count=1)
        write_text(index, changed if _NAV.search(text) else text.replace("</h1>", f"</h1>{nav}", 1))
    except (NotWritableError, UnicodeError) as error:
        log.debug("no link on %s: %s", index, error)
