"""Read a DICOM file: its numbers become real ones, or it is refused.

``image_io`` turns the errors of the decoders into a ``PictureError`` that names the file.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data.files.array_files import as_raster
from data.files.dicom_decoders import decoded
from data.files.dicom_tables import colours_of, refusal
from data.files.dicom_values import padding_of, real_values, refuse_transform
from data.files.pillow_files import PictureError
from data.files.raster import Raster
from data.files.reading import log_once, room_for
from util.disk.content import first_bytes, format_of
from util.packages import package_for

_PREAMBLE = 132  # bytes before the first element, with "DICM" (PS3.10, 7.1)
_GREY = ("MONOCHROME1", "MONOCHROME2")
# Attributes of images that are more than a grid of numbers -> what they are.
_UNSUPPORTED = {
    "DataFrameAssignmentSequence": "colours that are blended from several frames",
    "EnhancedPaletteColorLookupTableSequence": "colours that are blended from several frames",
}


def read_dicom(path: Path) -> Raster:
    """Return the real values as float32, or the stored integers if the file has no transform.

    Frames become channels. Palettes become RGB (RGBA), and so do luma and chroma. ``dicom_values``
    documents grey values.

    Raises:
        PictureError: the file holds no image, or numbers whose meaning is not known; the message
            names the attribute.
        MissingPackageError: pydicom, or a decoder for the compression, is not installed.
    """
    data = _opened(path)
    _refuse_unsupported(data)
    aspect = data.get("PixelAspectRatio") or data.get("PixelSpacing") or (1, 1)
    if len(set(np.atleast_1d(aspect))) > 1:
        log_once("DICOM files have pixels that are not square (PixelAspectRatio or PixelSpacing); "
                 "they are used as stored", level=logging.INFO)
    count = int(data.get("NumberOfFrames") or 1) * data.get("SamplesPerPixel", 1)
    with room_for(path, 8 * count * data.Rows * data.Columns):  # float32 and a copy
        return _real_raster(data, path)


def _real_raster(data: Any, path: Path) -> Raster:
    frames, interpretation = decoded(data)
    padding = padding_of(frames, data) if interpretation in _GREY else None
    if interpretation == "PALETTE COLOR":
        frames = colours_of(frames, data)
    elif interpretation in _GREY:
        frames = real_values(frames, data)[..., None]
    elif interpretation != "RGB":
        raise refusal(data, f"PhotometricInterpretation is {interpretation}", "export it as RGB")
    if interpretation not in _GREY:
        refuse_transform(data)
    count, height, width, channels = frames.shape
    colour = {1: "gray", 3: "rgb", 4: "rgba"}[channels] if count == 1 else "bands"
    pixels = np.moveaxis(frames, 0, 2).reshape(height, width, -1)
    raster = replace(as_raster(pixels, path, colour=colour), unit=_unit(data))
    if padding is None:
        return raster
    missing = np.moveaxis(padding, 0, 2)
    return replace(raster, missing=missing, nodata=float(pixels[missing][0]))


def _unit(data: Any) -> str:
    """Return "HU" for computed tomography, if the file names no other unit (C.8.2.1)."""
    is_ct = data.get("Modality") == "CT" and data.get("RescaleType", "HU") in ("HU", "US")
    return "HU" if is_ct and data.PhotometricInterpretation in _GREY else ""


def dicom_size(path: Path) -> tuple[int, int]:
    """Return width and height (pixels) from the header."""
    data = _opened(path, stop_before_pixels=True)
    return int(data.Columns), int(data.Rows)


def _opened(path: Path, *, stop_before_pixels: bool = False) -> Any:
    """Read the file, also without the 128 bytes and the header that should precede the data."""
    pydicom = package_for(path, "pydicom")
    data = pydicom.dcmread(path, force=True, stop_before_pixels=stop_before_pixels)
    kind = data.get("SOPClassUID") or data.file_meta.get("MediaStorageSOPClassUID")
    if not kind and "Rows" not in data:
        raise ValueError(_without_kind(path))
    names = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    if "Rows" not in data or not (stop_before_pixels or any(name in data for name in names)):
        where = " (PixelDataProviderURL: they are on a server)" * ("PixelDataProviderURL" in data)
        name = kind.name if kind else "?"
        if "Image Storage" in name and not where:
            raise ValueError(f"it is damaged or cut off: it is DICOM ({name}), but its pixels are "
                             "missing")
        raise PictureError(f"{path} is DICOM without pixels{where}: {name}; leave it out")
    if "TransferSyntaxUID" not in data.file_meta:
        implicit, little = data.original_encoding
        data.file_meta.TransferSyntaxUID = (
            pydicom.uid.ImplicitVRLittleEndian if implicit else
            pydicom.uid.ExplicitVRLittleEndian if little else pydicom.uid.ExplicitVRBigEndian)
    return data


def _without_kind(path: Path) -> str:
    head = first_bytes(path)
    if format_of(head) == ".dcm":
        return f"it is DICOM, damaged or cut off in its header: it has {path.stat().st_size} bytes"
    if len(head) < _PREAMBLE:
        return f"it has {len(head)} bytes, less than a DICOM header: it is cut off, or not DICOM"
    return "it is not a DICOM file"


def _refuse_unsupported(data: Any) -> None:
    for name, meaning in _UNSUPPORTED.items():
        if name in data:
            raise refusal(data, f"{name}: it holds {meaning}", "export it as RGB")
    if data.get("PixelPresentation") in ("COLOR", "MIXED") and data.SamplesPerPixel == 1:
        first = data.get("RedPaletteColorLookupTableDescriptor", [0, "?"])[1]
        raise refusal(data, f"PixelPresentation is {data.PixelPresentation}: numbers from {first} "
                            "on are colours of a supplemental palette", "export it as RGB")
    size = data.get("TotalPixelMatrixColumns"), data.get("TotalPixelMatrixRows")
    if size not in ((None, None), (data.Columns, data.Rows)):
        raise refusal(data, f"its frames are tiles of an image of {size[0]} x {size[1]} pixels "
                            "(TotalPixelMatrixColumns)", "export the wanted part as TIFF or PNG")
