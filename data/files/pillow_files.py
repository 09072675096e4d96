"""Open an image file with Pillow, upright, as it is or as 8-bit RGB; errors name the file."""

import logging
import shlex
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import inf
from pathlib import Path
from typing import IO

from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import TiffImageFile

from data.files.reading import PictureError as PictureError
from data.files.reading import log_once, require_plausible, room_for
from data.files.reading import reading as reading

log = logging.getLogger(__name__)

# EXIF orientation -> the operation that turns the image upright; 1 is upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # these swap width and height
# The most pixels that a byte of the file can hold: 1032 bytes of 1-bit pixels (zlib, "Technical
# Details"); one bit for a block of 8 x 8 pixels; 12 bits for the longest string of LZW; the longest
# runs of equal bytes, in PCX of bytes with 8 pixels.
_PIXELS_PER_BYTE = {"PNG": 8 * 1032, "JPEG": 8 * 64, "MPO": 8 * 64, "GIF": 2731, "QOI": 62,
                    "TGA": 64, "PCX": 8 * 32}


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a file with Pillow; all errors inside become a ``PictureError``."""
    with reading(path), path.open("rb") as file, identified(file, path) as image:
        # Pillow calls the decoded bytes of AVIF and WEBP raw, too.
        is_raw = (bool(image.tile) and image.tile[0][0] == "raw"
                  and image.format not in ("AVIF", "WEBP"))
        per_byte = 8 if is_raw else _PIXELS_PER_BYTE.get(image.format or "", inf)
        require_plausible(path, image.width * image.height, per_byte=per_byte)
        yield image


@contextmanager
def loaded(path: Path) -> Iterator[Image.Image]:
    """Open a file with Pillow and decode it, if the memory suffices for it and for one copy.

    Raises:
        PictureError: as ``opened``.
    """
    with opened(path) as image:
        bytes_each = 1 if image.mode in ("1", "L", "P") else 4  # Pillow stores RGB in 4 bytes
        with room_for(path, 2 * bytes_each * image.width * image.height):
            image.load()
            yield image


def read_rgb(path: Path) -> Image.Image:
    """Return the image as 8-bit RGB, turned upright by its EXIF orientation.

    Transparent pixels become white: the colours that editors store there are arbitrary.

    Raises:
        PictureError: the file is damaged, is not an image, or has more than 8 bits a channel.
    """
    with loaded(path) as image:
        _refuse_deep(image, path)
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
        return (height, width) if orientation in SIDEWAYS else (width, height)


def identified(file: IO[bytes], path: Path) -> Image.Image:
    """Return what Image.open returns, without its limit for the number of pixels.

    Formats are recognised by their first bytes; those without a mark (TGA) by the extension. EPS is
    left out: Pillow starts Ghostscript for it.
    """
    first_bytes, problems = file.read(16), []
    tried: set[str] = {"EPS"}
    for load_plugins in (Image.preinit, Image.init):  # the common formats, then all
        load_plugins()
        formats = dict(Image.OPEN)  # the table of extensions below loads all of them
        for name, (build, accepts) in formats.items():
            is_meant = accepts(first_bytes) is True if accepts else (
                Image.registered_extensions().get(path.suffix.lower()) == name)
            if name in tried or not is_meant:
                continue
            file.seek(0)
            try:
                return build(file, str(path))
            except (SyntaxError, IndexError, TypeError, struct.error) as error:
                problems.append(f"{name}: {error}")
        tried |= formats.keys()
    raise SyntaxError("; ".join(problems)) if problems else UnidentifiedImageError(path)


def upright(image: Image.Image, path: Path, *, like: Image.Image | None = None) -> Image.Image:
    """Turn ``image`` upright by the EXIF data of ``like`` (default: its own)."""
    turn = _TURNS.get(_orientation(like or image, path))
    return image if turn is None else image.transpose(turn)


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert to RGB; CMYK with a colour profile becomes sRGB by that profile."""
    icc = image.info.get("icc_profile")
    if image.mode != "CMYK":
        return image.convert("RGB")
    if not icc:
        log_once("CMYK images without a colour profile are converted by a simple formula: their "
                 "colours differ from those in print; for right ones convert the images to sRGB")
        return image.convert("RGB")
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(icc))
        return ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"),
                                         outputMode="RGB") or image.convert("RGB")
    except (ImageCms.PyCMSError, OSError) as error:
        log.warning("the colour profile of a CMYK image cannot be used (%s); its colours are "
                    "converted without it", error)
        return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """Convert to RGB; opaque pixels keep their colours exactly."""
    if not image.has_transparency_data:
        return to_rgb(image)
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _orientation(image: Image.Image, path: Path) -> int:
    try:
        return int(image.getexif().get(Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, struct.error) as error:
        log_once("%s: EXIF data is damaged (%s), so the image is not turned", path, error,
                 key=("EXIF", path))
        return 1


def _refuse_deep(image: Image.Image, path: Path) -> None:
    """Refuse more than 8 bits: Pillow clips them at 255, which turns most pixels white."""
    if image.mode == "F" or image.mode.startswith("I"):
        raise PictureError(f"{path} has Pillow mode {image.mode} (more than 8 bits a channel); "
                           "8-bit images are wanted. Convert it, for example: magick "
                           f"{shlex.quote(str(path))} -depth 8 converted.png")
