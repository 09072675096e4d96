"""Read a DICOM file.

``image_io`` turns the errors of the decoders into a ``PictureError`` that names the file.
"""

from pathlib import Path

import numpy as np

from data.files.array_files import as_raster
from data.files.raster import Raster
from util.packages import package_for


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
