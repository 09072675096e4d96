"""Images that are stored as arrays: .npy, .npz and DICOM."""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from data.files.pillow_files import PictureError
from data.files.raster import Raster
from util.packages import package_for

_DAMAGE = (OSError, ValueError, EOFError, BadZipFile, KeyError)


def read_npy(path: Path) -> Raster:
    return as_raster(_load(path), path)


def read_npz(path: Path) -> Raster:
    return as_raster(_only_array(path), path)


def npy_size(path: Path) -> tuple[int, int]:
    array = _load(path, mmap_mode="r")
    _require_picture(array, path)
    return array.shape[1], array.shape[0]


def npz_size(path: Path) -> tuple[int, int]:
    return as_raster(_only_array(path), path).size


def as_raster(array: npt.NDArray[Any], path: Path, *, colour: str = "") -> Raster:
    """[H, W] or [H, W, C] of any real dtype -> the dtypes that a ``Raster`` has, without loss.

    Raises:
        PictureError: another shape, or numbers that none of those dtypes can hold.
    """
    _require_picture(array, path)
    pixels = array[:, :, None] if array.ndim == 2 else array
    pixels = _to_known_dtype(pixels, path)
    if not colour:
        byte_colours = pixels.shape[2] == 3 and pixels.dtype == np.uint8
        colour = "gray" if pixels.shape[2] == 1 else "rgb" if byte_colours else "bands"
    return Raster(pixels, colour)


def read_dicom(path: Path) -> Raster:
    """The values that the rescale slope and intercept give (DICOM PS3.3, C.11.1), as float32.

    Where there is neither: the stored integers. Frames of a multi-frame file become channels. Where
    low values are bright (MONOCHROME1) they are turned round before, within the stored bits.
    """
    pydicom = package_for(path, "pydicom")
    try:
        data = pydicom.dcmread(path)
        array = data.pixel_array
        if data.get("PhotometricInterpretation") == "MONOCHROME1":
            # The sum of the least and the greatest: equal in all files of a scanner.
            array = (-1 if data.PixelRepresentation else 2**data.BitsStored - 1) - array
        if "RescaleSlope" in data or "RescaleIntercept" in data:
            slope = float(data.get("RescaleSlope", 1))
            array = (array * slope + float(data.get("RescaleIntercept", 0))).astype(np.float32)
    except (pydicom.errors.InvalidDicomError, AttributeError, *_DAMAGE, RuntimeError) as error:
        raise PictureError(f"{path} cannot be read as DICOM ({error}); replace it") from error
    colour = "rgb" if data.get("SamplesPerPixel", 1) == 3 else ""
    if array.ndim == 3 and not colour:
        array = array.transpose(1, 2, 0)
    return as_raster(array, path, colour=colour)


def dicom_size(path: Path) -> tuple[int, int]:
    pydicom = package_for(path, "pydicom")
    try:
        data = pydicom.dcmread(path, stop_before_pixels=True)
        return int(data.Columns), int(data.Rows)
    except (pydicom.errors.InvalidDicomError, AttributeError, *_DAMAGE) as error:
        raise PictureError(f"{path} cannot be read as DICOM ({error}); replace it") from error


def _load(path: Path, mmap_mode: Any = None) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except _DAMAGE as error:
        raise PictureError(f"{path} cannot be read as an array ({error}); replace it") from error
    return array


def _only_array(path: Path) -> npt.NDArray[Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = list(arrays.files)
            if len(names) == 1:
                array: npt.NDArray[Any] = arrays[names[0]]
                return array
    except _DAMAGE as error:
        raise PictureError(f"{path} cannot be read as arrays ({error}); replace it") from error
    raise PictureError(
        f"{path} holds {len(names)} arrays ({', '.join(names)}), one is wanted: [H, W] or [H, W, C]"
    )


def _require_picture(array: npt.NDArray[Any], path: Path) -> None:
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise PictureError(
            f"{path} holds an array of shape {list(array.shape)}; an image is [H, W] or [H, W, C]"
        )


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
        exact = 2**24  # whole numbers up to here are float32 numbers
        if -exact <= pixels.min() and pixels.max() <= exact:
            return pixels.astype(np.float32)
        raise PictureError(f"{path}: whole numbers beyond {exact} lose digits; save it as float32")
    raise PictureError(f"{path} holds values of type {pixels.dtype}; real numbers are wanted")
