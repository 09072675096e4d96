"""--cache: where a training keeps its decoded images."""

import logging
from collections.abc import Mapping, Sequence

from data.cache.picture_cache import CacheKey, PictureCache, Shape, bytes_needed
from data.cache.shared_bytes import (
    SharedFile,
    SharedMemory,
    shared_memory_left,
    temporary_space_left,
)
from data.files.pillow_files import PictureError
from data.files.side import Side
from data.files.source import Source
from data.transforms import Recipe
from util.distributed import current_process
from util.free_memory import free_memory
from util.text import format_bytes

log = logging.getLogger(__name__)
CACHES = ("auto", "ram", "disk", "none")
SHARE = 0.25  # the most of the free memory that --cache auto takes
WORKER_BYTES = 64 * 2**20  # shared memory for the batches of the workers

Rows = Sequence[tuple[Sequence[Side], tuple[Source, ...]]]


def open_cache(choice: str, rows: Rows, recipe: Recipe) -> PictureCache | None:
    """Return the cache for the images of ``rows``, or None, and log which it is.

    Raises:
        ValueError: there is not enough memory or disk space for the cache that ``choice`` names.
    """
    if choice == "none" or not rows:
        return None
    shapes = scaled_shapes(rows, recipe)
    size = bytes_needed(shapes)
    content = f"{len(shapes)} images, {format_bytes(size)}"
    processes = current_process().local_world_size  # on this machine; each has its own cache
    free = free_memory() // processes
    if choice == "auto" and size > SHARE * free:
        log.info("cache: none; %s decoded are more than a quarter of the free memory (%s); --cache "
                 "disk keeps them in a file", content, format_bytes(free))
        return None
    if choice == "ram" and size > free:
        raise ValueError(f"--cache ram needs {format_bytes(size)} for {len(shapes)} images, "
                         f"{format_bytes(free)} of memory are free; use --cache disk, or none")
    if choice == "disk":
        return _on_disk(shapes, content)
    left = shared_memory_left()
    if left is not None and size * processes + WORKER_BYTES > left:
        why = f"/dev/shm has {format_bytes(left)} left"
        if choice == "ram" or size * processes <= temporary_space_left():
            return _on_disk(shapes, f"{content}, in a file because {why}")
        log.info("cache: none; %s do not fit, %s", content, why)
        return None
    log.info("cache: ram; %s", content)
    return PictureCache(shapes, SharedMemory)


def _on_disk(shapes: Mapping[CacheKey, Shape], content: str) -> PictureCache:
    size = bytes_needed(shapes) * current_process().local_world_size
    left = temporary_space_left()
    if size > left:
        raise ValueError(f"--cache: a file for {content} does not fit in the folder for temporary "
                         f"files, which has {format_bytes(left)} left; set TMPDIR to another "
                         "folder, or use --cache none")
    log.info("cache: disk; %s", content)
    return PictureCache(shapes, SharedFile)


def scaled_shapes(rows: Rows, recipe: Recipe) -> dict[CacheKey, Shape]:
    """Return [C, H, W] of every image after scaling, from the headers of the files.

    A row has one source for each side; the size of the first one decides for the whole row.
    """
    shapes: dict[CacheKey, Shape] = {}
    for sides, sources in rows:
        try:
            size = recipe.square or recipe.new_size(sources[0].read_size([sides[0].channels]))
            for side, source in zip(sides, sources, strict=True):
                width, height = size or source.read_size([side.channels])
                shapes[side, source] = (side.channels, height, width)
        except PictureError:
            continue  # reading the image will raise the error
    return shapes
