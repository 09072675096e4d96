"""One HTML file that contains small images: the report of a dataset check."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from display.pages.html import new_document, tag
from display.reports import Image8
from util.files import write_text

FLAG = re.compile(r"((?<!\S)--[a-z]\w*(?:=[^\s;:)]*[^\s,;:.)])?)")
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class SheetCell:
    """Images that are shown side by side; () for only a line of text."""

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
    page = new_document(title, width_px=256, css=_STYLE)
    page.add(tag("ul", (tag("li", unbroken(fact)) for fact in facts), cls="facts"))
    page.add(_section(section) for section in sections)
    write_text(path, page.render(pretty=False))


def _section(section: Section) -> Any:
    badge = [tag("span", section.level, cls=f"badge {section.level}")] if section.level else []
    figures = [tag("figure", tag("div", map(_image, cell.pictures), cls="side_by_side"),
                   tag("figcaption", cell.caption))
               for cell in section.cells if cell.pictures]
    lines = [tag("li", unbroken(cell.caption)) for cell in section.cells if not cell.pictures]
    part = tag("section", tag("h2", section.title, badge))
    part.add(tag("p", unbroken(section.text), cls="text"))
    part.add([tag("ul", lines, cls="lines")] if lines else [])
    part.add([tag("div", figures, cls="row")] if figures else [])
    if section.left_out:
        part.add(tag("p", f"... and {section.left_out} more", cls="status"))
    return part


def unbroken(text: str) -> list[Any]:
    """Return the text with each flag, such as --value_range_A=0,1, kept on one line."""
    return [tag("span", part, cls="flag") if part.startswith("--") else part
            for part in FLAG.split(text) if part]


def _image(picture: Image8) -> Any:
    file = BytesIO()
    Image.fromarray(picture).save(file, format="JPEG", quality=85)
    uri = f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"
    return tag("img", src=uri, alt="", width=picture.shape[1], height=picture.shape[0])
