"""Read, join and write pictures: the writing half of the pair tools. Needs nothing but Pillow."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageOps

EXIF_ORIENTATION = 0x0112
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # Pillow's, all four

Job = TypeVar("Job")


def upright_size(path: Path) -> tuple[int, int]:
    """(width, height) from the header, as ``read_picture`` will turn it."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            # Asking a PNG for EXIF data that its header lacks would decode all of it.
            tagged = image.format != "PNG" or "exif" in image.info
            lies = tagged and image.getexif().get(EXIF_ORIENTATION, 1) >= 5
    except UNREADABLE as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return (height, width) if lies else (width, height)


def read_picture(path: Path) -> Image.Image:
    """The decoded picture, turned upright as its EXIF tag asks."""
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image)
    except UNREADABLE as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _common_mode(A: Image.Image, B: Image.Image) -> str:
    alpha = any("A" in image.getbands() or "transparency" in image.info for image in (A, B))
    if A.mode == B.mode and A.mode in ("L", "I;16") and not alpha:
        return A.mode
    if {A.mode[0], B.mode[0]} & {"I", "F"}:
        raise ValueError(
            f"modes {A.mode} and {B.mode} do not fit into one PNG without loss; "
            "save both with 8 bits per channel, or both as 16-bit grey PNG"
        )
    return "RGBA" if alpha else "RGB"


def side_by_side(A: Image.Image, B: Image.Image) -> Image.Image:
    """A | B, equal in size, in a mode that keeps both: grey, 16-bit grey, colour, alpha."""
    if A.size != B.size:
        raise ValueError(f"sizes differ: {A.width}x{A.height} and {B.width}x{B.height}")
    mode = _common_mode(A, B)
    joined = Image.new(mode, (A.width + B.width, A.height))
    for image, left in ((A, 0), (B, A.width)):
        joined.paste(image if image.mode == mode else image.convert(mode), (left, 0))
    return joined


def _encode(image: Image.Image, extension: str) -> bytes:
    encoded = io.BytesIO()
    if extension == ".png":
        image.save(encoded, "PNG")
    elif image.mode in ("L", "RGB"):
        # Full colour resolution: 4:2:0 would mix the colours of A and B at the seam.
        image.save(encoded, "JPEG", quality=95, subsampling=0)
    else:
        raise ValueError(f"JPEG cannot hold mode {image.mode}; pass --format png")
    return encoded.getvalue()


def _holds(path: Path, encoded: bytes) -> bool:
    """Whether the file shows the pixels of ``encoded``, even if another zlib packed them."""
    if path.read_bytes() == encoded:
        return True
    try:
        with Image.open(path) as old, Image.open(io.BytesIO(encoded)) as new:
            return (old.mode, old.size, old.tobytes()) == (new.mode, new.size, new.tobytes())
    except UNREADABLE:
        return False


def save_picture(image: Image.Image, target: Path, *, overwrite: bool) -> bool:
    """Write aside, then rename; False where the same picture was there already.

    A different file at ``target`` is a ValueError unless ``overwrite``.
    """
    encoded = _encode(image, target.suffix)
    if target.exists():
        if _holds(target, encoded):
            return False
        if not overwrite:
            raise ValueError("the file exists and differs; pass --overwrite or a new folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        aside.write_bytes(encoded)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return True


def _attempt(work: Callable[[Job], bool], job: Job) -> bool | str:
    try:
        return work(job)
    except (ValueError, OSError) as error:
        return str(error)


def run_jobs(
    work: Callable[[Job], bool], jobs: Sequence[Job], *, parallel: bool
) -> tuple[int, list[str]]:
    """Do every job, go on past faults: (how many were written, the faults).

    ``work`` returns False where nothing had to be written, and must be importable by name, for
    the processes of the pool may be spawned.
    """
    attempt = partial(_attempt, work)
    if parallel:
        with ProcessPoolExecutor() as pool:
            outcomes = list(pool.map(attempt, jobs, chunksize=8))
    else:
        outcomes = [attempt(job) for job in jobs]
    faults = [outcome for outcome in outcomes if isinstance(outcome, str)]
    return outcomes.count(True), faults
