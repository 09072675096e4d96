"""Which format a client wants its picture in (RFC 9110, 12.5.1), and pictures in that format."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from data.files.raster import Pixels
from inference.conversions import to_pil
from serving.limits import RefusedError
from util.png import encode_png


@dataclass(frozen=True)
class PictureFormat:
    media_type: str
    encode: Callable[[Pixels], bytes]  # uint8 [H, W, C] -> the bytes of a file


def _by_pillow(pixels: Pixels, *, name: str) -> bytes:
    file = io.BytesIO()
    to_pil(pixels).save(file, format=name, quality=95)
    return file.getvalue()


PNG = PictureFormat("image/png", encode_png)
FORMATS = (
    PNG,
    PictureFormat("image/jpeg", partial(_by_pillow, name="JPEG")),
    PictureFormat("image/webp", partial(_by_pillow, name="WEBP")),
)


def wanted_format(accept: str) -> PictureFormat:
    """That of the highest quality value in an Accept header; PNG where several are as welcome.

    Raises:
        RefusedError: 406, none of ours is wanted.
    """
    best = max(FORMATS, key=lambda one: _quality(one.media_type, accept))
    if _quality(best.media_type, accept) > 0:
        return best
    names = ", ".join(one.media_type for one in FORMATS)
    raise RefusedError(HTTPStatus.NOT_ACCEPTABLE, f"Accept: {accept} asks for none of {names}")


def _quality(media_type: str, accept: str) -> float:
    """0..1 by the most exact range that holds the type; without a header everything is welcome."""
    if not accept.strip():
        return 1.0
    found: dict[str, float] = {}
    for entry in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in entry.split(";"))
        values = [part[2:] for part in parameters if part.startswith("q=")]
        found[media_range] = _number(values[0]) if values else 1.0
    exact = (media_type, "image/*", "*/*")
    return next((found[one] for one in exact if one in found), 0.0)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
