"""Choose the image format of an answer by the Accept header (RFC 9110, section 12.5.1)."""

import io
import re
from collections.abc import Callable
from functools import partial

from fastapi import HTTPException

from data.files.raster import Pixels
from inference.conversions import to_pil
from util.png import encode_png


def _encode_with_pillow(pixels: Pixels, *, name: str) -> bytes:
    file = io.BytesIO()
    to_pil(pixels).save(file, format=name, quality=95)
    return file.getvalue()


ENCODERS: dict[str, Callable[[Pixels], bytes]] = {  # uint8 [H, W, C] -> the bytes of a file
    "image/png": encode_png,
    "image/jpeg": partial(_encode_with_pillow, name="JPEG"),
    "image/webp": partial(_encode_with_pillow, name="WEBP"),
}


def choose_media_type(accept: str) -> str:
    """Return the format with the highest quality value. PNG wins a tie, and a missing header.

    Raises:
        HTTPException: 406 if the header accepts none of the formats.
    """
    qualities = _qualities(accept.strip() or "*/*")

    def quality(media_type: str) -> float:
        ranges = (media_type, "image/*", "*/*")  # the most specific range decides
        return next((qualities[name] for name in ranges if name in qualities), 0.0)

    best = max(ENCODERS, key=quality)
    if quality(best) > 0:
        return best
    raise HTTPException(406, f"Accept: {accept} matches none of {', '.join(ENCODERS)}")


def _qualities(accept: str) -> dict[str, float]:
    """Return the quality value of every media range. A malformed value counts as 0."""
    qualities = {}
    for entry in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in entry.split(";"))
        value = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        qualities[media_range] = float(value) if re.fullmatch(r"[01](\.\d*)?", value) else 0.0
    return qualities
