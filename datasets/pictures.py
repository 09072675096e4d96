"""Join and save images: the writing half of the pair tools. Needs only Pillow."""

import io
from pathlib import Path

from PIL import Image

from data.files.pillow_files import PictureError, opened
from util.files import replacing


def side_by_side(A: Image.Image, B: Image.Image) -> Image.Image:
    """Join two RGB images of one size to A | B."""
    if A.size != B.size:
        raise ValueError(f"sizes differ: {A.width}x{A.height} and {B.width}x{B.height}")
    joined = Image.new("RGB", (A.width + B.width, A.height))
    joined.paste(A, (0, 0))
    joined.paste(B, (A.width, 0))
    return joined


def save_if_changed(image: Image.Image, target: Path, *, overwrite: bool) -> bool:
    """Write a partial file and rename it; return False if ``target`` holds the same image already.

    Raises:
        ValueError: ``target`` holds another image, and ``overwrite`` is False.
    """
    encoded = _encode(image, target.suffix)
    if target.exists():
        if _holds(target, encoded):
            return False
        if not overwrite:
            raise ValueError("the file exists and differs; pass --overwrite or a new folder")
    with replacing(target) as partial:
        partial.write_bytes(encoded)
    return True


def _encode(image: Image.Image, extension: str) -> bytes:
    encoded = io.BytesIO()
    if extension == ".png":
        image.save(encoded, "PNG")
    else:
        # Full colour resolution: 4:2:0 would mix the colours of A and B at the seam.
        image.save(encoded, "JPEG", quality=95, subsampling=0)
    return encoded.getvalue()


def _holds(path: Path, encoded: bytes) -> bool:
    """Return True if the file has the pixels of ``encoded``, maybe compressed differently."""
    if path.read_bytes() == encoded:
        return True
    try:
        with opened(path) as old, Image.open(io.BytesIO(encoded)) as new:
            return (old.mode, old.size, old.tobytes()) == (new.mode, new.size, new.tobytes())
    except PictureError:
        return False
