"""Translate files that are too large for memory: read, translate and write them in tiles."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from torch import Tensor

from data.discovery.inputs import Input
from data.files.array_files import as_raster
from data.files.raster import mark_missing
from data.files.reading import PictureError
from data.files.source import Source
from data.files.tags.read_tags import read_metadata
from data.files.tags.world_files import write_world_files
from data.missing import missing_in
from data.record import Format
from inference.processes import bad_files_reported
from inference.tiles.box import Box
from inference.tiles.tiff_windows import TiffReader, create_tiff
from inference.tiles.translate import translate_tiled
from inference.tiles.whole_reader import WholeReader
from inference.translator import Translator
from util.disk.content import extension_of
from util.distributed import all_gather, own_share

log = logging.getLogger(__name__)


def translate_huge(
    translator: Translator, inputs: Sequence[Input], stem_of: Callable[[Input], Path], *,
    skip_bad: bool = False,
) -> tuple[list[Input], int]:
    """Translate and write the images that are too large for memory, as TIFF.

    ``stem_of``: the path of a result without its extension. ``skip_bad``: see ``translate_all``.
    Return the other inputs, and the number of files that this process has written.
    """
    others, done = [], 0
    for index, item in own_share(enumerate(inputs)):
        with bad_files_reported(skip=skip_bad):
            width, height = item.source.read_size([translator.input.channels])
            tile = translator.budget.tile_for(height, width)
            reader = _open_windows(translator, item.source) if tile else None
            if tile is None or reader is None:
                others.append(index)
                continue
            stem = stem_of(item)
            with reader:
                path = stem.with_name(f"{stem.name}.tif")
                _translate_windows(translator, item, reader, path, tile=tile)
            done += 1
    return [inputs[index] for index in sorted(chain(*all_gather(others)))], done


def _open_windows(translator: Translator, source: Source) -> TiffReader | WholeReader | None:
    """Return None for an image that fits into memory with its translation, except for TIFF."""
    is_file = not source.half and len(source.files) == 1
    if is_file and extension_of(source.path) in (".tif", ".tiff"):
        try:
            return TiffReader(source.path)
        except PictureError as error:
            log.info("%s; it is read as a whole", error)
    width, height = source.read_size([translator.input.channels])
    if translator.budget.holds_whole(height, width):
        return None
    log.info("%s: %d x %d pixels are translated in tiles, into a TIFF", source, width, height)
    return WholeReader(source.cut(source.read([translator.input.channels])))


def _translate_windows(
    translator: Translator, item: Input, reader: TiffReader | WholeReader, path: Path, *, tile: int
) -> None:
    """Read, translate and write an image tile by tile; the result is never in memory as a whole."""
    codec, side, source = translator.codec, translator.input, item.source
    height, width, _ = reader.shape
    nodata = side.marker(reader.dtype) if reader.nodata is None else reader.nodata
    given = Format(reader.dtype.name, source.path.suffix.lower(), nodata)
    output, limits = translator.file.output_for(given)
    channels = codec.image_channels or translator.file.output_nc
    # The mask of the whole image is never in memory; an empty one stands for it.
    may_miss = side.nan_value is not None
    metadata = replace(read_metadata(source.path, (width, height)), nodata=output.nodata,
                       missing=np.zeros((0, 0), bool) if may_miss else None)

    def read_image(box: Box) -> Tensor:
        raster = as_raster(reader.read(box), source.path, colour=reader.colour,
                           nodata=reader.nodata)
        return side.to_tensor(side.convert(mark_missing(raster), source=source))

    def read(box: Box) -> Tensor:
        return codec.encode(side.fill(read_image(box), given.dtype)[None])[0]

    def write(box: Box, outputs: Tensor) -> None:
        # Only a model with its own colour space needs the inputs to decode the outputs.
        inputs = read(box) if codec.image_channels else outputs
        image = codec.decode(inputs[None], outputs[None])[0]
        pixels = limits.from_tensor(image, output.dtype)
        if may_miss or metadata.nodata is not None:
            missing, = missing_in(read_image(box)[None])
            pixels = replace(metadata, missing=missing).mark_missing(pixels, path)
        writer.write(box, pixels)

    tags = metadata.tiff_tags(np.empty((0, 0, channels), output.dtype))
    with (create_tiff(path, (height, width, channels), np.dtype(output.dtype), tags) as writer,
          translator.arithmetic.flags()):
        report = translate_tiled(translator.net, read, write, height=height, width=width, tile=tile,
                                 on_pass=partial(_log_pass, source), name=str(source))
    write_world_files(metadata.world, path)
    log.info("%s: %d x %d in %d tiles", source, width, height, report.tiles)


def _log_pass(source: Source, number: int, change: float) -> None:
    log.info("%s: pass %d over the tiles changed the statistics by up to %.2g standard deviations",
             source, number, change)
