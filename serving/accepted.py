"""Which format a client wants its picture in (RFC 9110, 12.5.1), and pictures in that format."""

import io
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from data.raster import Pixels
from models.kinds import to_pil
from serving.limits import RefusedError
from util.png import encode_png


@dataclass(frozen=True)
class PictureFormat:
    media_type: str
    name: str  # Pillow's
    how: dict[str, Any] = field(default_factory=dict)

    def encode(self, pixels: Pixels) -> bytes:
        """uint8 [H, W, C] -> the bytes of a file."""
        if self is PNG:
            return encode_png(pixels)
        file = io.BytesIO()
        to_pil(pixels).save(file, format=self.name, **self.how)
        return file.getvalue()


PNG = PictureFormat("image/png", "PNG")
FORMATS = (
    PNG,
    PictureFormat("image/jpeg", "JPEG", {"quality": 95}),
    PictureFormat("image/webp", "WEBP", {"quality": 95}),
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
