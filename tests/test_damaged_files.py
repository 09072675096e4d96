"""Damaged files of every format give a PictureError that names the file, or pixels."""

import random
import re
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from damaged_files import damaged, samples
from PIL import ImageFile

from data.files import reading
from data.files.image_io import read_image, read_size
from data.files.reading import PictureError
from inference.tiles.box import Box
from inference.tiles.tiff_windows import TiffReader
from util import free_memory

pytestmark = pytest.mark.filterwarnings("ignore")  # of decoders; a program ignores them too


@pytest.fixture(scope="module")
def good() -> dict[str, bytes]:
    return samples()


def read_corner(path: Path) -> None:
    with TiffReader(path) as reader:
        height, width, _ = reader.shape
        reader.read(Box(0, 0, min(width, 40), min(height, 40)))
        reader.read(Box(max(0, width - 3), max(0, height - 3), width, height))


def check(path: Path) -> None:
    """Read a damaged file in all ways; an exception of another type than PictureError escapes."""
    readers: list[Callable[[Path], object]] = [read_size, read_image]
    readers += [read_corner] * (path.suffix == ".tif")
    for read in readers:
        try:
            read(path)
        except PictureError as error:
            assert path.name in str(error)


def test_damaged_files_give_no_other_errors(tmp_path: Path, good: dict[str, bytes]) -> None:
    rng = random.Random(5)
    for name, content in good.items():
        for _ in range(30):
            path = tmp_path / name
            path.write_bytes(damaged(content, rng))
            check(path)


@pytest.mark.soak
def test_damaged_files_for_minutes(tmp_path: Path, good: dict[str, bytes]) -> None:
    seed = time.time_ns()
    rng, end = random.Random(seed), time.monotonic() + 240
    while time.monotonic() < end:
        for name, content in good.items():
            path = tmp_path / name
            path.write_bytes(damaged(content, rng))
            try:
                check(path)
            except Exception as error:
                raise AssertionError(f"seed {seed}, {path}") from error


def test_files_that_are_cut_off_are_refused(tmp_path: Path, good: dict[str, bytes]) -> None:
    for name, content in good.items():
        path = tmp_path / name
        path.write_bytes(content)
        whole = read_image(path).pixels
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):
            path.write_bytes(content[: int(share * len(content))])
            try:
                found = read_image(path).pixels
            except PictureError:
                continue
            assert np.array_equal(found, whole), f"{name}: {share} of it is accepted"


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c))
              for c in (header, data, b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def npy_header(shape: str) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + text.encode() + bytes(100)


def test_headers_that_claim_too_much_are_refused_before_memory_is_taken(
    tmp_path: Path, good: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: object, *args: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", never)
    huge = {
        "a.png": png_header(60000, 60000),
        "a.jpg": re.sub(b"\xff\xc0\0\x11\x08....", b"\xff\xc0\0\x11\x08\xff\xff\xff\xff",
                        good["base.jpg"], flags=re.DOTALL),
        "a.ppm": b"P6\n60000 60000\n255\n" + bytes(100),
        "a.gif": b"GIF89a" + b"\xff" * 4 + good["one.gif"][10:],
        "a.npy": npy_header("(1000000, 1000000, 3)"),
        "a.tif": good["deflate.tif"].replace(struct.pack("<HHII", 256, 4, 1, 31),
                                             struct.pack("<HHII", 256, 4, 1, 2**31)),
    }
    for name, content in huge.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PictureError, match=f"{name}.*(damaged or cut off|mmap length)"):
            read_image(tmp_path / name)
        with pytest.raises(PictureError, match=name):
            read_size(tmp_path / name)


@pytest.mark.parametrize("name", ["rgb.png", "big.tif", "rgb.npy", "packed.npz", "grey.jpg"])
def test_images_larger_than_the_free_memory_are_refused(
    tmp_path: Path, name: str, good: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_bytes(good[name])
    monkeypatch.setattr(reading, "LARGE", 0)
    assert read_image(path).pixels.size
    monkeypatch.setattr(free_memory, "free_memory", lambda: 1000)
    way_out = "python -c" if name.endswith(("npy", "npz")) else "vips tiffsave"
    with pytest.raises(PictureError, match=f"{name} is too large: .* of memory.*{way_out}"):
        read_image(path)
    if path.suffix != ".npz":
        assert read_size(path) == (31, 23)
