"""Read HTML pages in tests."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from PIL import Image


class Page(HTMLParser):
    """The tags of a page with their attributes, and its texts, in their order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.tags[-1][0] if self.tags else "", []).append(data)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def sources(self) -> list[str | None]:
        return [image["src"] for image in self.attributes("img")]


def require_whole(folder: Path) -> int:
    """Require that each image and page that a page names exists and opens; return how many."""
    count = 0
    for path in folder.glob("*.html"):
        page = Page(path)
        for source in page.sources:
            target = folder / unquote(str(source))
            if target.suffix == ".png":
                with Image.open(target) as image:
                    image.load()
            assert target.is_file(), target
            count += 1
        for link in page.attributes("a"):
            if str(link["href"]).startswith("epochs_"):
                assert (folder / str(link["href"])).is_file()
    return count
