"""Open an image file with Pillow, upright, as it is or as 8-bit RGB; errors name the file."""

import logging
import shlex
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import TiffImageFile

from util.disk.content import foreign_content
from util.packages import MissingPackageError

log = logging.getLogger(__name__)

# EXIF orientation -> the operation that turns the image upright; 1 is upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)  # these swap width and height


class PictureError(ValueError):
    """An image file that cannot be used; the message names it."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into a ``PictureError`` that names the file."""
    try:
        yield
    except (PictureError, MissingPackageError, MemoryError):
        raise
    except Exception as error:
        raise PictureError(f"{path} cannot be read as an image ({_reason(error, path)}); replace "
                           "or remove it") from error


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a file with Pillow; all errors inside become a ``PictureError``."""
    with reading(path), Image.open(path) as image:
        yield image


def read_rgb(path: Path) -> Image.Image:
    """Return the image as 8-bit RGB, turned upright by its EXIF orientation.

    Transparent pixels become white: the colours that editors store there are arbitrary.

    Raises:
        PictureError: the file is damaged, is not an image, or has more than 8 bits a channel.
    """
    with opened(path) as image:
        _refuse_deep(image, path)
        image.load()
        return upright(_on_white(image), path, like=image)


def read_rgb_size(path: Path) -> tuple[int, int]:
    """Return ``picture_size`` of an image of 8 bits a channel.

    Raises:
        PictureError: as for ``read_rgb``, for faults of the header.
    """
    with opened(path) as image:
        _refuse_deep(image, path)
    return picture_size(path)


def picture_size(path: Path) -> tuple[int, int]:
    """Return width and height (pixels) of the upright image from its header, without decoding."""
    with opened(path) as image:
        width, height = image.size
        orientation = 1
        if isinstance(image, TiffImageFile):
            # Pillow's versions differ in whether ``size`` is upright before the pixels are read.
            width, height = image.tag_v2[Base.ImageWidth], image.tag_v2[Base.ImageLength]
            orientation = image.tag_v2.get(Base.Orientation, 1)
        elif "exif" in image.info:  # otherwise Pillow decodes a PNG to look for EXIF at its end
            orientation = _orientation(image, path)
        return (height, width) if orientation in _SIDEWAYS else (width, height)


def upright(image: Image.Image, path: Path, *, like: Image.Image | None = None) -> Image.Image:
    """Turn ``image`` upright by the EXIF data of ``like`` (default: its own)."""
    turn = _TURNS.get(_orientation(like or image, path))
    return image if turn is None else image.transpose(turn)


def _on_white(image: Image.Image) -> Image.Image:
    """Convert to RGB; opaque pixels keep their colours exactly."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _reason(error: Exception, path: Path) -> str:
    """Describe the error; Pillow's text for an unknown format is only the path."""
    if not isinstance(error, UnidentifiedImageError):
        return f"{type(error).__name__}: {error}"
    return f"it {foreign_content(path) or 'is no image'}"


def _orientation(image: Image.Image, path: Path) -> int:
    try:
        return int(image.getexif().get(Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, struct.error) as error:
        log.warning("%s: EXIF data is damaged (%s), so the image is not turned", path, error)
        return 1


def _refuse_deep(image: Image.Image, path: Path) -> None:
    """Refuse more than 8 bits: Pillow clips them at 255, which turns most pixels white."""
    if image.mode == "F" or image.mode.startswith("I"):
        raise PictureError(f"{path} has Pillow mode {image.mode} (more than 8 bits a channel); "
                           "8-bit images are wanted. Convert it, for example: magick "
                           f"{shlex.quote(str(path))} -depth 8 converted.png")
