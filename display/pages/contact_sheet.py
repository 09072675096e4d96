"""One HTML file that contains small images: the report of a dataset check."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from display.pages.html import new_document
from display.reports import Image8
from util.files import write_text

FLAG = re.compile(r"((?<!\S)--[a-z]\w*(?:=[^\s;:)]*[^\s,;:.)])?)")
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class SheetCell:
    """Images that are shown side by side; () for a line of text alone."""

    caption: str
    pictures: Sequence[Image8] = ()


@dataclass(frozen=True)
class Section:
    """``level``: error, warning or ""; ``left_out``: the number of cells that are not shown."""

    title: str
    level: str
    text: str
    cells: Sequence[SheetCell] = ()
    left_out: int = 0


def write_sheet(path: Path, title: str, facts: Sequence[str], sections: Sequence[Section]) -> None:
    """Write the page, which needs no other file. ``facts`` are lines above the sections."""
    from dominate import tags

    page = new_document(title, width_px=256, css=_STYLE)
    page.add(tags.ul((tags.li(_unbroken(fact)) for fact in facts), cls="facts"))
    page.add(_section(section) for section in sections)
    write_text(path, page.render(pretty=False))


def _section(section: Section) -> Any:
    from dominate import tags

    heading = tags.h2(section.title)
    if section.level:
        heading.add(tags.span(section.level, cls=f"badge {section.level}"))
    figures = [_figure(cell) for cell in section.cells if cell.pictures]
    lines = [tags.li(_unbroken(cell.caption)) for cell in section.cells if not cell.pictures]
    part = tags.section(heading, tags.p(_unbroken(section.text), cls="text"))
    part.add([tags.ul(lines, cls="lines")] if lines else [])
    part.add([tags.div(figures, cls="row")] if figures else [])
    if section.left_out:
        part.add(tags.p(f"... and {section.left_out} more", cls="status"))
    return part


def _unbroken(text: str) -> list[Any]:
    """Return the text with each flag, such as --value_range_A=0,1, kept on one line."""
    from dominate import tags

    return [tags.span(part, cls="flag") if part.startswith("--") else part
            for part in FLAG.split(text) if part]


def _figure(cell: SheetCell) -> Any:
    from dominate import tags

    images = (
        tags.img(src=_data_uri(picture), alt="", width=picture.shape[1], height=picture.shape[0])
        for picture in cell.pictures
    )
    return tags.figure(tags.div(images, cls="side_by_side"), tags.figcaption(cell.caption))


def _data_uri(picture: Image8) -> str:
    file = BytesIO()
    Image.fromarray(picture).save(file, format="JPEG", quality=85)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"
