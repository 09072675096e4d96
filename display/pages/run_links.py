"""Links between the pages of a training, of its results, and of their evaluation.

They are relative in both directions. ``kind`` names the pages that are linked: RESULTS on the page
of a training, EVALUATION on a page of results.
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

# URLs of the pages, relative to the folder of the page: a path may hold any character.
_LIST = "{}.txt"
RESULTS, EVALUATION = "results", "evaluation"


def linked_pages(folder: Path, kind: str = RESULTS) -> dict[str, str]:
    """Return text -> relative path of the pages of this kind that exist, the newest first."""
    file = folder / _LIST.format(kind)
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    paths = [os.fsdecode(unquote_to_bytes(line)) for line in reversed(lines)]
    return {f"{kind}: {Path(path).parent.name}": path
            for path in paths if (folder / path).is_file()}


def links_nav(links: Mapping[str, str], kind: str = RESULTS) -> str:
    """Return HTML with the links; "" if there are none."""
    anchors = "".join(f'<a href="{url(path)}">{escape(text)}</a>' for text, path in links.items())
    return f'<nav id="{kind}">{anchors}</nav>' if links else ""


def relative(path: Path, folder: Path) -> str:
    """Return the path relative to a folder with slashes; "" if there is none (another drive)."""
    with suppress(ValueError):
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    return ""


def link_page(folder: Path, page: Path, kind: str = RESULTS) -> None:
    """Link ``page`` on ``folder / index.html``, if there is such a page that can be written."""
    index, path = folder / "index.html", relative(page, folder)
    if not path or not index.is_file():
        return
    earlier = [known for known in reversed(linked_pages(folder, kind).values()) if known != path]
    try:
        lines = "".join(f"{url(known)}\n" for known in (*earlier, path))
        write_text(folder / _LIST.format(kind), lines)
        text = index.read_text(encoding="utf-8")
        nav, old = links_nav(linked_pages(folder, kind), kind), _nav_in(text, kind)
        write_text(index, text.replace(*((old, nav) if old else ("</h1>", f"</h1>{nav}")), 1))
    except (NotWritableError, UnicodeError) as error:
        log.debug("no link on %s: %s", index, error)


def _nav_in(text: str, kind: str) -> str:
    found = re.search(f'<nav id="{kind}">.*?</nav>', text, re.DOTALL)
    return found[0] if found else ""
