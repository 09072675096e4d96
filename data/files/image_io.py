"""Read and write one image file, in any depth and with any number of channels.

    extension            reader                          result
    .npy .npz            numpy                           [H, W] or [H, W, C] as stored
    .tif .tiff           tifffile; Pillow if 8 bits      pages become channels
    .dcm                 pydicom                         float32 or the stored integers
    deep colours         deep_files                      Pillow would cut them to 8 bits
    all others           Pillow                          grey of 16 bits, else 8; upright by EXIF

Only the first frame of an animation is read. Tifffile, pydicom and imagecodecs are imported for
the first file that needs them; an error names the missing package.
"""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.files import array_files, dicom_files, tiff_files
from data.files.deep_files import read_deep
from data.files.metadata import NO_METADATA, Metadata
from data.files.pillow_files import PictureError, loaded, picture_size, reading, to_rgb, upright
from data.files.raster import Pixels, Raster, mark_missing
from data.files.reading import log_once
from data.files.tags.world_files import write_world_files
from util.disk.content import extension_of
from util.files import replacing, writing
from util.packages import package_for
from util.png import encode_png

_READERS: dict[str, Callable[..., Raster]] = {
    ".npy": array_files.read_npy, ".npz": array_files.read_npz, ".dcm": dicom_files.read_dicom,
}
_SIZES: dict[str, Callable[..., tuple[int, int]]] = {
    ".npy": array_files.npy_size, ".npz": array_files.npz_size, ".dcm": dicom_files.dicom_size,
    ".tif": tiff_files.tiff_size, ".tiff": tiff_files.tiff_size,
    **dict.fromkeys((".hdr", ".pfm"), lambda path: read_image(path).size),
}
_WITH_AXES = (".npy", ".npz", ".tif", ".tiff")  # their functions take ``wanted`` too
# Pillow mode -> meaning of the channels; any other mode becomes RGB.
_COLOURS = {"L": "gray", "LA": "gray_alpha", "RGB": "rgb", "RGBA": "rgba"}
# Formats without loss for 8 bits -> the numbers of channels that they hold; also .png and .tif.
_LOSSLESS_8_BIT = {".bmp": (1, 3), ".dib": (1, 3), ".pgm": (1,), ".pnm": (1, 3), ".ppm": (1, 3),
                   ".tga": (1, 3), ".webp": (1, 3)}
_ONLY_ON_REQUEST = {**dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".j2k"), (1, 3)),
                ".gif": (1,)}
_SAVED_AS: dict[str, dict[str, Any]] = {
    **{key: {"quality": 95} for key in (".jpg", ".jpeg", ".jpe", ".jfif")},
    ".webp": {"lossless": True},
}
_ANIMATED = ("AVIF", "GIF", "PNG", "WEBP")


def read_image(path: Path, wanted: Sequence[int] = ()) -> Raster:
    """Return the image, turned upright, with all its bits and channels.

    ``wanted``: the numbers of channels that users of the image need, if they are known; they decide
    which axis of an array holds the channels (see ``channels_last``).

    Raises:
        PictureError: the file is damaged, or is not an image.
        MissingPackageError: the package for this format is not installed.
    """
    with reading(path):
        extension = extension_of(path)
        if extension in _READERS:
            raster = _READERS[extension](path, *_axes(extension, wanted))
        elif extension in (".tif", ".tiff") and tiff_files.is_special(path):
            raster = tiff_files.read_tiff(path, wanted)
        else:
            raster = read_deep(path, extension) or _read_pillow(path)
        if 0 in raster.pixels.shape:
            raise ValueError("it has no pixels")
    return mark_missing(raster)


def read_size(path: Path, wanted: Sequence[int] = ()) -> tuple[int, int]:
    """Return width and height (pixels) of the upright image; decodes the header only, if any.

    ``wanted``: as for ``read_image``, whose size it is.

    Raises:
        PictureError, MissingPackageError: as ``read_image``, for faults of the header.
    """
    with reading(path):
        extension = extension_of(path)
        size_of = _SIZES.get(extension, picture_size)
        width, height = size_of(path, *_axes(extension, wanted))
        if not (isinstance(width, int) and isinstance(height, int) and min(width, height) > 0):
            raise ValueError(f"its header says {width} x {height} pixels")
        return width, height


def _axes(extension: str, wanted: Sequence[int]) -> tuple[Sequence[int], ...]:
    return (wanted,) if wanted and extension in _WITH_AXES else ()


def write_image(pixels: Pixels, path: Path, metadata: Metadata = NO_METADATA) -> None:
    """Write [H, W, C] in the format of the path's extension, to a partial file that is renamed.

    ``metadata``: as much of it as the format can hold is written too.

    Raises:
        ValueError: the format cannot hold these pixels (see ``extension_for``).
    """
    extension = path.suffix.lower()
    if not can_hold(extension, pixels):
        raise ValueError(f"{path}: {extension} cannot hold {pixels.shape[2]} channels of "
                         f"{pixels.dtype}; use .png, .tif or .npy")
    pixels = metadata.mark_missing(pixels, path)
    plane = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    with writing(path), replacing(path) as aside:
        if extension == ".npy":
            with aside.open("wb") as file:
                np.save(file, plane)
        elif extension in (".tif", ".tiff"):
            tiff_files.write_tiff(plane, aside, metadata.tiff_tags(pixels))
        elif extension == ".png":
            if pixels.dtype == np.uint16 and plane.ndim == 3:  # Pillow writes 16 bits in grey only
                package_for(path, "imagecodecs")
            aside.write_bytes(encode_png(plane, metadata.png_chunks(pixels)))
        else:
            format_name = Image.registered_extensions()[extension]
            Image.fromarray(plane).save(aside, format=format_name, **_SAVED_AS.get(extension, {}),
                                        **metadata.pillow_flags(pixels))
        write_world_files(metadata.world, path)
        metadata.say_what_is_lost(path)


def can_hold(extension: str, pixels: Pixels) -> bool:
    """Return True if files of this extension keep every channel of the pixels and their dtype."""
    channels = pixels.shape[2]
    if extension in (".npy", ".tif", ".tiff"):
        return True
    if extension == ".png":
        return pixels.dtype in (np.uint8, np.uint16) and channels <= 4
    return pixels.dtype == np.uint8 and channels in (_LOSSLESS_8_BIT | _ONLY_ON_REQUEST).get(
        extension, ())


def extension_for(pixels: Pixels, wanted: str) -> str:
    """Return ``wanted`` if it keeps the pixels without loss; otherwise .png, or else .tif."""
    lossless = (*_LOSSLESS_8_BIT, ".png", ".tif", ".tiff", ".npy")
    candidates = [wanted.lower()] if wanted.lower() in lossless else []
    return next(e for e in [*candidates, ".png", ".tif"] if can_hold(e, pixels))


def raster_of_pil(image: Image.Image, *, source: object) -> Raster:
    """Return grey, RGB and transparency as they are; convert palettes and other colours to RGB.

    Raises:
        PictureError: the image has whole numbers of more than 16 bits.
    """
    if image.mode.startswith("I"):
        pixels = np.asarray(image)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise PictureError(f"{source} has whole numbers of more than 16 bits; save it as float")
        return Raster(pixels.astype(np.uint16)[:, :, None], "gray")
    if image.mode == "F":
        return Raster(np.asarray(image, np.float32)[:, :, None], "gray")
    if image.mode == "1":
        image = image.convert("L")
    palette = image.mode == "P"
    if palette or image.has_transparency_data:
        transparent = image.has_transparency_data
        grey = image.mode in ("L", "LA")
        image = image.convert(("LA" if grey else "RGBA") if transparent else "RGB")
    elif image.mode not in _COLOURS:
        image = to_rgb(image)
    pixels = np.asarray(image)
    return Raster(pixels if pixels.ndim == 3 else pixels[:, :, None], _COLOURS[image.mode],
                  palette=palette)


def _read_pillow(path: Path) -> Raster:
    with loaded(path) as image:
        if image.format in _ANIMATED and getattr(image, "is_animated", False):
            log_once("%s is an animation (%s): only the first frame of animations is read; to use "
                     "all, save them as images: magick %s frame%%05d.png", path, image.format,
                     shlex.quote(str(path)), key=("animation", image.format))
        return tiff_files.mark_nodata(raster_of_pil(upright(image, path), source=path), image, path)
