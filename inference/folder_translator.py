"""Translate many files: in batches of equal size, or in windows if a file exceeds the memory."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path

import numpy as np
from torch import Tensor

from data.discovery.inputs import Input
from data.files.array_files import as_raster
from data.files.raster import Pixels, mark_missing
from data.files.reading import PictureError, naming_skip_flag
from data.files.source import Source
from data.files.tags.read_tags import read_metadata
from data.files.tags.world_files import write_world_files
from data.missing import missing_in
from data.record import Format
from inference.memory_budget import usual_batch
from inference.tiles.box import Box
from inference.tiles.tiff_windows import TiffReader, create_tiff
from inference.tiles.translate import translate_tiled
from inference.tiles.whole_reader import WholeReader
from inference.translated_image import TranslatedImage
from inference.translator import Translator
from util.disk.content import extension_of
from util.distributed import all_gather, current_process, own_share
from util.threads import read_ahead

log = logging.getLogger(__name__)

LARGEST_READ_AHEAD = 2**24  # pixels of a batch; larger batches are not read ahead
READ_FOR_GPU = 4  # batches that are read at once; on a CPU the network needs the cores
SizedInput = tuple[tuple[int, int], Input]  # width and height (pixels), from the header


@dataclass(frozen=True)
class TranslatedInput:
    """``results``: one for each sample."""

    input: Input
    pixels: Pixels  # [H, W, C], with the channels of the generator's input
    results: list[TranslatedImage]


def translate_all(
    translator: Translator, inputs: Sequence[Input], *, batch_size: int | None = None,
    samples: int = 1, skip_bad: bool = False,
) -> Iterator[TranslatedInput]:
    """Yield the results in the order of the image sizes, so that equal sizes share a batch.

    The batches do not change the results. Each of several processes gets every N-th batch of a
    single process. ``batch_size``: None: see ``usual_batch``.
    ``skip_bad``: log unreadable files and leave them out, instead of raising a PictureError.
    """
    read = partial(_read_batch, translator, skip_bad=skip_bad)
    batches = _batches(inputs, batch_size, [translator.input.channels], skip_bad=skip_bad)
    has_agreed = False
    ahead = READ_FOR_GPU if translator.device.type == "cuda" else 1
    for batch in read_ahead(read, batches, is_huge=_is_huge, ahead=ahead):
        if not batch:
            continue
        images, formats = [pixels for _, pixels, _ in batch], [given for _, _, given in batch]
        translate = partial(translator.translate_pixels, images, formats)
        results = [translate(sample=sample) for sample in range(samples)]
        if not has_agreed and translator.arithmetic.agree():
            results = [translate(sample=sample) for sample in range(samples)]
        has_agreed = True
        for (item, pixels, _), *translations in zip(batch, *results, strict=True):
            yield TranslatedInput(item, pixels, list(translations))
    if not has_agreed:
        translator.arithmetic.agree()


def _batches(
    inputs: Sequence[Input], batch_size: int | None, wanted: Sequence[int], *, skip_bad: bool
) -> Iterator[list[SizedInput]]:
    """Yield the batches of this process. The processes read the headers together."""
    sized: list[tuple[tuple[int, int], int]] = []
    for index, item in own_share(enumerate(inputs)):
        with _bad_files(skip=skip_bad):
            sized.append((item.source.read_size(wanted), index))
    return own_share(_equal_sizes(inputs, sorted(chain(*all_gather(sized))), batch_size))


def _equal_sizes(
    inputs: Sequence[Input], sized: Sequence[tuple[tuple[int, int], int]], batch_size: int | None
) -> Iterator[list[SizedInput]]:
    for size, group in groupby(sized, key=itemgetter(0)):
        pending = iter([(size, inputs[index]) for _, index in group])
        while batch := list(islice(pending, batch_size or usual_batch(*size))):
            yield batch


def _is_huge(batch: Sequence[SizedInput]) -> bool:
    return sum(width * height for (width, height), _ in batch) > LARGEST_READ_AHEAD


def _read_batch(
    translator: Translator, batch: Sequence[SizedInput], *, skip_bad: bool
) -> list[tuple[Input, Pixels, Format]]:
    readable = []
    for (width, height), item in batch:
        with _bad_files(skip=skip_bad):
            source, budget = item.source, translator.budget
            if budget.tile is not None and not budget.holds_whole(height, width):
                raise PictureError(f"{source} has {width} x {height} pixels: with its translation "
                                   "it exceeds the free memory; give test.py --output_dir, without "
                                   "--samples, which reads and writes it in tiles")
            raster = translator.input.mark(source.cut(source.read([translator.input.channels])))
            pixels = translator.input.convert(raster, source=source)
            readable.append((item, pixels, Format.of(raster, source.path)))
    return readable


@contextmanager
def _bad_files(*, skip: bool) -> Iterator[None]:
    """Log a PictureError instead of raising it, if ``skip`` is set."""
    try:
        with naming_skip_flag("skip" if skip else "error"):
            yield
    except PictureError as error:
        if not skip:
            raise
        # Processes other than the main one log only errors, but this is seen by one process alone.
        log.log(logging.WARNING if current_process().is_main else logging.ERROR,
                "skipped: %s", error)


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
        with _bad_files(skip=skip_bad):
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
