"""Images that are stored as arrays: .npy and .npz.

``image_io`` turns the errors of the decoders into a ``PictureError`` that names the file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.files.channels.axes import channels_last
from data.files.pillow_files import PictureError
from data.files.raster import Raster, is_nodata
from data.files.reading import log_once, room_for
from util.disk.content import first_bytes, format_of


def read_npy(path: Path, wanted: Sequence[int] = ()) -> Raster:
    """Read an array; ``wanted``: see ``channels_last``."""
    # A map of the file shows whether it is as long as its header says, before memory is taken.
    mapped = _mapped(path)
    _require_image_shape(channels_last(mapped, path, wanted), path)
    with room_for(path, 2 * mapped.nbytes):
        return as_raster(channels_last(np.load(path, allow_pickle=False), path, wanted), path)


def read_npz(path: Path, wanted: Sequence[int] = ()) -> Raster:
    return as_raster(channels_last(_only_array(path), path, wanted), path)


def npy_size(path: Path, wanted: Sequence[int] = ()) -> tuple[int, int]:
    array = channels_last(_mapped(path), path, wanted)
    _require_image_shape(array, path)
    return array.shape[1], array.shape[0]


def npz_size(path: Path, wanted: Sequence[int] = ()) -> tuple[int, int]:
    return read_npz(path, wanted).size


def as_raster(
    array: npt.NDArray[Any], path: Path, *, colour: str = "", nodata: float | None = None
) -> Raster:
    """Convert [H, W] or [H, W, C] of any real dtype to a dtype of ``Raster``, without loss.

    ``nodata``: the number that means "no value"; see ``is_nodata``.

    Raises:
        PictureError: the shape is another one, or no such dtype can hold the numbers.
    """
    _require_image_shape(array, path)
    pixels = array[:, :, None] if array.ndim == 2 else array
    missing = is_nodata(pixels, nodata, colours=colour in ("rgb", "rgba"))
    if missing.any():
        # Wide types mark missing values by their limits, which do not fit into float32.
        pixels = np.where(missing & (pixels.dtype.itemsize > 2), pixels.dtype.type(0), pixels)
    stored, pixels = pixels.dtype.name, _to_known_dtype(pixels, path)
    if not colour:
        byte_colours = pixels.shape[2] == 3 and pixels.dtype == np.uint8
        colour = "gray" if pixels.shape[2] == 1 else "rgb" if byte_colours else "bands"
    return Raster(pixels, colour, missing if missing.any() else None, nodata,
                  stored if stored != pixels.dtype.name else "")


def _mapped(path: Path) -> npt.NDArray[Any]:
    if format_of(first_bytes(path)) != ".npy":
        raise ValueError("it is not a file of numpy.save, or its first bytes are damaged")
    mapped: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _only_array(path: Path) -> npt.NDArray[Any]:
    if not first_bytes(path).startswith(b"PK"):
        raise ValueError("it is not a file of numpy.savez, or its first bytes are damaged")
    with np.load(path, allow_pickle=False) as arrays:
        names = list(arrays.files)
        if len(names) == 1:
            unpacked = sum(member.file_size for member in arrays.zip.infolist())
            with room_for(path, 2 * unpacked):
                array: npt.NDArray[Any] = arrays[names[0]]
                return array
    chosen = f": numpy.save('x.npy', numpy.load({str(path)!r})[{names[0]!r}])" if names else ""
    raise PictureError(f"{path} holds {len(names)} arrays ({', '.join(names)}), one is wanted: "
                       f"[H, W] or [H, W, C]; save it in a file of its own{chosen}")


def _require_image_shape(array: npt.NDArray[Any], path: Path) -> None:
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise PictureError(f"{path} holds an array of shape {list(array.shape)}; an image is "
                           "[H, W] or [H, W, C]")


def _to_known_dtype(pixels: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    kind = pixels.dtype.kind
    if kind == "b":
        log_once("%s holds True and False: they are read as 255 and 0. Outputs in the format of "
                 "such files are bytes from 0 to 255 (uint8); array > 127 makes them bool again",
                 path, key="bool")
        return 255 * pixels.view(np.uint8)
    if pixels.dtype == np.int8:
        return pixels.astype(np.int16)
    if pixels.dtype in (np.uint8, np.uint16, np.int16):
        return pixels
    if kind == "f":
        return pixels.astype(np.float32, copy=False)
    if kind in "iu":
        exact = 2**24  # float32 holds all whole numbers up to here
        low, high = pixels.min(), pixels.max()
        if -exact <= low and high <= exact:
            return pixels.astype(np.float32)
        raise PictureError(f"{path} holds whole numbers from {low} to {high}; beyond {exact} they "
                           "lose digits here, as float32: subtract an offset from the values, or "
                           "scale them, before you save the file")
    raise PictureError(f"{path} holds values of type {pixels.dtype}; real numbers are wanted")
