"""Read and write one image file, in any depth and with any number of channels.

    extension            reader                          result
    .npy .npz            numpy                           [H, W] or [H, W, C] as stored
    .tif .tiff           tifffile; Pillow if 8 bits      pages become channels
    .dcm                 pydicom                         float32 or the stored integers
    .png, 16-bit colour  imagecodecs                     Pillow would cut it to 8 bits
    all others           Pillow                          grey of 16 bits, else 8; upright by EXIF

Tifffile, pydicom and imagecodecs are imported for the first file that needs them; an error names
the missing package.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.files import array_files, dicom_files, tiff_files
from data.files.pillow_files import PictureError, opened, picture_size, reading, upright
from data.files.raster import Pixels, Raster, require_finite
from util.files import replacing, writing
from util.packages import package_for
from util.png import encode_png

_READERS: dict[str, Callable[[Path], Raster]] = {
    ".npy": array_files.read_npy, ".npz": array_files.read_npz, ".dcm": dicom_files.read_dicom,
}
_SIZES: dict[str, Callable[[Path], tuple[int, int]]] = {
    ".npy": array_files.npy_size, ".npz": array_files.npz_size, ".dcm": dicom_files.dicom_size,
    ".tif": tiff_files.tiff_size, ".tiff": tiff_files.tiff_size,
}
# Pillow mode -> meaning of the channels; any other mode becomes RGB.
_COLOURS = {"L": "gray", "LA": "gray_alpha", "RGB": "rgb", "RGBA": "rgba"}
_LOSSLESS_8_BIT = (".png", ".bmp", ".ppm", ".webp", ".tif", ".tiff")
_SAVED_AS: dict[str, dict[str, Any]] = {
    ".jpg": {"quality": 95}, ".jpeg": {"quality": 95}, ".webp": {"lossless": True},
}
_PNG_DEPTH = 24  # byte with the bit depth in a PNG file; the colour type follows (PNG, 11.2.2)


def read_image(path: Path) -> Raster:
    """Return the image, turned upright, with all its bits and channels.

    Raises:
        PictureError: the file is damaged, is not an image, or holds values that are not finite.
        MissingPackageError: the package for this format is not installed.
    """
    extension = path.suffix.lower()
    with reading(path):
        if extension in _READERS:
            raster = _READERS[extension](path)
        elif extension in (".tif", ".tiff") and tiff_files.is_special(path):
            raster = tiff_files.read_tiff(path)
        elif _is_deep_colour_png(path):
            pixels = package_for(path, "imagecodecs").png_decode(path.read_bytes())
            raster = Raster(pixels, {2: "gray_alpha", 3: "rgb", 4: "rgba"}[pixels.shape[2]])
        else:
            with opened(path) as image:
                image.load()
                raster = raster_of_pil(upright(image, path), source=path)
    require_finite(raster.pixels, path)
    return raster


def read_size(path: Path) -> tuple[int, int]:
    """Return width and height (pixels) of the upright image; decodes the header only, if any.

    Raises:
        PictureError, MissingPackageError: as ``read_image``, for faults of the header.
    """
    with reading(path):
        return _SIZES.get(path.suffix.lower(), picture_size)(path)


def write_image(pixels: Pixels, path: Path) -> None:
    """Write [H, W, C] in the format of the path's extension, to a partial file that is renamed.

    Raises:
        ValueError: the format cannot hold these pixels (see ``extension_for``).
    """
    extension = path.suffix.lower()
    if not can_hold(extension, pixels):
        raise ValueError(f"{path}: {extension} cannot hold {pixels.shape[2]} channels of "
                         f"{pixels.dtype}; use .png, .tif or .npy")
    plane = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    with writing(path), replacing(path) as aside:
        if extension == ".npy":
            with aside.open("wb") as file:
                np.save(file, plane)
        elif extension in (".tif", ".tiff"):
            tiff_files.write_tiff(plane, aside)
        elif extension == ".png":
            if pixels.dtype == np.uint16 and plane.ndim == 3:  # Pillow writes 16 bits in grey only
                package_for(path, "imagecodecs")
            aside.write_bytes(encode_png(plane))
        else:
            format_name = Image.registered_extensions()[extension]
            Image.fromarray(plane).save(aside, format=format_name, **_SAVED_AS.get(extension, {}))


def can_hold(extension: str, pixels: Pixels) -> bool:
    """Return True if files of this extension keep every channel of the pixels and their dtype."""
    channels = pixels.shape[2]
    if extension in (".npy", ".tif", ".tiff"):
        return True
    if extension == ".png":
        return pixels.dtype in (np.uint8, np.uint16) and channels <= 4
    if extension in (".jpg", ".jpeg", ".bmp", ".ppm", ".webp"):
        return pixels.dtype == np.uint8 and channels in (1, 3)
    return False


def extension_for(pixels: Pixels, wanted: str) -> str:
    """Return ``wanted`` if it keeps the pixels without loss; otherwise .png, or else .tif."""
    lossless = (*_LOSSLESS_8_BIT, ".npy")
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
    elif image.mode == "P" or image.has_transparency_data:
        transparent = image.has_transparency_data
        grey = image.mode in ("L", "LA")
        image = image.convert(("LA" if grey else "RGBA") if transparent else "RGB")
    elif image.mode not in _COLOURS:
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return Raster(pixels if pixels.ndim == 3 else pixels[:, :, None], _COLOURS[image.mode])


def _is_deep_colour_png(path: Path) -> bool:
    if path.suffix.lower() != ".png" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_PNG_DEPTH + 2)
    grey = 0
    return len(head) > _PNG_DEPTH + 1 and head[_PNG_DEPTH] == 16 and head[_PNG_DEPTH + 1] != grey
