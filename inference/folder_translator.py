"""Translate many files, in batches of equal size; inference/huge_files.py: without a batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby, islice
from operator import itemgetter

from data.discovery.inputs import Input
from data.files.raster import Pixels
from data.files.reading import PictureError
from data.record import Format
from inference.memory_budget import usual_batch
from inference.processes import bad_files_reported
from inference.translated_image import TranslatedImage
from inference.translator import Translator
from util.distributed import all_gather, own_share
from util.threads import read_ahead

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
        with bad_files_reported(skip=skip_bad):
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
        with bad_files_reported(skip=skip_bad):
            source, budget = item.source, translator.budget
            if budget.tile is not None and not budget.holds_whole(height, width):
                raise PictureError(f"{source} has {width} x {height} pixels: with its translation "
                                   "it exceeds the free memory; give test.py --output_dir, without "
                                   "--samples, which reads and writes it in tiles")
            raster = translator.input.mark(source.cut(source.read([translator.input.channels])))
            pixels = translator.input.convert(raster, source=source)
            readable.append((item, pixels, Format.of(raster, source.path)))
    return readable
