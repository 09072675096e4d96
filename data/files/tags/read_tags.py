"""Read what a file contains beside the pixels: colour profile, resolution, place on earth."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from PIL import ImageCms

from data.files.metadata import NO_METADATA, TIFF, Metadata
from data.files.pillow_files import SIDEWAYS, opened
from data.files.raster import Pixels
from data.files.reading import PictureError, log_once, reading
from data.files.tags.world_files import find_world_files
from util.disk.content import extension_of
from util.packages import package_for

log = logging.getLogger(__name__)
# GeoTIFF 1.1: pixel scale, tie points, transformation, keys and their numbers and texts; RPC.
_GEO = (33550, 33922, 34264, 34735, 34736, 34737, 50844)
_GDAL_METADATA, _ICC = 42112, 34675
_WITHOUT_TAGS = (".npy", ".npz", ".dcm")
_PER_INCH = {2: 1.0, 3: 2.54}  # TIFF resolution unit: inch, centimetre


def read_metadata(path: Path, size: tuple[int, int], *, whole: bool = True) -> Metadata:
    """Return what an output of ``size`` (width, height) gets from its input file.

    ``whole``: the output shows the whole image. Otherwise, and if the sizes differ, the place on
    earth is left out, which is logged: it would be wrong.
    """
    found, own_size = _read(path)
    world = find_world_files(path)
    if not (found.geo or world):
        return found
    if whole and own_size == size:
        return replace(found, world=world)
    log_once("%s: outputs of another size, or of a part, do not get the place on earth of their "
             "inputs (GeoTIFF tags, world files)", path, level=logging.INFO)
    return replace(found, geo=())


def colour_chunks(path: Path | None, picture: Pixels) -> dict[bytes, bytes]:
    """Return the PNG chunks for an image [H, W, C] with the colours of the file ``path``."""
    if path is None or not path.is_file():
        return {}
    found, _ = _read(path)
    return replace(found, dpi=None).png_chunks(picture)


def icc_of(path: Path) -> bytes:
    """Return the colour profile of a file, b"" if it has none."""
    return _read(path)[0].icc


def profile_name(icc: bytes) -> str:
    """Return the name of a profile, for messages."""
    if not icc:
        return "without a profile"
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(icc))).strip()
    except (ImageCms.PyCMSError, OSError):
        name = ""
    return name or f"of {len(icc)} bytes"


def _read(path: Path) -> tuple[Metadata, tuple[int, int] | None]:
    """Return the metadata and the size; nothing for files that other decoders than these read."""
    try:
        with reading(path):
            kind = extension_of(path)
            if kind not in _WITHOUT_TAGS:
                return _of_tiff(path) if kind in TIFF else _of_pillow(path)
    except PictureError as error:
        log.debug("%s", error)
    return NO_METADATA, None


def _of_tiff(path: Path) -> tuple[Metadata, tuple[int, int] | None]:
    """Return the metadata and the size; None if the image must be turned to be upright."""
    with package_for(path, "tifffile").TiffFile(path) as tiff:
        page = tiff.pages.first
        tags = page.tags
        geo = [(code, int(tags[code].dtype), tags[code].count, tags[code].value, True)
               for code in _GEO if code in tags]
        if kept := _scene_metadata(tags.valueof(_GDAL_METADATA)):
            geo.append((_GDAL_METADATA, 2, 0, kept, True))
        turn = tags.valueof("Orientation", default=1)
        size = (page.imagewidth, page.imagelength) if turn == 1 else None
        return Metadata(icc=bytes(tags.valueof(_ICC, default=b"")), geo=tuple(geo),
                        dpi=_upright(_tiff_dpi(page), turn)), size


def _tiff_dpi(page: Any) -> tuple[float, float] | None:
    factor = _PER_INCH.get(int(page.tags.valueof("ResolutionUnit", default=2)))
    across = page.tags.valueof("XResolution") or (0, 1)
    down = page.tags.valueof("YResolution") or (0, 1)
    if factor is None or not all((*across, *down)):
        return None
    return across[0] / across[1] * factor, down[0] / down[1] * factor


def _upright(dpi: tuple[float, float] | None, turn: int) -> tuple[float, float] | None:
    """Exchange the resolutions across and down of an image that lies on its side."""
    return (dpi[1], dpi[0]) if dpi and turn in SIDEWAYS else dpi


def _scene_metadata(text: object) -> str:
    """Return GDAL's metadata without those of the input's bands and statistics."""
    if not isinstance(text, str) or not text.strip("\0 "):
        return ""
    try:
        root = ElementTree.fromstring(text.strip("\0 "))
    except ElementTree.ParseError:
        return ""
    for item in list(root):
        if "sample" in item.attrib or item.get("name", "").startswith("STATISTICS"):
            root.remove(item)
    return ElementTree.tostring(root, encoding="unicode") if len(root) else ""


def _of_pillow(path: Path) -> tuple[Metadata, tuple[int, int] | None]:
    with opened(path) as image:
        info = image.info
        dpi: Any = info.get("dpi")
        has_dpi = isinstance(dpi, tuple) and all(value > 0 for value in dpi)
        turn = image.getexif().get(0x0112, 1) if "exif" in info else 1
        return Metadata(
            icc=info.get("icc_profile") or b"",
            dpi=_upright((float(dpi[0]), float(dpi[1])), turn) if has_dpi else None,
            gamma=info.get("gamma"), chromaticity=tuple(_flat(info.get("chromaticity") or ())),
        ), None if turn != 1 else image.size


def _flat(values: Any) -> Iterator[float]:
    for value in values:
        yield from value if isinstance(value, tuple) else (value,)
