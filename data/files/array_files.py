"""Images that are stored as arrays: .npy, .npz and DICOM.

``image_io`` turns the errors of the decoders into a ``PictureError`` that names the file.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.files.pillow_files import PictureError
from data.files.raster import Raster
from util.packages import package_for


def read_npy(path: Path) -> Raster:
    return as_raster(np.load(path, allow_pickle=False), path)


def read_npz(path: Path) -> Raster:
    return as_raster(_only_array(path), path)


def npy_size(path: Path) -> tuple[int, int]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    _require_image_shape(array, path)
    return array.shape[1], array.shape[0]


def npz_size(path: Path) -> tuple[int, int]:
    return as_raster(_only_array(path), path).size


def as_raster(array: npt.NDArray[Any], path: Path, *, colour: str = "") -> Raster:
    """Convert [H, W] or [H, W, C] of any real dtype to a dtype of ``Raster``, without loss.

    Raises:
        PictureError: the shape is another one, or no such dtype can hold the numbers.
    """
    _require_image_shape(array, path)
    pixels = array[:, :, None] if array.ndim == 2 else array
    pixels = _to_known_dtype(pixels, path)
    if not colour:
        byte_colours = pixels.shape[2] == 3 and pixels.dtype == np.uint8
        colour = "gray" if pixels.shape[2] == 1 else "rgb" if byte_colours else "bands"
    return Raster(pixels, colour)


def read_dicom(path: Path) -> Raster:
    """Return the rescaled values as float32 (rescale slope and intercept, DICOM PS3.3, C.11.1).

    Files without slope and intercept give the stored integers. The frames of a multi-frame file
    become channels. In files where low values are bright (MONOCHROME1), the stored values are
    inverted first, within their number of bits.
    """
    data = package_for(path, "pydicom").dcmread(path)
    array = data.pixel_array
    if data.get("PhotometricInterpretation") == "MONOCHROME1":
        # The lowest plus the highest number that fits; the same for all files of a scanner.
        array = (-1 if data.PixelRepresentation else 2**data.BitsStored - 1) - array
    if "RescaleSlope" in data or "RescaleIntercept" in data:
        slope = float(data.get("RescaleSlope", 1))
        array = (array * slope + float(data.get("RescaleIntercept", 0))).astype(np.float32)
    colour = "rgb" if data.get("SamplesPerPixel", 1) == 3 else ""
    if array.ndim == 3 and not colour:
        array = array.transpose(1, 2, 0)
    return as_raster(array, path, colour=colour)


def dicom_size(path: Path) -> tuple[int, int]:
    data = package_for(path, "pydicom").dcmread(path, stop_before_pixels=True)
    return int(data.Columns), int(data.Rows)


def _only_array(path: Path) -> npt.NDArray[Any]:
    with np.load(path, allow_pickle=False) as arrays:
        names = list(arrays.files)
        if len(names) == 1:
            array: npt.NDArray[Any] = arrays[names[0]]
            return array
    raise PictureError(f"{path} holds {len(names)} arrays ({', '.join(names)}), one is wanted: "
                       "[H, W] or [H, W, C]")


def _require_image_shape(array: npt.NDArray[Any], path: Path) -> None:
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise PictureError(f"{path} holds an array of shape {list(array.shape)}; an image is "
                           "[H, W] or [H, W, C]")


def _to_known_dtype(pixels: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    kind = pixels.dtype.kind
    if kind == "b":
        return 255 * pixels.view(np.uint8)
    if pixels.dtype == np.int8:
        return pixels.astype(np.int16)
    if pixels.dtype in (np.uint8, np.uint16, np.int16):
        return pixels
    if kind == "f":
        return pixels.astype(np.float32, copy=False)
    if kind in "iu":
        exact = 2**24  # float32 holds all whole numbers up to here
        if -exact <= pixels.min() and pixels.max() <= exact:
            return pixels.astype(np.float32)
        raise PictureError(f"{path}: whole numbers beyond {exact} lose digits; save it as float32")
    raise PictureError(f"{path} holds values of type {pixels.dtype}; real numbers are wanted")
