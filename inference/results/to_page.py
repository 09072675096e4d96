"""Write translated images, each beside its input, and a results page that shows them."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.discovery.inputs import Input
from data.files.raster import Pixels
from data.files.side import Side
from data.files.value_range import LEVELS
from display.images import to_picture
from display.reports import Image8
from inference.folder_translator import translate_all
from inference.results.deep_results import write_deep
from inference.results.names import room_for_labels
from inference.results.results_page import ResultsPage
from inference.translator import Translator
from util.disk.file_names import natural_key, shorten

log = logging.getLogger(__name__)


def translate_to_page(
    translator: Translator, inputs: Sequence[Input], page: ResultsPage, *,
    batch_size: int | None, samples: int, skip_bad: bool,
) -> Path:
    """Add a row ``real | fake`` to ``page`` for each input, and finish it; return its path."""
    page.order = natural_key  # rows are added by image size
    with page:
        side = translator.input
        page.check_values([side], {side.letter: [item.source for item in inputs]})
        for translated in translate_all(
            translator, inputs, batch_size=batch_size, samples=samples, skip_bad=skip_bad
        ):
            source = translated.input.source
            title = room_for_labels(translated.input.name.as_posix())
            pictures = {"real": _picture(side, translated.pixels)}
            files: dict[str, Path] = {}
            for number, result in enumerate(translated.results, start=1):
                label = f"fake_{number}" if samples > 1 else "fake"
                pictures[label] = to_picture(result.image)
                stem = page.images / f"{title}_{label}"
                metadata = result.metadata(source.path, whole=not source.half)
                file = write_deep(page.writers, result, stem, metadata)
                files |= {label: file} if file else {}
            page.add(title, pictures, files, {"A": source.path})
    log.info("%d images translated; results page: %s", len(page.rows), page.path)
    return page.path


def _picture(side: Side, pixels: Pixels) -> Image8:
    """Return an input as it is shown. 8-bit colours are shown as they are."""
    if pixels.dtype == np.uint8 and pixels.shape[2] == 3 and side.range_of(pixels) == LEVELS:
        return pixels
    return to_picture(side.fill(side.to_tensor(pixels)))


def name_of_weights(path: Path) -> str:
    """Return a name for the results of a run's folder, or of a weights file and its folder."""
    path = path.resolve()
    name = path.name if path.is_dir() else f"{path.parent.name}_{path.stem}"
    return shorten(name, room=0)
