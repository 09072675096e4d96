"""What a request may cost, and the pictures of strangers read within it."""

import io
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from data.files.image_io import raster_of_pil
from data.files.pillow_files import DAMAGE, PictureError, upright
from data.files.raster import Raster

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # decoders that strangers may reach
_SENT = Path("the picture")  # its name in errors


@dataclass(frozen=True)
class Limits:
    """``seconds``: from the head of a request to its answer. ``waiting``: requests at once."""

    upload_bytes: int = 8 * 2**20
    pixels: int = 2048 * 2048
    side: int = 8192  # pixels; WebP ends at twice as many
    seconds: float = 30.0
    waiting: int = 32


class RefusedError(Exception):
    """A request that is answered with ``status`` and one sentence."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def read_picture(content: bytes, limits: Limits) -> Raster:
    """The first picture of a file, upright, with its channels as they are.

    Its size is read from the header, before any pixel is decoded: a bomb unpacks nothing.

    Raises:
        RefusedError: 413 for too many pixels, 422 for what is no whole picture.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _require_few_pixels(image.size, limits)
            image.load()
            return raster_of_pil(upright(image, _SENT), source=_SENT)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(str(error), limits) from error
    except PictureError as error:
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
    except DAMAGE as error:
        sentence = _what_is_wrong(error, content)
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, sentence) from error


def _require_few_pixels(size: tuple[int, int], limits: Limits) -> None:
    if size[0] * size[1] > limits.pixels or max(size) > limits.side:
        raise _too_many_pixels(f"the picture has {size[0]} x {size[1]} pixels", limits)


def _too_many_pixels(found: str, limits: Limits) -> RefusedError:
    return RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"{found}; at most {limits.pixels:,}, and {limits.side:,} on a side, are taken: send a "
        "smaller one, or start the server with a larger --max_pixels",
    )


def _what_is_wrong(error: Exception, content: bytes) -> str:
    if not content:
        found = "the request has no content"
    elif isinstance(error, UnidentifiedImageError):
        found = f"the {len(content):,} bytes are no picture of a known kind"
    else:
        found = f"the picture is damaged ({error})"
    return f"{found}; wanted is a whole file of {', '.join(FORMATS)} as the body of the request"
