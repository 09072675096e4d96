"""One HTML file with small pictures in it: what a check of a data set found."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from display.pages.html import CSS
from util.files import write_text

FLAG = re.compile(r"((?<!\S)--[a-z]\w*(?:=[^\s;:)]*[^\s,;:.)])?)")


@dataclass(frozen=True)
class Cell:
    """Pictures that stand side by side, uint8 [H, W, 3] each; () for a line of text alone."""

    caption: str
    pictures: Sequence[npt.NDArray[np.uint8]] = ()


@dataclass(frozen=True)
class Section:
    """``level``: error, warning, or "" for neither; ``left_out``: how many cells more there were.
    """

    title: str
    level: str
    text: str
    cells: Sequence[Cell] = ()
    left_out: int = 0


def write_sheet(path: Path, title: str, facts: Sequence[str], sections: Sequence[Section]) -> None:
    """The page needs no other file. ``facts`` are lines that stand above the sections."""
    from dominate import document, tags, util

    page = document(title=title)
    with page.head:
        tags.meta(charset="utf-8")
        tags.meta(name="viewport", content="width=device-width, initial-scale=1")
        tags.style(util.raw(CSS.replace("WIDTH", "256px") + _CSS))
    page.add(tags.h1(title))
    page.add(tags.ul((tags.li(_unbroken(fact)) for fact in facts), cls="facts"))
    for section in sections:
        page.add(_section(section))
    write_text(path, page.render(pretty=False))


def _section(section: Section) -> Any:
    from dominate import tags

    heading = tags.h2(section.title)
    if section.level:
        heading.add(tags.span(section.level, cls=f"badge {section.level}"))
    drawn = [cell for cell in section.cells if cell.pictures]
    lines = [cell.caption for cell in section.cells if not cell.pictures]
    more = f"... and {section.left_out} more" if section.left_out else ""
    parts = [heading, tags.p(_unbroken(section.text), cls="text")]
    parts += [tags.ul((tags.li(_unbroken(line)) for line in lines), cls="lines")] if lines else []
    parts += [tags.div((_figure(cell) for cell in drawn), cls="row")] if drawn else []
    parts += [tags.p(more, cls="status")] if more else []
    return tags.section(parts)


def _unbroken(text: str) -> list[Any]:
    """Flags such as --value_range_A=0,1 stay on one line."""
    from dominate import tags

    return [tags.span(part, cls="flag") if part.startswith("--") else part
            for part in FLAG.split(text) if part]


def _figure(cell: Cell) -> Any:
    from dominate import tags

    images = (
        tags.img(src=_data_uri(picture), alt="", width=picture.shape[1], height=picture.shape[0])
        for picture in cell.pictures
    )
    return tags.figure(tags.div(images, cls="side_by_side"), tags.figcaption(cell.caption))


def _data_uri(picture: npt.NDArray[np.uint8]) -> str:
    file = BytesIO()
    Image.fromarray(picture).save(file, format="JPEG", quality=85)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"


_CSS = """
h2 { font-size: 17px; margin: 32px 0 4px; padding-top: 16px; border-top: 1px solid var(--line); }
.facts { color: var(--soft); margin: 4px 0 0; padding-left: 20px; }
.text { margin: 0 0 12px; max-width: 90ch; white-space: pre-line; overflow-wrap: anywhere; }
.lines { margin: 0 0 12px; padding-left: 20px; font-size: 13px; overflow-wrap: anywhere; }
.flag { white-space: nowrap; }
.badge { font-size: 12px; font-weight: 600; margin-left: 10px; padding: 2px 8px; color: #fff;
         border-radius: 9px; vertical-align: 2px; }
.error { background: #b3261e; }
.warning { background: #8a5a00; }
.row { gap: 16px; align-items: start; }
.side_by_side { display: flex; flex-wrap: wrap; gap: 2px; }
.side_by_side img { max-width: calc(50% - 1px); }
.side_by_side img:only-child { max-width: 100%; }
figcaption { text-align: left; margin-top: 3px; }
"""
