"""Write small DICOM files for the tests."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.files.image_io import read_image, read_size

pydicom = pytest.importorskip("pydicom", reason="reads DICOM")
LITTLE, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
RAMP = np.arange(12, dtype=np.uint16).reshape(3, 4)


def dataset(**attributes: Any) -> Any:
    data = pydicom.Dataset()
    for name, value in attributes.items():
        if isinstance(value, pydicom.Dataset):
            value = [value]
        setattr(data, name, value)
    return data


def write_without_image(path: Path, kind: str = "1.2.840.10008.5.1.4.1.1.481.3") -> Path:
    data = _with_header(kind, LITTLE)
    data.save_as(path, enforce_file_format=True)
    return path


def _with_header(kind: str, syntax: str) -> Any:
    data = dataset(SOPClassUID=kind, SOPInstanceUID="1.2.3")
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    return data


def write(
    path: Any, stored: Any = RAMP, *, syntax: str = LITTLE, pixels: bytes | None = None,
    name: str = "PixelData", **attributes: Any
) -> Any:
    """Write [H, W], [F, H, W] or [H, W, 3]; all bits are used unless ``attributes`` say else.

    ``path``: a path or an open file, which is returned.
    """
    data = _with_header("1.2.840.10008.5.1.4.1.1.7", syntax)
    bits = 8 * stored.dtype.itemsize
    colour = attributes.get("SamplesPerPixel", 1) == 3
    data.Rows, data.Columns = stored.shape[:2] if colour else stored.shape[-2:]
    if stored.ndim == 3 and not colour:
        data.NumberOfFrames = len(stored)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    for key, value in dataset(**attributes).items():
        data[key] = value
    order = ">" if syntax == BIG else "<"
    data[name] = pydicom.DataElement(
        pydicom.datadict.tag_for_keyword(name),
        {"FloatPixelData": "OF", "DoubleFloatPixelData": "OD"}.get(name, "OW"),
        stored.astype(stored.dtype.newbyteorder(order)).tobytes() if pixels is None else pixels)
    if pixels is not None:
        data["PixelData"].is_undefined_length = True
    data.save_as(path, enforce_file_format=True)
    return path


def row(path: Path) -> list[Any]:
    """Return the first five pixels of the first row."""
    raster = read_image(path)
    assert read_size(path) == raster.size
    pixels: list[Any] = raster.pixels[0, :5].squeeze(-1).tolist()
    return pixels


def lut(
    entries: list[int], first: int = 0, bits: int = 16, *, count: int | None = None,
    order: str = "<", VR: str = "OW"
) -> Any:
    """Return an item of ModalityLUTSequence; ``entries`` are its 16-bit words."""
    item = dataset(LUTDescriptor=[count or len(entries), first, bits])
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    words = entries if VR == "US" else np.array(entries, f"{order}u2").tobytes()
    item["LUTData"] = pydicom.DataElement(0x00283006, VR, words)
    return item


def slope(slope: float, intercept: float = 0, **attributes: Any) -> dict[str, Any]:
    return {"RescaleSlope": slope, "RescaleIntercept": intercept, **attributes}
