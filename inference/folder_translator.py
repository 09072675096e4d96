"""Translate many files: grouped by size, each in its own size and depth; huge ones by windows."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

import numpy as np
from torch import Tensor

from data.discovery.inputs import Input
from data.files.array_files import as_raster
from data.files.pillow_files import PictureError
from data.files.raster import Pixels, require_finite
from data.record import Format
from inference.memory_budget import usual_batch
from inference.tiles.box import Box
from inference.tiles.translate import translate_tiled
from inference.translator import Result, Translator
from util.threads import read_ahead

log = logging.getLogger(__name__)

HUGE = 2**24  # pixels of a batch; what has more is not read ahead
Sized = tuple[tuple[int, int], Input]  # width and height (pixels), from the header


@dataclass(frozen=True)
class Translated:
    """``results``: one, or one for each sample."""

    input: Input
    pixels: Pixels  # [H, W, C], as the generator's side takes them
    results: list[Result]


def translate_all(
    translator: Translator,
    inputs: Sequence[Input],
    *,
    batch_size: int | None = None,
    samples: int = 1,
    skip_bad: bool = False,
) -> Iterator[Translated]:
    """In the order of the sizes, so that equal ones share a batch; which changes no result.

    ``batch_size``: see ``usual_batch`` for None.
    ``skip_bad``: what cannot be read is named and left out, instead of raising a PictureError.
    """
    read = partial(_read_batch, translator, skip_bad=skip_bad)
    batches = _batches(inputs, batch_size, skip_bad=skip_bad)
    for readable in read_ahead(read, batches, is_huge=_is_huge):
        if not readable:
            continue
        formats = [Format.of(pixels, one.source.path) for one, pixels in readable]
        pictures = [pixels for _, pixels in readable]
        draws = [
            translator.translate_pixels(pictures, formats, sample=sample)
            for sample in range(samples)
        ]
        for (one, pixels), *results in zip(readable, *draws, strict=True):
            yield Translated(one, pixels, list(results))


def _batches(
    inputs: Sequence[Input], batch_size: int | None, *, skip_bad: bool
) -> Iterator[list[Sized]]:
    sized: list[Sized] = []
    for one in inputs:
        try:
            sized.append((one.source.read_size(), one))
        except PictureError as error:
            _skip(error, skip_bad=skip_bad)
    by_size = itemgetter(0)
    for size, group in groupby(sorted(sized, key=by_size), key=by_size):
        pending = iter(group)
        while batch := list(islice(pending, batch_size or usual_batch(*size))):
            yield batch


def _is_huge(batch: Sequence[Sized]) -> bool:
    return sum(width * height for (width, height), _ in batch) > HUGE


def _read_batch(
    translator: Translator, batch: Sequence[Sized], *, skip_bad: bool
) -> list[tuple[Input, Pixels]]:
    read = [(one, _read(translator, one, skip_bad=skip_bad)) for _, one in batch]
    return [(one, pixels) for one, pixels in read if pixels is not None]


def _read(translator: Translator, one: Input, *, skip_bad: bool) -> Pixels | None:
    try:
        return translator.input.read(one.source)
    except PictureError as error:
        _skip(error, skip_bad=skip_bad)
        return None


def _skip(error: PictureError, *, skip_bad: bool) -> None:
    if not skip_bad:
        raise error
    log.warning("skipped: %s", error)


def translate_huge(
    translator: Translator, inputs: Sequence[Input], stem_of: Callable[[Input], Path], *,
    skip_bad: bool = False,
) -> tuple[list[Input], int]:
    """Write the TIFFs that are too large for memory.

    Returns the other inputs, and how many were written.

    ``stem_of``: the path of a result without its extension. ``skip_bad``: see ``translate_all``.
    """
    others, done = [], 0
    for one in inputs:
        try:
            written = _window_format(translator, one)
            if written is None:
                others.append(one)
                continue
            stem = stem_of(one)
            _translate_windows(translator, one, stem.with_name(f"{stem.name}.tif"), written)
            done += 1
        except PictureError as error:
            _skip(error, skip_bad=skip_bad)
    return others, done


def _window_format(translator: Translator, one: Input) -> Format | None:
    """How a TIFF too large for memory is written; None: it is read whole, or is no such TIFF."""
    from inference.tiles.tiff_windows import TiffReader  # tifffile takes a while to import

    path = one.source.path
    if path.suffix.lower() not in (".tif", ".tiff") or one.source.half or one.source.files[1:]:
        return None
    width, height = one.source.read_size()
    if translator.room.tile_for(height, width) is None:
        return None
    try:
        with TiffReader(path) as picture:
            given = Format(picture.dtype.name, path.suffix.lower())
    except PictureError as error:
        log.info("%s; it is read whole", error)
        return None
    return translator.file.written_for(given)


def _translate_windows(translator: Translator, one: Input, output: Path, written: Format) -> None:
    """Read, translate and write a huge TIFF tile by tile; it is never in memory as a whole."""
    from inference.tiles.tiff_windows import TiffReader, create_tiff

    model, side = translator.model, translator.input
    with TiffReader(one.source.path) as picture:
        height, width = picture.shape[:2]
        tile = translator.room.tile_for(height, width)
        assert tile is not None  # see _window_format

        def read(box: Box) -> Tensor:
            found = require_finite(picture.read(box), one.source)
            raster = as_raster(found, one.source.path, colour=picture.colour)
            pixels = side.convert(raster, source=one.source)
            return model.codec.encode(side.to_tensor(pixels)[None])[0]

        def decoded(box: Box, image: Tensor) -> Tensor:
            # Only a model with colours of its own needs the input for the output's picture.
            inputs = read(box) if model.codec.image_channels else image
            return model.codec.decode(inputs[None], image[None])[0]

        out_channels = model.codec.image_channels or translator.file.output_nc
        shape = (height, width, out_channels)
        limits, dtype = translator.output_range(written), np.dtype(written.dtype)
        with create_tiff(output, shape, dtype) as result:
            report = translate_tiled(
                translator.net,
                read,
                lambda box, image: result.write(
                    box, limits.from_tensor(decoded(box, image), dtype)
                ),
                height=height,
                width=width,
                tile=tile,
                on_pass=lambda number, change: log.info(
                    "%s: pass %d over the tiles, statistics moved by %.2g of a deviation",
                    one.source, number, change,
                ),
            )
    log.info("%s: %d x %d in %d tiles", one.source, width, height, report.tiles)
