"""Read files that Pillow would cut to 8 bits a channel, or cannot read, although they are images.

    .png                                colours of 16 bits
    .ppm .pnm                           colours of 16 bits (Netpbm, "ppm")
    .pfm                                floating point, grey or colour (Netpbm, "pfm")
    .hdr                                Radiance: luminance without an upper limit, as float32
    .jp2 .j2k .j2c .jpc .jpf .jpx       colours of more than 8 bits (ISO/IEC 15444-1, A.5.1)
"""

import re
from pathlib import Path

import numpy as np

from data.files.pillow_files import PictureError, picture_size
from data.files.raster import Raster
from data.files.reading import room_for
from util.packages import package_for

_HEAD = 2**16  # bytes in which a header is searched
_PNG_DEPTH = 24  # byte with the bit depth in a PNG file; the colour type follows (PNG, 11.2.2)
_SIZ = b"\xff\x4f\xff\x51"  # start of a JPEG 2000 codestream: the markers SOC and SIZ
_COLOURS = {1: "gray", 2: "gray_alpha", 3: "rgb", 4: "rgba"}
# Magic number, then width, height and the largest value (or scale), between spaces and comments.
_NETPBM = re.compile(rb"(P6|PF|Pf)" + rb"(?:\s|#[^\n]*\n)+([-+.\deE]+)" * 3 + rb"\s")


def read_deep(path: Path, extension: str) -> Raster | None:
    """Return the image, or None if Pillow reads this file without loss.

    Raises:
        PictureError: the file is shorter than its header says.
    """
    if extension not in (".hdr", ".pfm", ".png", ".pnm", ".ppm", ".jp2", ".j2k", ".j2c", ".jpc",
                         ".jpf", ".jpx"):
        return None
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if extension == ".png":
        depth_and_type = head[_PNG_DEPTH:_PNG_DEPTH + 2]
        is_deep_colour = len(depth_and_type) == 2 and depth_and_type[0] == 16 and depth_and_type[1]
        return _decoded(path, "png") if is_deep_colour else None
    if extension == ".hdr":
        return _decoded(path, "rgbe")
    if extension in (".pfm", ".pnm", ".ppm"):
        return _netpbm(path, head)
    start = head.find(_SIZ) + 40  # two bytes with the number of components, then their depth
    is_deep = start > 39 and head[start + 1] != 1 and head[start + 2] % 128 >= 8
    return _decoded(path, "jpeg2k") if is_deep else None


def _decoded(path: Path, codec: str) -> Raster:
    decode = getattr(package_for(path, "imagecodecs"), f"{codec}_decode")
    width, height = (0, 0) if codec == "rgbe" else picture_size(path)  # checks the header, too
    with room_for(path, 8 * width * height):  # 4 channels of 16 bits
        pixels = decode(path.read_bytes())
    pixels = pixels if pixels.ndim == 3 else pixels[:, :, None]
    return Raster(pixels, _COLOURS.get(pixels.shape[2], "bands"))


def _netpbm(path: Path, head: bytes) -> Raster | None:
    match = _NETPBM.match(head)
    if not match or (match[1] == b"P6" and int(match[4]) < 256):
        return None
    width, height, limit = int(match[2]), int(match[3]), float(match[4])
    channels = 1 if match[1] == b"Pf" else 3
    is_float = match[1] != b"P6"
    dtype = np.dtype(("<f4" if limit < 0 else ">f4") if is_float else ">u2")
    data = path.read_bytes()[match.end():]
    count = width * height * channels
    if len(data) < count * dtype.itemsize:
        raise PictureError(f"{path} is cut off: {width} x {height} pixels need "
                           f"{count * dtype.itemsize} bytes, found {len(data)}; copy it again")
    values = np.frombuffer(data, dtype, count).reshape(height, width, channels)
    if is_float:  # rows from the bottom to the top
        pixels = np.ascontiguousarray(values[::-1], np.float32)
    else:  # the largest value is white
        pixels = np.rint(values * (65535 / limit)).clip(0, 65535).astype(np.uint16)
    return Raster(pixels, _COLOURS[channels])
