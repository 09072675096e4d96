"""Join and save images: the writing half of the pair tools. Needs nothing but Pillow."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from data.files.pillow_files import DAMAGE
from util.files import replacing


def side_by_side(A: Image.Image, B: Image.Image) -> Image.Image:
    """A | B, two RGB images of one size."""
    if A.size != B.size:
        raise ValueError(f"sizes differ: {A.width}x{A.height} and {B.width}x{B.height}")
    joined = Image.new("RGB", (A.width + B.width, A.height))
    joined.paste(A, (0, 0))
    joined.paste(B, (A.width, 0))
    return joined


def _encode(image: Image.Image, extension: str) -> bytes:
    encoded = io.BytesIO()
    if extension == ".png":
        image.save(encoded, "PNG")
    else:
        # Full colour resolution: 4:2:0 would mix the colours of A and B at the seam.
        image.save(encoded, "JPEG", quality=95, subsampling=0)
    return encoded.getvalue()


def _holds(path: Path, encoded: bytes) -> bool:
    """Whether the file shows the pixels of ``encoded``, even if another zlib packed them."""
    if path.read_bytes() == encoded:
        return True
    try:
        with Image.open(path) as old, Image.open(io.BytesIO(encoded)) as new:
            return (old.mode, old.size, old.tobytes()) == (new.mode, new.size, new.tobytes())
    except DAMAGE:
        return False


def save_if_changed(image: Image.Image, target: Path, *, overwrite: bool) -> bool:
    """Write aside, then rename; False where the same image was there already.

    A different file at ``target`` is a ValueError unless ``overwrite``.
    """
    encoded = _encode(image, target.suffix)
    if target.exists():
        if _holds(target, encoded):
            return False
        if not overwrite:
            raise ValueError("the file exists and differs; pass --overwrite or a new folder")
    with replacing(target) as aside:
        aside.write_bytes(encoded)
    return True
