"""Pages of images as the original's util/html.py and ``save_images`` write them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compat.images import save_image, tensor2im
from compat.options import PathText
from display.pages.html import Figure, figures, new_document, tag
from util.files import write_text


class HTML:
    """A page ``<web_dir>/index.html`` of the images in ``<web_dir>/images``.

    ``refresh``: seconds after which a browser loads the page again; 0: never. ``doc``: the document
    of dominate.
    """

    def __init__(self, web_dir: str | Path, title: str, refresh: int = 0) -> None:
        self.title, self.web_dir = title, PathText(web_dir)
        self.img_dir = PathText(Path(web_dir) / "images")
        Path(self.img_dir).mkdir(parents=True, exist_ok=True)
        self.doc = new_document(title, width_px=256)
        if refresh > 0:
            self.doc.head.add(tag("meta", http_equiv="refresh", content=str(refresh)))
        self._width = 0
        self._shown: dict[str, str] = {}  # name of a row -> path of its image

    def get_image_dir(self) -> PathText:
        return self.img_dir

    def add_header(self, text: str) -> None:
        self.doc.add(tag("h3", text))

    def add_images(
        self, ims: Sequence[str], txts: Sequence[str], links: Sequence[str], width: int = 400
    ) -> None:
        """Add a row of images with captions; ``ims`` and ``links`` are names in the folder."""
        row = []
        for name, text, link in zip(ims, txts, links, strict=True):
            try:
                figure = Figure.read(Path(self.web_dir), f"images/{name}", text)
            except OSError:  # it is written later
                figure = Figure(f"images/{name}", text, width, width)
            row.append(Figure(figure.src, text, figure.width_px, figure.height_px,
                              f"images/{link}"))
        self.doc.add(figures(row, width=width, cls="row"))
        self._width = max(self._width, width)
        self.doc.body["style"] = f"--width: {self._width}px"  # of the columns

    def save(self) -> None:
        write_text(Path(self.web_dir) / "index.html", self.doc.render(pretty=False))

    def free_name(self, path: str) -> str:
        """Return the name of the file, after those of its folders if another image has it."""
        parts = Path(path).with_suffix("").parts
        names = ("_".join(parts[-count:]) for count in range(1, len(parts) + 1))
        name = next((name for name in names if self._shown.get(name, path) == path), parts[-1])
        self._shown[name] = path
        return name


def save_images(
    webpage: HTML, visuals: Mapping[str, Any], image_path: Sequence[str],
    aspect_ratio: float = 1.0, width: int = 256, use_wandb: bool = False,
) -> None:
    """Write ``<name>_<label>.png`` for every image of a batch, and show each as a row.

    ``image_path``: the files of the batch; the name is that of the file. ``use_wandb``: ignored.
    """
    for index, path in enumerate(image_path):
        rows = {label: image if isinstance(image, str) or getattr(image, "ndim", 0) != 4
                else image[index : index + 1] for label, image in visuals.items()}
        name = webpage.free_name(str(path))
        webpage.add_header(name)
        files = [f"{name}_{label}.png" for label in rows]
        for file, image in zip(files, rows.values(), strict=True):
            save_image(tensor2im(image), Path(webpage.get_image_dir()) / file, aspect_ratio)
        webpage.add_images(files, list(rows), files, width=width)
