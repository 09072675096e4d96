"""Open one image file with Pillow: upright, whole or as 8-bit RGB; errors name the file."""

import logging
import shlex
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import TiffImageFile

log = logging.getLogger(__name__)

# EXIF orientation -> what turns the image upright; 1 is upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)  # these swap width and height
# Everything Pillow's decoders are known to raise for damaged files.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    Image.DecompressionBombError,
)


class PictureError(ValueError):
    """An image file that cannot be used; the message names it."""


def read_rgb(path: Path) -> Image.Image:
    """The image as 8-bit RGB, turned upright by its EXIF orientation.

    Where it is transparent it shows a white ground: the colours under transparent pixels are
    whatever the editor left there, and nobody has seen them.

    Raises:
        PictureError: the file is damaged, not an image, or has more than 8 bits a channel.
    """
    with opened(path) as image:
        _refuse_deep(image, path)
        image.load()
        return upright(_on_white(image), path, like=image)


def read_rgb_size(path: Path) -> tuple[int, int]:
    """``picture_size``, for images of 8 bits a channel.

    Raises:
        PictureError: as for ``read_rgb``, as far as the header tells.
    """
    with opened(path) as image:
        _refuse_deep(image, path)
    return picture_size(path)


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height (pixels) of the upright image, from its header: nothing is decoded."""
    with opened(path) as image:
        width, height = image.size
        orientation = 1
        if isinstance(image, TiffImageFile):
            # Pillow's versions differ in whether ``size`` is upright before the pixels are read.
            width, height = image.tag_v2[Base.ImageWidth], image.tag_v2[Base.ImageLength]
            orientation = image.tag_v2.get(Base.Orientation, 1)
        elif "exif" in image.info:  # a PNG without it would be decoded to look for it at the end
            orientation = _orientation(image, path)
        return (height, width) if orientation in _SIDEWAYS else (width, height)


def upright(
    picture: Image.Image, path: Path, *, like: Image.Image | None = None
) -> Image.Image:
    """``picture`` turned as the EXIF data of ``like`` (default: its own) says."""
    turn = _TURNS.get(_orientation(like or picture, path))
    return picture if turn is None else picture.transpose(turn)


def _on_white(image: Image.Image) -> Image.Image:
    """RGB; opaque pixels keep their colours exactly."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An opened file; whatever goes wrong inside is a ``PictureError`` that names it."""
    try:
        with Image.open(path) as image:
            yield image
    except PictureError:
        raise
    except DAMAGE as error:
        raise PictureError(
            f"{path} cannot be read as an image ({_reason(error, path)}); replace or remove it"
        ) from error


def _reason(error: Exception, path: Path) -> str:
    """Pillow's word for what it does not know is the path once more."""
    if not isinstance(error, UnidentifiedImageError):
        return f"{type(error).__name__}: {error}"
    return "it is no image" if path.stat().st_size else "it is empty"


def _orientation(image: Image.Image, path: Path) -> int:
    try:
        return int(image.getexif().get(Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, struct.error) as error:
        log.warning("%s: EXIF data is damaged (%s), so the image is not turned", path, error)
        return 1


def _refuse_deep(image: Image.Image, path: Path) -> None:
    """Pillow clips 16-bit grey, 32-bit and float pixels at 255: almost everything turns white."""
    if image.mode == "F" or image.mode.startswith("I"):
        raise PictureError(
            f"{path} has Pillow mode {image.mode} (more than 8 bits a channel); 8-bit images "
            f"are wanted. Convert it, for example: magick {shlex.quote(str(path))} "
            "-depth 8 converted.png"
        )
