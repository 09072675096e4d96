"""DICOM: how pixels are stored and compressed, and files without pixels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_writer import BIG, RAMP, lut, pydicom, row, slope, write, write_without_image

from data.files import dicom_decoders
from data.files.image_io import read_image, read_size
from data.files.pillow_files import PictureError
from util.packages import MissingPackageError


def refusal(path: Path) -> str:
    with pytest.raises(PictureError, match=path.name) as error:
        read_image(path)
    return str(error.value)


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
@pytest.mark.parametrize("high", [11, 15])
def test_bits_outside_the_stored_ones_are_ignored(tmp_path: Path, dtype: str, high: int) -> None:
    numbers = np.array([[5, 0, 2047, -3 if dtype == "int16" else 4095]])
    rubbish = 0xF000 if high == 11 else 0x000F
    stored = ((numbers & 0xFFF) << (high - 11)) | rubbish
    path = write(tmp_path / "x.dcm", stored.astype(np.uint16).view(dtype), BitsStored=12,
                 HighBit=high)
    assert row(path) == numbers.ravel().tolist()


@pytest.mark.parametrize(
    ("dtype", "name"), [("float32", "FloatPixelData"), ("float64", "DoubleFloatPixelData")])
def test_floating_point_pixels(tmp_path: Path, dtype: str, name: str) -> None:
    stored = RAMP.astype(dtype) / 2
    assert row(write(tmp_path / "x.dcm", stored, name=name)) == [0, 0.5, 1, 1.5]


def test_big_endian_tables_and_pixels(tmp_path: Path) -> None:
    table = lut([300, 4, 5, 6], order=">")
    path = write(tmp_path / "x.dcm", syntax=BIG, ModalityLUTSequence=table)
    assert row(path) == [300, 4, 5, 6]


def test_a_mask_of_one_bit_is_black_and_white(tmp_path: Path) -> None:
    bits = np.packbits([[0, 1, 1, 0, 0, 0, 0, 0]], bitorder="little")
    path = write(tmp_path / "x.dcm", np.append(bits, bits)[None], BitsAllocated=1, BitsStored=1,
                 HighBit=0, Rows=2, Columns=8)
    assert row(path) == [0, 255, 255, 0, 0]


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_padding_is_missing(tmp_path: Path, dtype: str) -> None:
    kind, name = ("Float", "FloatPixelData") if dtype == "float32" else ("", "PixelData")
    padding: dict[str, Any] = {f"{kind}PixelPaddingValue": 1, f"{kind}PixelPaddingRangeLimit": 2}
    path = write(tmp_path / "x.dcm", RAMP.astype(dtype), name=name, **slope(2, -10), **padding)
    raster = read_image(path)
    assert raster.missing is not None
    assert raster.missing[0, :, 0].tolist() == [False, True, True, False]
    assert raster.nodata == -8
    assert raster.pixels[0, :, 0].tolist() == [-10, -8, -6, -4]


def test_files_without_a_header_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "x.dcm", **slope(2))
    path.write_bytes(path.read_bytes()[path.read_bytes().index(b"\x08\x00\x16\x00UI"):])
    assert row(path) == [0, 2, 4, 6]


@pytest.mark.parametrize("kind", ["1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.1.3.10"])
def test_objects_without_pixels_are_named(tmp_path: Path, kind: str) -> None:
    write_without_image(tmp_path / "x.dcm", kind)
    for read in (read_image, read_size):
        with pytest.raises(PictureError, match=r"without pixels: (RT Structure|Media Storage)"):
            read(tmp_path / "x.dcm")


def encoder(name: str, **options: Any) -> Callable[[Any], bytes]:
    def encode(pixels: Any) -> bytes:
        imagecodecs = pytest.importorskip("imagecodecs", reason="writes the files")
        return bytes(getattr(imagecodecs, name)(pixels, **options))
    return encode


COMPRESSED: dict[str, Callable[[Any], bytes]] = {
    "57": encoder("ljpeg_encode", bitspersample=16),
    "70": encoder("ljpeg_encode", bitspersample=16),
    "80": encoder("jpegls_encode"),
    "90": encoder("jpeg2k_encode", codecformat="j2k", reversible=True),
    "201": encoder("htj2k_encode", reversible=True),
}


@pytest.mark.parametrize("end", COMPRESSED)
def test_compressed_files(tmp_path: Path, end: str) -> None:
    stored = np.random.default_rng(0).integers(0, 60000, (32, 32)).astype(np.uint16)
    pixels = pydicom.encaps.encapsulate([COMPRESSED[end](stored)])
    path = write(tmp_path / "x.dcm", stored, syntax=f"1.2.840.10008.1.2.4.{end}", pixels=pixels)
    assert np.array_equal(read_image(path).pixels[:, :, 0], stored)


def test_a_stream_that_is_damaged_is_described_in_plain_words(tmp_path: Path) -> None:
    pixels = pydicom.encaps.encapsulate([bytes(64)])
    path = write(tmp_path / "x.dcm", np.zeros((8, 8), np.uint16),
                 syntax="1.2.840.10008.1.2.4.70", pixels=pixels)
    assert "(JPEG Lossless) cannot be decoded by imagecodecs; either" in refusal(path)


def test_a_colour_image_of_12_bits_in_jpeg_2000(tmp_path: Path) -> None:
    stored = np.random.default_rng(0).integers(0, 4096, (32, 32, 3)).astype(np.uint16)
    encode = encoder("jpeg2k_encode", codecformat="j2k", reversible=True, mct=True,
                     bitspersample=12)
    path = write(tmp_path / "x.dcm", stored, syntax="1.2.840.10008.1.2.4.90",
                 pixels=pydicom.encaps.encapsulate([encode(stored)]), SamplesPerPixel=3,
                 PhotometricInterpretation="YBR_RCT", PlanarConfiguration=0, BitsStored=12,
                 HighBit=11)
    assert np.array_equal(read_image(path).pixels, stored)


def test_a_missing_decoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syntax = "1.2.840.10008.1.2.4.70"
    path = write(tmp_path / "x.dcm", syntax=syntax, pixels=pydicom.encaps.encapsulate([bytes(64)]))
    message = refusal(path)  # the decoder of imagecodecs finds no image in 64 zeros
    assert "JPEG Lossless" in message
    assert "pip install pylibjpeg pylibjpeg-libjpeg" in message
    decoder = pydicom.pixels.get_decoder(syntax)
    monkeypatch.setattr(decoder, "_available", {})
    monkeypatch.setattr(dicom_decoders, "is_available", lambda uid: False)
    with pytest.raises(MissingPackageError, match=r"x\.dcm .*file itself is fine: pip install"):
        read_image(path)


def test_a_video_is_refused_with_the_name_of_its_compression(tmp_path: Path) -> None:
    path = write(tmp_path / "x.dcm", syntax="1.2.840.10008.1.2.4.102",
                 pixels=pydicom.encaps.encapsulate([bytes(64)]))
    assert "MPEG-4" in refusal(path)
