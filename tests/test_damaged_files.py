"""Damaged files of every format give a PictureError that names the file, or pixels."""

import random
import re
import shlex
import struct
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tifffile
from damaged_files import damaged, samples
from format_fuzz import check_image
from PIL import ImageFile
from tiny_sets import make_opt, write_noise

from data import create_dataset
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


def test_damaged_files_give_no_other_errors(tmp_path: Path, good: dict[str, bytes]) -> None:
    rng = random.Random(5)
    for name, content in good.items():
        for _ in range(5):  # test_soak_formats.py reads many more
            path = tmp_path / name
            path.write_bytes(damaged(content, rng))
            check_image(path)


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


RAW = re.compile("Error|error:|mmap|object |index|buffer|b'|operand|argument|reshape")


def test_errors_of_decoders_become_plain_sentences(tmp_path: Path, good: dict[str, bytes]) -> None:
    for name, content in good.items():
        path = tmp_path / name
        for count in (1, 9, 30, 90, 200):
            path.write_bytes(content[:count])
            with suppress(PictureError):
                read_size(path)
            try:
                read_image(path)
            except PictureError as error:
                assert not RAW.search(str(error).replace(str(path), "")), error
    np.save(tmp_path / "a.npy", np.array({"a": 1}), allow_pickle=True)
    with pytest.raises(PictureError, match="it holds Python objects, such as a dict"):
        read_size(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_text("1, 2, 3")
    with pytest.raises(PictureError, match=r"it is not a file of numpy\.save"):
        read_image(tmp_path / "b.npy")


@pytest.mark.parametrize(("share", "wanted"), [
    (0.9, "damaged or cut off"), (0.2, "damaged or cut off: it is DICOM"),
    (0.08, "DICOM, damaged or cut off in its header"), (0.02, "it begins with zeros"),
    (0, "it is empty"),
])
def test_a_dicom_file_that_is_cut_off_is_called_so(
    tmp_path: Path, good: dict[str, bytes], share: float, wanted: str
) -> None:
    content = good["slice.dcm"]
    (tmp_path / "slice.dcm").write_bytes(content[: int(share * len(content))])
    with pytest.raises(PictureError, match=wanted):
        read_image(tmp_path / "slice.dcm")


def test_a_tile_cannot_claim_more_pixels_than_its_place(
    tmp_path: Path, good: dict[str, bytes]
) -> None:
    """The decoder of the tile would take 12 GB for the 2 KB of this file."""
    start = good["jpeg.tif"].index(b"\xff\xc0") + 5
    sides = struct.pack(">HH", 65000, 65000)
    path = tmp_path / "jpeg.tif"
    path.write_bytes(good["jpeg.tif"])
    with TiffReader(path) as reader:
        assert reader.read(Box(0, 0, 31, 23)).shape == (23, 31, 3)
    path.write_bytes(good["jpeg.tif"][:start] + sides + good["jpeg.tif"][start + 4:])
    with TiffReader(path) as reader, pytest.raises(PictureError, match=r"31 x 23 .*65000 x 65000"):
        reader.read(Box(0, 0, 31, 23))


def test_a_wrong_version_in_an_archive_is_damage(tmp_path: Path, good: dict[str, bytes]) -> None:
    """The version that unpacking needs is in the list of files (APPNOTE of ZIP, 4.3.12)."""
    content = bytearray(good["packed.npz"])
    content[content.index(b"PK\1\2") + 6] = 255
    (tmp_path / "packed.npz").write_bytes(content)
    for read in (read_image, read_size):
        with pytest.raises(PictureError, match=r"packed.npz .*list of files is wrong"):
            read(tmp_path / "packed.npz")


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
        "a.qoi": good["rgb.qoi"][:4] + struct.pack(">II", 31, 2**26) + good["rgb.qoi"][12:],
        "a.gif": b"GIF89a" + b"\xff" * 4 + good["one.gif"][10:],
        "a.npy": npy_header("(1000000, 1000000, 3)"),
        "a.tif": good["deflate.tif"].replace(struct.pack("<HHII", 256, 4, 1, 31),
                                             struct.pack("<HHII", 256, 4, 1, 2**31)),
    }
    for name, content in huge.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PictureError, match=f"{name}.*damaged or cut off"):
            read_image(tmp_path / name)
        with pytest.raises(PictureError, match=name):
            read_size(tmp_path / name)


@pytest.mark.parametrize("big", [False, True])
def test_tiff_pages_that_lead_back_are_refused(tmp_path: Path, big: bool) -> None:
    """The last link of the list, 0, is replaced by the first or the second page."""
    path = tmp_path / "a.tif"
    image = np.zeros((3, 8, 8), np.uint8)
    tifffile.imwrite(path, image, bigtiff=big, photometric="minisblack")
    assert read_image(path).pixels.shape == (8, 8, 3)
    with tifffile.TiffFile(path) as tiff:
        last = tiff.pages[-1]
        link = last.offset + tiff.tiff.tagnosize + len(last.tags) * tiff.tiff.tagsize
        pages = [tiff.pages[number].offset for number in (0, 1, 2)]
    content = path.read_bytes()
    size = 8 if big else 4
    assert content[link : link + size] == bytes(size)
    for page in pages:
        path.write_bytes(content[:link] + page.to_bytes(size, "little") + content[link + size :])
        for read in (read_image, read_size, TiffReader):
            with pytest.raises(PictureError, match=r"a.tif: .* leads back to an earlier page"):
                read(path)


@pytest.mark.parametrize("name", ["rgb.png", "big.tif", "rgb.npy", "packed.npz", "grey.jpg"])
def test_images_larger_than_the_free_memory_are_refused(
    tmp_path: Path, name: str, good: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_bytes(good[name])
    monkeypatch.setattr(reading, "LARGE", 0)
    assert read_image(path).pixels.size
    monkeypatch.setattr(free_memory, "free_memory", lambda: 1000)
    with pytest.raises(PictureError, match=f"{name} is too large: .* of memory.*") as caught:
        read_image(path)
    if path.suffix != ".npz":
        assert read_size(path) == (31, 23)
    command = shlex.split(str(caught.value).split("piece by piece: ")[1])
    monkeypatch.undo()
    if path.suffix == ".npy":  # the others need pyvips
        monkeypatch.setattr(sys, "argv", ["-c", *command[3:]])
        exec(command[2], {})
        with TiffReader(Path(command[4])) as reader:
            assert np.array_equal(reader.read(Box(0, 0, 31, 23)), read_image(path).pixels)
    else:
        assert "pyvips" in command[2] or command[0] == "unzip"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_damaged_in_the_middle_of_a_training_is_named_or_replaced(
    tmp_path: Path, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    write_noise(tmp_path / "train", *(f"{number}.png" for number in range(4)))
    options = {"dataset_mode": "single", "num_threads": workers, "batch_size": 1,
               "serial_batches": True}
    stopping, skipping = (create_dataset(make_opt(tmp_path / "train", **options, on_bad_image=on))
                          for on in ("error", "skip"))
    damaged_file = tmp_path / "train" / "1.png"
    damaged_file.write_bytes(damaged_file.read_bytes()[:200])
    with pytest.raises(PictureError, match=r"^\S*1\.png cannot be read"):
        list(stopping)
    paths = [Path(path).name for batch in skipping for path in batch["A_paths"]]
    assert paths == ["0.png", "2.png", "2.png", "3.png"]
    if not workers:
        assert "skipped, the next image is used:" in caplog.text


def test_the_error_names_the_flag_unless_it_is_set() -> None:
    with pytest.raises(PictureError, match=r"^x.png is bad \(--on_bad_image skip leaves"), \
            reading.naming_skip_flag("error"):
        raise PictureError("x.png is bad")
    with pytest.raises(PictureError, match=r"^x.png is bad$"), reading.naming_skip_flag("skip"):
        raise PictureError("x.png is bad")
