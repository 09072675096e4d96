"""--cache: where the decoded images of a training are kept."""

import logging
import os
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
from util.free_memory import free_memory
from util.text import format_bytes

log = logging.getLogger(__name__)
CACHES = ("auto", "ram", "disk", "none")
SHARE = 0.25  # of the free memory that a cache takes unasked
WORKERS_ROOM = 64 * 2**20  # bytes of shared memory for the batches of the workers

Rows = Sequence[tuple[Sequence[Side], tuple[Source, ...]]]


def open_cache(choice: str, rows: Rows, recipe: Recipe) -> PictureCache | None:
    """The cache for the images of ``rows``, none if it is not wanted; says which in one line.

    Raises:
        ValueError: there is no room for the one that was asked for.
    """
    if choice == "none" or not rows:
        return None
    shapes = scaled_shapes(rows, recipe)
    size = bytes_needed(shapes)
    said = f"{len(shapes)} images, {format_bytes(size)}"
    free = free_memory() // _processes()
    if choice == "auto" and size > SHARE * free:
        log.info(
            "cache: none; %s decoded are more than a quarter of the free memory (%s); "
            "--cache disk keeps them in a file", said, format_bytes(free),
        )
        return None
    if choice == "ram" and size > free:
        raise ValueError(
            f"--cache ram needs {format_bytes(size)} for {len(shapes)} images, "
            f"{format_bytes(free)} of memory are free; use --cache disk, or none"
        )
    if choice == "disk":
        return _on_disk(shapes, said)
    left = shared_memory_left()
    if left is not None and size * _processes() + WORKERS_ROOM > left:
        why = f"/dev/shm has {format_bytes(left)} left"
        if choice == "ram" or size * _processes() <= temporary_space_left():
            return _on_disk(shapes, f"{said}, in a file since {why}")
        log.info("cache: none; %s do not fit, %s", said, why)
        return None
    log.info("cache: ram; %s", said)
    return PictureCache(shapes, SharedMemory)


def _on_disk(shapes: Mapping[CacheKey, Shape], said: str) -> PictureCache:
    size, left = bytes_needed(shapes) * _processes(), temporary_space_left()
    if size > left:
        raise ValueError(
            f"--cache: a file for {said} has no room in the folder for temporary files, which "
            f"has {format_bytes(left)} left; set TMPDIR to another folder, or use --cache none"
        )
    log.info("cache: disk; %s", said)
    return PictureCache(shapes, SharedFile)


def scaled_shapes(rows: Rows, recipe: Recipe) -> dict[CacheKey, Shape]:
    """[C, H, W] of every image as it is after scaling, from headers alone.

    Row by row there is one source for each side, and the first one's size decides for all of them.
    """
    shapes: dict[CacheKey, Shape] = {}
    for sides, sources in rows:
        try:
            size = recipe.square or recipe.new_size(sources[0].read_size())
            for side, source in zip(sides, sources, strict=True):
                width, height = size or source.read_size()
                shapes[side, source] = (side.channels, height, width)
        except PictureError:
            continue  # its turn comes, and with it the error
    return shapes


def _processes() -> int:
    """How many trainings share this machine, as torchrun says it: each has a cache of its own."""
    return max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
