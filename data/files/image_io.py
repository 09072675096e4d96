"""Read and write one image file, in any depth and with any number of channels.

    extension            reader                          what comes out
    .npy .npz            numpy                           [H, W] or [H, W, C] as stored
    .tif .tiff           tifffile; Pillow if 8 bits      pages become channels
    .dcm                 pydicom                         float32 or the stored integers
    .png, 16-bit colour  imagecodecs                     Pillow would cut it to 8 bits
    all others           Pillow                          grey of 16 bits, else 8; upright by EXIF

The first three packages are imported by the first file that needs them, and named if they lack.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.files import array_files, tiff_files
from data.files.pillow_files import PictureError, opened, picture_size, upright
from data.files.raster import Pixels, Raster, require_finite
from util.files import replacing, writing
from util.packages import package_for
from util.png import encode_png

_READERS: dict[str, Callable[[Path], Raster]] = {
    ".npy": array_files.read_npy,
    ".npz": array_files.read_npz,
    ".dcm": array_files.read_dicom,
}
_SIZES: dict[str, Callable[[Path], tuple[int, int]]] = {
    ".npy": array_files.npy_size,
    ".npz": array_files.npz_size,
    ".dcm": array_files.dicom_size,
    ".tif": tiff_files.tiff_size,
    ".tiff": tiff_files.tiff_size,
}
# Pillow mode -> what the channels are; any other mode becomes RGB.
_COLOURS = {"L": "gray", "LA": "gray_alpha", "RGB": "rgb", "RGBA": "rgba"}
_LOSSLESS_8_BIT = (".png", ".bmp", ".ppm", ".webp", ".tif", ".tiff")
_SAVED_AS: dict[str, dict[str, Any]] = {
    ".jpg": {"quality": 95}, ".jpeg": {"quality": 95}, ".webp": {"lossless": True},
}
_PNG_DEPTH = 24  # the place of the bit depth in a PNG file; its colour type follows (PNG, 11.2.2)


def read_image(path: Path) -> Raster:
    """The image, turned upright, with all its bits and channels.

    Raises:
        PictureError: the file is damaged, no image, or holds what no image can be.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader:
        raster = reader(path)
    elif path.suffix.lower() in (".tif", ".tiff") and tiff_files.is_special(path):
        raster = tiff_files.read_tiff(path)
    elif _is_deep_colour_png(path):
        raster = _read_deep_colour_png(path)
    else:
        raster = _read_with_pillow(path)
    require_finite(raster.pixels, path)
    return raster


def read_size(path: Path) -> tuple[int, int]:
    """Width and height (pixels) of the upright image, from the header where there is one.

    Raises:
        PictureError: as for ``read_image``, as far as the header tells.
    """
    return _SIZES.get(path.suffix.lower(), picture_size)(path)


def write_image(pixels: Pixels, path: Path) -> None:
    """Write [H, W, C] in the format of the path's extension; never half a file.

    Raises:
        ValueError: the format cannot hold these pixels (see ``extension_for``).
    """
    extension = path.suffix.lower()
    if not can_hold(extension, pixels):
        raise ValueError(
            f"{path}: {extension} cannot hold {pixels.shape[2]} channels of {pixels.dtype}; "
            "use .png, .tif or .npy"
        )
    plane = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    with writing(path), replacing(path) as aside:
        if extension == ".npy":
            with aside.open("wb") as file:
                np.save(file, plane)
        elif extension in (".tif", ".tiff"):
            tiff_files.write_tiff(plane, aside)
        elif extension == ".png":
            if pixels.dtype == np.uint16 and plane.ndim == 3:  # Pillow writes grey alone
                package_for(path, "imagecodecs")
            aside.write_bytes(encode_png(plane))
        else:
            format_name = Image.registered_extensions()[extension]
            Image.fromarray(plane).save(aside, format=format_name, **_SAVED_AS.get(extension, {}))


def can_hold(extension: str, pixels: Pixels) -> bool:
    """Whether files of this extension keep every channel of the pixels, and their dtype."""
    channels = pixels.shape[2]
    if extension in (".npy", ".tif", ".tiff"):
        return True
    if extension == ".png":
        return pixels.dtype in (np.uint8, np.uint16) and channels <= 4
    if extension in (".jpg", ".jpeg", ".bmp", ".ppm", ".webp"):
        return pixels.dtype == np.uint8 and channels in (1, 3)
    return False


def extension_for(pixels: Pixels, wanted: str) -> str:
    """``wanted`` if it keeps the pixels as they are, without loss; else .png, else .tif."""
    lossless = (*_LOSSLESS_8_BIT, ".npy")
    candidates = [wanted.lower()] if wanted.lower() in lossless else []
    return next(e for e in [*candidates, ".png", ".tif"] if can_hold(e, pixels))


def _read_with_pillow(path: Path) -> Raster:
    with opened(path) as image:
        image.load()
        return raster_of_pil(upright(image, path), source=path)


def raster_of_pil(picture: Image.Image, *, source: object) -> Raster:
    """Grey, colours and transparency as they are; palettes and other colours as RGB.

    Raises:
        PictureError: whole numbers of more than 16 bits.
    """
    if picture.mode.startswith("I"):
        pixels = np.asarray(picture)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise PictureError(f"{source} has whole numbers of more than 16 bits; save it as float")
        return Raster(pixels.astype(np.uint16)[:, :, None], "gray")
    if picture.mode == "F":
        return Raster(np.asarray(picture, np.float32)[:, :, None], "gray")
    if picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode == "P" or picture.has_transparency_data:
        transparent = picture.has_transparency_data
        grey = picture.mode in ("L", "LA")
        picture = picture.convert(("LA" if grey else "RGBA") if transparent else "RGB")
    elif picture.mode not in _COLOURS:
        picture = picture.convert("RGB")
    pixels = np.asarray(picture)
    return Raster(pixels if pixels.ndim == 3 else pixels[:, :, None], _COLOURS[picture.mode])


def _is_deep_colour_png(path: Path) -> bool:
    if path.suffix.lower() != ".png" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_PNG_DEPTH + 2)
    grey = 0
    return len(head) > _PNG_DEPTH + 1 and head[_PNG_DEPTH] == 16 and head[_PNG_DEPTH + 1] != grey


def _read_deep_colour_png(path: Path) -> Raster:
    imagecodecs = package_for(path, "imagecodecs")
    try:
        pixels = imagecodecs.png_decode(path.read_bytes())
    except imagecodecs.PngError as error:
        raise PictureError(f"{path} cannot be read as an image ({error}); replace it") from error
    colour = {2: "gray_alpha", 3: "rgb", 4: "rgba"}[pixels.shape[2]]
    return Raster(pixels, colour)
